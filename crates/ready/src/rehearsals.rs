//! The last rehearsal of a pool, and how long a restore takes: measured by it, or foreseen from
//! the users and the quotas.

use std::time::Duration;

use cognito::Stop;
use jiff::{SignedDuration, Timestamp};
use model::UserPoolId;
use model::restore::{RehearsalRecord, ReportStatus, UsersForeseen};
use restore::{RestoreSettings, aws_command, foresee_users};
use serde_json::json;
use vault::Backup;

use crate::ask::{CannotTell, Observed, judged};
use crate::outcome::{Check, Outcome, Subject, TimeFrom};
use crate::replicas::{Newest, in_words, seconds};
use crate::{PATIENCE, Target, invoke};

/// How long users may be decided one by one; what is left is taken to be like them.
const FORESEEING: Duration = Duration::from_secs(10);
/// A rehearsal that is older says nothing of today: a quarter of a year, and some days.
const OLDEST: SignedDuration = SignedDuration::from_hours(100 * 24);

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
        RehearsalRecord::key(pool),
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

async fn last(target: &Target, pool: &UserPoolId) -> Observed<Option<RehearsalRecord>> {
    let key = RehearsalRecord::key(pool);
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
    last: &Observed<Option<RehearsalRecord>>,
    now: Timestamp,
) -> Outcome {
    let payload = json!({"user_pool_id": pool.as_str(), "rehearsal": {}}).to_string();
    let function = format!("cognito-manual-dr-trigger-{}", target.settings.environment);
    let rehearse = invoke(&target.region, &function, &payload);
    let last = match last {
        Err(why) => return why.clone().into(),
        Ok(None) => {
            let why = "it was never rehearsed";
            return if target.settings.rehearsed.contains(pool) {
                Outcome::no(why, rehearse)
            } else {
                // Rehearsals are the operator's choice; without one nobody knows.
                Outcome::cannot_be_told(format!("{why}: `{rehearse}` does it once"))
            };
        }
        Ok(Some(last)) => last,
    };
    let age = now.duration_since(last.at);
    let (result, ago) = (last.result.as_str(), in_words(age));
    if last.result == ReportStatus::Failed {
        let (id, region) = (&last.restore_id, &target.region);
        let command = format!("cognito-dr handover {id} --region {region}");
        return Outcome::no(format!("{result}, {ago} ago"), command);
    }
    if age > OLDEST {
        let limit = in_words(OLDEST);
        let why = format!("{result}, {ago} ago: too long, more than {limit}");
        return Outcome::no(why, rehearse);
    }
    let took = in_words(SignedDuration::from_secs(last.seconds.cast_signed()));
    Outcome::yes(format!(
        "{result}, {ago} ago, {} users in {took}",
        last.users
    ))
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
    let settings = RestoreSettings {
        region: target.region.clone(),
        account_id: target.settings.account_id().to_owned(),
        import_role_arn: Some(target.settings.import_role_arn.clone()),
        ..RestoreSettings::default()
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
    let in_words = |seconds: u64| in_words(SignedDuration::from_secs(seconds.cast_signed()));
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
