//! The second act: mistakes in a pool that is alive are seen, undone and compared again.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use cognito::{Cognito, Operation, Pace};
use compare::diff::{ChangeKind, Diff, Options, diff};
use model::{BackupKey, UserPoolId};
use restore::side::{LivePool, Side};
use restore::undo::{Action, Plan, Scope, Undo, UndoReport, What};
use restore::{Clients as RestoreClients, RestoreSettings};
use serde_json::{Value, json};
use vault::{Vault, Workspace};

use super::{Clock, Drill};
use crate::pools::SHOP;
use crate::stack::{Deployment, Stack, output};
use crate::story::{self, Execution};

/// Users whom the mistake disables.
const DISABLED: usize = 10;
/// The group that two users are added to.
const ADMINISTRATORS: &str = "admins";
/// One of them, who was not there before.
const INTRUDER: &str = "night-shift";

/// What is sent along when somebody saves a policy.
const SAVED_BY_THE_CONSOLE: &[&str] = &[
    "AccountRecoverySetting",
    "AutoVerifiedAttributes",
    "DeletionProtection",
    "DeviceConfiguration",
    "EmailConfiguration",
    "LambdaConfig",
    "MfaConfiguration",
    "Policies",
    "SmsConfiguration",
    "UserAttributeUpdateSettings",
    "UserPoolAddOns",
    "UserPoolTags",
    "UserPoolTier",
    "VerificationMessageTemplate",
];

/// Everything that the act works with.
struct Act<'a> {
    stack: &'a Stack,
    deployment: &'a Deployment,
    pool: UserPoolId,
    /// The point in time.
    point: vault::Backup,
    clients: RestoreClients,
}

/// Makes the mistakes in the first pool, whose backup is `key`, and undoes them by the state
/// machine. Gives the executions.
pub(super) async fn run(
    stack: &Stack,
    deployment: &Deployment,
    key: &str,
    drill: &mut Drill,
    clock: &mut Clock<'_>,
) -> Result<Vec<Execution>> {
    let bucket = output(&deployment.dr, "DRBucketName")?;
    let key: BackupKey = key.parse()?;
    let vault = Vault::in_bucket(&stack.dr.config, bucket);
    let cognito = stack.primary.config.to_builder();
    let cognito = cognito.endpoint_url(stack.simulator.endpoint()).build();
    let act = Act {
        stack,
        deployment,
        pool: SHOP.parse()?,
        point: vault.open(&key, None).await?,
        clients: RestoreClients {
            cognito: Cognito::new(&cognito, Pace::unlimited()),
            waf: stack.primary.waf.clone(),
            lambda: stack.primary.lambda.clone(),
            workspace: Workspace::in_bucket(&stack.dr.config, bucket),
            observer: Arc::new(()),
        },
    };

    clock.begin(&format!("Make mistakes in {SHOP}, which is alive"));
    act.make_mistakes().await?;
    let seen = act.seen().await?;

    clock.begin("Plan their undo");
    let undo = json!({"to": key, "remove_added": true, "disable_added_users": true});
    let planning = act.undo(&undo, clock).await?;
    let plan = format!("cognito-restore/{}/{}", planning.name, Plan::OBJECT);
    let plan: Plan = serde_json::from_value(story::read_json(stack, deployment, &plan).await?)?;

    clock.begin("Undo them");
    let mut undo = undo;
    undo["plan"] = plan.fingerprint.as_str().into();
    let undoing = act.undo(&undo, clock).await?;
    let report = format!("cognito-restore/{}/{}", undoing.name, UndoReport::OBJECT);
    let report: UndoReport =
        serde_json::from_value(story::read_json(stack, deployment, &report).await?)?;

    clock.begin("Compare the pool with the backup again");
    let left = act.left(&plan.scope).await?;
    describe(&mut drill.text, &seen, &plan, &report, &left);
    for execution in [&planning, &undoing] {
        if !execution.succeeded {
            let (error, cause) = (&execution.error, &execution.cause);
            let problem = format!("{} failed: {error:?} {cause:?}", execution.name);
            drill.problems.push(problem);
        }
    }
    let (users, memberships) = (plan.users, plan.memberships);
    let people = (users.put_back, users.disable, memberships.remove);
    if plan.count(What::MakeAgain) == 0 || people != (DISABLED as u64, 1, 1) {
        let problem = format!("the mistakes are not what was planned: {plan:?}");
        drill.problems.push(problem);
    }
    for left in &report.not_reverted {
        drill.problems.push(format!("not reverted: {left:?}"));
    }
    if !left.is_empty() {
        drill.problems.push(format!("left to undo: {left:?}"));
    }
    Ok(vec![planning, undoing])
}

impl Act<'_> {
    async fn call(&self, operation: Operation, members: Value) -> Result<Value> {
        let mut request = json!({"UserPoolId": self.pool});
        if let (Some(request), Some(members)) = (request.as_object_mut(), members.as_object()) {
            request.extend(members.clone());
        }
        Ok(self.clients.cognito.call(operation, &request).await?)
    }

    /// A client is deleted, a script disables the wrong users, a click resets the password policy,
    /// somebody makes a user of the pool an administrator, and creates another one.
    async fn make_mistakes(&self) -> Result<()> {
        let clients = self.call(Operation::ListUserPoolClients, json!({})).await?;
        let client = json!({"ClientId": clients["UserPoolClients"][0]["ClientId"]});
        self.call(Operation::DeleteUserPoolClient, client).await?;

        let users = self.call(Operation::ListUsers, json!({})).await?;
        let users = users["Users"].as_array().context("no users")?;
        let enabled = users.iter().filter(|user| user["Enabled"] == true);
        for user in enabled.take(DISABLED) {
            let user = json!({"Username": user["Username"]});
            self.call(Operation::AdminDisableUser, user).await?;
        }

        let pool = self.call(Operation::DescribeUserPool, json!({})).await?;
        let mut pool = pool["UserPool"].clone();
        if let Some(members) = pool.as_object_mut() {
            members.retain(|name, _| SAVED_BY_THE_CONSOLE.contains(&name.as_str()));
        }
        pool["Policies"]["PasswordPolicy"] = json!({"MinimumLength": 6});
        self.call(Operation::UpdateUserPool, pool).await?;

        let create = json!({"Username": INTRUDER, "MessageAction": "SUPPRESS"});
        self.call(Operation::AdminCreateUser, create).await?;
        let group = json!({"GroupName": ADMINISTRATORS});
        let members = self.call(Operation::ListUsersInGroup, group).await?;
        let is_member = |user: &Value| {
            let mut members = members["Users"].as_array().into_iter().flatten();
            members.any(|member| member["Username"] == user["Username"])
        };
        let promoted = users.iter().find(|user| !is_member(user));
        let promoted = promoted.context("all users are administrators")?;
        for username in [&promoted["Username"], &INTRUDER.into()] {
            let member = json!({"Username": username, "GroupName": ADMINISTRATORS});
            self.call(Operation::AdminAddUserToGroup, member).await?;
        }
        Ok(())
    }

    async fn live(&self) -> Result<LivePool> {
        let (cognito, waf) = (&self.clients.cognito, &self.clients.waf);
        Ok(LivePool::open(cognito, waf, &self.pool, true).await?)
    }

    /// What differs between the backup and the pool.
    async fn seen(&self) -> Result<Diff> {
        let live = self.live().await?;
        let (point, live) = (Side::Stored(&self.point), Side::Live(&live));
        Ok(Box::pin(diff(&point, &live, Options::default())).await?)
    }

    /// What an undo would still do.
    async fn left(&self, scope: &Scope) -> Result<Vec<String>> {
        let (live, settings) = (self.live().await?, RestoreSettings::default());
        let undo = Undo {
            clients: &self.clients,
            settings: &settings,
            point: &self.point,
            pool: &self.pool,
            scope,
            counterpart: None,
        };
        let plan = Box::pin(undo.plan(Side::Live(&live))).await?;
        let left = plan.actions.iter();
        let left = left.filter(|action| action.what.is_carried_out());
        let mut left: Vec<String> = left.map(Action::item).collect();
        if left.is_empty() && !plan.is_empty() {
            left.push(format!("{:?} {:?}", plan.users, plan.memberships));
        }
        Ok(left)
    }

    async fn undo(&self, undo: &Value, clock: &mut Clock<'_>) -> Result<Execution> {
        let request = json!({"user_pool_id": self.pool, "undo": undo});
        let arn = story::trigger(self.stack, self.deployment, &request).await?;
        let watch = &mut *clock.watch;
        let execution = story::follow(self.stack, &arn, |state| watch.note(state)).await?;
        if execution.output.is_null() && !execution.succeeded {
            bail!("{}: {:?}", execution.name, execution.cause);
        }
        Ok(execution)
    }
}

/// The act in a few lines. Writing to a text cannot fail.
fn describe(text: &mut String, seen: &Diff, plan: &Plan, report: &UndoReport, left: &[String]) {
    let _ = writeln!(
        text,
        "\nMistakes in {}, which is alive: an app client deleted, {DISABLED} users disabled, the password policy reset, a user made an administrator, another administrator created",
        report.user_pool_id
    );
    let _ = writeln!(text, "  Seen:");
    for found in &seen.settings.differences {
        let sign = match found.change {
            ChangeKind::Added => '+',
            ChangeKind::Removed => '-',
            _ => '~',
        };
        let _ = writeln!(text, "    {sign} {}", found.path.join("/"));
    }
    let (users, memberships) = (&seen.users, &seen.memberships);
    let _ = writeln!(
        text,
        "    users: {} changed, {} added; memberships: {} added",
        users.changed, users.added, memberships.added
    );
    let _ = writeln!(text, "  Planned, and carried out by the state machine:");
    let actions = plan.actions.iter();
    for action in actions.filter(|action| action.what.is_carried_out()) {
        let operation = action.operation.as_deref().unwrap_or_default();
        let _ = writeln!(text, "    {operation:<40}{}", action.item());
    }
    let _ = writeln!(
        text,
        "    users: {} put back, {} disabled; memberships: {} removed",
        plan.users.put_back, plan.users.disable, plan.memberships.remove
    );
    for (then, now) in &report.app_clients {
        let _ = writeln!(text, "  The app client {then} is {now} now");
    }
    let _ = writeln!(
        text,
        "  Compared again: {} not reverted; {} left to undo",
        report.not_reverted_total,
        left.len()
    );
}
