//! The backup of one pool, from where it stands to its end or to a stop.
//!
//! Everything is read side by side, within the pace: the head, the pages of users, the members of
//! groups. The document has an order: what was read too early for it waits, within bounds.

mod finish;
mod mend;
mod write;

use std::sync::Arc;
use std::time::Duration;

use cognito::collect::{Collector, with_groups};
use cognito::{Answers, CognitoError};
use jiff::{SignedDuration, Timestamp};
use model::document::{BackupHead, DocumentEncoder};
use model::{BackupKey, UserPoolId};
use serde_json::Value;
use vault::{Upload, VaultError};

use crate::ahead::Ahead;
use crate::cursor::Position;
use crate::error::BackupError;
use crate::listing::Listing;
use crate::preferences::Asks;
use crate::requests::{Arrived, Requests};
use crate::run::Backups;
use crate::settle::staged_object;
use crate::subs::Subs;

/// How long after the stop an invocation that made no progress yet waits for some: as long as
/// one attempt of a call may take.
const GRACE: Duration = Duration::from_secs(30);
/// How many seconds' keys may be taken before a backup gives up finding a free one.
const TAKEN_KEYS: i64 = 10;

/// The backup of one pool under way.
pub(crate) struct PoolRun<'a> {
    pub(crate) backups: &'a Backups<'a>,
    pub(crate) upload: Upload,
    /// What the head is read from, until it is written.
    pub(crate) answers: Arc<Answers>,
    /// The names of the groups, once they are known.
    pub(crate) groups: Option<Vec<String>>,
    /// The document, once its head is written.
    pub(crate) document: Option<Document>,
    /// How users are listed, and how far they are written; none until it is chosen.
    pub(crate) listing: Option<Listing>,
    pub(crate) seen: Subs,
    pub(crate) ahead: Ahead,
    pub(crate) position: Position,
    /// When the position was reached.
    pub(crate) reached: Timestamp,
    /// When the backup began.
    pub(crate) began: Timestamp,
    /// How often the pool was begun, this time included.
    pub(crate) beginnings: u32,
    /// How many invocations worked on it before.
    pub(crate) invocation: u32,
    /// Whether this invocation has written anything: each does, so that a run comes to an end
    /// however late its invocations begin.
    pub(crate) wrote: bool,
    pub(crate) out: Vec<u8>,
}

/// A document under way.
pub(crate) struct Document {
    pub(crate) head: BackupHead,
    /// Which invocation left the head to those after it, if one did.
    pub(crate) head_left_by: Option<u32>,
    /// Whose MFA preferences it is to hold.
    pub(crate) asks: Asks,
    pub(crate) encoder: DocumentEncoder,
}

/// Why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Everything is read.
    End,
    /// A stop was requested.
    Stop,
}

impl<'a> PoolRun<'a> {
    /// Begins the object.
    pub(crate) async fn begin(
        backups: &'a Backups<'a>,
        pool: &UserPoolId,
        beginnings: u32,
    ) -> Result<Self, BackupError> {
        let began = Timestamp::now();
        Ok(Self {
            backups,
            upload: begin_upload(backups, pool, began).await?,
            answers: Arc::default(),
            groups: None,
            document: None,
            listing: None,
            seen: Subs::new(),
            ahead: Ahead::default(),
            position: Position::Head,
            reached: began,
            began,
            beginnings,
            invocation: 0,
            wrote: false,
            out: Vec::new(),
        })
    }

    pub(crate) fn pool(&self) -> &UserPoolId {
        self.upload.key().pool()
    }

    /// How many users are in the document.
    pub(crate) fn users(&self) -> u64 {
        let document = self.document.as_ref();
        document.map_or(0, |document| document.encoder.state().users)
    }

    /// Reads on from where the run stands.
    pub(crate) async fn read(&mut self) -> Result<Reached, BackupError> {
        let backups = self.backups;
        let pool = self.pool().clone();
        let cognito = backups.cognito.remembering(&self.answers);
        let collector = Collector::new(&cognito, backups.waf);
        let began = self.upload.key().began();
        let mut choosing = Box::pin(backups.choose_listing(&cognito, &pool, began));
        let mut settings = Box::pin(collector.settings(&pool, self.began));
        let mut groups = Box::pin(collector.groups(&pool));
        let (mut read_settings, mut read_groups) = (None, None);
        let listing = match self.position {
            Position::Head | Position::Users => self.listing.clone(),
            Position::Members { .. } => None,
        };
        let mut requests = Requests::new(backups, &pool, listing);
        loop {
            self.write(&mut requests).await?;
            if self.is_at_the_end() {
                return Ok(Reached::End);
            }
            if self.must_stop() {
                return Ok(Reached::Stop);
            }
            self.ask(&mut requests)?;
            if self.is_listed() {
                continue;
            }
            let reads_head = self.document.is_none();
            let is_chosen = self.listing.is_some();
            tokio::select! {
                heard = requests.next() => match heard.map_err(|error| self.error(error))? {
                    Arrived::Users => {}
                    Arrived::Chain(prefix, trouble) => {
                        self.mend_listing(&mut requests, &prefix, trouble)?;
                    }
                    Arrived::Members(answer) => self.take_members(answer)?,
                },
                chosen = &mut choosing, if !is_chosen => {
                    let chosen = chosen.map_err(|error| self.error(error))?;
                    requests.list_users(&chosen);
                    self.listing = Some(chosen);
                }
                // A choice that asked for the pool's settings has their answer kept.
                read = &mut settings, if reads_head && is_chosen && read_settings.is_none() => {
                    read_settings = Some(read.map_err(|error| self.error(error))?);
                }
                read = &mut groups, if reads_head && read_groups.is_none() => {
                    let read = read.map_err(|error| self.error(error))?;
                    self.groups = Some(names_of(&read));
                    read_groups = Some(read);
                }
                () = self.time_to_stop() => return Ok(Reached::Stop),
            }
            // The next requests are on their way while this is written.
            self.ask(&mut requests)?;
            match (read_settings.take(), read_groups.take()) {
                (Some(settings), Some(groups)) => {
                    self.write_head(with_groups(settings, groups)).await?;
                }
                parts => (read_settings, read_groups) = parts,
            }
        }
    }

    /// Asks for all that may be asked for now.
    fn ask(&mut self, requests: &mut Requests) -> Result<(), BackupError> {
        if self.must_stop() {
            return Ok(());
        }
        let group_in_turn = match self.position {
            Position::Members { group, .. } => Some(group),
            Position::Head | Position::Users => None,
        };
        while let Some(stale) = requests.ask_for_users() {
            self.begin_chain_again(requests, &stale)?;
        }
        if let Some(document) = &self.document {
            requests.ask_for_preferences(document.asks, &self.seen);
        }
        let groups = self.groups.as_ref().map_or(0, Vec::len);
        let begun: Vec<usize> = self.ahead.unfinished().collect();
        let first = group_in_turn.unwrap_or(0);
        let not_begun = self.ahead.last().map_or(first, |last| first.max(last + 1))..groups;
        for group in begun.into_iter().chain(not_begun) {
            if self.ahead.is_full() && group_in_turn != Some(group) || requests.is_asked(group) {
                continue;
            }
            if !requests.may_ask_for_members(group_in_turn.is_none()) {
                break;
            }
            let token = self.token_of(group);
            if let Some(name) = self.groups.as_ref().and_then(|names| names.get(group)) {
                requests.ask_for_members(group, name, token);
            }
        }
        Ok(())
    }

    fn is_at_the_end(&self) -> bool {
        match (&self.position, &self.groups) {
            (Position::Members { group, .. }, Some(groups)) => *group >= groups.len(),
            _ => false,
        }
    }

    fn is_written_in_part(&self, group: usize) -> bool {
        matches!(&self.position, Position::Members { group: at, token: Some(_) } if *at == group)
    }

    /// Whether the next invocation would begin further on than this one did.
    fn has_progressed(&self) -> bool {
        self.wrote || self.answers.any_added()
    }

    fn must_stop(&self) -> bool {
        let stop = &self.backups.stop;
        (self.has_progressed() && stop.is_requested()) || stop.is_signalled()
    }

    async fn time_to_stop(&self) {
        let stop = &self.backups.stop;
        stop.requested().await;
        if !self.has_progressed() && !stop.is_signalled() {
            tokio::select! {
                () = self.answers.first_added(), if self.document.is_none() => {}
                () = stop.requested_for(GRACE) => {}
            }
        }
    }

    fn error(&self, error: CognitoError) -> BackupError {
        self.backups.cognito_error(self.pool(), error)
    }
}

/// The names of groups as ListGroups gives them.
pub(crate) fn names_of(groups: &[Value]) -> Vec<String> {
    let name = |group: &Value| {
        group
            .get("GroupName")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    groups
        .iter()
        .map(|group| name(group).unwrap_or_default())
        .collect()
}

/// Begins the object under the key of the second in which the backup began, or of the next one
/// that is free: two runs may begin in one second.
async fn begin_upload(
    backups: &Backups<'_>,
    pool: &UserPoolId,
    began: Timestamp,
) -> Result<Upload, BackupError> {
    let mut seconds = 0;
    loop {
        let at = began
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap_or(began);
        let key = BackupKey::new(pool, at).of_shard(backups.shard);
        let vault = backups.vault;
        let begun = match backups.is_compared() {
            false => vault.begin(&key).await,
            true if backups.has_earlier(&key).await? => {
                vault.begin_staged(&key, &staged_object(&key)).await
            }
            true => vault.begin_base(&key).await,
        };
        match begun {
            Err(VaultError::KeyTaken(_)) if seconds < TAKEN_KEYS => seconds += 1,
            other => return Ok(other?),
        }
    }
}
