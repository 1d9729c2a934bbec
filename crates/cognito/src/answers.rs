//! Answers that are kept, so that a reading that was broken off goes on where it stood.
//!
//! Who reads by many calls in a fixed way, like the collector, can be broken off anywhere and
//! begun anew with the answers of before: the calls that were answered are answered at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::error::{CognitoError, ErrorKind, kind_of};
use crate::operation::Operation;

/// The errors that say what there is, not that something went wrong.
const FINAL: [ErrorKind; 3] = [
    ErrorKind::Missing,
    ErrorKind::FeatureUnavailable,
    ErrorKind::Refused,
];

/// The answers to calls that read.
#[derive(Debug)]
pub struct Answers {
    kept: Mutex<Kept>,
    added: watch::Sender<usize>,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, Answer>,
    /// What was asked since these answers were made, in that order.
    added: Vec<String>,
}

/// What is known without asking again.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Answer {
    Body(Box<str>),
    /// There is no such thing or feature, or it is not for asking.
    Nothing {
        code: String,
        message: String,
    },
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            added: watch::Sender::new(0),
        }
    }
}

impl Answers {
    /// Waits until an answer was added since these were made or [loaded](Self::load).
    pub async fn first_added(&self) {
        // The sender lives as long as `self`.
        let _ = self.added.subscribe().wait_for(|added| *added > 0).await;
    }

    /// Whether an answer was added.
    pub fn any_added(&self) -> bool {
        *self.added.borrow() > 0
    }

    /// What was added, to be [loaded](Self::load) later. It holds what the service answered,
    /// secrets included.
    pub fn save(&self) -> Vec<u8> {
        let kept = self.lock();
        let mut saved = Vec::new();
        for asked in &kept.added {
            let line = serde_json::to_vec(&(asked, kept.answers.get(asked)));
            saved.extend(line.unwrap_or_default());
            saved.push(b'\n');
        }
        saved
    }

    /// Adds what was saved earlier; false when it is not what one saves.
    pub fn load(&self, saved: &[u8]) -> bool {
        let mut kept = self.lock();
        let lines = saved.split(|byte| *byte == b'\n');
        for line in lines.filter(|line| !line.is_empty()) {
            let Ok((asked, Some(answer))) = serde_json::from_slice::<(_, Option<_>)>(line) else {
                return false;
            };
            kept.answers.insert(asked, answer);
        }
        true
    }

    pub(crate) fn find(
        &self,
        operation: Operation,
        request: &Value,
    ) -> Option<Result<Vec<u8>, CognitoError>> {
        let kept = self.lock();
        Some(match kept.answers.get(&asked(operation, request))? {
            Answer::Body(body) => Ok(body.as_bytes().to_vec()),
            Answer::Nothing { code, message } => Err(CognitoError {
                operation,
                kind: kind_of(code, message, 400, operation),
                code: code.clone(),
                message: message.clone(),
            }),
        })
    }

    /// Keeps an answer that will not be another when it is asked for again; failures are not
    /// kept.
    pub(crate) fn keep(
        &self,
        operation: Operation,
        request: &Value,
        result: &Result<Vec<u8>, CognitoError>,
    ) {
        let answer = match result {
            Ok(body) => std::str::from_utf8(body)
                .ok()
                .map(|body| Answer::Body(body.into())),
            Err(error) => FINAL.contains(&error.kind).then(|| Answer::Nothing {
                code: error.code.clone(),
                message: error.message.clone(),
            }),
        };
        let Some(answer) = answer else { return };
        let mut kept = self.lock();
        let asked = asked(operation, request);
        kept.answers.insert(asked.clone(), answer);
        kept.added.push(asked);
        self.added.send_replace(kept.added.len());
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn asked(operation: Operation, request: &Value) -> String {
    format!("{operation} {request}")
}
