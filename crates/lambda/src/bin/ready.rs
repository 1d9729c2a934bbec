//! The Lambda `cognito-dr-ready-{environment}`: whether every pool could be restored today, asked
//! on a schedule in the DR Region and of the DR Region alone.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use cognito::Stop;
use lambda::metrics::{Metric, Metrics, Producer};
use lambda::{Environment, Failed, Function, time_left};
use lambda_runtime::Context;
use ready::{Outcome, Question, Readiness, Settings, Target};
use serde::Serialize;
use serde_json::Value;

/// What an invocation keeps for answering.
const MARGIN: Duration = Duration::from_secs(60);

struct Ready {
    target: Target,
}

/// What the function answers; the log has each check that does not say yes.
#[derive(Debug, Serialize)]
struct Answer {
    ready: bool,
    pools: usize,
    replicas_overdue: usize,
    /// Of the pool for which it is longest.
    replica_age_seconds: Option<u64>,
    saying_no: usize,
    untold: usize,
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    lambda::serve::<Ready>().await
}

impl Function for Ready {
    type Answer = Answer;

    fn from_environment() -> Result<Self, Failed> {
        let environment = Environment::of_process();
        let config = lambda::sdk_config(TimeoutConfig::disabled());
        let settings = Settings::read(|name| environment.optional(name))
            .map_err(|error| Failed::configuration(error.variable, error.problem))?;
        let target = Target::new(settings, &config);
        Ok(Self { target })
    }

    async fn handle(&self, _: Value, context: &Context) -> Result<Answer, Failed> {
        let stop = Stop::after(time_left(context).saturating_sub(MARGIN));
        let pools = self.target.known_pools().await?;
        let question = Question {
            pools: &pools,
            are_all: true,
            // This check must not need the Region that may be lost.
            primaries: &Default::default(),
        };
        let now = jiff::Timestamp::now();
        let looking = ready::check(&self.target, &question, now, &stop);
        let readiness = Box::pin(looking).await;
        tell(&readiness, &Metrics::of(Producer::Ready, context));
        Ok(answer(&readiness))
    }
}

fn answer(readiness: &Readiness) -> Answer {
    let ages = readiness.pools.iter();
    Answer {
        ready: readiness.ready,
        pools: readiness.pools.len(),
        replicas_overdue: readiness.replicas_overdue(),
        replica_age_seconds: ages.filter_map(|pool| pool.replica_age_seconds).max(),
        saying_no: readiness.saying_no(),
        untold: readiness.untold(),
    }
}

/// Log lines and metrics: ids, counts and durations.
fn tell(readiness: &Readiness, metrics: &Metrics) {
    for check in readiness.checks() {
        let (item, why) = (&check.item, check.outcome.detail());
        match check.outcome {
            Outcome::Yes { .. } => {}
            Outcome::No { .. } => {
                tracing::warn!(check = check.check.title(), item, why, "not ready");
            }
            Outcome::CannotBeTold { .. } => {
                tracing::warn!(check = check.check.title(), item, why, "cannot be told");
            }
        }
    }
    for pool in &readiness.pools {
        // A pool without a whole replica has no age, and is overdue.
        if let Some(age) = pool.replica_age_seconds {
            #[allow(clippy::cast_precision_loss)]
            let age = [(Metric::ReplicaAge, age as f64)];
            metrics.put(&age, &[("UserPoolId", pool.user_pool_id.as_str())]);
        }
    }
    #[allow(clippy::cast_precision_loss)]
    let counts = [
        (Metric::ReplicasOverdue, readiness.replicas_overdue() as f64),
        (Metric::ReadyChecksSayingNo, readiness.saying_no() as f64),
        (Metric::ReadyChecksUntold, readiness.untold() as f64),
    ];
    metrics.put(&counts, &[]);
}
