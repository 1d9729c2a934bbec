//! The roles that a restore hands to Cognito: whether they are there, and may be assumed.

use percent_encoding::percent_decode_str;
use restore::aws_command;
use restore::needs::Need;
use serde_json::Value;

use crate::Target;
use crate::ask::{CannotTell, Observed, ask, judged};
use crate::counterparts::unmapped;
use crate::outcome::{Check, Outcome, Subject};

/// The service that uses roles of a pool.
const COGNITO: &str = "cognito-idp.amazonaws.com";

/// A group's role is only named in tokens: who assumes it is not Cognito's business.
pub(crate) async fn group_role(target: &Target, need: &Need) -> Check {
    let Some(role) = &need.becomes else {
        let why = "it belongs to another account, and Cognito refuses those";
        let outcome = unmapped(target, need, why);
        return Check::new(Subject::Role, need.old.clone(), outcome);
    };
    let outcome = judged(trust_policy(target, role).await, |policy| match policy {
        Some(_) => Outcome::yes("there"),
        None => unmapped(target, need, "not there"),
    });
    Check::new(Subject::Role, role.clone(), outcome)
}

/// Whether a role is there and Cognito may assume it.
pub(crate) async fn role_for_cognito(
    target: &Target,
    role: &str,
    external_id: Option<&str>,
) -> Check {
    let name = role_name(role);
    let region = &target.region;
    let outcome = judged(trust_policy(target, role).await, |policy| match policy {
        None => {
            let arguments = [
                ("role-name", name),
                ("assume-role-policy-document", "file://trust.json"),
            ];
            Outcome::no(
                "not there",
                aws_command("iam create-role", region, &arguments),
            )
        }
        Some(policy) if lets_cognito_assume(&policy, external_id) => {
            Outcome::yes("there, and Cognito may assume it")
        }
        Some(_) => {
            let arguments = [
                ("role-name", name),
                ("policy-document", "file://trust.json"),
            ];
            let command = aws_command("iam update-assume-role-policy", region, &arguments);
            let why = match external_id {
                Some(_) => format!(
                    "its trust policy does not let {COGNITO} assume it with the pool's external id"
                ),
                None => format!("its trust policy does not let {COGNITO} assume it"),
            };
            Outcome::no(why, command)
        }
    });
    Check::new(Subject::Role, role, outcome)
}

/// The trust policy of a role; none when the role is not there.
async fn trust_policy(target: &Target, role: &str) -> Observed<Option<Value>> {
    let iam = aws_sdk_iam::Client::new(&target.aws);
    let request = iam.get_role().role_name(role_name(role));
    let found = ask("iam:GetRole", &["NoSuchEntity"], request.send()).await?;
    let Some(role) = found.and_then(|found| found.role) else {
        return Ok(None);
    };
    let encoded = role.assume_role_policy_document().unwrap_or_default();
    let text = percent_decode_str(encoded).decode_utf8_lossy();
    let policy = serde_json::from_str(&text);
    policy
        .map(Some)
        .map_err(|_| CannotTell("iam:GetRole gave no trust policy".to_owned()))
}

/// A role's name, which is what follows its path.
fn role_name(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Whether a statement of a trust policy lets Cognito assume the role, as far as principal and
/// external id decide: Cognito shows the pool's, so a policy that asks for another refuses it
/// (facts A.5).
fn lets_cognito_assume(policy: &Value, external_id: Option<&str>) -> bool {
    let any = |value: &Value, text: &str| match value {
        Value::Array(values) => values.iter().any(|value| value == text),
        value => value == text,
    };
    let statements = match &policy["Statement"] {
        Value::Array(statements) => statements.as_slice(),
        Value::Null => &[],
        one => std::slice::from_ref(one),
    };
    statements.iter().any(|statement| {
        let asked = ["StringEquals", "StringLike"]
            .iter()
            .map(|operator| &statement["Condition"][operator]["sts:ExternalId"])
            .find(|asked| !asked.is_null());
        let fits = asked.is_none_or(|asked| external_id.is_some_and(|id| any(asked, id)));
        statement["Effect"] == "Allow"
            && any(&statement["Principal"]["Service"], COGNITO)
            && ["sts:AssumeRole", "sts:*", "*"]
                .iter()
                .any(|action| any(&statement["Action"], action))
            && fits
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cognito_may_assume_a_role_that_trusts_it_with_its_external_id() {
        let with = |service: Value, condition: Value| {
            json!({"Statement": [
                {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole", "Condition": condition},
            ]})
        };
        let id = |id: &str| json!({"StringEquals": {"sts:ExternalId": id}});
        for (policy, expected) in [
            (with(json!(COGNITO), json!({})), true),
            (
                with(json!(["lambda.amazonaws.com", COGNITO]), id("e")),
                true,
            ),
            (with(json!(COGNITO), id("another")), false),
            (with(json!("lambda.amazonaws.com"), json!({})), false),
            (json!({}), false),
        ] {
            assert_eq!(
                lets_cognito_assume(&policy, Some("e")),
                expected,
                "{policy}"
            );
        }
        assert!(!lets_cognito_assume(&with(json!(COGNITO), id("e")), None));
    }

    #[test]
    fn a_role_is_named_by_what_follows_its_path() {
        assert_eq!(role_name("arn:aws:iam::1:role/service/path/name"), "name");
    }
}
