//! Memberships from both sides (facts A.9).

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simulator::{Config, GeneratorConfig};

use crate::support::{Fixture, REGION};

#[test]
fn joining_twice_changes_nothing_and_leaving_ends_it() {
    let fixture = Fixture::new(json!({}));
    fixture.create("ada", &[]);
    let request = json!({"Username": "ada", "GroupName": "a"});
    fixture.ok("AdminAddUserToGroup", request.clone());
    fixture.ok("AdminAddUserToGroup", request.clone());
    let groups = fixture.ok("AdminListGroupsForUser", json!({"Username": "ada"}));
    assert_eq!(groups["Groups"].as_array().expect("a list").len(), 1);
    assert_eq!(groups["Groups"][0]["GroupName"], "a");
    assert_eq!(
        fixture.ok("ListUsersInGroup", json!({"GroupName": "a"}))["Users"][0]["Username"],
        "ada"
    );
    fixture.ok("AdminRemoveUserFromGroup", request);
    assert_eq!(
        fixture.ok("ListUsersInGroup", json!({"GroupName": "a"}))["Users"],
        json!([])
    );
    assert_eq!(
        fixture.ok("AdminListGroupsForUser", json!({"Username": "ada"}))["Groups"],
        json!([])
    );
}

#[test]
fn group_and_user_must_exist() {
    let fixture = Fixture::new(json!({}));
    fixture.create("ada", &[]);
    for operation in ["AdminAddUserToGroup", "AdminRemoveUserFromGroup"] {
        fixture.refuses(
            operation,
            json!({"Username": "ada", "GroupName": "none"}),
            "ResourceNotFoundException",
            "Group not found.",
        );
        let nobody = json!({"Username": "nobody", "GroupName": "a"});
        assert_eq!(
            fixture.refused(operation, nobody).code,
            "UserNotFoundException"
        );
    }
    assert_eq!(
        fixture
            .refused("ListUsersInGroup", json!({"GroupName": "none"}))
            .code,
        "ResourceNotFoundException"
    );
}

#[test]
fn a_user_is_in_a_hundred_groups_at_most() {
    let groups: Vec<Value> = (0..101)
        .map(|index| json!({"GroupName": format!("g{index:03}")}))
        .collect();
    let fixture = Fixture::with(Config::default(), json!({"Groups": groups}));
    fixture.create("ada", &[]);
    let join = |index: usize| json!({"Username": "ada", "GroupName": format!("g{index:03}")});
    for index in 0..100 {
        fixture.ok("AdminAddUserToGroup", join(index));
    }
    assert_eq!(
        fixture.refused("AdminAddUserToGroup", join(100)).code,
        "LimitExceededException"
    );
    fixture.ok("AdminAddUserToGroup", join(99));
}

#[test]
fn both_sides_page_to_the_same_memberships() {
    let fixture = Fixture::new(json!({}));
    let pool = fixture
        .simulator
        .generate(REGION, &GeneratorConfig::nasty(150))
        .expect("a pool");
    let pages = |operation: &str, mut request: Value, member: &str| {
        request["UserPoolId"] = json!(pool);
        let mut found = Vec::new();
        loop {
            let answer = fixture.ok(operation, request.clone());
            found.extend(answer[member].as_array().expect("a list").clone());
            match answer.get("NextToken") {
                Some(token) => request["NextToken"] = token.clone(),
                None => return found,
            }
        }
    };
    let dump = fixture.simulator.pool(REGION, &pool).expect("a dump");
    let mut by_user = BTreeSet::new();
    for user in &dump.users {
        let groups = pages(
            "AdminListGroupsForUser",
            json!({"Username": user.username, "Limit": 7}),
            "Groups",
        );
        by_user.extend(groups.iter().map(|group| {
            (
                group["GroupName"].clone().to_string(),
                user.username.clone(),
            )
        }));
    }
    let mut by_group = BTreeSet::new();
    for group in &dump.groups {
        let members = pages(
            "ListUsersInGroup",
            json!({"GroupName": group["GroupName"], "Limit": 9}),
            "Users",
        );
        by_group.extend(members.iter().map(|user| {
            (
                group["GroupName"].to_string(),
                user["Username"].as_str().expect("a name").to_owned(),
            )
        }));
    }
    assert_eq!(by_user, by_group);
    assert!(by_user.len() > 200);
}
