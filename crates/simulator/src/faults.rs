//! Faults: what a caller must live through, injected by rate or at a certain call.

use std::collections::HashMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::error::ServiceError;

/// Time added to every answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Latency {
    /// None.
    #[default]
    None,
    /// Always the same, in milliseconds.
    Fixed(u64),
    /// Evenly spread between two figures in milliseconds.
    Spread(u64, u64),
}

/// A set of rules. The first rule that applies to a call decides.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Faults {
    /// Seed of the rates: the same seed and the same calls give the same faults.
    pub seed: u64,
    /// The rules.
    pub rules: Vec<FaultRule>,
}

/// One fault and when it strikes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// The operation, or all of them.
    #[serde(default)]
    pub operation: Option<String>,
    /// The calls that it strikes.
    pub when: When,
    /// What happens.
    pub fault: Fault,
}

/// The calls that a fault strikes, counted for the rule's operation since the faults were set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum When {
    /// This share of calls, between 0 and 1.
    Rate(f64),
    /// The Nth call, from 1.
    Nth(u64),
    /// A burst: from the Nth call, from 1, that many calls.
    Burst {
        /// The first call.
        from: u64,
        /// How many.
        count: u64,
    },
}

/// What happens to a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fault {
    /// The call is refused before anything is done.
    Error {
        /// The error code.
        code: String,
        /// The message.
        message: String,
        /// The HTTP status.
        status: u16,
    },
    /// `TooManyRequestsException`, before anything is done.
    Throttle,
    /// The call is done and the connection closed without an answer.
    AnswerLost,
    /// The call is done and answered so many milliseconds late.
    AnswerSlow(u64),
}

impl Faults {
    /// One rule.
    pub fn one(operation: &str, when: When, fault: Fault) -> Self {
        Self {
            seed: 0,
            rules: vec![FaultRule {
                operation: Some(operation.to_owned()),
                when,
                fault,
            }],
        }
    }
}

/// What the injector decided for a call.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) refuse: Option<ServiceError>,
    pub(crate) lose_answer: bool,
    pub(crate) delay: Duration,
}

/// Counts calls and draws lots.
#[derive(Debug)]
pub(crate) struct Injector {
    faults: Faults,
    latency: Latency,
    calls: HashMap<String, u64>,
    all_calls: u64,
    rng: StdRng,
}

impl Injector {
    pub(crate) fn new(faults: Faults, latency: Latency) -> Self {
        let rng = StdRng::seed_from_u64(faults.seed);
        Self {
            faults,
            latency,
            calls: HashMap::new(),
            all_calls: 0,
            rng,
        }
    }

    pub(crate) fn set_faults(&mut self, faults: Faults) {
        *self = Self::new(faults, self.latency);
    }

    pub(crate) fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// Decides what happens to a call of an operation.
    pub(crate) fn judge(&mut self, operation: &str) -> Verdict {
        let mut verdict = Verdict::default();
        match self.latency {
            Latency::None => {}
            Latency::Fixed(millis) => verdict.delay = Duration::from_millis(millis),
            Latency::Spread(low, high) => {
                verdict.delay =
                    Duration::from_millis(self.rng.random_range(low.min(high)..=high.max(low)));
            }
        }
        if self.faults.rules.is_empty() {
            return verdict;
        }
        self.all_calls += 1;
        let count = self.calls.entry(operation.to_owned()).or_default();
        *count += 1;
        for rule in &self.faults.rules {
            let call = match &rule.operation {
                Some(name) if name == operation => *count,
                Some(_) => continue,
                None => self.all_calls,
            };
            let strikes = match rule.when {
                When::Rate(rate) => self.rng.random::<f64>() < rate,
                When::Nth(nth) => call == nth,
                When::Burst { from, count } => call >= from && call - from < count,
            };
            if !strikes {
                continue;
            }
            match &rule.fault {
                Fault::Error {
                    code,
                    message,
                    status,
                } => {
                    verdict.refuse = Some(ServiceError {
                        code: code.clone(),
                        message: message.clone(),
                        status: *status,
                    });
                }
                Fault::Throttle => verdict.refuse = Some(ServiceError::too_many_requests()),
                Fault::AnswerLost => verdict.lose_answer = true,
                Fault::AnswerSlow(millis) => verdict.delay += Duration::from_millis(*millis),
            }
            break;
        }
        verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(injector: &mut Injector, operation: &str, calls: usize) -> Vec<usize> {
        (1..=calls)
            .filter(|_| injector.judge(operation).refuse.is_some())
            .collect()
    }

    #[test]
    fn a_fault_strikes_the_nth_call_of_its_operation_only() {
        let mut injector = Injector::new(
            Faults::one("AdminCreateUser", When::Nth(3), Fault::Throttle),
            Latency::None,
        );
        assert!(throttled(&mut injector, "ListUsers", 5).is_empty());
        assert_eq!(throttled(&mut injector, "AdminCreateUser", 5), [3]);
    }

    #[test]
    fn a_burst_strikes_that_many_calls_in_a_row() {
        let when = When::Burst { from: 2, count: 3 };
        let mut injector = Injector::new(
            Faults::one("ListUsers", when, Fault::Throttle),
            Latency::None,
        );
        assert_eq!(throttled(&mut injector, "ListUsers", 8), [2, 3, 4]);
    }

    #[test]
    fn a_rate_strikes_its_share_of_calls_and_the_same_ones_for_the_same_seed() {
        let run = |seed| {
            let rule = FaultRule {
                operation: None,
                when: When::Rate(0.2),
                fault: Fault::Throttle,
            };
            let mut injector = Injector::new(
                Faults {
                    seed,
                    rules: vec![rule],
                },
                Latency::None,
            );
            throttled(&mut injector, "ListUsers", 1_000)
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        assert!((150..250).contains(&run(7).len()));
    }

    #[test]
    fn latency_stays_within_its_spread() {
        let mut injector = Injector::new(Faults::default(), Latency::Spread(5, 9));
        for _ in 0..100 {
            let millis = injector.judge("ListUsers").delay.as_millis();
            assert!((5..=9).contains(&millis));
        }
    }
}
