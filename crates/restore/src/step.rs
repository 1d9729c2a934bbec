//! What a step gives back.

use std::collections::HashSet;

use jiff::Timestamp;
use model::restore::{Finding, ManualStep, Outcome, Step, StepRecord};

/// What became of a step, with all it has to tell the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepResult {
    /// What became of it as a whole.
    pub outcome: Outcome,
    /// News about single items.
    pub findings: Vec<Finding>,
    /// What is left to the operator.
    pub manual_steps: Vec<ManualStep>,
}

impl StepResult {
    /// The result `outcome`, with nothing more to tell.
    pub fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            findings: Vec::new(),
            manual_steps: Vec::new(),
        }
    }

    /// `count` items came back.
    pub fn restored(count: u64) -> Self {
        Self::new(Outcome::Restored { count })
    }

    /// The backup holds nothing for the step.
    pub fn nothing_to_do() -> Self {
        Self::new(Outcome::NothingToDo)
    }

    /// The step was left out.
    pub fn skipped(reason: impl Into<String>) -> Self {
        Self::new(Outcome::Skipped {
            reason: reason.into(),
        })
    }

    /// None of it came back.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::new(Outcome::Failed {
            error: error.to_string(),
        })
    }

    /// The record of a step that ends now with this.
    pub fn record(self, step: Step, began: Timestamp) -> StepRecord {
        StepRecord {
            step,
            outcome: self.outcome,
            findings: self.findings,
            manual_steps: self.manual_steps,
            began,
            ended: Timestamp::now(),
        }
    }

    /// Adds findings and manual steps.
    pub fn telling(mut self, news: News) -> Self {
        self.findings.extend(news.findings);
        self.manual_steps.extend(news.manual_steps);
        self
    }
}

/// Findings and manual steps, gathered while a step works.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// News about single items.
    pub findings: Vec<Finding>,
    /// What is left to the operator.
    pub manual_steps: Vec<ManualStep>,
}

impl News {
    /// Adds a finding.
    pub fn finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds something that the operator has to do.
    pub fn manual(&mut self, step: ManualStep) {
        self.manual_steps.push(step);
    }

    /// Adds all of `other` in place of what was said of the same differences, and of manual steps
    /// with the same title: something else became of them.
    pub(crate) fn replace(&mut self, other: News) {
        let findings = other.findings.iter();
        let announced: HashSet<&String> = findings.flat_map(|told| &told.announces).collect();
        let is_replaced = |told: &Finding| {
            let mut announces = told.announces.iter();
            !told.announces.is_empty() && announces.all(|path| announced.contains(path))
        };
        self.findings.retain(|told| !is_replaced(told));
        let has_title = |step: &ManualStep, title| step.title == title;
        self.manual_steps.retain(|step| {
            let mut others = other.manual_steps.iter();
            !others.any(|other| has_title(step, other.title.as_str()))
        });
        self.extend(other);
    }

    /// Takes back what was said of `item` and of what is below it: something else became of it.
    pub(crate) fn retract(&mut self, item: &str) {
        let is_below = |finding: &Finding| {
            let rest = finding.item.strip_prefix(item);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.findings.retain(|finding| !is_below(finding));
    }

    /// Adds all of `other`.
    pub fn extend(&mut self, other: News) {
        self.findings.extend(other.findings);
        self.manual_steps.extend(other.manual_steps);
    }
}

/// How far a call of a step got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepProgress {
    /// The step is finished.
    Done(StepResult),
    /// The stop came first; its progress is saved.
    InProgress,
    /// Something outside has to happen first.
    Waiting {
        /// When to look again, in seconds.
        seconds: u32,
    },
}

impl From<StepResult> for StepProgress {
    fn from(result: StepResult) -> Self {
        StepProgress::Done(result)
    }
}
