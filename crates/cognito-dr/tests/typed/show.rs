use serde_json::json;

use crate::support::{Account, says};
use crate::vault::{POOL, SECRET, WithVault, backup};

/// A vault with backups of three days, and their keys, oldest first.
fn three_days() -> (WithVault, [String; 3]) {
    let vault = WithVault::new();
    let keys =
        ["07", "08", "09"].map(|day| vault.backup(POOL, &format!("2026-03-{day}T09:00:00Z")));
    (vault, keys)
}

#[test]
fn a_backup_is_shown_without_secrets_or_anything_personal() {
    let (vault, [key, ..]) = three_days();
    let printed = vault.account.prints(&["show", &key]);
    for expected in [
        "us-east-1_AbC (shop)",
        "2026-03-07T09:00:00Z to 2026-03-07T09:01:00Z",
        "3, 2 CONFIRMED, 1 UNCONFIRMED; 1 of them disabled",
        "web (client1)",
        "admins, staff",
        "ListTerms failed",
    ] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
    assert!(
        !printed.contains(SECRET) && !printed.contains("user-"),
        "{printed}"
    );

    let answer = vault.account.json(&["show", &key]);
    assert_eq!(answer["users"]["total"], 3);
    assert_eq!(answer["users"]["by_status"]["CONFIRMED"], 2);
    assert_eq!(answer["users"]["disabled"], 1);
    assert_eq!(answer["memberships"], 1);
    assert_eq!(answer["app_clients"][0]["id"], "client1");
    let sections = answer["sections"].as_array().unwrap();
    let terms = sections.iter().find(|section| section["name"] == "terms");
    assert_eq!(terms.unwrap()["status"], "failed");
    let quick = vault.account.json(&["show", &key, "--no-statuses"]);
    assert_eq!(quick["users"]["by_status"], serde_json::Value::Null);
}

/// A backup that is a difference is of no use without its base.
#[test]
fn a_difference_names_the_base_that_it_needs() {
    let vault = WithVault::new();
    let base = vault.backup(POOL, "2026-03-07T09:00:00Z");
    let later = vault.difference(&base, "2026-03-07T10:00:00Z");
    assert_eq!(vault.account.json(&["show", &base])["base"], json!(null));
    let answer = vault.account.json(&["show", &later]);
    assert_eq!(
        (&answer["base"], &answer["users"]["total"]),
        (&json!(base), &json!(3))
    );
    let printed = vault.account.prints(&["show", &later]);
    assert!(printed.contains(&format!("Base      {base}")), "{printed}");
}

#[test]
fn secrets_of_a_section_are_shown_only_when_asked_for() {
    let (vault, [key, ..]) = three_days();
    let section = ["show", &key, "--section", "app_clients"];
    let hidden = vault.account.prints(&section);
    assert!(hidden.contains("(hidden)") && !hidden.contains(SECRET));
    let shown = vault
        .account
        .prints(&[&section[..], &["--secrets"]].concat());
    assert!(shown.contains(SECRET));
    let users = vault.account.prints(&["show", &key, "--section", "users"]);
    let users: serde_json::Value = serde_json::from_str(&users).unwrap();
    assert_eq!(users[2]["Username"], "user-2");
    let members = vault
        .account
        .prints(&["show", &key, "--section", "group_memberships"]);
    let members: serde_json::Value = serde_json::from_str(&members).unwrap();
    assert_eq!(members[0]["GroupName"], "admins");
    let said = vault
        .account
        .fails(&["show", &key, "--section", "nonsense"]);
    assert!(said.contains("app_clients"), "{said}");
}

#[test]
fn a_backup_is_named_by_key_by_latest_and_by_time() {
    let (vault, [first, second, third]) = three_days();
    let in_bucket = format!("s3://backups/{first}");
    for (name, expected) in [
        (first.as_str(), &first),
        (&in_bucket, &first),
        ("latest", &third),
        ("latest~0", &third),
        ("latest~1", &second),
        ("latest~2", &first),
        // Its reading ended a minute later.
        ("2026-03-09T09:00:30Z", &second),
        ("2026-03-09T09:01:00Z", &third),
    ] {
        let answer = vault.account.json(&["show", name, "--pool", POOL]);
        let began = answer["began"].as_str().unwrap()[..10].replace('-', "/");
        assert!(expected.contains(&began), "{name}: {began}");
    }
    let said = vault.account.fails(&["show", "latest~3", "--pool", POOL]);
    assert!(said.contains("2 whole backups before the newest"), "{said}");
    let said = vault.account.fails(&["show", "latest"]);
    assert!(said.contains("--pool"), "{said}");
    let said = vault.account.fails(&["show"]);
    assert!(said.contains("BACKUP"), "{said}");
    let said = vault
        .account
        .fails(&["show", "latest", "--pool", "us-east-1_None"]);
    assert!(said.contains("cognito-dr backups"), "{said}");
}

#[test]
fn what_is_not_whole_is_passed_over_and_named() {
    let (vault, [first, second, third]) = three_days();
    vault.cut_off(&second);
    vault.cut_off(&third);
    let latest = vault.account.command(&["show", "latest", "--pool", POOL]);
    let said = says({ latest }.assert().code(0));
    assert!(said.contains(&second) && said.contains(&third), "{said}");
    let said = vault.account.fails(&["show", &third]);
    assert!(
        said.contains("cut off") && said.contains("check --all"),
        "{said}"
    );
    let older = vault.backup(POOL, "2026-03-06T09:00:00Z");
    let answer = vault.account.json(&["show", "latest~1", "--pool", POOL]);
    assert_eq!(
        answer["began"], "2026-03-06T09:00:00Z",
        "{older} after {first}"
    );
}

#[test]
fn a_vault_may_be_a_folder_and_a_backup_any_file() {
    let account = Account::new();
    let (key, document) = backup(POOL, "2026-03-07T09:00:00Z");
    let in_vault = account.path("vault").join(&key);
    std::fs::create_dir_all(in_vault.parent().unwrap()).unwrap();
    std::fs::write(in_vault, &document).unwrap();
    std::fs::write(account.path("any name"), &document).unwrap();
    let folder = ["--vault", "vault", "--pool", POOL];
    for arguments in [
        &["show", "any name"][..],
        &[&["show", "latest"], &folder[..]].concat(),
        &[&["show", &key], &folder[..]].concat(),
    ] {
        let answer = account.json(arguments);
        assert_eq!(answer["pool_id"], POOL, "{arguments:?}");
        assert_eq!(answer["users"]["total"], 3, "{arguments:?}");
    }
    assert_eq!(account.json(&["check", "any name"])["whole"], 1);
    let checked = account.json(&["check", "--all", "--vault", "vault"]);
    assert_eq!(checked["checked"][0]["name"], key);
    std::fs::write(account.path("any name"), &document[..500]).unwrap();
    account.command(&["check", "any name"]).assert().code(1);
    let said = account.fails(&["show", "no such file"]);
    assert!(said.contains("there is no file no such file"), "{said}");
}

#[test]
fn a_file_of_users_that_another_tool_wrote_is_shown_once_its_pool_is_named() {
    let account = Account::new();
    let users = serde_json::json!([
        {"Username": "ann", "Attributes": [{"Name": "sub", "Value": "1"}], "UserStatus": "CONFIRMED", "Enabled": true},
    ]);
    std::fs::write(account.path("users.json"), users.to_string()).unwrap();
    let said = account.fails(&["show", "users.json"]);
    assert!(said.contains("--pool"), "{said}");
    let answer = account.json(&["show", "users.json", "--pool", POOL]);
    assert_eq!(answer["users"]["by_status"]["CONFIRMED"], 1);
    assert_eq!(answer["sections"][0]["status"], "not_read");
}
