//! What an undo is about.

use std::collections::BTreeSet;

use model::inventory::Section;
pub use model::request::Part;
use model::request::UndoRequest;
use serde::{Deserialize, Serialize};

use super::table;

/// What an undo is about, and what it does with what was added since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// These parts; without any, all that the other limits leave.
    pub only: Vec<Part>,
    /// These users and their memberships, by `sub` or username; without any, all.
    pub users: BTreeSet<String>,
    /// These settings, such as `user_pool_config/Policies`; everything below is meant too. Without
    /// any, all.
    pub settings: Vec<String>,
    /// What was added since is removed: clients, groups, providers, memberships. Never a user.
    pub remove_added: bool,
    /// Users who were added since are disabled.
    pub disable_added_users: bool,
}

impl From<&UndoRequest> for Scope {
    fn from(request: &UndoRequest) -> Self {
        Self {
            only: request.only.clone(),
            users: request.users.iter().cloned().collect(),
            settings: request.settings.clone(),
            remove_added: request.remove_added,
            disable_added_users: request.disable_added_users,
        }
    }
}

impl Scope {
    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// Whether anything of a section at the head is meant.
    pub(super) fn takes_section(&self, section: Section) -> bool {
        let people_only = !self.users.is_empty() && self.settings.is_empty();
        let named = self.only.contains(&table::row(section).part);
        self.has(table::row(section).part) && (!people_only || named)
    }

    /// Whether a setting is meant: the section's member and the members below it.
    pub(super) fn takes_setting(&self, path: &[String]) -> bool {
        let path = path.join("/");
        let is_meant = |wanted: &String| {
            let below = path.strip_prefix(wanted.trim_matches('/'));
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        self.settings.is_empty() || self.settings.iter().any(is_meant)
    }

    /// Whether users are meant.
    pub(super) fn takes_users(&self) -> bool {
        self.has(Part::Users) && (self.settings.is_empty() || !self.users.is_empty())
    }

    /// Whether memberships are meant.
    pub(super) fn takes_memberships(&self) -> bool {
        self.has(Part::Memberships) && (self.settings.is_empty() || !self.users.is_empty())
    }

    /// Whether a user is one of those who are meant.
    pub(super) fn takes_user(&self, username: &str, sub: Option<&str>) -> bool {
        self.users.is_empty()
            || self.users.contains(username)
            || sub.is_some_and(|sub| self.users.contains(sub))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn limits_leave_what_they_name() {
        let all = Scope::default();
        assert!(all.takes_section(Section::Groups) && all.takes_users() && all.takes_memberships());
        let groups = Scope {
            only: vec![Part::Groups],
            ..Scope::default()
        };
        assert!(groups.takes_section(Section::Groups));
        assert!(!groups.takes_section(Section::AppClients));
        assert!(!groups.takes_users() && !groups.takes_memberships());
        let ann = Scope {
            users: ["ann".to_owned()].into(),
            ..Scope::default()
        };
        assert!(ann.takes_users() && ann.takes_memberships());
        assert!(!ann.takes_section(Section::UserPoolConfig));
        assert!(ann.takes_user("ann", None) && ann.takes_user("x", Some("ann")));
        assert!(!ann.takes_user("bob", Some("1-2")));
        let policies = Scope {
            settings: vec!["user_pool_config/Policies".into()],
            ..Scope::default()
        };
        assert!(!policies.takes_users());
        for (setting, takes) in [
            (
                "user_pool_config/Policies/PasswordPolicy/MinimumLength",
                true,
            ),
            ("user_pool_config/Policies", true),
            ("user_pool_config/PoliciesToo", false),
            ("user_pool_config", false),
            ("groups/admins", false),
        ] {
            assert_eq!(policies.takes_setting(&path(setting)), takes, "{setting}");
        }
    }
}
