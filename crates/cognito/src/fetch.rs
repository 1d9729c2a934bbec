//! Plain HTTP, for the two things of Cognito that are not API calls: logos, which come as a
//! public `ImageUrl` (facts A.11), and the CSV of an import job, which goes to a pre-signed URL
//! (facts C.5).

use std::fs::File;
use std::io::Seek as _;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use crate::https;

/// The most that a logo may have: Cognito itself allows 100 KB (facts A.11).
const LARGEST_LOGO: usize = 1024 * 1024;
const CONNECT: Duration = Duration::from_secs(5);
const LOGO_DEADLINE: Duration = Duration::from_secs(15);
const UPLOAD_DEADLINE: Duration = Duration::from_secs(300);
/// So many bytes of a file are read at a time.
const READ_AT_ONCE: usize = 256 * 1024;

/// A transfer that failed. The address is not shown: a pre-signed one is a secret.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be used.
    #[error("the address is not a valid URL")]
    Address,
    /// No connection, or no answer in time.
    #[error("no answer: {0}")]
    NoAnswer(String),
    /// The file that is to be sent cannot be read.
    #[error("the file cannot be read: {0}")]
    File(String),
    /// The server refused.
    #[error("the server answered with status {0}")]
    Status(u16),
    /// More than any logo may have.
    #[error("it is larger than {LARGEST_LOGO} bytes")]
    TooLarge,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The `Content-Type`, where the server names one.
    pub content_type: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Fetches a logo.
///
/// # Errors
/// [`FetchError`] when there is none to be had within 15 s.
pub async fn logo(url: &str) -> Result<Fetched, FetchError> {
    let request = request("GET", url, SdkBody::empty())?;
    let response = send(request, LOGO_DEADLINE).await?;
    let content_type = response.headers().get("content-type").map(str::to_owned);
    let length = response
        .headers()
        .get("content-length")
        .and_then(|length| length.parse::<usize>().ok());
    if length.is_some_and(|length| length > LARGEST_LOGO) {
        return Err(FetchError::TooLarge);
    }
    let collecting = ByteStream::new(response.into_body()).collect();
    let body = tokio::time::timeout(LOGO_DEADLINE, collecting)
        .await
        .map_err(|_| FetchError::NoAnswer("timed out".into()))?
        .map_err(|error| FetchError::NoAnswer(error.to_string()))?;
    let bytes = body.to_vec();
    if bytes.len() > LARGEST_LOGO {
        Err(FetchError::TooLarge)
    } else {
        Ok(Fetched {
            content_type,
            bytes,
        })
    }
}

/// Uploads the CSV of an import job, all of the file, to its pre-signed URL, with the encryption
/// header that Cognito asks for (facts C.5).
///
/// # Errors
/// [`FetchError`] when it was not accepted within five minutes.
pub async fn upload_csv(url: &str, mut csv: File) -> Result<(), FetchError> {
    let unreadable = |error: &dyn std::fmt::Display| FetchError::File(error.to_string());
    csv.rewind().map_err(|error| unreadable(&error))?;
    let content = ByteStream::read_from()
        .file(tokio::fs::File::from_std(csv))
        .buffer_size(READ_AT_ONCE)
        .build()
        .await
        .map_err(|error| unreadable(&error))?;
    let (length, _) = content.size_hint();
    let mut request = request("PUT", url, content.into_inner())?;
    request
        .headers_mut()
        .insert("content-length", length.to_string());
    request
        .headers_mut()
        .insert("x-amz-server-side-encryption", "aws:kms");
    send(request, UPLOAD_DEADLINE).await.map(drop)
}

fn request(method: &'static str, url: &str, body: SdkBody) -> Result<HttpRequest, FetchError> {
    let request = http::Request::builder()
        .method(method)
        .uri(url)
        .body(body)
        .map_err(|_| FetchError::Address)?;
    HttpRequest::try_from(request).map_err(|_| FetchError::Address)
}

async fn send(request: HttpRequest, deadline: Duration) -> Result<HttpResponse, FetchError> {
    let connector = https::connector(CONNECT);
    let response = tokio::time::timeout(deadline, connector.call(request))
        .await
        .map_err(|_| FetchError::NoAnswer("timed out".into()))?
        .map_err(|error| FetchError::NoAnswer(error.to_string()))?;
    match response.status().as_u16() {
        200..=299 => Ok(response),
        status => Err(FetchError::Status(status)),
    }
}
