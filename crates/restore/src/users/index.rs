//! Who is in a pool: a list of its users, compact enough for millions of them.
//!
//! Two questions need it. Which users did an existing pool have before the restore began? And
//! which users did import jobs make, under which new `sub`? ListUsers answers at 60 users a call
//! and bills nobody as active, where AdminGetUser would do so for each (facts C.4, E). The list
//! is kept in the restore's folder, so that it is made once, whatever the number of invocations.

use cognito::{ErrorKind, Operation, Pages};
use compare::tables::Table;
use model::UserPoolId;
use model::document::{UserRecord, UserStatus};
use model::restore::RestoreState;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::decide::sign_in_name;
use super::identity::{Moment, is_of_job};
use super::pool::TargetPool;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::pieces;

/// A hash of what the user is found by, the `sub`, the status.
const ENTRY: usize = 8 + 16 + 1;

/// A user of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundUser {
    pub(super) sub: String,
    pub(super) status: FoundStatus,
}

/// The statuses that matter to a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundStatus {
    Confirmed,
    ResetRequired,
    Another,
}

/// The users of a pool at one time.
#[derive(Debug, Default)]
pub(super) struct UserIndex {
    salt: Vec<u8>,
    entries: Table<[u8; ENTRY]>,
}

/// Which users are listed, and by what they are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    /// The users of an existing pool before the restore, by sign-in name and by `sub`: one who
    /// has another address by now is still the same user.
    Before,
    /// The users that import jobs made since then, by sign-in name.
    AfterImport { since: Moment },
}

impl Listing {
    fn object(self) -> &'static str {
        match self {
            Listing::Before => "users-before.index",
            Listing::AfterImport { .. } => "users-after-import.index",
        }
    }
}

impl UserIndex {
    /// The list, made now or by an earlier invocation; `None` when it was to stop before.
    ///
    /// # Errors
    /// [`RestoreError`] when the pool or the bucket does not answer.
    pub(super) async fn of(
        listing: Listing,
        restore: &Restore<'_>,
        state: &mut RestoreState,
        pool: &TargetPool,
    ) -> Result<Option<Self>, RestoreError> {
        let key = state.restore_id.object_key(listing.object());
        let unfinished = format!("{key}.unfinished");
        let salt = state.restore_id.as_str().as_bytes().to_vec();
        if let Some(entries) = pieces::read(restore, &key).await? {
            let entries = Table::of(entries);
            return Ok(Some(Self { salt, entries }));
        }
        let mut index = Self {
            salt,
            entries: Table::default(),
        };
        if state.users.listing_token.is_some() {
            let entries = pieces::read(restore, &unfinished).await?;
            index.entries = Table::of(entries.unwrap_or_default());
        }
        let target = restore.target(state)?.clone();
        let mut token = state.users.listing_token.take();
        if !index
            .list(listing, restore, pool, &target, &mut token)
            .await?
        {
            pieces::write(restore, &unfinished, index.entries.rows()).await?;
            state.users.listing_token = token;
            restore.save(state).await?;
            return Ok(None);
        }
        index.entries.sort();
        pieces::write(restore, &key, index.entries.rows()).await?;
        Ok(Some(index))
    }

    /// Reads page by page; false when it was to stop before, with the token of the next page.
    async fn list(
        &mut self,
        listing: Listing,
        restore: &Restore<'_>,
        pool: &TargetPool,
        target: &UserPoolId,
        token: &mut Option<String>,
    ) -> Result<bool, RestoreError> {
        let request = json!({"UserPoolId": target.as_str()});
        let mut pages = Pages::new(restore.cognito, Operation::ListUsers, request.clone())?
            .from_token(token.take());
        let mut resumed = pages.token().is_some();
        loop {
            if restore.stop.is_requested() {
                *token = pages.token().map(str::to_owned);
                // Without a token nothing was read: the list begins anew, and loses nothing.
                return Ok(false);
            }
            match pages.next().await {
                Ok(Some(users)) => {
                    for user in users {
                        if let Ok(record) = serde_json::from_value(user) {
                            self.add(listing, &record, pool);
                        }
                    }
                    resumed = false;
                }
                Ok(None) => return Ok(true),
                // Tokens expire after an hour (facts D): the list begins anew.
                Err(error) if resumed && error.is(ErrorKind::Refused) => {
                    self.entries = Table::default();
                    pages = Pages::new(restore.cognito, Operation::ListUsers, request.clone())?;
                    resumed = false;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn add(&mut self, listing: Listing, record: &UserRecord, pool: &TargetPool) {
        if let Listing::AfterImport { since } = listing
            && !is_of_job(record, since)
        {
            return;
        }
        // A sub that is no UUID is not indexed; the user is then found by the call that tries
        // to make it.
        let Some(sub) = record.attribute("sub").and_then(number_of) else {
            return;
        };
        let status = match record.status {
            UserStatus::Confirmed => 1,
            UserStatus::ResetRequired => 2,
            _ => 0,
        };
        if let Some(name) = sign_in_name(record, pool) {
            self.push(&name_key(name, pool), sub, status);
        }
        if listing == Listing::Before {
            self.push(&sub_key(&text_of(sub)), sub, status);
        }
    }

    fn push(&mut self, key: &str, sub: u128, status: u8) {
        let mut entry = [0; ENTRY];
        entry[..8].copy_from_slice(&self.hash(key));
        entry[8..24].copy_from_slice(&sub.to_be_bytes());
        entry[24] = status;
        self.entries.push(entry);
    }

    fn hash(&self, key: &str) -> [u8; 8] {
        let digest = Sha256::new()
            .chain_update(&self.salt)
            .chain_update([0])
            .chain_update(key.as_bytes())
            .finalize();
        let mut hash = [0; 8];
        hash.copy_from_slice(&digest[..8]);
        hash
    }

    /// The user that signs in by this name.
    pub(super) fn by_name(&self, name: &str, pool: &TargetPool) -> Option<FoundUser> {
        self.find(&name_key(name, pool))
    }

    /// The user with this `sub`.
    pub(super) fn by_sub(&self, sub: &str) -> Option<FoundUser> {
        self.find(&sub_key(sub))
    }

    fn find(&self, key: &str) -> Option<FoundUser> {
        let place = self.entries.with_key(self.hash(key)).next()?;
        let entry = self.entries.get(place)?;
        let mut sub = [0; 16];
        sub.copy_from_slice(&entry[8..24]);
        let status = match entry[24] {
            1 => FoundStatus::Confirmed,
            2 => FoundStatus::ResetRequired,
            _ => FoundStatus::Another,
        };
        Some(FoundUser {
            sub: text_of(u128::from_be_bytes(sub)),
            status,
        })
    }
}

fn name_key(name: &str, pool: &TargetPool) -> String {
    if pool.case_sensitive {
        format!("name {name}")
    } else {
        format!("name {}", name.to_lowercase())
    }
}

fn sub_key(sub: &str) -> String {
    format!("sub {sub}")
}

/// The number behind a UUID in its usual form.
pub(super) fn number_of(sub: &str) -> Option<u128> {
    let number = u128::from_str_radix(&sub.replace('-', ""), 16).ok()?;
    (text_of(number) == sub).then_some(number)
}

pub(super) fn text_of(sub: u128) -> String {
    let digits = format!("{sub:032x}");
    let parts = [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ];
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER: Listing = Listing::AfterImport {
        since: Moment(1_000),
    };

    fn user(name: &str, sub: &str, status: &str) -> UserRecord {
        let attributes = json!([{"Name": "sub", "Value": sub}, {"Name": "email", "Value": format!("{name}@example.com")}]);
        serde_json::from_value(
            json!({"Username": name, "Attributes": attributes, "UserStatus": status, "UserCreateDate": 1.0}),
        )
        .unwrap()
    }

    const ANN: &str = "c4e824c8-a001-701e-0000-00000000000a";
    const BOB: &str = "87a42a58-6051-7076-0000-00000000000b";

    fn index(listing: Listing, pool: &TargetPool) -> UserIndex {
        let mut index = UserIndex::default();
        index.add(listing, &user("Ann", ANN, "CONFIRMED"), pool);
        index.add(listing, &user("bob", BOB, "RESET_REQUIRED"), pool);
        index.add(listing, &user("odd", "not-a-uuid", "CONFIRMED"), pool);
        index.entries.sort();
        index
    }

    #[test]
    fn users_are_found_by_name_in_the_pools_own_case_rule() {
        let strict = TargetPool {
            case_sensitive: true,
            ..TargetPool::default()
        };
        let found = FoundUser {
            sub: ANN.into(),
            status: FoundStatus::Confirmed,
        };
        let by_case = index(AFTER, &strict);
        assert_eq!(by_case.by_name("Ann", &strict), Some(found.clone()));
        assert_eq!(by_case.by_name("ann", &strict), None);
        let loose = TargetPool::default();
        let any_case = index(AFTER, &loose);
        assert_eq!(any_case.by_name("ANN", &loose), Some(found));
        assert_eq!(
            any_case.by_name("bob", &loose).unwrap().status,
            FoundStatus::ResetRequired
        );
        assert_eq!(any_case.by_name("odd", &loose), None);
    }

    #[test]
    fn of_users_after_a_job_only_those_count_that_it_can_have_made() {
        let pool = TargetPool::default();
        let mut index = UserIndex::default();
        let mut earlier = user("earlier", ANN, "CONFIRMED");
        earlier.rest["UserCreateDate"] = json!(0.999);
        index.add(AFTER, &earlier, &pool);
        index.add(AFTER, &user("signed-up", BOB, "UNCONFIRMED"), &pool);
        index.add(AFTER, &user("invited", BOB, "FORCE_CHANGE_PASSWORD"), &pool);
        assert!(index.entries.rows().is_empty());
    }

    #[test]
    fn in_a_pool_that_signs_in_by_email_the_address_is_the_name() {
        let pool = TargetPool {
            username_attributes: vec![super::super::pool::Contact::Email],
            ..TargetPool::default()
        };
        let index = index(Listing::Before, &pool);
        assert_eq!(index.by_name("bob@example.com", &pool).unwrap().sub, BOB);
        assert_eq!(index.by_name("bob", &pool), None);
        assert_eq!(index.by_sub(ANN).unwrap().sub, ANN);
        assert_eq!(index.by_sub("87a42a58-0000-7076-0000-00000000000b"), None);
    }

    #[test]
    fn a_million_users_take_25_megabytes() {
        assert_eq!(ENTRY * 1_000_000, 25_000_000);
    }
}
