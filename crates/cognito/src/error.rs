//! What an error of Cognito means for whoever called.

use model::Failure;
use model::secret::is_secret_member;

use crate::operation::Operation;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many requests; it was waited out as long as allowed (`TooManyRequestsException`).
    Throttled,
    /// A quota on a number of things is used up (`LimitExceededException`): waiting does not
    /// help (facts B.1).
    Quota,
    /// The pool, client, group or user is not there.
    Missing,
    /// There already is one (`UsernameExistsException`, `GroupExistsException`, ...).
    AlreadyExists,
    /// Cognito does not accept the request as it is.
    Refused,
    /// IAM or the credentials do not allow the call.
    NotAuthorized,
    /// Another change to the pool is under way (`ConcurrentModificationException`,
    /// `UserImportInProgressException`), and still was after waiting.
    Conflict,
    /// The pool's feature plan or the Region does not have the feature.
    FeatureUnavailable,
    /// The service failed, or no answer came; the call has had no effect or may be repeated.
    Unavailable,
    /// No answer came to a call that creates: it may have been carried out. Look, then decide.
    AnswerLost,
    /// Anything else.
    Unknown,
}

/// A call of Cognito that failed.
///
/// The text holds the operation, the code and Cognito's message, out of which everything
/// personal or secret that the request held is cut.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed: {code}: {message}")]
pub struct CognitoError {
    /// What was called.
    pub operation: Operation,
    /// What it means.
    pub kind: ErrorKind,
    /// Cognito's code, such as `InvalidParameterException`, or a name of ours for what never
    /// reached it.
    pub code: String,
    /// Cognito's text, cleaned.
    pub message: String,
}

impl CognitoError {
    /// Whether the kind is `kind`.
    pub fn is(&self, kind: ErrorKind) -> bool {
        self.kind == kind
    }

    /// The name under which it reaches Step Functions when it ends an invocation.
    pub fn failure(&self) -> Failure {
        match self.kind {
            ErrorKind::Throttled
            | ErrorKind::Unavailable
            | ErrorKind::Conflict
            | ErrorKind::AnswerLost => Failure::CognitoUnavailable,
            ErrorKind::Quota => Failure::QuotaReached,
            ErrorKind::Missing => Failure::UserPoolNotFound,
            ErrorKind::NotAuthorized => Failure::NotAuthorized,
            ErrorKind::Refused | ErrorKind::AlreadyExists | ErrorKind::FeatureUnavailable => {
                Failure::Refused
            }
            ErrorKind::Unknown => Failure::Internal,
        }
    }

    /// An answer that lacks what the API promises.
    pub fn unexpected_answer(operation: Operation, lacks: &str) -> Self {
        Self {
            operation,
            kind: ErrorKind::Unknown,
            code: "UnexpectedAnswer".into(),
            message: format!("the answer has no {lacks}"),
        }
    }
}

/// Sorts an error of the service.
pub(crate) fn kind_of(code: &str, message: &str, status: u16, operation: Operation) -> ErrorKind {
    match code {
        "TooManyRequestsException"
        | "ThrottlingException"
        | "Throttling"
        | "RequestLimitExceeded" => ErrorKind::Throttled,
        "LimitExceededException" | "ServiceQuotaExceededException" => ErrorKind::Quota,
        "DuplicateProviderException" => ErrorKind::AlreadyExists,
        "ConcurrentModificationException" | "UserImportInProgressException" => ErrorKind::Conflict,
        "FeatureUnavailableInTierException"
        | "UserPoolAddOnNotEnabledException"
        | "OperationNotEnabledException"
        | "UnknownOperationException" => ErrorKind::FeatureUnavailable,
        "AccessDeniedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "MissingAuthenticationTokenException" => ErrorKind::NotAuthorized,
        // Cognito uses this code for IAM and for its own rules alike.
        "NotAuthorizedException" if message.contains("is not authorized to perform") => {
            ErrorKind::NotAuthorized
        }
        "UserPoolTaggingException" => ErrorKind::Refused,
        // Features of a plan are refused under other codes too; which is unverified (facts B.1).
        _ if message.contains("feature is not available for the") => ErrorKind::FeatureUnavailable,
        _ if code.ends_with("ExistsException") => ErrorKind::AlreadyExists,
        _ if code.ends_with("NotFoundException") => ErrorKind::Missing,
        _ if status >= 500 && operation.effect() == crate::Effect::Create => ErrorKind::AnswerLost,
        _ if status >= 500 => ErrorKind::Unavailable,
        _ if code.ends_with("Exception") => ErrorKind::Refused,
        _ => ErrorKind::Unknown,
    }
}

/// Cuts out of `message` every text of the request that must not be shown: all of them for
/// operations on users, the values of secret members for the others.
pub(crate) fn clean(message: &str, operation: Operation, request: &serde_json::Value) -> String {
    let mut hidden = Vec::new();
    gather(request, operation.is_personal(), &mut hidden);
    hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    let mut clean = message.to_owned();
    for text in hidden {
        clean = clean.replace(text, "(hidden)");
    }
    clean.chars().take(500).collect()
}

fn gather<'a>(value: &'a serde_json::Value, hide: bool, hidden: &mut Vec<&'a str>) {
    use serde_json::Value;
    // Members that tell where, not who: worth keeping in an error.
    const SHOWN: [&str; 3] = ["UserPoolId", "GroupName", "MessageAction"];
    match value {
        Value::String(text) if hide && text.len() >= 2 => hidden.push(text),
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| gather(element, hide, hidden)),
        Value::Object(members) => {
            for (name, member) in members {
                // The names of attributes help; their values do not.
                let name_of_attribute = name == "Name" && members.contains_key("Value");
                let shown = SHOWN.contains(&name.as_str()) || name_of_attribute;
                gather(member, (hide && !shown) || is_secret_member(name), hidden);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn errors_are_sorted_by_what_to_do() {
        for (code, message, status, operation, kind) in [
            (
                "TooManyRequestsException",
                "Rate exceeded",
                400,
                Operation::ListUsers,
                ErrorKind::Throttled,
            ),
            (
                "LimitExceededException",
                "",
                400,
                Operation::CreateGroup,
                ErrorKind::Quota,
            ),
            (
                "UserNotFoundException",
                "",
                400,
                Operation::AdminGetUser,
                ErrorKind::Missing,
            ),
            (
                "ResourceNotFoundException",
                "",
                400,
                Operation::DescribeUserPool,
                ErrorKind::Missing,
            ),
            (
                "UsernameExistsException",
                "",
                400,
                Operation::AdminCreateUser,
                ErrorKind::AlreadyExists,
            ),
            (
                "AliasExistsException",
                "",
                400,
                Operation::AdminCreateUser,
                ErrorKind::AlreadyExists,
            ),
            (
                "DuplicateProviderException",
                "",
                400,
                Operation::CreateIdentityProvider,
                ErrorKind::AlreadyExists,
            ),
            (
                "InvalidParameterException",
                "",
                400,
                Operation::CreateUserPool,
                ErrorKind::Refused,
            ),
            (
                "NotAuthorizedException",
                "SignUp is not permitted",
                400,
                Operation::SignUp,
                ErrorKind::Refused,
            ),
            (
                "NotAuthorizedException",
                "User: x is not authorized to perform: y",
                400,
                Operation::ListUsers,
                ErrorKind::NotAuthorized,
            ),
            (
                "AccessDeniedException",
                "",
                400,
                Operation::ListUsers,
                ErrorKind::NotAuthorized,
            ),
            (
                "ConcurrentModificationException",
                "",
                400,
                Operation::UpdateUserPool,
                ErrorKind::Conflict,
            ),
            (
                "FeatureUnavailableInTierException",
                "",
                400,
                Operation::SetRiskConfiguration,
                ErrorKind::FeatureUnavailable,
            ),
            (
                "InvalidParameterException",
                "The following feature is not available for the LITE pricing tier configured: X",
                400,
                Operation::SetLogDeliveryConfiguration,
                ErrorKind::FeatureUnavailable,
            ),
            (
                "InternalErrorException",
                "",
                500,
                Operation::DescribeUserPool,
                ErrorKind::Unavailable,
            ),
            (
                "InternalErrorException",
                "",
                500,
                Operation::CreateUserPool,
                ErrorKind::AnswerLost,
            ),
            (
                "Strange",
                "",
                400,
                Operation::CreateUserPool,
                ErrorKind::Unknown,
            ),
        ] {
            assert_eq!(
                kind_of(code, message, status, operation),
                kind,
                "{code} {message}"
            );
        }
    }

    #[test]
    fn the_text_of_an_error_keeps_neither_personal_data_nor_secrets() {
        let request = json!({
            "UserPoolId": "us-east-1_A", "Username": "ann@example.com",
            "UserAttributes": [{"Name": "email", "Value": "ann@example.com"}],
        });
        let message = "Value 'ann@example.com' at 'username' of us-east-1_A is bad: email";
        let clean_message = clean(message, Operation::AdminCreateUser, &request);
        assert_eq!(
            clean_message,
            "Value '(hidden)' at 'username' of us-east-1_A is bad: email"
        );

        let request = json!({"ProviderName": "okta", "ProviderDetails": {"client_id": "app", "client_secret": "s3cret"}});
        let clean_message = clean(
            "okta app s3cret",
            Operation::CreateIdentityProvider,
            &request,
        );
        assert_eq!(clean_message, "okta app (hidden)");
    }
}
