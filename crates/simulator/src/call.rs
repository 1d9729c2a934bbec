//! One call on its way through the simulator: what a handler is told, and what it answers.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::ServiceError;
use crate::state::{AccountId, Region, Sub, Time};

/// A JSON object: a request, an answer, or a stored resource under the names that the API gives its members.
pub type Document = Map<String, Value>;

/// The JSON body of a successful answer.
#[derive(Debug)]
pub(crate) struct Reply(pub(crate) Vec<u8>);

impl Reply {
    /// `{}`, the answer of operations without output.
    pub(crate) fn empty() -> Self {
        Self(b"{}".to_vec())
    }
}

impl From<Value> for Reply {
    fn from(document: Value) -> Self {
        Self(document.to_string().into_bytes())
    }
}

/// What a handler returns.
pub(crate) type Answer = Result<Reply, ServiceError>;

/// What end users and the bill would have noticed of a call; added to the evidence when the call is over.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) messages: Vec<Message>,
    pub(crate) active_users: Vec<(String, Sub)>,
    pub(crate) triggers: Vec<&'static str>,
    pub(crate) import_log: Vec<(String, String)>,
}

/// A mail or text that an end user would have got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    pub(crate) kind: &'static str,
    pub(crate) medium: &'static str,
}

/// A call of one operation whose shape has been checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'static str,
    /// The request body: no nulls; unknown members only if [`Config::keep_unknown_members`] says so.
    pub(crate) request: &'a Document,
    pub(crate) account: &'a AccountId,
    pub(crate) region: &'a Region,
    pub(crate) now: Time,
    pub(crate) config: &'a Config,
    /// `http://host:port`, where the caller reached the simulator: for presigned and image URLs.
    pub(crate) base_url: &'a str,
    pub(crate) effects: &'a RefCell<Effects>,
}

#[allow(dead_code, reason = "accessors for all JSON types")]
impl<'a> Call<'a> {
    /// A text member, if given.
    pub(crate) fn text(&self, member: &str) -> Option<&'a str> {
        self.request.get(member).and_then(Value::as_str)
    }

    /// A text member that the shape check has already required.
    pub(crate) fn required(&self, member: &str) -> Result<&'a str, ServiceError> {
        self.text(member).ok_or_else(|| {
            let name = crate::shapes::lower_first(member);
            ServiceError::invalid_parameter(format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }

    /// A boolean member; absent is false.
    pub(crate) fn flag(&self, member: &str) -> bool {
        self.request
            .get(member)
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// A whole number, if given.
    pub(crate) fn integer(&self, member: &str) -> Option<i64> {
        self.request.get(member).and_then(Value::as_i64)
    }

    /// A list; absent is empty.
    pub(crate) fn list(&self, member: &str) -> &'a [Value] {
        self.request
            .get(member)
            .and_then(Value::as_array)
            .map_or(&[], Vec::as_slice)
    }

    /// A structure or map, if given.
    pub(crate) fn document(&self, member: &str) -> Option<&'a Document> {
        self.request.get(member).and_then(Value::as_object)
    }

    /// Notes a mail or text to an end user, e.g. `("invitation", "EMAIL")`.
    pub(crate) fn note_message(&self, kind: &'static str, medium: &'static str) {
        self.effects
            .borrow_mut()
            .messages
            .push(Message { kind, medium });
    }

    /// Notes that a user became billable this month (facts E, MAU rules).
    pub(crate) fn note_active(&self, pool_id: &str, sub: Sub) {
        self.effects
            .borrow_mut()
            .active_users
            .push((pool_id.to_owned(), sub));
    }

    /// Notes that a Lambda trigger would have run. The simulator runs none.
    pub(crate) fn note_trigger(&self, trigger: &'static str) {
        self.effects.borrow_mut().triggers.push(trigger);
    }

    /// Notes a line that an import job would have written to its log group.
    pub(crate) fn note_import_line(&self, job_id: &str, line: String) {
        self.effects
            .borrow_mut()
            .import_log
            .push((job_id.to_owned(), line));
    }

    /// The refusal of an operation that Cognito has and the simulator lacks.
    pub(crate) fn not_simulated(&self) -> ServiceError {
        not_simulated(self.operation)
    }
}

/// The refusal of an operation that Cognito has and the simulator lacks. No answer of AWS: it names the gap.
pub(crate) fn not_simulated(operation: &str) -> ServiceError {
    ServiceError {
        code: "NotImplementedException".to_owned(),
        message: format!("The operation {operation} is not implemented by the simulator."),
        status: 501,
    }
}
