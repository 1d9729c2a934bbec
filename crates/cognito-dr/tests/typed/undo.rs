use cognito::Operation;
use serde_json::{Value, json};
use simulator::GeneratorConfig;

use crate::support::{REGION, text};
use crate::vault::WithVault;

const EARLIER: &str = "2026-03-07T09:00:00Z";
const FAST: [&str; 3] = [
    "--quota-share=1",
    "--quota=UserList=9999",
    "--quota=UserRead=9999",
];

/// A pool, its backup, and a mistake: somebody disabled a user, and deleted a group.
struct Mistaken {
    vault: WithVault,
    pool: String,
    backup: String,
    user: String,
    group: String,
}

impl Mistaken {
    fn new() -> Self {
        let vault = WithVault::with_web_acls();
        let config = GeneratorConfig::plain(12);
        let pool = vault.account.simulator.generate(REGION, &config).unwrap();
        let backup = vault.backup_of(&pool, EARLIER);
        let users = vault.account.simulator.pool(REGION, &pool).unwrap().users;
        let user = users.iter().find(|user| user.enabled).unwrap();
        let (user, group) = (user.username.clone(), users[0].groups[0].clone());
        let members = json!({"Username": user});
        vault.call(&pool, Operation::AdminDisableUser, members);
        let members = json!({"GroupName": group});
        vault.call(&pool, Operation::DeleteGroup, members);
        Self {
            vault,
            pool,
            backup,
            user,
            group,
        }
    }

    fn undo(&self, arguments: &[&str], code: i32) -> String {
        let given = ["undo", &self.pool, "--to", &self.backup];
        let arguments = [&given[..], &FAST[..], arguments].concat();
        let assert = self.vault.account.command(&arguments).assert().code(code);
        text(&assert.get_output().stdout)
    }

    fn is_enabled(&self) -> bool {
        let pool = self.vault.account.simulator.pool(REGION, &self.pool);
        let mut users = pool.unwrap().users.into_iter();
        users
            .find(|user| user.username == self.user)
            .unwrap()
            .enabled
    }
}

#[test]
fn a_mistake_is_shown_undone_and_the_undo_undone() {
    let mistaken = Mistaken::new();
    let shown = mistaken.undo(&["--dry-run", "--page", "plan.html"], 1);
    let page = std::fs::read_to_string(mistaken.vault.account.path("plan.html")).unwrap();
    let group = format!("groups/{}", mistaken.group);
    assert!(
        page.contains(&group) && !page.contains(&mistaken.user),
        "{page}"
    );
    let again = mistaken.undo(&["--dry-run", "--page", "plan.html"], 2);
    assert_eq!(again, "", "nothing is overwritten");
    for expected in [
        &format!("+ groups/{} is made again (CreateGroup)", mistaken.group),
        "Users        1 put back",
        "~ Enabled: 1",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    assert!(!shown.contains(&mistaken.user), "{shown}");
    assert!(!mistaken.is_enabled());
    let nobody = mistaken.undo(&["--no-input"], 2);
    assert_eq!(nobody, "");
    let answer: Value =
        serde_json::from_str(&mistaken.undo(&["--yes", "--json", "--page", "done.html"], 0))
            .unwrap();
    assert_eq!(answer["report"]["not_reverted_total"], 0, "{answer:#}");
    let page = std::fs::read_to_string(mistaken.vault.account.path("done.html")).unwrap();
    assert!(page.contains("<h1>Undone</h1>"), "{page}");
    assert!(mistaken.is_enabled());
    let shown = mistaken.undo(&["--dry-run"], 0);
    assert!(shown.contains("There is nothing to do."), "{shown}");

    let before = answer["report"]["before"].as_str().unwrap();
    let given = ["undo", &mistaken.pool, "--to", before, "--yes"];
    let arguments = [&given[..], &FAST[..]].concat();
    mistaken.vault.account.command(&arguments).assert().code(0);
    assert!(!mistaken.is_enabled());
}

#[test]
fn a_plan_that_was_kept_is_carried_out_unless_the_pool_has_changed_since() {
    let mistaken = Mistaken::new();
    mistaken.undo(&["--only", "users", "--write-plan", "plan.json"], 1);
    let plan = std::fs::read_to_string(mistaken.vault.account.path("plan.json")).unwrap();
    assert!(!plan.contains(&mistaken.user), "{plan}");
    let again = json!({"Username": mistaken.user});
    mistaken
        .vault
        .call(&mistaken.pool, Operation::AdminEnableUser, again.clone());
    let refused = mistaken
        .vault
        .account
        .fails(&["undo", &mistaken.pool, "--plan", "plan.json"]);
    assert!(refused.contains("has changed since"), "{refused}");
    mistaken
        .vault
        .call(&mistaken.pool, Operation::AdminDisableUser, again);
    let given = ["undo", &mistaken.pool, "--plan", "plan.json"];
    let arguments = [&given[..], &FAST[..]].concat();
    mistaken.vault.account.command(&arguments).assert().code(0);
    assert!(mistaken.is_enabled());
    let shown = mistaken.undo(&["--dry-run"], 1);
    assert!(shown.contains(&mistaken.group), "{shown}");
}
