//! From where to where: what the transformations of documents need to know. Pure, so that each
//! transformation can be shown in a table of tests.

use model::UserPoolId;
use model::document::{BackupHead, SectionStatus};
use model::inventory::Section;
use model::restore::{Finding, FindingKind};

use crate::context::Restore;
use crate::document::{Arn, text};
use crate::step::News;
use crate::translate::{ArnKind, Translations};

/// What stands in commands for a pool that is not there yet.
pub(crate) const NEW_POOL: &str = "NEW_USER_POOL_ID";

/// The move of a pool from its Region to the target Region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relocation<'a> {
    /// The lost pool.
    pub(crate) from: &'a UserPoolId,
    /// The target Region.
    pub(crate) region: &'a str,
    /// The target account; empty when it is not known.
    pub(crate) account: &'a str,
    /// The operator's map.
    pub(crate) translations: &'a Translations,
    /// The new pool's id, for commands; [`NEW_POOL`] before it is there.
    pub(crate) pool: &'a str,
}

impl<'a> Relocation<'a> {
    /// The move that `restore` makes.
    pub(crate) fn of(restore: &'a Restore<'_>, pool: Option<&'a UserPoolId>) -> Self {
        Self {
            from: &restore.head().user_pool_id,
            region: &restore.settings.region,
            account: &restore.settings.account_id,
            translations: restore.translations,
            pool: pool.map_or(NEW_POOL, UserPoolId::as_str),
        }
    }

    /// Whether the pool comes back where it was.
    pub(crate) fn stays_in_region(&self) -> bool {
        self.from.region() == self.region
    }

    /// What an ARN is in the target Region: by the map, or as it is where it is not bound to
    /// another Region. `None`: nothing is known to stand for it.
    pub(crate) fn arn(&self, kind: ArnKind, old: &str) -> Option<String> {
        self.translations.arn(kind, old).or_else(|| {
            let arn = Arn::read(old)?;
            let usable = match arn.region() {
                // A bucket's ARN tells no Region; log delivery wants it near.
                "" if arn.service() == "s3" => self.stays_in_region(),
                "" => true,
                region => region == self.region,
            };
            usable.then(|| old.to_owned())
        })
    }

    /// Whether a role belongs to another account than the target's, as far as that is known:
    /// Cognito refuses those (facts A.5, A.9).
    pub(crate) fn is_foreign_role(&self, role: &str) -> bool {
        !self.account.is_empty() && Arn::read(role).is_some_and(|arn| arn.account() != self.account)
    }
}

/// Tells that a section is not in the backup, if it is not; the step has nothing to go by then.
///
/// A section that could not be read is not an empty one: what it held is lost. One that was not
/// there to be read held nothing: the pool or its Region did not have the feature.
pub(crate) fn tell_if_missing(head: &BackupHead, section: Section, news: &mut News) -> bool {
    match head.status(section) {
        SectionStatus::Failed { error } => {
            let reason = format!("the backup could not read it: {error}");
            let kind = if of_threat_protection(section) && !has_threat_protection(head) {
                FindingKind::Skipped
            } else {
                FindingKind::Failed
            };
            news.finding(Finding::new(kind, section.member(), reason).announcing(section, ""));
            true
        }
        SectionStatus::NotRead { .. } => true,
        SectionStatus::Complete { .. } | SectionStatus::Empty | SectionStatus::Unknown => false,
    }
}

fn of_threat_protection(section: Section) -> bool {
    matches!(
        section,
        Section::RiskConfiguration | Section::ClientRiskConfigurations
    )
}

/// Whether threat protection is switched on in the lost pool. Where it is off, its settings have
/// no effect: nothing is lost without them.
pub(crate) fn has_threat_protection(head: &BackupHead) -> bool {
    text(head.user_pool(), "/UserPoolAddOns/AdvancedSecurityMode").is_some_and(|mode| mode != "OFF")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use serde_json::Value;

    /// A move from us-east-1 to us-west-2 in account 111122223333, with the map that `map` is.
    pub(crate) struct Move {
        from: UserPoolId,
        translations: Translations,
    }

    impl Move {
        pub(crate) fn with(map: &Value) -> Self {
            let translations = Translations::parse(map.to_string().as_bytes(), "us-west-2");
            Self {
                from: "us-east-1_Old".parse().unwrap(),
                translations: translations.unwrap(),
            }
        }

        pub(crate) fn plain() -> Self {
            Self::with(&serde_json::json!({}))
        }

        pub(crate) fn relocation(&self) -> Relocation<'_> {
            Relocation {
                from: &self.from,
                region: "us-west-2",
                account: "111122223333",
                translations: &self.translations,
                pool: "us-west-2_New",
            }
        }
    }

    #[test]
    fn an_arn_stays_unless_it_is_bound_to_another_region() {
        let plain = Move::plain();
        for (arn, becomes) in [
            ("arn:aws:iam::111122223333:role/r", true),
            ("arn:aws:logs:us-west-2:111122223333:log-group:g", true),
            ("arn:aws:logs:us-east-1:111122223333:log-group:g", false),
            ("arn:aws:s3:::bucket", false),
            ("nonsense", false),
        ] {
            let found = plain.relocation().arn(ArnKind::LogDestination, arn);
            assert_eq!(found.is_some(), becomes, "{arn}");
        }
    }

    #[test]
    fn a_section_that_was_not_read_is_told() {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-01-01T00:00:00Z".parse().unwrap(),
        );
        head.set_failed(Section::Terms, "ListTerms failed".into());
        head.set(Section::Groups, serde_json::json!([]));
        head.set_not_read(Section::RiskConfiguration, "not enabled".into());
        let mut news = News::default();
        assert!(tell_if_missing(&head, Section::Terms, &mut news));
        assert!(!tell_if_missing(&head, Section::Groups, &mut news));
        assert!(tell_if_missing(
            &head,
            Section::RiskConfiguration,
            &mut news
        ));
        assert_eq!(news.findings.len(), 1);
        assert_eq!(news.findings[0].announces, ["terms"]);
    }

    #[test]
    fn settings_of_a_threat_protection_that_is_off_are_no_loss() {
        for (add_ons, kind) in [
            (serde_json::json!({}), FindingKind::Skipped),
            (
                serde_json::json!({"AdvancedSecurityMode": "OFF"}),
                FindingKind::Skipped,
            ),
            (
                serde_json::json!({"AdvancedSecurityMode": "AUDIT"}),
                FindingKind::Failed,
            ),
        ] {
            let mut head = BackupHead::new(
                "us-east-1_Old".parse().unwrap(),
                "2026-01-01T00:00:00Z".parse().unwrap(),
            );
            let pool = serde_json::json!({"UserPoolAddOns": add_ons});
            head.set(Section::UserPoolConfig, pool);
            head.set_failed(Section::RiskConfiguration, "refused".into());
            let mut news = News::default();
            tell_if_missing(&head, Section::RiskConfiguration, &mut news);
            assert_eq!(news.findings[0].kind, kind, "{add_ons}");
        }
    }
}
