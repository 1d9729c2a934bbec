//! The simulator's own HTTP interface under `/_simulator/`: evidence, faults, seeds, dumps, and the two things that
//! AWS serves elsewhere than at the API's endpoint, import uploads (S3) and logos (CloudFront).

use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::config::{PassRole, SubPrefix};
use crate::error::ServiceError;
use crate::faults::{Faults, Latency};
use crate::generate::{self, GeneratorConfig};
use crate::pool::ui_customization;
use crate::quota::Quotas;
use crate::seed;
use crate::server::{HttpResponse, error_response};
use crate::service::Service;
use crate::state::Region;
use crate::user::import;

pub(crate) fn respond(service: &Service, parts: &Parts, body: &Bytes) -> HttpResponse {
    let path = parts
        .uri
        .path()
        .strip_prefix("/_simulator/")
        .unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let result = match (&parts.method, segments.as_slice()) {
        (&Method::GET, ["logo", pool, client, _]) => return logo(service, pool, client),
        (&Method::PUT, ["import", pool, job]) => return upload(service, parts, pool, job, body),
        (&Method::GET, ["evidence"]) => to_json(&service.control().collector.snapshot()),
        (&Method::DELETE, ["evidence"]) => {
            service.control().collector.reset();
            Ok(done())
        }
        (&Method::POST, ["faults"]) => from_json::<Faults>(body).map(|faults| {
            service.control().injector.set_faults(faults);
            done()
        }),
        (&Method::POST, ["latency"]) => from_json::<Latency>(body).map(|latency| {
            service.control().injector.set_latency(latency);
            done()
        }),
        (&Method::POST, ["quotas"]) => from_json::<Quotas>(body).map(|quotas| {
            service.control().quotas = quotas;
            done()
        }),
        (&Method::POST, ["pass-role"]) => from_json::<PassRole>(body).map(|pass_role| {
            service.state().pass_role = pass_role;
            done()
        }),
        (&Method::POST, ["sub-prefix"]) => from_json::<SubPrefix>(body).map(|sub_prefix| {
            service.state().sub_prefix = sub_prefix;
            done()
        }),
        (&Method::POST, ["clock"]) => from_json::<ClockRequest>(body).map(|request| {
            service.control().clock_offset += Duration::from_secs(request.advance_seconds);
            done()
        }),
        (&Method::POST, ["seed"]) => region(service, parts).and_then(|region| {
            let document = seed::parse(&from_json(body)?)?;
            seed::plant(service, &region, document, std::iter::empty()).map(pool_id)
        }),
        (&Method::POST, ["generate"]) => region(service, parts).and_then(|region| {
            let config = from_json::<GeneratorConfig>(body)?;
            let (document, users) = generate::pool(&config);
            seed::plant(service, &region, document, users).map(pool_id)
        }),
        (&Method::GET, ["dump"]) => region(service, parts).and_then(|region| {
            let pool = query(parts, "pool")
                .ok_or_else(|| bad_request("the query parameter `pool` is missing"))?;
            to_json(&seed::dump(service, &region, &pool)?)
        }),
        (&Method::POST, ["reset"]) => {
            service.state().clear();
            let mut control = service.control();
            control.collector.reset();
            control.injector.set_faults(Faults::default());
            Ok(done())
        }
        _ => Err(ServiceError {
            status: 404,
            ..bad_request("there is no such control")
        }),
    };
    result.unwrap_or_else(|error| error_response(&error))
}

#[derive(Debug, serde::Deserialize)]
struct ClockRequest {
    advance_seconds: u64,
}

fn bad_request(message: impl Into<String>) -> ServiceError {
    ServiceError::client("SimulatorControlException", message)
}

fn from_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ServiceError> {
    serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))
}

fn to_json<T: Serialize>(value: &T) -> Result<HttpResponse, ServiceError> {
    let body =
        serde_json::to_vec(value).map_err(|error| ServiceError::internal(error.to_string()))?;
    Ok(content(StatusCode::OK, "application/json", body.into()))
}

fn done() -> HttpResponse {
    content(
        StatusCode::OK,
        "application/json",
        Bytes::from_static(b"{}"),
    )
}

fn pool_id(id: String) -> HttpResponse {
    content(
        StatusCode::OK,
        "application/json",
        json!({"UserPoolId": id}).to_string().into(),
    )
}

fn content(status: StatusCode, kind: &'static str, body: Bytes) -> HttpResponse {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A query parameter. Values here are ids and Regions, which need no decoding.
fn query(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query()?;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .map(str::to_owned)
}

fn region(service: &Service, parts: &Parts) -> Result<Region, ServiceError> {
    match query(parts, "region") {
        None => Ok(service.config.default_region.clone()),
        Some(name) => {
            Region::parse(&name).ok_or_else(|| bad_request(format!("there is no Region {name}")))
        }
    }
}

fn logo(service: &Service, pool: &str, client: &str) -> HttpResponse {
    match ui_customization::logo(&service.state(), pool, client) {
        Some((kind, bytes)) => content(StatusCode::OK, kind, bytes.into()),
        None => content(
            StatusCode::FORBIDDEN,
            "application/xml",
            Bytes::from_static(b"<Error><Code>AccessDenied</Code></Error>"),
        ),
    }
}

/// The presigned PUT of an import file; errors are S3's.
fn upload(service: &Service, parts: &Parts, pool: &str, job: &str, body: &Bytes) -> HttpResponse {
    let token = query(parts, "X-Amz-Signature").unwrap_or_default();
    let encryption = parts
        .headers
        .get("x-amz-server-side-encryption")
        .and_then(|value| value.to_str().ok());
    let result = service.with_effects(|state, now, _| {
        import::upload(state, now, pool, job, &token, encryption, body)
    });
    match result {
        Ok(()) => content(StatusCode::OK, "application/xml", Bytes::new()),
        Err(code) => {
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code></Error>"
            );
            content(StatusCode::FORBIDDEN, "application/xml", body.into())
        }
    }
}
