//! For tests: the AWS services that are asked, on loopback, with what a test puts into them.
//!
//! They answer reads alone, in the form of the real services as the SDKs read it. What they
//! answer to whom (permissions, real error texts) only AWS can show.

mod cbor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_lambda::config::Credentials;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};
use vault::testing::LoopbackServer;

/// Larger than anything that is asked.
const LARGEST_BODY: usize = 1024 * 1024;

/// What the services of an account hold.
#[derive(Debug, Clone, Default)]
pub struct Account {
    /// ARNs of functions.
    pub functions: BTreeSet<String>,
    /// The variables of functions, by `REGION/NAME`.
    pub variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Trust policies of roles, by name.
    pub roles: BTreeMap<String, Value>,
    /// SES identities, by `REGION/NAME`, and whether they are verified.
    pub ses_identities: BTreeMap<String, bool>,
    /// Whether SES is in its sandbox.
    pub ses_sandbox: bool,
    /// States of KMS keys by ARN.
    pub kms_keys: BTreeMap<String, String>,
    /// States of certificates by ARN.
    pub certificates: BTreeMap<String, String>,
    /// ARNs of regional web ACLs by name.
    pub web_acls: BTreeMap<String, String>,
    /// Whether SMS is in its sandbox.
    pub sms_sandbox: bool,
    /// `MonthlySpendLimit`.
    pub sms_spend: String,
    /// Alarms by Region.
    pub alarms: BTreeMap<String, Vec<Alarm>>,
    /// ARNs of e-mail subscriptions by topic: an ARN, or `PendingConfirmation`.
    pub subscriptions: BTreeMap<String, Vec<String>>,
    /// Services that refuse everything, by the name in their signatures.
    pub refusing: BTreeSet<String>,
}

/// An alarm.
#[derive(Debug, Clone)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// Whether its actions are switched on.
    pub is_on: bool,
    /// Whom it tells.
    pub actions: Vec<String>,
}

/// The running services; dropping it stops them.
#[derive(Debug)]
pub struct Services {
    server: LoopbackServer,
    account: Arc<Mutex<Account>>,
}

impl Services {
    /// Starts them, on a thread of their own.
    ///
    /// # Panics
    /// When there is no free port: a test cannot go on then.
    pub fn start(account: Account) -> Self {
        let account = Arc::new(Mutex::new(account));
        let router = Router::new().fallback(respond).with_state(account.clone());
        let server = LoopbackServer::start(router);
        Self { server, account }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// What they hold, to be changed.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What clients in `region` are made of that reach some services, by their names such as
/// `S3`, at endpoints of their own, and all others at `other`.
pub async fn config(region: &str, endpoints: &[(&str, String)], other: String) -> SdkConfig {
    let credentials = Credentials::new("AKIAEXAMPLE", "test", None, None, "test");
    let own = endpoints
        .iter()
        .map(|(service, url)| ((*service).to_owned(), url.clone()));
    let loaded = aws_config::defaults(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
        .load();
    let config = loaded.await.to_builder();
    config
        .service_config(Endpoints {
            own: own.collect(),
            other,
        })
        .build()
}

#[derive(Debug)]
struct Endpoints {
    own: BTreeMap<String, String>,
    other: String,
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        let own = self.own.get(key.service_id());
        (key.profile() == "endpoint_url").then(|| own.unwrap_or(&self.other).clone())
    }
}

async fn respond(State(account): State<Arc<Mutex<Account>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
    let account = account.lock().unwrap_or_else(PoisonError::into_inner);
    let (region, service) = scope(&parts.headers);
    let asked = Asked {
        account: &account,
        region: &region,
        path: parts.uri.path(),
        target: header(&parts.headers, "x-amz-target"),
        form: &form(&String::from_utf8_lossy(&body)),
        body: &serde_json::from_slice(&body).unwrap_or_default(),
    };
    asked.answer(&service)
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

/// Region and service, as the signature names them:
/// `Credential=KEY/DAY/REGION/SERVICE/aws4_request`.
fn scope(headers: &HeaderMap) -> (String, String) {
    let parts: Vec<&str> = header(headers, "authorization").split('/').collect();
    let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
    (part(2), part(3))
}

fn form(body: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

/// One request.
struct Asked<'a> {
    account: &'a Account,
    region: &'a str,
    path: &'a str,
    target: &'a str,
    form: &'a BTreeMap<String, String>,
    body: &'a Value,
}

impl Asked<'_> {
    fn answer(&self, service: &str) -> Response {
        if self.account.refusing.contains(service) {
            return self.error(service, 403, "AccessDeniedException");
        }
        match service {
            "lambda" => self.lambda(),
            "iam" => self.iam(),
            "sns" => self.sns(),
            "ses" => self.ses(),
            "kms" => self.kms(),
            "acm" => self.acm(),
            "wafv2" => self.wafv2(),
            "monitoring" => self.alarms(),
            other => self.error(other, 400, "UnknownOperationException"),
        }
    }

    fn error(&self, service: &str, status: u16, code: &str) -> Response {
        match service {
            "iam" | "sns" => xml(
                status,
                &format!(
                    "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
                ),
            ),
            "monitoring" => cbor(status, &json!({"__type": code, "message": "no"})),
            _ => reply(
                status,
                "application/json",
                json!({"__type": code, "message": "no"}).to_string(),
                &[("x-amzn-errortype", code)],
            ),
        }
    }

    fn lambda(&self) -> Response {
        let mut parts = self.path.split('/').skip(3);
        let named = percent_decode_str(parts.next().unwrap_or_default());
        let named = named.decode_utf8_lossy();
        let missing = || self.error("lambda", 404, "ResourceNotFoundException");
        match (parts.next(), parts.next()) {
            (Some("concurrency"), _) if self.account.functions.contains(&*named) => {
                json_reply(&json!({}))
            }
            (Some("aliases"), Some(alias))
                if self.account.functions.contains(&format!("{named}:{alias}")) =>
            {
                json_reply(&json!({"Name": alias}))
            }
            (Some("configuration"), _) => {
                match self
                    .account
                    .variables
                    .get(&format!("{}/{named}", self.region))
                {
                    Some(variables) => json_reply(
                        &json!({"FunctionName": named, "Environment": {"Variables": variables}}),
                    ),
                    None => missing(),
                }
            }
            _ => missing(),
        }
    }

    fn iam(&self) -> Response {
        let name = self.form.get("RoleName").map_or("", String::as_str);
        let Some(policy) = self.account.roles.get(name) else {
            return self.error("iam", 404, "NoSuchEntity");
        };
        let policy = utf8_percent_encode(&policy.to_string(), NON_ALPHANUMERIC).to_string();
        xml(
            200,
            &format!(
                "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>{name}</RoleName><RoleId>A</RoleId><Arn>arn:aws:iam::111122223333:role/{name}</Arn><CreateDate>2026-01-01T00:00:00Z</CreateDate><AssumeRolePolicyDocument>{policy}</AssumeRolePolicyDocument></Role></GetRoleResult></GetRoleResponse>"
            ),
        )
    }

    fn sns(&self) -> Response {
        let action = self.form.get("Action").map_or("", String::as_str);
        let result = match action {
            "ListSubscriptionsByTopic" => {
                let topic = self.form.get("TopicArn").map_or("", String::as_str);
                let Some(subscriptions) = self.account.subscriptions.get(topic) else {
                    return self.error("sns", 404, "NotFound");
                };
                let members: String = subscriptions
                    .iter()
                    .map(|arn| format!("<member><Protocol>email</Protocol><Endpoint>a@example.com</Endpoint><SubscriptionArn>{arn}</SubscriptionArn></member>"))
                    .collect();
                format!("<Subscriptions>{members}</Subscriptions>")
            }
            "GetSMSSandboxAccountStatus" => {
                format!("<IsInSandbox>{}</IsInSandbox>", self.account.sms_sandbox)
            }
            "GetSMSAttributes" => format!(
                "<attributes><entry><key>MonthlySpendLimit</key><value>{}</value></entry></attributes>",
                self.account.sms_spend
            ),
            _ => return self.error("sns", 400, "InvalidAction"),
        };
        xml(
            200,
            &format!(
                "<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"
            ),
        )
    }

    fn ses(&self) -> Response {
        if self.path == "/v2/email/account" {
            let production = !self.account.ses_sandbox;
            return json_reply(
                &json!({"ProductionAccessEnabled": production, "SendingEnabled": true}),
            );
        }
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let name = percent_decode_str(name).decode_utf8_lossy();
        match self
            .account
            .ses_identities
            .get(&format!("{}/{name}", self.region))
        {
            Some(verified) => json_reply(&json!({"VerifiedForSendingStatus": verified})),
            None => self.error("ses", 404, "NotFoundException"),
        }
    }

    fn kms(&self) -> Response {
        let arn = self.body["KeyId"].as_str().unwrap_or_default();
        match self.account.kms_keys.get(arn) {
            Some(state) => json_reply(&json!({"KeyMetadata": {"KeyId": arn, "KeyState": state}})),
            None => self.error("kms", 400, "NotFoundException"),
        }
    }

    fn acm(&self) -> Response {
        let arn = self.body["CertificateArn"].as_str().unwrap_or_default();
        match self.account.certificates.get(arn) {
            Some(status) => {
                json_reply(&json!({"Certificate": {"CertificateArn": arn, "Status": status}}))
            }
            None => self.error("acm", 400, "ResourceNotFoundException"),
        }
    }

    fn wafv2(&self) -> Response {
        if !self.target.ends_with(".ListWebACLs") {
            return self.error("wafv2", 400, "WAFInvalidOperationException");
        }
        let acls = self.account.web_acls.iter();
        let acls: Vec<Value> = acls
            .map(|(name, arn)| json!({"Name": name, "ARN": arn}))
            .collect();
        json_reply(&json!({"WebACLs": acls}))
    }

    fn alarms(&self) -> Response {
        let alarms = self.account.alarms.get(self.region).into_iter().flatten();
        let alarms: Vec<Value> = alarms
            .map(|alarm| json!({"AlarmName": alarm.name, "ActionsEnabled": alarm.is_on, "AlarmActions": alarm.actions}))
            .collect();
        cbor(200, &json!({"MetricAlarms": alarms}))
    }
}

fn reply(
    status: u16,
    content_type: &str,
    body: impl Into<Body>,
    headers: &[(&str, &str)],
) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("content-type", content_type);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap_or_default()
}

fn json_reply(body: &Value) -> Response {
    reply(200, "application/json", body.to_string(), &[])
}

fn xml(status: u16, body: &str) -> Response {
    reply(status, "text/xml", body.to_owned(), &[])
}

fn cbor(status: u16, body: &Value) -> Response {
    let body = cbor::of(body);
    reply(
        status,
        "application/cbor",
        body,
        &[("smithy-protocol", "rpc-v2-cbor")],
    )
}
