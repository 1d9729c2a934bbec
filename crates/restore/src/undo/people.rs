//! What differs in users and memberships, as work: one item for each user, whose calls go in
//! sequence. Memory grows with the users that differ, by about a kilobyte each.

use std::collections::{BTreeMap, BTreeSet};

use compare::diff::{self, ChangeKind, MemberDifference, Options, UserDifference};
use futures::TryStreamExt as _;
use model::document::UserStatus;
use std::pin::pin;
use vault::Backup;

use super::made_again::{Known, MadeAgain};
use super::plan::{MembershipCounts, UserCounts};
use super::scope::Scope;
use crate::error::RestoreError;
use crate::side::Side;

/// What is done with one user who is there.
#[derive(Clone, Default)]
pub(crate) struct Work {
    /// The `sub` at the point in time; the present one of a user who was added since.
    pub(super) sub: String,
    /// What differs and is put back.
    pub(super) members: Vec<MemberDifference>,
    /// Groups that the user is put into.
    pub(super) join: Vec<String>,
    /// Groups that the user is taken out of.
    pub(super) leave: Vec<String>,
    /// The user was added since, and is disabled.
    pub(super) disable: bool,
    /// Somebody else has the username at the point in time: the user is disabled, whoever it is.
    pub(super) is_replaced: bool,
}

/// What is done with all users.
#[derive(Default)]
pub(crate) struct People {
    /// Users who are there, by username at the point in time.
    pub(crate) work: BTreeMap<String, Work>,
    /// The `sub`s of users who were deleted.
    pub(crate) deleted: Vec<String>,
    pub(crate) users: UserCounts,
    pub(crate) memberships: MembershipCounts,
    pub(super) members_of_users: BTreeMap<String, u64>,
    pub(super) left_of_users: BTreeMap<String, u64>,
    /// A line for each difference.
    pub(super) lines: Vec<String>,
    /// The pool is another one than that of the point in time.
    is_counterpart: bool,
}

/// Whether an undo puts a member of a user back. The status follows from passwords and from what
/// users did; links to other identities cannot be made as they were (facts C.2, C.3).
fn is_put_back(member: &MemberDifference) -> bool {
    let is_attribute = |name: &str| {
        name == "Enabled"
            || name == "UserMFASettingList"
            || name == "PreferredMfaSetting"
            || !matches!(name, "UserStatus" | "identities" | "sub")
                && !name.starts_with("cognito:")
                // Members of the user's object that no call sets begin with a capital.
                && !name.starts_with(|first: char| first.is_ascii_uppercase())
    };
    is_attribute(&member.member)
}

/// Whether a user of another pool has to be confirmed as the source's was: `UNCONFIRMED` and users
/// with a temporary password can get no new one by "forgot password" (facts C.2).
fn becomes_confirmed(member: &MemberDifference) -> bool {
    member.member == "UserStatus" && member.first.as_deref() == Some("CONFIRMED")
}

fn is_mfa(member: &MemberDifference) -> bool {
    matches!(
        member.member.as_str(),
        "UserMFASettingList" | "PreferredMfaSetting"
    )
}

fn had_retired_status(member: &MemberDifference) -> bool {
    let status = || UserStatus::from(member.first.clone().unwrap_or_default());
    member.member == "UserStatus" && status().is_retired()
}

impl People {
    /// Compares, where the scope asks for users or memberships at all. `is_counterpart`: the pool
    /// is another one than that of the point in time.
    pub(super) async fn compare(
        point: &Backup,
        now: Side<'_>,
        made_again: &MadeAgain,
        scope: &Scope,
        is_counterpart: bool,
    ) -> Result<Self, RestoreError> {
        let mut people = Self {
            is_counterpart,
            ..Self::default()
        };
        if !scope.takes_users() && !scope.takes_memberships() {
            return Ok(people);
        }
        let (nothing, made_again_users) = (MadeAgain::default(), made_again);
        // In another pool whoever is forgotten is gone like everybody whom the point in time lacks.
        let forgotten: BTreeMap<&str, &str> = point
            .forgotten_users()
            .map(|(username, sub)| (sub.as_str(), username))
            .collect();
        let is_forgotten = |sub: Option<&str>| sub.is_some_and(|sub| forgotten.contains_key(sub));
        let is_meant = |username: &str, sub: Option<&str>| {
            scope.takes_users() && scope.takes_user(username, sub)
        };
        let pool = point.head.user_pool_id.clone();
        let point = Known::new(Side::Stored(point), &nothing, &pool, is_counterpart);
        let now = Known::new(now, made_again, &pool, is_counterpart);
        let options = Options {
            names: usize::MAX,
            ..Options::default()
        };
        let found = Box::pin(diff::diff(&point, &now, options)).await?;
        let (mut replaced, mut still_there) = (BTreeSet::new(), BTreeSet::new());
        for user in found.users.named {
            if user.change == ChangeKind::Recreated {
                replaced.insert(user.username.clone());
            }
            let sub = user.sub.as_deref();
            if is_meant(&user.username, sub) {
                let is_forgotten = is_forgotten(sub);
                if let Some(sub) = sub.filter(|_| is_forgotten) {
                    still_there.insert(sub.to_owned());
                }
                people.user(
                    user,
                    made_again_users,
                    scope,
                    is_forgotten && !is_counterpart,
                );
            }
        }
        let deleted = forgotten.iter().filter(|(sub, username)| {
            is_meant(username, Some(**sub)) && !still_there.contains(**sub)
        });
        people.users.forgotten = deleted.count() as u64;
        for membership in found.memberships.named {
            // Of somebody else, under the name of a user who was deleted.
            if replaced.contains(&membership.username) {
                continue;
            }
            let sub = membership.sub.as_deref();
            if !scope.takes_memberships() || !scope.takes_user(&membership.username, sub) {
                continue;
            }
            people.lines.push(format!(
                "{:?} {:?} {:?}",
                membership.change, membership.group, membership.username
            ));
            let is_added = membership.change == ChangeKind::Added;
            if is_added && !scope.remove_added {
                people.memberships.left_alone += 1;
                continue;
            }
            let work = people.work_of(&membership.username, sub.unwrap_or_default());
            if is_added {
                work.leave.push(membership.group);
                people.memberships.remove += 1;
            } else {
                work.join.push(membership.group);
                people.memberships.make_again += 1;
            }
        }
        people.lines.sort_unstable();
        Ok(people)
    }

    /// The work for a user.
    fn work_of(&mut self, username: &str, sub: &str) -> &mut Work {
        let work = self.work.entry(username.to_owned()).or_default();
        work.sub = sub.to_owned();
        work
    }

    /// Somebody who is forgotten and still there was not added since, only left out of the backup.
    fn user(
        &mut self,
        user: UserDifference,
        made_again: &MadeAgain,
        scope: &Scope,
        is_forgotten: bool,
    ) {
        let members = user.members.iter();
        let members: Vec<String> = members
            .map(|member| format!("{:?} {:?} {:?}", member.member, member.first, member.second))
            .collect();
        self.lines.push(format!(
            "{:?} {:?} {:?} {}",
            user.change,
            user.username,
            user.sub,
            members.join(" ")
        ));
        let sub = user.sub.unwrap_or_default();
        match user.change {
            ChangeKind::Removed => {
                self.users.make_again += 1;
                self.deleted.push(sub);
            }
            ChangeKind::Recreated => {
                self.users.replaced += 1;
                if self.is_counterpart && scope.disable_added_users {
                    let work = self.work_of(&user.username, &sub);
                    (work.disable, work.is_replaced) = (true, true);
                }
            }
            // Who is gone from another pool is noted, disabled or not.
            ChangeKind::Added
                if scope.disable_added_users
                    && (user.enabled || self.is_counterpart)
                    && !is_forgotten =>
            {
                self.users.disable += 1;
                self.work_of(&user.username, &sub).disable = true;
            }
            ChangeKind::Added => self.users.left_alone += 1,
            ChangeKind::Changed | ChangeKind::Unreadable => {
                // Who was made again has no authenticator app any more (facts C.4), and with a
                // retired status is disabled.
                let is_made_again = made_again.has(&sub);
                let is_counterpart = self.is_counterpart;
                let was_retired = user.members.iter().any(had_retired_status);
                let (put_back, left): (Vec<_>, Vec<_>) =
                    user.members.into_iter().partition(|member| {
                        let differs_for_good = !is_counterpart
                            && is_made_again
                            && (is_mfa(member) || was_retired && member.member == "Enabled");
                        let is_confirmed = is_counterpart && becomes_confirmed(member);
                        (is_put_back(member) || is_confirmed) && !differs_for_good
                    });
                for member in left {
                    *self.left_of_users.entry(member.member).or_default() += 1;
                }
                for member in &put_back {
                    let count = self.members_of_users.entry(member.member.clone());
                    *count.or_default() += 1;
                }
                if !put_back.is_empty() {
                    self.users.put_back += 1;
                    self.work_of(&user.username, &sub).members = put_back;
                }
            }
        }
    }

    /// The users who are disabled because the point in time lacks them: usernames and `sub`s, as the
    /// sides told them; no `sub` of one whose name somebody else has there.
    pub(crate) fn disabled(&self) -> impl Iterator<Item = (String, Option<String>)> {
        let disabled = self.work.iter().filter(|(_, work)| work.disable);
        disabled.map(|(username, work)| {
            let sub = (!work.is_replaced).then(|| work.sub.clone());
            (username.clone(), sub)
        })
    }

    /// The usernames of those who are enabled.
    pub(crate) fn enabled(&self) -> impl Iterator<Item = &str> {
        let is_enabled = |member: &MemberDifference| {
            member.member == "Enabled" && member.first.as_deref() == Some("true")
        };
        let enabled = self
            .work
            .iter()
            .filter(move |(_, work)| work.members.iter().any(is_enabled));
        enabled.map(|(username, _)| username.as_str())
    }

    /// Leaves alone who need not be disabled: by the username, and by the `sub` unless somebody else
    /// has the name at the point in time.
    pub(crate) fn leave_disabled(&mut self, is_left: impl Fn(&str, Option<&str>) -> bool) {
        let (users, memberships) = (&mut self.users, &mut self.memberships);
        self.work.retain(|username, work| {
            let sub = (!work.is_replaced).then_some(work.sub.as_str());
            if !work.disable || !is_left(username, sub) {
                return true;
            }
            users.disable -= u64::from(!work.is_replaced);
            memberships.remove -= work.leave.len() as u64;
            false
        });
    }

    /// Adds the MFA preferences that another comparison found to differ.
    pub(crate) fn join_preferences(&mut self, other: Self) {
        for (username, work) in other.work {
            let members: Vec<_> = work.members.into_iter().filter(is_mfa).collect();
            if members.is_empty() {
                continue;
            }
            let known = self.work_of(&username, &work.sub);
            known.members.retain(|member| !is_mfa(member));
            known.members.extend(members);
        }
    }

    /// Adds the memberships of groups that were made again: of those members of the point in
    /// time who are still there, or there again.
    pub(crate) async fn join_made_again(
        &mut self,
        point: Side<'_>,
        groups: &[String],
        scope: &Scope,
    ) -> Result<(), RestoreError> {
        let without_members = self.is_counterpart && !scope.takes_memberships();
        if groups.is_empty() || without_members {
            return Ok(());
        }
        let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut memberships = pin!(point.read_memberships(groups));
        while let Some((group, username)) = memberships.try_next().await? {
            if groups.iter().any(|made| **made == *group) {
                let of_user = members.entry(username.as_str().to_owned()).or_default();
                of_user.push(group.to_string());
            }
        }
        let mut users = pin!(point.read_users(0));
        while !members.is_empty()
            && let Some((_, user)) = users.try_next().await?
        {
            let Some(groups) = members.remove(user.username.as_str()) else {
                continue;
            };
            let sub = user.attribute("sub").unwrap_or_default().to_owned();
            if self.deleted.contains(&sub)
                || !scope.takes_user(user.username.as_str(), Some(sub.as_str()))
            {
                continue;
            }
            let work = self.work_of(user.username.as_str(), &sub);
            for group in groups {
                if !work.join.contains(&group) {
                    work.join.push(group);
                }
            }
        }
        Ok(())
    }
}
