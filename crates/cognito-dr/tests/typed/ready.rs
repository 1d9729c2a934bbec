//! Whether the bad day could come, as a person asks it: two Regions with a pool that has one of
//! everything, of which one thing is taken away.

use jiff::Timestamp;
use serde_json::Value;

use crate::support::{Account, says, text};
use world::{HERE, LOST, POOL, World};

#[allow(dead_code)]
#[path = "../../../ready/tests/planted/world.rs"]
mod world;

fn account(world: &World) -> Account {
    let mut account = Account::new();
    account.set("AWS_REGION", HERE);
    account.set("AWS_ENDPOINT_URL", &world.services.endpoint());
    account.set("AWS_ENDPOINT_URL_S3", &world.s3.endpoint());
    account.set(
        "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
        &world.simulator.endpoint(),
    );
    account
}

#[test]
fn a_healthy_world_is_ready() {
    let world = World::ready_at(Timestamp::now());
    let account = account(&world);
    let shown = account.prints(&["ready"]);
    assert!(
        shown.starts_with("Ready to restore into us-west-2"),
        "{shown}"
    );
    assert!(shown.contains(POOL) && shown.contains("RPO  1 hour"));
    assert!(shown.contains("RTO  1 minute 0 seconds, by the last rehearsal"));
    let answer = account.json(&["ready", POOL]);
    assert_eq!(answer["ready"], true);
    assert_eq!(answer["pools"][0]["user_pool_id"], POOL);
    let check = &answer["pools"][0]["checks"][0];
    assert_eq!(
        (&check["check"], &check["outcome"]),
        (&Value::from("newest_backup"), &Value::from("yes"))
    );
}

#[test]
fn what_is_missing_is_told_with_its_command_in_the_terminal_as_json_and_on_the_page() {
    let world = World::ready_at(Timestamp::now());
    world.services.account().functions.clear();
    let account = account(&world);
    let asked = account.command(&["ready", "--page", "ready.html"]).assert();
    let asked = asked.code(1);
    let shown = text(&asked.get_output().stdout);
    let command =
        "aws s3 cp s3://cognito-backup-dr-prod-111122223333/cognito-restore/translations.json";
    assert!(
        shown.contains("NO   Function arn:aws:lambda") && shown.contains(command),
        "{shown}"
    );
    let page = std::fs::read_to_string(account.path("ready.html")).unwrap();
    assert!(page.contains("<h1>Not ready</h1>") && page.contains("NEW_ARN"));
    let answer = account.command(&["ready", "--json"]).assert().code(1);
    let answer: Value = serde_json::from_slice(&answer.get_output().stdout).unwrap();
    let checks = answer["pools"][0]["checks"].as_array().unwrap().iter();
    let no: Vec<_> = checks.filter(|check| check["outcome"] == "no").collect();
    assert_eq!(no.len(), 1);
    assert!(no[0]["command"].as_str().unwrap().contains(command));
    // Nothing is overwritten.
    let said = account.command(&["ready", "--page", "ready.html"]).assert();
    assert!(says(said.code(2)).contains("name another file"));
}

#[test]
fn without_the_primary_region_the_rest_is_answered() {
    let world = World::ready_at(Timestamp::now());
    let of_primary = format!("{LOST}/cognito-backup-prod");
    world.services.account().variables.remove(&of_primary);
    let account = account(&world);
    let asked = account.command(&["ready"]).assert().code(1);
    let shown = text(&asked.get_output().stdout);
    assert!(shown.contains(" 0 no, 3 cannot be told"), "{shown}");
    assert!(
        shown.contains("?    Newest backup : there is no function"),
        "{shown}"
    );
}

#[test]
fn a_stack_that_is_not_there_is_an_error() {
    let world = World::ready_at(Timestamp::now());
    let account = account(&world);
    let said = account.fails(&["ready", "--environment", "test"]);
    assert!(
        said.contains("there is no function cognito-dr-ready-test"),
        "{said}"
    );
}
