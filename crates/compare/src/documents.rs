//! The comparison of two documents: pure, member by member.

use serde_json::{Map, Value};

use crate::allowed;

/// What is different at a place, without the values: they may be secrets or personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The backup has it, the pool has not.
    Missing,
    /// The pool has it, the backup has not.
    Added,
    /// Both have it, not alike.
    Changed,
    /// The pool's side could not be read.
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Where, as segments.
    pub path: Vec<String>,
    /// What.
    pub change: Change,
}

/// Compares documents and gathers what differs beyond the table of [`allowed`] differences.
#[derive(Debug, Default)]
pub struct Comparison {
    /// The differences, in the order of the documents.
    pub found: Vec<Found>,
    /// How many settings were compared.
    pub compared: u64,
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
    /// Compares what the backup and the pool hold at `path`. `null` and empty containers count
    /// as absent: Cognito writes either.
    pub fn values(&mut self, path: &mut Vec<String>, backup: Option<&Value>, pool: Option<&Value>) {
        let (backup, pool) = (present(backup), present(pool));
        if backup.is_none() && pool.is_none() {
            return;
        }
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        if allowed::lets_pass(&segments, backup, pool) {
            return;
        }
        match (backup, pool) {
            (Some(Value::Object(backup)), Some(Value::Object(pool))) => {
                self.objects(path, backup, pool)
            }
            // Members of an object that only one side has are looked at one by one: some may be
            // allowed to be absent.
            (Some(Value::Object(backup)), None) => self.objects(path, backup, &Map::new()),
            (None, Some(Value::Object(pool))) => self.objects(path, &Map::new(), pool),
            (Some(Value::Array(backup)), Some(Value::Array(pool))) => {
                self.arrays(path, backup, pool)
            }
            (Some(_), None) => self.note(path, Change::Missing),
            (None, Some(_)) => self.note(path, Change::Added),
            (Some(backup), Some(pool)) => {
                self.compared += 1;
                if !alike(backup, pool) {
                    self.found_at(path, Change::Changed);
                }
            }
            (None, None) => {}
        }
    }

    fn objects(
        &mut self,
        path: &mut Vec<String>,
        backup: &Map<String, Value>,
        pool: &Map<String, Value>,
    ) {
        let only_in_pool = pool.keys().filter(|name| !backup.contains_key(*name));
        for name in backup.keys().chain(only_in_pool) {
            path.push(name.clone());
            self.values(path, backup.get(name), pool.get(name));
            path.pop();
        }
    }

    fn arrays(&mut self, path: &mut Vec<String>, backup: &[Value], pool: &[Value]) {
        let identity = path
            .last()
            .and_then(|name| IDENTITIES.iter().find(|(list, _)| list == name))
            .map(|(_, members)| *members);
        if let Some(members) = identity {
            let name = |element: &Value| named(element, members);
            self.lists(path, backup, pool, &name, &name);
            return;
        }
        self.compared += 1;
        let free = path
            .iter()
            .any(|segment| FREE_FORM.contains(&segment.as_str()));
        let same = if free {
            backup.len() == pool.len()
                && backup
                    .iter()
                    .zip(pool)
                    .all(|(backup, pool)| alike(backup, pool))
        } else {
            sorted(backup) == sorted(pool)
        };
        if !same {
            self.found_at(path, Change::Changed);
        }
    }

    /// Compares two lists whose elements have names. Elements of one name are compared in order.
    pub fn lists(
        &mut self,
        path: &mut Vec<String>,
        backup: &[Value],
        pool: &[Value],
        name_in_backup: &dyn Fn(&Value) -> String,
        name_in_pool: &dyn Fn(&Value) -> String,
    ) {
        let mut left: Vec<(String, &Value)> = pool
            .iter()
            .map(|element| (name_in_pool(element), element))
            .collect();
        for element in backup {
            let name = name_in_backup(element);
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
        backup: Option<&Value>,
        pool: Option<&Value>,
    ) {
        path.push(name);
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        match (backup, pool) {
            (Some(_), Some(_)) => self.values(path, backup, pool),
            _ if allowed::lets_pass(&segments, backup, pool) => {}
            (Some(_), None) => self.note(path, Change::Missing),
            (None, Some(_)) => self.note(path, Change::Added),
            (None, None) => {}
        }
        path.pop();
    }

    fn note(&mut self, path: &[String], change: Change) {
        self.compared += 1;
        self.found_at(path, change);
    }

    fn found_at(&mut self, path: &[String], change: Change) {
        self.found.push(Found {
            path: path.to_vec(),
            change,
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
