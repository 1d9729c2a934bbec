//! A caller for tests: AWS JSON 1.1 over a plain socket, signed as far as the simulator reads a signature.

#![allow(dead_code, reason = "each test program uses its own part")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Config, Simulator, SimulatorHandle};

/// The Region of tests that need one Region.
pub(crate) const REGION: &str = "eu-central-1";
/// A password that suits the default policy.
pub(crate) const PASSWORD: &str = "Str0ng!password";

/// An answer over HTTP.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
}

/// Sends one request on a connection of its own. `None`: the connection closed without an answer.
pub(crate) fn http(
    endpoint: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<HttpAnswer> {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the simulator listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    stream
        .write_all(head.as_bytes())
        .expect("the head goes out");
    // A server that refuses an oversized body may close before all of it is sent.
    let _sent = stream.write_all(body);
    let mut answer = Vec::new();
    let _read = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .expect("a status line");
    Some(HttpAnswer {
        status,
        headers: head,
        body: answer[end + 4..].to_vec(),
    })
}

pub(crate) fn authorization(access_key: &str, region: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={access_key}/20261121/{region}/cognito-idp/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0000"
    )
}

/// A refusal: code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// A simulator and a pool in it.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) pool: String,
}

impl Fixture {
    /// A simulator with a pool of the given `UserPool` members, an app client `client` and the groups `a` and `b`.
    pub(crate) fn new(user_pool: Value) -> Self {
        Self::with(Config::default(), json!({"UserPool": user_pool}))
    }

    /// The same from a pool document, with a configuration.
    pub(crate) fn with(config: Config, mut document: Value) -> Self {
        let simulator = Simulator::start(config).expect("a free port");
        if document.get("Clients").is_none() {
            document["Clients"] =
                json!([{"UserPoolClient": {"ClientId": "client", "ClientName": "client"}}]);
        }
        if document.get("Groups").is_none() {
            document["Groups"] = json!([{"GroupName": "a"}, {"GroupName": "b"}]);
        }
        let pool = simulator.seed(REGION, &document).expect("a pool document");
        Self { simulator, pool }
    }

    /// Calls an operation on the pool: `UserPoolId` is added unless the operation has none.
    pub(crate) fn call(&self, operation: &str, mut request: Value) -> Result<Value, Refusal> {
        if operation != "SignUp" && request.get("UserPoolId").is_none() {
            request["UserPoolId"] = json!(self.pool);
        }
        call(&self.simulator.endpoint(), REGION, operation, &request)
    }

    /// Calls an operation that must succeed.
    pub(crate) fn ok(&self, operation: &str, request: Value) -> Value {
        let shown = request.to_string();
        self.call(operation, request)
            .unwrap_or_else(|refusal| panic!("{operation} {shown}: {refusal:?}"))
    }

    /// Calls an operation that must be refused.
    pub(crate) fn refused(&self, operation: &str, request: Value) -> Refusal {
        let shown = request.to_string();
        match self.call(operation, request) {
            Err(refusal) => refusal,
            Ok(answer) => panic!("{operation} {shown} was accepted: {answer}"),
        }
    }

    /// Asserts a refusal by code and exact message.
    pub(crate) fn refuses(&self, operation: &str, request: Value, code: &str, message: &str) {
        let refusal = self.refused(operation, request);
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            (code, message),
            "{operation}"
        );
    }

    /// Creates a user in silence. Returns the `User` of the answer.
    pub(crate) fn create(&self, username: &str, attributes: &[(&str, &str)]) -> Value {
        self.ok("AdminCreateUser", create_request(username, attributes))["User"].clone()
    }

    /// AdminGetUser.
    pub(crate) fn user(&self, username: &str) -> Value {
        self.ok("AdminGetUser", json!({"Username": username}))
    }

    /// An attribute of a user.
    pub(crate) fn attribute(&self, username: &str, name: &str) -> Option<String> {
        let user = self.user(username);
        attribute(&user["UserAttributes"], name)
    }

    /// Creates a user and makes it CONFIRMED.
    pub(crate) fn confirmed(&self, username: &str, attributes: &[(&str, &str)]) {
        self.create(username, attributes);
        self.ok(
            "AdminSetUserPassword",
            json!({"Username": username, "Password": PASSWORD, "Permanent": true}),
        );
    }
}

pub(crate) fn create_request(username: &str, attributes: &[(&str, &str)]) -> Value {
    json!({"Username": username, "MessageAction": "SUPPRESS", "UserAttributes": attribute_list(attributes)})
}

pub(crate) fn attribute_list(attributes: &[(&str, &str)]) -> Value {
    attributes
        .iter()
        .map(|(name, value)| json!({"Name": name, "Value": value}))
        .collect()
}

pub(crate) fn attribute(list: &Value, name: &str) -> Option<String> {
    let list = list.as_array().expect("a list of attributes");
    list.iter()
        .find(|entry| entry["Name"] == name)
        .map(|entry| entry["Value"].as_str().expect("a text").to_owned())
}

/// A signed call as account 000000000000, or unsigned for SignUp.
pub(crate) fn call(
    endpoint: &str,
    region: &str,
    operation: &str,
    request: &Value,
) -> Result<Value, Refusal> {
    let authorization = authorization("AKIAEXAMPLE", region);
    let target = format!("AWSCognitoIdentityProviderService.{operation}");
    let mut headers = vec![
        ("x-amz-target", target.as_str()),
        ("content-type", "application/x-amz-json-1.1"),
    ];
    if operation != "SignUp" {
        headers.push(("authorization", &authorization));
    }
    let answer = http(
        endpoint,
        "POST",
        "/",
        &headers,
        request.to_string().as_bytes(),
    )
    .expect("an answer");
    let body: Value = serde_json::from_slice(&answer.body).expect("a JSON answer");
    if answer.status == 200 {
        return Ok(body);
    }
    let text = |member: &str| body[member].as_str().unwrap_or_default().to_owned();
    Err(Refusal {
        code: text("__type"),
        message: text("message"),
    })
}
