//! The pool's own settings, and what stands beside them: MFA, tags, log delivery, replicas,
//! the certificate.

use model::UserPoolId;
use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{SectionRead, or_nothing, settle};
use super::{Pool, Readings};
use crate::call::Cognito;
use crate::error::CognitoError;
use crate::operation::Operation;

/// The `UserPool` of DescribeUserPool.
pub(super) async fn settings(cognito: &Cognito, pool: &UserPoolId) -> Result<Value, CognitoError> {
    let operation = Operation::DescribeUserPool;
    let request = json!({"UserPoolId": pool.as_str()});
    let mut answer = cognito.call(operation, &request).await?;
    match answer.get_mut("UserPool").map(Value::take) {
        Some(settings @ Value::Object(_)) => Ok(settings),
        _ => Err(CognitoError::unexpected_answer(operation, "UserPool")),
    }
}

pub(super) async fn beside_the_settings(pool: &Pool<'_>) -> Readings {
    let (mfa, tags, logs, replicas, certificate) = tokio::join!(
        whole(pool, Operation::GetUserPoolMfaConfig),
        tags(pool),
        log_delivery(pool),
        pool.list(Operation::ListUserPoolReplicas),
        whole(pool, Operation::GetSigningCertificate),
    );
    vec![
        (Section::MfaConfiguration, mfa),
        (Section::Tags, tags),
        (Section::LogDeliveryConfiguration, logs),
        (Section::Replicas, replicas),
        (Section::SigningCertificate, certificate),
    ]
}

/// The whole answer. For MFA it is the only complete source (facts A.3).
async fn whole(pool: &Pool<'_>, operation: Operation) -> SectionRead {
    settle(pool.cognito.call(operation, &pool.request()).await)
}

async fn tags(pool: &Pool<'_>) -> SectionRead {
    let Some(arn) = pool.arn() else {
        return SectionRead::Failed("DescribeUserPool gave no Arn to ask for tags by".into());
    };
    let request = json!({"ResourceArn": arn});
    let answer = pool.cognito.call(Operation::ListTagsForResource, &request);
    settle(answer.await.map(|mut answer| {
        let tags = answer.get_mut("Tags").map(Value::take);
        tags.unwrap_or(Value::Null)
    }))
}

/// Where nothing is set up, the configuration is missing or has an empty list (facts A.15).
async fn log_delivery(pool: &Pool<'_>) -> SectionRead {
    let operation = Operation::GetLogDeliveryConfiguration;
    let answer = or_nothing(pool.member(operation, "LogDeliveryConfiguration").await);
    settle(answer.map(|configuration| {
        let configured = configuration
            .get("LogConfigurations")
            .and_then(Value::as_array)
            .is_some_and(|logs| !logs.is_empty());
        if configured {
            configuration
        } else {
            Value::Null
        }
    }))
}
