//! Users who must not come back: a list for each pool, and backups without them.
//!
//! A backup cannot be changed, and an old one still holds a user who was deleted since. So each
//! forgotten user has an object `cognito-backup/forgotten/{pool-id}/{sub}`, which is replicated as
//! backups are and which no lifecycle rule ends. It is empty: the `sub` is all that it tells. Nobody
//! reads the object, a listing gives the list. A mistake is taken back by a version with content,
//! which is replicated as well; a deletion would not be.
//!
//! Whoever opens a backup gets it without these users and their memberships, and with counts that
//! fit.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use model::backup_key::BACKUP_FOLDER;
use model::document::Trailer;
use model::{Sub, UserPoolId};
use serde::Deserialize;

use crate::Vault;
use crate::error::VaultError;
use crate::open::Backup;

/// What lies in the object of a user who is not forgotten any more.
const TAKEN_BACK: &[u8] = b"taken back\n";
/// How many users are written at a time: an object each. S3 takes 3,500 a second below one prefix.
const WRITTEN_AT_ONCE: usize = 32;

/// Where the list of a pool lies.
fn folder(pool: &UserPoolId) -> String {
    format!("{BACKUP_FOLDER}forgotten/{pool}/")
}

/// What became of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ListChange {
    /// How many users were entered or taken back.
    pub changed: u64,
    /// How many the list said so of already.
    pub unchanged: u64,
}

impl Vault {
    /// The users of a pool who must not come back.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn forgotten(&self, pool: &UserPoolId) -> Result<BTreeSet<Sub>, VaultError> {
        let folder = folder(pool);
        let listed = self.store().list(&folder).await?.objects.into_iter();
        let empty = listed.filter(|(_, bytes)| *bytes == 0);
        Ok(empty
            .filter_map(|(key, _)| key.strip_prefix(&folder)?.parse().ok())
            .collect())
    }

    /// Enters users into the list of those who must not come back. An interrupted call is made
    /// again.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not take one; others may be entered then.
    pub async fn forget(
        &self,
        pool: &UserPoolId,
        subs: &BTreeSet<Sub>,
    ) -> Result<ListChange, VaultError> {
        let listed = self.forgotten(pool).await?;
        let new = subs.difference(&listed).collect();
        self.write_each(pool, new, subs.len(), b"").await
    }

    /// Takes users out of the list again: they come back with whatever is read from then on.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not take one; others may be taken back then.
    pub async fn take_back(
        &self,
        pool: &UserPoolId,
        subs: &BTreeSet<Sub>,
    ) -> Result<ListChange, VaultError> {
        let listed = self.forgotten(pool).await?;
        let known = subs.intersection(&listed).collect();
        self.write_each(pool, known, subs.len(), TAKEN_BACK).await
    }

    async fn write_each(
        &self,
        pool: &UserPoolId,
        subs: Vec<&Sub>,
        asked: usize,
        content: &[u8],
    ) -> Result<ListChange, VaultError> {
        let folder = folder(pool);
        let change = ListChange {
            changed: subs.len() as u64,
            unchanged: (asked - subs.len()) as u64,
        };
        let written = stream::iter(subs).map(async |sub| {
            let key = format!("{folder}{sub}");
            let store = self.store();
            store.write(&key, "text/plain", content.to_vec()).await
        });
        let mut written = written.buffer_unordered(WRITTEN_AT_ONCE);
        while written.try_next().await?.is_some() {}
        Ok(change)
    }
}

/// Whom a backup is read without.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    /// The whole list.
    subs: BTreeSet<Sub>,
    /// Those who are in the backup, by their usernames: memberships go by them.
    usernames: HashMap<String, Sub>,
    counts: ForgottenCounts,
}

impl Forgotten {
    pub(crate) fn has(&self, sub: Option<Sub>) -> bool {
        sub.is_some_and(|sub| self.subs.contains(&sub))
    }

    pub(crate) fn has_username(&self, username: &str) -> bool {
        self.usernames.contains_key(username)
    }
}

/// How much of a backup is left out because its users are forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForgottenCounts {
    /// Users who stand in the backup and are left out.
    pub users: u64,
    /// Their memberships.
    pub memberships: u64,
}

/// The members of a user by which a list is applied.
#[derive(Deserialize)]
struct KnownBy<'a> {
    #[serde(rename = "Username", borrow)]
    username: Cow<'a, str>,
    #[serde(rename = "Attributes", borrow, default)]
    attributes: Vec<NameAndValue<'a>>,
}

#[derive(Deserialize)]
struct NameAndValue<'a> {
    #[serde(rename = "Name", borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "Value", borrow, default)]
    value: Cow<'a, str>,
}

impl KnownBy<'_> {
    fn sub(&self) -> Option<Sub> {
        let mut subs = self.attributes.iter();
        let sub = subs.find(|attribute| attribute.name == "sub")?;
        sub.value.parse().ok()
    }
}

impl Backup {
    /// How much is left out because its users are forgotten; `None` where no list was looked up,
    /// as for a file that lies anywhere.
    pub fn forgotten(&self) -> Option<ForgottenCounts> {
        self.forgotten.as_ref().map(|forgotten| forgotten.counts)
    }

    /// The users who stand in the backup and are left out because they are forgotten: username
    /// and `sub`.
    pub fn forgotten_users(&self) -> impl Iterator<Item = (&str, &Sub)> {
        let forgotten = self.forgotten.iter();
        let users = forgotten.flat_map(|forgotten| &forgotten.usernames);
        users.map(|(username, sub)| (username.as_str(), sub))
    }

    /// The same backup with the forgotten users that stand in it.
    #[must_use]
    pub fn as_stored(&self) -> Self {
        Self {
            trailer: self.stored_trailer(),
            forgotten: None,
            ..self.clone()
        }
    }

    /// The trailer with the counts of what is stored, forgotten users among them.
    pub fn stored_trailer(&self) -> Trailer {
        let left_out = self.forgotten().unwrap_or_default();
        Trailer {
            users: self.trailer.users + left_out.users,
            memberships: self.trailer.memberships + left_out.memberships,
            ..self.trailer.clone()
        }
    }

    /// The same backup without the users of a list, in addition to those whom it is read without
    /// already.
    ///
    /// Unless the list is empty, the users are read through once, and the memberships where one
    /// of the users is found: somebody's username stands with the `sub` and nowhere else.
    ///
    /// # Errors
    /// [`VaultError`] when it cannot be read.
    pub async fn without(&self, subs: BTreeSet<Sub>) -> Result<Self, VaultError> {
        let mut backup = self.as_stored();
        let mut forgotten = Forgotten::default();
        if let Some(known) = &self.forgotten {
            forgotten.subs.clone_from(&known.subs);
        }
        forgotten.subs.extend(subs);
        if !forgotten.subs.is_empty() {
            backup.look_for(&mut forgotten).await?;
        }
        let left_out = forgotten.counts;
        backup.trailer.users -= left_out.users;
        backup.trailer.memberships -= left_out.memberships;
        backup.forgotten = Some(forgotten.into());
        Ok(backup)
    }

    /// Finds those of the list who are in the backup.
    async fn look_for(&self, forgotten: &mut Forgotten) -> Result<(), VaultError> {
        let mut users = self.users(None).await?;
        while let Some(user) = users.next_json().await? {
            let user: KnownBy<'_> = serde_json::from_slice(&user.json)
                .map_err(|_| VaultError::damaged(&self.name, "a line is not a user"))?;
            if let Some(sub) = user.sub().filter(|sub| forgotten.subs.contains(sub)) {
                forgotten.counts.users += 1;
                forgotten.usernames.insert(user.username.into_owned(), sub);
            }
        }
        if forgotten.usernames.is_empty() {
            return Ok(());
        }
        let mut memberships = self.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            let is_theirs = forgotten.has_username(membership.username.as_str());
            forgotten.counts.memberships += u64::from(is_theirs);
        }
        Ok(())
    }
}
