//! A rehearsal: a restore into a scratch pool, which is compared with the backup and removed.
//!
//! It is a restore like any other but for three things. What would reach beyond the pool is left
//! out ([`left_out`]): domains, which may be taken from the pool that holds them; triggers, which
//! act in production systems; what bills or stays behind. The pool carries a tag of its own from
//! its creation on, by which it is found and [removed](remove_pools_of) whatever died
//! ([`sweep`]). And its result is [recorded](record) beside those of other rehearsals.

mod record;
mod removal;
mod sweep;

use cognito::Operation;
use model::RestoreId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState, Step};
use serde_json::Value;

use crate::document::Document;
use crate::step::{News, StepResult};

pub use record::{newest, record};
pub use removal::remove_pools_of;
pub use sweep::{Swept, sweep};

/// The tag of a scratch pool, with the id of its rehearsal. Only a pool that carries it is ever
/// deleted, and only a creation gives it.
pub const REHEARSAL_TAG: &str = "cognito-dr-rehearsal";

/// What the removal of a scratch pool calls, beyond what it reads.
pub const OPERATIONS: &[Operation] = &[
    Operation::DeleteUserPool,
    Operation::DeleteUserPoolDomain,
    Operation::StopUserImportJob,
];

/// How the names of scratch pools begin, for people and for the search.
const NAME: &str = "cognito-dr-rehearsal-";
/// The longest name of a pool (facts A.1).
const LONGEST_NAME: usize = 128;

/// Names a pool as a scratch pool where the restore is a rehearsal.
pub(crate) fn name_scratch_pool(request: &mut Document, restore_id: &RestoreId, news: &mut News) {
    if !restore_id.is_rehearsal() {
        return;
    }
    let name = request.get("PoolName").and_then(Value::as_str);
    let name: String = [NAME, name.unwrap_or_default()].concat();
    let name: String = name.chars().take(LONGEST_NAME).collect();
    request.insert("PoolName".into(), name.into());
    let reason = "a rehearsal names its pool so that nobody takes it for the real one";
    news.finding(
        Finding::new(FindingKind::Expected, "name", reason)
            .announcing(Section::UserPoolConfig, "Name"),
    );
}

/// Gives a scratch pool its tag, where the restore is a rehearsal.
pub(crate) fn tag_scratch_pool(own: &mut Document, restore_id: &RestoreId) {
    if restore_id.is_rehearsal() {
        own.insert(REHEARSAL_TAG.into(), restore_id.as_str().into());
    }
}

/// Takes the tag out of those of a backup, by which the new pool would be deleted, and tells
/// where the pool differs.
pub(crate) fn tell_tag(tags: &mut Document, restore_id: &RestoreId, news: &mut News) {
    let was_there = tags.shift_remove(REHEARSAL_TAG).is_some();
    if restore_id.is_rehearsal() || was_there {
        let reason = "only the scratch pool of a rehearsal carries it";
        news.finding(
            Finding::new(
                FindingKind::Expected,
                format!("tag {REHEARSAL_TAG}"),
                reason,
            )
            .announcing(Section::Tags, REHEARSAL_TAG)
            .announcing(
                Section::UserPoolConfig,
                &format!("UserPoolTags/{REHEARSAL_TAG}"),
            ),
        );
    }
}

/// Where a pool differs.
type DiffersAt = (Section, &'static str);

/// What a rehearsal leaves out: the step, why, and where the pool differs because of it.
const NOT_REHEARSED: &[(Step, &str, &[DiffersAt])] = &[
    (
        Step::LogDelivery,
        "not rehearsed: logs are billed, and their destinations keep a trace of each pool",
        &[(Section::LogDeliveryConfiguration, "")],
    ),
    (
        Step::WebAcl,
        "not rehearsed: nobody comes near the pool, and an association would have to be taken off again",
        &[(Section::WafConfiguration, "")],
    ),
    (
        Step::Domains,
        "not rehearsed: a domain belongs to one pool, and the real one has it or will need it",
        &[
            (Section::UserPoolDomain, ""),
            (Section::CustomDomain, ""),
            (Section::UserPoolConfig, "Domain"),
            (Section::UserPoolConfig, "CustomDomain"),
        ],
    ),
    (
        Step::Passkeys,
        "not rehearsed: the relying party of passkeys is the domain",
        &[(Section::MfaConfiguration, "WebAuthnConfiguration")],
    ),
    (
        Step::UiCustomization,
        "not rehearsed: the classic hosted UI needs a domain",
        &[
            (Section::UiCustomization, ""),
            (Section::ClientUiCustomizations, ""),
            (Section::UiImages, ""),
        ],
    ),
    (
        Step::SelfSignUp,
        "not rehearsed: nobody signs up in a scratch pool, and it has to be deleted",
        &[
            (
                Section::UserPoolConfig,
                "AdminCreateUserConfig/AllowAdminCreateUserOnly",
            ),
            (Section::UserPoolConfig, "DeletionProtection"),
        ],
    ),
];

/// The result of a step that a rehearsal leaves out; none where it is carried out.
pub(crate) fn left_out(step: Step, state: &RestoreState, head: &BackupHead) -> Option<StepResult> {
    state.options.rehearsal.as_ref()?;
    let (_, reason, places) = NOT_REHEARSED.iter().find(|(of, ..)| *of == step)?;
    let mut news = News::default();
    let is_there = |section: Section, path: &str| match path {
        "" => {
            !matches!(head.section(section), Value::Null)
                && compare::settings::count(head, section) > 0
        }
        _ => true,
    };
    let mut finding = Finding::new(FindingKind::Skipped, step.title(), *reason);
    for (section, path) in places
        .iter()
        .filter(|(section, path)| is_there(*section, path))
    {
        finding = finding.announcing(*section, path);
    }
    news.finding(finding);
    Some(StepResult::skipped(*reason).telling(news))
}

/// Tells that the triggers of the pool are not attached.
pub(crate) fn tell_triggers(triggers: &Document, news: &mut News) {
    if triggers.is_empty() {
        return;
    }
    let reason = "not rehearsed: functions of triggers act in production systems";
    news.finding(
        Finding::new(FindingKind::Skipped, "triggers", reason)
            .announcing(Section::UserPoolConfig, "LambdaConfig"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn id(id: &str) -> RestoreId {
        id.parse().unwrap()
    }

    #[test]
    fn only_a_rehearsal_gives_its_tag_and_a_backup_never_does() {
        for (restore, tags, tagged, told) in [
            ("rehearsal-1", json!({}), Some("rehearsal-1"), 1),
            (
                "rehearsal-1",
                json!({REHEARSAL_TAG: "rehearsal-0"}),
                Some("rehearsal-1"),
                1,
            ),
            ("dr-restore-1", json!({}), None, 0),
            (
                "dr-restore-1",
                json!({REHEARSAL_TAG: "rehearsal-0"}),
                None,
                1,
            ),
        ] {
            let mut tags = crate::document::object(&tags);
            let mut news = News::default();
            tell_tag(&mut tags, &id(restore), &mut news);
            assert!(!tags.contains_key(REHEARSAL_TAG));
            tag_scratch_pool(&mut tags, &id(restore));
            assert_eq!(tags.get(REHEARSAL_TAG).and_then(Value::as_str), tagged);
            assert_eq!(news.findings.len(), told);
        }
    }

    #[test]
    fn a_scratch_pool_has_a_name_that_cognito_takes_and_nobody_takes_for_the_real_one() {
        for (name, expected) in [
            ("shop".to_owned(), "cognito-dr-rehearsal-shop".to_owned()),
            (
                "s".repeat(128),
                format!("cognito-dr-rehearsal-{}", "s".repeat(107)),
            ),
        ] {
            let mut request = Document::new();
            request.insert("PoolName".into(), name.into());
            let before = request.clone();
            let mut news = News::default();
            name_scratch_pool(&mut request, &id("dr-restore-1"), &mut news);
            assert_eq!(request, before);
            name_scratch_pool(&mut request, &id("rehearsal-1"), &mut news);
            assert_eq!(request["PoolName"], expected);
        }
    }
}
