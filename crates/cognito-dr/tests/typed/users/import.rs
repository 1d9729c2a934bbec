use std::process::Command;

use simulator::{Fault, Faults, SignIn, When};

use super::*;

fn empty(account: &Account) -> String {
    pool(account, &[], json!({"Name": "new"}))
}

fn people() -> Vec<Value> {
    vec![
        user(
            "ann",
            json!({"Attributes": {"email": "ann@example.com", "email_verified": "true", "name": "Ann, Zoë", "birthdate": "1990-02-28", "custom:plan": "=1+1"}}),
        ),
        user(
            "bob",
            json!({"Attributes": {"email": "bob@example.com", "phone_number": "+15550100", "phone_number_verified": "true"}}),
        ),
        user("carl", json!({"Attributes": {"phone_number": "+15550101"}})),
    ]
}

/// The file that the npm tool writes: an array of users as ListUsers gives them, with dates as
/// texts.
fn npm_file(account: &Account, pool: &str) -> Vec<Value> {
    let lines = account.prints(&["users", "export", pool, "--json-lines", "-"]);
    let users = lines.lines().map(|line| {
        let mut user: Value = serde_json::from_str(line).unwrap();
        user["UserCreateDate"] = "2020-01-01T00:00:00.000Z".into();
        user["UserLastModifiedDate"] = "2020-01-01T00:00:00.000Z".into();
        user
    });
    users.collect()
}

fn sign_in(account: &Account, pool: &str, name: &str, password: &str) -> SignIn {
    account
        .simulator
        .sign_in(REGION, pool, name, password)
        .unwrap()
}

#[test]
fn an_export_in_cognitos_form_comes_back_as_the_same_users() {
    let account = Account::new();
    let source = pool(&account, &people(), json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let target = empty(&account);
    account.simulator.reset_evidence();
    let answer = account.json(&["users", "import", "users.csv", "--into", &target, "--yes"]);
    assert_eq!((&answer["made"], &answer["failed"]), (&json!(3), &json!(0)));
    assert_eq!(users_of(&account, &target), users_of(&account, &source));
    assert_eq!(account.simulator.evidence().messages_sent, 0);
}

/// Such a pool gives every user a new username: who is who, the address says.
#[test]
fn users_who_sign_in_by_address_are_found_again_by_it() {
    let account = Account::new();
    let by_address = json!({"UsernameAttributes": ["email", "phone_number"],
        "UsernameConfiguration": {"CaseSensitive": false}});
    let source = pool(&account, &people(), by_address.clone());
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let target = pool(&account, &[], by_address);
    let answer = account.json(&["users", "import", "users.csv", "--into", &target, "--yes"]);
    assert_eq!(answer["made"], 3, "{answer}");
    assert_eq!(answer["status"], "DONE", "{answer}");
}

#[test]
fn the_file_of_the_npm_tool_restores_with_its_statuses() {
    let account = Account::new();
    let mut people = people();
    people[1]["Enabled"] = false.into();
    people[2]["UserStatus"] = "FORCE_CHANGE_PASSWORD".into();
    let source = pool(&account, &people, json!({}));
    let file = serde_json::to_vec(&npm_file(&account, &source)).unwrap();
    std::fs::write(account.path("backup.json"), file).unwrap();
    let target = empty(&account);
    account.simulator.reset_evidence();
    let mut command =
        account.command(&["users", "import", "backup.json", "--into", &target, "--yes"]);
    command.assert().success();
    assert_eq!(users_of(&account, &target), users_of(&account, &source));
    assert_eq!(account.simulator.evidence().messages_sent, 0);
}

#[test]
fn columns_of_ones_own_are_named() {
    let account = Account::new();
    let target = empty(&account);
    let file = "Login,E-Mail,Note\nann,ann@example.com,x\n\"b,ob\",,y\n";
    std::fs::write(account.path("people.csv"), file).unwrap();
    let columns = "Login=username,E-Mail=email";
    let arguments = [
        "users",
        "import",
        "people.csv",
        "--into",
        &target,
        "--yes",
        "--columns",
        columns,
    ];
    let answer = account.json(&arguments);
    assert_eq!(answer["made"], 2);
    let users = users_of(&account, &target);
    assert_eq!(
        users["ann"]["attributes"],
        json!({"email": "ann@example.com"})
    );
    assert!(users.contains_key("b,ob"));
}

#[test]
fn a_wrong_file_is_refused_before_anything_is_written() {
    let account = Account::new();
    let target = empty(&account);
    account.simulator.reset_evidence();
    let file = "email,cognito:mfa_enabled,cognito:username\nsecret@example.com,,ann\n,secret,x,\n";
    std::fs::write(account.path("users.csv"), file).unwrap();
    let said = account.fails(&["users", "import", "users.csv", "--into", &target, "--yes"]);
    assert!(
        said.contains("line 3 has 4 values") && !said.contains("secret"),
        "{said}"
    );
    assert!(account.simulator.evidence().calls.is_empty());
    assert!(!account.path("users.csv.import").exists());
}

#[test]
fn nothing_is_written_before_somebody_said_yes_and_a_dry_run_needs_nobody() {
    let account = Account::new();
    let source = pool(&account, &people(), json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let target = empty(&account);
    let said = account.fails(&["users", "import", "users.csv", "--into", &target]);
    assert!(
        said.contains("of 3 users") && said.contains("--yes"),
        "{said}"
    );
    let answer = account.json(&[
        "users",
        "import",
        "users.csv",
        "--into",
        &target,
        "--dry-run",
    ]);
    assert_eq!(
        (&answer["status"], &answer["foreseen"]["by_calls"]),
        (&json!("DRY_RUN"), &json!(3))
    );
    assert!(users_of(&account, &target).is_empty());
}

#[test]
fn each_way_to_choose_passwords_lets_the_users_in() {
    let account = Account::new();
    let source = pool(&account, &people(), json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    std::fs::write(account.path("one.txt"), "Welcome-2026\n").unwrap();
    std::fs::write(
        account.path("each.csv"),
        "username,password\nann,For-Ann-1\nbob,For-Bob-1\ncarl,For-Carl-1\n",
    )
    .unwrap();
    let command = "sed 's/.*\"username\":\"\\([a-z]*\\)\".*/By-Command-\\1-1/'";
    for (option, value, password) in [
        ("--password-file", "one.txt", "Welcome-2026"),
        ("--passwords-file", "each.csv", "For-Ann-1"),
        ("--password-command", command, "By-Command-ann-1"),
    ] {
        let target = empty(&account);
        account.simulator.reset_evidence();
        let workspace = format!("work{option}");
        let arguments = [
            "users",
            "import",
            "users.csv",
            "--into",
            &target,
            "--yes",
            "--workspace",
            &workspace,
            option,
            value,
        ];
        assert_eq!(account.json(&arguments)["made"], 3, "{option}");
        assert_eq!(
            sign_in(&account, &target, "ann", password),
            SignIn::NewPasswordRequired,
            "{option}"
        );
        assert_eq!(account.simulator.evidence().messages_sent, 0, "{option}");
        let written = Command::new("grep")
            .args(["-r", password, "."])
            .current_dir(account.path(&workspace))
            .output();
        assert!(written.unwrap().stdout.is_empty(), "{option}");
    }
}

#[test]
fn invitations_are_announced_with_their_number_and_limit_and_sent_once() {
    let account = Account::new();
    let source = pool(&account, &people(), json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let target = empty(&account);
    account.simulator.reset_evidence();
    let arguments = [
        "users",
        "import",
        "users.csv",
        "--into",
        &target,
        "--invite",
    ];
    let said = account.fails(&arguments);
    assert!(said.contains("50 e-mails a day"), "{said}");
    assert_eq!(account.simulator.evidence().messages_sent, 0);
    account.json(&[&arguments[..], &["--yes"]].concat());
    let messages = account.simulator.evidence().messages;
    assert_eq!(messages.get("invitation EMAIL"), Some(&2));
    assert_eq!(messages.get("invitation SMS"), Some(&1));
}

#[test]
fn a_password_that_cannot_fit_the_policy_is_told_at_once_and_not_shown() {
    let account = Account::new();
    let source = pool(&account, &people(), json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let policy = json!({"Policies": {"PasswordPolicy": {"MinimumLength": 12}}});
    let target = pool(&account, &[], policy);
    std::fs::write(account.path("one.txt"), "Tiny-1\n").unwrap();
    let arguments = [
        "users",
        "import",
        "users.csv",
        "--into",
        &target,
        "--yes",
        "--password-file",
        "one.txt",
    ];
    let said = account.fails(&arguments);
    assert!(
        said.contains("12 characters") && !said.contains("Tiny"),
        "{said}"
    );
    assert!(users_of(&account, &target).is_empty());
}

#[test]
fn an_import_that_was_killed_goes_on_by_the_same_command() {
    let account = Account::new();
    let many: Vec<Value> = (0..40)
        .map(|n| user(&format!("user-{n}"), json!({})))
        .collect();
    let source = pool(&account, &many, json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    for nth in [1, 2, 17, 40] {
        let target = empty(&account);
        let workspace = format!("work-{nth}");
        let arguments = [
            "users",
            "import",
            "users.csv",
            "--into",
            &target,
            "--yes",
            "--workspace",
            &workspace,
        ];
        // The call is done, and its answer does not come before the process is dead.
        account.simulator.set_faults(Faults::one(
            "AdminCreateUser",
            When::Nth(nth),
            Fault::AnswerSlow(600_000),
        ));
        account.simulator.reset_evidence();
        let mut child = Command::new(crate::support::BINARY)
            .env_clear()
            .envs(account.environment())
            .current_dir(account.folder())
            .args(arguments)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while account
            .simulator
            .evidence()
            .calls
            .get("AdminCreateUser")
            .is_none_or(|calls| *calls < nth)
        {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        account.simulator.set_faults(Faults::default());
        let answer = account.json(&arguments);
        assert_eq!(
            (&answer["made"], &answer["failed"]),
            (&json!(40), &json!(0)),
            "{nth}"
        );
        assert_eq!(
            users_of(&account, &target),
            users_of(&account, &source),
            "{nth}"
        );
        assert_eq!(account.simulator.evidence().messages_sent, 0, "{nth}");
    }
}

#[test]
fn ctrl_c_stops_cleanly_and_the_same_command_goes_on() {
    let account = Account::new();
    let many: Vec<Value> = (0..60)
        .map(|n| user(&format!("user-{n}"), json!({})))
        .collect();
    let source = pool(&account, &many, json!({}));
    account.prints(&["users", "export", &source, "--csv", "users.csv"]);
    let target = empty(&account);
    let arguments = ["users", "import", "users.csv", "--into", &target, "--yes"];
    account.simulator.reset_evidence();
    let child = Command::new(crate::support::BINARY)
        .env_clear()
        .envs(account.environment())
        .current_dir(account.folder())
        .args(arguments)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let calls = || account.simulator.evidence().calls;
    while !calls().contains_key("AdminSetUserPassword") {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("The same command goes on"), "{said}");
    assert!(users_of(&account, &target).len() < 60);
    assert_eq!(account.json(&arguments)["made"], 60);
    assert_eq!(users_of(&account, &target), users_of(&account, &source));
}
