//! `cognito-dr standby` and `cognito-dr copy`.

use cognito::Operation;
use serde_json::{Value, json};

use crate::restore::{FILE, Lost, NEW};
use crate::support::{REGION, text};

const FAST: [&str; 4] = [
    "--quota-share=1",
    "--quota=UserList=9999",
    "--quota=UserRead=9999",
    "--workspace=work",
];

fn answers(lost: &Lost, arguments: &[&str], codes: &[i32]) -> String {
    let arguments = [arguments, &FAST[..]].concat();
    let output = lost.account.command(&arguments).output().unwrap();
    let said = text(&output.stderr);
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{arguments:?} {code}: {said}");
    format!("{}{said}", text(&output.stdout))
}

fn json_of(lost: &Lost, arguments: &[&str], codes: &[i32]) -> Value {
    let arguments = [arguments, &FAST[..], &["--json", "--quiet"]].concat();
    let output = lost.account.command(&arguments).output().unwrap();
    let said = text(&output.stderr);
    let code = output.status.code().unwrap();
    assert!(codes.contains(&code), "{arguments:?} {code}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_standby_is_made_followed_and_switched_to() {
    let lost = Lost::new();
    let made = ["restore", FILE, "--region", NEW, "--standby"];
    let report = json_of(&lost, &made, &[0, 3]);
    let standby = report["new_user_pool_id"].as_str().unwrap();
    let source = lost.pool.as_str();
    lost.call(Operation::AdminDisableUser, json!({"Username": "user-3"}));
    lost.call(Operation::AdminDeleteUser, json!({"Username": "user-4"}));
    lost.account
        .prints(&["backup", source, "--to", "later.json"]);
    let later = [source, "--pool", standby, "--to", "later.json"];

    let behind = answers(&lost, &[&["standby", "status"], &later[..]].concat(), &[1]);
    let expected = "1 to change, 0 to make, 1 to disable";
    assert!(behind.contains(expected), "{behind}");
    let synced = json_of(&lost, &[&["standby", "sync"], &later[..]].concat(), &[0]);
    assert_eq!(synced["left_total"], 0, "{synced:#}");
    assert_eq!(synced["disabled"], 1);
    let pool = lost.account.simulator.pool(NEW, standby).unwrap();
    let enabled = |name: &str| {
        let mut users = pool.users.iter();
        users.find(|user| user.username == name).unwrap().enabled
    };
    assert!(!enabled("user-3") && !enabled("user-4") && enabled("user-5"));
    // The pool is known by now.
    let known = [source, "--to", "later.json"];
    let level = json_of(&lost, &[&["standby", "status"], &known[..]].concat(), &[0]);
    assert_eq!(level["user_pool_id"], standby);

    let nobody = answers(
        &lost,
        &[&["standby", "switch", "--no-input"], &known[..]].concat(),
        &[2],
    );
    assert!(!nobody.contains("Page"), "{nobody}");
    let switch = [&["standby", "switch", "--yes"], &known[..]].concat();
    let switched = answers(&lost, &switch, &[0, 3]);
    assert!(switched.contains("handover.html"), "{switched}");
    let refused = answers(&lost, &[&["standby", "sync"], &known[..]].concat(), &[2]);
    assert!(refused.contains("was switched to"), "{refused}");
    assert_eq!(lost.account.simulator.evidence().messages_sent, 0);
}

#[test]
fn settings_and_groups_are_copied_without_people_and_the_pool_keeps_its_own() {
    let lost = Lost::new();
    let staging = json!({
        "UserPool": {"Name": "staging", "UserPoolTier": "ESSENTIALS"},
        "Clients": [{"UserPoolClient": {"ClientId": "2stagingstagingstagingstag", "ClientName": "web"}}],
        "Users": [{"Username": "tester"}],
    });
    let staging = lost.account.simulator.seed(REGION, &staging).unwrap();
    let copy = ["copy", FILE, "--to-pool", &staging, "--without-users"];
    let shown = answers(&lost, &[&copy[..], &["--dry-run"]].concat(), &[1]);
    assert!(shown.contains("groups/staff"), "{shown}");
    assert!(shown.contains("MinimumLength"), "{shown}");
    let refused = answers(&lost, &[&copy[..], &["--no-input"]].concat(), &[2]);
    assert!(refused.contains("--yes"), "{refused}");
    let copied = json_of(&lost, &[&copy[..], &["--yes"]].concat(), &[0]);
    assert_eq!(copied["report"]["not_reverted_total"], 0, "{copied:#}");
    let dump = lost.account.simulator.dump(REGION, &staging).unwrap();
    assert_eq!(dump["UserPool"]["Name"], "staging");
    assert_eq!(
        dump["UserPool"]["Policies"]["PasswordPolicy"]["RequireSymbols"],
        true
    );
    assert_eq!(dump["Users"].as_array().unwrap().len(), 1);
    let clients = dump["Clients"].as_array().unwrap();
    assert_eq!(clients.len(), 1);
    let client = &clients[0]["UserPoolClient"];
    assert_eq!(client["ClientId"], "2stagingstagingstagingstag");
    assert!(client["ExplicitAuthFlows"].to_string().contains("USER_SRP"));
    let again = answers(&lost, &[&copy[..], &["--dry-run"]].concat(), &[0]);
    assert!(again.contains("There is nothing to do."), "{again}");
}
