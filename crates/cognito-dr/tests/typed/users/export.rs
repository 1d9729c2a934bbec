use super::*;

fn shop(account: &Account) -> String {
    let users = [
        user(
            "ann",
            json!({"Groups": ["admins"], "Attributes": {"email": "ann@example.com", "email_verified": "true", "name": "Ann, Zoë", "birthdate": "1990-02-28", "custom:plan": "=1+1"}}),
        ),
        user("bob", json!({"Enabled": false})),
        user(
            "carl",
            json!({"UserStatus": "FORCE_CHANGE_PASSWORD", "Attributes": {"phone_number": "+15550100"}}),
        ),
        user("two lines", json!({})),
        user(
            "dora",
            json!({"Attributes": {"email": "dora@example.com", "name": "two\nlines"}}),
        ),
        user("Google_7", json!({"UserStatus": "EXTERNAL_PROVIDER"})),
    ];
    pool(account, &users, json!({}))
}

/// The rows by the names of their columns, read by the rules of Cognito's form.
fn rows(csv: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = csv.lines().map(|line| {
        let line = line.replace("\\,", "\u{0}");
        line.split(',')
            .map(|value| value.replace('\u{0}', ","))
            .collect::<Vec<String>>()
    });
    let header = lines.next().unwrap();
    lines
        .map(|row| header.iter().cloned().zip(row).collect())
        .collect()
}

#[test]
fn a_pool_is_written_in_cognitos_own_form_and_what_it_cannot_carry_is_told() {
    let account = Account::new();
    let pool = shop(&account);
    let mut command = account.command(&["users", "export", &pool, "--csv", "-"]);
    let assert = command.assert().code(3);
    let csv = text(&assert.get_output().stdout);
    let rows = rows(&csv);
    let names: Vec<&str> = rows
        .iter()
        .map(|row| row["cognito:username"].as_str())
        .collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["ann", "bob", "carl"]);
    let ann = rows
        .iter()
        .find(|row| row["cognito:username"] == "ann")
        .unwrap();
    assert_eq!(ann["name"], "Ann, Zoë");
    assert_eq!(ann["birthdate"], "02/28/1990");
    // Cognito's form is exact: what a spreadsheet would compute stays as it is.
    assert_eq!(ann["custom:plan"], "=1+1");
    assert!(ann.contains_key("cognito:mfa_enabled"));
    let said = says(assert);
    for told in [
        "federated profile",
        "cannot carry",
        "1 users have no verified",
        "1 users are disabled",
    ] {
        assert!(said.contains(told), "{told} in {said}");
    }
    assert!(
        !said.contains("dora") && !said.contains("two lines"),
        "{said}"
    );
}

#[test]
fn a_file_is_written_whole_and_nothing_is_overwritten() {
    let account = Account::new();
    let pool = shop(&account);
    let arguments = [
        "users",
        "export",
        &pool,
        "--csv",
        "users.csv",
        "--status",
        "confirmed",
        "--enabled",
        "true",
        "--group",
        "admins",
    ];
    let answer = account.json(&arguments);
    assert_eq!(answer["users"], 1);
    assert_eq!(answer["file"], "users.csv");
    let written = std::fs::read_to_string(account.path("users.csv")).unwrap();
    assert_eq!(rows(&written).len(), 1);
    let said = account.fails(&arguments);
    assert!(said.contains("there already is a file"), "{said}");
    let here = std::fs::read_dir(account.folder()).unwrap();
    let names = here.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.into_iter().any(|name| name.contains("tmp")));
}

#[test]
fn chosen_columns_are_for_people_and_compute_nothing() {
    let account = Account::new();
    let pool = shop(&account);
    let columns = "username,enabled,status,custom:plan,phone_number";
    let arguments = ["users", "export", &pool, "--csv", "-", "--columns", columns];
    let printed = account.prints(&arguments);
    let mut lines: Vec<&str> = printed.lines().collect();
    lines[1..].sort_unstable();
    assert_eq!(
        lines,
        [
            columns,
            "Google_7,true,EXTERNAL_PROVIDER,,",
            "ann,true,CONFIRMED,'=1+1,",
            "bob,false,CONFIRMED,,",
            "carl,true,FORCE_CHANGE_PASSWORD,,'+15550100",
            "dora,true,CONFIRMED,,",
            "two lines,true,CONFIRMED,,",
        ]
    );
}

#[test]
fn lines_of_json_have_users_as_list_users_gives_them() {
    let account = Account::new();
    let pool = shop(&account);
    let printed = account.prints(&[
        "users",
        "export",
        &pool,
        "--json-lines",
        "-",
        "--enabled",
        "false",
    ]);
    let bob: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(
        (&bob["Username"], &bob["Enabled"]),
        (&json!("bob"), &json!(false))
    );
}

#[test]
fn a_backup_is_exported_without_a_call_to_cognito() {
    let vault = crate::vault::WithVault::new();
    let key = vault.backup(crate::vault::POOL, "2026-03-07T09:00:00Z");
    let arguments = [
        "users",
        "export",
        &key,
        "--csv",
        "-",
        "--columns",
        "username",
        "--group",
        "admins",
    ];
    assert_eq!(vault.account.prints(&arguments), "username\nuser-0\n");
    assert!(vault.account.simulator.evidence().calls.is_empty());
}

#[test]
fn wrong_statuses_and_missing_files_are_refused() {
    let account = Account::new();
    let pool = shop(&account);
    let said = account.fails(&["users", "export", &pool, "--csv", "-", "--status", "happy"]);
    assert!(said.contains("FORCE_CHANGE_PASSWORD"), "{said}");
    let said = account.fails(&["users", "export", &pool]);
    assert!(said.contains("--csv"), "{said}");
    let said = account.fails(&["users", "export", &pool, "--csv", "nowhere/users.csv"]);
    assert!(said.contains("nowhere/users.csv"), "{said}");
}
