//! One exchange over the wire: our document in place of the SDK's, its answer or what came instead.

use std::sync::{Arc, Mutex};

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_cognitoidentityprovider::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_cognitoidentityprovider::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_types::body::SdkBody;
use model::failure::{causes, with_causes};
use serde_json::Value;

use crate::error::{CognitoError, ErrorKind, clean, kind_of};
use crate::operation::{Effect, Operation};

/// What came back over the wire.
#[derive(Debug)]
pub(super) struct Answered {
    status: u16,
    error_type: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answered {
    /// AWS JSON 1.1: the code stands in `__type` or the header, sometimes behind a namespace and
    /// before a colon.
    pub(super) fn into_error(self, operation: Operation, request: &Value) -> CognitoError {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or(Value::Null);
        let named = body
            .get("__type")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .or(self.error_type);
        let code = named
            .as_deref()
            .and_then(|code| code.split(':').next())
            .and_then(|code| code.rsplit('#').next())
            .filter(|code| !code.is_empty())
            .map_or_else(|| format!("Http{}", self.status), str::to_owned);
        let message = ["message", "Message"]
            .iter()
            .find_map(|member| body.get(*member).and_then(Value::as_str));
        let message = message.unwrap_or_default();
        let kind = kind_of(&code, message, self.status, operation);
        CognitoError {
            operation,
            kind,
            code,
            message: clean(message, operation, request),
        }
    }
}

/// No answer came. A request that never left can be repeated whatever it does.
pub(super) fn without_answer<E: std::error::Error + 'static, R: std::fmt::Debug>(
    operation: Operation,
    request: &Value,
    error: &SdkError<E, R>,
) -> CognitoError
where
    SdkError<E, R>: std::error::Error,
{
    let never_left = match error {
        SdkError::ConstructionFailure(_) => true,
        SdkError::DispatchFailure(failure) => failure
            .as_connector_error()
            .is_some_and(|error| error.is_user() || connecting(error)),
        _ => false,
    };
    let text = with_causes(error);
    let cause = std::error::Error::source(error);
    let (kind, code) = if cause.is_some_and(lacks_credentials) {
        (ErrorKind::NotAuthorized, "NoCredentials")
    } else if never_left || operation.effect() != Effect::Create {
        (ErrorKind::Unavailable, "NoAnswer")
    } else {
        (ErrorKind::AnswerLost, "NoAnswer")
    };
    CognitoError {
        operation,
        kind,
        code: code.into(),
        message: clean(&text, operation, request),
    }
}

/// Whether there are no credentials, or none that can be read: asking again does not help. A
/// provider that fails or does not answer in time may do so the next time.
fn lacks_credentials(error: &(dyn std::error::Error + 'static)) -> bool {
    let credentials = causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>());
    matches!(
        credentials,
        Some(CredentialsError::CredentialsNotLoaded(_) | CredentialsError::InvalidConfiguration(_))
    )
}

/// Whether the connection itself could not be made.
fn connecting(error: &aws_smithy_runtime_api::client::result::ConnectorError) -> bool {
    let is_refused = |cause: &(dyn std::error::Error + 'static)| {
        let error = cause.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
    };
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| causes(cause).any(is_refused))
}

/// Puts our request in the carrier's place and keeps the body of the answer.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) operation: Operation,
    pub(super) request: String,
    pub(super) answer: Arc<Mutex<Option<Answered>>>,
}

impl Intercept for Exchange {
    fn name(&self) -> &'static str {
        "RawDocumentExchange"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = format!("AWSCognitoIdentityProviderService.{}", self.operation);
        request.headers_mut().insert("x-amz-target", target);
        request
            .headers_mut()
            .insert("content-length", self.request.len().to_string());
        *request.body_mut() = SdkBody::from(self.request.clone());
        Ok(())
    }

    /// The body is in memory only after the SDK tried to make sense of it. Where it could not be
    /// read to its end, there was no answer.
    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let answered = response.body().bytes().map(|body| Answered {
            status: response.status().as_u16(),
            error_type: response
                .headers()
                .get("x-amzn-errortype")
                .map(str::to_owned),
            body: body.to_vec(),
        });
        *self
            .answer
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = answered;
        Ok(())
    }
}
