//! Small tools for raw documents: what every transformation of one is made of.

pub(crate) use model::pointer::token;
use serde_json::{Map, Value};

/// A JSON object as Cognito sends or takes it.
pub(crate) type Document = Map<String, Value>;

/// The object in `value` without members that are `null`, at any depth. Documents of the
/// reference implementation have such members; a request must not.
pub(crate) fn object(value: &Value) -> Document {
    match without_nulls(value) {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(_, member)| !member.is_null())
            .map(|(name, member)| (name.clone(), without_nulls(member)))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(elements) => elements.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// Removes members.
pub(crate) fn remove(document: &mut Document, members: &[&str]) {
    for member in members {
        document.shift_remove(*member);
    }
}

/// Removes members that are empty lists.
pub(crate) fn remove_if_empty(document: &mut Document, members: &[&str]) {
    for member in members {
        if document
            .get(*member)
            .is_some_and(|value| value.as_array().is_some_and(Vec::is_empty))
        {
            document.shift_remove(*member);
        }
    }
}

/// The text at a JSON pointer, unless it is empty.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The text of a member, unless it is empty.
pub(crate) fn member<'a>(document: &'a Document, name: &str) -> Option<&'a str> {
    document
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// The texts of a member that is a list of texts.
pub(crate) fn texts(document: &Document, name: &str) -> Vec<String> {
    document
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|element| element.as_str().map(str::to_owned))
        .collect()
}

/// Changes a member that is an object.
pub(crate) fn change<T>(
    document: &mut Document,
    name: &str,
    change: impl FnOnce(&mut Document) -> T,
) -> Option<T> {
    match document.get_mut(name) {
        Some(Value::Object(inner)) => Some(change(inner)),
        _ => None,
    }
}

/// The parts of an ARN: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    parts: [&'a str; 6],
}

impl<'a> Arn<'a> {
    /// Reads an ARN; `None` when the text is none.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let mut parts = [""; 6];
        let mut found = text.splitn(6, ':');
        for part in &mut parts {
            *part = found.next()?;
        }
        (parts[0] == "arn" && !parts[2].is_empty() && !parts[5].is_empty())
            .then_some(Self { parts })
    }

    pub(crate) fn service(&self) -> &'a str {
        self.parts[2]
    }

    /// The Region; empty for services that have none in their ARNs.
    pub(crate) fn region(&self) -> &'a str {
        self.parts[3]
    }

    pub(crate) fn account(&self) -> &'a str {
        self.parts[4]
    }

    pub(crate) fn resource(&self) -> &'a str {
        self.parts[5]
    }

    /// The same resource in another Region or account, where one is given.
    pub(crate) fn moved(&self, region: Option<&str>, account: Option<&str>) -> String {
        let [arn, partition, service, old_region, old_account, resource] = self.parts;
        let (region, account) = (region.unwrap_or(old_region), account.unwrap_or(old_account));
        [arn, partition, service, region, account, resource].join(":")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_loses_its_nulls_at_any_depth() {
        let document = object(&json!({"a": null, "b": {"c": null, "d": 1}, "e": [{"f": null}]}));
        assert_eq!(Value::Object(document), json!({"b": {"d": 1}, "e": [{}]}));
    }

    #[test]
    fn an_arn_is_taken_apart_and_moved() {
        let arn = Arn::read("arn:aws:lambda:us-east-1:111122223333:function:f:live").unwrap();
        assert_eq!(
            (arn.service(), arn.region(), arn.account(), arn.resource()),
            ("lambda", "us-east-1", "111122223333", "function:f:live")
        );
        assert_eq!(
            arn.moved(Some("us-west-2"), None),
            "arn:aws:lambda:us-west-2:111122223333:function:f:live"
        );
        assert_eq!(
            arn.moved(None, Some("444455556666")),
            "arn:aws:lambda:us-east-1:444455556666:function:f:live"
        );
        for text in [
            "",
            "arn:aws:lambda",
            "https://a:b:c:d:e:f",
            "arn:aws:x:y:z:",
        ] {
            assert_eq!(Arn::read(text), None, "{text}");
        }
    }
}
