//! What is asked for again without, when Cognito refuses it of a pool.

use cognito::{CognitoError, ErrorKind};
use serde_json::Value;

use crate::document::{Document, object, text};
use crate::relocation::Relocation;
use crate::step::News;
use crate::steps::create::is_about_a_role;
use crate::steps::pool_document;

/// What the pool can do without when Cognito refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concession {
    /// Mail by the operator's own SES identity.
    SesIdentity,
    /// SMS.
    Sms,
    /// A customer-managed key.
    Key,
    /// The verification message that is not in use.
    SpareMessage,
}

impl Concession {
    pub(super) const ALL: [Concession; 4] = [
        Concession::SesIdentity,
        Concession::Sms,
        Concession::Key,
        Concession::SpareMessage,
    ];

    /// The member of the pool's document that it is about, and where the ARN stands in it.
    pub(super) fn member(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Concession::SesIdentity => ("EmailConfiguration", &["/SourceArn"]),
            Concession::Sms => ("SmsConfiguration", &["/SnsCallerArn", "/EumsSms/CallerArn"]),
            Concession::Key => ("KeyConfiguration", &["/KmsKeyArn"]),
            Concession::SpareMessage => ("VerificationMessageTemplate", &[]),
        }
    }

    /// Whether it answers Cognito's refusal (texts: facts 0.1, A.4, A.5), or IAM's to hand on a
    /// role: a pool has one, for SMS.
    pub(super) fn answers(self, error: &CognitoError) -> bool {
        if is_about_a_role(error) {
            return self == Concession::Sms;
        }
        let says = |text: &str| error.message.contains(text);
        if !error.is(ErrorKind::Refused) {
            return false;
        }
        match self {
            Concession::SesIdentity => {
                says("SourceArn")
                    || says("Source ARN")
                    || says("email identity")
                    || says("From email address")
                    || error.code == "InvalidEmailRoleAccessPolicyException"
            }
            Concession::Sms => {
                error.code.starts_with("InvalidSmsRole")
                    || says("snsRegion")
                    || says("EumsSms")
                    || says("pass role")
                    || says("valid SMS configuration")
            }
            Concession::Key => says("CreateGrant") || says("KMS") || says("Kms"),
            // How it reads that both are refused is not known; documented was that they are.
            Concession::SpareMessage => says("EmailMessage") || says("message is invalid"),
        }
    }

    pub(super) fn is_possible(self, request: &Document) -> bool {
        match self {
            Concession::SesIdentity => email_is_own(request.get("EmailConfiguration")),
            Concession::Sms => {
                request.contains_key("SmsConfiguration")
                    || pool_document::allows_codes_by_sms(request)
            }
            Concession::Key => has_own_key(request.get("KeyConfiguration")),
            Concession::SpareMessage => pool_document::spare_message(request).is_some(),
        }
    }

    /// Whether the pool came back without what was asked for.
    pub(super) fn was_made(self, asked: &Document, there: &Value) -> bool {
        let lacks = |member: &str| there.get(member).is_none_or(Value::is_null);
        self.is_possible(asked)
            && match self {
                Concession::SesIdentity => !email_is_own(there.get("EmailConfiguration")),
                Concession::Sms => lacks("SmsConfiguration"),
                // A lost key shows as one that AWS owns, not as none (facts 0.1).
                Concession::Key => !has_own_key(there.get("KeyConfiguration")),
                Concession::SpareMessage => pool_document::spare_message(&object(there)).is_none(),
            }
    }

    pub(super) fn make(self, request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
        match self {
            Concession::SesIdentity => {
                let why = "Cognito refused its SES identity";
                pool_document::without_ses(request, why, relocation, news);
            }
            Concession::Sms => {
                let why = if request.contains_key("SmsConfiguration") {
                    "Cognito refused its role, as for a trust policy that names the lost pool, or IAM to hand it on"
                } else {
                    "the backup holds no SMS settings"
                };
                pool_document::without_sms(request, why, relocation, news);
            }
            Concession::Key => {
                let why = "Cognito refused the key";
                pool_document::without_key(request, why, relocation, news);
            }
            Concession::SpareMessage => {
                let why = "Cognito refused to take both";
                pool_document::without_spare_message(request, why, news);
            }
        }
    }
}

fn has_own_key(key: Option<&Value>) -> bool {
    key.is_some_and(|key| text(key, "/KeyType") == Some("CUSTOMER_MANAGED_KEY"))
}

fn email_is_own(email: Option<&Value>) -> bool {
    email.is_some_and(|email| text(email, "/SourceArn").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cognito::Operation;
    use serde_json::json;

    #[test]
    fn a_lost_key_is_seen_though_cognito_shows_one_of_its_own() {
        let asked = object(
            &json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "a"}}),
        );
        for (there, lost) in [
            (
                json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "a"}}),
                false,
            ),
            (
                json!({"KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"}}),
                true,
            ),
            (json!({}), true),
        ] {
            assert_eq!(Concession::Key.was_made(&asked, &there), lost, "{there}");
        }
    }

    #[test]
    fn a_refusal_is_answered_by_asking_for_less_where_that_helps() {
        let refused = |code: &str, message: &str| CognitoError {
            operation: Operation::CreateUserPool,
            kind: ErrorKind::Refused,
            code: code.into(),
            message: message.into(),
        };
        for (error, concession) in [
            (
                refused(
                    "InvalidParameterException",
                    "Invalid EmailConfiguration.SourceArn. Provided SourceArn must be in one of the following SES regions: eu-west-1.",
                ),
                Some(Concession::SesIdentity),
            ),
            (
                refused(
                    "InvalidParameterException",
                    "Cognito is not allowed to use your email identity",
                ),
                Some(Concession::SesIdentity),
            ),
            (
                refused(
                    "InvalidSmsRoleTrustRelationshipException",
                    "Role does not have a trust relationship allowing Cognito to assume the role",
                ),
                Some(Concession::Sms),
            ),
            (
                refused(
                    "InvalidParameterException",
                    "Cross-account pass role is not allowed.",
                ),
                Some(Concession::Sms),
            ),
            (
                refused(
                    "InvalidParameterException",
                    "Encountered error when CreateGrant was attempted on the input KMS key - Invalid arn us-east-1",
                ),
                Some(Concession::Key),
            ),
            (
                refused(
                    "InvalidParameterException",
                    "SMS_OTP can not be configured as AuthFactor as user pool is missing valid SMS configuration",
                ),
                Some(Concession::Sms),
            ),
            (
                CognitoError {
                    kind: ErrorKind::NotAuthorized,
                    ..refused(
                        "AccessDeniedException",
                        "User: x is not authorized to perform: iam:PassRole on resource: y",
                    )
                },
                Some(Concession::Sms),
            ),
            (
                CognitoError {
                    kind: ErrorKind::NotAuthorized,
                    ..refused(
                        "AccessDeniedException",
                        "not authorized to perform: cognito-idp:CreateUserPool",
                    )
                },
                None,
            ),
            (
                refused(
                    "InvalidParameterException",
                    "Required custom attributes are not supported currently.",
                ),
                None,
            ),
        ] {
            let found = Concession::ALL.into_iter().find(|one| one.answers(&error));
            assert_eq!(found, concession, "{error}");
        }
    }
}
