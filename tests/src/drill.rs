//! The whole story on one machine: back up pools, lose the Region, restore them, compare; then
//! mistakes in one of them, which are undone; then a standby pool that follows the other one.

mod mistakes;
mod standby;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use model::restore::{Finding, Outcome, Report};
use serde_json::{Value, json};

use crate::clients::PRIMARY_REGION;
use crate::compare::{Comparison, compare};
use crate::pools::{MEMBERS, PLANTED, SHOP, members, shop};
use crate::stack::{Deployment, Stack};
use crate::story::{self, Execution};

/// Calls that the plan foresees to be refused: the API answers "there is none" with an error.
const FORESEEN: &[(&str, &str)] = &[
    (
        "DescribeManagedLoginBrandingByClient",
        "ResourceNotFoundException",
    ),
    (
        "DescribeRiskConfiguration",
        "UserPoolAddOnNotEnabledException",
    ),
];

/// Who watches a drill.
pub trait Watch {
    /// A phase begins.
    fn phase(&mut self, name: &str);
    /// Something happened in it.
    fn note(&mut self, text: &str);
}

/// What a drill gave.
#[derive(Debug, Default)]
pub struct Drill {
    /// What came back and what could not, for people.
    pub text: String,
    /// What must not be: the drill failed if there is any.
    pub problems: Vec<String>,
    /// How long each phase took.
    pub phases: Vec<(String, Duration)>,
    /// The pools that were made, by the pools that they were made of.
    pub restored: BTreeMap<String, String>,
}

/// A phase of a drill under way.
struct Clock<'a> {
    watch: &'a mut dyn Watch,
    phases: Vec<(String, Duration)>,
    running: Option<(String, Instant)>,
}

impl Clock<'_> {
    fn begin(&mut self, name: &str) {
        self.end();
        self.watch.phase(name);
        self.running = Some((name.to_owned(), Instant::now()));
    }

    fn end(&mut self) {
        if let Some((name, began)) = self.running.take() {
            self.phases.push((name, began.elapsed()));
        }
    }
}

/// Seeds the pools, deploys, backs up, restores and compares, on a stack that is running.
///
/// # Errors
/// When something that the story needs does not work at all; what merely went wrong is among
/// the drill's problems.
pub async fn run(
    stack: &Stack,
    binaries: &Path,
    watch: &mut dyn Watch,
) -> Result<(Drill, Deployment)> {
    let mut clock = Clock {
        watch,
        phases: Vec::new(),
        running: None,
    };
    let mut drill = Drill::default();

    clock.begin("Seed two user pools in the primary Region");
    let pools = [
        stack.simulator.seed(PRIMARY_REGION, &shop())?,
        stack.simulator.seed(PRIMARY_REGION, &members())?,
    ];
    stack.protect(SHOP).await?;
    stack.simulator.reset_evidence();

    clock.begin("Deploy both stacks");
    let may_be_undone = [("ExistingUserPoolIds", pools.join(","))];
    let deployment = stack.deploy_with(binaries, &pools, &may_be_undone);
    let mut deployment = deployment.await?;

    clock.begin("Back up");
    let keys = story::back_up(stack, &deployment, &json!({})).await?;
    keys.iter().for_each(|key| clock.watch.note(key));

    clock.begin("Wait for replication to the DR Region");
    for key in &keys {
        story::wait_for_replica(stack, &deployment, key).await?;
    }

    let mut executions = Vec::new();
    for pool in [SHOP, MEMBERS] {
        clock.begin(&format!("Restore {pool}"));
        let arn = story::trigger(stack, &deployment, &story::lost(pool)).await?;
        let watch = &mut *clock.watch;
        let execution = story::follow(stack, &arn, |state| watch.note(state)).await?;
        executions.push((pool, execution));
    }

    clock.begin("Compare the restored pools with their sources");
    for (pool, execution) in &executions {
        tell(&mut drill, stack, &deployment, pool, execution).await?;
    }
    let of_shop = keys.iter().find(|key| key.contains(SHOP));
    let of_shop = of_shop.ok_or_else(|| anyhow!("{SHOP} was not backed up"))?;
    let undone = mistakes::run(stack, &deployment, of_shop, &mut drill, &mut clock).await?;
    let followed = standby::run(
        stack,
        &mut deployment,
        binaries,
        &may_be_undone,
        &mut drill,
        &mut clock,
    );
    let followed = followed.await?;
    check_evidence(&mut drill, stack);
    let executions = executions.into_iter().map(|(_, execution)| execution);
    let executions = executions.chain(undone).chain([followed]);
    let executions: Vec<Execution> = executions.collect();
    let notifications = serde_json::to_string(&stack.notifications(&deployment).await?)?;
    let traces = story::traces(stack, &executions).await? + &notifications;
    for planted in PLANTED {
        if traces.contains(planted) {
            drill.problems.push(format!(
                "a log, a history or a notification holds {planted}"
            ));
        }
    }
    clock.end();
    drill.phases = clock.phases;
    Ok((drill, deployment))
}

/// Adds what became of one pool.
async fn tell(
    drill: &mut Drill,
    stack: &Stack,
    deployment: &Deployment,
    pool: &str,
    execution: &Execution,
) -> Result<()> {
    if !execution.succeeded {
        drill.problems.push(format!(
            "the restore of {pool} failed: {}: {}",
            execution.error.as_deref().unwrap_or("no error named"),
            execution.cause.as_deref().unwrap_or("no cause given"),
        ));
    }
    let report = match story::report(stack, deployment, &execution.name).await {
        Ok(report) => report,
        Err(error) => {
            drill
                .problems
                .push(format!("the restore of {pool} left no report: {error:#}"));
            return Ok(());
        }
    };
    let about_users = story::findings_about_users(stack, deployment, &report).await?;
    describe(&mut drill.text, &report, &about_users);
    let Some(new_pool) = &report.new_user_pool_id else {
        drill.problems.push(format!("no pool was made from {pool}"));
        return Ok(());
    };
    drill.restored.insert(pool.to_owned(), new_pool.to_string());
    let comparison = compare_pools(stack, deployment, pool, &report).await?;
    let _ = writeln!(
        drill.text,
        "  Compared: {} users; {} announced differences, {} others",
        comparison.users,
        comparison.announced.len(),
        comparison.unannounced.len()
    );
    for path in &comparison.unannounced {
        drill
            .problems
            .push(format!("{pool}: {path} differs and the report is silent"));
    }
    Ok(())
}

/// Compares a source pool with the one that a report says was made of it.
///
/// # Errors
/// When a pool is not there.
pub async fn compare_pools(
    stack: &Stack,
    deployment: &Deployment,
    pool: &str,
    report: &Report,
) -> Result<Comparison> {
    let new_pool = report
        .new_user_pool_id
        .as_ref()
        .ok_or_else(|| anyhow!("no pool was made from {pool}"))?;
    let source = stack.simulator.dump(PRIMARY_REGION, pool)?;
    let restored: Value = stack.simulator.dump(new_pool.region(), new_pool.as_str())?;
    let announced = story::announcements(stack, deployment, report).await?;
    Ok(compare(&source, &restored, &announced))
}

/// A report in a few lines. Writing to a text cannot fail.
fn describe(text: &mut String, report: &Report, about_users: &[Finding]) {
    let new_pool = report
        .new_user_pool_id
        .as_ref()
        .map_or("no pool", |pool| pool.as_str());
    let _ = writeln!(
        text,
        "\n{} -> {new_pool}: {}",
        report.user_pool_id,
        report.status.as_str()
    );
    let _ = writeln!(text, "  Came back:");
    for step in &report.steps {
        if let Outcome::Restored { count: count @ 1.. } = step.outcome {
            let _ = writeln!(text, "    {:<28} {count}", step.step.title());
        }
    }
    let users = &report.users;
    let _ = writeln!(
        text,
        "    {:<28} memberships {}, links {}, MFA preferences {}, disabled {}",
        "of which", users.memberships, users.links, users.mfa_preferences, users.disabled
    );
    what_did_not(text, report, about_users);
    let _ = writeln!(text, "  What Cognito never gives back:");
    for loss in &report.known_losses {
        let count = loss
            .count
            .map(|count| format!("{count} "))
            .unwrap_or_default();
        let _ = writeln!(text, "    {count}{}: {}", loss.what, loss.meaning);
    }
    let _ = writeln!(text, "  Left to do by hand: {}", report.manual_steps.len());
    for step in &report.manual_steps {
        let _ = writeln!(text, "    {}", step.title);
    }
    if let Some(verification) = &report.verification {
        let _ = writeln!(
            text,
            "  Verified by the restore: {} users, {} settings; {} announced differences, {} others",
            verification.users_compared,
            verification.settings_compared,
            verification.announced,
            verification.unannounced
        );
    }
}

/// What did not come back as it was, and what was left out or changed on purpose.
fn what_did_not(text: &mut String, report: &Report, about_users: &[Finding]) {
    let mut lost = Vec::new();
    let mut on_purpose = Vec::new();
    for step in &report.steps {
        let title = step.step.title();
        match &step.outcome {
            Outcome::Failed { error } => lost.push(format!("{title}: failed: {error}")),
            Outcome::Skipped { reason } => on_purpose.push(format!("{title}: {reason}")),
            Outcome::Restored { .. } | Outcome::NothingToDo => {}
        }
        for finding in &step.findings {
            let list = if finding.kind.is_loss() {
                &mut lost
            } else {
                &mut on_purpose
            };
            list.push(format!("{title}: {}: {}", finding.item, finding.reason));
        }
    }
    // Users by what became of them, not by name.
    let mut users: BTreeMap<(bool, &str), u64> = BTreeMap::new();
    for finding in about_users {
        let is_lost = finding.kind.is_loss();
        *users.entry((is_lost, &finding.reason)).or_default() += 1;
    }
    for ((is_lost, reason), count) in users {
        let list = if is_lost { &mut lost } else { &mut on_purpose };
        list.push(format!("Users: {count}: {reason}"));
    }
    for (heading, lines) in [
        ("Lost, or not as it was", lost),
        ("Left out or changed, as it must be", on_purpose),
    ] {
        let _ = writeln!(text, "  {heading}: {}", lines.len());
        for line in lines {
            let _ = writeln!(text, "    {line}");
        }
    }
}

/// What the strict simulator saw: no message to anybody, no call refused that the plan does not
/// foresee.
fn check_evidence(drill: &mut Drill, stack: &Stack) {
    let evidence = stack.simulator.evidence();
    let calls: u64 = evidence.calls.values().sum();
    let unforeseen: Vec<_> = evidence
        .refused
        .iter()
        .filter(|call| !FORESEEN.contains(&(call.operation.as_str(), call.code.as_str())))
        .collect();
    let _ = writeln!(
        drill.text,
        "\nCognito: {calls} calls, {} refused as foreseen, {} otherwise; {} messages to users",
        evidence.refused.len() - unforeseen.len(),
        unforeseen.len(),
        evidence.messages_sent
    );
    for call in unforeseen {
        drill.problems.push(format!(
            "{} was refused: {}: {}",
            call.operation, call.code, call.message
        ));
    }
    if evidence.messages_sent > 0 {
        drill.problems.push(format!(
            "{} messages went to users: {:?}",
            evidence.messages_sent, evidence.messages
        ));
    }
}
