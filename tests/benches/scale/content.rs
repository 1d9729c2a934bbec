//! The pools, and how many calls they take at least.

use simulator::{GeneratorConfig, PoolDocument, UserStatus};

/// Users on a page of ListUsers and ListUsersInGroup (facts D).
const PAGE: u64 = 60;
const GROUPS: u64 = 3;

/// What is in a pool.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) name: &'static str,
    pub(crate) users: u64,
    pub(crate) clients: usize,
    /// Of these, users with the status `CONFIRMED`; the others are `FORCE_CHANGE_PASSWORD`.
    pub(crate) confirmed: u64,
    /// How many members each group has.
    pub(crate) members: Vec<u64>,
    /// Of ten users, how many are confirmed and how many are in a group; `None` as generated.
    of_ten: Option<(usize, usize)>,
}

impl Content {
    /// Nine of ten users are confirmed; each is in one of three groups.
    pub(crate) fn plain(users: u64) -> Self {
        Self {
            name: "9/10 CONFIRMED, all in a group",
            users,
            clients: 1,
            confirmed: users - users / 10,
            members: (0..GROUPS)
                .map(|group| (users + GROUPS - 1 - group) / GROUPS)
                .collect(),
            of_ten: None,
        }
    }

    /// So few are confirmed or in a group that creations are what takes longest. `users` is a
    /// multiple of 10.
    pub(crate) fn mostly_creations(users: u64) -> Self {
        Self {
            name: "5/10 CONFIRMED, 4/10 in a group",
            users,
            clients: 1,
            confirmed: users / 2,
            members: vec![users * 4 / 10, 0, 0],
            of_ten: Some((5, 4)),
        }
    }

    /// The same without groups.
    pub(crate) fn without_groups(self) -> Self {
        Self {
            members: Vec::new(),
            ..self
        }
    }

    /// The same with so many app clients.
    pub(crate) fn with_clients(self, clients: usize) -> Self {
        Self { clients, ..self }
    }

    pub(crate) fn generator(&self) -> GeneratorConfig {
        GeneratorConfig {
            groups: self.members.len(),
            clients: self.clients,
            ..GeneratorConfig::plain(usize::try_from(self.users).unwrap_or(usize::MAX))
        }
    }

    /// Whether the generated pool is not yet this one.
    pub(crate) fn is_changed(&self) -> bool {
        self.of_ten.is_some()
    }

    /// Makes it this one.
    pub(crate) fn change(&self, pool: &mut PoolDocument) {
        let Some((confirmed, members)) = self.of_ten else {
            return;
        };
        let group = pool
            .groups
            .first()
            .and_then(|group| group["GroupName"].as_str())
            .unwrap_or_default()
            .to_owned();
        for (index, user) in pool.users.iter_mut().enumerate() {
            user.user_status = if index % 10 < confirmed {
                UserStatus::Confirmed
            } else {
                UserStatus::ForceChangePassword
            };
            // Spread differently, so that both kinds are with and without a group.
            user.groups = if (index + index / 10) % 10 < members {
                vec![group.clone()]
            } else {
                Vec::new()
            };
        }
    }

    fn memberships(&self) -> u64 {
        self.members.iter().sum()
    }

    /// Pages of users and of members; a group without members has one.
    pub(crate) fn least_calls_of_reading(&self) -> u64 {
        let pages = |of: u64| of.div_ceil(PAGE).max(1);
        pages(self.users) + self.members.iter().map(|group| pages(*group)).sum::<u64>()
    }

    /// AdminCreateUser, AdminSetUserPassword for the confirmed, AdminAddUserToGroup.
    pub(crate) fn least_calls_of_making(&self) -> u64 {
        self.users + self.confirmed + self.memberships()
    }

    /// A file takes a job to be made, started and looked at; then memberships, the list of who
    /// got which `sub`, and users that no file can carry.
    pub(crate) fn least_calls_of_importing(&self, files: u64) -> u64 {
        let by_calls = self.users - self.confirmed;
        3 * files + self.users.div_ceil(PAGE) + by_calls + self.memberships()
    }
}
