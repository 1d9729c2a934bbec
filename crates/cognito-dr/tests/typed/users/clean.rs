use simulator::{Fault, Faults, When};

use super::*;

fn shop(account: &Account, more: Value) -> String {
    let users = [
        user("ann", json!({"Groups": ["admins"]})),
        user(
            "bob",
            json!({"Sub": "11111111-1111-4111-8111-111111111111"}),
        ),
        user("carl", json!({"UserStatus": "UNCONFIRMED"})),
        user("dora", json!({"Enabled": false})),
    ];
    pool(account, &users, more)
}

fn names(account: &Account, pool: &str) -> Vec<String> {
    users_of(account, pool).into_keys().collect()
}

#[test]
fn nobody_is_removed_before_the_pools_id_was_said_twice() {
    let account = Account::new();
    let pool = shop(&account, json!({}));
    for arguments in [
        &["users", "clean", &pool, "--without-backup"][..],
        &["users", "clean", &pool, "--without-backup", "--yes"],
        &[
            "users",
            "clean",
            &pool,
            "--without-backup",
            "--confirm",
            &pool,
        ],
    ] {
        let said = account.fails(arguments);
        assert!(said.contains(&format!("--yes --confirm {pool}")), "{said}");
    }
    let other = [
        "users",
        "clean",
        &pool,
        "--without-backup",
        "--yes",
        "--confirm",
        "us-east-1_Other",
    ];
    assert!(account.fails(&other).contains("nothing was done"));
    assert_eq!(names(&account, &pool).len(), 4);
}

#[test]
fn a_pool_that_is_protected_keeps_its_users_unless_said_otherwise() {
    let account = Account::new();
    let pool = shop(&account, json!({"DeletionProtection": "ACTIVE"}));
    let arguments = [
        "users",
        "clean",
        &pool,
        "--without-backup",
        "--yes",
        "--confirm",
        &pool,
    ];
    let said = account.fails(&arguments);
    assert!(said.contains("--despite-protection"), "{said}");
    let despite = [&arguments[..], &["--despite-protection"]].concat();
    assert_eq!(account.json(&despite)["removed"], 4);
}

#[test]
fn chosen_users_are_removed_and_those_who_are_kept_stay() {
    let account = Account::new();
    let pool = shop(&account, json!({}));
    let yes = [
        "users",
        "clean",
        &pool,
        "--without-backup",
        "--yes",
        "--confirm",
        &pool,
    ];
    let unconfirmed = [&yes[..], &["--status", "UNCONFIRMED"]].concat();
    let answer = account.json(&unconfirmed);
    assert_eq!(
        (&answer["removed"], &answer["kept"]),
        (&json!(1), &json!(3))
    );
    assert_eq!(names(&account, &pool), ["ann", "bob", "dora"]);
    let keep = [
        "--keep-group",
        "admins",
        "--keep",
        "11111111-1111-4111-8111-111111111111",
    ];
    let answer = account.json(&[&yes[..], &keep].concat());
    assert_eq!(
        (&answer["removed"], &answer["kept"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(names(&account, &pool), ["ann", "bob"]);
    assert_eq!(account.json(&[&yes[..], &keep].concat())["removed"], 0);
}

#[test]
fn who_cannot_be_removed_is_named_by_sub_and_the_same_command_goes_on() {
    let account = Account::new();
    let pool = shop(&account, json!({}));
    let error = Fault::Error {
        code: "InvalidParameterException".into(),
        message: "refused".into(),
        status: 400,
    };
    account
        .simulator
        .set_faults(Faults::one("AdminDeleteUser", When::Nth(2), error));
    let arguments = [
        "users",
        "clean",
        &pool,
        "--without-backup",
        "--yes",
        "--confirm",
        &pool,
        "--json",
    ];
    let assert = account.command(&arguments).assert().code(3);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        (&answer["removed"], &answer["failed_total"]),
        (&json!(3), &json!(1))
    );
    let said = says(assert);
    assert!(
        said.contains("was not removed") && !said.contains("@example.com"),
        "{said}"
    );
    assert_eq!(account.json(&arguments[..7])["removed"], 1);
    assert_eq!(account.simulator.evidence().messages_sent, 0);
}

#[test]
fn a_backup_is_taken_first_and_holds_those_who_are_removed() {
    let account = Account::new();
    let pool = shop(&account, json!({}));
    let before = users_of(&account, &pool);
    let yes = ["--yes", "--confirm", &pool];
    let clean = [
        &["users", "clean", &pool, "--keep-group", "admins"][..],
        &yes,
    ]
    .concat();
    let answer = account.json(&clean);
    assert_eq!(
        (&answer["removed"], &answer["kept"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(names(&account, &pool), ["ann"]);
    let backup = answer["backup"].as_str().unwrap();
    assert!(backup.contains(&pool), "{backup}");
    let arguments = [
        "users",
        "export",
        backup,
        "--csv",
        "-",
        "--columns",
        "username",
    ];
    let printed = account.prints(&arguments);
    let mut backed_up: Vec<&str> = printed.lines().skip(1).collect();
    backed_up.sort_unstable();
    assert_eq!(
        backed_up,
        before.keys().map(String::as_str).collect::<Vec<_>>()
    );
}

#[test]
fn nobody_is_removed_when_the_backup_cannot_be_made() {
    let account = Account::new();
    let pool = shop(&account, json!({}));
    let error = Fault::Error {
        code: "InternalErrorException".into(),
        message: "no".into(),
        status: 400,
    };
    account
        .simulator
        .set_faults(Faults::one("ListGroups", When::Rate(1.0), error));
    let said = account.fails(&["users", "clean", &pool, "--yes", "--confirm", &pool]);
    assert!(
        said.contains("ListGroups") || said.contains("groups"),
        "{said}"
    );
    assert_eq!(names(&account, &pool).len(), 4);
}
