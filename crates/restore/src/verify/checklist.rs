//! The backup checklist and the post-restore checklist of the reference, answered.

use model::checklist::{ChecklistAnswer, ChecklistRow};
use model::inventory::Section;
use model::restore::RestoreState;

use super::progress::Progress;

/// What a row is about.
struct Check {
    check: &'static str,
    sections: &'static [Section],
    /// Which figure of [`Progress::figures`] stands behind it.
    figure: &'static str,
}

const fn check(check: &'static str, sections: &'static [Section], figure: &'static str) -> Check {
    Check {
        check,
        sections,
        figure,
    }
}

const DOMAINS: &[Section] = &[Section::UserPoolDomain, Section::CustomDomain];
const UI: &[Section] = &[
    Section::UiCustomization,
    Section::ClientUiCustomizations,
    Section::UiImages,
    Section::ManagedLoginBranding,
    Section::Terms,
];
const THREATS: &[Section] = &[
    Section::RiskConfiguration,
    Section::ClientRiskConfigurations,
];
const POLICIES: &[Section] = &[
    Section::UserPoolConfig,
    Section::MfaConfiguration,
    Section::RiskConfiguration,
    Section::ClientRiskConfigurations,
    Section::WafConfiguration,
];
const CLIENTS: &[Section] = &[Section::AppClients, Section::ClientSessionConfigurations];

/// The rows of both checklists of the reference documents, in their words and order, but for those
/// of the post-restore checklist that are about applications and people ([`of_people`]).
const CHECKS: &[(&str, &[Check])] = &[
    (
        "Backup",
        &[
            check("User count matches source", &[Section::Users], "users"),
            check(
                "Group memberships preserved",
                &[Section::GroupMemberships],
                "memberships",
            ),
            check("App client configurations intact", CLIENTS, "app_clients"),
            check(
                "Identity providers functional",
                &[Section::IdentityProviders],
                "identity_providers",
            ),
            check("Custom domains accessible", DOMAINS, "domains"),
            check("UI customizations applied", UI, "ui"),
            check("Security policies enforced", POLICIES, "policies"),
            check("Cross-region replication active", &[], "replication"),
        ],
    ),
    (
        "Post-restore",
        &[
            check("User pool created with correct name", &[], "name"),
            check("User count matches backup", &[Section::Users], "users"),
            check(
                "Group memberships preserved",
                &[Section::Groups, Section::GroupMemberships],
                "memberships",
            ),
            check("App clients functional", CLIENTS, "app_clients"),
            check(
                "Identity providers working",
                &[Section::IdentityProviders],
                "identity_providers",
            ),
            check("Custom domains accessible", DOMAINS, "domains"),
            check("UI customizations applied", UI, "ui"),
            check("Threat protection active", THREATS, "threats"),
        ],
    ),
];

/// Answers both checklists. A row holds when every difference of its sections was announced.
pub(crate) fn rows(progress: &Progress) -> Vec<ChecklistRow> {
    let tallies = [&progress.settings, &progress.users, &progress.memberships];
    let mut rows = Vec::new();
    for (list, checks) in CHECKS {
        for check in *checks {
            let (announced, unannounced) = tallies
                .iter()
                .map(|tally| tally.of(check.sections))
                .fold((0, 0), add);
            let figure = progress.figures.get(check.figure);
            let answer = figure.map(|figure| figure.answer).unwrap_or_default();
            let text = figure.map(|figure| figure.text.clone());
            rows.push(ChecklistRow {
                check: format!("{list}: {}", check.check),
                answer: match unannounced {
                    0 => answer,
                    _ => ChecklistAnswer::No,
                },
                holds: unannounced == 0 && figure.is_none_or(|figure| figure.holds),
                detail: [
                    text.unwrap_or_default(),
                    differences(announced, unannounced),
                ]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("; "),
            });
        }
    }
    rows
}

/// The rows of the post-restore checklist about applications and people: what was measured for
/// them. Nothing but people answers most of them.
pub(crate) fn of_people(state: &RestoreState) -> Vec<ChecklistRow> {
    use ChecklistAnswer::{CannotBeTold, No, NotApplicable, Yes};
    let counts = &state.users.counts;
    let (can, cannot) = (counts.can_reset_password, counts.cannot_reset_password);
    let resets = match (can, cannot) {
        (0, 0) => NotApplicable,
        (_, 0) => Yes,
        _ => No,
    };
    let clients = state.app_clients.len();
    [
        (
            "Update application configurations",
            CannotBeTold,
            format!("{clients} app clients have new ids, which id-map.json names"),
        ),
        (
            "Test authentication flows",
            CannotBeTold,
            "nobody signed in: a restore knows no password".to_owned(),
        ),
        (
            "Verify group-based permissions",
            CannotBeTold,
            format!("{} memberships came back", counts.memberships),
        ),
        (
            "Test password reset functionality",
            resets,
            format!(
                "{can} users have a verified address to reset their password by, {cannot} have none"
            ),
        ),
        (
            "Validate MFA setup process",
            CannotBeTold,
            format!(
                "{} MFA preferences came back, {} authenticator apps did not",
                counts.mfa_preferences, counts.lost_totp
            ),
        ),
        (
            "Send password reset notifications",
            No,
            "a restore sends no message to anybody".to_owned(),
        ),
        (
            "Provide new authentication endpoints",
            CannotBeTold,
            "the hand-over page has them".to_owned(),
        ),
        ("Update user documentation", CannotBeTold, String::new()),
        ("Test user support processes", CannotBeTold, String::new()),
    ]
    .map(|(check, answer, detail)| {
        ChecklistRow::new(format!("Post-restore: {check}"), answer, detail)
    })
    .into()
}

fn add(one: (u64, u64), other: (u64, u64)) -> (u64, u64) {
    (one.0 + other.0, one.1 + other.1)
}

fn differences(announced: u64, unannounced: u64) -> String {
    let known = match announced {
        0 => String::new(),
        1 => "1 difference, announced".to_owned(),
        many => format!("{many} differences, announced"),
    };
    let unknown = match unannounced {
        0 => String::new(),
        1 => "1 difference that nobody announced".to_owned(),
        many => format!("{many} differences that nobody announced"),
    };
    [unknown, known]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use compare::documents::Change;

    use crate::verify::progress::Figure;

    #[test]
    fn both_checklists_of_the_reference_have_all_their_rows() {
        let rows = rows(&Progress::default());
        assert_eq!(rows.len(), 16);
        assert!(rows.iter().all(|row| row.holds));
    }

    #[test]
    fn an_unannounced_difference_fails_the_rows_of_its_section_and_no_others() {
        let mut progress = Progress::default();
        progress
            .settings
            .add_explained("app_clients/a/CallbackURLs", Change::Changed, None);
        progress.settings.add_explained(
            "waf_configuration/WebACLName",
            Change::Missing,
            Some("left out".into()),
        );
        let failing: Vec<String> = rows(&progress)
            .into_iter()
            .filter(|row| !row.holds)
            .map(|row| row.check)
            .collect();
        assert_eq!(
            failing,
            [
                "Backup: App client configurations intact",
                "Post-restore: App clients functional"
            ]
        );
    }

    #[test]
    fn a_figure_can_fail_a_row_by_itself() {
        let mut progress = Progress::default();
        let figure = Figure::failing("the pool is called b, the backup's a");
        progress.figures.insert("name".into(), figure);
        let row = rows(&progress).into_iter().find(|row| !row.holds).unwrap();
        assert_eq!(row.detail, "the pool is called b, the backup's a");
    }

    #[test]
    fn a_figure_answers_its_rows_unless_their_sections_differ() {
        let mut progress = Progress::default();
        let none = Figure::new(
            ChecklistAnswer::No,
            "2 domains in the backup, 0 in the pool",
        );
        progress.figures.insert("domains".into(), none);
        let clients = Figure::new(ChecklistAnswer::Yes, "1 app clients");
        progress.figures.insert("app_clients".into(), clients);
        let path = "app_clients/a/CallbackURLs";
        progress.settings.add_explained(path, Change::Changed, None);
        let answer = |part: &str| {
            let row = rows(&progress)
                .into_iter()
                .find(|row| row.check.contains(part));
            row.map(|row| (row.answer, row.holds)).unwrap()
        };
        assert_eq!(answer("Custom domains"), (ChecklistAnswer::No, true));
        assert_eq!(answer("App clients"), (ChecklistAnswer::No, false));
        assert_eq!(answer("UI"), (ChecklistAnswer::CannotBeTold, true));
    }
}
