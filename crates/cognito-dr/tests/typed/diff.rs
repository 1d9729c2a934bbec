use cognito::Operation;
use serde_json::{Value, json};
use simulator::GeneratorConfig;

use crate::support::{REGION, text};
use crate::vault::{POOL, SECRET, WithVault};

const EARLIER: &str = "2026-03-07T09:00:00Z";
const LATER: &str = "2026-03-08T09:00:00Z";

/// Arguments that make calls as fast as the machine is.
const FAST: [&str; 3] = [
    "--quota-share=1",
    "--quota=UserList=9999",
    "--quota=UserRead=9999",
];

/// What the command prints when the two sides differ.
fn printed(vault: &WithVault, arguments: &[&str]) -> String {
    let arguments = [&["diff"], arguments, &FAST[..]].concat();
    let assert = vault.account.command(&arguments).assert().code(1);
    text(&assert.get_output().stdout)
}

fn document(vault: &WithVault, arguments: &[&str], code: i32) -> Value {
    let arguments = [&["diff", "--json"], arguments, &FAST[..]].concat();
    let assert = vault.account.command(&arguments).assert().code(code);
    serde_json::from_slice(&assert.get_output().stdout).unwrap()
}

/// The lines of the plan: those that begin with a sign.
fn plan(printed: &str) -> Vec<&str> {
    let lines = printed.lines().map(str::trim);
    lines
        .filter(|line| line.starts_with(['+', '-', '~', '?']))
        .collect()
}

#[test]
fn a_pool_that_did_not_change_is_the_same_as_its_backup() {
    let vault = WithVault::with_web_acls();
    for config in [GeneratorConfig::plain(70), GeneratorConfig::nasty(140)] {
        let pool = vault.account.simulator.generate(REGION, &config).unwrap();
        let key = vault.backup_of(&pool, EARLIER);
        for arguments in [vec![&*key, &*pool], vec![&*pool, &*key], vec![&*key]] {
            let answer = document(&vault, &arguments, 0);
            assert_eq!(answer["same"], true, "{answer:#}");
            assert_eq!(answer["matched_by"], "sub");
            assert_eq!(answer["users"]["in_first"], answer["users"]["in_second"]);
            assert_eq!(answer["settings"]["not_compared"], json!([]), "{answer:#}");
        }
        let twice = document(&vault, &[&pool, &pool], 0);
        assert_eq!(twice["same"], true, "{twice:#}");
    }
}

#[test]
fn every_kind_of_change_is_found_and_nothing_else() {
    let vault = WithVault::with_web_acls();
    let config = GeneratorConfig::plain(12);
    let pool = vault.account.simulator.generate(REGION, &config).unwrap();
    let users = vault.account.simulator.pool(REGION, &pool).unwrap().users;
    let outsider = |group: &str| {
        let user = users
            .iter()
            .find(|user| !user.groups.iter().any(|known| known == group));
        user.unwrap().username.clone()
    };
    let group = users[0].groups[0].clone();
    let (name, joining) = (users[0].username.clone(), outsider(&group));
    let nickname = json!([{"Name": "nickname", "Value": "changed"}]);
    for (operation, members, expected) in [
        (
            Operation::AdminUpdateUserAttributes,
            json!({"Username": name, "UserAttributes": nickname}),
            vec![
                "~ 1 changed".to_owned(),
                format!("~ {name}"),
                r#"+ nickname: "changed""#.to_owned(),
            ],
        ),
        (
            Operation::AdminDisableUser,
            json!({"Username": name}),
            vec![
                "~ 1 changed".to_owned(),
                format!("~ {name}"),
                r#"~ Enabled: "true" -> "false""#.to_owned(),
            ],
        ),
        (
            Operation::AdminAddUserToGroup,
            json!({"Username": joining, "GroupName": group}),
            vec![format!("+ {joining}")],
        ),
        (
            Operation::AdminCreateUser,
            json!({"Username": "newcomer", "MessageAction": "SUPPRESS"}),
            vec!["+ 1 only in B".to_owned(), "+ newcomer".to_owned()],
        ),
        (
            Operation::CreateGroup,
            json!({"GroupName": "auditors"}),
            vec!["+ groups/auditors".to_owned()],
        ),
        (
            Operation::UpdateGroup,
            json!({"GroupName": group, "Description": "who may", "Precedence": 77}),
            vec![
                format!("~ groups/{group}/Precedence"),
                format!("~ groups/{group}/Description"),
            ],
        ),
    ] {
        let key = vault.backup_of(&pool, EARLIER);
        vault.call(&pool, operation, members);
        let printed = printed(&vault, &[&key, "--users"]);
        let plan = plan(&printed);
        let mut left = expected.clone();
        for line in &plan {
            let known = left.iter().position(|expected| {
                line.starts_with(expected.as_str())
                    // Either may have had the member before.
                    || line[1..].starts_with(&expected[1..]) && expected.contains("groups/")
            });
            let known = known.unwrap_or_else(|| panic!("{operation:?}: {line} in {printed}"));
            left.remove(known);
        }
        assert!(left.is_empty(), "{operation:?}: {left:?} not in {printed}");
    }
}

#[test]
fn two_backups_are_compared_without_a_call_of_cognito() {
    let vault = WithVault::with_web_acls();
    let first = vault.backup(POOL, EARLIER);
    let second = vault.backup(POOL, LATER);
    let whole = vault.s3.get(crate::vault::BUCKET, &second).unwrap();
    let document_of_second = String::from_utf8(whole.to_vec()).unwrap();
    assert!(document(&vault, &[&first, &second], 0)["same"] == true);

    let changed = document_of_second
        .replace(SECRET, &SECRET.to_uppercase())
        .replace("user-1@", "user-9@");
    vault.s3.put(crate::vault::BUCKET, &second, changed);
    let printed = printed(&vault, &["latest~1", "latest", "--pool", POOL, "--users"]);
    assert_eq!(
        plan(&printed),
        [
            "~ app_clients/client1/ClientSecret: a secret",
            "~ 1 changed",
            "~ user-1",
            r#"~ email: "user-1@example.com" -> "user-9@example.com""#,
        ],
        "{printed}"
    );
    assert!(!printed.to_lowercase().contains(SECRET), "{printed}");
    assert_eq!(vault.account.simulator.evidence().calls.len(), 0);

    let answer = document(&vault, &[&first, &second], 1);
    assert_eq!(answer["first"]["kind"], "backup");
    assert_eq!(answer["first"]["began"], EARLIER);
    assert_eq!(answer["settings"]["differences"][0]["secret"], true);
    assert_eq!(answer["users"]["changed"], 1);
    assert_eq!(answer["users"]["members"]["email"]["changed"], 1);
    assert_eq!(answer["users"]["named"], json!([]));
}

#[test]
fn a_restored_copy_is_compared_by_what_its_users_sign_in_with() {
    let vault = WithVault::with_web_acls();
    let config = GeneratorConfig::plain(20);
    let pool = vault.account.simulator.generate(REGION, &config).unwrap();
    let mut copy = vault.account.simulator.pool(REGION, &pool).unwrap();
    for member in ["Id", "Arn", "CreationDate", "LastModifiedDate"] {
        copy.user_pool.remove(member);
    }
    for user in &mut copy.users {
        user.sub = None;
    }
    copy.users.pop();
    let gone = vault.account.simulator.pool(REGION, &pool).unwrap().users;
    let gone = &gone.last().unwrap().username;
    let copy = vault.account.simulator.plant(REGION, copy).unwrap();
    let answer = document(&vault, &[&pool, &copy, "--users"], 1);
    assert_eq!(answer["matched_by"], "sign_in_name");
    assert_eq!(answer["users"]["named"][0]["username"], gone.as_str());
    assert_eq!(answer["users"]["removed"], 1);
    assert_eq!(
        (&answer["users"]["changed"], &answer["users"]["added"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn what_is_missing_or_not_there_is_named() {
    let vault = WithVault::with_web_acls();
    let said = vault.account.fails(&["diff", "us-east-1_Nobody1"]);
    assert!(said.contains("us-east-1_Nobody1"), "{said}");
    let pool = vault.account.pool("shop", 0);
    let said = vault.account.fails(&["diff", &pool]);
    assert!(said.contains("the argument B"), "{said}");
}

#[test]
fn the_page_shows_what_the_terminal_shows_and_names_are_no_markup() {
    let vault = WithVault::with_web_acls();
    let config = GeneratorConfig::plain(12);
    let pool = vault.account.simulator.generate(REGION, &config).unwrap();
    let key = vault.backup_of(&pool, EARLIER);
    let users = vault.account.simulator.pool(REGION, &pool).unwrap().users;
    let name = |at: usize| json!({"Username": users[at].username});
    vault.call(&pool, Operation::AdminDeleteUser, name(0));
    vault.call(&pool, Operation::AdminDisableUser, name(1));
    let nickname = json!([{"Name": "nickname", "Value": "<b>Ann</b>"}]);
    let named = json!({"Username": users[2].username, "UserAttributes": nickname});
    vault.call(&pool, Operation::AdminUpdateUserAttributes, named);
    let newcomer = json!({"Username": "newcomer", "MessageAction": "SUPPRESS"});
    vault.call(&pool, Operation::AdminCreateUser, newcomer);
    let group = json!({"GroupName": "auditors"});
    vault.call(&pool, Operation::CreateGroup, group);
    printed(&vault, &[&key, "--page", "counts.html"]);
    printed(&vault, &[&key, "--users", "--page", "names.html"]);
    let page = |file: &str| std::fs::read_to_string(vault.account.path(file)).unwrap();
    let (counts, names) = (page("counts.html"), page("names.html"));
    for told in [
        "<h1>What differs</h1>",
        "1 only in A",
        "1 only in B",
        "2 changed",
        "groups/auditors",
    ] {
        assert!(counts.contains(told) && names.contains(told), "{told}");
    }
    assert!(!counts.contains("newcomer") && names.contains("newcomer"));
    assert!(!names.contains("<b>Ann") && names.contains("&#60;b&#62;Ann"));
}
