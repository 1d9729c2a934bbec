//! Both stacks under a scratch environment: do their roles suffice for a backup, its replica and
//! a restore?
//!
//! The local stack enforces neither conditions nor the roles of Step Functions, EventBridge and
//! replication, and nothing at all for Cognito.

use std::time::Duration;

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::account::Side;
use crate::cost::Unit;
use crate::deployment::{Stack, deploy, invoke, read};
use crate::journal::Kind;
use crate::question::{Need, Observed, Question};
use crate::scratch::Scratch;
use crate::services::accepted;

/// How long a replica or the restore of a handful of users may take.
const STEP_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The users of the pool that is lost.
const USERS: u32 = 2;
/// How a report words what a role does not allow.
const DENIALS: [&str; 2] = ["AccessDenied", "is not authorized to perform"];

pub(super) fn questions() -> Vec<Question> {
    let question = Question::new(
        "stacks.roles",
        "Do the roles of both stacks suffice for a backup, its replica and a restore?",
        "G.5",
        "backed up, replicated, restored, nothing denied",
        |scratch| Box::pin(roles(scratch)),
    );
    let question = question
        .within(Duration::from_secs(90 * 60))
        .costs(Unit::ActiveUser, 2 * USERS)
        .costs(Unit::StackHour, 2);
    let question = question.costs(Unit::BucketRequests, 2);
    vec![
        question
            .needs(Need::Packages)
            .needs(Need::OtherServices)
            .needs(Need::Iam),
    ]
}

async fn roles(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    scratch
        .call(
            cognito::Operation::CreateGroup,
            json!({"UserPoolId": pool.id, "GroupName": "staff"}),
        )
        .await?;
    for number in 0..USERS {
        scratch
            .user(&pool, &format!("user-{number}"), json!({}))
            .await?;
    }
    let account = pool.arn.split(':').nth(4).unwrap_or_default();
    // A bucket's name has room for twenty characters of it.
    let environment: String = scratch
        .run()
        .replace("first-day", "fd")
        .chars()
        .take(20)
        .collect();
    let own = [("Environment", environment.clone())];
    let dr = match deploy(
        scratch,
        Side::Dr,
        "template-dr.json",
        &[format!("cognito-backup-dr-{environment}-{account}")],
        &[],
        &own,
    )
    .await?
    {
        Ok(dr) => dr,
        Err(why) => return Ok(format!("the DR stack failed: {why}")),
    };
    let own = [
        ("Environment", environment.clone()),
        ("UserPoolIds", pool.id.clone()),
        ("DRRegion", scratch.on(Side::Dr).name.clone()),
        ("DRBucketArn", dr.output("DRBucketArn")?.to_owned()),
    ];
    let (buckets, tables) = (
        [format!("cognito-backup-{environment}-{account}")],
        [format!("cognito-backup-metadata-{environment}")],
    );
    let primary = match deploy(
        scratch,
        Side::Primary,
        "template-primary.json",
        &buckets,
        &tables,
        &own,
    )
    .await?
    {
        Ok(primary) => primary,
        Err(why) => return Ok(format!("the primary stack failed: {why}")),
    };

    let body = match invoke(scratch, &primary, "BackupLambdaArn", &json!({})).await? {
        Ok(body) => body,
        Err(why) => return Ok(format!("the backup failed: {why}")),
    };
    let key = body["backups"][0]["s3_key"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let bucket = dr.output("DRBucketName")?;
    let began = Instant::now();
    while read(scratch, bucket, &key).await?.is_none() {
        if began.elapsed() > STEP_LIMIT {
            return Ok("backed up, not replicated".to_owned());
        }
        sleep(Duration::from_secs(1)).await;
    }
    scratch.note("seconds until replicated", began.elapsed().as_secs());
    restore(scratch, &dr, &pool.id, &pool.name).await
}

async fn restore(scratch: &Scratch, dr: &Stack, pool: &str, name: &str) -> Observed {
    // What the restore makes has the name and the tags of its source.
    let expected = scratch.expect(Kind::UserPool, Side::Dr, name)?;
    let began = Instant::now();
    let body = match invoke(
        scratch,
        dr,
        "ManualDRTriggerArn",
        &json!({"user_pool_id": pool}),
    )
    .await?
    {
        Ok(body) => body,
        Err(why) => return Ok(format!("backed up, replicated, the trigger failed: {why}")),
    };
    let arn = body["execution_arn"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let machine = &scratch.on(dr.side).step_functions;
    let status = loop {
        let described = accepted(
            "DescribeExecution",
            machine
                .describe_execution()
                .execution_arn(&arn)
                .send()
                .await,
        )?;
        if *described.status() != ExecutionStatus::Running {
            break described.status().clone();
        }
        if began.elapsed() > STEP_LIMIT {
            return Ok("backed up, replicated, the restore does not end".to_owned());
        }
        sleep(Duration::from_secs(1)).await;
    };
    scratch.note("seconds of the restore", began.elapsed().as_secs());
    let execution = arn.rsplit(':').next().unwrap_or_default();
    let report = read(
        scratch,
        dr.output("DRBucketName")?,
        &format!("cognito-restore/{execution}/report.json"),
    )
    .await?;
    let report = report.unwrap_or_default();
    if let Ok(report) = serde_json::from_str::<Value>(&report)
        && let Some(id) = report["new_user_pool_id"].as_str()
    {
        scratch.came_to_be(expected, id)?;
    }
    let denied = DENIALS.iter().any(|denial| report.contains(denial));
    Ok(match (status, denied) {
        (ExecutionStatus::Succeeded, false) => {
            "backed up, replicated, restored, nothing denied".to_owned()
        }
        (ExecutionStatus::Succeeded, true) => {
            "backed up, replicated, restored, something denied: see the report".to_owned()
        }
        (status, _) => format!("backed up, replicated, the restore ended as {status}"),
    })
}
