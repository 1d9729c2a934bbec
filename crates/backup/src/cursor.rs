//! Where a run stands that takes more than one invocation.
//!
//! The cursor travels in the state of a Step Functions execution, which takes 256 KiB (facts
//! G.2), so it holds positions and counts only. What is large lies in the bucket, under
//! `cognito-backup-state/{pool}-{time}-{upload}/`: the head, or the answers that it is to be made
//! of; the list of parts (400 KB for 10,000 of them), the bytes that are too few for a part, the
//! users that were seen, where their listing stands, and members of groups whose turn has not come.
//! Each invocation writes objects of its own number, so one that dies and is repeated finds what it
//! found before.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use model::document::EncoderState;
use model::request::BackedUpPool;
use model::{BackupKey, UserPoolId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::FailedPool;

/// The folder of what runs remember. The bucket's replication leaves it out.
pub(crate) const STATE_FOLDER: &str = "cognito-backup-state/";
/// A listing token expires after an hour (facts D). One that is older than this is not tried:
/// the listing begins again.
pub(crate) const TOKEN_LIVES: SignedDuration = SignedDuration::from_mins(55);

/// Where a run stands: what `{"continue": ...}` carries.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupCursor {
    /// The run that holds the lease: the invocation that began it, then the execution.
    pub(crate) run: String,
    /// How many invocations the execution has had.
    #[serde(default)]
    pub(crate) invocations: u32,
    /// The pool that is being read.
    pub(crate) current: Option<PoolCursor>,
    /// Pools whose reading waits for its next turn.
    #[serde(default)]
    pub(crate) waiting: Vec<PoolCursor>,
    /// When the pools that are being read were begun.
    #[serde(default)]
    pub(crate) began: BTreeMap<UserPoolId, Timestamp>,
    /// The pools that are done: the last [`BackupCursor::NAMED`] of them.
    pub(crate) backed_up: Vec<BackedUpPool>,
    /// The pools that failed: the execution tells, and another one goes on.
    pub(crate) failed: Vec<FailedPool>,
}

impl BackupCursor {
    /// How many pools that are done are named: a run may have no end, for others ask while it
    /// goes on.
    const NAMED: usize = 100;

    /// A run that is to begin.
    pub(crate) fn of(run: &str) -> Self {
        Self {
            run: run.to_owned(),
            ..Self::default()
        }
    }

    /// The pools whose reading was put down, those first whose position is the oldest: their tokens
    /// are.
    pub(crate) fn put_down(&self) -> impl Iterator<Item = &PoolCursor> {
        self.current.iter().chain(&self.waiting)
    }

    /// Puts the reading of a pool down.
    pub(crate) fn put(&mut self, cursor: PoolCursor) {
        let mut all: Vec<PoolCursor> = self.current.take().into_iter().collect();
        all.append(&mut self.waiting);
        all.push(cursor);
        all.sort_by_key(|cursor| cursor.reached);
        let mut all = all.into_iter();
        self.current = all.next();
        self.waiting = all.collect();
    }

    /// Takes up the reading whose position is the oldest.
    pub(crate) fn take_up(&mut self) -> Option<PoolCursor> {
        let next = self.current.take();
        if !self.waiting.is_empty() {
            self.current = Some(self.waiting.remove(0));
        }
        next
    }

    /// Names a pool that is done.
    pub(crate) fn name(&mut self, pool: BackedUpPool) {
        self.backed_up.push(pool);
        let more = self.backed_up.len().saturating_sub(Self::NAMED);
        self.backed_up.drain(..more);
    }

    /// Whether the pool is backed up, or failed.
    pub(crate) fn tried(&self, pool: &UserPoolId) -> bool {
        let backed_up = self.backed_up.iter().map(|done| &done.user_pool_id);
        let failed = self.failed.iter().map(|failed| &failed.user_pool_id);
        backed_up.chain(failed).any(|tried| tried == pool)
    }

    /// The backup that is being written, if one was begun.
    pub fn current_key(&self) -> Option<&BackupKey> {
        self.current.as_ref().map(|current| &current.key)
    }

    /// The pools that are backed up so far.
    pub fn backed_up(&self) -> &[BackedUpPool] {
        &self.backed_up
    }

    /// How many users of the current pool were read.
    pub fn users(&self) -> u64 {
        self.current.as_ref().map_or(0, PoolCursor::users)
    }
}

/// Where the backup of one pool stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PoolCursor {
    /// Where the backup will lie.
    pub(crate) key: BackupKey,
    /// The upload, by which nobody else's state is taken for this one's.
    pub(crate) upload_id: String,
    /// How often the pool was begun.
    pub(crate) beginnings: u32,
    /// How many invocations left their state.
    pub(crate) invocation: u32,
    /// Which invocation left the head; 0 is what all of them share.
    #[serde(default)]
    pub(crate) head_left_by: u32,
    /// The encoder, to go on writing; none until the head is read.
    pub(crate) encoder: Option<EncoderState>,
    /// Whether the last invocation left members of groups whose turn has not come.
    #[serde(default)]
    pub(crate) reads_ahead: bool,
    /// Where to go on reading.
    #[serde(rename = "place")]
    pub(crate) position: Position,
    /// When the position was reached: its oldest token is as old.
    pub(crate) reached: Timestamp,
}

/// Where in the pool the reading stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Position {
    /// In the head: the answers that were kept tell where.
    Head,
    /// In the users: the listing that was kept tells where.
    Users,
    /// Before a page of a group's members.
    Members {
        /// The group, by its place in the head's list.
        group: usize,
        /// The page's token; none for the first, before which the group is not begun.
        token: Option<String>,
    },
}

impl Position {
    /// The token without which reading cannot go on: a listing of users begins again where one has
    /// expired.
    fn token(&self) -> Option<&str> {
        match self {
            Position::Head | Position::Users => None,
            Position::Members { token, .. } => token.as_deref(),
        }
    }
}

impl PoolCursor {
    /// The pool that is read.
    pub(crate) fn pool(&self) -> &UserPoolId {
        self.key.pool()
    }

    /// Whether reading can go on at `now`.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        self.position.token().is_none() || now.duration_since(self.reached) < TOKEN_LIVES
    }

    /// How many users are in the document.
    pub(crate) fn users(&self) -> u64 {
        self.encoder.as_ref().map_or(0, |encoder| encoder.users)
    }

    /// Where invocation `number` left what `name` says.
    pub(crate) fn object(&self, number: u32, name: &str) -> String {
        let (pool, time) = (self.key.pool(), self.key.began().as_second());
        // Two runs may begin in one second; their uploads have ids of their own.
        let upload: String = Sha256::digest(self.upload_id.as_bytes())[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{STATE_FOLDER}{pool}-{time}-{upload}/{number:05}-{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_that_is_written_in_part_is_gone_on_with_for_less_than_an_hour() {
        let reached: Timestamp = "2026-03-07T09:00:00Z".parse().unwrap();
        let mut out = Vec::new();
        let pool: UserPoolId = "us-east-1_AbC".parse().unwrap();
        let head = model::document::BackupHead::new(pool.clone(), reached);
        let mut cursor = PoolCursor {
            key: BackupKey::new(&pool, reached),
            upload_id: "u".into(),
            beginnings: 1,
            invocation: 1,
            head_left_by: 1,
            encoder: Some(model::document::DocumentEncoder::begin(&head, &mut out).state()),
            reads_ahead: false,
            position: Position::Members {
                group: 3,
                token: Some("t".into()),
            },
            reached,
        };
        let after = |minutes| reached + SignedDuration::from_mins(minutes);
        assert!(cursor.is_fresh(after(54)));
        assert!(!cursor.is_fresh(after(55)));
        cursor.position = Position::Users;
        assert!(cursor.is_fresh(after(500)), "chains begin again alone");
        cursor.position = Position::Members {
            group: 3,
            token: None,
        };
        assert!(cursor.is_fresh(after(500)), "no token, nothing to expire");
    }

    #[test]
    fn a_cursor_stays_small_whatever_the_pool() {
        let pools: Vec<UserPoolId> = (0..80)
            .map(|n| format!("ap-southeast-2_{n:040}").parse().unwrap())
            .collect();
        let failed = |pool: &UserPoolId| FailedPool {
            user_pool_id: pool.clone(),
            failure: model::Failure::Internal,
            cause: "x".repeat(500),
        };
        let now = Timestamp::now();
        let cursor = BackupCursor {
            failed: pools.iter().map(failed).collect(),
            began: pools.into_iter().map(|pool| (pool, now)).collect(),
            ..BackupCursor::default()
        };
        // 80 ids of the greatest length are more than an environment of 4 KB can name.
        assert!(serde_json::to_vec(&cursor).unwrap().len() < 100_000);
    }
}
