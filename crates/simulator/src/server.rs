//! HTTP: connections, headers, limits. Straight on hyper, because a lost answer needs a connection that closes
//! without one, which axum's infallible services cannot do.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::control;
use crate::error::ServiceError;
use crate::service::{self, Service};

/// The largest API request: managed-login branding has the largest limit, 2 MB (facts A.12), and base64 and JSON come
/// on top.
const MAX_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// The largest upload: over the 100 MB of an import file (facts C.5), so that a file that is too large can be shown to
/// fail.
const MAX_UPLOAD_BYTES: usize = 200 * 1024 * 1024;

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the answer is lost, as a fault asked")]
struct AnswerLost;

pub(crate) type HttpResponse = Response<Full<Bytes>>;

/// Serves until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, service: Arc<Service>) {
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file descriptors, for one: do not spin.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY was refused");
        }
        let local = stream.local_addr().ok();
        let service = Arc::clone(&service);
        tokio::spawn(async move {
            let handler = service_fn(|request| respond(request, &service, local));
            // A caller that hangs up, or an answer lost on purpose: nothing to report.
            let _ended = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), handler)
                .await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    service: &Arc<Service>,
    local: Option<SocketAddr>,
) -> Result<HttpResponse, AnswerLost> {
    let (parts, body) = request.into_parts();
    let is_control = parts.uri.path().starts_with("/_simulator/");
    let limit = if is_control {
        MAX_UPLOAD_BYTES
    } else {
        MAX_REQUEST_BYTES
    };
    let body = match Limited::new(body, limit).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            return Ok(error_response(&ServiceError {
                code: "RequestEntityTooLargeException".to_owned(),
                message: "The request is too large, or its body did not arrive.".to_owned(),
                status: 413,
            }));
        }
    };
    if is_control {
        return Ok(control::respond(service, &parts, &body));
    }
    if parts.method != Method::POST || parts.uri.path() != "/" {
        return Ok(error_response(&ServiceError::client(
            "UnknownOperationException",
            "",
        )));
    }
    let base_url = base_url(&parts.headers, local);
    let outcome = service.handle(&service::Request {
        target: text(&parts.headers, "x-amz-target"),
        authorization: text(&parts.headers, header::AUTHORIZATION.as_str()),
        base_url: &base_url,
        body: &body,
    });
    if !outcome.delay.is_zero() {
        tokio::time::sleep(outcome.delay).await;
    }
    if outcome.lose_answer {
        return Err(AnswerLost);
    }
    Ok(match outcome.result {
        Ok(reply) => amz_json(StatusCode::OK, reply.0.into()),
        Err(error) => error_response(&error),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Where the caller reached the simulator, for URLs that it is given.
fn base_url(headers: &HeaderMap, local: Option<SocketAddr>) -> String {
    match (text(headers, header::HOST.as_str()), local) {
        (Some(host), _) => format!("http://{host}"),
        (None, Some(local)) => format!("http://{local}"),
        (None, None) => String::new(),
    }
}

fn amz_json(status: StatusCode, body: Bytes) -> HttpResponse {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-amz-json-1.1"),
    );
    if let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    response
}

/// An error as AWS JSON 1.1 has it: `__type` and `message`, the code again in `x-amzn-errortype`.
pub(crate) fn error_response(error: &ServiceError) -> HttpResponse {
    let body = serde_json::json!({"__type": error.code, "message": error.message});
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    let mut response = amz_json(status, body.to_string().into());
    if let Ok(code) = HeaderValue::from_str(&format!("{}:", error.code)) {
        response.headers_mut().insert("x-amzn-errortype", code);
    }
    // Messages may quote what a caller sent; a header cannot carry all of that.
    if let Ok(message) = HeaderValue::from_str(&error.message) {
        response
            .headers_mut()
            .insert("x-amzn-errormessage", message);
    }
    response
}
