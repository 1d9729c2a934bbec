//! One run at a time: a lease in the bucket, and what others asked for meanwhile.
//!
//! Schedule, queue, continuation and people may ask at any time; the pacer's share of the quotas
//! is one for a Region. So whoever reads holds the lease `cognito-backup-state/lease.json`, and
//! whoever comes second enters what it was asked for and ends: the holder takes it.
//!
//! - Each invocation claims the lease anew, and renews it while it works. One that dies is
//!   repeated under the same name (Step Functions, and Lambda's retry of an event), or somebody
//!   else takes the lease when it has expired, with everything that is due.
//! - Every write is over exactly what was read (`If-Match`), and an invocation looks before it
//!   completes a backup: one that slept past its lease completes nothing.
//! - A vault in a folder has none: who writes there is one person, whose killed run must not hold
//!   up the next.
//! - What is due stays entered until a backup is complete that began after it was asked for.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::UserPoolId;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;
use vault::{ETag, VaultError, Workspace};

use crate::cursor::STATE_FOLDER;
use crate::error::BackupError;

/// How long a lease holds after it was claimed, renewed or handed over: Step Functions repeats an
/// invocation that died for less than three minutes.
const HOLDS: SignedDuration = SignedDuration::from_mins(10);
/// How often it is renewed by who works.
const RENEWED: Duration = Duration::from_secs(2 * 60);
/// How often a change is tried in all when others change the object at the same moment.
const ATTEMPTS: u32 = 20;

/// Who asks for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The schedule: a backup that is under way is as good.
    BySchedule,
    /// Somebody who knows of a change: the backup must begin after it was asked for.
    ForChange,
}

/// A pool that is to be backed up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Due {
    pub(crate) pool: UserPoolId,
    /// When it was asked for.
    pub(crate) since: Timestamp,
    /// Whether a backup that began before is not enough.
    pub(crate) must_begin_after: bool,
}

impl Due {
    /// Whether a backup of the pool that began at `began` is what was asked for.
    fn is_met_by(&self, began: Timestamp) -> bool {
        !self.must_begin_after || began >= self.since
    }
}

/// Who works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    /// The run: the invocation that began it, then the execution that goes on with it.
    run: String,
    /// The invocation, by a random number.
    invocation: String,
    /// When the lease expires.
    until: Timestamp,
}

/// The object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LeaseState {
    holder: Option<Holder>,
    #[serde(default)]
    due: Vec<Due>,
}

impl LeaseState {
    /// Enters what is asked for; a pool stands once.
    fn enter(&mut self, pools: &[UserPoolId], since: Timestamp, asked: Asked) {
        let must_begin_after = asked == Asked::ForChange;
        for pool in pools {
            match self.due.iter_mut().find(|due| due.pool == *pool) {
                Some(due) if must_begin_after => {
                    due.since = due.since.max(since);
                    due.must_begin_after = true;
                }
                Some(_) => {}
                None => self.due.push(Due {
                    pool: pool.clone(),
                    since,
                    must_begin_after,
                }),
            }
        }
    }

    /// Whether `run` may work at `now`.
    fn is_free_for(&self, run: &str, now: Timestamp) -> bool {
        self.holder
            .as_ref()
            .is_none_or(|holder| holder.run == run || holder.until <= now)
    }
}

/// The lease, held by this invocation.
#[derive(Debug, Clone)]
pub(crate) struct Lease<'a> {
    /// Where it lies; none where nobody else asks for backups.
    workspace: Option<&'a Workspace>,
    state: LeaseState,
    /// This invocation's claim.
    claim: Holder,
}

/// What became of asking for the lease.
#[derive(Debug)]
pub(crate) enum Acquired<'a> {
    /// This invocation works.
    Held(Lease<'a>),
    /// Another run does, until then at least; what was asked for is entered.
    HeldBy { run: String, until: Timestamp },
}

impl<'a> Lease<'a> {
    fn key() -> String {
        format!("{STATE_FOLDER}lease.json")
    }

    /// Enters `pools`, and claims the lease for `run`.
    pub(crate) async fn acquire(
        workspace: Option<&'a Workspace>,
        run: &str,
        pools: &[UserPoolId],
        asked: Asked,
    ) -> Result<Acquired<'a>, BackupError> {
        let chance = getrandom::u64().map_err(|error| {
            BackupError::Internal(format!("there are no random numbers: {error}"))
        })?;
        for _ in 0..ATTEMPTS {
            let now = Timestamp::now();
            let claim = Holder {
                run: run.to_owned(),
                invocation: format!("{chance:016x}"),
                until: expiry(now),
            };
            let (before, etag) = match workspace {
                Some(workspace) => read(workspace).await?,
                None => Default::default(),
            };
            let mut state = before.clone();
            state.enter(pools, now, asked);
            let is_free = state.is_free_for(run, now);
            if is_free {
                if let Some(dead) = before.holder.as_ref().filter(|holder| holder.run != run) {
                    tracing::warn!(run = dead.run, until = %dead.until, "a run did not end; this one takes over");
                }
                state.holder = Some(claim.clone());
            }
            if state != before {
                let written = match workspace {
                    Some(workspace) => write(workspace, &state, etag.as_ref()).await?,
                    None => true,
                };
                match written {
                    true if is_free => {
                        return Ok(Acquired::Held(Self {
                            workspace,
                            state,
                            claim,
                        }));
                    }
                    true => {}
                    false => continue,
                }
            }
            if let Some(holder) = before.holder {
                let Holder { run, until, .. } = holder;
                return Ok(Acquired::HeldBy { run, until });
            }
        }
        Err(BackupError::LeaseContended)
    }

    /// Holds the lease for as long as `work`, which is given it, goes on. A lease that is lost is
    /// noticed by the work itself, which confirms it before it completes anything.
    pub(crate) async fn held_during<T>(&mut self, work: impl AsyncFnOnce(&mut Self) -> T) -> T {
        let mut renewed = self.clone();
        let renewal = async {
            loop {
                sleep(RENEWED).await;
                if let Err(error) = renewed.renew().await {
                    tracing::warn!(%error, "the lease is not renewed");
                }
            }
        };
        tokio::select! {
            done = work(self) => done,
            never = renewal => never,
        }
    }

    async fn renew(&mut self) -> Result<(), BackupError> {
        self.change(|state| {
            if let Some(holder) = &mut state.holder {
                holder.until = expiry(Timestamp::now());
            }
        })
        .await
    }

    /// The pools that are to be begun, in the order in which they were asked for.
    pub(crate) fn due(&self) -> impl Iterator<Item = &UserPoolId> {
        self.state.due.iter().map(|due| &due.pool)
    }

    /// Fails when somebody else took the lease, which it does when this one has expired. Learns
    /// what others asked for meanwhile.
    pub(crate) async fn confirm(&mut self) -> Result<(), BackupError> {
        self.change(|_| {}).await
    }

    /// Strikes out what a backup of `pool` that began at `began` answers.
    pub(crate) async fn strike(
        &mut self,
        pool: &UserPoolId,
        began: Timestamp,
    ) -> Result<(), BackupError> {
        self.change(|state| {
            state
                .due
                .retain(|due| due.pool != *pool || !due.is_met_by(began));
        })
        .await
    }

    /// Gives the lease to the run `run`, which another invocation goes on with.
    pub(crate) async fn hand_over(&mut self, run: &str) -> Result<(), BackupError> {
        let claim = Holder {
            run: run.to_owned(),
            until: expiry(Timestamp::now()),
            ..self.claim.clone()
        };
        self.change(|state| state.holder = Some(claim.clone()))
            .await?;
        self.claim = claim;
        Ok(())
    }

    /// Ends the lease unless something is due; false when something is.
    pub(crate) async fn release(&mut self) -> Result<bool, BackupError> {
        self.change(|state| {
            if state.due.is_empty() {
                state.holder = None;
            }
        })
        .await?;
        Ok(self.state.holder.is_none())
    }

    /// Ends the lease, whatever is due: the next run takes it.
    pub(crate) async fn give_up(&mut self) {
        if let Err(error) = self.change(|state| state.holder = None).await {
            tracing::warn!(%error, "the lease is not released: it expires");
        }
    }

    /// Changes the object, over what others entered meanwhile. A change that leaves it as it is
    /// reads it all the same.
    async fn change(&mut self, change: impl Fn(&mut LeaseState)) -> Result<(), BackupError> {
        let Some(workspace) = self.workspace else {
            change(&mut self.state);
            return Ok(());
        };
        for _ in 0..ATTEMPTS {
            let (now, etag) = read(workspace).await?;
            let held = now.holder.as_ref();
            let is_held = held.is_some_and(|holder| {
                holder.run == self.claim.run && holder.invocation == self.claim.invocation
            });
            if !is_held {
                let by = held.map_or("nobody", |holder| &holder.run);
                return Err(BackupError::LeaseLost { run: by.to_owned() });
            }
            let mut state = now.clone();
            change(&mut state);
            if state == now || write(workspace, &state, etag.as_ref()).await? {
                self.state = state;
                return Ok(());
            }
        }
        Err(BackupError::LeaseContended)
    }
}

fn expiry(now: Timestamp) -> Timestamp {
    now.checked_add(HOLDS).unwrap_or(Timestamp::MAX)
}

/// The object as it is, and by which a write tells whether it still is.
async fn read(workspace: &Workspace) -> Result<(LeaseState, Option<ETag>), BackupError> {
    let key = Lease::key();
    let Some(object) = workspace.look_up(&key).await? else {
        return Ok((LeaseState::default(), None));
    };
    let state = serde_json::from_slice(&object.bytes).map_err(|error| {
        BackupError::Internal(format!(
            "{} cannot be read ({error}): delete it, and the next run begins anew",
            workspace.address(&key)
        ))
    })?;
    Ok((state, Some(object.etag)))
}

/// Writes the object over what was read; false when it is something else by now.
async fn write(
    workspace: &Workspace,
    state: &LeaseState,
    expected: Option<&ETag>,
) -> Result<bool, BackupError> {
    let key = Lease::key();
    let bytes = serde_json::to_vec(state)
        .map_err(|error| BackupError::Internal(format!("{key} cannot be written: {error}")))?;
    let written = workspace.write_if(&key, "application/json", bytes, expected);
    match written.await {
        Ok(_) => Ok(true),
        Err(VaultError::Changed(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vault::Vault;
    use vault::testing::MemoryS3;

    #[tokio::test]
    async fn a_lease_that_is_renewed_does_not_expire() {
        let s3 = MemoryS3::start("backups");
        let vault = Vault::in_bucket(&s3.config().await, "backups");
        let acquired = Lease::acquire(Some(vault.workspace()), "run", &[], Asked::BySchedule).await;
        let Ok(Acquired::Held(mut lease)) = acquired else {
            panic!("nobody else works: {acquired:?}");
        };
        let (mut state, etag) = read(vault.workspace()).await.unwrap();
        state.holder.as_mut().unwrap().until = Timestamp::UNIX_EPOCH;
        write(vault.workspace(), &state, etag.as_ref())
            .await
            .unwrap();
        lease.renew().await.unwrap();
        let acquired =
            Lease::acquire(Some(vault.workspace()), "another", &[], Asked::BySchedule).await;
        assert!(matches!(acquired, Ok(Acquired::HeldBy { run, .. }) if run == "run"));
    }
}
