//! Latency, bursts, limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cognito::Operation;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use model::observe::{Event, Observer, WaitReason};
use serde_json::json;
use tokio::time::Instant;

use crate::account::Side;
use crate::question::{Observed, Question};
use crate::scratch::{Scratch, outcome};

/// Calls whose latency is measured.
const CALLS: usize = 20;
/// A burst that the pacer lets go after a quiet time: 0.9 s' worth of DescribeUserPool's quota of
/// 15 a second, all of it.
const BURST: usize = 13;
/// The slowest answer that the plans for long backups and restores count with.
const SLOW_MILLISECONDS: u128 = 1_000;

pub(super) fn questions() -> Vec<Question> {
    vec![
        Question::new(
            "pace.latency",
            "Does DescribeUserPool answer within a second, half of the time?",
            "E",
            "within a second",
            |scratch| Box::pin(latency(scratch)),
        ),
        Question::new(
            "pace.burst",
            "Is a burst of 13 calls let through, nine tenths of a second's quota?",
            "E, Appendix 2",
            "let through",
            |scratch| Box::pin(burst(scratch)),
        ),
        Question::new(
            "pace.limit-of-user-creation",
            "Does GetProvisionedLimit answer for UserCreation?",
            "0.1, around Cognito",
            "accepted",
            |scratch| Box::pin(limit(scratch, "UserCreation")),
        ),
        Question::new(
            "pace.limit-of-user-read",
            "Does GetProvisionedLimit answer for UserRead?",
            "0.1, around Cognito",
            "accepted",
            |scratch| Box::pin(limit(scratch, "UserRead")),
        ),
    ]
}

async fn latency(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    let mut times = Vec::new();
    for _ in 0..CALLS {
        let began = Instant::now();
        scratch.describe(&pool).await?;
        times.push(began.elapsed().as_millis());
    }
    times.sort_unstable();
    let median = times[CALLS / 2];
    scratch.note(
        "milliseconds",
        json!(times.iter().map(u128::to_string).collect::<Vec<_>>()),
    );
    Ok(if median <= SLOW_MILLISECONDS {
        "within a second".to_owned()
    } else {
        format!("{median} ms")
    })
}

async fn burst(scratch: &Scratch) -> Observed {
    let pool = scratch.pool(json!({})).await?;
    // The quota counts what came before.
    tokio::time::sleep(scratch.quiet_time()).await;
    let request = json!({"UserPoolId": pool.id});
    let throttles = Arc::new(Throttles::default());
    let cognito = scratch.on(Side::Primary).unpaced.clone();
    let cognito = cognito.observed_by(throttles.clone());
    let mut calls: FuturesUnordered<_> = (0..BURST)
        .map(|_| cognito.call(Operation::DescribeUserPool, &request))
        .collect();
    while calls.next().await.is_some() {}
    let throttled = throttles.0.load(Ordering::Relaxed);
    Ok(match throttled {
        0 => "let through".to_owned(),
        _ => format!("{throttled} throttled"),
    })
}

/// Counts throttles.
#[derive(Default)]
struct Throttles(AtomicUsize);

impl Observer for Throttles {
    fn event(&self, event: Event) {
        if let Event::Waiting {
            reason: WaitReason::Throttled,
            ..
        } = event
        {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn limit(scratch: &Scratch, category: &str) -> Observed {
    let definition = json!({"LimitClass": "API_CATEGORY", "Attributes": {"Category": category}});
    let request = json!({"LimitDefinition": definition});
    Ok(outcome(
        &scratch.ask(Operation::GetProvisionedLimit, request).await?,
    ))
}
