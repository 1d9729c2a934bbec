//! The summary of what differs between a backup and the one before it of the same pool.

use model::BackupKey;
use model::change::{
    ChangeSummary, CriticalChange, CriticalChanges, CriticalKind, MembershipChanges,
    SettingChanges, ShrinkLimits, UserChanges,
};
use model::document::BackupHead;
use model::inventory::Section;
use serde_json::Value;

use crate::diff::{ChangeKind, Diff, SettingDifference};
use crate::documents::present;
use crate::settings::is_known;

/// One of the two backups: what its summary is made of beside the differences.
#[derive(Debug, Clone, Copy)]
pub struct Snapshot<'a> {
    /// Everything but users and memberships.
    pub head: &'a BackupHead,
    /// How many users it has. A [`Diff`] of those that may differ alone does not say.
    pub users: u64,
}

/// The summary of what differs between `before`, which is the backup `previous`, and `after`.
pub fn summary(
    previous: BackupKey,
    before: Snapshot<'_>,
    after: Snapshot<'_>,
    diff: &Diff,
    limits: ShrinkLimits,
) -> ChangeSummary {
    let users = user_changes(before, after, diff);
    let differences = &diff.settings.differences;
    let paths = |kinds: &[ChangeKind]| {
        let of_kind = differences.iter();
        let of_kind = of_kind.filter(|found| kinds.contains(&found.change));
        of_kind.map(|found| found.path.join("/")).collect()
    };
    let not_compared = diff.settings.not_compared.iter();
    ChangeSummary {
        previous,
        shrunk: limits.are_exceeded(&users),
        users,
        memberships: MembershipChanges {
            made: diff.memberships.added,
            gone: diff.memberships.removed,
        },
        settings: SettingChanges {
            count: differences.len() as u64,
            added: paths(&[ChangeKind::Added]),
            removed: paths(&[ChangeKind::Removed]),
            changed: paths(&[
                ChangeKind::Changed,
                ChangeKind::Recreated,
                ChangeKind::Unreadable,
            ]),
            not_compared: not_compared
                .map(|left| left.section.member().to_owned())
                .collect(),
        },
        critical: critical(before.head, after.head, differences),
        slow_loss: None,
        last_shrunk: None,
        kept: None,
    }
    .bounded()
}

/// How many users changed from `before` to `after`.
pub fn user_changes(before: Snapshot<'_>, after: Snapshot<'_>, diff: &Diff) -> UserChanges {
    UserChanges {
        before: before.users,
        after: after.users,
        made: diff.users.added,
        gone: diff.users.removed,
        recreated: diff.users.recreated,
        changed: diff.users.changed,
        disabled: diff.users.disabled,
        enabled: diff.users.enabled,
    }
}

/// What somebody should look at.
fn critical(
    before: &BackupHead,
    after: &BackupHead,
    differences: &[SettingDifference],
) -> CriticalChanges {
    let mut named: Vec<CriticalChange> = differences
        .iter()
        .filter_map(|found| thing(before, found))
        .collect();
    let both = |section| is_known(before, section) && is_known(after, section);
    if both(Section::UserPoolConfig) {
        named.extend(triggers_gone(before.user_pool(), after.user_pool()));
    }
    for protection in PROTECTIONS {
        if both(protection.section) {
            named.extend(protection.off(before, after));
        }
    }
    named.sort();
    CriticalChanges {
        count: named.len() as u64,
        named,
    }
}

/// A client, group or provider that is gone, or a group that has another role.
fn thing(before: &BackupHead, found: &SettingDifference) -> Option<CriticalChange> {
    let path: Vec<&str> = found.path.iter().map(String::as_str).collect();
    let [section, name, rest @ ..] = path.as_slice() else {
        return None;
    };
    let section = Section::of_member(section)?;
    let kind = match (section, rest, found.change) {
        (Section::AppClients, [], ChangeKind::Removed) => CriticalKind::ClientGone,
        (Section::Groups, [], ChangeKind::Removed) => CriticalKind::GroupGone,
        (Section::IdentityProviders, [], ChangeKind::Removed) => CriticalKind::ProviderGone,
        (Section::Groups, ["RoleArn"], _) => CriticalKind::GroupRoleChanged,
        _ => return None,
    };
    let client = before.list(Section::AppClients).iter();
    let client = client
        .filter(|_| section == Section::AppClients)
        .find(|client| client["ClientId"] == *name);
    Some(match client {
        Some(client) => CriticalChange {
            kind,
            name: client["ClientName"].as_str().unwrap_or_default().to_owned(),
            id: Some((*name).to_owned()),
        },
        None => CriticalChange {
            kind,
            name: (*name).to_owned(),
            id: None,
        },
    })
}

/// The members of `LambdaConfig` that are no triggers.
const NO_TRIGGERS: &[&str] = &["KMSKeyID"];

fn triggers_gone(before: &Value, after: &Value) -> Vec<CriticalChange> {
    let has = |pool: &Value, trigger: &str| {
        let triggers = pool.get("LambdaConfig");
        present(triggers.and_then(|triggers| triggers.get(trigger))).is_some()
    };
    let triggers = before.get("LambdaConfig").and_then(Value::as_object);
    let names = triggers.into_iter().flatten().map(|(name, _)| name);
    names
        .filter(|name| !NO_TRIGGERS.contains(&name.as_str()))
        .filter(|name| has(before, name) && !has(after, name))
        .map(|name| CriticalChange {
            kind: CriticalKind::TriggerGone,
            name: name.clone(),
            id: None,
        })
        .collect()
}

/// A setting that protects, with its values from the weakest, which its absence means, to the
/// strongest.
struct Protection {
    section: Section,
    /// The member; of the section itself, that it is there at all.
    path: &'static [&'static str],
    values: &'static [&'static str],
}

const PROTECTIONS: &[Protection] = &[
    Protection {
        section: Section::UserPoolConfig,
        path: &["DeletionProtection"],
        values: &["INACTIVE", "ACTIVE"],
    },
    Protection {
        section: Section::UserPoolConfig,
        path: &["UserPoolAddOns", "AdvancedSecurityMode"],
        values: &["OFF", "AUDIT", "ENFORCED"],
    },
    Protection {
        section: Section::MfaConfiguration,
        path: &["MfaConfiguration"],
        values: &["OFF", "OPTIONAL", "ON"],
    },
    Protection {
        section: Section::WafConfiguration,
        path: &[],
        values: &["not there", "there"],
    },
    Protection {
        section: Section::AppClients,
        path: &["PreventUserExistenceErrors"],
        values: &["LEGACY", "ENABLED"],
    },
    Protection {
        section: Section::AppClients,
        path: &["EnableTokenRevocation"],
        values: &["false", "true"],
    },
];

impl Protection {
    fn off(&self, before: &BackupHead, after: &BackupHead) -> Vec<CriticalChange> {
        if !self.section.is_list() {
            let (one, other) = (before.section(self.section), after.section(self.section));
            let named = self.named(&[]);
            return self
                .is_weaker(one, other)
                .then_some(named)
                .into_iter()
                .collect();
        }
        let clients = before.list(self.section).iter().filter_map(|client| {
            let id = client["ClientId"].as_str()?;
            let mut others = after.list(self.section).iter();
            let other = others.find(|other| other["ClientId"] == id)?;
            self.is_weaker(client, other).then(|| self.named(&[id]))
        });
        clients.collect()
    }

    fn named(&self, element: &[&str]) -> CriticalChange {
        let path = [&[self.section.member()], element, self.path].concat();
        CriticalChange {
            kind: CriticalKind::ProtectionOff,
            name: path.join("/"),
            id: None,
        }
    }

    fn is_weaker(&self, before: &Value, after: &Value) -> bool {
        self.strength(after) < self.strength(before)
    }

    /// Values that are not known count as the weakest before and after: nothing is said of them.
    fn strength(&self, document: &Value) -> usize {
        if self.path.is_empty() {
            return usize::from(present(Some(document)).is_some());
        }
        let member = self
            .path
            .iter()
            .try_fold(document, |value, member| value.get(member));
        let text = match member {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => return 0,
        };
        let known = self.values.iter().position(|value| *value == text);
        known.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::diff::{MatchedBy, MembershipsDiff, SettingsDiff, UsersDiff};

    fn head(changes: &[(Section, Value)]) -> BackupHead {
        let pool = "us-east-1_AbC".parse().unwrap();
        let mut head = BackupHead::new(pool, "2026-03-07T09:05:02Z".parse().unwrap());
        let sections = [
            (
                Section::UserPoolConfig,
                json!({
                    "Name": "shop", "DeletionProtection": "ACTIVE",
                    "LambdaConfig": {"PreSignUp": "arn:f", "KMSKeyID": "arn:k", "CustomSMSSender": {"LambdaArn": "arn:g", "LambdaVersion": "V1_0"}},
                    "UserPoolAddOns": {"AdvancedSecurityMode": "ENFORCED"},
                }),
            ),
            (Section::MfaConfiguration, json!({"MfaConfiguration": "ON"})),
            (
                Section::AppClients,
                json!([{"ClientId": "c1", "ClientName": "web", "ClientSecret": "hush", "PreventUserExistenceErrors": "ENABLED", "EnableTokenRevocation": true}]),
            ),
            (
                Section::Groups,
                json!([{"GroupName": "admins", "RoleArn": "arn:r"}, {"GroupName": "staff"}]),
            ),
            (
                Section::IdentityProviders,
                json!([{"ProviderName": "okta"}]),
            ),
            (Section::WafConfiguration, json!({"WebACLName": "acl"})),
        ];
        for (section, value) in sections.iter().chain(changes) {
            head.set(*section, value.clone());
        }
        head
    }

    fn named(after: &BackupHead) -> BTreeSet<String> {
        let before = head(&[]);
        let ties = crate::settings::Ties {
            relation: crate::allowed::Relation::SamePool,
            ..Default::default()
        };
        let compared = crate::settings::compare(&before, after, &ties);
        let diff = Diff {
            same: false,
            matched_by: MatchedBy::Sub,
            settings: SettingsDiff {
                differences: compared.found.iter().map(SettingDifference::of).collect(),
                ..SettingsDiff::default()
            },
            users: UsersDiff::default(),
            memberships: MembershipsDiff::default(),
        };
        let side = |head| Snapshot { head, users: 0 };
        let previous = BackupKey::new(&before.user_pool_id, before.timestamp);
        let limits = ShrinkLimits::default();
        let summary = summary(previous, side(&before), side(after), &diff, limits);
        let text = serde_json::to_string(&summary).unwrap();
        assert!(!text.contains("hush"), "{text}");
        assert_eq!(summary.critical.count, summary.critical.named.len() as u64);
        let named = summary.critical.named.iter();
        named.map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_gone_or_weaker_is_named_and_what_is_new_or_stronger_is_not() {
        let config = |change: fn(&mut Value)| {
            let mut config = head(&[]).user_pool().clone();
            change(&mut config);
            (Section::UserPoolConfig, config)
        };
        let client = |change: fn(&mut Value)| {
            let mut clients = json!(head(&[]).list(Section::AppClients));
            change(&mut clients[0]);
            (Section::AppClients, clients)
        };
        for (change, expected) in [
            (config(|_| {}), vec![]),
            (config(|pool| pool["Name"] = json!("other")), vec![]),
            (
                (Section::AppClients, json!([])),
                vec!["client gone: web (c1)"],
            ),
            (
                (Section::IdentityProviders, json!([])),
                vec!["identity provider gone: okta"],
            ),
            (
                (
                    Section::Groups,
                    json!([{"GroupName": "admins", "RoleArn": "arn:r"}]),
                ),
                vec!["group gone: staff"],
            ),
            (
                (
                    Section::Groups,
                    json!([{"GroupName": "admins"}, {"GroupName": "staff", "RoleArn": "arn:x"}]),
                ),
                vec![
                    "role of a group changed: admins",
                    "role of a group changed: staff",
                ],
            ),
            (
                config(|pool| pool["LambdaConfig"]["PreSignUp"] = json!("arn:other")),
                vec![],
            ),
            (
                config(|pool| pool["LambdaConfig"] = json!({})),
                vec!["trigger gone: CustomSMSSender", "trigger gone: PreSignUp"],
            ),
            (
                config(|pool| pool["DeletionProtection"] = json!("INACTIVE")),
                vec!["protection off or weaker: user_pool_config/DeletionProtection"],
            ),
            (
                config(|pool| drop(pool.as_object_mut().unwrap().remove("UserPoolAddOns"))),
                vec![
                    "protection off or weaker: user_pool_config/UserPoolAddOns/AdvancedSecurityMode",
                ],
            ),
            (
                (
                    Section::MfaConfiguration,
                    json!({"MfaConfiguration": "OPTIONAL"}),
                ),
                vec!["protection off or weaker: mfa_configuration/MfaConfiguration"],
            ),
            (
                (Section::WafConfiguration, Value::Null),
                vec!["protection off or weaker: waf_configuration"],
            ),
            (
                client(|client| client["PreventUserExistenceErrors"] = json!("LEGACY")),
                vec!["protection off or weaker: app_clients/c1/PreventUserExistenceErrors"],
            ),
            (
                client(|client| client["EnableTokenRevocation"] = json!(false)),
                vec!["protection off or weaker: app_clients/c1/EnableTokenRevocation"],
            ),
        ] {
            let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(named(&head(&[change])), expected);
        }
    }
}
