//! Asking one question after the other, and removing what each has made.

use std::sync::Arc;

use cognito::Stop;
use tokio::time::timeout;

use crate::account::{Account, Given};
use crate::clean_up;
use crate::journal::{Journal, Thing};
use crate::question::Question;
use crate::report::{Entry, Report, Verdict};
use crate::scratch::{Scratch, Trouble};

/// Something that happens in a run.
#[derive(Debug)]
pub enum Moment<'m> {
    /// A question is asked.
    Asking(&'m Question),
    /// Something is written down and made next.
    Making(&'m Thing),
    /// It is made; its id is written down next.
    Made(&'m Thing),
    /// It is removed next.
    Removing(&'m Thing),
    /// A question is answered, and all that it made is removed.
    Answered(&'m Entry),
}

/// Who hears of it.
pub trait Watch: Send + Sync {
    /// Hears of it.
    fn moment(&self, moment: &Moment<'_>);
}

/// Nobody.
impl Watch for () {
    fn moment(&self, _: &Moment<'_>) {}
}

/// Asks `questions` one after the other until `stop`; after each, removes what it has made.
///
/// Stopping breaks the question off that is being asked. What it made is removed all the same.
pub async fn run(
    questions: &[Question],
    account: &Account,
    given: &Given,
    journal: &Arc<Journal>,
    watch: &Arc<dyn Watch>,
    stop: &Stop,
) -> Report {
    let mut report = Report {
        run: journal.run().to_owned(),
        began: jiff::Timestamp::now(),
        primary_region: account.primary.name.clone(),
        dr_region: account.dr.name.clone(),
        stopped: false,
        answers: Vec::new(),
        left: Vec::new(),
    };
    for question in questions {
        if stop.is_requested() {
            break;
        }
        watch.moment(&Moment::Asking(question));
        let entry = answer(question, account, given, journal, watch, stop).await;
        clean_up::by_journal(account, journal, &**watch).await;
        watch.moment(&Moment::Answered(&entry));
        report.answers.push(entry);
    }
    report.stopped = stop.is_requested();
    // Once more: what a service still held on to may be free by now.
    let left = clean_up::by_journal(account, journal, &**watch).await;
    report.left = left.into_iter().map(|left| left.thing).collect();
    report
}

async fn answer(
    question: &Question,
    account: &Account,
    given: &Given,
    journal: &Arc<Journal>,
    watch: &Arc<dyn Watch>,
    stop: &Stop,
) -> Entry {
    let scratch = Scratch::new(account, given, journal, watch);
    let began = tokio::time::Instant::now();
    let missing = question.needs.iter().find_map(|need| need.missing(given));
    let observed = match missing {
        Some(missing) => Err(missing.to_owned()),
        None => {
            let asked = timeout(question.limit, question.ask(&scratch));
            match stop.unless_requested(asked).await {
                None => Err("the run was stopped".to_owned()),
                Some(Err(_)) => Err(Trouble::TooLong(question.id.clone()).to_string()),
                Some(Ok(Err(trouble))) => Err(trouble.to_string()),
                Some(Ok(Ok(observed))) => Ok(observed),
            }
        }
    };
    let expected = scratch.filled(&question.expected);
    let (verdict, observed, because) = match observed {
        Ok(observed) if observed == expected => (Verdict::Agrees, Some(observed), None),
        Ok(observed) => (Verdict::Differs, Some(observed), None),
        Err(because) => (Verdict::NotAsked, None, Some(because)),
    };
    Entry {
        question: question.id.clone(),
        asks: question.asks.clone(),
        facts: question.facts,
        verdict,
        expected,
        observed,
        because,
        measured: scratch.notes(),
        seconds: began.elapsed().as_secs_f64(),
        calls: scratch.calls(),
    }
}
