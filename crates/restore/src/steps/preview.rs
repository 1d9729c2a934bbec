//! What the steps would do, for a dry run: their pure parts, and looks at the target Region.

use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState, Step};
use serde_json::Value;

use super::domains::{self, Owner};
use super::{
    app_clients, final_settings, groups, identity_providers, log_delivery, mfa_configuration,
    pool_document, resource_servers, schema, self_sign_up, triggers, ui_customization, web_acl,
};
use crate::context::Restore;
use crate::document::{object, text};
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepResult};
use crate::translate::ArnKind;

/// What a step of the settings would do.
///
/// # Errors
/// [`RestoreError::Cognito`] when the target Region cannot be asked.
pub(crate) async fn settings(
    step: Step,
    restore: &Restore<'_>,
    state: &RestoreState,
) -> Result<StepResult, RestoreError> {
    let head = restore.head();
    let target = state.options.target_user_pool_id.as_ref();
    let relocation = Relocation::of(restore, target);
    let legacy_sub = restore.settings.legacy_sub_attribute.as_deref();
    let counted = |count: usize, news: News| match count {
        0 => StepResult::nothing_to_do().telling(news),
        count => StepResult::restored(count as u64).telling(news),
    };
    let wanted_pool = || pool_document::creation(head, &relocation, &state.restore_id, legacy_sub);
    Ok(match step {
        Step::UserPool => StepResult::restored(1).telling(wanted_pool().news),
        Step::CustomAttributes => {
            let attributes = head.user_pool()["SchemaAttributes"].as_array();
            let schema = schema::of(attributes.map_or(&[], Vec::as_slice), legacy_sub);
            counted(schema.later.len(), News::default())
        }
        Step::ResourceServers => {
            let (wanted, news) = resource_servers::plan(head);
            counted(wanted.len(), news)
        }
        Step::IdentityProviders => {
            let (wanted, news) = identity_providers::plan(head, &relocation);
            counted(wanted.len(), news)
        }
        Step::Groups => {
            let (wanted, news) = groups::plan(head, &state.options, &relocation);
            counted(wanted.len(), news)
        }
        Step::AppClients => app_clients::preview(restore, &relocation),
        Step::Domains => {
            let compared = state.options.verify.as_ref().map(UserPoolId::as_str);
            domains_of(restore, &relocation, compared).await?
        }
        Step::MfaConfiguration => {
            // As the new pool would be, but for what only Cognito can refuse.
            let there = Value::Object(wanted_pool().request);
            let mut news = News::default();
            let request = mfa_configuration::plan(head, &there, &relocation, &mut news);
            counted(usize::from(request.is_some()), news)
        }
        Step::UiCustomization => {
            let (wanted, news) = ui_customization::plan(head);
            counted(wanted.len(), news)
        }
        Step::ManagedLoginBranding => list(restore, &[Section::ManagedLoginBranding]),
        Step::Terms => list(restore, &[Section::Terms]),
        Step::RiskConfiguration => list(
            restore,
            &[
                Section::RiskConfiguration,
                Section::ClientRiskConfigurations,
            ],
        ),
        Step::LogDelivery => {
            let (wanted, news) = log_delivery::plan(head, &relocation);
            counted(wanted.len(), news)
        }
        Step::SessionConfiguration => list(
            restore,
            &[
                Section::SessionConfiguration,
                Section::ClientSessionConfigurations,
            ],
        ),
        Step::WebAcl => acl(restore, &relocation).await,
        Step::FinalSettings | Step::SelfSignUp => {
            let config = triggers::of_pool(head.user_pool());
            let counterparts = triggers::counterparts(restore, &config, &relocation).await;
            let there = Value::Object(wanted_pool().request);
            let mut news = News::default();
            let plan =
                final_settings::plan(head, &config, &there, &counterparts, &relocation, &mut news);
            if step == Step::SelfSignUp {
                news = News::default();
                self_sign_up::may_open(head, &plan["LambdaConfig"], &relocation, &mut news);
            }
            StepResult::restored(1).telling(news)
        }
        // Told with the rest of MFA.
        Step::Passkeys => StepResult::nothing_to_do(),
        // Told by themselves.
        Step::Preflight | Step::Users => StepResult::nothing_to_do(),
    })
}

/// A step that sends what the backup holds.
fn list(restore: &Restore<'_>, sections: &[Section]) -> StepResult {
    let head = restore.head();
    let mut news = News::default();
    let mut count = 0;
    for section in sections.iter().copied() {
        tell_if_missing(head, section, &mut news);
        count += if section.is_list() {
            head.list(section).len()
        } else {
            usize::from(!object(head.section(section)).is_empty())
        };
    }
    match count {
        0 => StepResult::nothing_to_do().telling(news),
        count => StepResult::restored(count as u64).telling(news),
    }
}

/// Whether the names are free, as far as this account can see.
async fn domains_of(
    restore: &Restore<'_>,
    relocation: &Relocation<'_>,
    compared: Option<&str>,
) -> Result<StepResult, RestoreError> {
    let (wanted, mut news) = domains::plan(restore.head(), relocation);
    let mut free = 0;
    for domain in &wanted {
        match domains::owner(restore.cognito, &domain.name).await? {
            Owner::Nobody => free += 1,
            // Of a pool that is compared with the backup, which has it already.
            Owner::Somebody { pool, .. } if Some(&*pool) == compared => free += 1,
            Owner::Somebody { pool, .. } => {
                let reason = format!("it belongs to the user pool {pool} of the target Region");
                let item = format!("domain {}", domain.name);
                news.finding(
                    Finding::new(FindingKind::Failed, item, reason).announcing(domain.section, ""),
                );
                news.manual(ManualStep::new(
                    format!("Choose another name for the domain {}", domain.name),
                    "Add it to domain_prefixes or custom_domains of cognito-restore/translations.json.",
                ));
            }
        }
    }
    Ok(match free {
        0 => StepResult::nothing_to_do().telling(news),
        free => StepResult::restored(free).telling(news),
    })
}

/// Whether a web ACL is there to protect the pool.
async fn acl(restore: &Restore<'_>, relocation: &Relocation<'_>) -> StepResult {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, Section::WafConfiguration, &mut news);
    let acl = head.section(Section::WafConfiguration);
    let name = text(acl, "/WebACLName");
    let old = text(acl, "/WebACLArn");
    if name.is_none() && old.is_none() {
        return StepResult::nothing_to_do().telling(news);
    }
    let known = old.and_then(|old| relocation.arn(ArnKind::WebAcl, old));
    let found = match (known, name) {
        (Some(_), _) => Ok(true),
        (None, Some(name)) => {
            web_acl::regional_web_acl(restore.waf, |acl| acl.name() == Some(name))
                .await
                .map(|found| found.is_some())
        }
        (None, None) => Ok(false),
    };
    let why = match found {
        Ok(true) => return StepResult::restored(1).telling(news),
        Ok(false) => {
            "the target Region has none of its name in this account, and the operator's map has no other".to_owned()
        }
        Err(error) => error,
    };
    let item = format!("web ACL {}", name.or(old).unwrap_or_default());
    news.finding(
        Finding::new(FindingKind::Failed, item, why).announcing(Section::WafConfiguration, ""),
    );
    news.manual(ManualStep::new(
        "Make a web ACL in the target Region",
        "Of the same name, or named in web_acls of cognito-restore/translations.json.",
    ));
    StepResult::nothing_to_do().telling(news)
}
