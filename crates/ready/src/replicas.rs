//! Backups and their replicas: how old the newest is, and whether it is whole.

use std::time::Duration;

use cognito::Stop;
use jiff::{SignedDuration, Timestamp};
use model::request::{FindRequest, PassedOver, RestoreOptions};
use model::restore::duration_in_words;
use model::{BackupKey, Failure, UserPoolId};
use vault::{Backup, Vault, VaultError};

use crate::ask::{CannotTell, Observed};
use crate::outcome::{Check, Outcome, Subject};

/// Up to this size a replica is read through, in bytes: some seconds in a Lambda function. Of a
/// larger one, beginning, end and size are held against each other; `cognito-dr check` reads it
/// through.
const READ_THROUGH: u64 = 256 * 1024 * 1024;
/// How long a look at a bucket may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many replicas that are not whole are passed over.
const DAMAGED_LIMIT: usize = 5;
/// How far back the times between replicas are looked at.
const LISTED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How many are looked at at most: hourly ones of a week.
const LISTED: usize = 168;
/// How long a replica may be on its way.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(30);

/// What is known of a pool's newest backup in one bucket.
#[derive(Debug)]
pub(crate) enum NewestFound {
    /// There is none.
    Nothing,
    /// There are some, and none is whole.
    NoneWhole(String),
    /// The newest whole one.
    Newest(Box<Newest>),
}

/// The newest whole backup in a bucket.
#[derive(Debug)]
pub(crate) struct Newest {
    pub(crate) key: BackupKey,
    pub(crate) backup: Backup,
    /// Newer ones that are not whole.
    pub(crate) passed_over: Vec<PassedOver>,
    /// Whether all of it was read and held against its checksum.
    pub(crate) read_through: bool,
}

impl Newest {
    pub(crate) fn age(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.key.began())
    }
}

/// Finds the newest whole backup of a pool, as a restore would, and reads it through, as far as
/// its size and the time allow.
pub(crate) async fn newest_whole(
    vault: &Vault,
    pool: &UserPoolId,
    now: Timestamp,
    stop: &Stop,
) -> Observed<NewestFound> {
    let mut passed_over: Vec<PassedOver> = Vec::new();
    let mut at = None;
    loop {
        let newest = match find(vault, pool, at, now).await? {
            NewestFound::Newest(newest) => newest,
            _ if !passed_over.is_empty() => {
                return Ok(NewestFound::NoneWhole(reasons(&passed_over)));
            }
            other => return Ok(other),
        };
        passed_over.extend(newest.passed_over.iter().cloned());
        let whole = read_through(&newest.backup, stop).await?;
        match whole {
            Ok(read_through) => {
                return Ok(NewestFound::Newest(Box::new(Newest {
                    passed_over,
                    read_through,
                    ..*newest
                })));
            }
            Err(reason) => {
                let s3_key = newest.key.to_string();
                passed_over.push(PassedOver { s3_key, reason });
            }
        }
        if passed_over.len() >= DAMAGED_LIMIT {
            return Ok(NewestFound::NoneWhole(reasons(&passed_over)));
        }
        let before = newest.key.began() - SignedDuration::from_nanos(1);
        at = Some(before);
    }
}

/// The newest backup of a pool that its beginning and its end show as whole.
pub(crate) async fn newest(
    vault: &Vault,
    pool: &UserPoolId,
    now: Timestamp,
) -> Observed<NewestFound> {
    find(vault, pool, None, now).await
}

async fn find(
    vault: &Vault,
    pool: &UserPoolId,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Observed<NewestFound> {
    let request = FindRequest {
        user_pool_id: pool.clone(),
        at,
        s3_key: None,
        resume: None,
        options: RestoreOptions::default(),
    };
    let found = match in_time(vault.find(&request, now)).await {
        Ok(found) => found,
        Err(Problem::Vault(error)) => match error.failure() {
            Failure::BackupNotFound => return Ok(NewestFound::Nothing),
            Failure::BackupDamaged | Failure::BackupTooNew => {
                return Ok(NewestFound::NoneWhole(error.to_string()));
            }
            _ => return Err(untold(&error)),
        },
        Err(Problem::Silence) => return Err(silence()),
    };
    let opened = in_time(vault.open_as_stored(&found.s3_key, found.version_id.as_deref())).await;
    let backup = opened.map_err(|problem| match problem {
        Problem::Vault(error) => untold(&error),
        Problem::Silence => silence(),
    })?;
    Ok(NewestFound::Newest(Box::new(Newest {
        key: found.s3_key,
        backup,
        passed_over: found.passed_over,
        read_through: false,
    })))
}

/// Whether it was read through, or why it is not whole.
async fn read_through(backup: &Backup, stop: &Stop) -> Observed<Result<bool, String>> {
    if backup.bytes > READ_THROUGH {
        return Ok(Ok(false));
    }
    match stop.halfway().unless_requested(backup.check_whole()).await {
        None => Ok(Ok(false)),
        Some(Ok(())) => Ok(Ok(true)),
        Some(Err(error)) if error.failure() == Failure::BackupDamaged => Ok(Err(error.to_string())),
        Some(Err(error)) => Err(untold(&error)),
    }
}

enum Problem {
    Vault(VaultError),
    Silence,
}

async fn in_time<T>(look: impl Future<Output = Result<T, VaultError>>) -> Result<T, Problem> {
    match tokio::time::timeout(PATIENCE, Box::pin(look)).await {
        Ok(looked) => looked.map_err(Problem::Vault),
        Err(_) => Err(Problem::Silence),
    }
}

fn silence() -> CannotTell {
    CannotTell("the bucket gave no answer".to_owned())
}

fn untold(error: &VaultError) -> CannotTell {
    CannotTell(error.to_string())
}

fn reasons(passed_over: &[PassedOver]) -> String {
    let reasons = passed_over
        .iter()
        .map(|newer| format!("{}: {}", newer.s3_key, newer.reason));
    reasons.collect::<Vec<_>>().join("; ")
}

/// The longest time between two backups that follow each other, among the newest; and how many
/// were looked at.
pub(crate) async fn longest_between(
    vault: &Vault,
    pool: &UserPoolId,
    now: Timestamp,
) -> Observed<(Option<SignedDuration>, usize)> {
    let listed = in_time(vault.list(Some(pool), None, LISTED)).await;
    let listed = listed.map_err(|problem| match problem {
        Problem::Vault(error) => untold(&error),
        Problem::Silence => silence(),
    })?;
    let times = listed.iter().map(|backup| backup.key.began());
    let times: Vec<Timestamp> = times
        .filter(|began| now.duration_since(*began) <= LISTED_FOR)
        .collect();
    let between = times
        .windows(2)
        .map(|newer_and_older| newer_and_older[0].duration_since(newer_and_older[1]));
    Ok((between.max(), times.len()))
}

/// Whether a backup is younger than it has to be. `invoke` is the command that makes one.
pub(crate) fn age(
    subject: Subject,
    found: &Observed<NewestFound>,
    maximum: SignedDuration,
    now: Timestamp,
    invoke: &str,
) -> Check {
    let found = match found {
        Ok(found) => found,
        Err(why) => return Check::new(subject, "", why.clone().into()),
    };
    let newest = match found {
        NewestFound::Nothing => {
            let why = "there is none";
            return Check::new(subject, "", Outcome::no(why, invoke));
        }
        NewestFound::NoneWhole(reason) => {
            let why = format!("none is whole: {reason}");
            return Check::new(subject, "", Outcome::no(why, invoke));
        }
        NewestFound::Newest(newest) => newest,
    };
    let (age, limit) = (in_words(newest.age(now)), in_words(maximum));
    let users = newest.backup.trailer.users;
    let outcome = if newest.age(now) <= maximum {
        Outcome::yes(format!(
            "{age} old, at most {limit} are allowed; {users} users"
        ))
    } else {
        Outcome::no(format!("{age} old, more than the {limit} allowed"), invoke)
    };
    Check::new(subject, newest.key.to_string(), outcome)
}

/// Whether the newest replica is whole, and how that is known; nothing where there is none.
pub(crate) fn whole(found: &Observed<NewestFound>, vault: &Vault) -> Option<Check> {
    let Ok(NewestFound::Newest(newest)) = found else {
        return None;
    };
    let subject = Subject::WholeReplica;
    if let Some(newer) = newest.passed_over.first() {
        let why = format!("a newer one is not whole: {}", newer.reason);
        let command = format!(
            "cognito-dr check {}",
            restore::quote(&vault.workspace().address(&newer.s3_key))
        );
        let outcome = Outcome::no(why, command);
        return Some(Check::new(subject, newer.s3_key.clone(), outcome));
    }
    let bytes = newest.backup.bytes;
    let what = if newest.read_through {
        format!("all {bytes} bytes were read, and the checksum is right")
    } else {
        format!(
            "beginning, end and size fit each other; its {bytes} bytes were too many to be read through: `cognito-dr check` does"
        )
    };
    Some(Check::new(
        subject,
        newest.key.to_string(),
        Outcome::yes(what),
    ))
}

/// Whether the newest backup has its replica.
pub(crate) fn replication(
    backup: &Observed<NewestFound>,
    replica: &Observed<NewestFound>,
    now: Timestamp,
    command: &str,
) -> Check {
    let subject = Subject::Replication;
    let (Ok(backup), Ok(replica)) = (backup, replica) else {
        let why = "it takes both buckets, and one could not be read";
        return Check::new(subject, "", Outcome::cannot_be_told(why));
    };
    let NewestFound::Newest(backup) = backup else {
        let why = "there is no whole backup that could have a replica";
        return Check::new(subject, "", Outcome::cannot_be_told(why));
    };
    let is_there = match replica {
        // One that is not whole came over as well.
        NewestFound::Newest(replica) => {
            replica.key.began() >= backup.key.began()
                || replica
                    .passed_over
                    .iter()
                    .any(|newer| newer.s3_key == backup.key.to_string())
        }
        NewestFound::Nothing | NewestFound::NoneWhole(_) => false,
    };
    let ended = backup.backup.trailer.reading_ended;
    let outcome = if is_there {
        Outcome::yes("the newest backup has its replica")
    } else if now.duration_since(ended) <= ON_ITS_WAY {
        Outcome::yes("the newest backup is on its way")
    } else {
        let since = in_words(now.duration_since(ended));
        let why = format!("the newest backup ended {since} ago and has no replica");
        Outcome::no(why, command)
    };
    Check::new(subject, backup.key.to_string(), outcome)
}

/// A duration for a person, in minutes from ten minutes on.
pub(crate) fn in_words(duration: SignedDuration) -> String {
    let seconds = seconds(duration);
    let words = duration_in_words(seconds);
    match words.rsplit_once(' ') {
        // Seconds say nothing about hours.
        Some(_) if seconds >= 600 => {
            let parts: Vec<&str> = words.split(' ').collect();
            parts[..parts.len() - 2].join(" ")
        }
        _ => words,
    }
}

/// Whole seconds, none for what lies ahead.
pub(crate) fn seconds(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_secs()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_times_are_told_without_seconds() {
        for (seconds, words) in [
            (5, "5 seconds"),
            (65, "1 minute 5 seconds"),
            (1200, "20 minutes"),
            (3700, "1 hour 1 minute"),
        ] {
            assert_eq!(in_words(SignedDuration::from_secs(seconds)), words);
        }
    }
}
