//! `cognito-dr restore`.

use std::process::Child;

use cognito::Operation;
use serde_json::{Value, json};
use simulator::Faults;
use vault::testing::MemoryS3;

use crate::live::call;
use crate::support::{Account, REGION, ended, interrupt, places, says, text};
use crate::vault::BUCKET;

pub(crate) const NEW: &str = "us-west-2";
pub(crate) const FILE: &str = "lost.json";

/// A pool with groups and users of several kinds, backed up into a file.
pub(crate) struct Lost {
    pub(crate) account: Account,
    s3: MemoryS3,
    pub(crate) pool: String,
}

impl Lost {
    pub(crate) fn new() -> Self {
        let s3 = MemoryS3::start(BUCKET);
        let mut account = Account::new();
        for service in [
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL_WAFV2",
            "AWS_ENDPOINT_URL_LAMBDA",
        ] {
            account.set(service, &s3.endpoint());
        }
        let statuses = ["CONFIRMED", "FORCE_CHANGE_PASSWORD", "UNCONFIRMED"];
        let users: Vec<Value> = (0..9)
            .map(|n| {
                json!({
                    "Username": format!("user-{n}"),
                    "UserStatus": statuses[n % 3],
                    "Attributes": {"email": format!("user-{n}@example.com"), "email_verified": "true"},
                    "Groups": if n % 2 == 0 { json!(["staff"]) } else { json!([]) },
                })
            })
            .collect();
        let pool = json!({
            "UserPool": {
                "Name": "shop",
                "UserPoolTier": "ESSENTIALS",
                "DeletionProtection": "INACTIVE",
                "AutoVerifiedAttributes": ["email"],
                "Policies": {"PasswordPolicy": {
                    "MinimumLength": 8, "RequireUppercase": true, "RequireLowercase": true,
                    "RequireNumbers": true, "RequireSymbols": true,
                    "TemporaryPasswordValidityDays": 7,
                }, "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
                "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
                "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
            },
            "MfaConfiguration": {"MfaConfiguration": "OFF"},
            "Groups": [{"GroupName": "staff"}],
            "Clients": [{"UserPoolClient": {
                "ClientId": "1webwebwebwebwebwebwebwebw", "ClientName": "web",
                "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"],
            }}],
            "Users": users,
        });
        let pool = account.simulator.seed(REGION, &pool).unwrap();
        account.prints(&["backup", &pool, "--to", FILE]);
        account.simulator.reset_evidence();
        Self { account, s3, pool }
    }

    /// One call about the pool that was backed up.
    pub(crate) fn call(&self, operation: Operation, members: Value) {
        call(&self.account, &self.s3, &self.pool, operation, members);
    }

    fn restore(&self) -> Child {
        self.begin("restore")
    }

    /// Begins a command that takes the backup into the other Region.
    pub(crate) fn begin(&self, command: &str) -> Child {
        let command = [command, FILE, "--region", NEW, "--quota-share", "1"];
        self.account.spawn(&command)
    }

    /// The pools of the Region that is restored into.
    pub(crate) fn new_pools(&self) -> Vec<String> {
        let pools = self.account.json(&["pools", "--region", NEW]);
        let pools = pools["pools"].as_array().unwrap();
        let ids = pools.iter().map(|pool| pool["id"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    }

    /// What of the restored pool must be the same however often the restore was interrupted.
    fn restored(&self, about: &str) -> Vec<String> {
        let pools = self.new_pools();
        assert_eq!(pools.len(), 1, "{about}");
        let document = self.account.simulator.dump(NEW, &pools[0]).unwrap();
        let mut there: Vec<String> = Vec::new();
        for user in document["Users"].as_array().unwrap() {
            let (name, status) = (&user["Username"], &user["UserStatus"]);
            there.push(format!("{name} {status} {}", user["Groups"]));
        }
        for client in document["Clients"].as_array().unwrap() {
            there.push(client["UserPoolClient"]["ClientName"].to_string());
        }
        there.sort();
        assert_eq!(self.account.simulator.evidence().messages_sent, 0);
        there
    }
}

/// Whether a restore came to a good end, with or without losses.
fn is_well(code: i32) -> bool {
    matches!(code, 0 | 3)
}

#[test]
fn a_backup_in_a_file_becomes_a_new_pool_with_report_and_page_beside_the_file() {
    let lost = Lost::new();
    let mut restore = lost.account.command(&["restore", FILE, "--region", NEW]);
    let assert = restore.arg("--json").assert();
    let output = assert.get_output();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let code = match report["status"].as_str().unwrap() {
        "SUCCESS" => 0,
        "SUCCESS_WITH_LOSSES" => 3,
        other => panic!("{other}"),
    };
    assert_eq!(output.status.code(), Some(code));
    assert_eq!(report["users"]["restored"], 9);
    assert_eq!(report["user_pool_id"], lost.pool);
    let said = says(assert);
    assert!(said.contains("into a new user pool in us-west-2"), "{said}");
    let id = report["restore_id"].as_str().unwrap();
    let folder = lost.account.path(&format!("{FILE}.restore-{id}"));
    let page = folder.join(format!("cognito-restore/{id}/handover.html"));
    assert!(page.exists(), "{page:?}");
    lost.restored("");
}

#[test]
fn a_dry_run_makes_nothing() {
    let lost = Lost::new();
    let arguments = ["restore", FILE, "--region", NEW, "--dry-run", "--json"];
    let assert = lost.account.command(&arguments).assert();
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(report["dry_run"], true);
    assert_eq!(lost.new_pools(), [] as [&str; 0]);
}

#[test]
fn into_a_pool_that_exists_goes_nothing_without_a_yes() {
    let lost = Lost::new();
    let empty = json!({"UserPool": {"Name": "alive"}, "Users": []});
    let pool = lost.account.simulator.seed(NEW, &empty).unwrap();
    let into = ["restore", FILE, "--into", &pool];
    let said = lost.account.fails(&[&into[..], &["--no-input"]].concat());
    assert!(said.contains("--yes") && said.contains(&pool), "{said}");
    let users = || lost.account.simulator.dump(NEW, &pool).unwrap()["Users"].clone();
    assert_eq!(users(), json!([]));
    let mut restore = lost.account.command(&into);
    restore.arg("--yes").assert().code(0);
    assert_eq!(users().as_array().unwrap().len(), 9);
}

#[test]
fn killed_at_any_call_the_same_command_comes_to_the_same_end() {
    let calm = Lost::new();
    let (code, said) = ended(calm.restore());
    assert!(is_well(code), "{said}");
    let calls = calm.account.calls();
    let expected = calm.restored("calm");
    assert!(calls > 20, "{calls}");
    for nth in places(calls) {
        let about = format!("killed at call {nth} of {calls}");
        let lost = Lost::new();
        lost.account.hold_at(nth, 600_000);
        let mut process = lost.restore();
        let is_held = lost.account.reaches(&mut process, nth);
        process.kill().unwrap();
        process.wait().unwrap();
        lost.account.simulator.set_faults(Faults::default());
        let (code, said) = ended(lost.restore());
        assert!(is_well(code), "{about}: {said}");
        assert!(
            !is_held || said.contains("Going on with"),
            "{about}: {said}"
        );
        assert_eq!(lost.restored(&about), expected, "{about}");
    }
}

#[test]
fn ctrl_c_stops_and_the_printed_command_goes_on() {
    let lost = Lost::new();
    let nth = 25;
    lost.account.hold_at(nth, 1_500);
    let mut process = lost.restore();
    assert!(lost.account.reaches(&mut process, nth));
    interrupt(&process);
    let (code, said) = ended(process);
    assert_eq!(code, 130, "{said}");
    let printed = said.lines().find_map(|line| line.split_once("Go on by: "));
    let (_, printed) = printed.unwrap_or_else(|| panic!("{said}"));
    assert!(printed.contains("--resume dr-restore-"), "{printed}");
    let mut words = printed.split_whitespace();
    assert_eq!(words.next(), Some("cognito-dr"));
    let arguments: Vec<&str> = words.collect();
    let again = lost.account.command(&arguments).output().unwrap();
    assert!(
        is_well(again.status.code().unwrap()),
        "{}",
        text(&again.stderr)
    );
    assert_eq!(lost.restored("Ctrl-C").len(), 10);
}

#[test]
fn what_a_restore_remembers_may_lie_in_a_bucket() {
    let lost = Lost::new();
    let place = format!("s3://{BUCKET}");
    let command = [
        "restore",
        FILE,
        "--region",
        NEW,
        "--quota-share",
        "1",
        "--workspace",
        &place,
        "--resume",
        "dr-restore-mine",
    ];
    let new = &command[..command.len() - 2];
    let said = lost.account.fails(&command);
    assert!(said.contains("dr-restore-mine"), "{said}");
    lost.account.hold_at(25, 600_000);
    let mut process = lost.account.spawn(new);
    assert!(lost.account.reaches(&mut process, 25));
    process.kill().unwrap();
    process.wait().unwrap();
    lost.account.simulator.set_faults(Faults::default());
    let keys = lost.s3.keys(BUCKET);
    let id = keys
        .iter()
        .find_map(|key| key.strip_prefix("cognito-restore/"));
    let (id, _) = id.unwrap().split_once('/').unwrap();
    let mut again = new.to_vec();
    again.extend(["--resume", id]);
    let (code, said) = ended(lost.account.spawn(&again));
    assert!(is_well(code), "{said}");
    assert!(
        lost.s3
            .get(BUCKET, &format!("cognito-restore/{id}/report.json"))
            .is_some()
    );
    lost.restored("workspace in a bucket");
}

#[test]
fn two_processes_do_not_work_on_one_restore() {
    let lost = Lost::new();
    lost.account.hold_at(10, 600_000);
    let mut process = lost.restore();
    assert!(lost.account.reaches(&mut process, 10));
    let said = lost
        .account
        .fails(&["restore", FILE, "--region", NEW, "--quota-share", "1"]);
    assert!(said.contains("another process is at work"), "{said}");
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn a_pool_that_is_not_what_the_report_says_ends_with_2() {
    let lost = Lost::new();
    // Its settings lack what Cognito gives to every pool: nobody announces that it is there then.
    let bare = lost.account.pool("bare", 1);
    lost.account.prints(&["backup", &bare, "--to", "bare.json"]);
    let arguments = ["restore", "bare.json", "--region", NEW, "--json"];
    let assert = lost.account.command(&arguments).assert().code(2);
    let report: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(report["status"], "FAILED");
}
