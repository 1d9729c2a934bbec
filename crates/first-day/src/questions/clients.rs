//! App clients and their secrets.

use cognito::Operation;
use serde_json::{Value, json};

use super::updates::describe_client;
use crate::question::{Observed, Question};
use crate::scratch::{Pool, Scratch, Trouble, merge, outcome};

/// A secret of our own; it opens nothing.
const OWN: &str = "first0day0secret0that0opens0nothing";

pub(super) fn questions() -> Vec<Question> {
    let oauth = json!({
        "AllowedOAuthFlowsUserPoolClient": true, "AllowedOAuthFlows": ["client_credentials"],
        "AllowedOAuthScopes": ["first-day/read"],
    });
    vec![
        Question::new(
            "secrets.two",
            "Which of two secrets does DescribeUserPoolClient show?",
            "A.6, Appendix 2",
            "the older",
            |scratch| Box::pin(two_secrets(scratch)),
        ),
        Question::new(
            "secrets.original-deleted",
            "Which secret does DescribeUserPoolClient show where the original one was deleted?",
            "0.1, Describe",
            "none",
            |scratch| Box::pin(original_deleted(scratch)),
        ),
        Question::new(
            "secrets.public-client",
            "What does ListUserPoolClientSecrets say of a client without a secret?",
            "A.18",
            "0 secrets",
            |scratch| Box::pin(public_client(scratch)),
        ),
        Question::new(
            "secrets.supplied-for-client-credentials",
            "Does a supplied secret do for client_credentials?",
            "A.6, Appendix 2",
            "accepted",
            move |scratch| {
                let oauth = oauth.clone();
                Box::pin(supplied(scratch, oauth))
            },
        ),
        Question::new(
            "secrets.supplied-for-context-propagation",
            "Does a supplied secret do for EnablePropagateAdditionalUserContextData?",
            "A.6, Appendix 2",
            "accepted",
            |scratch| {
                Box::pin(supplied(
                    scratch,
                    json!({"EnablePropagateAdditionalUserContextData": true}),
                ))
            },
        ),
        Question::new(
            "clients.without-refresh",
            "May a client do without ALLOW_REFRESH_TOKEN_AUTH?",
            "0.1, refusals",
            "InvalidParameterException: REFRESH_TOKEN_AUTH should always be allowed.",
            |scratch| {
                Box::pin(create(
                    scratch,
                    json!({"ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]}),
                ))
            },
        ),
        Question::new(
            "clients.analytics",
            "Is an AnalyticsConfiguration still taken, after the end of Pinpoint?",
            "A.6, Appendix 2",
            "accepted",
            |scratch| {
                let analytics = json!({"AnalyticsConfiguration": {"ApplicationArn": "arn:aws:mobiletargeting:us-east-1:111111111111:apps/0123456789abcdef0123456789abcdef"}});
                Box::pin(create(scratch, analytics))
            },
        ),
        Question::new(
            "clients.describe-shows",
            "Which members does Describe show of a client that was made with a name only?",
            "0.1, Describe",
            "AllowedOAuthFlowsUserPoolClient AuthSessionValidity ClientId ClientName ClientType CreationDate EnablePropagateAdditionalUserContextData EnableTokenRevocation LastModifiedDate RefreshTokenValidity UserPoolId",
            |scratch| Box::pin(describe_shows(scratch)),
        ),
    ]
}

async fn create(scratch: &Scratch, settings: Value) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let mut request = json!({"UserPoolId": pool.id, "ClientName": pool.name});
    merge(&mut request, settings);
    let answer = scratch
        .ask(Operation::CreateUserPoolClient, request)
        .await?;
    Ok(outcome(&answer))
}

async fn supplied(scratch: &Scratch, settings: Value) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let server = json!({"UserPoolId": pool.id, "Identifier": "first-day", "Name": "first-day", "Scopes": [{"ScopeName": "read", "ScopeDescription": "read"}]});
    scratch
        .call(Operation::CreateResourceServer, server)
        .await?;
    let mut request = json!({"UserPoolId": pool.id, "ClientName": pool.name, "ClientSecret": OWN});
    merge(&mut request, settings);
    let answer = scratch
        .ask(Operation::CreateUserPoolClient, request)
        .await?;
    Ok(outcome(&answer))
}

/// A client with the secret that Cognito made and then one of ours.
async fn with_two_secrets(scratch: &Scratch) -> Result<(Pool, Value), Trouble> {
    let pool = scratch.pool(json!({})).await?;
    let client = scratch
        .client(&pool, json!({"GenerateSecret": true}))
        .await?;
    let request =
        json!({"UserPoolId": pool.id, "ClientId": client["ClientId"], "ClientSecret": OWN});
    scratch
        .call(Operation::AddUserPoolClientSecret, request)
        .await?;
    Ok((pool, client))
}

fn which(shown: &Value, original: &Value) -> String {
    match shown.as_str() {
        None => "none",
        Some(OWN) => "the later",
        Some(_) if shown == original => "the older",
        Some(_) => "another",
    }
    .to_owned()
}

async fn two_secrets(scratch: &Scratch) -> Observed {
    let (pool, client) = with_two_secrets(scratch).await?;
    let shown = describe_client(scratch, &pool, &client).await?;
    Ok(which(&shown["ClientSecret"], &client["ClientSecret"]))
}

async fn original_deleted(scratch: &Scratch) -> Observed {
    let (pool, client) = with_two_secrets(scratch).await?;
    let id = json!({"UserPoolId": pool.id, "ClientId": client["ClientId"]});
    let listed = scratch
        .call(Operation::ListUserPoolClientSecrets, id.clone())
        .await?;
    let secrets = listed["ClientSecrets"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let made = |secret: &&Value| {
        secret["ClientSecretCreateDate"]
            .as_f64()
            .unwrap_or_default()
    };
    let oldest = secrets.iter().min_by(|a, b| made(a).total_cmp(&made(b)));
    let Some(oldest) = oldest else {
        return Err(Trouble::Unexpected {
            operation: Operation::ListUserPoolClientSecrets.to_string(),
            lacks: "secrets",
        });
    };
    let mut request = json!({"ClientSecretId": oldest["ClientSecretId"]});
    merge(&mut request, id);
    scratch
        .call(Operation::DeleteUserPoolClientSecret, request)
        .await?;
    let shown = describe_client(scratch, &pool, &client).await?;
    Ok(which(&shown["ClientSecret"], &client["ClientSecret"]))
}

async fn public_client(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let client = scratch.client(&pool, json!({})).await?;
    let request = json!({"UserPoolId": pool.id, "ClientId": client["ClientId"]});
    let answer = scratch
        .ask(Operation::ListUserPoolClientSecrets, request)
        .await?;
    Ok(match answer {
        Ok(listed) => format!(
            "{} secrets",
            listed["ClientSecrets"].as_array().map_or(0, Vec::len)
        ),
        Err(refusal) => refusal.to_string(),
    })
}

async fn describe_shows(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let client = scratch.client(&pool, json!({})).await?;
    let described = describe_client(scratch, &pool, &client).await?;
    let mut members: Vec<&str> = described
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    members.sort_unstable();
    Ok(members.join(" "))
}
