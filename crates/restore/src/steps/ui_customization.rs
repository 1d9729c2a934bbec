//! The classic hosted UI.

use cognito::{ErrorKind, Operation};
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::{Value, json};

use super::create::concerns_every_item;
use super::{described, domains, new_client};
use crate::context::Restore;
use crate::document::{Document, object, text, token};
use crate::error::RestoreError;
use crate::relocation::tell_if_missing;
use crate::step::{News, StepProgress, StepResult};

/// The name under which Cognito keeps the pool's own customization.
const POOL: &str = "ALL";

/// Sets style sheet and logo of the classic hosted UI: the pool's own, then those of the clients
/// that have their own. A client without inherits the pool's, as before.
///
/// Runs after the domains: without one Cognito refuses (facts A.11). Setting it again changes
/// nothing. Style sheet and logo go in one call.
///
/// # Errors
/// Errors of Cognito itself; a customization that is refused is a finding.
pub async fn ui_customization(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let (wanted, mut news) = plan(restore.head());
    if wanted.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?;
    let there = described(restore, pool).await?;
    if domains::host(&there, "").is_none() {
        for customization in &wanted {
            news.finding(customization.failed("it needs a domain, and no domain came back"));
        }
        return Ok(StepResult::failed("no domain came back, which it needs")
            .telling(news)
            .into());
    }
    let mut set = 0;
    for customization in &wanted {
        let client = if customization.client == POOL {
            Some(POOL.to_owned())
        } else {
            let section = Section::ClientUiCustomizations;
            new_client(state, section, &customization.client, &mut news)
        };
        let Some(client) = client else { continue };
        let result = match customization.set(restore, pool, &client).await {
            Err(RestoreError::Cognito(error)) if error.is(ErrorKind::Refused) => {
                match customization.without_logo() {
                    Some((css, finding)) => {
                        news.finding(finding);
                        css.set(restore, pool, &client).await
                    }
                    None => Err(error.into()),
                }
            }
            result => result,
        };
        match result {
            Ok(()) => set += 1,
            Err(RestoreError::Cognito(error)) if !concerns_every_item(&error) => {
                news.finding(customization.failed(&error.to_string()));
            }
            Err(error) => return Err(error),
        }
    }
    let result = if set > 0 {
        StepResult::restored(set)
    } else {
        StepResult::failed("no customization came back")
    };
    Ok(result.telling(news).into())
}

/// One customization of the backup.
#[derive(Debug, PartialEq)]
pub(super) struct Customization {
    /// `ALL`, or the client's old id.
    client: String,
    request: Document,
}

impl Customization {
    async fn set(
        &self,
        restore: &Restore<'_>,
        pool: &UserPoolId,
        client: &str,
    ) -> Result<(), RestoreError> {
        let mut request = Value::Object(self.request.clone());
        request["UserPoolId"] = pool.as_str().into();
        request["ClientId"] = client.into();
        let operation = Operation::SetUICustomization;
        restore.cognito.call(operation, &request).await?;
        Ok(())
    }

    /// The style sheet alone, where Cognito does not take the two together.
    fn without_logo(&self) -> Option<(Self, Finding)> {
        let mut request = self.request.clone();
        request.shift_remove("ImageFile")?;
        let client = self.client.clone();
        let why = "Cognito did not take its logo";
        let mut finding = self.failed(why);
        finding.kind = FindingKind::Degraded;
        (!request.is_empty()).then_some((Self { client, request }, finding))
    }

    fn failed(&self, why: &str) -> Finding {
        let item = format!("hosted UI of {}", self.client);
        let finding = Finding::new(FindingKind::Failed, item, why);
        if self.client == POOL {
            finding
                .announcing(Section::UiCustomization, "")
                .announcing(Section::UiImages, POOL)
        } else {
            let path = token(&self.client);
            finding
                .announcing(Section::ClientUiCustomizations, &path)
                .announcing(Section::UiImages, &path)
        }
    }
}

/// The customizations of the backup: CSS and the image's bytes are all that can be set.
pub(super) fn plan(head: &BackupHead) -> (Vec<Customization>, News) {
    let mut news = News::default();
    tell_if_missing(head, Section::UiCustomization, &mut news);
    tell_if_missing(head, Section::ClientUiCustomizations, &mut news);
    tell_if_missing(head, Section::UiImages, &mut news);
    let images = head.list(Section::UiImages);
    let own = std::iter::once(head.section(Section::UiCustomization))
        .chain(head.list(Section::ClientUiCustomizations));
    let mut wanted = Vec::new();
    for customization in own {
        let client = text(customization, "/ClientId").unwrap_or(POOL);
        let mut request = Document::new();
        if let Some(css) = text(customization, "/CSS") {
            request.insert("CSS".into(), css.into());
        }
        let image = images.iter().find(|image| image["ClientId"] == client);
        match image.and_then(|image| text(image, "/Data")) {
            Some(data) => {
                request.insert("ImageFile".into(), data.into());
            }
            None if text(customization, "/ImageUrl").is_some() => {
                let item = format!("logo of {client}");
                let reason =
                    "the backup does not hold the image, only its address in the lost pool";
                let path = if client == POOL {
                    (Section::UiCustomization, "ImageUrl".to_owned())
                } else {
                    let path = format!("{}/ImageUrl", token(client));
                    (Section::ClientUiCustomizations, path)
                };
                news.finding(
                    Finding::new(FindingKind::Degraded, item, reason)
                        .announcing(path.0, &path.1)
                        .announcing(Section::UiImages, &token(client)),
                );
            }
            None => {}
        }
        if !request.is_empty() {
            wanted.push(Customization {
                client: client.to_owned(),
                request: object(&json!(request)),
            });
        }
    }
    (wanted, news)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn css_and_image_are_sent_together_and_a_missing_image_is_told() {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(
            Section::UiCustomization,
            json!({"UserPoolId": "us-east-1_Old", "ClientId": "ALL", "CSS": ".x{}", "CSSVersion": "1", "ImageUrl": "https://i", "CreationDate": 1}),
        );
        head.set(
            Section::ClientUiCustomizations,
            json!([{"ClientId": "c1", "CSS": ".y{}", "ImageUrl": "https://j"}, {"ClientId": "c2", "ImageUrl": "https://k"}]),
        );
        head.set(
            Section::UiImages,
            json!([{"ClientId": "ALL", "Data": "AAAA"}]),
        );
        let (wanted, news) = plan(&head);
        let sent: Vec<(&str, Value)> = wanted
            .iter()
            .map(|one| (one.client.as_str(), Value::Object(one.request.clone())))
            .collect();
        assert_eq!(
            sent,
            [
                ("ALL", json!({"CSS": ".x{}", "ImageFile": "AAAA"})),
                ("c1", json!({"CSS": ".y{}"})),
            ]
        );
        assert_eq!(news.findings.len(), 2);
    }

    #[test]
    fn a_pool_without_customization_gets_none() {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set(Section::UiCustomization, Value::Null);
        assert_eq!(plan(&head), (vec![], News::default()));
    }
}
