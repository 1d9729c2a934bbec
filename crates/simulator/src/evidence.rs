//! Evidence: what happened, for tests to look at afterwards.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::call::Effects;
use crate::error::ServiceError;
use crate::state::Sub;

/// Refused calls kept in full; beyond, only the counters grow.
const KEPT_REFUSALS: usize = 10_000;

/// What the simulator saw since it started, or since the evidence was reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Calls by operation, refused ones included.
    pub calls: BTreeMap<String, u64>,
    /// Calls refused with `TooManyRequestsException`, by operation.
    pub throttles: BTreeMap<String, u64>,
    /// Refused calls, oldest first; at most 10,000 are kept.
    pub refused: Vec<RefusedCall>,
    /// All refused calls.
    pub refused_total: u64,
    /// Mails and texts that end users would have got.
    pub messages_sent: u64,
    /// The same by kind and medium, e.g. `invitation EMAIL`.
    pub messages: BTreeMap<String, u64>,
    /// Users billed as active this month (facts E, MAU rules), each counted once.
    pub active_users: u64,
    /// Lambda triggers that would have run, by name. The simulator runs none.
    pub trigger_invocations: BTreeMap<String, u64>,
    /// Request members that Amazon's model does not know, as `Operation path`.
    pub unknown_members: BTreeMap<String, u64>,
    /// Lines of import jobs' logs, by job id.
    pub import_log: BTreeMap<String, Vec<String>>,
}

/// A call that got an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedCall {
    /// The operation, or what stood in its place.
    pub operation: String,
    /// The error code.
    pub code: String,
    /// The message.
    pub message: String,
}

/// Evidence in the making.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    evidence: Evidence,
    active: HashSet<(String, Sub)>,
}

impl Collector {
    pub(crate) fn call(&mut self, operation: &str) {
        match self.evidence.calls.get_mut(operation) {
            Some(count) => *count += 1,
            None => {
                self.evidence.calls.insert(operation.to_owned(), 1);
            }
        }
    }

    pub(crate) fn refusal(&mut self, operation: &str, error: &ServiceError) {
        self.evidence.refused_total += 1;
        if error.code == "TooManyRequestsException" {
            *self
                .evidence
                .throttles
                .entry(operation.to_owned())
                .or_default() += 1;
        }
        if self.evidence.refused.len() < KEPT_REFUSALS {
            self.evidence.refused.push(RefusedCall {
                operation: operation.to_owned(),
                code: error.code.clone(),
                message: error.message.clone(),
            });
        }
    }

    pub(crate) fn unknown(&mut self, operation: &str, paths: &[String]) {
        for path in paths {
            *self
                .evidence
                .unknown_members
                .entry(format!("{operation} {path}"))
                .or_default() += 1;
        }
    }

    pub(crate) fn effects(&mut self, effects: Effects) {
        for message in effects.messages {
            self.evidence.messages_sent += 1;
            *self
                .evidence
                .messages
                .entry(format!("{} {}", message.kind, message.medium))
                .or_default() += 1;
        }
        for trigger in effects.triggers {
            *self
                .evidence
                .trigger_invocations
                .entry(trigger.to_owned())
                .or_default() += 1;
        }
        for (job, line) in effects.import_log {
            self.evidence.import_log.entry(job).or_default().push(line);
        }
        self.active.extend(effects.active_users);
    }

    pub(crate) fn snapshot(&self) -> Evidence {
        Evidence {
            active_users: self.active.len() as u64,
            ..self.evidence.clone()
        }
    }

    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}
