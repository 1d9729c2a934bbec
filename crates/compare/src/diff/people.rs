//! Users and memberships: one side in tables, the other streamed past them.

mod record;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures::TryStreamExt;
use model::document::{BackupHead, UserRecord};
use model::inventory::Section;
use model::rules::is_group_of_provider;
use serde_json::Value;

use self::record::Record;
use self::window::{Waiting, Window};
use super::{ChangeKind, Diff, Options, Side};
use crate::allowed::Relation;
use crate::settings::is_known;
use crate::tables::users::upper;
use crate::tables::{MembershipRow, NameRow, Table, UserRow};
use crate::user::{Likeness, SignIn};

/// For how many rows room is made at once, whatever a side says of itself: a pool has 40 million
/// users unless AWS raises the quota (facts E).
const MOST_ROOM: usize = 100_000_000;
/// Compares users and memberships. The side that goes into the tables is `kept`, the other is
/// `passing`; `flipped` when the kept one is the second of the two.
pub(super) async fn compare<S: Side>(
    kept: &S,
    passing: &S,
    flipped: bool,
    options: Options,
    diff: &mut Diff,
) -> Result<(), S::Error> {
    let (first, second) = if flipped {
        (passing, kept)
    } else {
        (kept, passing)
    };
    let relation = super::relation(kept.head(), passing.head());
    let sign_in = match relation {
        Relation::SamePool => SignIn::by_username(),
        Relation::Restored => {
            // A file of users says nothing of its pool.
            let heads = [first, second].map(|side| side.head().user_pool());
            let known = heads.into_iter().find(|pool| pool.is_object());
            SignIn::of(known.unwrap_or(&Value::Null))
        }
    };
    let mut people = People {
        kept,
        relation,
        likeness: Likeness::of(relation),
        record: Record::new(diff, flipped, options.names, sign_in.clone()),
        sign_in,
        window_bytes: options.window,
        users: Table::default(),
        names: Table::default(),
        memberships: Table::default(),
        groups: common_groups(kept.head(), passing.head(), relation),
        preferences: Vec::new(),
        waiting: Window::default(),
        lost: BTreeMap::new(),
    };
    people.keep_users().await?;
    people.keep_memberships().await?;
    people.pass_users(passing).await?;
    people.pass_memberships(passing).await?;
    people.conclude().await
}

/// The groups that both sides have; none when one of them does not tell. Of two pools, without
/// those that Cognito makes and fills itself.
fn common_groups(kept: &BackupHead, passing: &BackupHead, relation: Relation) -> Vec<String> {
    if !is_known(kept, Section::Groups) || !is_known(passing, Section::Groups) {
        return Vec::new();
    }
    let names = |head: &BackupHead| -> BTreeSet<String> {
        let groups = head.list(Section::Groups).iter();
        groups
            .filter_map(|group| group.get("GroupName").and_then(Value::as_str))
            .filter(|name| {
                relation == Relation::SamePool || !is_group_of_provider(name, &head.user_pool_id)
            })
            .map(str::to_owned)
            .collect()
    };
    names(kept).intersection(&names(passing)).cloned().collect()
}

struct People<'a, S> {
    kept: &'a S,
    relation: Relation,
    likeness: Likeness,
    sign_in: SignIn,
    /// How many bytes of users may wait.
    window_bytes: usize,
    record: Record<'a>,
    /// The users of the kept side; their number is that of their MFA preference.
    users: Table<UserRow>,
    /// The usernames of the side whose memberships are read, where they tell nothing.
    names: Table<NameRow>,
    /// The memberships of the kept side.
    memberships: Table<MembershipRow>,
    groups: Vec<String>,
    /// The distinct MFA preferences: a preference's number is its place, from 1; 0 is unknown.
    preferences: Vec<String>,
    /// Users of the passing side that differ.
    waiting: Window,
    /// Memberships to be named, by the place of their users in the kept side.
    lost: BTreeMap<u64, Vec<(usize, ChangeKind)>>,
}

impl<S: Side> People<'_, S> {
    /// Reads the users of the kept side into the tables.
    async fn keep_users(&mut self) -> Result<(), S::Error> {
        let expected = self.kept.users_expected().min(MOST_ROOM);
        self.users.reserve(expected);
        if self.sign_in.gives_new_usernames() {
            self.names.reserve(expected);
        }
        let mut count = 0;
        let mut users = pin!(self.kept.users(0));
        while let Some((place, user)) = users.try_next().await? {
            if self.leaves_out(&user) {
                continue;
            }
            count += 1;
            let key = self.sign_in.key(&user);
            let content = self.likeness.content(&user, false);
            let preference = self.number_of_preference(&user);
            self.users
                .push(UserRow::new(key, content, place).numbered(preference));
            if self.sign_in.gives_new_usernames() {
                let name = NameRow::new(user.username.as_str(), key, place);
                self.names.push(name);
            }
        }
        self.users.sort();
        self.names.sort();
        *self.record.users_in(true) = count;
        Ok(())
    }

    /// Federated profiles of another pool: Cognito makes them at the next sign-in.
    fn leaves_out(&self, user: &UserRecord) -> bool {
        self.relation == Relation::Restored && user.is_federated()
    }

    fn number_of_preference(&mut self, user: &UserRecord) -> u16 {
        let Some(preference) = self.likeness.mfa_preference(user) else {
            return 0;
        };
        let known = self
            .preferences
            .iter()
            .position(|known| *known == preference);
        let place = known.unwrap_or_else(|| {
            self.preferences.push(preference);
            self.preferences.len() - 1
        });
        // A handful of factors: the combinations are far fewer than numbers.
        u16::try_from(place + 1).unwrap_or(0)
    }

    /// Reads the memberships of the kept side into the table.
    async fn keep_memberships(&mut self) -> Result<(), S::Error> {
        let expected = self.kept.memberships_expected().min(MOST_ROOM);
        self.memberships.reserve(expected);
        let groups = self.groups.clone();
        let mut memberships = pin!(self.kept.memberships(&groups));
        while let Some((group, username)) = memberships.try_next().await? {
            let row = self.user_named(username.as_str());
            if let (Some(group), Some(user)) = (self.place_of_group(&group), row) {
                let row = MembershipRow::new(group as u64, user.key, user.place());
                self.memberships.push(row);
            }
        }
        self.memberships.sort();
        self.record.diff.memberships.compared = self.memberships.rows().len() as u64;
        // The names of the passing side take their place.
        self.names = Table::default();
        Ok(())
    }

    fn place_of_group(&self, group: &str) -> Option<usize> {
        self.groups
            .binary_search_by(|known| known.as_str().cmp(group))
            .ok()
    }

    /// The kept user with a username of the side that is being read.
    fn user_named(&self, username: &str) -> Option<UserRow> {
        if self.sign_in.gives_new_usernames() {
            let (upper, place) = self.names.find(username)?;
            self.users.get(self.users.find_at(upper, place)?)
        } else {
            self.users.any(self.sign_in.key_of_username(username))
        }
    }

    /// Streams the users of the passing side past the table.
    async fn pass_users(&mut self, passing: &S) -> Result<(), S::Error> {
        let mut count = 0;
        let mut users = pin!(passing.users(0));
        while let Some((_, user)) = users.try_next().await? {
            if !self.leaves_out(&user) {
                count += 1;
                self.pass_user(&user);
            }
            if self.waiting.bytes() > self.window_bytes {
                self.resolve().await?;
            }
        }
        self.resolve().await?;
        self.names.sort();
        *self.record.users_in(false) = count;
        Ok(())
    }

    fn pass_user(&mut self, user: &UserRecord) {
        let key = self.sign_in.key(user);
        let content = self.likeness.content(user, false);
        let Some(at) = self.users.find(key, |row| row.content == content) else {
            // A list of Cognito may show a user twice (facts D).
            let is_listed_twice =
                !self.sign_in.gives_new_usernames() && self.users.any(key).is_some();
            if !is_listed_twice {
                self.record.added(user);
            }
            return;
        };
        self.users.see(at);
        let Some(row) = self.users.get(at) else {
            return;
        };
        if self.sign_in.gives_new_usernames() {
            let name = NameRow::new(user.username.as_str(), key, row.place());
            self.names.push(name);
        }
        let preference = self.number_of_preference(user);
        let with_mfa = row.number() != 0 && preference != 0;
        if (row.number() == 0) != (preference == 0) {
            self.record.diff.users.without_mfa_preference += 1;
        }
        if row.content == content && (!with_mfa || row.number() == preference) {
            return;
        }
        let members = self.likeness.members(user, with_mfa);
        self.waiting.push(key, row.place(), with_mfa, user, members);
    }

    /// Reads the kept side again as far as users wait for their counterparts.
    async fn resolve(&mut self) -> Result<(), S::Error> {
        let Some(from) = self.waiting.first_place() else {
            return Ok(());
        };
        let mut users = pin!(self.kept.users(from));
        while let Some((place, user)) = users.try_next().await? {
            let key = self.sign_in.key(&user);
            if let Some(waiting) = self.waiting.take(key, place, self.kept.is_stored()) {
                self.differs(&user, &waiting);
            }
            if self.waiting.is_empty() {
                break;
            }
        }
        // Who was deleted from a live pool meanwhile cannot be compared any more.
        self.waiting = Window::default();
        Ok(())
    }

    /// Counts and names what differs in a user that both sides have.
    fn differs(&mut self, kept: &UserRecord, waiting: &Waiting) {
        let (username, sub, mut passing) = waiting.passed();
        let mut members = Vec::new();
        for (member, value) in self.likeness.members(kept, waiting.with_mfa) {
            let other = passing.remove(&member);
            if other.as_ref() != Some(&value) {
                members.push(self.record.member(member, Some(value), other));
            }
        }
        for (member, value) in passing {
            members.push(self.record.member(member, None, Some(value)));
        }
        members.sort_by(|one, other| one.member.cmp(&other.member));
        self.record.changed(kept, username, sub, members);
    }

    /// Streams the memberships of the passing side past the table.
    async fn pass_memberships(&mut self, passing: &S) -> Result<(), S::Error> {
        let groups = self.groups.clone();
        let mut memberships = pin!(passing.memberships(&groups));
        while let Some((group, username)) = memberships.try_next().await? {
            let user = self.user_named(username.as_str());
            let user = user.filter(|user| user.is_seen());
            let (Some(group), Some(user)) = (self.place_of_group(&group), user) else {
                continue;
            };
            let is_known = self.memberships.see(group as u64, user.key)
                || self.memberships.has(group as u64, user.key);
            if !is_known {
                self.count_membership(group, user.place(), ChangeKind::Added);
            }
        }
        Ok(())
    }

    fn count_membership(&mut self, group: usize, place: u64, kind: ChangeKind) {
        let kind = self.record.in_order(kind);
        if let Some(name) = self.groups.get(group)
            && self.record.count_membership(name, kind)
        {
            self.lost.entry(place).or_default().push((group, kind));
        }
    }

    /// What is left in the tables is missing in the passing side. Names it where that is wanted,
    /// by reading the kept side once more.
    async fn conclude(&mut self) -> Result<(), S::Error> {
        let missing = self.users.rows().iter().filter(|row| !row.is_seen());
        let mut missing: Vec<u64> = missing.map(|row| row.place()).collect();
        missing.sort_unstable();
        self.record.removed(missing.len());
        let unseen: Vec<(u64, u64)> = self.memberships.unseen().collect();
        for (group, place) in unseen {
            // A user that is missing is one difference, not one for each membership.
            if missing.binary_search(&place).is_err()
                && let Ok(group) = usize::try_from(group)
            {
                self.count_membership(group, place, ChangeKind::Removed);
            }
        }
        let from = [missing.first(), self.lost.keys().next()];
        let Some(from) = from.into_iter().flatten().min().copied() else {
            return Ok(());
        };
        let mut left = missing.len().min(self.record.limit);
        let mut users = pin!(self.kept.users(from));
        while left + self.lost.len() > 0
            && let Some((place, user)) = users.try_next().await?
        {
            if self.leaves_out(&user) {
                continue;
            }
            let Some(row) = self.row_of(&user, place) else {
                continue;
            };
            if !row.is_seen() && left > 0 {
                left -= 1;
                let kind = self.record.in_order(ChangeKind::Removed);
                self.record.name_user(kind, &user, Vec::new());
            }
            for (group, change) in self.lost.remove(&row.place()).unwrap_or_default() {
                if let Some(group) = self.groups.get(group) {
                    self.record.name_membership(change, group, &user);
                }
            }
        }
        Ok(())
    }

    /// The row of a user that is read again.
    fn row_of(&self, user: &UserRecord, place: u64) -> Option<UserRow> {
        let key = self.sign_in.key(user);
        match self.users.find_at(upper(key), place) {
            Some(at) => self.users.get(at),
            // A live pool may list its users in another order than before.
            None if !self.kept.is_stored() => self.users.any(key),
            None => None,
        }
    }
}
