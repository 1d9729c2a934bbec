//! The hand-over page: one self-contained page, made for the bad day and readable on a phone.

use askama::Template;
use model::checklist::{ChecklistAnswer, ChecklistRow};
use model::document::BackupHead;
use model::inventory::Section;
use model::request::PassedOver;
use model::restore::{
    ChosenBackup, FindingKind, KnownLoss, ManualStep, Outcome, Report, ReportStatus, RestoreState,
    UsersForeseen, Verification, duration_in_words,
};

use super::configuration::{self, Client};
use super::manual;
use super::new_pool::NewPool;
use crate::commands;
use crate::document::text;

/// How many clients the table of ids holds.
const CLIENTS_LISTED: usize = 500;
/// How many findings and differences the page holds; the report has more.
const LINES: usize = 100;

/// A line about an item that did not come back as it was.
struct Line {
    badge: &'static str,
    what: String,
    item: String,
    reason: String,
}

/// A number that tells how it went.
struct Figure {
    number: String,
    what: &'static str,
    class: &'static str,
}

/// What became of a step.
struct StepLine {
    title: &'static str,
    class: &'static str,
    outcome: String,
}

/// An external provider and what it has to be told.
struct Provider {
    name: String,
    kind: String,
    facts: Vec<(&'static str, String)>,
}

/// The template's data.
#[derive(Template)]
#[template(path = "handover.html")]
pub(crate) struct Page<'a> {
    title: String,
    status_class: &'static str,
    headline: String,
    pool_name: String,
    report: &'a Report,
    /// When the backup was read, and how old it was.
    backup_time: String,
    /// Newer backups that were not taken.
    passed_over: Vec<PassedOver>,
    target: Option<String>,
    is_comparison: bool,
    lost: &'static str,
    back: &'static str,
    figures: Vec<Figure>,
    manual_steps: &'a [ManualStep],
    pool: Option<&'a NewPool>,
    clients: Vec<Client>,
    more_clients: usize,
    providers: Vec<Provider>,
    steps: Vec<StepLine>,
    lines: Vec<Line>,
    more_lines: u64,
    losses: &'a [KnownLoss],
    verification: Option<&'a Verification>,
    verified: String,
    foreseen: Option<String>,
    words_to_users: Option<String>,
    files: Vec<(String, String)>,
}

impl<'a> Page<'a> {
    /// The page for a report.
    pub(crate) fn new(
        report: &'a Report,
        state: &RestoreState,
        head: Option<&BackupHead>,
        pool: Option<&'a NewPool>,
        root: &str,
    ) -> Self {
        let pool_name = head
            .and_then(|head| text(head.user_pool(), "/Name"))
            .unwrap_or_default()
            .to_owned();
        // The ids of a pool that is not finished belong into no application.
        let moved = manual::is_new(state) && report.error.is_none();
        let (clients, providers, words_to_users) = match (head, pool) {
            (Some(head), Some(pool)) if moved => (
                configuration::clients(state, head, pool),
                providers(head, pool),
                configuration::words_to_users(state, head),
            ),
            _ => (Vec::new(), Vec::new(), None),
        };
        let is_comparison = manual::is_comparison(state);
        let (lines, more_lines) = lines(report, state);
        Self {
            title: format!("{} – {}", headline(report, state), report.user_pool_id),
            status_class: match report.status {
                ReportStatus::Success => "good",
                ReportStatus::SuccessWithLosses => "fair",
                ReportStatus::Failed => "bad",
            },
            headline: headline(report, state),
            pool_name,
            backup_time: report
                .backup
                .as_ref()
                .map_or("unknown time".to_owned(), ChosenBackup::in_words),
            passed_over: report
                .backup
                .as_ref()
                .map(|backup| backup.passed_over.clone())
                .unwrap_or_default(),
            target: state
                .options
                .verify
                .as_ref()
                .or(report.new_user_pool_id.as_ref())
                .map(ToString::to_string),
            is_comparison,
            lost: if report.dry_run {
                "What will not come back"
            } else {
                "What did not come back"
            },
            back: if report.dry_run {
                "What will come back"
            } else {
                "What came back"
            },
            figures: figures(report, state),
            manual_steps: &report.manual_steps,
            pool,
            more_clients: clients.len().saturating_sub(CLIENTS_LISTED),
            clients: clients.into_iter().take(CLIENTS_LISTED).collect(),
            providers,
            // Of a comparison there is nothing to tell but what it found.
            steps: report
                .steps
                .iter()
                .filter(|_| !is_comparison)
                .map(step_line)
                .collect(),
            lines,
            more_lines,
            losses: &report.known_losses,
            verified: verified(report, state),
            foreseen: report.users_foreseen.as_ref().map(foreseen),
            verification: report.verification.as_ref(),
            words_to_users,
            files: files(report, root),
            report,
        }
    }

    /// How the answer to a check looks: what fails the comparison, what is so, what is announced not to
    /// be so.
    fn badge_of(&self, row: &ChecklistRow) -> &'static str {
        match (row.holds, row.answer) {
            (false, _) => "failed",
            (true, ChecklistAnswer::Yes) => "holds",
            (true, ChecklistAnswer::No) => "changed",
            (true, ChecklistAnswer::NotApplicable | ChecklistAnswer::CannotBeTold) => "",
        }
    }
}

fn headline(report: &Report, state: &RestoreState) -> String {
    let what = if manual::is_comparison(state) {
        "Comparison"
    } else if report.dry_run {
        "Dry run"
    } else if report.rehearsal.is_some() {
        "Rehearsal"
    } else {
        "Restore"
    };
    match (report.status, what) {
        (ReportStatus::Failed, "Comparison") => "The pool differs from the backup".to_owned(),
        (_, "Comparison") => "The pool matches the backup".to_owned(),
        (ReportStatus::Success, what) => format!("{what} succeeded"),
        (ReportStatus::SuccessWithLosses, what) => format!("{what} succeeded, with losses"),
        (ReportStatus::Failed, what) => format!("{what} failed"),
    }
}

fn figures(report: &Report, state: &RestoreState) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut figure = |number: u64, what: &'static str| {
        figures.push(Figure {
            number: number.to_string(),
            what,
            class: "",
        });
    };
    let users = &report.users;
    let is_comparison = manual::is_comparison(state);
    if let (true, Some(verification)) = (is_comparison, &report.verification) {
        figure(verification.users_compared, "users compared");
        figure(verification.settings_compared, "settings compared");
        figure(verification.unannounced, "unannounced differences");
        figure(verification.announced, "announced differences");
    } else if let Some(foreseen) = &report.users_foreseen {
        figure(foreseen.come_back(), "users would come back");
        if foreseen.impossible > 0 {
            figure(foreseen.impossible, "users would not");
        }
    } else if !report.dry_run {
        figure(users.restored, "users are back");
        for (number, what) in [
            (users.failed, "users are not"),
            (users.skipped, "users left out"),
            (users.already_there, "users were there before"),
        ] {
            if number > 0 {
                figure(number, what);
            }
        }
        if manual::is_new(state) {
            figure(report.app_clients.len() as u64, "app clients");
        }
    }
    if report.users_forgotten > 0 {
        figure(report.users_forgotten, "users forgotten, and left out");
    }
    figure(report.manual_steps.len() as u64, "things left to do");
    let mut words = |number: String, what: &'static str| {
        figures.push(Figure {
            number,
            what,
            class: "words",
        });
    };
    if let Some(foreseen) = &report.users_foreseen {
        words(in_hours(foreseen.seconds), "for the users, by calls");
    }
    let seconds = report.ended.as_second() - report.began.as_second();
    let of = match (is_comparison, report.dry_run) {
        (true, _) => "duration of the comparison",
        (_, true) => "duration of the dry run",
        _ => "duration",
    };
    words(duration_in_words(u64::try_from(seconds).unwrap_or(0)), of);
    figures
}

fn step_line(record: &model::restore::StepRecord) -> StepLine {
    let (class, outcome) = match &record.outcome {
        Outcome::Restored { count: 0 | 1 } => ("good", "restored".to_owned()),
        Outcome::Restored { count } => ("good", format!("{count} restored")),
        Outcome::NothingToDo => ("none", "nothing in the backup".to_owned()),
        Outcome::Skipped { reason } => ("none", format!("left out: {reason}")),
        Outcome::Failed { error } => ("bad", format!("failed: {error}")),
    };
    StepLine {
        title: record.step.title(),
        class,
        outcome,
    }
}

/// A time as one speaks of it.
fn in_hours(seconds: u64) -> String {
    match seconds {
        0..=59 => "less than a minute".to_owned(),
        60..=7199 => format!("{} minutes", seconds.div_ceil(60)),
        _ => format!("{:.1} hours", seconds as f64 / 3600.0),
    }
}

/// How the users would come back, and how long that takes.
fn foreseen(foreseen: &UsersForeseen) -> String {
    let mut told = format!(
        "{} of {} users would come back: ",
        foreseen.come_back(),
        foreseen.seen
    );
    if foreseen.by_import > 0 {
        told.push_str(&format!(
            "{} by import jobs, whose speed Cognito does not tell, and ",
            foreseen.by_import
        ));
    }
    told.push_str(&format!(
        "{} call by call. Their calls, memberships and settings take {}",
        foreseen.by_calls,
        in_hours(foreseen.seconds)
    ));
    if foreseen.seconds > 0 {
        told.push_str(&format!(
            " at the quotas found: the slowest allows {:.1} calls a second",
            foreseen.calls_per_second
        ));
    }
    told.push('.');
    if foreseen.federated > 0 {
        told.push_str(&format!(
            " {} federated profiles are made by Cognito at the next sign-in.",
            foreseen.federated
        ));
    }
    if foreseen.impossible > 0 {
        told.push_str(&format!(" {} users cannot be made.", foreseen.impossible));
    }
    told
}

/// What did not come back as it was, worst first; nothing for a comparison, which leaves out
/// every step.
fn lines(report: &Report, state: &RestoreState) -> (Vec<Line>, u64) {
    if manual::is_comparison(state) {
        return (Vec::new(), 0);
    }
    let of_steps = report.steps.iter().flat_map(|record| {
        record
            .findings
            .iter()
            .map(|finding| (record.step.title(), finding))
    });
    let of_users = state
        .users
        .findings
        .iter()
        .map(|finding| ("Users", finding));
    let lost_steps = report.steps.iter().filter_map(|record| {
        let (badge, reason) = match &record.outcome {
            Outcome::Failed { error } => ("failed", error),
            Outcome::Skipped { reason } => ("left out", reason),
            Outcome::Restored { .. } | Outcome::NothingToDo => return None,
        };
        let item = "all of it".to_owned();
        Some(Line {
            badge,
            what: record.step.title().to_owned(),
            item,
            reason: reason.clone(),
        })
    });
    let findings = of_steps.chain(of_users).map(|(what, finding)| Line {
        badge: match finding.kind {
            FindingKind::Failed => "failed",
            FindingKind::Degraded => "changed",
            FindingKind::Skipped => "left out",
            FindingKind::Expected => "as expected",
        },
        what: what.to_owned(),
        item: finding.item.clone(),
        reason: finding.reason.clone(),
    });
    let mut lines: Vec<Line> = lost_steps.chain(findings).collect();
    lines.sort_by_key(|line| {
        ["failed", "changed", "left out", "as expected"]
            .iter()
            .position(|badge| *badge == line.badge)
    });
    let users = &state.users;
    let unlisted = users
        .finding_counts
        .total()
        .saturating_sub(users.findings.len() as u64);
    let more = lines.len().saturating_sub(LINES) as u64 + unlisted;
    lines.truncate(LINES);
    (lines, more)
}

fn providers(head: &BackupHead, pool: &NewPool) -> Vec<Provider> {
    let provider = |provider: &serde_json::Value| {
        let kind = text(provider, "/ProviderType").unwrap_or_default();
        let facts = if kind == "SAML" {
            vec![
                ("Entity ID", pool.entity_id()),
                ("ACS URL", pool.saml_acs()),
            ]
        } else {
            vec![("Redirect URI", pool.oauth_redirect())]
        };
        Provider {
            name: text(provider, "/ProviderName")
                .unwrap_or_default()
                .to_owned(),
            kind: kind.to_owned(),
            facts,
        }
    };
    head.list(Section::IdentityProviders)
        .iter()
        .map(provider)
        .collect()
}

fn verified(report: &Report, state: &RestoreState) -> String {
    match &report.verification {
        None if report.dry_run => "Nothing was made, so nothing was compared.".to_owned(),
        None => "The new pool was not compared with the backup.".to_owned(),
        Some(verification) if verification.passed() => format!(
            "The pool was read back and compared with the backup: {} users and {} settings. {}",
            verification.users_compared,
            verification.settings_compared,
            match verification.announced {
                0 => "Nothing differs but what differs in every restore.".to_owned(),
                _ => announced(verification, state),
            }
        ),
        Some(verification) => {
            let failing = verification.rows.iter().filter(|row| !row.holds).count();
            let found = match (verification.unannounced, failing) {
                (0, 1) => "1 check does not hold".to_owned(),
                (0, many) => format!("{many} checks do not hold"),
                (1, _) => "there is 1 difference that nobody announced".to_owned(),
                (many, _) => format!("there are {many} differences that nobody announced"),
            };
            format!("The pool was read back and compared with the backup: {found}.")
        }
    }
}

/// Who announced what differs.
fn announced(verification: &Verification, state: &RestoreState) -> String {
    match &verification.announcing_restore {
        _ if !manual::is_comparison(state) => {
            "Every difference is announced in this report.".to_owned()
        }
        Some(restore) => format!(
            "Every difference was announced by the restore {restore}, which made the pool."
        ),
        None => "The pool carries no tag of a restore of this backup; every difference is one that any restore of it into this Region would have to make.".to_owned(),
    }
}

fn files(report: &Report, root: &str) -> Vec<(String, String)> {
    let file = |(what, key): (&String, &String)| {
        (what.clone(), commands::copy(&format!("{root}{key}"), "."))
    };
    report.objects.iter().map(file).collect()
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
