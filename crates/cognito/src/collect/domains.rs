//! The prefix domain and the custom domain: a pool may have both (facts A.10).

use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::{SectionRead, or_nothing, settle};
use super::{Pool, Readings};
use crate::operation::Operation;

/// The members of DescribeUserPool that name the domains.
pub(super) const MEMBERS: [(Section, &str); 2] = [
    (Section::UserPoolDomain, "Domain"),
    (Section::CustomDomain, "CustomDomain"),
];

/// A domain's name in the pool's settings.
pub(super) fn name<'a>(settings: &'a Value, member: &str) -> Option<&'a str> {
    let name = settings.get(member).and_then(Value::as_str);
    name.filter(|name| !name.is_empty())
}

pub(super) async fn domains(pool: &Pool<'_>) -> Readings {
    let mut readings = Vec::new();
    for (section, member) in MEMBERS {
        let reading = match name(&pool.settings, member) {
            None => SectionRead::Found(Value::Null),
            Some(name) => describe(pool, name).await,
        };
        readings.push((section, reading));
    }
    readings
}

/// The operation takes the domain's name, not the pool's id. Of a domain that it does not know
/// it gives an empty description or an error (facts A.10): here the pool says that there is one.
async fn describe(pool: &Pool<'_>, name: &str) -> SectionRead {
    let operation = Operation::DescribeUserPoolDomain;
    let request = json!({"Domain": name});
    let answer = or_nothing(pool.cognito.call(operation, &request).await);
    let reading = settle(answer.map(|mut answer| {
        let description = answer.get_mut("DomainDescription").map(Value::take);
        description.unwrap_or(Value::Null)
    }));
    match reading {
        SectionRead::Found(Value::Object(description)) if description.contains_key("Domain") => {
            SectionRead::Found(Value::Object(description))
        }
        SectionRead::Found(_) => SectionRead::Failed(format!(
            "{operation} knows no domain {name}, which the pool names"
        )),
        other => other,
    }
}
