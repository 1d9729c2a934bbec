use crate::support::says;
use crate::vault::{POOL, WithVault};

#[test]
fn the_backups_of_a_vault_are_listed_newest_first() {
    let vault = WithVault::new();
    let old = vault.backup(POOL, "2026-03-07T09:05:02Z");
    let new = vault.backup("us-east-1_Other", "2026-03-08T09:05:02Z");
    let printed = vault.account.prints(&["backups"]);
    let keys: Vec<&str> = printed
        .lines()
        .filter_map(|line| line.split_whitespace().next_back())
        .collect();
    assert_eq!(keys, ["KEY", &new, &old]);

    let answer = vault.account.json(&["backups", POOL]);
    assert_eq!(answer["backups"].as_array().unwrap().len(), 1);
    assert_eq!(answer["backups"][0]["key"], old);
    assert_eq!(answer["backups"][0]["pool_id"], POOL);
    assert_eq!(answer["backups"][0]["began"], "2026-03-07T09:05:02Z");
    assert_eq!(answer["more"], false);
    assert_eq!(
        vault.account.json(&["backups", "--limit", "1"])["more"],
        true
    );
}

#[test]
fn without_a_vault_the_option_is_named() {
    let account = crate::support::Account::new();
    let said = says(account.command(&["backups"]).assert().code(2));
    assert!(said.contains("--vault"), "{said}");
}

#[test]
fn the_newest_backup_stands_beside_its_pool() {
    let vault = WithVault::new();
    let pool = vault.account.pool("shop", 0);
    vault.backup(&pool, "2026-03-07T09:05:02Z");
    let newest = vault.backup(&pool, "2026-03-09T09:05:02Z");
    let answer = vault.account.json(&["pools"]);
    assert_eq!(answer["pools"][0]["newest_backup"]["key"], newest);
    assert!(
        vault
            .account
            .prints(&["pools"])
            .contains("2026-03-09T09:05:02Z")
    );
}
