//! The rules on pools and their configuration: each with a refusal and the nearest request that is accepted, and what
//! Describe makes of what was written.

mod behaviour_of_accounts;
mod behaviour_of_clients;
mod behaviour_of_pages;
mod behaviour_of_pools;
mod rules_on_clients;
mod rules_on_messages;
mod rules_on_pages;
mod rules_on_pools;
mod rules_on_protection;
mod rules_on_providers;
mod rules_on_schemas;
mod updates;

use std::time::Duration;

use serde_json::{Value, json};

use crate::config::Config;
use crate::error::ServiceError;
use crate::service::{Request, Service};
use crate::shapes::{self, Model};
use crate::state::AccountId;

const ACCOUNT: &str = "000000000000";
const REGION: &str = "us-east-1";
const INVALID: &str = "InvalidParameterException";

/// A simulator without a network.
struct World {
    service: Service,
}

impl World {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let config = Config {
            seed: Some(7),
            ..config
        };
        let account = AccountId::parse(ACCOUNT).expect("an account id");
        let model = Model::embedded().expect("the model reads");
        Self {
            service: Service::new(config, account, model),
        }
    }

    /// A call by some account in some Region.
    fn call_as(
        &self,
        account: &str,
        region: &str,
        operation: &str,
        request: &Value,
    ) -> Result<Value, ServiceError> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={account}/20261120/{region}/cognito-idp/aws4_request, SignedHeaders=host, Signature=00"
        );
        let target = format!("AWSCognitoIdentityProviderService.{operation}");
        let body = request.to_string();
        let outcome = self.service.handle(&Request {
            target: Some(&target),
            authorization: Some(&authorization),
            base_url: "http://127.0.0.1:1",
            body: body.as_bytes(),
        });
        let reply = outcome.result?;
        let answer = serde_json::from_slice(&reply.0).expect("an answer is JSON");
        fits_the_model(operation, &answer);
        Ok(answer)
    }

    fn call(&self, operation: &str, request: &Value) -> Result<Value, ServiceError> {
        self.call_as(ACCOUNT, REGION, operation, request)
    }

    /// A call that must succeed.
    fn done(&self, operation: &str, request: &Value) -> Value {
        self.call(operation, request)
            .unwrap_or_else(|error| panic!("{operation} {request}: {error}"))
    }

    /// A call that must be refused.
    fn refused(&self, operation: &str, request: &Value) -> ServiceError {
        match self.call(operation, request) {
            Ok(answer) => panic!("{operation} {request} was accepted: {answer}"),
            Err(error) => error,
        }
    }

    /// A new pool's id.
    fn pool(&self, settings: &Value) -> String {
        let mut request = settings.clone();
        request["PoolName"] = json!("pool");
        id(&self.done("CreateUserPool", &request)["UserPool"]["Id"])
    }

    /// A new client's id.
    fn client(&self, pool: &str, settings: &Value) -> String {
        let mut request = settings.clone();
        request["UserPoolId"] = json!(pool);
        request["ClientName"] = json!("client");
        id(&self.done("CreateUserPoolClient", &request)["UserPoolClient"]["ClientId"])
    }

    /// The pool as Describe shows it.
    fn described(&self, pool: &str) -> Value {
        self.done("DescribeUserPool", &json!({"UserPoolId": pool}))["UserPool"].clone()
    }

    fn advance(&self, by: Duration) {
        self.service.control().clock_offset += by;
    }
}

/// An answer has the members that Amazon's model has, of their types, and no others. Full names of attributes are
/// longer than the model has it, and there are more of them: facts A.2.
fn fits_the_model(operation: &str, answer: &Value) {
    let model = Model::embedded().expect("the model reads");
    let mut document = answer.as_object().expect("an answer is an object").clone();
    if let Some(Value::Object(pool)) = document.get_mut("UserPool") {
        pool.remove("SchemaAttributes");
    }
    // The model has one word there, the service sends a sentence.
    if let Some(Value::Object(job)) = document.get_mut("UserImportJob") {
        job.remove("CompletionMessage");
    }
    match shapes::check(model, &format!("{operation}Response"), &mut document, true) {
        Ok(checked) => assert!(
            checked
                .unknown
                .iter()
                .all(|path| path.ends_with("MemberOfNextYear")),
            "{operation}: {:?}",
            checked.unknown
        ),
        Err(error) => panic!("{operation} {answer}: {error}"),
    }
}

fn id(value: &Value) -> String {
    value.as_str().expect("an id").to_owned()
}

/// A rule: in the same circumstances one request is refused and the nearest one is not.
///
/// `$POOL` in requests and texts is the pool, `$CLIENT` and `$OTHER` are confidential clients in it, `$PUBLIC` a
/// public one. Requests
/// get their `UserPoolId`, `PoolName` or `ClientName` if they have none and need one.
#[must_use]
struct Rule {
    name: &'static str,
    pool: Value,
    before: Vec<(&'static str, Value)>,
    operation: &'static str,
}

/// A rule on an operation.
fn rule(name: &'static str, operation: &'static str) -> Rule {
    Rule {
        name,
        pool: json!({}),
        before: Vec::new(),
        operation,
    }
}

impl Rule {
    /// In a pool created with these settings.
    fn in_pool(mut self, settings: Value) -> Self {
        self.pool = settings;
        self
    }

    /// After another call, which succeeds.
    fn after(mut self, operation: &'static str, request: Value) -> Self {
        self.before.push((operation, request));
        self
    }

    /// Checks that the one request is refused so, and the other accepted.
    fn refuses(&self, request: Value, code: &str, text: &str, accepted: Value) {
        let (result, pool) = self.attempt(&request);
        let error = match result {
            Ok(answer) => panic!("{}: {request} was accepted: {answer}", self.name),
            Err(error) => error,
        };
        assert_eq!(error.code, code, "{}: {}", self.name, error.message);
        assert_eq!(error.message, text.replace("$POOL", &pool), "{}", self.name);
        if let (Err(error), _) = self.attempt(&accepted) {
            panic!("{}: {accepted} was refused: {error}", self.name);
        }
    }

    fn attempt(&self, request: &Value) -> (Result<Value, ServiceError>, String) {
        let world = World::new();
        let pool = world.pool(&self.pool);
        let client = world.client(&pool, &json!({"GenerateSecret": true}));
        let other = world.client(&pool, &json!({"GenerateSecret": true}));
        let public = world.client(&pool, &json!({}));
        let filled = |operation: &str, request: &Value| {
            let text = request
                .to_string()
                .replace("$POOL", &pool)
                .replace("$CLIENT", &client)
                .replace("$OTHER", &other)
                .replace("$PUBLIC", &public);
            let mut request: Value = serde_json::from_str(&text).expect("still JSON");
            match operation {
                "CreateUserPool" => fill(&mut request, "PoolName", "another"),
                "TagResource" | "UntagResource" | "DescribeUserPoolDomain" | "ListUserPools" => {}
                "CreateUserPoolClient" => {
                    fill(&mut request, "UserPoolId", &pool);
                    fill(&mut request, "ClientName", "another");
                }
                _ => fill(&mut request, "UserPoolId", &pool),
            }
            request
        };
        for (operation, request) in &self.before {
            let _answer = world.done(operation, &filled(operation, request));
        }
        let result = world.call(self.operation, &filled(self.operation, request));
        (result, pool)
    }
}

fn fill(request: &mut Value, member: &str, value: &str) {
    if request.get(member).is_none() {
        request[member] = json!(value);
    }
}
