//! The errors of the service, as they go over the wire.

use serde::{Deserialize, Serialize};

/// A refusal, as AWS JSON 1.1 carries it: `__type`, `message` and the HTTP status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{code}: {message}")]
pub struct ServiceError {
    /// The error code, e.g. `InvalidParameterException`.
    pub code: String,
    /// The message, worded as the service words it where that is known.
    pub message: String,
    /// The HTTP status: 400 for the caller's errors, 500 for the service's.
    pub status: u16,
}

impl ServiceError {
    /// An error of the caller (HTTP 400) with any code.
    pub fn client(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            status: 400,
        }
    }

    /// An error of the service (HTTP 500), `InternalErrorException`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            code: "InternalErrorException".to_owned(),
            message: message.into(),
            status: 500,
        }
    }

    /// `TooManyRequestsException`, HTTP 400 (facts B.1: "Rate exceeded").
    pub fn too_many_requests() -> Self {
        Self::client("TooManyRequestsException", "Rate exceeded")
    }

    /// `UserNotFoundException` with the one text that the service has for it.
    pub(crate) fn user_not_found() -> Self {
        Self::client("UserNotFoundException", "User does not exist.")
    }
}

/// One constructor for each code that has texts of its own at each place of use.
macro_rules! constructors {
    ($($name:ident => $code:literal),+ $(,)?) => {
        #[allow(dead_code, reason = "a code that no rule uses yet is still a code of the service")]
        impl ServiceError {
            $(
                #[doc = concat!("`", $code, "`, HTTP 400.")]
                pub(crate) fn $name(message: impl Into<String>) -> Self {
                    Self::client($code, message)
                }
            )+
        }
    };
}

constructors! {
    access_denied => "AccessDeniedException",
    alias_exists => "AliasExistsException",
    concurrent_modification => "ConcurrentModificationException",
    duplicate_provider => "DuplicateProviderException",
    feature_unavailable_in_tier => "FeatureUnavailableInTierException",
    group_exists => "GroupExistsException",
    invalid_oauth_flow => "InvalidOAuthFlowException",
    invalid_parameter => "InvalidParameterException",
    invalid_password => "InvalidPasswordException",
    limit_exceeded => "LimitExceededException",
    managed_login_branding_exists => "ManagedLoginBrandingExistsException",
    not_authorized => "NotAuthorizedException",
    operation_not_enabled => "OperationNotEnabledException",
    password_history_violation => "PasswordHistoryPolicyViolationException",
    precondition_not_met => "PreconditionNotMetException",
    resource_not_found => "ResourceNotFoundException",
    scope_does_not_exist => "ScopeDoesNotExistException",
    serialization => "SerializationException",
    terms_exists => "TermsExistsException",
    tier_change_not_allowed => "TierChangeNotAllowedException",
    unsupported_identity_provider => "UnsupportedIdentityProviderException",
    unsupported_user_state => "UnsupportedUserStateException",
    user_import_in_progress => "UserImportInProgressException",
    user_pool_add_on_not_enabled => "UserPoolAddOnNotEnabledException",
    user_pool_tagging => "UserPoolTaggingException",
    username_exists => "UsernameExistsException",
}
