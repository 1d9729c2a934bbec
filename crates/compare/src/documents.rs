//! The comparison of two documents, member by member.

use model::document::EncryptedSecret;
use model::secret::is_encrypted_member;
use serde_json::{Map, Value};

use crate::allowed::Relation;

/// What is different at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Only the first side has it.
    Missing,
    /// Only the second side has it.
    Added,
    /// Both have it, not alike.
    Changed,
    /// The second side could not be read.
    Unreadable,
}

impl Change {
    /// The word for the report.
    pub fn word(self) -> &'static str {
        match self {
            Change::Missing => "missing",
            Change::Added => "added",
            Change::Changed => "changed",
            Change::Unreadable => "unreadable",
        }
    }
}

/// A difference, before it is known whether it was announced.
#[derive(Clone, PartialEq)]
pub struct FoundDifference {
    /// Where, as segments.
    pub path: Vec<String>,
    /// What.
    pub change: Change,
    /// What the first side has there; it may be secret or personal.
    pub first: Option<Value>,
    /// What the second side has there.
    pub second: Option<Value>,
}

impl std::fmt::Debug for FoundDifference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "FoundDifference({} {})",
            self.path.join("/"),
            self.change.word()
        )
    }
}

/// Compares documents and gathers what differs beyond what may.
#[derive(Debug, Default)]
pub struct Comparison {
    /// What may differ.
    pub relation: Relation,
    /// The differences, in the order of the documents.
    pub found: Vec<FoundDifference>,
    /// How many settings were compared.
    pub compared: u64,
    /// How many secrets are encrypted on a side, so that only who decrypts them can compare them.
    pub secrets_not_compared: u64,
}

/// Which members tell the elements of a list of objects apart. Lists are compared without regard
/// to order: Cognito returns them in any.
const IDENTITIES: &[(&str, &[&str])] = &[
    ("SchemaAttributes", &["Name"]),
    ("RecoveryMechanisms", &["Name"]),
    ("Scopes", &["ScopeName"]),
    ("LogConfigurations", &["EventSource", "LogLevel"]),
    ("Assets", &["Category", "ColorMode", "Extension"]),
];

/// Below these members a document is free in form, and the order of its lists may mean something.
const FREE_FORM: &[&str] = &["Settings"];

impl Comparison {
    /// Compares what the two sides hold at `path`. `null` and empty containers count
    /// as absent: Cognito writes either.
    pub fn values(
        &mut self,
        path: &mut Vec<String>,
        first: Option<&Value>,
        second: Option<&Value>,
    ) {
        let (first, second) = (present(first), present(second));
        if first.is_none() && second.is_none() {
            return;
        }
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        if self.relation.lets_pass(&segments, first, second) {
            return;
        }
        if self.encrypted_secrets(path, first, second) {
            return;
        }
        match (first, second) {
            (Some(Value::Object(first)), Some(Value::Object(second))) => {
                self.objects(path, first, second)
            }
            // Members of an object that only one side has are looked at one by one: some may be
            // allowed to be absent.
            (Some(Value::Object(first)), None) => self.objects(path, first, &Map::new()),
            (None, Some(Value::Object(second))) => self.objects(path, &Map::new(), second),
            (Some(Value::Array(first)), Some(Value::Array(second))) => {
                self.arrays(path, first, second)
            }
            (Some(_), None) => self.note(path, Change::Missing, first, second),
            (None, Some(_)) => self.note(path, Change::Added, first, second),
            (Some(one), Some(other)) => {
                self.compared += 1;
                if !alike(one, other) {
                    self.found_at(path, Change::Changed, first, second);
                }
            }
            (None, None) => {}
        }
    }

    /// Compares what the two sides hold at `path` if it is a secret that is encrypted on one of
    /// them: by fingerprints, where both have one of the same key.
    fn encrypted_secrets(
        &mut self,
        path: &[String],
        first: Option<&Value>,
        second: Option<&Value>,
    ) -> bool {
        if !path.last().is_some_and(|name| is_encrypted_member(name)) {
            return false;
        }
        let encrypted = |value: Option<&Value>| value.and_then(EncryptedSecret::of);
        let same = match (encrypted(first), encrypted(second)) {
            (None, None) => return false,
            (Some(one), Some(other)) => one.is_same(&other),
            _ if first.is_none() => {
                self.note(path, Change::Added, first, second);
                return true;
            }
            _ if second.is_none() => {
                self.note(path, Change::Missing, first, second);
                return true;
            }
            _ => None,
        };
        match same {
            Some(true) => self.compared += 1,
            Some(false) => self.note(path, Change::Changed, first, second),
            None => self.secrets_not_compared += 1,
        }
        true
    }

    fn objects(
        &mut self,
        path: &mut Vec<String>,
        first: &Map<String, Value>,
        second: &Map<String, Value>,
    ) {
        let only_in_second = second.keys().filter(|name| !first.contains_key(*name));
        for name in first.keys().chain(only_in_second) {
            path.push(name.clone());
            self.values(path, first.get(name), second.get(name));
            path.pop();
        }
    }

    fn arrays(&mut self, path: &mut Vec<String>, first: &[Value], second: &[Value]) {
        let identity = path
            .last()
            .and_then(|name| IDENTITIES.iter().find(|(list, _)| list == name))
            .map(|(_, members)| *members);
        if let Some(members) = identity {
            let name = |element: &Value| named(element, members);
            self.lists(path, first, second, &name, &name);
            return;
        }
        self.compared += 1;
        let free = path
            .iter()
            .any(|segment| FREE_FORM.contains(&segment.as_str()));
        let same = if free {
            first.len() == second.len()
                && first
                    .iter()
                    .zip(second)
                    .all(|(first, second)| alike(first, second))
        } else {
            sorted(first) == sorted(second)
        };
        if !same {
            let (first, second) = (Value::from(first), Value::from(second));
            self.found_at(path, Change::Changed, Some(&first), Some(&second));
        }
    }

    /// Compares two lists whose elements have names. Elements of one name are compared in order.
    pub fn lists(
        &mut self,
        path: &mut Vec<String>,
        first: &[Value],
        second: &[Value],
        name_in_first: &dyn Fn(&Value) -> String,
        name_in_second: &dyn Fn(&Value) -> String,
    ) {
        let mut left: Vec<(String, &Value)> = second
            .iter()
            .map(|element| (name_in_second(element), element))
            .collect();
        for element in first {
            let name = name_in_first(element);
            let twin = left
                .iter()
                .position(|(other, _)| *other == name)
                .map(|index| left.remove(index).1);
            self.element(path, name, Some(element), twin);
        }
        for (name, element) in left {
            self.element(path, name, None, Some(element));
        }
    }

    /// An element that one side lacks is one difference, not one for each member.
    fn element(
        &mut self,
        path: &mut Vec<String>,
        name: String,
        first: Option<&Value>,
        second: Option<&Value>,
    ) {
        path.push(name);
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        match (first, second) {
            (Some(_), Some(_)) => self.values(path, first, second),
            _ if self.relation.lets_pass(&segments, first, second) => {}
            (Some(_), None) => self.note(path, Change::Missing, first, second),
            (None, Some(_)) => self.note(path, Change::Added, first, second),
            (None, None) => {}
        }
        path.pop();
    }

    fn note(
        &mut self,
        path: &[String],
        change: Change,
        first: Option<&Value>,
        second: Option<&Value>,
    ) {
        self.compared += 1;
        self.found_at(path, change, first, second);
    }

    fn found_at(
        &mut self,
        path: &[String],
        change: Change,
        first: Option<&Value>,
        second: Option<&Value>,
    ) {
        self.found.push(FoundDifference {
            path: path.to_vec(),
            change,
            first: first.cloned(),
            second: second.cloned(),
        });
    }
}

fn named(element: &Value, members: &[&str]) -> String {
    let parts: Vec<&str> = members
        .iter()
        .filter_map(|member| element.get(*member).and_then(Value::as_str))
        .collect();
    parts.join("-")
}

pub(crate) fn present(value: Option<&Value>) -> Option<&Value> {
    value.filter(|value| match value {
        Value::Null => false,
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => members
            .values()
            .any(|member| present(Some(member)).is_some()),
        _ => true,
    })
}

/// Equal, where `1` and `1.0` are, and empty members are no members.
fn alike(backup: &Value, pool: &Value) -> bool {
    match (backup, pool) {
        (Value::Number(backup), Value::Number(pool)) => {
            backup == pool || backup.as_f64() == pool.as_f64()
        }
        (Value::Array(backup), Value::Array(pool)) => {
            backup.len() == pool.len()
                && backup
                    .iter()
                    .zip(pool)
                    .all(|(backup, pool)| alike(backup, pool))
        }
        (Value::Object(backup), Value::Object(pool)) => {
            backup.keys().chain(pool.keys()).all(|name| {
                match (present(backup.get(name)), present(pool.get(name))) {
                    (Some(backup), Some(pool)) => alike(backup, pool),
                    (None, None) => true,
                    _ => false,
                }
            })
        }
        _ => backup == pool,
    }
}

/// The elements of a list in an order of their own, each as canonical JSON.
fn sorted(list: &[Value]) -> Vec<String> {
    let mut texts: Vec<String> = list.iter().map(canonical).collect();
    texts.sort_unstable();
    texts
}

/// JSON with members in order and without empty ones.
fn canonical(value: &Value) -> String {
    fn ordered(value: &Value) -> Value {
        match value {
            Value::Array(elements) => elements.iter().map(ordered).collect(),
            Value::Object(members) => {
                let mut names: Vec<&String> = members.keys().collect();
                names.sort_unstable();
                let kept = names
                    .into_iter()
                    .filter(|name| present(members.get(*name)).is_some());
                Value::Object(
                    kept.map(|name| (name.clone(), ordered(&members[name])))
                        .collect(),
                )
            }
            other => other.clone(),
        }
    }
    ordered(value).to_string()
}

#[cfg(test)]
mod tests;
