//! Writing the document, in its order: the head, users as their pages are complete, members group by
//! group.

use jiff::Timestamp;
use model::document::{BackupHead, DocumentEncoder};
use model::observe::{Counted, Event};
use model::users_listing::PrefixProblem;

use super::{Document, PoolRun};
use crate::ahead::Next;
use crate::cursor::Position;
use crate::error::BackupError;
use crate::listing::Listing;
use crate::preferences::Asks;
use crate::requests::{CompletePage, Requests};

impl PoolRun<'_> {
    pub(super) async fn write_head(&mut self, mut head: BackupHead) -> Result<(), BackupError> {
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
    pub(super) async fn write(&mut self, requests: &mut Requests) -> Result<(), BackupError> {
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
    pub(super) fn is_listed(&self) -> bool {
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
}
