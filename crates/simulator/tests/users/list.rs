//! ListUsers (facts D).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Config, GeneratorConfig, Listing, SubPrefix};

use crate::support::{Fixture, REGION};

fn generated(config: Config, users: usize) -> Fixture {
    let mut fixture = Fixture::with(config, json!({}));
    fixture.pool = fixture
        .simulator
        .generate(REGION, &GeneratorConfig::plain(users))
        .expect("a pool");
    fixture
}

fn chain(
    fixture: &Fixture,
    mut request: Value,
    mut between: impl FnMut(usize),
) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    loop {
        let answer = fixture.ok("ListUsers", request.clone());
        let users = answer["Users"].as_array().expect("a list");
        pages.push(
            users
                .iter()
                .map(|user| user["Username"].as_str().expect("a name").to_owned())
                .collect(),
        );
        match answer.get("PaginationToken") {
            Some(token) => request["PaginationToken"] = token.clone(),
            None => return pages,
        }
        between(pages.len());
    }
}

#[test]
fn pages_hold_sixty_users_by_default_and_at_most_in_an_order_that_is_not_that_of_creation() {
    let fixture = generated(Config::default(), 150);
    let pages = chain(&fixture, json!({}), |_| ());
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [60, 60, 30]);
    let all: Vec<String> = pages.concat();
    let sorted: BTreeSet<&String> = all.iter().collect();
    assert_eq!(sorted.len(), 150);
    assert!(!all.is_sorted());
    assert_eq!(
        chain(&fixture, json!({}), |_| ()).concat(),
        all,
        "the order is stable"
    );
    assert_eq!(chain(&fixture, json!({"Limit": 0}), |_| ())[0].len(), 60);
    assert_eq!(chain(&fixture, json!({"Limit": 1}), |_| ()).len(), 150);
    assert_eq!(
        fixture.refused("ListUsers", json!({"Limit": 61})).code,
        "InvalidParameterException"
    );
}

#[test]
fn a_chain_has_no_duplicates_while_users_come_and_go() {
    let fixture = generated(Config::default(), 120);
    let pages = chain(&fixture, json!({"Limit": 10}), |page| {
        fixture.create(&format!("new-{page}"), &[]);
        fixture.ok(
            "AdminDeleteUser",
            json!({"Username": format!("user-{:07}", page * 7)}),
        );
    });
    let all = pages.concat();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
    assert!(all.len() >= 100);
}

#[test]
fn short_and_empty_pages_still_carry_a_token_and_the_chain_is_complete() {
    let listing = Listing {
        short_pages: true,
        ..Listing::default()
    };
    let fixture = generated(
        Config {
            listing,
            seed: Some(3),
            ..Config::default()
        },
        300,
    );
    let pages = chain(&fixture, json!({"Limit": 5}), |_| ());
    assert!(pages.iter().any(Vec::is_empty));
    let all = pages.concat();
    assert_eq!(all.len(), 300);
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 300);
}

#[test]
fn a_token_expires_after_an_hour_and_belongs_to_its_list() {
    let fixture = generated(Config::default(), 100);
    let token = |fixture: &Fixture| {
        fixture.ok("ListUsers", json!({"Limit": 10}))["PaginationToken"].clone()
    };
    let first = token(&fixture);
    fixture
        .simulator
        .advance_clock(Duration::from_secs(59 * 60));
    fixture.ok("ListUsers", json!({"PaginationToken": first}));
    fixture.simulator.advance_clock(Duration::from_secs(2 * 60));
    assert_eq!(
        fixture
            .refused("ListUsers", json!({"PaginationToken": first}))
            .code,
        "InvalidParameterException"
    );
    let fresh = token(&fixture);
    for request in [
        json!({"PaginationToken": "made-up"}),
        json!({"PaginationToken": fresh, "Filter": "name = \"x\""}),
        json!({"PaginationToken": fresh, "UserPoolId": fixture.simulator.generate(REGION, &GeneratorConfig::plain(1)).expect("a pool")}),
    ] {
        assert_eq!(
            fixture.refused("ListUsers", request).code,
            "InvalidParameterException"
        );
    }
}

#[test]
fn filters_find_what_the_documentation_says_that_they_find() {
    let fixture = Fixture::with(
        Config::default(),
        json!({"Users": [
            {"Username": "Ada", "Sub": "11111111-1111-4111-8111-111111111111", "UserStatus": "CONFIRMED",
             "Attributes": {"email": "ada@example.com", "name": "Ada \"the first\" Lovelace"}},
            {"Username": "alan", "Sub": "22222222-2222-4222-8222-222222222222", "UserStatus": "FORCE_CHANGE_PASSWORD",
             "Enabled": false, "Attributes": {"email": "alan@example.com", "name": "Alan"}},
        ]}),
    );
    let found = |filter: &str| chain(&fixture, json!({"Filter": filter}), |_| ()).concat();
    for (filter, expected) in [
        ("username = \"Ada\"", vec!["Ada"]),
        ("username = \"ada\"", vec![]),
        ("username ^= \"a\"", vec!["alan"]),
        ("email = \"alan@example.com\"", vec!["alan"]),
        ("email ^= \"a\"", vec!["Ada", "alan"]),
        ("name = \"Ada \\\"the first\\\" Lovelace\"", vec!["Ada"]),
        ("cognito:user_status = \"confirmed\"", vec!["Ada"]),
        (
            "cognito:user_status = \"FORCE_CHANGE_PASSWORD\"",
            vec!["alan"],
        ),
        ("status = \"Disabled\"", vec!["alan"]),
        ("status = \"disabled\"", vec![]),
        (
            "sub = \"11111111-1111-4111-8111-111111111111\"",
            vec!["Ada"],
        ),
        ("sub ^= \"2\"", vec!["alan"]),
        ("", vec!["Ada", "alan"]),
    ] {
        assert_eq!(found(filter), expected, "{filter}");
    }
    for filter in [
        "custom:x = \"y\"",
        "email",
        "email = \"a\" and name = \"b\"",
        "birthdate = \"1985-02-01\"",
    ] {
        assert_eq!(
            fixture.refused("ListUsers", json!({"Filter": filter})).code,
            "InvalidParameterException",
            "{filter}"
        );
    }
}

#[test]
fn a_prefix_of_sub_finds_what_the_simulator_is_told() {
    let fixture = generated(Config::default(), 320);
    let request = || json!({"Filter": "sub ^= \"3\""});
    let listed = |sub_prefix| {
        fixture.simulator.set_sub_prefix(sub_prefix);
        chain(&fixture, request(), |_| ())
    };
    let all = listed(SubPrefix::Found).concat();
    assert!((5..60).contains(&all.len()), "{}", all.len());
    assert_eq!(listed(SubPrefix::Ignored).concat().len(), 320);
    let left = listed(SubPrefix::LeavesOut { one_in: 3 }).concat();
    assert!(left.len() < all.len() && left.iter().all(|user| all.contains(user)));
    let sparse = listed(SubPrefix::Sparse);
    assert!(sparse.len() >= 5, "{} pages", sparse.len());
    assert_eq!(sparse.concat(), all);
    fixture.simulator.set_sub_prefix(SubPrefix::Refused);
    let error = fixture.refused("ListUsers", request());
    assert_eq!(error.code, "InvalidParameterException");
    fixture.ok("ListUsers", json!({"Filter": "username ^= \"u\""}));
}

#[test]
fn asking_for_an_attribute_that_some_user_lacks_fails() {
    let fixture = Fixture::new(json!({}));
    fixture.create("ada", &[("email", "ada@example.com"), ("name", "Ada")]);
    let answer = fixture.ok("ListUsers", json!({"AttributesToGet": ["email"]}));
    assert_eq!(
        answer["Users"][0]["Attributes"],
        json!([{"Name": "email", "Value": "ada@example.com"}])
    );
    fixture.create("grace", &[]);
    assert_eq!(
        fixture
            .refused("ListUsers", json!({"AttributesToGet": ["email"]}))
            .code,
        "InvalidParameterException"
    );
    assert_eq!(
        fixture
            .refused("ListUsers", json!({"AttributesToGet": ["custom:none"]}))
            .code,
        "InvalidParameterException"
    );
    fixture.ok("ListUsers", json!({"AttributesToGet": ["sub"]}));
}

#[test]
fn a_new_user_may_be_missing_from_lists_for_a_while_and_listing_bills_nobody() {
    let listing = Listing {
        delay: Duration::from_secs(30),
        ..Listing::default()
    };
    let fixture = Fixture::with(
        Config {
            listing,
            ..Config::default()
        },
        json!({}),
    );
    fixture.create("ada", &[]);
    fixture.simulator.reset_evidence();
    assert_eq!(fixture.ok("ListUsers", json!({}))["Users"], json!([]));
    fixture.simulator.advance_clock(Duration::from_secs(31));
    assert_eq!(
        fixture.ok("ListUsers", json!({}))["Users"]
            .as_array()
            .expect("a list")
            .len(),
        1
    );
    assert_eq!(fixture.simulator.evidence().active_users, 0);
}

#[test]
fn pools_and_regions_are_apart() {
    let fixture = Fixture::new(json!({}));
    fixture.refuses(
        "ListUsers",
        json!({"UserPoolId": "eu-central-1_000000000"}),
        "ResourceNotFoundException",
        "User pool eu-central-1_000000000 does not exist.",
    );
    let elsewhere = crate::support::call(
        &fixture.simulator.endpoint(),
        "eu-west-1",
        "ListUsers",
        &json!({"UserPoolId": fixture.pool}),
    );
    assert_eq!(
        elsewhere.expect_err("another Region").code,
        "ResourceNotFoundException"
    );
}
