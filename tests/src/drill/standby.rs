//! The third act: a standby pool follows two backups of its source.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use cognito::{Cognito, Operation, Pace};
use model::{BackupKey, UserPoolId};
use restore::standby::{Follow, Standing, status};
use restore::{Clients as RestoreClients, RestoreSettings};
use serde_json::json;
use vault::{Vault, Workspace};

use super::{Clock, Drill};
use crate::clients::DR_REGION;
use crate::pools::MEMBERS;
use crate::stack::{Deployment, Stack, output};
use crate::standby::{Followed, make};
use crate::story::Execution;

/// Makes a standby pool of the second pool, changes that pool twice, and compares each time. Gives the
/// execution that made it. `parameters`: those of the DR stack.
pub(super) async fn run(
    stack: &Stack,
    deployment: &mut Deployment,
    binaries: &Path,
    parameters: &[(&str, String)],
    drill: &mut Drill,
    clock: &mut Clock<'_>,
) -> Result<Execution> {
    clock.begin(&format!("Make a standby pool of {MEMBERS}"));
    let (standby, made) = make(stack, deployment, binaries, MEMBERS, parameters).await?;
    let followed = Followed {
        stack,
        deployment,
        source: MEMBERS.parse()?,
    };
    let _ = writeln!(drill.text, "\n{MEMBERS} is followed by {standby}");
    let users = followed.call(Operation::ListUsers, json!({})).await?;
    let users = users["Users"].as_array().context("no users")?;
    let mut enabled = users.iter().filter(|user| user["Enabled"] == true);
    let disabled = json!({"Username": enabled.next().context("nobody is enabled")?["Username"]});
    let deleted = json!({"Username": enabled.next().context("one is enabled")?["Username"]});
    let group = json!({"GroupName": "night-shift"});

    clock.begin("Change the pool and back it up: the standby follows");
    followed
        .call(Operation::AdminDisableUser, disabled.clone())
        .await?;
    followed.call(Operation::CreateGroup, group.clone()).await?;
    let what = "a user disabled, a group created";
    follows(&followed, &standby, what, drill).await?;

    clock.begin("Once more");
    followed.call(Operation::AdminEnableUser, disabled).await?;
    followed.call(Operation::AdminDeleteUser, deleted).await?;
    followed.call(Operation::DeleteGroup, group).await?;
    let what = "the user enabled, another one deleted, the group deleted";
    let standing = follows(&followed, &standby, what, drill).await?;
    if standing.standby.gone.len() != 1 {
        let problem = format!("gone from {MEMBERS}: {:?}", standing.standby.gone);
        drill.problems.push(problem);
    }
    Ok(made)
}

/// Backs the pool up, waits for the standby pool, and compares all of it with the backup.
async fn follows(
    followed: &Followed<'_>,
    standby: &UserPoolId,
    what: &str,
    drill: &mut Drill,
) -> Result<Standing> {
    let (key, _) = followed.back_up_and_wait().await?;
    let (stack, deployment) = (followed.stack, followed.deployment);
    let bucket = output(&deployment.dr, "DRBucketName")?;
    let key: BackupKey = key.parse()?;
    let backup = Vault::in_bucket(&stack.dr.config, bucket)
        .open(&key, None)
        .await?;
    let cognito = stack.dr.config.to_builder();
    let cognito = cognito.endpoint_url(stack.simulator.endpoint()).build();
    let clients = RestoreClients {
        cognito: Cognito::new(&cognito, Pace::unlimited()),
        waf: stack.dr.waf.clone(),
        lambda: stack.dr.lambda.clone(),
        workspace: Workspace::in_bucket(&stack.dr.config, bucket),
        observer: Arc::new(()),
    };
    let settings = RestoreSettings {
        region: DR_REGION.to_owned(),
        ..RestoreSettings::default()
    };
    let follow = Follow {
        clients: &clients,
        settings: &settings,
        source: &followed.source,
        pool: standby,
        map: None,
        remove_after_days: 0,
        compare_all: true,
    };
    let standing = Box::pin(status(&follow, &backup, None)).await?;
    let plan = &standing.plan;
    let actions = plan.actions.iter();
    let settings = actions.filter(|one| one.what.is_carried_out()).count() as u64;
    let differs = settings + plan.users.put_back + plan.users.make_again;
    let left = standing.standby.left;
    let _ = writeln!(
        drill.text,
        "  {what}: it equals {key}; {differs} differences, {left} left, {} gone from the source",
        standing.standby.gone.len()
    );
    if differs + left > 0 {
        let (users, memberships) = (plan.users, plan.memberships);
        drill.problems.push(format!(
            "{standby} does not equal {key}: {left} left, {:?} {users:?} {memberships:?}",
            plan.actions
        ));
    }
    Ok(standing)
}
