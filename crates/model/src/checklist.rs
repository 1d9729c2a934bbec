//! The two checklists of the system, answered from what was measured: that of a backup
//! ([`of_backup`]) and that of a restored pool, whose rows stand in a restore's report.

use serde::{Deserialize, Serialize};

use crate::document::{BackupHead, SectionStatus, Trailer};
use crate::inventory::Section;

/// The answer to a question of a checklist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChecklistAnswer {
    /// It was measured, and is so.
    Yes,
    /// It was measured, and is not so.
    No,
    /// There is nothing of the kind.
    NotApplicable,
    /// It was not measured, or cannot be.
    #[default]
    CannotBeTold,
}

impl ChecklistAnswer {
    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            ChecklistAnswer::Yes => "yes",
            ChecklistAnswer::No => "no",
            ChecklistAnswer::NotApplicable => "not applicable",
            ChecklistAnswer::CannotBeTold => "cannot be told",
        }
    }
}

/// One row of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecklistRow {
    /// What was checked, such as "User count matches backup".
    pub check: String,
    /// What was found.
    #[serde(default)]
    pub answer: ChecklistAnswer,
    /// False where it makes a comparison fail: it is not as it should be, and nothing announced
    /// that.
    pub holds: bool,
    /// The figures behind it.
    pub detail: String,
}

impl ChecklistRow {
    /// A row that fails nothing, whatever its answer.
    pub fn new(
        check: impl Into<String>,
        answer: ChecklistAnswer,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            check: check.into(),
            answer,
            holds: true,
            detail: detail.into(),
        }
    }
}

/// The sections behind each row of the checklist of a backup, in the words and the order of the
/// reference. The first row, which has the live pool's own count beside it, and the last one are
/// apart.
const OF_BACKUP: &[(&str, &[Section])] = &[
    (
        "Group memberships preserved",
        &[Section::Groups, Section::GroupMemberships],
    ),
    (
        "App client configurations intact",
        &[Section::AppClients, Section::ClientSessionConfigurations],
    ),
    (
        "Identity providers functional",
        &[Section::IdentityProviders],
    ),
    (
        "Custom domains accessible",
        &[Section::UserPoolDomain, Section::CustomDomain],
    ),
    (
        "UI customizations applied",
        &[
            Section::UiCustomization,
            Section::ClientUiCustomizations,
            Section::UiImages,
            Section::ManagedLoginBranding,
            Section::Terms,
        ],
    ),
    (
        "Security policies enforced",
        &[
            Section::UserPoolConfig,
            Section::MfaConfiguration,
            Section::RiskConfiguration,
            Section::ClientRiskConfigurations,
            Section::WafConfiguration,
        ],
    ),
];

/// The checklist of a backup, from its head and its end: that all was read, and how much. It
/// costs no call, and no second reading: what the live pool says of itself is in the head.
pub fn of_backup(head: &BackupHead, trailer: &Trailer) -> Vec<ChecklistRow> {
    let mut rows = vec![users(head, trailer)];
    for (check, sections) in OF_BACKUP {
        rows.push(sections_row(check, sections, head, trailer));
    }
    rows.push(ChecklistRow::new(
        "Cross-region replication active",
        ChecklistAnswer::CannotBeTold,
        "S3 copies a backup after it is written",
    ));
    rows
}

/// Cognito's own number of users is an estimate: it can confirm a count, not refute it.
fn users(head: &BackupHead, trailer: &Trailer) -> ChecklistRow {
    let estimate = head.user_pool()["EstimatedNumberOfUsers"].as_u64();
    let (answer, detail) = match (problem(head, Section::Users), estimate) {
        (Some(problem), _) => (ChecklistAnswer::No, problem),
        (None, Some(estimate)) if estimate == trailer.users => (
            ChecklistAnswer::Yes,
            format!("{estimate} users, and as many by Cognito's estimate when the reading began"),
        ),
        (None, Some(estimate)) => (
            ChecklistAnswer::CannotBeTold,
            format!(
                "{} users were listed to the end; Cognito's estimate when the reading began was {estimate}",
                trailer.users
            ),
        ),
        (None, None) => (
            ChecklistAnswer::CannotBeTold,
            format!("{} users; Cognito gave no estimate", trailer.users),
        ),
    };
    ChecklistRow::new("User count matches source", answer, detail)
}

fn sections_row(
    check: &str,
    sections: &[Section],
    head: &BackupHead,
    trailer: &Trailer,
) -> ChecklistRow {
    let problems: Vec<String> = sections
        .iter()
        .filter_map(|section| problem(head, *section))
        .collect();
    let (mut counts, mut unknown) = (Vec::new(), Vec::new());
    for section in sections {
        let member = section.member();
        let count = match (section, head.status(*section)) {
            (Section::GroupMemberships, _) => Some(trailer.memberships),
            (_, SectionStatus::Complete { count }) => Some(*count),
            (_, SectionStatus::Empty) => Some(0),
            (_, SectionStatus::NotRead { reason }) => {
                unknown.push(format!("{member} was not read: {reason}"));
                None
            }
            (_, SectionStatus::Unknown) => {
                unknown.push(format!("{member}: the backup does not say"));
                None
            }
            (_, SectionStatus::Failed { .. }) => None,
        };
        counts.extend(
            count
                .filter(|count| *count > 0)
                .map(|count| (member, count)),
        );
    }
    let answer = if !problems.is_empty() {
        ChecklistAnswer::No
    } else if !counts.is_empty() {
        ChecklistAnswer::Yes
    } else if !unknown.is_empty() {
        ChecklistAnswer::CannotBeTold
    } else {
        ChecklistAnswer::NotApplicable
    };
    let read = match counts.is_empty() {
        true => Vec::new(),
        false => {
            let counts = counts
                .iter()
                .map(|(member, count)| format!("{member} {count}"));
            vec![format!(
                "read whole: {}",
                counts.collect::<Vec<_>>().join(", ")
            )]
        }
    };
    let detail = [problems, read, unknown].concat().join("; ");
    let nothing = || "the pool has none".to_owned();
    let detail = Some(detail).filter(|detail| !detail.is_empty());
    ChecklistRow::new(check, answer, detail.unwrap_or_else(nothing))
}

/// What failed in a section, without personal data.
fn problem(head: &BackupHead, section: Section) -> Option<String> {
    match head.status(section) {
        SectionStatus::Failed { error } => Some(format!("{} failed: {error}", section.member())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn backup(estimate: Option<u64>, users: u64) -> (BackupHead, Trailer) {
        let pool = "us-east-1_Old".parse().unwrap();
        let mut head = BackupHead::new(pool, "2026-03-07T09:05:02Z".parse().unwrap());
        head.set(
            Section::UserPoolConfig,
            json!({"Name": "shop", "EstimatedNumberOfUsers": estimate}),
        );
        head.set(Section::Groups, json!([{"GroupName": "admins"}]));
        head.set(
            Section::AppClients,
            json!([{"ClientId": "a"}, {"ClientId": "b"}]),
        );
        head.set(Section::IdentityProviders, json!([]));
        let trailer = Trailer {
            users,
            groups: 1,
            memberships: 3,
            reading_began: head.timestamp,
            reading_ended: head.timestamp,
            users_offset: 0,
            memberships_offset: 0,
            bytes: 0,
            crc64nvme: String::new(),
            change: None,
        };
        (head, trailer)
    }

    fn row<'r>(rows: &'r [ChecklistRow], check: &str) -> &'r ChecklistRow {
        rows.iter().find(|row| row.check.contains(check)).unwrap()
    }

    #[test]
    fn it_has_the_rows_of_the_reference_with_what_was_read() {
        let (head, trailer) = backup(Some(7), 7);
        let rows = of_backup(&head, &trailer);
        assert_eq!(rows.len(), 8);
        for (check, answer, detail) in [
            ("User count", ChecklistAnswer::Yes, "7 users"),
            ("memberships", ChecklistAnswer::Yes, "group_memberships 3"),
            ("App client", ChecklistAnswer::Yes, "app_clients 2"),
            ("Identity providers", ChecklistAnswer::NotApplicable, "none"),
            ("replication", ChecklistAnswer::CannotBeTold, "S3"),
        ] {
            let row = row(&rows, check);
            assert_eq!(row.answer, answer, "{row:?}");
            assert!(row.detail.contains(detail), "{row:?}");
        }
    }

    #[test]
    fn an_estimate_confirms_a_count_and_refutes_none() {
        for (estimate, users, answer) in [
            (Some(7), 7, ChecklistAnswer::Yes),
            (Some(9), 7, ChecklistAnswer::CannotBeTold),
            (None, 7, ChecklistAnswer::CannotBeTold),
        ] {
            let (head, trailer) = backup(estimate, users);
            let rows = of_backup(&head, &trailer);
            assert_eq!(row(&rows, "User count").answer, answer, "{estimate:?}");
        }
    }

    #[test]
    fn a_section_that_failed_is_a_no_and_one_that_nobody_asked_for_cannot_be_told() {
        let (mut head, trailer) = backup(Some(7), 7);
        head.set_failed(Section::AppClients, "ListUserPoolClients: denied".into());
        head.set_not_read(Section::IdentityProviders, "left out".into());
        let rows = of_backup(&head, &trailer);
        let clients = row(&rows, "App client");
        assert_eq!(clients.answer, ChecklistAnswer::No);
        assert!(clients.detail.contains("denied"), "{clients:?}");
        let providers = row(&rows, "Identity providers");
        assert_eq!(providers.answer, ChecklistAnswer::CannotBeTold);
    }
}
