//! What becomes of a member that an update leaves out (facts 0.1): some are kept, some return to their defaults, and
//! most have not been measured.

use serde_json::Value;

use crate::call::Document;
use crate::config::Unmeasured;

/// What an update does with a member that its request leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omitted {
    Kept,
    Reset,
}

use Omitted::{Kept, Reset};

/// A member, or a member of a member, of which it is known.
pub(super) type Row = (&'static str, Option<&'static str>, Omitted);

/// UpdateUserPool. What is not here has not been measured.
pub(super) const POOL: &[Row] = &[
    // A name has no default [INF].
    ("Name", None, Kept),
    // [AWS cdkd]: the two policies each by itself.
    ("MfaConfiguration", None, Kept),
    ("Policies", Some("PasswordPolicy"), Kept),
    ("Policies", Some("SignInPolicy"), Kept),
    // [CODE terraform]; SMS cannot be removed at all (facts A.1 [DOC]).
    ("UserAttributeUpdateSettings", None, Kept),
    ("SmsConfiguration", None, Kept),
    // [AWS cdk-real-drift], through Cloud Control.
    ("DeletionProtection", None, Kept),
    // [AWS cdkd].
    ("AutoVerifiedAttributes", None, Reset),
    // [CODE terraform].
    ("LambdaConfig", None, Reset),
    ("UserPoolAddOns", None, Reset),
    // [ISSUE], medium. The messages are those that the older members copy.
    ("UserPoolTags", None, Reset),
    ("DeviceConfiguration", None, Reset),
    ("VerificationMessageTemplate", Some("SmsMessage"), Reset),
    ("VerificationMessageTemplate", Some("EmailMessage"), Reset),
    ("VerificationMessageTemplate", Some("EmailSubject"), Reset),
    // An echo of the password policy.
    (
        "AdminCreateUserConfig",
        Some("UnusedAccountValidityDays"),
        Reset,
    ),
];

/// UpdateUserPoolClient. What is not here has not been measured.
pub(super) const CLIENT: &[Row] = &[
    // A name has no default [INF].
    ("ClientName", None, Kept),
    // [AWS cdk-real-drift].
    ("RefreshTokenValidity", None, Kept),
    ("EnableTokenRevocation", None, Kept),
    ("AuthSessionValidity", None, Kept),
    // [ISSUE terraform], "probably".
    ("RefreshTokenRotation", None, Kept),
    // [ISSUE boto3#1607].
    ("ExplicitAuthFlows", None, Reset),
];

/// The request with all that an update without it keeps of `current`: what it asks for as a whole.
pub(super) fn complete(
    request: &Document,
    current: &Document,
    rows: &[Row],
    unmeasured: Unmeasured,
) -> Document {
    let unmeasured = if unmeasured.omitted_members_are_kept {
        Kept
    } else {
        Reset
    };
    let measured = |member: &str, below: Option<&str>| {
        rows.iter()
            .find(|row| row.0 == member && row.1 == below)
            .map(|row| row.2)
    };
    let mut complete = request.clone();
    for (member, value) in current {
        let whole = measured(member, None);
        let Value::Object(parts) = value else {
            if !complete.contains_key(member) && whole.unwrap_or(unmeasured) == Kept {
                complete.insert(member.clone(), value.clone());
            }
            continue;
        };
        let given = complete.get(member).and_then(Value::as_object);
        let mut kept = Document::new();
        for (name, part) in parts {
            let fate = match (measured(member, Some(name.as_str())), given) {
                // What is given replaces the member as a whole, but for parts that are measured to stay.
                (Some(Kept), _) => Kept,
                (_, Some(_)) => Reset,
                (of_part, None) => of_part.or(whole).unwrap_or(unmeasured),
            };
            if fate == Kept && given.is_none_or(|given| !given.contains_key(name)) {
                kept.insert(name.clone(), part.clone());
            }
        }
        if !kept.is_empty() {
            kept.extend(given.cloned().unwrap_or_default());
            complete.insert(member.clone(), Value::Object(kept));
        }
    }
    complete
}
