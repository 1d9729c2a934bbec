//! The service as a whole: bad input, quotas, faults, evidence, unknown members.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Config, Fault, FaultRule, Faults, Latency, Quotas, When};

use crate::support::{Fixture, REGION, authorization, call, create_request, http};

const TARGET: &str = "AWSCognitoIdentityProviderService.ListUserPools";

fn post(
    fixture: &Fixture,
    target: Option<&str>,
    authorization: Option<&str>,
    body: &[u8],
) -> (u16, String, String) {
    let mut headers = Vec::new();
    headers.extend(target.map(|target| ("x-amz-target", target)));
    headers.extend(authorization.map(|value| ("authorization", value)));
    let answer =
        http(&fixture.simulator.endpoint(), "POST", "/", &headers, body).expect("an answer");
    let body: Value = serde_json::from_slice(&answer.body).expect("a JSON answer");
    (
        answer.status,
        body["__type"].as_str().unwrap_or_default().to_owned(),
        answer.headers,
    )
}

#[test]
fn bad_input_gets_an_aws_error_and_the_simulator_lives_on() {
    let fixture = Fixture::new(json!({}));
    let good = authorization("AKIAEXAMPLE", REGION);
    let elsewhere = authorization("AKIAEXAMPLE", "mars-north-1");
    let list = "AWSCognitoIdentityProviderService.ListUsers";
    let oversized = vec![b' '; 5 * 1024 * 1024];
    type Row<'a> = (Option<&'a str>, Option<&'a str>, &'a [u8], u16, &'a str);
    let rows: [Row<'_>; 12] = [
        (
            Some(list),
            Some(&good),
            b"\xff\x00garbage",
            400,
            "SerializationException",
        ),
        (
            Some(list),
            Some(&good),
            b"[1, 2]",
            400,
            "SerializationException",
        ),
        (
            Some(list),
            Some(&good),
            b"{\"UserPoolId\": 5}",
            400,
            "SerializationException",
        ),
        (
            Some(list),
            Some(&good),
            b"{\"UserPoolId\"",
            400,
            "SerializationException",
        ),
        (
            Some(list),
            Some(&good),
            b"",
            400,
            "InvalidParameterException",
        ),
        (
            Some(list),
            None,
            b"{}",
            400,
            "MissingAuthenticationTokenException",
        ),
        (
            Some(list),
            Some("Bearer token"),
            b"{}",
            400,
            "IncompleteSignatureException",
        ),
        (
            Some(list),
            Some(&elsewhere),
            b"{}",
            400,
            "InvalidSignatureException",
        ),
        (None, Some(&good), b"{}", 400, "UnknownOperationException"),
        (
            Some("DynamoDB_20120810.ListTables"),
            Some(&good),
            b"{}",
            400,
            "UnknownOperationException",
        ),
        (
            Some("AWSCognitoIdentityProviderService.Nonsense"),
            Some(&good),
            b"{}",
            400,
            "UnknownOperationException",
        ),
        (
            Some(list),
            Some(&good),
            &oversized,
            413,
            "RequestEntityTooLargeException",
        ),
    ];
    for (target, authorization, body, status, code) in rows {
        let (got_status, got_code, headers) = post(&fixture, target, authorization, body);
        assert_eq!(
            (got_status, got_code.as_str()),
            (status, code),
            "{target:?}"
        );
        assert!(
            headers.contains(&format!("x-amzn-errortype: {}:", code.to_lowercase())),
            "{headers}"
        );
    }
    fixture.ok("ListUsers", json!({}));
}

#[test]
fn an_operation_that_is_not_simulated_is_named() {
    let fixture = Fixture::new(json!({}));
    let refusal = fixture.refused("AdminInitiateAuth", json!({}));
    assert_eq!(
        refusal.message,
        "The operation AdminInitiateAuth is not implemented by the simulator."
    );
}

#[test]
fn other_paths_and_methods_are_refused() {
    let fixture = Fixture::new(json!({}));
    let endpoint = fixture.simulator.endpoint();
    for (method, path) in [
        ("GET", "/"),
        ("POST", "/elsewhere"),
        ("PUT", "/_simulator/import/x/y"),
    ] {
        let answer =
            http(&endpoint, method, path, &[("x-amz-target", TARGET)], b"{}").expect("an answer");
        assert!(answer.status >= 400, "{method} {path}");
    }
}

#[test]
fn accounts_are_apart_by_access_keys_that_are_account_ids() {
    let fixture = Fixture::new(json!({}));
    let list = |key: &str| {
        let value = authorization(key, REGION);
        let target = "AWSCognitoIdentityProviderService.ListUsers";
        let body = json!({"UserPoolId": fixture.pool}).to_string();
        post(&fixture, Some(target), Some(&value), body.as_bytes()).0
    };
    assert_eq!(list("000000000000"), 200);
    assert_eq!(list("AKIAEXAMPLE"), 200);
    assert_eq!(list("111122223333"), 400);
}

#[test]
fn rates_are_limited_as_the_quotas_say_and_come_back_with_time() {
    let fixture = Fixture::new(json!({}));
    fixture.simulator.set_quotas(Quotas::Scaled(0.1));
    let list = || fixture.call("ListUsers", json!({}));
    let admitted = (0..30).filter(|_| list().is_ok()).count();
    // 30 a second, a tenth of it, and what a slow test regains.
    assert!((3..20).contains(&admitted), "{admitted}");
    let refusal = (0..10).find_map(|_| list().err()).expect("a refusal");
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("TooManyRequestsException", "Rate exceeded")
    );
    assert!(fixture.simulator.evidence().throttles["ListUsers"] > 0);
    fixture.simulator.advance_clock(Duration::from_secs(2));
    list().expect("the bucket has filled");
    fixture.simulator.set_quotas(Quotas::Off);
    assert!((0..50).all(|_| list().is_ok()));
}

#[test]
fn an_error_before_a_write_leaves_nothing_and_a_lost_answer_leaves_the_write() {
    let fixture = Fixture::new(json!({}));
    let error = Fault::Error {
        code: "InternalErrorException".to_owned(),
        message: "boom".to_owned(),
        status: 500,
    };
    fixture
        .simulator
        .set_faults(Faults::one("AdminCreateUser", When::Nth(1), error));
    fixture.refuses(
        "AdminCreateUser",
        create_request("ada", &[]),
        "InternalErrorException",
        "boom",
    );
    assert_eq!(
        fixture
            .refused("AdminGetUser", json!({"Username": "ada"}))
            .code,
        "UserNotFoundException"
    );

    fixture.simulator.set_faults(Faults::one(
        "AdminCreateUser",
        When::Nth(1),
        Fault::AnswerLost,
    ));
    let mut request = create_request("ada", &[]);
    request["UserPoolId"] = json!(fixture.pool);
    let answer = http(
        &fixture.simulator.endpoint(),
        "POST",
        "/",
        &[
            (
                "x-amz-target",
                "AWSCognitoIdentityProviderService.AdminCreateUser",
            ),
            ("authorization", &authorization("k", REGION)),
        ],
        request.to_string().as_bytes(),
    );
    assert!(answer.is_none());
    assert_eq!(fixture.user("ada")["Username"], "ada");
}

#[test]
fn latency_and_slow_answers_take_their_time() {
    let fixture = Fixture::new(json!({}));
    let timed = || {
        let start = Instant::now();
        fixture.ok("ListUsers", json!({}));
        start.elapsed()
    };
    fixture.simulator.set_latency(Latency::Fixed(60));
    assert!(timed() >= Duration::from_millis(60));
    fixture.simulator.set_latency(Latency::None);
    let slow = FaultRule {
        operation: None,
        when: When::Nth(2),
        fault: Fault::AnswerSlow(80),
    };
    fixture.simulator.set_faults(Faults {
        seed: 1,
        rules: vec![slow],
    });
    timed();
    assert!(timed() >= Duration::from_millis(80));
}

#[test]
fn unknown_members_are_accepted_and_counted() {
    let fixture = Fixture::new(json!({}));
    let mut request = create_request("ada", &[]);
    request["NextYear"] = json!({"x": 1});
    fixture.ok("AdminCreateUser", request);
    assert_eq!(
        fixture.simulator.evidence().unknown_members["AdminCreateUser NextYear"],
        1
    );
}

#[test]
fn refused_calls_are_listed_with_code_and_message() {
    let fixture = Fixture::new(json!({}));
    fixture.refused("AdminGetUser", json!({"Username": "nobody"}));
    let evidence = fixture.simulator.evidence();
    let refused = &evidence.refused[0];
    assert_eq!(
        (
            refused.operation.as_str(),
            refused.code.as_str(),
            refused.message.as_str()
        ),
        (
            "AdminGetUser",
            "UserNotFoundException",
            "User does not exist."
        )
    );
    assert_eq!(
        (evidence.refused_total, evidence.calls["AdminGetUser"]),
        (1, 1)
    );
}

#[test]
fn many_simulators_run_side_by_side_and_stop_with_their_handles() {
    let endpoint = {
        let fixtures: Vec<Fixture> = (0..8)
            .map(|_| Fixture::with(Config::default(), json!({})))
            .collect();
        for fixture in &fixtures {
            fixture.create("ada", &[]);
            let list = fixture.ok("ListUsers", json!({}));
            assert_eq!(list["Users"].as_array().expect("a list").len(), 1);
        }
        fixtures[0].simulator.endpoint()
    };
    let address = endpoint.trim_start_matches("http://").to_owned();
    // The socket closes as soon as the serving thread notices.
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(&address).is_ok() {
        assert!(Instant::now() < deadline, "the simulator still listens");
        std::thread::yield_now();
    }
}

#[test]
fn an_unsigned_call_without_a_known_client_goes_to_the_default_region() {
    let fixture = Fixture::new(json!({}));
    let request = json!({"ClientId": "nobody", "Username": "ada", "Password": "Str0ng!password"});
    let refusal = call(&fixture.simulator.endpoint(), REGION, "SignUp", &request)
        .expect_err("no such client");
    assert_eq!(refusal.code, "ResourceNotFoundException");
}

#[test]
fn the_secondary_of_a_replicated_pool_takes_no_writes() {
    let fixture = Fixture::with(
        Config::default(),
        json!({
            "Users": [{"Username": "ada"}],
            "Replicas": [{"RegionName": REGION, "Role": "SECONDARY", "Status": "ACTIVE"}],
        }),
    );
    let ada = json!({"Username": "ada"});
    for (operation, request) in [
        ("AdminCreateUser", create_request("grace", &[])),
        ("AdminDisableUser", ada.clone()),
        ("AdminResetUserPassword", ada.clone()),
        ("AdminDeleteUser", ada.clone()),
    ] {
        let refusal = fixture.refused(operation, request);
        assert_eq!(refusal.code, "OperationNotEnabledException", "{operation}");
    }
    fixture.ok("AdminGetUser", ada);
}

#[test]
fn a_configuration_may_drop_unknown_members_as_aws_does_and_they_are_still_counted() {
    for keep in [true, false] {
        let config = Config {
            keep_unknown_members: keep,
            ..Config::default()
        };
        let fixture = Fixture::with(config, json!({}));
        fixture.ok("CreateGroup", json!({"GroupName": "new", "NextYear": 1}));
        let unknown = fixture.simulator.evidence().unknown_members;
        assert_eq!(unknown["CreateGroup NextYear"], 1, "{keep}");
        let group = fixture.ok("GetGroup", json!({"GroupName": "new"}));
        assert_eq!(group["Group"].get("NextYear").is_some(), keep);
    }
}

#[test]
fn while_an_import_job_runs_three_operations_are_refused() {
    let fixture = Fixture::new(json!({"AutoVerifiedAttributes": ["email"]}));
    let role = "arn:aws:iam::000000000000:role/import";
    let request = json!({"JobName": "job", "CloudWatchLogsRoleArn": role});
    let job = fixture.ok("CreateUserImportJob", request)["UserImportJob"].clone();
    let header: Vec<String> =
        serde_json::from_value(fixture.ok("GetCSVHeader", json!({}))["CSVHeader"].clone())
            .expect("names");
    let endpoint = fixture.simulator.endpoint();
    let url = job["PreSignedUrl"].as_str().expect("a URL");
    let kms = [("x-amz-server-side-encryption", "aws:kms")];
    let path = url.strip_prefix(&endpoint).expect("a URL on the simulator");
    let answer = http(&endpoint, "PUT", path, &kms, header.join(",").as_bytes());
    assert_eq!(answer.expect("an answer").status, 200);
    fixture.ok("UpdateUserPool", json!({}));
    fixture.ok(
        "UpdateUserPool",
        json!({"AutoVerifiedAttributes": ["email"]}),
    );
    fixture.ok("StartUserImportJob", json!({"JobId": job["JobId"]}));
    let custom = json!({"CustomAttributes": [{"Name": "x", "AttributeDataType": "String"}]});
    for (operation, request) in [
        ("UpdateUserPool", json!({})),
        ("AddCustomAttributes", custom),
        ("DeleteUserPool", json!({})),
    ] {
        let refusal = fixture.refused(operation, request);
        assert_eq!(refusal.code, "UserImportInProgressException", "{operation}");
    }
    fixture.simulator.advance_clock(Duration::from_secs(5 * 60));
    fixture.ok("UpdateUserPool", json!({}));
}
