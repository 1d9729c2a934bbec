//! What the simulator reads of a SigV4 signature: who calls, and in which Region. The MAC is not verified: there are
//! no secrets to verify it with.

use crate::error::ServiceError;
use crate::state::{AccountId, Region};

/// The service name in a credential scope.
const SERVICE: &str = "cognito-idp";

/// The caller of a signed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The access key if that is an account id, as local stacks have it.
    pub(crate) account: Option<AccountId>,
    pub(crate) region: Region,
}

/// Reads the `Authorization` header.
///
/// # Errors
/// The errors of AWS's front door: `MissingAuthenticationTokenException`, `IncompleteSignatureException`,
/// `InvalidSignatureException` \[GEN\].
pub(crate) fn caller(header: Option<&str>) -> Result<Caller, ServiceError> {
    let Some(header) = header else {
        return Err(ServiceError::client(
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    let incomplete = |message: &str| ServiceError::client("IncompleteSignatureException", message);
    let Some(parameters) = header.trim().strip_prefix("AWS4-HMAC-SHA256") else {
        return Err(incomplete(
            "Unsupported AWS 'algorithm' in the Authorization header.",
        ));
    };
    let value = |name: &str| {
        parameters.split(',').find_map(|part| {
            part.trim()
                .strip_prefix(name)?
                .strip_prefix('=')
                .map(str::trim)
        })
    };
    for name in ["Credential", "SignedHeaders", "Signature"] {
        if value(name).is_none_or(str::is_empty) {
            return Err(incomplete(&format!(
                "Authorization header requires '{name}' parameter."
            )));
        }
    }
    let credential = value("Credential").unwrap_or_default();
    // An access key may not hold a slash, so the scope is the last four parts.
    let parts: Vec<&str> = credential.split('/').collect();
    let [access_key, date, region, service, terminator] = parts.as_slice() else {
        return Err(incomplete(
            "Credential must have at least 5 slash-delimited elements.",
        ));
    };
    let invalid = |message: String| Err(ServiceError::client("InvalidSignatureException", message));
    if date.len() != 8 || !date.bytes().all(|byte| byte.is_ascii_digit()) {
        return invalid("Date in Credential scope does not match YYYYMMDD.".to_owned());
    }
    if *service != SERVICE || *terminator != "aws4_request" {
        return invalid(format!(
            "Credential should be scoped to correct service: '{SERVICE}'."
        ));
    }
    let Some(region) = Region::parse(region) else {
        return invalid("Credential should be scoped to a valid region.".to_owned());
    };
    Ok(Caller {
        account: AccountId::parse(access_key),
        region,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(credential: &str) -> String {
        format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature=abc"
        )
    }

    #[test]
    fn the_scope_tells_region_and_account() {
        let signed = caller(Some(&header(
            "111122223333/20261121/eu-west-1/cognito-idp/aws4_request",
        )))
        .expect("a caller");
        assert_eq!(signed.region.as_str(), "eu-west-1");
        assert_eq!(signed.account.expect("an account").as_str(), "111122223333");
        let signed = caller(Some(&header(
            "AKIAEXAMPLE/20261121/us-east-1/cognito-idp/aws4_request",
        )))
        .expect("a caller");
        assert_eq!(signed.account, None);
    }

    #[test]
    fn what_is_no_signature_for_this_service_and_a_region_that_exists_is_refused() {
        let rows = [
            (None, "MissingAuthenticationTokenException"),
            (Some("Bearer x".to_owned()), "IncompleteSignatureException"),
            (
                Some("AWS4-HMAC-SHA256 Signature=x".to_owned()),
                "IncompleteSignatureException",
            ),
            (
                Some(header("k/20261121/us-east-1")),
                "IncompleteSignatureException",
            ),
            (
                Some(header("k/yesterday/us-east-1/cognito-idp/aws4_request")),
                "InvalidSignatureException",
            ),
            (
                Some(header("k/20261121/us-east-1/s3/aws4_request")),
                "InvalidSignatureException",
            ),
            (
                Some(header("k/20261121/mars-north-1/cognito-idp/aws4_request")),
                "InvalidSignatureException",
            ),
        ];
        for (header, code) in rows {
            assert_eq!(
                caller(header.as_deref()).expect_err("a refusal").code,
                code,
                "{header:?}"
            );
        }
    }
}
