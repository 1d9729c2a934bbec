//! What came out, side by side with what was expected.

use std::collections::BTreeMap;

use comfy_table::{ContentArrangement, Table, presets};
use serde::Serialize;

use crate::journal::Thing;
use crate::scratch::Called;

/// What an answer says about the simulator's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The service does what the simulator does.
    Agrees,
    /// It does something else: correct the rule, and what leans on it.
    Differs,
    /// The question could not be asked.
    NotAsked,
}

/// The answer to one question.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The question's id.
    pub question: String,
    /// What it asks.
    pub asks: String,
    /// The fact that it tries.
    pub facts: &'static str,
    /// What it says about that fact.
    pub verdict: Verdict,
    /// What the simulator does.
    pub expected: String,
    /// What the service did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What was measured beside it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub measured: BTreeMap<&'static str, serde_json::Value>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The calls, without secrets, and how they were answered.
    pub calls: Vec<Called>,
}

/// A run: the file that facts and simulator are corrected from.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The name of the run.
    pub run: String,
    /// When it began.
    pub began: jiff::Timestamp,
    /// Where pools are backed up.
    pub primary_region: String,
    /// Where they are restored.
    pub dr_region: String,
    /// Whether it was broken off.
    pub stopped: bool,
    /// The answers.
    pub answers: Vec<Entry>,
    /// What could not be removed.
    pub left: Vec<Thing>,
}

impl Report {
    /// The answers with that verdict.
    pub fn with(&self, verdict: Verdict) -> impl Iterator<Item = &Entry> {
        let answers = self.answers.iter();
        answers.filter(move |entry| entry.verdict == verdict)
    }

    /// Expected and observed side by side, then how many of each verdict there are.
    pub fn text(&self) -> String {
        let mut table = Table::new();
        table
            .load_preset(presets::UTF8_HORIZONTAL_ONLY)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_header(["question", "expected", "observed", ""]);
        for entry in &self.answers {
            let (observed, mark) = match entry.verdict {
                Verdict::Agrees => (entry.observed.as_deref(), "agrees"),
                Verdict::Differs => (entry.observed.as_deref(), "DIFFERS"),
                Verdict::NotAsked => (entry.because.as_deref(), "not asked"),
            };
            table.add_row([
                &entry.question,
                &entry.expected,
                observed.unwrap_or_default(),
                mark,
            ]);
        }
        let count = |verdict| self.with(verdict).count();
        let stopped = if self.stopped {
            "; broken off before its end"
        } else {
            ""
        };
        format!(
            "{table}\n{} agree, {} differ, {} could not be asked{stopped}",
            count(Verdict::Agrees),
            count(Verdict::Differs),
            count(Verdict::NotAsked)
        )
    }
}
