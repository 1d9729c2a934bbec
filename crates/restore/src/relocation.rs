//! From where to where: what the transformations of documents need to know. Pure, so that each
//! transformation can be shown in a table of tests.

use model::UserPoolId;
use model::document::{BackupHead, SectionStatus};
use model::inventory::Section;
use model::restore::{Finding, FindingKind};

use crate::context::Restore;
use crate::document::{Arn, text};
use crate::step::News;
use crate::translate::{ArnKind, SmsRole, Translations};

/// What stands in commands for a pool that is not there yet.
pub(crate) const NEW_POOL: &str = "NEW_USER_POOL_ID";

/// The move of a pool from its Region to the target Region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relocation<'a> {
    /// The lost pool.
    pub(crate) from: &'a UserPoolId,
    /// The target Region.
    pub(crate) region: &'a str,
    /// The account of the lost pool, as its ARN names it; empty when it is not known.
    pub(crate) from_account: &'a str,
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
            from_account: account_of_pool(restore.head()),
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

    /// Whether the pool comes back in another account, as far as both are known.
    fn changes_account(&self) -> bool {
        ![self.from_account, self.account].contains(&"") && self.from_account != self.account
    }

    /// Whether an ARN is of the lost pool's account, and the pool comes back in another: that
    /// account may be lost, and its policies name the lost pool at best.
    pub(crate) fn is_left_behind(&self, arn: &str) -> bool {
        self.changes_account()
            && Arn::read(arn).is_some_and(|arn| match arn.account() {
                // A bucket's ARN tells no account.
                "" => arn.service() == "s3",
                account => account == self.from_account,
            })
    }

    /// What an ARN is in the target Region and account: by the map, or as it is where it is bound
    /// to no other. `None`: nothing is known to stand for it.
    pub(crate) fn arn(&self, kind: ArnKind, old: &str) -> Option<String> {
        self.translations.arn(kind, old).or_else(|| {
            let arn = Arn::read(old)?;
            let usable = match arn.region() {
                // A bucket's ARN tells no Region; log delivery wants it near.
                "" if arn.service() == "s3" => self.stays_in_region(),
                "" => true,
                region => region == self.region,
            };
            (usable && !self.is_left_behind(old)).then(|| old.to_owned())
        })
    }

    /// What has the same name in the target Region, and in the target account where the other
    /// belonged to the lost pool's. Whether it is there is not known.
    pub(crate) fn same_name(&self, old: &str) -> Option<String> {
        let arn = Arn::read(old)?;
        Some(arn.moved(Some(self.region), self.new_account_of(old)))
    }

    /// The same, in the Region that it is in.
    fn same_name_in_account(&self, old: &str) -> String {
        let new_account = self.new_account_of(old);
        Arn::read(old).map_or_else(|| old.to_owned(), |arn| arn.moved(None, new_account))
    }

    fn new_account_of(&self, arn: &str) -> Option<&str> {
        self.is_left_behind(arn).then_some(self.account)
    }

    /// What an SES identity becomes: by the map, or the one of the same name in the account of the
    /// new pool. Which Regions Cognito allows depends on the pool's, so the Region stays; an
    /// identity of another account would need a policy that names the new pool (facts A.5).
    pub(crate) fn ses_identity(&self, old: &str) -> String {
        let mapped = self.translations.arn(ArnKind::SesIdentity, old);
        mapped.unwrap_or_else(|| self.same_name_in_account(old))
    }

    /// What the role becomes by which the pool sends SMS: by the map, or the one of the same name
    /// in the account of the new pool, at which Cognito looks (facts A.5). `None`: it belongs to a
    /// third account, of which Cognito takes none.
    pub(crate) fn sms_role(&self, old: &str) -> Option<SmsRole> {
        self.translations.sms_role(old).or_else(|| {
            let role_arn = self.same_name_in_account(old);
            (!self.is_foreign_role(&role_arn)).then_some(SmsRole {
                role_arn,
                external_id: None,
            })
        })
    }

    /// What a group's role becomes: by the map, or the one of the same name in the account of the
    /// new pool. Whether it is there nobody looks. `None`: it belongs to a third account, of which
    /// Cognito takes none (facts A.9).
    pub(crate) fn group_role(&self, old: &str) -> Option<String> {
        self.translations.arn(ArnKind::Role, old).or_else(|| {
            let role = self.same_name_in_account(old);
            (!self.is_foreign_role(&role)).then_some(role)
        })
    }

    /// Why what came of an ARN differs from it.
    pub(crate) fn why_translated(&self, kind: ArnKind, old: &str) -> &'static str {
        match self.translations.arn(kind, old) {
            Some(_) => "translated by the operator's map",
            None => "the one of the same name in the account of the new pool",
        }
    }

    /// Whether a role belongs to another account than the target's, as far as that is known:
    /// Cognito refuses those (facts A.5, A.9).
    fn is_foreign_role(&self, role: &str) -> bool {
        !self.account.is_empty() && Arn::read(role).is_some_and(|arn| arn.account() != self.account)
    }
}

/// The account of the pool that a backup is of; empty when the backup does not say.
pub(crate) fn account_of_pool(head: &BackupHead) -> &str {
    let arn = text(head.user_pool(), "/Arn").and_then(Arn::read);
    arn.map_or("", |arn| arn.account())
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

    /// A move from us-east-1 to us-west-2 into account 111122223333, with the map that `map` is.
    pub(crate) struct Move {
        from: UserPoolId,
        from_account: &'static str,
        region: &'static str,
        translations: Translations,
    }

    impl Move {
        pub(crate) fn with(map: &Value) -> Self {
            let translations = Translations::parse(map.to_string().as_bytes(), "us-west-2");
            Self {
                from: "us-east-1_Old".parse().unwrap(),
                from_account: "111122223333",
                region: "us-west-2",
                translations: translations.unwrap(),
            }
        }

        pub(crate) fn plain() -> Self {
            Self::with(&serde_json::json!({}))
        }

        /// The same out of the account 444455556666.
        pub(crate) fn out_of_another_account(self) -> Self {
            Self {
                from_account: "444455556666",
                ..self
            }
        }

        /// The same within us-east-1.
        pub(crate) fn in_the_region(self) -> Self {
            Self {
                region: "us-east-1",
                ..self
            }
        }

        pub(crate) fn relocation(&self) -> Relocation<'_> {
            Relocation {
                from: &self.from,
                from_account: self.from_account,
                region: self.region,
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
    fn what_the_lost_account_had_is_left_behind_with_it() {
        let with_map = || {
            let map = serde_json::json!({"arn_prefixes": {
                "arn:aws:kms:us-east-1:444455556666:key/mapped": "arn:aws:kms:us-west-2:111122223333:key/mapped",
            }});
            Move::with(&map).out_of_another_account()
        };
        let (moved, stays) = (with_map(), with_map().in_the_region());
        let there = |arn: &str| arn.replace("444455556666", "111122223333");
        for (kind, old, in_another_region, in_the_same_region) in [
            // The map goes first.
            (
                ArnKind::KmsKey,
                "arn:aws:kms:us-east-1:444455556666:key/mapped",
                true,
                true,
            ),
            (
                ArnKind::KmsKey,
                "arn:aws:kms:us-east-1:444455556666:key/a",
                false,
                false,
            ),
            (
                ArnKind::WebAcl,
                "arn:aws:wafv2:us-east-1:444455556666:regional/webacl/a/1",
                false,
                false,
            ),
            (
                ArnKind::LogDestination,
                "arn:aws:logs:us-west-2:444455556666:log-group:g",
                false,
                false,
            ),
            (ArnKind::LogDestination, "arn:aws:s3:::bucket", false, false),
            (
                ArnKind::Function,
                "arn:aws:lambda:us-east-1:444455556666:function:f",
                false,
                false,
            ),
            // Of a third account, which is not lost.
            (
                ArnKind::Function,
                "arn:aws:lambda:us-east-1:777788889999:function:f",
                false,
                true,
            ),
            (
                ArnKind::Function,
                "arn:aws:lambda:us-west-2:111122223333:function:f",
                true,
                false,
            ),
        ] {
            for (relocation, stays) in [
                (moved.relocation(), in_another_region),
                (stays.relocation(), in_the_same_region),
            ] {
                assert_eq!(
                    relocation.arn(kind, old).is_some(),
                    stays,
                    "{old} in {}",
                    relocation.region
                );
            }
        }
        let relocation = moved.relocation();
        let function = "arn:aws:lambda:us-east-1:444455556666:function:f:live";
        assert_eq!(
            relocation.same_name(function).unwrap(),
            "arn:aws:lambda:us-west-2:111122223333:function:f:live"
        );
        let shared = "arn:aws:lambda:us-east-1:777788889999:function:f";
        assert_eq!(
            relocation.same_name(shared).unwrap(),
            shared.replace("us-east-1", "us-west-2")
        );
        let identity = "arn:aws:ses:us-east-1:444455556666:identity/example.com";
        assert_eq!(relocation.ses_identity(identity), there(identity));
        let role = "arn:aws:iam::444455556666:role/sms";
        assert_eq!(relocation.sms_role(role).unwrap().role_arn, there(role));
        assert_eq!(relocation.group_role(role), Some(there(role)));
        let third = "arn:aws:iam::777788889999:role/sms";
        assert_eq!(relocation.sms_role(third), None);
        assert_eq!(relocation.group_role(third), None);
    }

    #[test]
    fn where_an_account_is_not_known_nothing_is_left_behind() {
        let moved = Move::plain().out_of_another_account();
        let identity = "arn:aws:ses:us-east-1:444455556666:identity/example.com";
        let role = "arn:aws:iam::444455556666:role/sms";
        for unknown in [
            Relocation {
                account: "",
                ..moved.relocation()
            },
            Relocation {
                from_account: "",
                ..moved.relocation()
            },
        ] {
            assert_eq!(unknown.ses_identity(identity), identity);
        }
        let unknown = Relocation {
            account: "",
            ..moved.relocation()
        };
        // Cognito says what it thinks of it.
        assert_eq!(unknown.sms_role(role).unwrap().role_arn, role);
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
