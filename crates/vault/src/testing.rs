//! For tests: an S3 in memory, on loopback, strict where this system leans on S3.
//!
//! It knows versions, ranges, pages, conditional writes and multipart uploads with their sums and
//! smallest part, and can fail at any request, before or after carrying it out. JSON services
//! (DynamoDB, Step Functions, SNS, WAF) can be given canned answers at the same endpoint, and KMS
//! makes data keys and MACs there.

mod kms;
mod server;
mod steps;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::config::{Credentials, Region};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

pub use server::LoopbackServer;
pub use steps::{Steps, vault_with_steps};

use kms::Kms;
use store::Store;

use crate::frames::{FrameWriter, is_compressed};

/// A document in the form in which one is stored whose name ends with `.json.zst`.
///
/// # Panics
/// When zstd fails, which it does only without memory.
pub fn compressed(document: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frames = FrameWriter::after(Vec::new());
    let written = frames.write(document, &mut out);
    let finished = written.and_then(|()| frames.finish(&mut out));
    finished.expect("memory");
    out
}

/// The document in an object, compressed or not.
///
/// # Panics
/// When it is damaged.
pub fn content(stored: &[u8]) -> Vec<u8> {
    match is_compressed(stored) {
        true => zstd::stream::decode_all(stored).expect("whole frames"),
        false => stored.to_vec(),
    }
}

/// Larger than anything that a test sends at once.
const LARGEST_BODY: usize = 64 * 1024 * 1024;

/// Whether a request that fails is carried out first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails before anything is done.
    Before,
    /// It is carried out, and the answer is lost.
    After,
}

/// A running S3 with one empty bucket; dropping it stops it.
#[derive(Debug)]
pub struct MemoryS3 {
    server: LoopbackServer,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    store: Store,
    kms: Kms,
    requests: u64,
    /// One passing failure at this request.
    failing: Option<(u64, Fault)>,
    /// Passing failures at every so-manieth request, in turn before and after it is carried out.
    failing_often: Option<u64>,
    /// From this request on nothing is answered any more.
    dying: Option<(u64, Fault)>,
    answers: HashMap<String, (u16, Value)>,
    calls: Vec<(String, Value)>,
}

/// What is sent back.
#[derive(Debug)]
struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Bytes,
}

impl Reply {
    fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    fn error(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>");
        Self::new(status)
            .with("content-type", "application/xml")
            .body(body)
    }
}

impl MemoryS3 {
    /// Starts one that has the bucket `bucket`, on a thread of its own.
    ///
    /// # Panics
    /// When there is no free port: a test cannot go on then.
    pub fn start(bucket: &str) -> Self {
        let mut inner = Inner::default();
        inner.store.add_bucket(bucket);
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new().fallback(respond).with_state(inner.clone());
        let server = LoopbackServer::start(router);
        Self { server, inner }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// A configuration whose clients talk to it.
    pub async fn config(&self) -> SdkConfig {
        let credentials = Credentials::new("000000000000", "test", None, None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .region(Region::new("us-east-1"))
            .credentials_provider(credentials)
            .endpoint_url(self.endpoint())
            .load()
            .await
    }

    /// Puts an object in, as its newest version.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        let mut inner = self.inner();
        inner.store.add_bucket(bucket);
        inner.store.put(bucket, key, bytes.into(), HashMap::new());
    }

    /// Removes an object with all its versions.
    pub fn remove(&self, bucket: &str, key: &str) {
        self.inner().store.remove(bucket, key);
    }

    /// Sets the time of an object, such as `Thu, 02 Jan 2025 03:20:00 GMT`. Without, none is told.
    pub fn set_last_modified(&self, bucket: &str, key: &str, time: &str) {
        self.inner().store.set_last_modified(bucket, key, time);
    }

    /// Sets what became of the replica of an object's newest version: `PENDING`, `COMPLETED` or
    /// `FAILED`. Without, no rule replicates it.
    pub fn set_replication_status(&self, bucket: &str, key: &str, status: &str) {
        let mut inner = self.inner();
        inner.store.set_replication_status(bucket, key, status);
    }

    /// How many versions an object has.
    pub fn versions(&self, bucket: &str, key: &str) -> usize {
        self.inner().store.versions(bucket, key)
    }

    /// The newest version of an object.
    pub fn get(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.inner().store.newest(bucket, key)
    }

    /// All keys of a bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.inner().store.keys(bucket)
    }

    /// The tags of an object, as they were sent.
    pub fn tags(&self, bucket: &str, key: &str) -> Option<String> {
        self.inner().store.tags(bucket, key)
    }

    /// How many multipart uploads are neither completed nor aborted.
    pub fn open_uploads(&self) -> usize {
        self.inner().store.open_uploads()
    }

    /// Gives lists in pages of this many keys instead of 1,000.
    pub fn set_page_size(&self, keys: usize) {
        self.inner().store.page_size = keys;
    }

    /// Changes a bit of the next upload that is completed, as no promise of S3 allows.
    pub fn corrupt_the_next(&self) {
        self.inner().store.corrupts = true;
    }

    /// Lets KMS refuse a key.
    pub fn disable_key(&self, arn: &str) {
        self.inner().kms.disabled.insert(arn.to_owned());
    }

    /// How many requests came since the start or the last fault was set.
    pub fn requests(&self) -> u64 {
        self.inner().requests
    }

    /// Lets the `nth` request from now (from 1) fail once, in a way that passes.
    pub fn fail_at(&self, nth: u64, fault: Fault) {
        let mut inner = self.inner();
        inner.requests = 0;
        inner.failing = Some((nth, fault));
    }

    /// Lets every `nth` request from now on fail in a way that passes: in turn before anything is
    /// done, and with its answer lost.
    pub fn fail_often(&self, nth: u64) {
        let mut inner = self.inner();
        inner.requests = 0;
        inner.failing_often = Some(nth);
    }

    /// Refuses the `nth` request from now (from 1) and all after it, as if the caller had died:
    /// until [`revive`](Self::revive).
    pub fn die_at(&self, nth: u64, fault: Fault) {
        let mut inner = self.inner();
        inner.requests = 0;
        inner.dying = Some((nth, fault));
    }

    /// Answers again, and counts requests anew.
    pub fn revive(&self) {
        let mut inner = self.inner();
        inner.requests = 0;
        inner.failing = None;
        inner.failing_often = None;
        inner.dying = None;
    }

    /// Answers requests with this `X-Amz-Target` from now on; the default is 200 and `{}`.
    pub fn answer(&self, target: &str, status: u16, answer: Value) {
        self.inner()
            .answers
            .insert(target.to_owned(), (status, answer));
    }

    /// The requests with this `X-Amz-Target` that were carried out.
    pub fn calls(&self, target: &str) -> Vec<Value> {
        let inner = self.inner();
        let calls = inner.calls.iter().filter(|(called, _)| called == target);
        calls.map(|(_, body)| body.clone()).collect()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        lock(&self.inner)
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

async fn respond(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let reply = match to_bytes(body, LARGEST_BODY).await {
        Ok(body) => lock(&inner).reply(&parts.method, &parts.uri, &parts.headers, &body),
        Err(_) => Reply::error(400, "IncompleteBody"),
    };
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or_default();
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl Inner {
    fn reply(&mut self, method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Reply {
        self.requests += 1;
        let number = self.requests;
        let once = self.failing.filter(|(nth, _)| *nth == number);
        let often = self.failing_often.filter(|nth| number.is_multiple_of(*nth));
        let often = often.map(|nth| match number / nth % 2 {
            0 => Fault::After,
            _ => Fault::Before,
        });
        let passing = once.map(|(_, fault)| fault).or(often);
        let dead = self.dying.filter(|(nth, _)| *nth <= number);
        // Only the first of the requests that a dying caller sends may still be carried out.
        let carried_out = match (passing, dead) {
            (Some(fault), _) => fault == Fault::After,
            (None, Some((nth, fault))) => nth == number && fault == Fault::After,
            (None, None) => true,
        };
        let reply = carried_out.then(|| self.carry_out(method, uri, headers, body));
        match (passing, dead, reply) {
            (None, None, Some(reply)) => reply,
            (Some(_), _, _) => Reply::error(500, "InternalError"),
            // Not a code that any client repeats.
            _ => Reply::error(400, "CallerDied"),
        }
    }

    fn carry_out(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Reply {
        let target = headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let Some(target) = target else {
            return self.store.reply(method, uri, headers, body);
        };
        let request = serde_json::from_slice(body).unwrap_or(Value::Null);
        let canned = self.answers.get(target).cloned();
        let answer = canned.or_else(|| self.kms.reply(target, headers, &request));
        self.calls.push((target.to_owned(), request));
        let (status, answer) = answer.unwrap_or_else(|| (200, json!({})));
        Reply::new(status)
            .with("content-type", "application/x-amz-json-1.0")
            .body(answer.to_string())
    }
}
