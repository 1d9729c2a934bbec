//! `cognito-dr backup`.

use std::fs;

use serde_json::{Value, json};
use simulator::{Faults, SubPrefix};
use vault::testing::{MemoryS3, content};

use crate::support::{Account, ended, interrupt, places, says};
use crate::vault::BUCKET;

/// An account with a bucket. No pool has a web ACL there.
fn account() -> (MemoryS3, Account) {
    let s3 = MemoryS3::start(BUCKET);
    let mut account = Account::new();
    account.set("AWS_ENDPOINT_URL_S3", &s3.endpoint());
    account.set("AWS_ENDPOINT_URL_WAFV2", &s3.endpoint());
    (s3, account)
}

/// The files of the account's folder, by name.
fn files(account: &Account) -> Vec<String> {
    let entries = fs::read_dir(account.folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

#[test]
fn without_a_destination_a_file_says_pool_and_time_and_is_whole() {
    let (_s3, account) = account();
    let pool = account.pool("shop", 70);
    let answer = account.json(&["backup", &pool]);
    let [file] = &files(&account)[..] else {
        panic!("{:?}", files(&account));
    };
    assert!(
        file.starts_with(&format!("{pool}-20")) && file.ends_with("Z.json.zst"),
        "{file}"
    );
    let written = &answer["backups"][0];
    assert_eq!(written["user_pool_id"], pool);
    assert_eq!(written["users"], 70);
    assert!(written["backup"].as_str().unwrap().ends_with(file));
    let checked = account.json(&["check", file]);
    assert_eq!(checked["checked"][0]["users"], 70);
    assert!(account.prints(&["show", file]).contains("shop"));
}

#[test]
fn a_file_is_never_replaced() {
    let (_s3, account) = account();
    let pool = account.pool("shop", 1);
    fs::write(account.path("mine.json"), "mine").unwrap();
    let said = account.fails(&["backup", &pool, "--to", "mine.json"]);
    assert!(said.contains("there already is a backup"), "{said}");
    assert_eq!(fs::read(account.path("mine.json")).unwrap(), b"mine");
    assert_eq!(files(&account), ["mine.json"]);
}

#[test]
fn a_folder_is_a_vault_with_the_backups_of_many_pools() {
    let (_s3, account) = account();
    let pools = [account.pool("shop", 3), account.pool("club", 2)];
    let answer = account.json(&["backup", "--all", "--to", "backups/"]);
    assert_eq!(answer["backups"].as_array().unwrap().len(), 2);
    for (pool, users) in pools.iter().zip([3, 2]) {
        let latest = ["show", "latest", "--pool", pool, "--vault", "backups"];
        assert_eq!(account.json(&latest)["users"]["total"], users);
    }
    let checked = account.json(&["check", "--all", "--vault", "backups"]);
    assert_eq!(checked["whole"], 2);
}

#[test]
fn a_bucket_takes_backups_where_the_functions_put_them() {
    let (s3, account) = account();
    let pool = account.pool("shop", 3);
    let answer = account.json(&["backup", &pool, "--to", "s3://backups"]);
    let address = answer["backups"][0]["backup"].as_str().unwrap();
    let key = address.strip_prefix("s3://backups/").unwrap();
    assert!(key.starts_with("cognito-backup/20"), "{key}");
    let document: Value = serde_json::from_slice(&content(&s3.get(BUCKET, key).unwrap())).unwrap();
    assert_eq!(document["trailer"]["users"], 3);
}

#[test]
fn users_are_listed_by_prefix_where_that_is_asked_for_and_in_one_chain_where_it_fails() {
    let (_s3, account) = account();
    let pool = account.pool("shop", 130);
    let listing = |command: &[&str]| {
        let written = account.json(command)["backups"][0].clone();
        assert_eq!(written["users"], 130);
        written["users_listing"].clone()
    };
    let one_chain = json!({"listed": "one_chain"});
    let by_prefix = ["backup", &pool, "--users-by-prefix", "always", "--to", "b/"];
    assert_eq!(listing(&["backup", &pool, "--to", "b/"]), one_chain);
    assert_eq!(
        listing(&by_prefix),
        json!({"listed": "by_prefix", "chains": 16, "checked": "estimate"})
    );
    account.simulator.set_sub_prefix(SubPrefix::Refused);
    assert_eq!(
        listing(&by_prefix),
        json!({"listed": "fell_back", "problem": "refused"})
    );
    let said = says(account.command(&by_prefix).assert().success());
    assert!(said.contains("was refused by Cognito"), "{said}");
}

#[test]
fn one_pool_that_fails_does_not_keep_the_others() {
    let (_s3, account) = account();
    let pool = account.pool("shop", 3);
    let mut command = account.command(&["backup", "us-east-1_Nowhere1", &pool, "--json"]);
    let assert = command.assert().code(2);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(answer["backups"][0]["user_pool_id"], pool);
    assert_eq!(answer["failed"][0]["user_pool_id"], "us-east-1_Nowhere1");
    let said = says(assert);
    assert!(said.contains("1 of 2 pools are not backed up"), "{said}");
    assert_eq!(files(&account).len(), 1);
}

#[test]
fn what_is_missing_or_cannot_be_is_said() {
    let account = Account::new();
    let said = account.fails(&["backup"]);
    assert!(said.contains("the argument POOL, or --all"), "{said}");
    let two = ["backup", "us-east-1_A", "us-east-1_B", "--to", "one.json"];
    let said = account.fails(&two);
    assert!(
        said.contains("several pools do not go into one file"),
        "{said}"
    );
    assert_eq!(json!(files(&account)), json!([]));
}

#[test]
fn a_section_that_cannot_be_read_is_a_loss() {
    let account = Account::new();
    let pool = account.pool("shop", 3);
    // Nobody answers for WAF.
    let mut command = account.command(&["backup", &pool, "--json"]);
    let assert = command
        .env("AWS_ENDPOINT_URL_WAFV2", "http://127.0.0.1:9")
        .assert()
        .code(3);
    let answer: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(
        answer["backups"][0]["failed_sections"],
        json!(["waf_configuration"])
    );
}

/// Whatever ends a backup, there is a whole one or none, and the next goes on undisturbed.
#[test]
fn a_backup_that_is_killed_or_interrupted_leaves_nothing_that_looks_like_one() {
    let (_s3, calm) = account();
    let pool = calm.pool("shop", 150);
    calm.json(&["backup", &pool, "--to", "backups/"]);
    let calls = calm.calls();
    assert!(calls > 10, "{calls}");
    for nth in places(calls) {
        for ending in ["kill", "Ctrl-C"] {
            let about = format!("{ending} at call {nth} of {calls}");
            let (_s3, account) = account();
            let pool = account.pool("shop", 150);
            let command = ["backup", &pool, "--to", "backups/"];
            account.hold_at(nth, if ending == "kill" { 600_000 } else { 300 });
            let mut process = account.spawn(&command);
            let is_held = account.reaches(&mut process, nth);
            if ending == "kill" {
                process.kill().unwrap();
            } else {
                interrupt(&process);
            }
            let (code, said) = ended(process);
            account.simulator.set_faults(Faults::default());
            let in_folder = || {
                let listed = account.json(&["backups", "--vault", "backups"]);
                listed["backups"].as_array().unwrap().len()
            };
            let there = in_folder();
            if is_held && ending == "kill" {
                assert_eq!(there, 0, "{about}");
            } else {
                assert!(
                    code == if there == 1 { 0 } else { 130 },
                    "{about}: {code} {said}"
                );
            }
            account.json(&command);
            assert_eq!(in_folder(), there + 1, "{about}");
            let checked = account.json(&["check", "--all", "--vault", "backups"]);
            assert_eq!(checked["whole"], there + 1, "{about}");
        }
    }
}

#[test]
fn shards_are_one_backup_when_all_are_there() {
    let (_s3, account) = account();
    let pool = account.pool("shop", 90);
    let one = |shard: &str| {
        let arguments = ["backup", &pool, "--to", "all.json", "--shard", shard];
        account.json(&arguments)["backups"][0]["users"]
            .as_u64()
            .unwrap()
    };
    let mut users = one("1/3") + one("2/3");
    let name = "all.shard-1-of-3.json";
    let checked = account.command(&["check", name]).assert().code(1);
    let said = String::from_utf8_lossy(&checked.get_output().stdout).into_owned();
    assert!(said.contains("3/3 are not beside it"), "{said}");
    users += one("3/3");
    assert_eq!(users, 90);
    assert_eq!(account.json(&["check", name])["checked"][0]["users"], 90);
    assert_eq!(account.json(&["show", name])["users"]["total"], 90);
    let said = account.fails(&["backup", &pool, "--shard", "4/3"]);
    assert!(said.contains("a shard is written i/n"), "{said}");
}
