//! Domains.

use cognito::Operation;
use serde_json::json;

use crate::question::{Observed, Question};
use crate::scratch::{Scratch, outcome};

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "domains.unknown",
            "What does DescribeUserPoolDomain say of a domain that nobody has?",
            "A.10, Appendix 2",
            "an empty description",
            |scratch| Box::pin(unknown(scratch)),
        ),
        Question::new(
            "domains.taken",
            "How does CreateUserPoolDomain refuse a prefix that another pool has?",
            "A.10",
            "InvalidParameterException: Domain already associated with another user pool.",
            |scratch| Box::pin(taken(scratch)),
        ),
        Question::new(
            "domains.pool-with-domain",
            "How does DeleteUserPool refuse a pool that has a domain?",
            "Appendix 1",
            "InvalidParameterException: User pool cannot be deleted. It has a domain configured that should be deleted first.",
            |scratch| Box::pin(pool_with_domain(scratch)),
        ),
    ]
}

async fn unknown(scratch: &Scratch) -> Observed {
    let request = json!({"Domain": format!("{}-unknown", scratch.run())});
    let answer = scratch
        .ask(Operation::DescribeUserPoolDomain, request)
        .await?;
    Ok(match answer {
        Ok(described) => {
            let members = described["DomainDescription"].as_object();
            if members.is_none_or(|members| members.values().all(serde_json::Value::is_null)) {
                "an empty description".to_owned()
            } else {
                "a description".to_owned()
            }
        }
        Err(refusal) => refusal.to_string(),
    })
}

async fn taken(scratch: &Scratch) -> Observed {
    let (first, second) = (
        scratch.pool(json!({})).await?,
        scratch.pool(json!({})).await?,
    );
    let request = json!({"UserPoolId": first.id, "Domain": first.name});
    scratch
        .call(Operation::CreateUserPoolDomain, request)
        .await?;
    let request = json!({"UserPoolId": second.id, "Domain": first.name});
    Ok(outcome(
        &scratch
            .ask(Operation::CreateUserPoolDomain, request)
            .await?,
    ))
}

async fn pool_with_domain(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let request = json!({"UserPoolId": pool.id, "Domain": pool.name});
    scratch
        .call(Operation::CreateUserPoolDomain, request)
        .await?;
    let request = json!({"UserPoolId": pool.id});
    Ok(outcome(
        &scratch.ask(Operation::DeleteUserPool, request).await?,
    ))
}
