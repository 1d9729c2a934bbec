use cognito::Operation;
use serde_json::{Value, json};
use simulator::{Faults, GeneratorConfig};

use crate::support::{REGION, ended, interrupt, text};
use crate::vault::WithVault;

const MADE: &str = "2026-03-07T09:00:00Z";
const FAST: [&str; 2] = ["--quota-share=1", "--quota=UserList=9999"];

/// A pool, its backup, and the pool that was restored from it.
struct Restored {
    vault: WithVault,
    backup: String,
    pool: String,
    restore_id: String,
}

impl Restored {
    fn new() -> Self {
        let vault = WithVault::with_web_acls();
        let config = GeneratorConfig::plain(12);
        let lost = vault.account.simulator.generate(REGION, &config).unwrap();
        let backup = vault.backup_of(&lost, MADE);
        let (pool, restore_id) = vault.restore(&backup);
        Self {
            vault,
            backup,
            pool,
            restore_id,
        }
    }

    fn verify(&self, arguments: &[&str], code: i32) -> String {
        let given = ["verify", &self.backup, &self.pool];
        let arguments = [&given[..], &FAST[..], arguments].concat();
        let assert = self.vault.account.command(&arguments).assert().code(code);
        text(&assert.get_output().stdout)
    }
}

#[test]
fn a_restored_pool_is_what_its_backup_and_its_restore_say() {
    let restored = Restored::new();
    let printed = restored.verify(&["--page", "page.html"], 0);
    for expected in [
        "12 users and ",
        " 0 were not",
        &format!("Announced by the restore {}", restored.restore_id),
        "ok   Post-restore: User count matches backup: 12 users",
    ] {
        assert!(printed.contains(expected), "{expected} in {printed}");
    }
    assert!(!printed.contains("FAIL"), "{printed}");
    let page = std::fs::read_to_string(restored.vault.account.path("page.html")).unwrap();
    assert!(page.contains(&restored.pool), "{page}");

    let report: Value = serde_json::from_str(&restored.verify(&["--json"], 0)).unwrap();
    assert_eq!(report["verified_user_pool_id"], restored.pool.as_str());
    let verification = &report["verification"];
    assert_eq!(verification["unannounced"], 0);
    assert_eq!(
        verification["announcing_restore"],
        restored.restore_id.as_str()
    );
    assert_eq!(verification["rows"].as_array().unwrap().len(), 16);
}

#[test]
fn what_nobody_announced_ends_it_with_1() {
    let restored = Restored::new();
    let pool = restored
        .vault
        .account
        .simulator
        .pool(REGION, &restored.pool);
    let user = pool.unwrap().users[3].username.clone();
    restored.vault.call(
        &restored.pool,
        Operation::AdminDisableUser,
        json!({"Username": user}),
    );
    let printed = restored.verify(&[], 1);
    assert!(printed.contains(" 1 were not"), "{printed}");
    let differences: Vec<&str> = printed
        .lines()
        .filter(|line| line.starts_with("  ~"))
        .collect();
    let unannounced: Vec<_> = differences
        .iter()
        .filter(|line| !line.contains("announced"))
        .collect();
    assert_eq!(unannounced.len(), 1, "{printed}");
    assert!(unannounced[0].ends_with("/Enabled"), "{printed}");
    assert!(!printed.contains(&user), "{printed}");
}

#[test]
fn an_interrupted_comparison_goes_on_by_the_command_that_it_names() {
    let restored = Restored::new();
    let account = &restored.vault.account;
    account.hold_at(10, 1_000);
    let command = [
        "verify",
        &restored.backup,
        &restored.pool,
        "--quota-share=1",
    ];
    let mut process = account.spawn(&command);
    assert!(account.reaches(&mut process, 10));
    interrupt(&process);
    let (code, said) = ended(process);
    assert_eq!(code, 130, "{said}");
    let (_, id) = said
        .split_once("--resume ")
        .unwrap_or_else(|| panic!("{said}"));
    let id = id.split_whitespace().next().unwrap();
    account.simulator.set_faults(Faults::default());
    let printed = restored.verify(&["--resume", id], 0);
    assert!(printed.contains("12 users and "), "{printed}");
}

#[test]
fn a_pool_that_is_not_there_is_named() {
    let vault = WithVault::with_web_acls();
    let pool = vault.account.pool("shop", 1);
    let backup = vault.backup_of(&pool, MADE);
    let said = vault
        .account
        .fails(&["verify", &backup, "us-east-1_Nobody1"]);
    assert!(said.contains("us-east-1_Nobody1"), "{said}");
    let said = vault.account.fails(&["verify", &backup]);
    assert!(said.contains("the argument POOL"), "{said}");
}
