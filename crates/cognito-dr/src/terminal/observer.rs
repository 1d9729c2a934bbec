//! What the engine tells while it works, as progress on the terminal.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use model::observe::{Activity, Counted, Ending, Event, ImportJob, Observer, WaitReason};
use model::restore::Step;

use super::Terminal;
use super::progress::{self, Progress};
use crate::arguments::PaceOptions;

/// Shows what it hears. Give a clone of it to each part of the work.
#[derive(Debug)]
pub(crate) struct Watched {
    progress: Progress,
    terminal: Terminal,
    /// When an event told how far something is, for the last time.
    told: Mutex<Option<Instant>>,
}

impl Terminal {
    /// An observer that shows how far the work is. To be called within the runtime.
    pub(crate) fn observer(&self, pace: &PaceOptions) -> Watched {
        let share = pace.quota_share * 100.0;
        let limit = format!("{share:.0} % of the quotas");
        Watched {
            progress: self.progress().limited_to(limit),
            terminal: self.clone(),
            told: Mutex::new(None),
        }
    }
}

impl Observer for Watched {
    fn event(&self, event: Event) {
        if self.progress.is_events() {
            self.tell(&event);
        } else {
            self.show(&event);
        }
    }
}

impl Watched {
    /// One event to a line, and not all of those that only count.
    fn tell(&self, event: &Event) {
        if let Event::Progress { done, total, .. } = event
            && Some(*done) != *total
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.is_some_and(|told| told.elapsed() < progress::EVENTS) {
                return;
            }
            *told = Some(Instant::now());
        }
        if let Ok(event) = serde_json::to_value(event) {
            progress::event(&event);
        }
    }

    fn show(&self, event: &Event) {
        match event {
            Event::Began { activity } => self.progress.begin(title(activity), None),
            Event::Ended {
                activity, ending, ..
            } => {
                self.progress.end();
                if *ending == Ending::Failed {
                    let what = title(activity);
                    self.terminal
                        .warn(&format!("{what}: failed; the report says why"));
                }
            }
            // What the command prints at its end.
            Event::BackedUp { .. } | Event::NotRecorded { .. } => {}
            Event::Progress {
                of_what,
                done,
                total,
            } => self.progress.reached(counted(*of_what), *done, *total),
            Event::ImportJob { job } => self.terminal.note(&about(*job)),
            Event::Waiting { reason, until } => {
                let left = until.map(|until| until.duration_since(Timestamp::now()));
                let left = left.and_then(|left| Duration::try_from(left).ok());
                self.progress.waits(waits_for(*reason), left);
            }
        }
    }
}

fn title(activity: &Activity) -> String {
    match activity {
        Activity::Backup { user_pool_id } => format!("backup of {user_pool_id}"),
        Activity::Step { step } => {
            let all = Step::ALL.len();
            let number = Step::ALL.iter().take_while(|other| *other != step).count() + 1;
            format!("step {number} of {all}, {}", step.title())
        }
        Activity::Verification => "comparison with the backup".to_owned(),
        Activity::Removal => "removal of the scratch pool".to_owned(),
        Activity::Report => "report".to_owned(),
    }
}

fn counted(what: Counted) -> &'static str {
    match what {
        Counted::Users => "users",
        Counted::UsersCompared => "users compared",
        Counted::Memberships => "memberships",
    }
}

fn about(job: ImportJob) -> String {
    match job {
        ImportJob::Created { rows } => format!("An import job has its file of {rows} users."),
        ImportJob::Running { rows } => format!("An import job of {rows} users is under way."),
        ImportJob::Ended { imported, left } => {
            format!("The import job made {imported} users and left {left} to be made one by one.")
        }
    }
}

fn waits_for(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Throttled => "Cognito throttles",
        WaitReason::Unavailable => "Cognito or the network fails, and is tried again",
        WaitReason::Quota => "the share of the quota is used up for the moment",
        WaitReason::ImportJob => "an import job is at work",
        WaitReason::Settling => "what was written does not show everywhere yet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_shown_by_its_title_and_place() {
        let step = Step::ALL[0];
        let title = title(&Activity::Step { step });
        let all = Step::ALL.len();
        assert_eq!(title, format!("step 1 of {all}, {}", step.title()));
    }
}
