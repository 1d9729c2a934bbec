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
pub(super) struct Work {
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
}

/// What is done with all users.
#[derive(Default)]
pub(super) struct People {
    /// Users who are there, by username at the point in time.
    pub(super) work: BTreeMap<String, Work>,
    /// The `sub`s of users who were deleted.
    pub(super) deleted: Vec<String>,
    pub(super) users: UserCounts,
    pub(super) memberships: MembershipCounts,
    pub(super) members_of_users: BTreeMap<String, u64>,
    pub(super) left_of_users: BTreeMap<String, u64>,
    /// A line for each difference.
    pub(super) lines: Vec<String>,
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
    /// Compares, where the scope asks for users or memberships at all.
    pub(super) async fn compare(
        point: &Backup,
        now: Side<'_>,
        made_again: &MadeAgain,
        scope: &Scope,
    ) -> Result<Self, RestoreError> {
        let mut people = Self::default();
        if !scope.takes_users() && !scope.takes_memberships() {
            return Ok(people);
        }
        let (nothing, made_again_users) = (MadeAgain::default(), made_again);
        let forgotten: BTreeMap<&str, &str> = point
            .forgotten_users()
            .map(|(username, sub)| (sub.as_str(), username))
            .collect();
        let is_forgotten = |sub: Option<&str>| sub.is_some_and(|sub| forgotten.contains_key(sub));
        let is_meant = |username: &str, sub: Option<&str>| {
            scope.takes_users() && scope.takes_user(username, sub)
        };
        let point = Known {
            side: Side::Stored(point),
            made_again: &nothing,
        };
        let now = Known {
            side: now,
            made_again,
        };
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
                people.user(user, made_again_users, scope, is_forgotten);
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
            let counts = &mut people.memberships;
            let is_added = membership.change == ChangeKind::Added;
            if is_added && !scope.remove_added {
                counts.left_alone += 1;
                continue;
            }
            let work = people.work.entry(membership.username).or_default();
            work.sub = sub.unwrap_or_default().to_owned();
            if is_added {
                counts.remove += 1;
                work.leave.push(membership.group);
            } else {
                counts.make_again += 1;
                work.join.push(membership.group);
            }
        }
        people.lines.sort_unstable();
        Ok(people)
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
            ChangeKind::Recreated => self.users.replaced += 1,
            ChangeKind::Added if scope.disable_added_users && user.enabled && !is_forgotten => {
                self.users.disable += 1;
                let work = self.work.entry(user.username).or_default();
                work.sub = sub;
                work.disable = true;
            }
            ChangeKind::Added => self.users.left_alone += 1,
            ChangeKind::Changed | ChangeKind::Unreadable => {
                // Who was made again has no authenticator app any more (facts C.4), and with a
                // retired status is disabled.
                let is_made_again = made_again.users.values().any(|one| one.old_sub == sub);
                let was_retired = user.members.iter().any(had_retired_status);
                let (put_back, left): (Vec<_>, Vec<_>) =
                    user.members.into_iter().partition(|member| {
                        let differs_for_good = is_made_again
                            && (is_mfa(member) || was_retired && member.member == "Enabled");
                        is_put_back(member) && !differs_for_good
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
                    let work = self.work.entry(user.username).or_default();
                    work.sub = sub;
                    work.members = put_back;
                }
            }
        }
    }

    /// Adds the memberships of groups that were made again: of those members of the point in
    /// time who are still there, or there again.
    pub(super) async fn join_made_again(
        &mut self,
        point: Side<'_>,
        groups: &[String],
        scope: &Scope,
    ) -> Result<(), RestoreError> {
        if groups.is_empty() {
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
            let work = self.work.entry(user.username.as_str().to_owned());
            let work = work.or_default();
            work.sub = sub;
            for group in groups {
                if !work.join.contains(&group) {
                    work.join.push(group);
                }
            }
        }
        Ok(())
    }
}
