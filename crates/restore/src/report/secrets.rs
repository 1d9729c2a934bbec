//! Secrets of the backup, cut out of whatever is written for people.
//!
//! Nothing should hold one in the first place; this is for the text that some error or some
//! member of a new feature of Cognito brings along.

use model::document::BackupHead;
use model::inventory::Section;
use model::restore::Report;
use model::secret::is_secret_member;
use serde_json::Value;

use crate::error::RestoreError;

/// Shorter values would cut words apart; Cognito's own secrets are longer (facts A.6).
const SHORTEST: usize = 8;

/// The secret values of a backup's settings.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// All client secrets and those of identity providers.
    pub(crate) fn of(head: &BackupHead) -> Self {
        let mut secrets = Vec::new();
        for section in [Section::AppClients, Section::IdentityProviders] {
            gather(head.section(section), &mut secrets);
        }
        secrets.retain(|secret| secret.len() >= SHORTEST);
        secrets.sort_unstable_by_key(|secret| std::cmp::Reverse(secret.len()));
        Self(secrets)
    }

    /// The text without them.
    pub(crate) fn cut(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), "(hidden)")
            } else {
                text
            }
        })
    }

    /// The report with none of them in any text.
    pub(crate) fn cut_from_report(&self, report: &Report) -> Result<Report, RestoreError> {
        let broken =
            |error: serde_json::Error| RestoreError::Internal(format!("the report: {error}"));
        let mut value = serde_json::to_value(report).map_err(broken)?;
        self.cut_from(&mut value);
        serde_json::from_value(value).map_err(broken)
    }

    fn cut_from(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.cut(text),
            Value::Array(elements) => elements
                .iter_mut()
                .for_each(|element| self.cut_from(element)),
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| self.cut_from(member)),
            _ => {}
        }
    }
}

fn gather(value: &Value, secrets: &mut Vec<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, secrets)),
        Value::Object(object) => {
            for (name, member) in object {
                match member {
                    Value::String(text) if is_secret_member(name) => secrets.push(text.clone()),
                    other => gather(other, secrets),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_of_clients_and_providers_are_cut_out_of_any_text() {
        let mut head = BackupHead::new(
            "us-east-1_A".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            Section::AppClients,
            json!([{"ClientId": "a", "ClientSecret": "client-secret-1"}]),
        );
        head.set(Section::IdentityProviders, json!([{"ProviderName": "okta", "ProviderDetails": {"client_id": "app", "client_secret": "provider-secret-2"}}]));
        let cut =
            Secrets::of(&head).cut("create okta app with provider-secret-2 for client-secret-1");
        assert_eq!(cut, "create okta app with (hidden) for (hidden)");
    }
}
