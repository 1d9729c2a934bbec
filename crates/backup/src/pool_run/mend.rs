//! Going on where a chain of pages does not: its token has expired, or Cognito refuses it.

use cognito::ErrorKind;
use jiff::Timestamp;
use model::users_listing::PrefixProblem;

use super::PoolRun;
use crate::ahead::Next;
use crate::cursor::TOKEN_LIVES;
use crate::error::BackupError;
use crate::listing::Prefix;
use crate::requests::{ChainProblem, MembersAnswer, MembersPage, Requests};

impl PoolRun<'_> {
    /// Goes on with the users where one of their chains does not.
    pub(super) fn mend_listing(
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
    pub(super) fn begin_chain_again(
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

    pub(super) fn list_in_one_chain(&mut self, requests: &mut Requests, problem: PrefixProblem) {
        if let Some(listing) = &mut self.listing {
            tracing::warn!(%problem, "all users are listed in one chain instead");
            listing.fall_back(problem);
            requests.list_users(listing);
        }
    }

    /// The token by which a group is gone on with. What was read ahead up to one that is too old
    /// is read again.
    pub(super) fn token_of(&mut self, group: usize) -> Option<String> {
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
    pub(super) fn take_members(&mut self, answer: MembersAnswer) -> Result<(), BackupError> {
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
}
