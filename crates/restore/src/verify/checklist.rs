//! The backup checklist and the post-restore checklist of the reference, answered.

use model::inventory::Section;
use model::restore::VerifiedRow;

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

/// The rows of both checklists of the reference documents, in their words and order. The rows
/// of the post-restore checklist that need people (applications, communication) are manual steps.
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
pub(crate) fn rows(progress: &Progress) -> Vec<VerifiedRow> {
    let tallies = [&progress.settings, &progress.users, &progress.memberships];
    let mut rows = Vec::new();
    for (list, checks) in CHECKS {
        for check in *checks {
            let (announced, unannounced) = tallies
                .iter()
                .map(|tally| tally.of(check.sections))
                .fold((0, 0), add);
            let figure = progress
                .figures
                .get(check.figure)
                .map_or("", String::as_str);
            let (holds, figure) = match figure.strip_prefix(DOES_NOT_HOLD) {
                Some(rest) => (false, rest),
                None => (unannounced == 0, figure),
            };
            rows.push(VerifiedRow {
                check: format!("{list}: {}", check.check),
                holds,
                detail: [figure.to_owned(), differences(announced, unannounced)]
                    .into_iter()
                    .filter(|part| !part.is_empty())
                    .collect::<Vec<_>>()
                    .join("; "),
            });
        }
    }
    rows
}

/// Begins a figure that makes its rows fail whatever the sections say.
pub(crate) const DOES_NOT_HOLD: &str = "!";

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
        progress.figures.insert(
            "name".into(),
            "!the pool is called b, the backup's a".into(),
        );
        let row = rows(&progress).into_iter().find(|row| !row.holds).unwrap();
        assert_eq!(row.detail, "the pool is called b, the backup's a");
    }
}
