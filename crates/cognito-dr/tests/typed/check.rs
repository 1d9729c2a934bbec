use crate::vault::{POOL, WithVault};

#[test]
fn whole_backups_are_told_from_damaged_ones() {
    let vault = WithVault::new();
    let whole = vault.backup(POOL, "2026-03-07T09:00:00Z");
    let cut_off = vault.backup(POOL, "2026-03-08T09:00:00Z");
    let changed = vault.backup(POOL, "2026-03-09T09:00:00Z");
    assert_eq!(vault.account.json(&["check", "--all"])["whole"], 3);
    vault.cut_off(&cut_off);
    vault.flip_a_byte(&changed);

    let assert = vault
        .account
        .command(&["check", "--all", "--json"])
        .assert()
        .code(1);
    let answer: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        (&answer["whole"], &answer["not_whole"]),
        (&1.into(), &2.into())
    );
    let judged = answer["checked"].as_array().unwrap().iter();
    let judged: Vec<_> = judged
        .map(|checked| (checked["name"].as_str().unwrap(), &checked["whole"]))
        .collect();
    let no = serde_json::Value::Bool(false);
    let yes = serde_json::Value::Bool(true);
    assert_eq!(
        judged,
        [(changed.as_str(), &no), (&cut_off, &no), (&whole, &yes)]
    );

    vault.account.command(&["check", &whole]).assert().code(0);
    vault.account.command(&["check", &cut_off]).assert().code(1);
    let assert = vault.account.command(&["check", &changed]).assert().code(1);
    let printed = crate::support::text(&assert.get_output().stdout);
    assert!(printed.contains("checksum"), "{printed}");
}

#[test]
fn a_vault_that_cannot_be_read_says_nothing_about_its_backups() {
    let vault = WithVault::new();
    let said = vault
        .account
        .fails(&["check", "--all", "--vault", "s3://elsewhere"]);
    assert!(
        said.contains("there is no bucket") && said.contains("elsewhere"),
        "{said}"
    );
}
