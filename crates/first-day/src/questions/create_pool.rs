//! What CreateUserPool takes, and what Describe shows of a new pool.

use cognito::Operation;
use serde_json::{Value, json};

use crate::question::{Observed, Question};
use crate::scratch::{Scratch, outcome};

pub(super) fn questions() -> Vec<Question> {
    let taken = [
        (
            "missing-function",
            "Is a function that does not exist accepted as a trigger?",
            "A.4, Appendix 2",
            json!({"LambdaConfig": {"PreSignUp": "arn:aws:lambda:{region}:111111111111:function:first-day-none"}}),
        ),
        (
            "both-email-messages",
            "Are EmailMessage and EmailMessageByLink taken together?",
            "0.1, Describe",
            json!({"VerificationMessageTemplate": {"EmailMessage": "Your code is {####}", "EmailMessageByLink": "Follow {##this link##}"}}),
        ),
        (
            "default-key-and-issuer",
            "Are KeyConfiguration and IssuerConfiguration taken with their defaults?",
            "0.1, Describe",
            json!({"KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"}, "IssuerConfiguration": {"Type": "ORIGINAL"}}),
        ),
    ];
    let mut questions: Vec<Question> = taken
        .into_iter()
        .map(|(name, asks, facts, settings)| {
            Question::new(
                format!("create-pool.{name}"),
                asks,
                facts,
                "accepted",
                move |scratch| {
                    let settings = settings.clone();
                    Box::pin(async move {
                        Ok(outcome(
                            &scratch.try_pool(scratch.filled_document(&settings)).await?,
                        ))
                    })
                },
            )
        })
        .collect();
    questions.extend([
        Question::new(
            "carrier.raw-document",
            "Does AWS take a request that another operation of the SDK carries?",
            "0, wire protocol",
            "accepted",
            |scratch| Box::pin(async move { Ok(outcome(&scratch.try_pool(json!({})).await?)) }),
        ),
        Question::new(
            "create-pool.aws-tags",
            "Does CreateUserPool take tags that begin with `aws:`?",
            "A.17, Appendix 2",
            "refused as UserPoolTaggingException",
            |scratch| Box::pin(aws_tags(scratch)),
        ),
        Question::new(
            "create-pool.51-schema-entries",
            "Does the limit of 50 entries in Schema count standard attributes?",
            "A.2, Appendix 2",
            "refused as InvalidParameterException",
            |scratch| Box::pin(schema_entries(scratch)),
        ),
        Question::new(
            "create-pool.describe-shows",
            "Which members does Describe show of a pool that was made with a name and tags only?",
            "0.1, Describe",
            "AccountRecoverySetting AcrConfiguration AdminCreateUserConfig Arn CreationDate DeletionProtection EmailConfiguration EstimatedNumberOfUsers Id IssuerConfiguration KeyConfiguration LambdaConfig LastModifiedDate MfaConfiguration Name Policies SchemaAttributes UserPoolTags UserPoolTier VerificationMessageTemplate",
            |scratch| Box::pin(describe_shows(scratch)),
        ),
        Question::new(
            "create-pool.risk-without-protection",
            "What does DescribeRiskConfiguration answer where threat protection is off?",
            "A.14",
            "UserPoolAddOnNotEnabledException",
            |scratch| Box::pin(risk_without_protection(scratch)),
        ),
        Question::new(
            "create-pool.no-log-delivery",
            "What does GetLogDeliveryConfiguration answer where none was ever set?",
            "A.15",
            "absent",
            |scratch| Box::pin(no_log_delivery(scratch)),
        ),
    ]);
    questions
}

/// `accepted`, or the code of the refusal: for texts that are not known.
fn code<T>(answer: &Result<T, crate::scratch::Refusal>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => format!("refused as {}", refusal.code),
    }
}

async fn aws_tags(scratch: &Scratch) -> Observed {
    let settings = json!({"UserPoolTags": {"aws:cloudformation:stack-name": "first-day"}});
    Ok(code(&scratch.try_pool(settings).await?))
}

async fn schema_entries(scratch: &Scratch) -> Observed {
    let own =
        (1..=50).map(|number| json!({"Name": format!("a{number}"), "AttributeDataType": "String"}));
    let standard = json!({"Name": "family_name", "AttributeDataType": "String", "Required": true, "Mutable": true});
    let schema: Vec<Value> = own.chain([standard]).collect();
    Ok(code(&scratch.try_pool(json!({"Schema": schema})).await?))
}

async fn describe_shows(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let described = scratch.describe(&pool).await?;
    let mut members: Vec<&str> = described
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    members.sort_unstable();
    Ok(members.join(" "))
}

async fn risk_without_protection(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let request = json!({"UserPoolId": pool.id});
    let answer = scratch
        .ask(Operation::DescribeRiskConfiguration, request)
        .await?;
    Ok(answer.map_or_else(|refusal| refusal.code, |_| "accepted".to_owned()))
}

async fn no_log_delivery(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let request = json!({"UserPoolId": pool.id});
    let answer = scratch
        .call(Operation::GetLogDeliveryConfiguration, request)
        .await?;
    let configurations = answer.pointer("/LogDeliveryConfiguration/LogConfigurations");
    Ok(match configurations.and_then(Value::as_array) {
        None => "absent".to_owned(),
        Some(configurations) => format!("{} configurations", configurations.len()),
    })
}
