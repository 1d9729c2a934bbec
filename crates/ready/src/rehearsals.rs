//! The last rehearsal of a pool, and how long a restore takes: measured by it, or foreseen from
//! the users and the quotas.

use std::time::Duration;

use cognito::Stop;
use jiff::Timestamp;
use model::restore::UsersForeseen;
use model::{RestoreId, UserPoolId};
use restore::{Settings, aws_command, foresee_users};
use serde::Deserialize;
use vault::Backup;

use crate::ask::{CannotTell, Observed, judged};
use crate::outcome::{Check, Outcome, Subject, TimeFrom};
use crate::replicas::{Newest, in_words, seconds};
use crate::{PATIENCE, Target};

/// How long users may be decided one by one; what is left is taken to be like them.
const FORESEEING: Duration = Duration::from_secs(60);

/// What a rehearsal left.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Rehearsal {
    at: Timestamp,
    result: String,
    seconds: u64,
    users: u64,
    restore_id: RestoreId,
}

/// Where it lies.
fn key(pool: &UserPoolId) -> String {
    format!("cognito-restore/rehearsals/{pool}.json")
}

/// How long a restore takes.
pub(crate) struct Time {
    pub(crate) check: Check,
    /// In seconds, and from what it is known.
    pub(crate) measured: Option<(u64, TimeFrom)>,
}

/// The last rehearsal and the time of a restore.
pub(crate) async fn check(
    target: &Target,
    newest: &Newest,
    now: Timestamp,
    stop: &Stop,
) -> (Check, Time) {
    let pool = newest.key.pool();
    let last = last(target, pool).await;
    let rehearsal = Check::new(
        Subject::Rehearsal,
        key(pool),
        judge(target, pool, &last, now),
    );
    let users = newest.backup.trailer.users;
    let rehearsed = match &last {
        Ok(Some(last)) => scaled(last.seconds, last.users, users),
        Ok(None) | Err(_) => None,
    };
    let foreseen = foreseen(target, &newest.backup, stop).await;
    let measured = match (rehearsed, &foreseen) {
        (Some(seconds), _) => Some((seconds, TimeFrom::Rehearsal)),
        (None, Ok(foreseen)) => Some((foreseen.seconds, TimeFrom::Quotas)),
        (None, Err(_)) => None,
    };
    let outcome = judged(foreseen, |foreseen| {
        judge_time(target, &foreseen, rehearsed)
    });
    let check = Check::new(Subject::RestoreTime, format!("{users} users"), outcome);
    (rehearsal, Time { check, measured })
}

async fn last(target: &Target, pool: &UserPoolId) -> Observed<Option<Rehearsal>> {
    let key = key(pool);
    let reading = target.vault.workspace().read(&key);
    let read = tokio::time::timeout(PATIENCE, reading).await;
    let read = read.map_err(|_| CannotTell("the bucket gave no answer".to_owned()))?;
    let Some(bytes) = read.map_err(|error| CannotTell(error.to_string()))? else {
        return Ok(None);
    };
    let last = serde_json::from_slice(&bytes);
    last.map(Some)
        .map_err(|error| CannotTell(format!("{key} is not understood: {error}")))
}

fn judge(
    target: &Target,
    pool: &UserPoolId,
    last: &Observed<Option<Rehearsal>>,
    now: Timestamp,
) -> Outcome {
    let rehearse = format!("cognito-dr rehearse {pool} --region {}", target.region);
    let maximum = target.settings.maximum_rehearsal_age;
    let last = match last {
        Err(why) => return why.clone().into(),
        Ok(None) => {
            let why = "it was never rehearsed";
            return match maximum {
                Some(_) => Outcome::no(why, rehearse),
                // Rehearsals cost something and are the operator's choice: nothing is known then.
                None => Outcome::cannot_be_told(format!("{why}: `{rehearse}` does it once")),
            };
        }
        Ok(Some(last)) => last,
    };
    let age = now.duration_since(last.at);
    let (result, ago) = (&last.result, in_words(age));
    if !matches!(result.as_str(), "SUCCESS" | "SUCCESS_WITH_LOSSES") {
        let command = format!(
            "cognito-dr handover {} --region {}",
            last.restore_id, target.region
        );
        return Outcome::no(format!("{result}, {ago} ago"), command);
    }
    match maximum {
        Some(maximum) if age > maximum => {
            let why = format!(
                "{result}, {ago} ago: more than the {} allowed",
                in_words(maximum)
            );
            Outcome::no(why, rehearse)
        }
        _ => {
            let took = in_words(jiff::SignedDuration::from_secs(last.seconds.cast_signed()));
            Outcome::yes(format!(
                "{result}, {ago} ago, {} users in {took}",
                last.users
            ))
        }
    }
}

/// The seconds for all users, from those of some.
fn scaled(seconds: u64, some: u64, all: u64) -> Option<u64> {
    if some == 0 {
        return None;
    }
    let scaled = u128::from(seconds) * u128::from(all) / u128::from(some);
    u64::try_from(scaled).ok()
}

async fn foreseen(target: &Target, backup: &Backup, stop: &Stop) -> Observed<UsersForeseen> {
    let settings = Settings {
        region: target.region.clone(),
        account_id: target.settings.account_id().to_owned(),
        import_role_arn: Some(target.settings.import_role_arn.clone()),
        ..Settings::default()
    };
    let stop = stop
        .halfway()
        .or_at(tokio::time::Instant::now() + FORESEEING);
    let clients = target.clients();
    let foreseeing = foresee_users(&clients, &settings, backup, stop);
    let some = Box::pin(foreseeing).await;
    let mut some = some.map_err(|error| CannotTell(error.to_string()))?;
    let all = backup.trailer.users;
    if some.seen > 0 && some.seen < all {
        some.seconds = scaled(some.seconds, some.seen, all).unwrap_or(some.seconds);
    }
    Ok(some)
}

fn judge_time(target: &Target, foreseen: &UsersForeseen, rehearsed: Option<u64>) -> Outcome {
    let in_words = |seconds: u64| in_words(jiff::SignedDuration::from_secs(seconds.cast_signed()));
    let longest = seconds(target.settings.longest_restore);
    let mut what = format!(
        "{} at the quotas found ({:.1} calls a second)",
        in_words(foreseen.seconds),
        foreseen.calls_per_second
    );
    if foreseen.by_import > 0 {
        what.push_str(&format!(
            "; {} users come by import jobs, whose speed Cognito does not tell",
            foreseen.by_import
        ));
    }
    if let Some(rehearsed) = rehearsed {
        what.push_str(&format!("; {} by the last rehearsal", in_words(rehearsed)));
    }
    let limit = in_words(longest);
    if foreseen.seconds.max(rehearsed.unwrap_or_default()) <= longest {
        return Outcome::yes(format!("{what}; at most {limit} are allowed"));
    }
    let command = aws_command(
        "service-quotas list-service-quotas",
        &target.region,
        &[("service-code", "cognito-idp")],
    );
    let why = format!(
        "{what}: more than the {limit} allowed. Ask for higher quotas, and tell the stack by QuotaOverrides"
    );
    Outcome::no(why, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_some_users_took_is_scaled_to_all() {
        for (seconds, some, all, expected) in [
            (60, 100, 1_000, Some(600)),
            (60, 100, 100, Some(60)),
            (60, 0, 100, None),
            (60, 100, 0, Some(0)),
        ] {
            assert_eq!(scaled(seconds, some, all), expected, "{some} of {all}");
        }
    }
}
