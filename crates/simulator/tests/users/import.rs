//! User import jobs (facts C.5).

use std::time::Duration;

use serde_json::{Value, json};
use simulator::Config;

use crate::support::{Fixture, HttpAnswer, http};

const ROLE: &str = "arn:aws:iam::000000000000:role/import";

fn fixture() -> Fixture {
    Fixture::new(json!({"AutoVerifiedAttributes": ["email"]}))
}

fn create(fixture: &Fixture, algorithm: Option<&str>) -> Value {
    let request = json!({"JobName": "job", "CloudWatchLogsRoleArn": ROLE, "PasswordHashingAlgorithm": algorithm});
    fixture.ok("CreateUserImportJob", request)["UserImportJob"].clone()
}

fn put(fixture: &Fixture, job: &Value, file: &[u8], headers: &[(&str, &str)]) -> HttpAnswer {
    let endpoint = fixture.simulator.endpoint();
    let url = job["PreSignedUrl"].as_str().expect("a URL");
    let path = url.strip_prefix(&endpoint).expect("a URL on the simulator");
    http(&endpoint, "PUT", path, headers, file).expect("an answer")
}

const KMS: [(&str, &str); 1] = [("x-amz-server-side-encryption", "aws:kms")];

fn columns(fixture: &Fixture) -> Vec<String> {
    let header = fixture.ok("GetCSVHeader", json!({}))["CSVHeader"].clone();
    serde_json::from_value(header).expect("names")
}

/// A file with the pool's header and rows that give some columns.
fn file(columns: &[String], rows: &[&[(&str, &str)]]) -> String {
    let mut text = columns.join(",");
    for row in rows {
        text.push('\n');
        let cell = |column: &String| {
            row.iter()
                .find(|(name, _)| name == column)
                .map_or("", |(_, value)| value)
        };
        text.push_str(&columns.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    text
}

fn verified<'a>(username: &'a str, email: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("cognito:username", username),
        ("email", email),
        ("email_verified", "TRUE"),
    ]
}

fn run(fixture: &Fixture, algorithm: Option<&str>, text: &str) -> Value {
    let job = create(fixture, algorithm);
    assert_eq!(put(fixture, &job, text.as_bytes(), &KMS).status, 200);
    fixture.ok("StartUserImportJob", json!({"JobId": job["JobId"]}));
    finish(fixture, &job)
}

fn finish(fixture: &Fixture, job: &Value) -> Value {
    for _ in 0..10 {
        let job =
            fixture.ok("DescribeUserImportJob", json!({"JobId": job["JobId"]}))["UserImportJob"]
                .clone();
        if !["Pending", "InProgress", "Stopping"]
            .contains(&job["Status"].as_str().expect("a status"))
        {
            return job;
        }
    }
    panic!("the job does not end");
}

#[test]
fn a_job_goes_from_created_to_succeeded_and_its_users_must_reset_their_passwords_in_silence() {
    let fixture = fixture();
    let columns = columns(&fixture);
    assert_eq!(
        columns[columns.len() - 2..],
        ["cognito:mfa_enabled", "cognito:username"]
    );
    assert!(!columns.contains(&"sub".to_owned()));
    let text = file(
        &columns,
        &[
            &verified("ada", "ada@example.com"),
            &[
                verified("grace", "grace@example.com").as_slice(),
                &[
                    ("birthdate", "02/01/1985"),
                    ("address", "1 Street\\, Town"),
                    ("name", "  Grace  "),
                ],
            ]
            .concat(),
        ],
    );
    let job = create(&fixture, None);
    assert_eq!(job["Status"], "Created");
    assert_eq!(put(&fixture, &job, text.as_bytes(), &KMS).status, 200);
    let started = fixture.ok("StartUserImportJob", json!({"JobId": job["JobId"]}));
    assert_eq!(started["UserImportJob"]["Status"], "Pending");
    let states: Vec<Value> = (0..3)
        .map(|_| {
            fixture.ok("DescribeUserImportJob", json!({"JobId": job["JobId"]}))["UserImportJob"]
                    ["Status"]
                    .clone()
        })
        .collect();
    assert_eq!(states, ["Pending", "InProgress", "Succeeded"]);
    let done = finish(&fixture, &job);
    assert_eq!(
        (
            &done["ImportedUsers"],
            &done["SkippedUsers"],
            &done["FailedUsers"]
        ),
        (&json!(2), &json!(0), &json!(0))
    );
    let evidence = fixture.simulator.evidence();
    assert_eq!((evidence.messages_sent, evidence.active_users), (0, 0));
    assert_eq!(fixture.user("ada")["UserStatus"], "RESET_REQUIRED");
    assert_eq!(
        fixture.attribute("ada", "email_verified").as_deref(),
        Some("true")
    );
    assert_eq!(
        fixture.attribute("grace", "birthdate").as_deref(),
        Some("1985-02-01")
    );
    assert_eq!(
        fixture.attribute("grace", "address").as_deref(),
        Some("1 Street, Town")
    );
    assert_eq!(fixture.attribute("grace", "name").as_deref(), Some("Grace"));
}

#[test]
fn rows_fail_or_are_skipped_by_line_number_and_the_others_come_in() {
    let fixture = fixture();
    fixture.create("taken", &[]);
    let long = "x".repeat(2049);
    let rows: Vec<Vec<(&str, &str)>> = vec![
        verified("good", "good@example.com"),
        verified("taken", "taken@example.com"),
        vec![
            ("cognito:username", "unverified"),
            ("email", "u@example.com"),
            ("email_verified", "FALSE"),
        ],
        vec![
            ("email", "nameless@example.com"),
            ("email_verified", "TRUE"),
        ],
        verified("with space", "s@example.com"),
        verified("noaddress", ""),
        [verified("long", "l@example.com"), vec![("name", &long)]].concat(),
        [
            verified("date", "d@example.com"),
            vec![("birthdate", "1985-02-01")],
        ]
        .concat(),
        [
            verified("mfa", "m@example.com"),
            vec![("cognito:mfa_enabled", "TRUE")],
        ]
        .concat(),
        [
            verified("mfaoff", "n@example.com"),
            vec![("cognito:mfa_enabled", "FALSE")],
        ]
        .concat(),
    ];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let job = run(&fixture, None, &file(&columns(&fixture), &rows));
    assert_eq!(job["Status"], "Succeeded");
    assert_eq!(
        (
            &job["ImportedUsers"],
            &job["SkippedUsers"],
            &job["FailedUsers"]
        ),
        (&json!(2), &json!(1), &json!(7))
    );
    let log = &fixture.simulator.evidence().import_log[job["JobId"].as_str().expect("an id")];
    assert_eq!(log[0], "[SUCCEEDED] Line Number 2 - The import succeeded.");
    assert_eq!(log[1], "[SKIPPED] Line Number 3 - The user already exists.");
    assert_eq!(
        log[2],
        "[FAILED] Line Number 4 - The User Record does not set any of the auto verified attributes to true. (Example: email_verified to true)."
    );
    assert!(
        log[3..9].iter().all(|line| line.starts_with("[FAILED]")),
        "{log:?}"
    );
    assert!(
        log.iter().all(|line| !line.contains("example.com")),
        "no user data in the log"
    );
}

#[test]
fn a_job_in_which_everything_fails_says_so() {
    let fixture = fixture();
    let text = file(
        &columns(&fixture),
        &[&[("cognito:username", "a")], &[("cognito:username", "b")]],
    );
    let job = run(&fixture, None, &text);
    assert_eq!(job["Status"], "Failed");
    assert_eq!(
        job["CompletionMessage"],
        "Too many users have failed or been skipped during the import."
    );
}

#[test]
fn a_file_that_is_not_as_documented_fails_the_job() {
    let fixture = fixture();
    let columns = columns(&fixture);
    let good = file(&columns, &[&verified("ada", "ada@example.com")]);
    let without_mfa: Vec<String> = columns
        .iter()
        .filter(|name| *name != "cognito:mfa_enabled")
        .cloned()
        .collect();
    let with_hash = format!("{},password_hash", columns.join(","));
    for text in [
        format!("\u{feff}{good}").into_bytes(),
        file(&without_mfa, &[&verified("ada", "ada@example.com")]).into_bytes(),
        format!("{with_hash}\n").into_bytes(),
        [good.as_bytes(), b"\xff\xfe"].concat(),
    ] {
        let job = create(&fixture, None);
        assert_eq!(put(&fixture, &job, &text, &KMS).status, 200);
        let job = fixture.ok("StartUserImportJob", json!({"JobId": job["JobId"]}))["UserImportJob"]
            .clone();
        assert_eq!(job["Status"], "Failed", "{job}");
    }
    let mut shuffled = columns.clone();
    shuffled.reverse();
    let job = run(
        &fixture,
        None,
        &file(&shuffled, &[&verified("ada", "ada@example.com")]),
    );
    assert_eq!(
        job["Status"], "Succeeded",
        "the order of columns does not matter"
    );
}

#[test]
fn a_row_may_have_sixteen_thousand_characters() {
    let schema: Vec<Value> = (0..10)
        .map(|index| json!({"Name": format!("custom:c{index}"), "AttributeDataType": "String"}))
        .collect();
    let fixture =
        Fixture::new(json!({"AutoVerifiedAttributes": ["email"], "SchemaAttributes": schema}));
    let columns = columns(&fixture);
    let row = |length: usize| {
        let empty = file(&columns, &[&verified("ada", "ada@example.com")]);
        let used = empty.lines().nth(1).expect("a row").len();
        let mut left = length - used;
        let values: Vec<(String, String)> = (0..10)
            .map(|index| {
                let size = left.min(2000);
                left -= size;
                (format!("custom:c{index}"), "x".repeat(size))
            })
            .collect();
        let extra: Vec<(&str, &str)> = values
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        file(
            &columns,
            &[&[verified("ada", "ada@example.com"), extra].concat()],
        )
    };
    assert_eq!(run(&fixture, None, &row(16_001))["FailedUsers"], 1);
    assert_eq!(run(&fixture, None, &row(16_000))["ImportedUsers"], 1);
}

#[test]
fn password_hashes_make_confirmed_users_an_empty_one_does_not_and_a_broken_one_fails_its_user() {
    let fixture = fixture();
    let mut columns = columns(&fixture);
    columns.push("password_hash".to_owned());
    let hash = format!("$2b$12${}", "a".repeat(53));
    let rows = [
        [
            verified("hashed", "h@example.com"),
            vec![("password_hash", hash.as_str())],
        ]
        .concat(),
        verified("without", "w@example.com"),
        [
            verified("broken", "b@example.com"),
            vec![("password_hash", "$2b$31$nonsense")],
        ]
        .concat(),
    ];
    let rows: Vec<&[(&str, &str)]> = rows.iter().map(Vec::as_slice).collect();
    let job = run(&fixture, Some("BCRYPT"), &file(&columns, &rows));
    assert_eq!(job["PasswordHashingAlgorithm"], "BCRYPT");
    assert_eq!(
        (&job["ImportedUsers"], &job["FailedUsers"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(fixture.user("hashed")["UserStatus"], "CONFIRMED");
    assert_eq!(fixture.user("without")["UserStatus"], "RESET_REQUIRED");
}

#[test]
fn a_passwordless_pool_imports_confirmed_users() {
    let fixture = Fixture::new(json!({
        "AutoVerifiedAttributes": ["email"],
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
    }));
    run(
        &fixture,
        None,
        &file(&columns(&fixture), &[&verified("ada", "ada@example.com")]),
    );
    assert_eq!(fixture.user("ada")["UserStatus"], "CONFIRMED");
}

#[test]
fn the_upload_wants_its_header_its_signature_and_its_quarter_of_an_hour() {
    let fixture = fixture();
    let job = create(&fixture, None);
    assert_eq!(put(&fixture, &job, b"x", &[]).status, 403);
    let mut forged = job.clone();
    forged["PreSignedUrl"] = json!(format!("{}0", job["PreSignedUrl"].as_str().expect("a URL")));
    assert_eq!(put(&fixture, &forged, b"x", &KMS).status, 403);
    fixture
        .simulator
        .advance_clock(Duration::from_secs(14 * 60));
    assert_eq!(put(&fixture, &job, b"x", &KMS).status, 200);
    fixture.simulator.advance_clock(Duration::from_secs(2 * 60));
    assert_eq!(put(&fixture, &job, b"x", &KMS).status, 403);
}

#[test]
fn a_job_starts_with_a_file_and_auto_verified_attributes_and_no_other_active_job() {
    let plain = Fixture::new(json!({}));
    let job = create(&plain, None);
    let start = |job: &Value| json!({"JobId": job["JobId"]});
    assert_eq!(put(&plain, &job, b"x", &KMS).status, 200);
    assert_eq!(
        plain.refused("StartUserImportJob", start(&job)).code,
        "PreconditionNotMetException"
    );

    let fixture = fixture();
    let (first, second) = (create(&fixture, None), create(&fixture, None));
    assert_eq!(
        fixture.refused("StartUserImportJob", start(&first)).code,
        "PreconditionNotMetException"
    );
    let text = file(&columns(&fixture), &[&verified("ada", "ada@example.com")]);
    for job in [&first, &second] {
        put(&fixture, job, text.as_bytes(), &KMS);
    }
    fixture.ok("StartUserImportJob", start(&first));
    assert_eq!(
        fixture.refused("StartUserImportJob", start(&second)).code,
        "PreconditionNotMetException"
    );
    // Unwatched, a job ends by the clock.
    fixture.simulator.advance_clock(Duration::from_secs(5 * 60));
    fixture.ok("StartUserImportJob", start(&second));
    assert_eq!(finish(&fixture, &first)["Status"], "Succeeded");
    assert_eq!(
        fixture.refused("StartUserImportJob", start(&first)).code,
        "PreconditionNotMetException"
    );
    assert_eq!(
        fixture
            .refused("DescribeUserImportJob", json!({"JobId": "import-unknown"}))
            .code,
        "ResourceNotFoundException"
    );
    let foreign =
        json!({"JobName": "job", "CloudWatchLogsRoleArn": "arn:aws:iam::111122223333:role/import"});
    assert_eq!(
        fixture.refused("CreateUserImportJob", foreign).message,
        "Cross-account pass role is not allowed."
    );
}

#[test]
fn a_stopped_job_keeps_what_it_has_imported_and_a_forgotten_one_expires() {
    let fixture = fixture();
    let job = create(&fixture, None);
    let text = file(
        &columns(&fixture),
        &[
            &verified("ada", "a@example.com"),
            &verified("grace", "g@example.com"),
        ],
    );
    put(&fixture, &job, text.as_bytes(), &KMS);
    fixture.ok("StartUserImportJob", json!({"JobId": job["JobId"]}));
    fixture.ok("DescribeUserImportJob", json!({"JobId": job["JobId"]}));
    let stopping = fixture.ok("StopUserImportJob", json!({"JobId": job["JobId"]}));
    assert_eq!(stopping["UserImportJob"]["Status"], "Stopping");
    let stopped = finish(&fixture, &job);
    assert_eq!(
        (&stopped["Status"], &stopped["ImportedUsers"]),
        (&json!("Stopped"), &json!(1))
    );
    assert_eq!(
        fixture
            .refused("StopUserImportJob", json!({"JobId": job["JobId"]}))
            .code,
        "PreconditionNotMetException"
    );
    let forgotten = create(&fixture, None);
    fixture
        .simulator
        .advance_clock(Duration::from_secs(25 * 60 * 60));
    assert_eq!(finish(&fixture, &forgotten)["Status"], "Expired");
}

#[test]
fn jobs_are_listed_newest_first_page_by_page() {
    let fixture = Fixture::with(
        Config::default(),
        json!({"UserPool": {"AutoVerifiedAttributes": ["email"]}}),
    );
    let made: Vec<Value> = (0..5)
        .map(|_| create(&fixture, None)["JobId"].clone())
        .collect();
    let mut found = Vec::new();
    let mut request = json!({"MaxResults": 2});
    loop {
        let answer = fixture.ok("ListUserImportJobs", request.clone());
        found.extend(
            answer["UserImportJobs"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|job| job["JobId"].clone()),
        );
        match answer.get("PaginationToken") {
            Some(token) => request["PaginationToken"] = token.clone(),
            None => break,
        }
    }
    found.reverse();
    assert_eq!(found, made);
}
