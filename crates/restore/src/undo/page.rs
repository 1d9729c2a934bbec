//! The plan of an undo, or what came of it, as one self-contained page.

use askama::Template;
use model::restore::ReportStatus;
use serde_json::Value;

use super::plan::{Action, Plan, What};
use super::report::{Left, UndoReport};
use crate::error::RestoreError;

/// How many things of each kind the page shows, and how many members of each.
const SHOWN: usize = 300;
/// The longest value of a setting that is shown, in characters.
const LONGEST_VALUE: usize = 300;

#[derive(Template)]
#[template(path = "undo.html")]
struct Page<'a> {
    class: &'static str,
    headline: String,
    verdict: String,
    plan: &'a Plan,
    report: Option<&'a UndoReport>,
    figures: Vec<(u64, &'static str)>,
    not_reverted: &'a [Left],
    more_not_reverted: u64,
    groups: Vec<Group>,
    users: Vec<(u64, String)>,
    to_carry_out: &'a str,
}

/// Things with which the same is done.
struct Group {
    id: &'static str,
    title: &'static str,
    kind: &'static str,
    actions: Vec<Line>,
    more: usize,
}

struct Line {
    item: String,
    operation: Option<String>,
    why: Option<String>,
    changes: Vec<Change>,
}

struct Change {
    path: String,
    secret: bool,
    now: Option<String>,
    then: Option<String>,
}

/// The page of a plan, with what came of it when it was carried out; `to_carry_out` is what somebody
/// types or sends to carry it out.
///
/// # Errors
/// [`RestoreError::Internal`], which no plan causes.
pub fn page(
    plan: &Plan,
    report: Option<&UndoReport>,
    to_carry_out: &str,
) -> Result<String, RestoreError> {
    let (class, headline, verdict) = said(plan, report);
    let not_reverted = report.map_or(&[][..], |report| &report.not_reverted);
    let not_reverted = &not_reverted[..not_reverted.len().min(SHOWN)];
    let total = report.map_or(0, |report| report.not_reverted_total);
    let page = Page {
        class,
        headline,
        verdict,
        plan,
        report,
        figures: figures(plan, report),
        not_reverted,
        more_not_reverted: total - not_reverted.len() as u64,
        groups: groups(plan),
        users: users(plan),
        to_carry_out,
    };
    let html = page.render();
    html.map_err(|error| RestoreError::Internal(format!("the page of the undo: {error}")))
}

fn said(plan: &Plan, report: Option<&UndoReport>) -> (&'static str, String, String) {
    let Some(report) = report else {
        return match plan.is_empty() {
            true => (
                "good",
                "There is nothing to undo".to_owned(),
                "The pool is what the backup says, but for what is listed below.".to_owned(),
            ),
            false => (
                "fair",
                "What an undo would do".to_owned(),
                "Nothing was changed.".to_owned(),
            ),
        };
    };
    match report.status() {
        ReportStatus::Failed => (
            "bad",
            format!("NOT REVERTED: {}", report.not_reverted_total),
            "The pool was compared again: what is named first is not as it was.".to_owned(),
        ),
        ReportStatus::SuccessWithLosses => (
            "fair",
            "Undone, with new ids or things left to do".to_owned(),
            "The pool was compared again: all that was planned is as it was.".to_owned(),
        ),
        ReportStatus::Success => (
            "good",
            "Undone".to_owned(),
            "The pool was compared again: all that was planned is as it was.".to_owned(),
        ),
    }
}

fn figures(plan: &Plan, report: Option<&UndoReport>) -> Vec<(u64, &'static str)> {
    let (users, memberships) = (&plan.users, &plan.memberships);
    let settings: usize = [What::PutBack, What::MakeAgain, What::Remove]
        .map(|what| plan.count(what))
        .iter()
        .sum();
    let of_users = users.put_back + users.make_again + users.disable;
    let mut figures = vec![
        (settings as u64, "settings and things"),
        (of_users, "users"),
        (memberships.make_again + memberships.remove, "memberships"),
    ];
    if let Some(report) = report {
        figures.insert(0, (report.not_reverted_total, "not reverted"));
    }
    figures
}

fn groups(plan: &Plan) -> Vec<Group> {
    let kinds = [
        (What::PutBack, "put-back", "Put back", "put back"),
        (What::MakeAgain, "made-again", "Made again", "made again"),
        (What::Remove, "removed", "Removed", "removed"),
        (
            What::Impossible,
            "impossible",
            "Stays as it is",
            "that stay",
        ),
        (
            What::LeftAlone,
            "left-alone",
            "Added since, left alone",
            "left alone",
        ),
    ];
    let groups = kinds.into_iter().map(|(what, id, title, kind)| {
        let actions = plan.actions.iter().filter(|action| action.what == what);
        Group {
            id,
            title,
            kind,
            actions: actions.take(SHOWN).map(line).collect(),
            more: plan.count(what).saturating_sub(SHOWN),
        }
    });
    groups.filter(|group| !group.actions.is_empty()).collect()
}

fn line(action: &Action) -> Line {
    let above = 1 + usize::from(action.target.is_some());
    let changes = action.members.iter().filter_map(|member| {
        let path = member.path.get(above..).unwrap_or_default().join("/");
        (!path.is_empty()).then(|| Change {
            path,
            secret: member.secret,
            now: member.now.as_ref().map(in_words),
            then: member.then.as_ref().map(in_words),
        })
    });
    Line {
        item: action.item(),
        operation: action.operation.clone(),
        why: action.why.clone(),
        changes: changes.take(SHOWN).collect(),
    }
}

fn in_words(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn users(plan: &Plan) -> Vec<(u64, String)> {
    let (users, memberships) = (&plan.users, &plan.memberships);
    let counts = [
        (users.put_back, "users are put back"),
        (
            users.make_again,
            "deleted users are made again, with a new sub and no password",
        ),
        (users.disable, "users who were added since are disabled"),
        (
            users.left_alone,
            "users who were added since stay as they are",
        ),
        (
            users.replaced,
            "deleted users in whose place somebody else stands",
        ),
        (
            users.forgotten,
            "deleted users are forgotten, and not made again",
        ),
        (memberships.make_again, "memberships are made again"),
        (memberships.remove, "memberships are removed"),
        (
            memberships.left_alone,
            "memberships that were added since stay",
        ),
    ];
    let counts = counts.map(|(count, what)| (count, what.to_owned()));
    let members = plan.members_of_users.iter();
    let members = members.map(|(member, count)| (*count, format!("change in {member}")));
    let left = plan.left_of_users.iter();
    let left = left.map(|(member, count)| (*count, format!("keep their {member} as it is")));
    let all = counts.into_iter().chain(members).chain(left);
    all.filter(|(count, _)| *count > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan() -> Plan {
        serde_json::from_value(json!({
            "user_pool_id": "us-east-1_AbC",
            "point": "cognito-backup/2026/03/07/us-east-1_AbC-090502.json",
            "scope": {}, "not_compared": [], "fingerprint": "0123",
            "actions": [
                {"section": "groups", "target": "<b>admins</b>", "what": "put_back", "operation": "UpdateGroup",
                 "members": [{"path": ["groups", "<b>admins</b>", "Precedence"], "now": 9, "then": 1, "secret": false}]},
                {"section": "identity_providers", "target": "Google", "what": "put_back",
                 "members": [{"path": ["identity_providers", "Google", "ProviderDetails", "client_secret"], "secret": true}]},
            ],
            "users": {"put_back": 3}, "members_of_users": {"Enabled": 3}, "left_of_users": {}, "memberships": {},
        }))
        .unwrap()
    }

    fn report(left: &[Left]) -> UndoReport {
        UndoReport {
            undo_id: "undo-1".parse().unwrap(),
            user_pool_id: "us-east-1_AbC".parse().unwrap(),
            point: "cognito-backup/2026/03/07/us-east-1_AbC-090502.json"
                .parse()
                .unwrap(),
            before: "s3://dr/before".to_owned(),
            ended: jiff::Timestamp::UNIX_EPOCH,
            reverted: 1,
            not_reverted: left.to_vec(),
            not_reverted_total: left.len() as u64,
            people: super::super::report::PeopleDone::default(),
            app_clients: [("old".to_owned(), "new".to_owned())].into(),
            user_map: None,
            manual_steps: Vec::new(),
        }
    }

    #[test]
    fn a_plan_shows_what_changes_and_how_it_is_carried_out() {
        let html = page(&plan(), None, "cognito-dr undo --plan p.json").unwrap();
        for shown in [
            "Nothing was changed.",
            "cognito-dr undo --plan p.json",
            "<code>Precedence</code>: <code>9</code> → <code>1</code>",
            "client_secret</code>: a secret",
            "users are put back",
        ] {
            assert!(html.contains(shown), "{shown} in {html}");
        }
        assert!(!html.contains("<b>admins"), "names are escaped");
    }

    #[test]
    fn what_is_not_reverted_comes_first() {
        let left = [Left {
            item: "groups/admins".to_owned(),
            member: "Precedence".to_owned(),
            why: "not today".to_owned(),
        }];
        let html = page(&plan(), Some(&report(&left)), "").unwrap();
        assert!(html.contains("<h1>NOT REVERTED: 1</h1>"), "{html}");
        let place = |text: &str| html.find(text).unwrap();
        assert!(place("not today") < place("id=\"ids\""));
        assert!(place("id=\"ids\"") < place("id=\"put-back\""));
        let html = page(&plan(), Some(&report(&[])), "").unwrap();
        assert!(!html.contains("NOT REVERTED"), "{html}");
        assert!(html.contains("s3://dr/before"));
    }
}
