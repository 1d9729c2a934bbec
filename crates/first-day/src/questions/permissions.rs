//! What IAM asks for, tried with a user of IAM who may do exactly that.

use cognito::Operation;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cost::Unit;
use crate::question::{Need, Observed, Question};
use crate::scratch::{Refusal, Scratch, TAG, Trouble, outcome};

/// How long the restore tries to tag its pool.
const TAGGED_WITHIN: u64 = 120;

pub(super) fn questions() -> Vec<Question> {
    let questions = [
        Question::new(
            "permissions.create-with-tags",
            "Does CreateUserPool with tags do without `cognito-idp:TagResource`?",
            "G.5",
            "accepted",
            |scratch| Box::pin(create_with_tags(scratch)),
        ),
        Question::new(
            "permissions.tag-of-a-new-pool",
            "Does a condition on the tag of a new pool hold within the two minutes that the restore waits?",
            "G.5",
            "accepted",
            |scratch| Box::pin(tag_of_a_new_pool(scratch)),
        ),
        Question::new(
            "permissions.pass-role-of-group",
            "Does CreateGroup check its role with the key `iam:PassedToService`?",
            "0.1, refusals",
            "refused as AccessDeniedException",
            |scratch| Box::pin(pass_role_of_group(scratch)),
        ),
        Question::new(
            "permissions.pass-role-of-sms",
            "Does CreateUserPool check its SMS role with the key `iam:PassedToService`?",
            "0.1, refusals",
            "accepted",
            |scratch| Box::pin(pass_role_of_sms(scratch)),
        ),
        Question::new(
            "permissions.pass-role-of-import",
            "Does CreateUserImportJob check its role with the key `iam:PassedToService`?",
            "0.1, refusals",
            "accepted",
            |scratch| Box::pin(pass_role_of_import(scratch)),
        ),
        Question::new(
            "permissions.sign-up-through-web-acl",
            "How does a web ACL refuse a sign-up?",
            "A.16",
            "ForbiddenException",
            |scratch| Box::pin(sign_up_through_web_acl(scratch)),
        )
        .needs(Need::OtherServices)
        .costs(Unit::ActiveUser, 1)
        .costs(Unit::WebAclHour, 1),
    ];
    let minutes = std::time::Duration::from_secs(400);
    let questions = questions
        .into_iter()
        .map(|question| question.within(minutes));
    questions
        .map(|question| question.needs(Need::Iam))
        .collect()
}

/// `accepted`, or the code: texts of IAM name ARNs.
fn code<T>(answer: &Result<T, Refusal>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => format!("refused as {}", refusal.code),
    }
}

/// Leave to pass one role to Cognito, as the DR stack words it.
fn pass(role: &str) -> Value {
    json!({
        "Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "cognito-idp.amazonaws.com"}},
    })
}

async fn create_with_tags(scratch: &Scratch) -> Observed {
    let allowed =
        json!([{"Effect": "Allow", "Action": "cognito-idp:CreateUserPool", "Resource": "*"}]);
    let restricted = scratch.restricted(allowed).await?;
    let made =
        scratch.until_iam_knows(async || scratch.try_pool_by(&restricted.cognito, json!({})).await);
    Ok(code(&made.await?))
}

async fn tag_of_a_new_pool(scratch: &Scratch) -> Observed {
    let allowed = json!([
        {"Effect": "Allow", "Action": "cognito-idp:CreateUserPool", "Resource": "*"},
        {"Effect": "Allow", "Action": "cognito-idp:TagResource", "Resource": "*",
         "Condition": {"StringEquals": {format!("aws:ResourceTag/{TAG}"): scratch.run()}}},
    ]);
    let restricted = scratch.restricted(allowed).await?;
    let made =
        scratch.until_iam_knows(async || scratch.try_pool_by(&restricted.cognito, json!({})).await);
    let pool = match made.await? {
        Ok(pool) => pool,
        Err(refusal) => {
            return Err(Trouble::Refused {
                operation: Operation::CreateUserPool.to_string(),
                refusal,
            });
        }
    };
    let request = json!({"ResourceArn": pool.arn, "Tags": {"colour": "blue"}});
    let began = Instant::now();
    loop {
        let answer = scratch
            .ask_by(&restricted.cognito, Operation::TagResource, &request)
            .await?;
        let seconds = began.elapsed().as_secs();
        if answer.is_ok() || seconds > TAGGED_WITHIN {
            scratch.note("seconds", seconds);
            return Ok(code(&answer));
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}

async fn group_role(scratch: &Scratch) -> Result<String, Trouble> {
    let nothing = json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}]);
    scratch
        .role("cognito-identity.amazonaws.com", nothing)
        .await
}

async fn pass_role_of_group(scratch: &Scratch) -> Observed {
    let role = group_role(scratch).await?;
    let pool = scratch.pool(json!({})).await?;
    let allowed = json!([{"Effect": "Allow", "Action": "cognito-idp:CreateGroup", "Resource": pool.arn}, pass(&role)]);
    let restricted = scratch.restricted(allowed).await?;
    // Without a role the same user is let in: what is denied below is the role.
    let plain = json!({"UserPoolId": pool.id, "GroupName": "plain"});
    let known = scratch.until_iam_knows(async || {
        scratch
            .ask_by(&restricted.cognito, Operation::CreateGroup, &plain)
            .await
    });
    if let Err(refusal) = known.await? {
        return Err(Trouble::Refused {
            operation: Operation::CreateGroup.to_string(),
            refusal,
        });
    }
    let request = json!({"UserPoolId": pool.id, "GroupName": "staff", "RoleArn": role});
    Ok(code(
        &scratch
            .ask_by(&restricted.cognito, Operation::CreateGroup, &request)
            .await?,
    ))
}

async fn pass_role_of_sms(scratch: &Scratch) -> Observed {
    let publish = json!([{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}]);
    let role = scratch.role("cognito-idp.amazonaws.com", publish).await?;
    let allowed = json!([{"Effect": "Allow", "Action": ["cognito-idp:CreateUserPool", "cognito-idp:TagResource"], "Resource": "*"}, pass(&role)]);
    let restricted = scratch.restricted(allowed).await?;
    let settings = json!({"SmsConfiguration": {"SnsCallerArn": role, "ExternalId": "first-day"}});
    let made = scratch.until_iam_knows(async || {
        scratch
            .try_pool_by(&restricted.cognito, settings.clone())
            .await
    });
    Ok(code(&made.await?))
}

async fn pass_role_of_import(scratch: &Scratch) -> Observed {
    let role = scratch.import_role().await?;
    let pool = scratch
        .pool(json!({"AutoVerifiedAttributes": ["email"]}))
        .await?;
    let allowed = json!([{"Effect": "Allow", "Action": "cognito-idp:CreateUserImportJob", "Resource": pool.arn}, pass(&role)]);
    let restricted = scratch.restricted(allowed).await?;
    let request =
        json!({"UserPoolId": pool.id, "JobName": "first-day", "CloudWatchLogsRoleArn": role});
    let made = scratch.until_iam_knows(async || {
        scratch
            .ask_by(
                &restricted.cognito,
                Operation::CreateUserImportJob,
                &request,
            )
            .await
    });
    Ok(code(&made.await?))
}

async fn sign_up_through_web_acl(scratch: &Scratch) -> Observed {
    let acl = scratch.blocking_web_acl().await?;
    let pool = scratch
        .pool(json!({"AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false}}))
        .await?;
    let client = scratch.client(&pool, json!({})).await?;
    let waf = &scratch.on(pool.side).waf;
    // The ACL takes a while until it can be used (facts A.16).
    let associated = scratch.until_iam_knows(async || {
        let associated = waf
            .associate_web_acl()
            .web_acl_arn(&acl)
            .resource_arn(&pool.arn)
            .send()
            .await;
        crate::services::answered("AssociateWebACL", associated)
    });
    if let Err(refusal) = associated.await? {
        return Ok(format!("AssociateWebACL: {}", outcome::<()>(&Err(refusal))));
    }
    let began = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let name = format!("first-day-user-{number}");
        let request = json!({"ClientId": client["ClientId"], "Username": name, "Password": super::users::password()});
        match scratch.ask(Operation::SignUp, request).await? {
            Err(refusal) => return Ok(refusal.code),
            // Not yet in force.
            Ok(_) if began.elapsed() < scratch.quiet_time() * 6 => {
                tokio::time::sleep(scratch.quiet_time()).await
            }
            Ok(_) => return Ok("let in".to_owned()),
        }
    }
}
