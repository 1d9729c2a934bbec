use simulator::{Fault, Faults, When};

use super::*;

fn invited(name: &str, more: Value) -> Value {
    let mut user = user(name, more);
    user["UserStatus"] = "FORCE_CHANGE_PASSWORD".into();
    user
}

fn shop(account: &Account) -> String {
    let users = [
        invited("ann", json!({"Groups": ["admins"]})),
        invited("bob", json!({})),
        invited(
            "texted",
            json!({"Attributes": {"phone_number": "+15550100"}}),
        ),
        invited("unreachable", json!({"Attributes": {"name": "x"}})),
        invited("disabled", json!({"Enabled": false})),
        user("confirmed", json!({})),
    ];
    pool(account, &users, json!({}))
}

#[test]
fn those_who_need_one_are_invited_once_however_often_it_is_run() {
    let account = Account::new();
    let pool = shop(&account);
    let answer = account.json(&["users", "invite", &pool, "--yes"]);
    assert_eq!(
        (&answer["emails"], &answer["text_messages"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        (&answer["unreachable"], &answer["left"]),
        (&json!(1), &json!(0))
    );
    let messages = account.simulator.evidence().messages;
    assert_eq!(messages.get("invitation EMAIL"), Some(&2));
    assert_eq!(messages.get("invitation SMS"), Some(&1));
    let again = account.json(&["users", "invite", &pool, "--yes"]);
    assert_eq!(
        (&again["emails"], &again["sent_before"]),
        (&json!(0), &json!(3))
    );
    assert_eq!(account.simulator.evidence().messages_sent, 3);
}

#[test]
fn nothing_is_sent_before_somebody_said_yes() {
    let account = Account::new();
    let pool = shop(&account);
    let said = account.fails(&["users", "invite", &pool]);
    assert!(
        said.contains("Send 2 e-mails and 1 text messages"),
        "{said}"
    );
    assert!(said.contains("50 e-mails a day"), "{said}");
    assert!(said.contains("--yes"), "{said}");
    assert_eq!(account.simulator.evidence().messages_sent, 0);
}

#[test]
fn a_group_or_a_file_says_who_is_meant() {
    let account = Account::new();
    let pool = shop(&account);
    let answer = account.json(&["users", "invite", &pool, "--yes", "--group", "admins"]);
    assert_eq!(answer["emails"], 1);
    let requests =
        "{\"UserPoolId\":\"x\",\"Username\":\"bob\",\"MessageAction\":\"RESEND\"}\nnobody\n";
    std::fs::write(account.path("invitations.jsonl"), requests).unwrap();
    let arguments = [
        "users",
        "invite",
        &pool,
        "--yes",
        "--from",
        "invitations.jsonl",
    ];
    let answer = account.json(&arguments);
    assert_eq!(
        (&answer["emails"], &answer["text_messages"]),
        (&json!(1), &json!(0))
    );
    let remembered =
        std::fs::read_to_string(account.path(&format!("cognito-dr-invited-{pool}.txt")));
    assert_eq!(remembered.unwrap().lines().count(), 2);
}

#[test]
fn the_list_of_a_restore_is_read_where_it_lies() {
    let vault = crate::vault::WithVault::new();
    let pool = shop(&vault.account);
    let list = b"{\"Username\":\"ann\"}\n".to_vec();
    vault
        .s3
        .put("backups", "cognito-restore/r-1/invitations.jsonl", list);
    let from = "s3://backups/cognito-restore/r-1/invitations.jsonl";
    let answer = vault
        .account
        .json(&["users", "invite", &pool, "--yes", "--from", from]);
    assert_eq!(
        (&answer["emails"], &answer["text_messages"]),
        (&json!(1), &json!(0))
    );
    let said = vault.account.fails(&[
        "users",
        "invite",
        &pool,
        "--yes",
        "--from",
        "s3://backups/x",
    ]);
    assert!(said.contains("there is no object s3://backups/x"), "{said}");
}

#[test]
fn the_daily_limit_leaves_the_rest_for_tomorrow() {
    let account = Account::new();
    let users: Vec<Value> = (0..60)
        .map(|n| invited(&format!("user-{n}"), json!({})))
        .collect();
    let pool = pool(&account, &users, json!({}));
    let mut command = account.command(&["users", "invite", &pool, "--yes", "--json"]);
    let assert = command.assert().code(3);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        (&answer["emails"], &answer["left"]),
        (&json!(50), &json!(10))
    );
    let said = says(assert);
    assert!(
        said.contains("these take 2 days") && said.contains("tomorrow"),
        "{said}"
    );
    account
        .simulator
        .advance_clock(std::time::Duration::from_secs(24 * 60 * 60));
    let answer = account.json(&["users", "invite", &pool, "--yes"]);
    assert_eq!(
        (&answer["emails"], &answer["left"]),
        (&json!(10), &json!(0))
    );
    assert_eq!(account.simulator.evidence().messages_sent, 60);
}

#[test]
fn who_cannot_be_sent_one_is_named_by_sub_and_the_others_are_sent_theirs() {
    let account = Account::new();
    let pool = shop(&account);
    let error = Fault::Error {
        code: "CodeDeliveryFailureException".into(),
        message: "not delivered".into(),
        status: 400,
    };
    account
        .simulator
        .set_faults(Faults::one("AdminCreateUser", When::Nth(1), error));
    let mut command = account.command(&["users", "invite", &pool, "--yes", "--json"]);
    let assert = command.assert().code(3);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(answer["failed_total"], 1);
    let said = says(assert);
    assert!(
        said.contains("not delivered") && !said.contains("@example.com"),
        "{said}"
    );
    let answer = account.json(&["users", "invite", &pool, "--yes"]);
    assert_eq!(answer["sent_before"], 2);
    assert_eq!(account.simulator.evidence().messages_sent, 3);
}
