//! Seeds, dumps and generated pools.

use serde_json::{Value, json};
use simulator::{Config, GeneratorConfig, SignInStyle, Simulator};

use crate::support::{Fixture, REGION, attribute, http};

#[test]
fn a_seed_puts_any_state_in_and_the_api_shows_it() {
    let fixture = Fixture::with(
        Config::default(),
        json!({
            "UserPool": {"Id": "eu-central-1_Seeded001", "Name": "seeded", "Unheard": {"of": 1}},
            "Groups": [{"GroupName": "staff", "Precedence": 3}],
            "Users": [
                {"Username": "a", "Sub": "11111111-1111-4111-8111-111111111111", "UserStatus": "ARCHIVED", "Enabled": false,
                 "Attributes": {"name": "A"}, "Groups": ["staff"], "UserCreateDate": 1600000000.5,
                 "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA"},
            ],
        }),
    );
    assert_eq!(fixture.pool, "eu-central-1_Seeded001");
    let user = fixture.user("a");
    assert_eq!(
        (&user["UserStatus"], &user["Enabled"]),
        (&json!("ARCHIVED"), &json!(false))
    );
    assert_eq!(user["UserCreateDate"], json!(1600000000.5));
    assert_eq!(user["PreferredMfaSetting"], "SOFTWARE_TOKEN_MFA");
    assert_eq!(
        attribute(&user["UserAttributes"], "sub").as_deref(),
        Some("11111111-1111-4111-8111-111111111111")
    );
    assert_eq!(
        fixture.ok("ListUsersInGroup", json!({"GroupName": "staff"}))["Users"][0]["Username"],
        "a"
    );
    let dump = fixture
        .simulator
        .dump(REGION, &fixture.pool)
        .expect("a dump");
    assert_eq!(dump["UserPool"]["Unheard"], json!({"of": 1}));
}

#[test]
fn a_dump_put_into_another_simulator_is_the_same_pool() {
    let one = Simulator::start(Config::default()).expect("a free port");
    let two = Simulator::start(Config::default()).expect("a free port");
    for sign_in in [
        SignInStyle::Username,
        SignInStyle::Alias,
        SignInStyle::Email,
    ] {
        let config = GeneratorConfig {
            sign_in,
            ..GeneratorConfig::nasty(140)
        };
        let pool = one.generate(REGION, &config).expect("a pool");
        let dump = one.dump(REGION, &pool).expect("a dump");
        assert_eq!(two.seed(REGION, &dump).expect("a pool document"), pool);
        assert_eq!(two.dump(REGION, &pool).expect("a dump"), dump);
        assert_eq!(dump["Users"].as_array().expect("users").len(), 140);
    }
}

#[test]
fn what_is_no_pool_document_is_refused() {
    let simulator = Simulator::start(Config::default()).expect("a free port");
    let documents = [
        json!([]),
        json!({"Unknown": 1}),
        json!({"UserPool": {"Id": "us-east-1_other"}}),
        json!({"Users": [{"Username": "a", "UserStatus": "HAPPY"}]}),
        json!({"Users": [{"Username": "a", "Sub": "x"}]}),
        json!({"Users": [{"Username": "a"}, {"Username": "a"}]}),
        json!({"Users": [{"Username": "a", "Groups": ["none"]}]}),
        json!({"Clients": [{"UserPoolClient": {}}]}),
    ];
    for document in documents {
        assert!(simulator.seed(REGION, &document).is_err(), "{document}");
    }
    assert!(simulator.seed("mars-north-1", &json!({})).is_err());
    simulator
        .seed(REGION, &json!({}))
        .expect("an empty document is an empty pool");
}

#[test]
fn everything_of_the_handle_is_there_over_http() {
    let fixture = Fixture::new(json!({}));
    let endpoint = fixture.simulator.endpoint();
    let request = |method: &str, path: &str, body: Value| -> (u16, Value) {
        let answer =
            http(&endpoint, method, path, &[], body.to_string().as_bytes()).expect("an answer");
        (
            answer.status,
            serde_json::from_slice(&answer.body).expect("JSON"),
        )
    };
    let (status, seeded) = request(
        "POST",
        "/_simulator/seed?region=eu-west-1",
        json!({"Users": [{"Username": "ada"}]}),
    );
    assert_eq!(status, 200);
    let pool = seeded["UserPoolId"].as_str().expect("an id").to_owned();
    let (_, dump) = request(
        "GET",
        &format!("/_simulator/dump?region=eu-west-1&pool={pool}"),
        json!({}),
    );
    assert_eq!(dump["Users"][0]["Username"], "ada");
    assert_eq!(
        request(
            "POST",
            "/_simulator/generate?region=eu-west-1",
            json!({"users": 3})
        )
        .0,
        200
    );
    assert_eq!(
        request("POST", "/_simulator/clock", json!({"advance_seconds": 60})).0,
        200
    );
    assert_eq!(
        request("POST", "/_simulator/latency", json!({"Fixed": 1})).0,
        200
    );
    assert_eq!(
        request("POST", "/_simulator/quotas", json!({"Scaled": 2.0})).0,
        200
    );
    assert_eq!(request("POST", "/_simulator/quotas", json!("Off")).0, 200);
    let throttle =
        json!({"rules": [{"operation": "ListUsers", "when": {"Nth": 1}, "fault": "Throttle"}]});
    assert_eq!(request("POST", "/_simulator/faults", throttle).0, 200);
    assert_eq!(
        fixture.refused("ListUsers", json!({})).code,
        "TooManyRequestsException"
    );
    fixture.ok("ListUsers", json!({}));
    let (_, evidence) = request("GET", "/_simulator/evidence", json!({}));
    assert_eq!(
        (
            &evidence["calls"]["ListUsers"],
            &evidence["throttles"]["ListUsers"]
        ),
        (&json!(2), &json!(1))
    );
    assert_eq!(request("DELETE", "/_simulator/evidence", json!({})).0, 200);
    assert_eq!(
        request("GET", "/_simulator/evidence", json!({})).1["calls"],
        json!({})
    );
    for (method, path, body) in [
        ("POST", "/_simulator/faults", json!("nonsense")),
        ("POST", "/_simulator/seed?region=mars-north-1", json!({})),
        (
            "GET",
            "/_simulator/dump?region=eu-west-1&pool=none",
            json!({}),
        ),
        ("GET", "/_simulator/nothing", json!({})),
    ] {
        assert!(request(method, path, body).0 >= 400, "{method} {path}");
    }
    assert_eq!(request("POST", "/_simulator/reset", json!({})).0, 200);
    assert_eq!(
        fixture.refused("ListUsers", json!({})).code,
        "ResourceNotFoundException"
    );
}
