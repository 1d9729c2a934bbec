//! The messages by which users verify an address (facts A.1, 0.1).

use model::inventory::Section;
use model::restore::{Finding, FindingKind};
use serde_json::Value;

use crate::document::{Document, change, member};
use crate::step::News;

const TEMPLATE: &str = "VerificationMessageTemplate";
/// The older members for messages of the template: Describe shows each in both places.
const OLDER: &[(&str, &str)] = &[
    ("SmsVerificationMessage", "SmsMessage"),
    ("EmailVerificationMessage", "EmailMessage"),
    ("EmailVerificationSubject", "EmailSubject"),
];

/// Drops the older members; what they say stands in the template.
pub(super) fn without_older_members(request: &mut Document) {
    for (older, _) in OLDER {
        request.shift_remove(*older);
    }
}

/// As [`without_older_members`]. A pool so old that it has no template gets it from them.
pub(super) fn from_older_members(request: &mut Document, news: &mut News) {
    let mut messages = Document::new();
    for (older, name) in OLDER {
        if let Some(text) = request.shift_remove(*older) {
            messages.insert((*name).into(), text);
        }
    }
    if !messages.is_empty() && !request.contains_key(TEMPLATE) {
        let reason = "made from the older members that held the messages";
        news.finding(
            Finding::new(FindingKind::Expected, TEMPLATE, reason)
                .announcing(Section::UserPoolConfig, TEMPLATE),
        );
        request.insert(TEMPLATE.into(), Value::Object(messages));
    }
}

/// Of the messages for codes and for links, the one that is not in use, if the pool has both.
pub(in crate::steps) fn spare_message(request: &Document) -> Option<&'static str> {
    let template = request.get(TEMPLATE)?.as_object()?;
    let both = ["EmailMessage", "EmailMessageByLink"]
        .iter()
        .all(|name| template.contains_key(*name));
    let by_link = member(template, "DefaultEmailOption") == Some("CONFIRM_WITH_LINK");
    let spare = if by_link {
        "EmailMessage"
    } else {
        "EmailMessageByLink"
    };
    both.then_some(spare)
}

/// Keeps the message in use alone, and says so: Cognito was documented to take one of the two.
pub(in crate::steps) fn without_spare_message(request: &mut Document, why: &str, news: &mut News) {
    let Some(spare) = spare_message(request) else {
        return;
    };
    change(request, TEMPLATE, |template| template.shift_remove(spare));
    let path = format!("{TEMPLATE}/{spare}");
    let reason = format!("the other of the two messages is in use: {why}");
    news.finding(
        Finding::new(FindingKind::Degraded, path.as_str(), reason)
            .announcing(Section::UserPoolConfig, &path),
    );
}
