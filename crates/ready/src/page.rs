//! The answer as one self-contained page, readable on a phone and on paper.

use askama::Template;
use jiff::SignedDuration;

use crate::outcome::{Check, Outcome, PoolReadiness, Readiness, TimeFrom};
use crate::replicas::in_words;

/// The page cannot be made: a fault of the template.
#[derive(Debug, thiserror::Error)]
#[error("the page cannot be made: {0}")]
pub struct PageError(#[from] askama::Error);

#[derive(Template)]
#[template(path = "ready.html")]
struct Page<'a> {
    class: &'static str,
    headline: &'static str,
    counts: String,
    readiness: &'a Readiness,
    stacks: Section<'a>,
    pools: Vec<Section<'a>>,
}

/// Checks under one heading.
struct Section<'a> {
    id: String,
    title: String,
    subtitle: String,
    class: &'static str,
    verdict: &'static str,
    figures: Vec<(String, &'static str)>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    class: &'static str,
    badge: &'static str,
    title: &'static str,
    check: &'a Check,
}

/// The answer as HTML.
///
/// # Errors
/// [`PageError`], which no answer causes.
pub fn page(readiness: &Readiness) -> Result<String, PageError> {
    let pools = readiness.pools.iter().map(of_pool);
    let page = Page {
        class: class(readiness.checks()),
        headline: if readiness.ready {
            "Ready"
        } else {
            "Not ready"
        },
        counts: counts(readiness),
        readiness,
        stacks: Section {
            id: "stacks".to_owned(),
            title: "Both stacks".to_owned(),
            subtitle: String::new(),
            class: class(readiness.stacks.iter()),
            verdict: verdict(readiness.stacks.iter()),
            figures: Vec::new(),
            rows: rows(&readiness.stacks),
        },
        pools: pools.collect(),
    };
    Ok(page.render()?)
}

fn of_pool(pool: &PoolReadiness) -> Section<'_> {
    let id = pool.user_pool_id.to_string();
    let words = |seconds: u64| in_words(SignedDuration::from_secs(seconds.cast_signed()));
    let measured = &pool.measured;
    let mut figures = Vec::new();
    if let Some(seconds) = measured.recovery_point_seconds {
        figures.push((
            words(seconds),
            "RPO: changes of this time would be lost, as measured",
        ));
    }
    if let Some(seconds) = measured.recovery_time_seconds {
        let from = match measured.recovery_time_from {
            Some(TimeFrom::Rehearsal) => "RTO: time of a restore, by the last rehearsal",
            _ => "RTO: time of a restore, by users and quotas; never rehearsed",
        };
        figures.push((words(seconds), from));
    }
    Section {
        title: if pool.name.is_empty() {
            id.clone()
        } else {
            pool.name.clone()
        },
        subtitle: if pool.name.is_empty() {
            String::new()
        } else {
            id.clone()
        },
        id,
        class: class(pool.checks.iter()),
        verdict: verdict(pool.checks.iter()),
        figures,
        rows: rows(&pool.checks),
    }
}

fn rows(checks: &[Check]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = checks
        .iter()
        .map(|check| {
            let (class, badge) = match check.outcome {
                Outcome::Yes { .. } => ("good", "yes"),
                Outcome::No { .. } => ("bad", "no"),
                Outcome::CannotBeTold { .. } => ("fair", "cannot be told"),
            };
            let title = check.check.title();
            Row {
                class,
                badge,
                title,
                check,
            }
        })
        .collect();
    // What is to be done comes first.
    rows.sort_by_key(|row| match row.class {
        "bad" => 0,
        "fair" => 1,
        _ => 2,
    });
    rows
}

fn class<'a>(mut checks: impl Iterator<Item = &'a Check> + Clone) -> &'static str {
    if checks.clone().any(|check| check.outcome.is_no()) {
        "bad"
    } else if checks.all(|check| check.outcome.is_yes()) {
        "good"
    } else {
        "fair"
    }
}

fn verdict<'a>(checks: impl Iterator<Item = &'a Check> + Clone) -> &'static str {
    match class(checks) {
        "good" => "ready",
        "bad" => "not ready",
        _ => "not known to be ready",
    }
}

fn counts(readiness: &Readiness) -> String {
    let all = readiness.checks().count();
    let (no, untold) = (readiness.saying_no(), readiness.untold());
    format!(
        "{} of {all} checks say yes, {no} say no, {untold} cannot be told.",
        all - no - untold
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{Measured, Subject};

    fn answer(outcome: Outcome) -> Readiness {
        let check = |subject, outcome| Check::new(subject, "<item>", outcome);
        Readiness {
            at: "2026-03-07T09:05:02Z".parse().unwrap(),
            region: "us-west-2".into(),
            ready: outcome.is_yes(),
            stacks: vec![check(Subject::Map, Outcome::yes("fine"))],
            pools: vec![PoolReadiness {
                user_pool_id: "us-east-1_AbC".parse().unwrap(),
                name: "customers".into(),
                ready: outcome.is_yes(),
                replica_age_seconds: Some(1200),
                measured: Measured {
                    recovery_point_seconds: Some(3600),
                    replicas: 2,
                    recovery_time_seconds: Some(7200),
                    recovery_time_from: Some(TimeFrom::Rehearsal),
                },
                checks: vec![
                    check(Subject::NewestReplica, Outcome::yes("young")),
                    check(Subject::Function, outcome),
                ],
            }],
        }
    }

    #[test]
    fn the_page_says_at_once_whether_all_is_ready() {
        for (outcome, headline, class) in [
            (Outcome::yes("there"), "Ready", "good"),
            (Outcome::no("not there", "deploy it"), "Not ready", "bad"),
            (Outcome::cannot_be_told("refused"), "Not ready", "fair"),
        ] {
            let page = page(&answer(outcome)).unwrap();
            assert!(page.contains(&format!("<h1>{headline}</h1>")), "{headline}");
            assert!(
                page.contains(&format!("class=\"status {class}\"")),
                "{class}"
            );
        }
    }

    #[test]
    fn what_is_to_be_done_comes_first_with_its_command_and_names_are_no_markup() {
        let page = page(&answer(Outcome::no("not there", "deploy <it>"))).unwrap();
        let (no, yes) = (page.find("not there").unwrap(), page.find("young").unwrap());
        assert!(no < yes);
        assert!(page.contains("deploy &#60;it&#62;") && !page.contains("<item>"));
        assert!(page.contains("1 hour 0 minutes") && page.contains("by the last rehearsal"));
    }
}
