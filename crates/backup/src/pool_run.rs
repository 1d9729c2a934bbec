//! The backup of one pool, from where it stands to its end or to a stop.
//!
//! Everything is read side by side, within the pace: the head, the pages of users, the members of
//! groups. The document has an order: what was read too early for it waits, within bounds.

use std::sync::Arc;
use std::time::Duration;

use cognito::collect::{Collector, with_groups};
use cognito::{Answers, CognitoError, ErrorKind};
use jiff::{SignedDuration, Timestamp};
use model::backup_row::BackupRow;
use model::change::{Change, NotCompared};
use model::checklist::{self, ChecklistAnswer};
use model::document::{BackupHead, DocumentEncoder, Trailer};
use model::observe::{Counted, Event};
use model::users_listing::PrefixProblem;
use model::{BackupKey, UserPoolId};
use serde_json::Value;
use vault::{Upload, VaultError};

use crate::ahead::{Ahead, Next};
use crate::cursor::{Position, TOKEN_LIVES};
use crate::error::BackupError;
use crate::listing::{Listing, Prefix};
use crate::preferences::Asks;
use crate::requests::{Arrived, ChainProblem, CompletePage, MembersAnswer, MembersPage, Requests};
use crate::run::Backups;
use crate::settle::{Settled, staged_object};
use crate::subs::Subs;

/// How long after the stop an invocation that made no progress yet waits for some: as long as
/// one attempt of a call may take.
const GRACE: Duration = Duration::from_secs(30);
/// How many seconds' keys may be taken before a backup gives up finding a free one.
const TAKEN_KEYS: i64 = 10;

/// A share of so many users by Cognito's estimate, and of none by its listing, is none that was
/// read: by chance it happens once in 10^27 times.
const NEVER_NOBODY: u64 = 64;

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

    /// Goes on with the users where one of their chains does not.
    fn mend_listing(
        &mut self,
        requests: &mut Requests,
        prefix: &Prefix,
        trouble: ChainProblem,
    ) -> Result<(), BackupError> {
        match trouble {
            ChainProblem::ListsOthers => {
                self.list_in_one_chain(requests, PrefixProblem::Ignored);
                Ok(())
            }
            ChainProblem::Error { error, by_token } if error.is(ErrorKind::Refused) => {
                if by_token {
                    return self.begin_chain_again(requests, prefix);
                }
                if prefix.is_of_all() {
                    return Err(self.error(error));
                }
                if self.backups.shard.is_some() {
                    return Err(BackupError::NoShards {
                        pool: self.pool().clone(),
                        reason: error.to_string(),
                    });
                }
                self.list_in_one_chain(requests, PrefixProblem::Refused);
                Ok(())
            }
            ChainProblem::Error { error, .. } => Err(self.error(error)),
        }
    }

    /// Reads a chain whose token is not taken any more from its beginning. The users that it gave
    /// are known, so nobody is written twice.
    fn begin_chain_again(
        &mut self,
        requests: &mut Requests,
        prefix: &Prefix,
    ) -> Result<(), BackupError> {
        let Some(listing) = &mut self.listing else {
            return Ok(());
        };
        let now = Timestamp::now();
        if listing.begin_again(prefix, now) {
            tracing::warn!("a page token has expired: its chain of users begins again");
            requests.begin_again(prefix, now);
            return Ok(());
        }
        if listing.gives_up_the_check() {
            tracing::warn!("all users could not be listed to check the listing by prefix");
            requests.list_users(listing);
            return Ok(());
        }
        if prefix.is_of_all() || self.backups.shard.is_some() {
            return Err(BackupError::ListingExpires {
                pool: self.pool().clone(),
            });
        }
        self.list_in_one_chain(requests, PrefixProblem::Expired);
        Ok(())
    }

    fn list_in_one_chain(&mut self, requests: &mut Requests, problem: PrefixProblem) {
        if let Some(listing) = &mut self.listing {
            tracing::warn!(%problem, "all users are listed in one chain instead");
            listing.fall_back(problem);
            requests.list_users(listing);
        }
    }

    /// The token by which a group is gone on with. What was read ahead up to one that is too old
    /// is read again.
    fn token_of(&mut self, group: usize) -> Option<String> {
        let now = Timestamp::now();
        let begins = match self.ahead.get(group) {
            None => true,
            Some(begun) => begun.is_stale(now, TOKEN_LIVES) && !self.is_written_in_part(group),
        };
        if begins {
            self.ahead.set(group, Next::Page(None), now);
        }
        match &self.ahead.get(group)?.next {
            Next::Page(token) => token.clone(),
            Next::End | Next::Gone => None,
        }
    }

    /// Keeps a page of a group's members until it is their turn.
    fn take_members(&mut self, answer: MembersAnswer) -> Result<(), BackupError> {
        let (group, now) = (answer.group, Timestamp::now());
        match answer.page {
            Ok(MembersPage::Members(members, next)) => self.ahead.add(group, &members, next, now),
            Ok(MembersPage::NoGroup) => {
                let next = match answer.by_token {
                    true => Next::End,
                    false => Next::Gone,
                };
                self.ahead.add(group, &[], next, now);
            }
            // A token that is not taken any more costs nothing where nothing is written yet.
            Err(error)
                if error.is(ErrorKind::Refused)
                    && answer.by_token
                    && !self.is_written_in_part(group) =>
            {
                tracing::warn!(code = error.code, "a group's members are read again");
                self.ahead.set(group, Next::Page(None), now);
            }
            Err(error) => return Err(self.error(error)),
        }
        Ok(())
    }

    async fn write_head(&mut self, mut head: BackupHead) -> Result<(), BackupError> {
        if let Some(shard) = self.backups.shard {
            head.set_shard(shard);
        }
        if let Some(key) = self.backups.secrets_key {
            key.encrypt(&mut head).await?;
        }
        let encoder = DocumentEncoder::begin(&head, &mut self.out);
        tracing::info!("settings read");
        let asks = Asks::of(self.backups.mfa_preferences, &head);
        self.document = Some(Document {
            head,
            head_left_by: None,
            asks,
            encoder,
        });
        self.reach(Position::Users, Timestamp::now());
        self.flush().await?;
        Ok(self.upload.end_section().await?)
    }

    /// Writes what it is the turn of.
    async fn write(&mut self, requests: &mut Requests) -> Result<(), BackupError> {
        if let Some(document) = &self.document {
            requests.ask_for_preferences(document.asks, &self.seen);
            while let Some(page) = requests.take_users() {
                self.write_users(page);
                self.flush().await?;
            }
        }
        if self.listing.as_ref().is_some_and(Listing::is_sparse) {
            self.list_in_one_chain(requests, PrefixProblem::SparsePages);
        }
        self.end_users(requests).await?;
        while self.write_members() {
            self.flush().await?;
        }
        Ok(())
    }

    /// A page of users; each user once.
    fn write_users(&mut self, page: CompletePage) {
        let (Some(document), Some(listing)) = (&mut self.document, &mut self.listing) else {
            return;
        };
        for user in &page.users {
            if self.seen.add(user) {
                document.encoder.user(user, &mut self.out);
                listing.found(user);
            }
        }
        listing.advance(&page.prefix, page.next, page.arrived, page.listed);
        self.reach(Position::Users, page.arrived);
        self.tell(Counted::Users);
    }

    /// Whether the chains of users that were to be read are written.
    fn is_listed(&self) -> bool {
        let listing = self.listing.as_ref();
        self.position == Position::Users && listing.is_some_and(Listing::is_at_its_end)
    }

    /// Goes on to the members when the users are written, and proved to be all.
    async fn end_users(&mut self, requests: &mut Requests) -> Result<(), BackupError> {
        if !self.is_listed() {
            return Ok(());
        }
        let (Some(document), Some(listing)) = (&mut self.document, &mut self.listing) else {
            return Ok(());
        };
        let users = document.encoder.state().users;
        if listing.goes_on_to_check(users) {
            tracing::info!(users, "all users are listed to check the listing by prefix");
            requests.list_users(listing);
            return Ok(());
        }
        document.encoder.begin_memberships(&mut self.out);
        tracing::info!(users, "users read");
        let estimate = document.head.user_pool()["EstimatedNumberOfUsers"].as_u64();
        let outcome = listing.outcome();
        requests.end_users();
        let first = Position::Members {
            group: 0,
            token: None,
        };
        self.reach(first, Timestamp::now());
        self.flush().await?;
        self.upload.end_section().await?;
        if let Some(outcome) = outcome {
            let key = self.upload.key();
            let fewer = estimate.unwrap_or(0).saturating_sub(users);
            let backups = self.backups;
            let remembered = backups.remember_listing(key.pool(), key.began(), outcome, fewer);
            remembered.await;
        }
        Ok(())
    }

    /// What was read of the group whose turn it is: those members who are in the document, for
    /// users may have come since they were listed. False when nothing more of it was read.
    fn write_members(&mut self) -> bool {
        let Position::Members { group, token } = self.position.clone() else {
            return false;
        };
        let names = self.groups.as_ref();
        let name = names.and_then(|names| names.get(group));
        let (Some(document), Some(name)) = (&mut self.document, name) else {
            return false;
        };
        let begun = token.is_some();
        let stands = Next::Page(token);
        if self.ahead.get(group).is_none_or(|read| read.next == stands) {
            return false;
        }
        let Some(read) = self.ahead.take(group) else {
            return false;
        };
        if read.next != Next::Gone && !begun {
            document.encoder.begin_group(name, &mut self.out);
        }
        for (user, username) in read.members() {
            if self.seen.contains(user) {
                document.encoder.member(&username, &mut self.out);
            }
        }
        if read.next == Next::End {
            document.encoder.end_group(&mut self.out);
        }
        let position = match read.next {
            Next::Page(token) => {
                let next = Next::Page(token.clone());
                self.ahead.set(group, next, read.reached);
                Position::Members { group, token }
            }
            Next::End | Next::Gone => Position::Members {
                group: group + 1,
                token: None,
            },
        };
        self.reach(position, read.reached);
        self.tell(Counted::Memberships);
        true
    }

    /// Closes the document and makes it visible.
    pub(crate) async fn finish(mut self) -> Result<BackupRow, BackupError> {
        let Some(document) = self.document.take() else {
            return Err(BackupError::Unresumable {
                pool: self.pool().clone(),
                problem: "its head was not read".into(),
            });
        };
        let (backups, key) = (self.backups, self.upload.key().clone());
        let head = document.head;
        if let Some(shard) = backups.shard {
            let estimate = head.user_pool()["EstimatedNumberOfUsers"].as_u64();
            let expected = estimate.unwrap_or(0) / u64::from(shard.of());
            if document.encoder.state().users == 0 && expected >= NEVER_NOBODY {
                self.upload.abort().await;
                return Err(BackupError::NoShards {
                    pool: key.pool().clone(),
                    reason: "Cognito found none of its users".into(),
                });
            }
        }
        let staged = self.upload.staged().map(str::to_owned);
        let is_first = staged.is_none() && backups.is_compared();
        let change = is_first.then_some(Change::NotCompared(NotCompared::FirstBackup));
        let encoder = document.encoder;
        let trailer = encoder.finish_with(Timestamp::now(), change, &mut self.out);
        if let Err(error) = self.upload.write(&self.out).await {
            if !error.failure().is_worth_retrying() {
                self.upload.abort().await;
            }
            return Err(error.into());
        }
        let users_listing = self.listing.as_ref().and_then(Listing::outcome);
        let row = |version, trailer, bytes, ended| {
            tell_checklist(&head, &trailer);
            let row = BackupRow::new(key.clone(), version, &head, trailer, bytes, ended);
            BackupRow {
                users_listing,
                ..row
            }
        };
        // Comparing takes as much memory for each user.
        drop(self.seen);
        drop(self.ahead);
        let settled = match (self.upload.finish().await, staged) {
            (Ok(_), Some(staged)) => backups.settle(&key, &staged, trailer).await,
            (Ok(finished), None) => {
                let version = finished.version_id.as_deref();
                match backups.check(&key, version, &trailer).await {
                    Ok(()) => {
                        backups.keep_as_last(&key, &finished).await;
                        Ok(Settled { finished, trailer })
                    }
                    Err(error) => Err(error),
                }
            }
            (Err(error), _) => Err(error.into()),
        };
        match settled {
            Ok(settled) => {
                let (version, bytes) = (settled.finished.version_id, settled.finished.bytes);
                Ok(row(version, settled.trailer, bytes, Timestamp::now()))
            }
            // An invocation may have died between completing the object and recording it.
            Err(BackupError::Vault(
                ended @ (VaultError::UploadEnded(_) | VaultError::KeyTaken(_)),
            )) if self.invocation > 0 => match backups.vault.open_as_stored(&key, None).await {
                Ok(backup) if backup.head == head => {
                    let (trailer, ended) = (&backup.trailer, backup.trailer.reading_ended);
                    let version = backup.version_id.clone();
                    Ok(row(version, trailer.clone(), backup.bytes, ended))
                }
                _ => Err(ended.into()),
            },
            Err(error) => Err(error),
        }
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

    fn tell(&self, of_what: Counted) {
        let Some(document) = &self.document else {
            return;
        };
        let written = document.encoder.state();
        let estimate = &document.head.user_pool()["EstimatedNumberOfUsers"];
        let (done, total) = match of_what {
            Counted::Memberships => (written.memberships, None),
            Counted::Users | Counted::UsersCompared => (written.users, estimate.as_u64()),
        };
        self.backups.observer.event(Event::Progress {
            of_what,
            done,
            total,
        });
    }

    fn reach(&mut self, position: Position, at: Timestamp) {
        self.position = position;
        self.reached = at;
        self.wrote = true;
    }

    async fn flush(&mut self) -> Result<(), BackupError> {
        self.upload.write(&self.out).await?;
        self.out.clear();
        Ok(())
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

/// Logs the checklist of a backup that is complete, as one line.
fn tell_checklist(head: &BackupHead, trailer: &Trailer) {
    let rows = checklist::of_backup(head, trailer);
    let answers: Vec<String> = rows
        .iter()
        .map(|row| format!("{}: {} ({})", row.check, row.answer.in_words(), row.detail))
        .collect();
    let no = rows.iter().filter(|row| row.answer == ChecklistAnswer::No);
    tracing::info!(
        user_pool_id = %head.user_pool_id,
        no = no.count(),
        checklist = answers.join("; "),
        "the backup is checked"
    );
}
