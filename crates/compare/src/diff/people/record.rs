//! Counting what differs, and naming the first of each kind.

use std::collections::BTreeMap;

use model::document::UserRecord;

use super::super::{ChangeKind, Diff, MemberDifference, MembershipDifference, UserDifference};
use crate::user::SignIn;

/// The differences as the order of the two sides has them, whichever of them is kept in the tables.
pub(super) struct Record<'a> {
    pub(super) diff: &'a mut Diff,
    /// The kept side is the second of the two.
    pub(super) flipped: bool,
    /// How many are named of each kind at most.
    pub(super) limit: usize,
    pub(super) sign_in: SignIn,
    /// How many are named of each kind: users, and memberships.
    named: BTreeMap<(bool, ChangeKind), usize>,
}

impl<'a> Record<'a> {
    pub(super) fn new(diff: &'a mut Diff, flipped: bool, limit: usize, sign_in: SignIn) -> Self {
        Self {
            diff,
            flipped,
            limit,
            sign_in,
            named: BTreeMap::new(),
        }
    }

    /// How many users the kept side has, or the passing one.
    pub(super) fn users_in(&mut self, kept: bool) -> &mut u64 {
        if kept != self.flipped {
            &mut self.diff.users.in_first
        } else {
            &mut self.diff.users.in_second
        }
    }

    /// `kind`, which says what the passing side has beyond the kept one, in the order of the two.
    pub(super) fn in_order(&self, kind: ChangeKind) -> ChangeKind {
        match (kind, self.flipped) {
            (ChangeKind::Added, true) => ChangeKind::Removed,
            (ChangeKind::Removed, true) => ChangeKind::Added,
            (kind, _) => kind,
        }
    }

    /// A user that only the passing side has.
    pub(super) fn added(&mut self, user: &UserRecord) {
        let kind = self.in_order(ChangeKind::Added);
        *self.users_of(kind) += 1;
        self.name_user(kind, user, Vec::new());
    }

    /// Users that only the kept side has: so many.
    pub(super) fn removed(&mut self, count: usize) {
        let kind = self.in_order(ChangeKind::Removed);
        *self.users_of(kind) = count as u64;
    }

    /// A user that both sides have, with what differs, if anything does.
    pub(super) fn changed(
        &mut self,
        kept: &UserRecord,
        username: String,
        sub: Option<String>,
        members: Vec<MemberDifference>,
    ) {
        if members.is_empty() {
            return;
        }
        let kind = match members.iter().any(|member| member.member == "sub") {
            true => ChangeKind::Recreated,
            false => ChangeKind::Changed,
        };
        *self.users_of(kind) += 1;
        if kind == ChangeKind::Changed {
            self.count_members(&members);
        }
        // Both sides have it: it is named by what the first has.
        if self.name_user(kind, kept, members)
            && self.flipped
            && let Some(user) = self.diff.users.named.last_mut()
        {
            if user.name == user.username {
                user.name.clone_from(&username);
            }
            (user.username, user.sub) = (username, sub);
        }
    }

    fn count_members(&mut self, members: &[MemberDifference]) {
        let users = &mut self.diff.users;
        for member in members {
            let counts = users.members.entry(member.member.clone());
            counts.or_default().count(member.kind());
            if member.member == "Enabled" {
                match member.second.as_deref() {
                    Some("false") => users.disabled += 1,
                    _ => users.enabled += 1,
                }
            }
        }
    }

    /// A member of a user that both sides have.
    pub(super) fn member(
        &self,
        member: String,
        kept: Option<String>,
        passing: Option<String>,
    ) -> MemberDifference {
        let readable = |text: String| text.replace('\u{0}', ":").replace('\u{1}', ", ");
        let (kept, passing) = (kept.map(readable), passing.map(readable));
        let (first, second) = match self.flipped {
            true => (passing, kept),
            false => (kept, passing),
        };
        MemberDifference {
            member,
            first,
            second,
        }
    }

    fn users_of(&mut self, kind: ChangeKind) -> &mut u64 {
        let users = &mut self.diff.users;
        match kind {
            ChangeKind::Added => &mut users.added,
            ChangeKind::Removed => &mut users.removed,
            ChangeKind::Recreated => &mut users.recreated,
            ChangeKind::Changed | ChangeKind::Unreadable => &mut users.changed,
        }
    }

    /// Names a user, where there is room; false where there is none.
    pub(super) fn name_user(
        &mut self,
        change: ChangeKind,
        user: &UserRecord,
        members: Vec<MemberDifference>,
    ) -> bool {
        let has_room = self.takes_name(true, change);
        if has_room {
            self.diff.users.named.push(UserDifference {
                change,
                name: self.sign_in.name(user).to_owned(),
                username: user.username.as_str().to_owned(),
                sub: user.attribute("sub").map(str::to_owned),
                enabled: user.enabled,
                members,
            });
        }
        has_room
    }

    /// Counts a membership that only one side has; whether it is to be named.
    pub(super) fn count_membership(&mut self, group: &str, kind: ChangeKind) -> bool {
        let memberships = &mut self.diff.memberships;
        match kind {
            ChangeKind::Added => memberships.added += 1,
            _ => memberships.removed += 1,
        }
        let counts = memberships.groups.entry(group.to_owned());
        counts.or_default().count(kind);
        self.takes_name(false, kind)
    }

    pub(super) fn name_membership(&mut self, change: ChangeKind, group: &str, user: &UserRecord) {
        self.diff.memberships.named.push(MembershipDifference {
            change,
            group: group.to_owned(),
            name: self.sign_in.name(user).to_owned(),
            username: user.username.as_str().to_owned(),
            sub: user.attribute("sub").map(str::to_owned),
        });
    }

    /// Whether there is room for one more name of the kind, which is then taken.
    fn takes_name(&mut self, of_user: bool, kind: ChangeKind) -> bool {
        let named = self.named.entry((of_user, kind)).or_default();
        let has_room = *named < self.limit;
        *named += usize::from(has_room);
        has_room
    }
}
