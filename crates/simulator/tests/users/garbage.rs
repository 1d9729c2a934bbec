//! Requests that nobody would send: every operation answers them, and none panics.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Value, json};
use simulator::{Config, GeneratorConfig};

use crate::support::{Fixture, REGION, authorization, http};

const MODEL: &str = include_str!("../../model/cognito-idp.json");
/// Requests for each operation.
const ROUNDS: usize = 40;

/// Texts that are at home somewhere in a pool, and texts that are at home nowhere.
const TEXTS: [&str; 22] = [
    "",
    " ",
    "a",
    "ada",
    "client",
    "ALL",
    "Cognito",
    "Google",
    "Corporate",
    "email",
    "true",
    "custom:x",
    "https://example.com",
    "a@example.com",
    "+49123456",
    "{####}",
    "arn:aws:iam::000000000000:role/r",
    "user-0000001",
    "group-000",
    "\u{202e}👩‍👩‍👧‍👦\u{0}",
    "import-0",
    "-1",
];

struct Fuzzer<'m> {
    shapes: &'m Map<String, Value>,
    pool: &'m str,
    rng: StdRng,
}

impl Fuzzer<'_> {
    fn text(&mut self) -> String {
        TEXTS
            .choose(&mut self.rng)
            .copied()
            .unwrap_or_default()
            .to_owned()
    }

    /// A value of a shape; mostly of its type, at times of another.
    fn value(&mut self, shape: &str, depth: usize) -> Value {
        if self.rng.random_bool(0.02) || depth > 8 {
            return [
                json!(null),
                json!([]),
                json!({}),
                json!(1.5),
                json!("x"),
                json!(true),
            ]
            .choose(&mut self.rng)
            .cloned()
            .unwrap_or_default();
        }
        let shape_name = shape;
        let shape = &self.shapes[shape];
        let name = |member: &str| shape[member].as_str().unwrap_or_default().to_owned();
        match shape["type"].as_str().unwrap_or_default() {
            "structure" => {
                let members = shape["members"].as_object().cloned().unwrap_or_default();
                let required = shape["required"].as_array().cloned().unwrap_or_default();
                let mut object = Map::new();
                for (member, target) in &members {
                    let needed = required.iter().any(|name| name == member);
                    if self.rng.random_bool(if needed { 0.97 } else { 0.3 }) {
                        let target = target.as_str().unwrap_or_default();
                        object.insert(member.clone(), self.value(target, depth + 1));
                    }
                }
                Value::Object(object)
            }
            "list" => {
                let count = self.rng.random_range(0..3);
                (0..count)
                    .map(|_| self.value(&name("member"), depth + 1))
                    .collect()
            }
            "map" => {
                let count = self.rng.random_range(0..3);
                (0..count)
                    .map(|_| (self.text(), self.value(&name("value"), depth + 1)))
                    .collect()
            }
            "string" if shape_name == "UserPoolIdType" => json!(self.pool),
            "string" => match shape["enum"].as_array() {
                Some(values) => values.choose(&mut self.rng).cloned().unwrap_or_default(),
                None => json!(self.text()),
            },
            "integer" | "long" => json!(self.rng.random_range(-2..70)),
            "boolean" => json!(self.rng.random_bool(0.5)),
            "blob" => json!("AAAA"),
            _ => json!(1_700_000_000),
        }
    }
}

#[test]
fn no_request_of_any_shape_makes_an_operation_panic() {
    let mut fixture = Fixture::with(Config::default(), json!({}));
    let endpoint = fixture.simulator.endpoint();
    let authorization = authorization("k", REGION);
    let model: Value = serde_json::from_str(MODEL).expect("the model");
    let operations = model["operations"].as_object().expect("operations");
    let (mut accepted, mut refused) = (0, 0);
    for (operation, entry) in operations {
        fixture.pool = fixture
            .simulator
            .generate(REGION, &GeneratorConfig::nasty(10))
            .expect("a pool");
        let mut fuzzer = Fuzzer {
            shapes: model["shapes"].as_object().expect("shapes"),
            pool: &fixture.pool,
            rng: StdRng::seed_from_u64(7),
        };
        for _ in 0..ROUNDS {
            let body = fuzzer
                .value(entry["input"].as_str().expect("a shape"), 0)
                .to_string();
            let target = format!("AWSCognitoIdentityProviderService.{operation}");
            let headers = [
                ("x-amz-target", target.as_str()),
                ("authorization", &authorization),
            ];
            let answer = http(&endpoint, "POST", "/", &headers, body.as_bytes())
                .unwrap_or_else(|| panic!("{operation} did not answer {body}"));
            match answer.status {
                200 => accepted += 1,
                400 => refused += 1,
                status => panic!("{operation} answered {status} to {body}"),
            }
        }
    }
    // Both ways are walked.
    assert!(
        accepted > 200 && refused > 200,
        "{accepted} accepted, {refused} refused"
    );
}
