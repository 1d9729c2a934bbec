//! `cognito-dr restore`.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Fault, FaultRule, Faults, When};
use vault::testing::MemoryS3;

use crate::support::{Account, BINARY, REGION, says, text};
use crate::vault::BUCKET;

const NEW: &str = "us-west-2";
const FILE: &str = "lost.json";

/// A pool with groups and users of several kinds, backed up into a file.
struct Lost {
    account: Account,
    _s3: MemoryS3,
    pool: String,
}

impl Lost {
    fn new() -> Self {
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
        Self {
            account,
            _s3: s3,
            pool,
        }
    }

    fn restore(&self) -> Child {
        Command::new(BINARY)
            .env_clear()
            .envs(self.account.environment())
            .current_dir(self.account.folder())
            .args(["restore", FILE, "--region", NEW, "--quota-share", "1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn calls(&self) -> u64 {
        self.account.simulator.evidence().calls.values().sum()
    }

    /// Holds the process at this call, which is carried out and answered so late.
    fn hold_at(&self, nth: u64, milliseconds: u64) {
        self.account.simulator.reset_evidence();
        self.account.simulator.set_faults(Faults {
            seed: 0,
            rules: vec![FaultRule {
                operation: None,
                when: When::Nth(nth),
                fault: Fault::AnswerSlow(milliseconds),
            }],
        });
    }

    /// Waits until the process makes this call; false when it ended before.
    fn reaches(&self, process: &mut Child, nth: u64) -> bool {
        while self.calls() < nth {
            if process.try_wait().unwrap().is_some() {
                return false;
            }
            sleep(Duration::from_millis(1));
        }
        true
    }

    /// The pools of the Region that is restored into.
    fn new_pools(&self) -> Vec<String> {
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

fn ended(process: Child) -> (i32, String) {
    let output = process.wait_with_output().unwrap();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

/// Whether a restore came to a good end, with or without losses.
fn is_well(code: i32) -> bool {
    matches!(code, 0 | 3)
}

/// How often places are tried without `RESTORE_EXHAUSTIVE_TESTS`.
fn places(calls: u64) -> impl Iterator<Item = u64> {
    let exhaustive = std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some();
    let step = if exhaustive { 1 } else { calls.div_ceil(6) };
    (2..=calls).step_by(usize::try_from(step).unwrap())
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
    let calls = calm.calls();
    let expected = calm.restored("calm");
    assert!(calls > 20, "{calls}");
    for nth in places(calls) {
        let about = format!("killed at call {nth} of {calls}");
        let lost = Lost::new();
        lost.hold_at(nth, 600_000);
        let mut process = lost.restore();
        let is_held = lost.reaches(&mut process, nth);
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
    lost.hold_at(nth, 1_500);
    let mut process = lost.restore();
    assert!(lost.reaches(&mut process, nth));
    let interrupt = ["-INT", &process.id().to_string()];
    assert!(
        Command::new("kill")
            .args(interrupt)
            .status()
            .unwrap()
            .success()
    );
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
fn two_processes_do_not_work_on_one_restore() {
    let lost = Lost::new();
    lost.hold_at(10, 600_000);
    let mut process = lost.restore();
    assert!(lost.reaches(&mut process, 10));
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
