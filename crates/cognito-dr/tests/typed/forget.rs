use serde_json::json;
use simulator::GeneratorConfig;

use crate::support::{REGION, says, text};
use crate::vault::{BUCKET, POOL, WithVault, backup, sub};

/// The Region that is restored into.
const NEW: &str = "us-west-2";

#[test]
fn whoever_is_forgotten_is_shown_and_exported_by_nothing_until_it_is_taken_back() {
    let vault = WithVault::new();
    let key = vault.backup(POOL, "2026-03-07T09:00:00Z");
    let forget = |arguments: &[&str]| {
        let arguments = [&["forget", POOL], arguments].concat();
        vault.account.json(&arguments)
    };
    let export = [
        "users",
        "export",
        &key,
        "--csv",
        "-",
        "--columns",
        "username",
    ];
    let answer = forget(&[&sub(0).to_uppercase(), &sub(7), "--yes"]);
    assert_eq!(
        (&answer["changed"], &answer["unchanged"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(forget(&["--list"])["forgotten"], json!([sub(0), sub(7)]));
    assert_eq!(vault.account.prints(&export), "username\nuser-1\nuser-2\n");
    let shown = vault.account.json(&["show", &key]);
    assert_eq!(shown["users"]["forgotten"], 1);
    assert_eq!(
        (&shown["users"]["total"], &shown["memberships"]),
        (&json!(2), &json!(0))
    );
    let mut command = vault.account.command(&["show", &key]);
    let assert = command.assert().code(0);
    let printed = text(&assert.get_output().stdout);
    assert!(printed.contains("1 more are forgotten"), "{printed}");
    let said = says(assert);
    assert!(said.contains("left out, with 1 memberships"), "{said}");
    assert_eq!(
        vault.account.json(&["check", &key])["checked"][0]["users"],
        3
    );

    std::fs::write(
        vault.account.path("subs"),
        format!("# by mistake\n\n{}\n", sub(0)),
    )
    .unwrap();
    let answer = forget(&["--from", "subs", "--undo", "--yes"]);
    assert_eq!(answer["changed"], 1);
    assert_eq!(forget(&["--list"])["forgotten"], json!([sub(7)]));
    assert_eq!(vault.account.json(&["show", &key])["users"]["forgotten"], 0);
    assert_eq!(vault.account.prints(&export).lines().count(), 4);
}

#[test]
fn what_is_no_sub_is_refused_without_being_shown_and_nobody_is_forgotten_unasked() {
    let vault = WithVault::new();
    let said = vault
        .account
        .fails(&["forget", POOL, "ann@example.com", "--yes"]);
    assert!(said.contains("a UUID"), "{said}");
    std::fs::write(
        vault.account.path("subs"),
        format!("{}\nann@example.com\n", sub(0)),
    )
    .unwrap();
    let said = vault
        .account
        .fails(&["forget", POOL, "--from", "subs", "--yes"]);
    assert!(said.contains("line 2") && !said.contains("ann"), "{said}");
    let said = vault.account.fails(&["forget", POOL, &sub(0)]);
    assert!(said.contains("--yes"), "{said}");
    let said = vault.account.fails(&["forget", POOL, "--yes"]);
    assert!(said.contains("--from"), "{said}");
    assert_eq!(vault.s3.keys(BUCKET), Vec::<String>::new());
}

#[test]
fn a_file_is_opened_without_the_users_of_a_list_or_says_that_none_was_asked() {
    let vault = WithVault::new();
    let account = &vault.account;
    let (key, document) = backup(POOL, "2026-03-07T09:00:00Z");
    std::fs::write(account.path("backup.json"), &document).unwrap();
    let mut command = account.command(&["show", "backup.json"]);
    let said = says(command.assert().code(0));
    assert!(said.contains("--forgotten"), "{said}");
    let forgotten = &account.json(&["show", "backup.json"])["users"]["forgotten"];
    assert_eq!(*forgotten, json!(null));

    std::fs::write(account.path("subs"), sub(1)).unwrap();
    account.json(&["forget", POOL, &sub(2), "--yes"]);
    account.json(&["forget", POOL, &sub(0), "--yes", "--vault", "mine"]);
    let bucket = format!("s3://{BUCKET}");
    for (list, left) in [("subs", 2), (&bucket, 2), ("mine", 2)] {
        let answer = account.json(&["show", "backup.json", "--forgotten", list]);
        assert_eq!(answer["users"]["forgotten"], 1, "{list}");
        assert_eq!(answer["users"]["total"], left, "{list}");
    }
    let said = account.fails(&["show", "backup.json", "--forgotten", "nowhere"]);
    assert!(said.contains("nowhere"), "{said}");
    // A file that lies in a vault, and a list beside the vault's own.
    let in_vault = account.path("mine").join(&key);
    std::fs::create_dir_all(in_vault.parent().unwrap()).unwrap();
    std::fs::write(in_vault, &document).unwrap();
    let path = format!("mine/{key}");
    for named in [&[path.as_str()][..], &[&key, "--vault", "mine"]] {
        let show = [&["show"], named].concat();
        assert_eq!(account.json(&show)["users"]["forgotten"], 1, "{named:?}");
        let both = [&show[..], &["--forgotten", "subs"]].concat();
        assert_eq!(account.json(&both)["users"]["forgotten"], 2, "{named:?}");
    }
}

#[test]
fn a_restore_leaves_out_whoever_is_forgotten_and_its_comparison_calls_nobody_lost() {
    let vault = WithVault::with_web_acls();
    let config = GeneratorConfig::plain(6);
    let pool = vault.account.simulator.generate(REGION, &config).unwrap();
    let key = vault.backup_of(&pool, "2026-03-07T09:00:00Z");
    let users = vault.account.simulator.pool(REGION, &pool).unwrap().users;
    let forgotten = users[0].sub.clone().unwrap();
    vault.account.json(&["forget", &pool, &forgotten, "--yes"]);
    let arguments = ["restore", &key, "--region", NEW, "--yes", "--json"];
    let assert = vault.account.command(&arguments).assert();
    let report: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(report["users_forgotten"], 1, "{report:#}");
    assert_eq!(report["verification"]["unannounced"], 0, "{report:#}");
    let new = report["new_user_pool_id"].as_str().unwrap();
    let made = vault.account.simulator.pool(NEW, new).unwrap().users;
    let is_there = |name: &str| made.iter().any(|user| user.username == name);
    assert!(!is_there(&users[0].username) && !made.is_empty());
}
