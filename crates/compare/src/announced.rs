//! The differences that the restore itself announced, by its findings.

use std::collections::{BTreeSet, HashMap};

use model::pointer::plain;
use model::restore::Finding;

use crate::hash::{half, hash};

/// What all findings of a restore announce.
///
/// An announcement covers its path and everything below it; a segment `*` stands for any one.
/// Announcements about single users, which may be as many as there are users, take 16 bytes each.
#[derive(Debug, Default)]
pub struct Announcements {
    settings: HashMap<String, String>,
    /// The hash of the old `sub`, and the member by its place in `members`; in order.
    users: Vec<(u64, u16)>,
    /// The members of single users that are announced; the empty one is the whole user.
    members: Vec<String>,
    /// The hashes of memberships of single users, in order.
    memberships: Vec<u128>,
    patterns: Vec<Vec<String>>,
}

impl Announcements {
    /// Those of some findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        let mut announcements = Self::default();
        announcements.extend(findings);
        announcements
    }

    /// Adds what findings announce.
    pub fn extend<'a>(&mut self, findings: impl IntoIterator<Item = &'a Finding>) {
        for finding in findings {
            for path in &finding.announces {
                // Names with a slash in them are compared as they are.
                self.add(&plain(path.trim_matches('/')), &finding.reason);
            }
        }
        // Nearly in order already: the stable sort takes advantage of it.
        self.users.sort();
        self.users.dedup();
        self.memberships.sort();
        self.memberships.dedup();
    }

    fn add(&mut self, path: &str, reason: &str) {
        if path.split('/').any(|segment| segment == "*") {
            self.patterns
                .push(path.split('/').map(str::to_owned).collect());
        } else if let Some((sub, member)) = of_one_user(path) {
            let known = self.members.iter().position(|known| known == member);
            let place = known.unwrap_or_else(|| {
                self.members.push(member.to_owned());
                self.members.len() - 1
            });
            // More members than a pool can have attributes stay unannounced.
            if let Ok(place) = u16::try_from(place) {
                self.users.push((half(hash(&[sub])), place));
            }
        } else if is_one_membership(path) {
            self.memberships.push(hash(&[path]));
        } else {
            self.settings
                .entry(path.to_owned())
                .or_insert_with(|| reason.to_owned());
        }
    }

    /// The members of a user, by the old `sub`, that are announced; the empty one is the whole
    /// user.
    pub fn of_user(&self, sub: &str) -> BTreeSet<String> {
        let sub = half(hash(&[sub]));
        let start = self.users.partition_point(|(known, _)| *known < sub);
        let rows = self.users[start..].iter();
        rows.take_while(|(known, _)| *known == sub)
            .filter_map(|(_, member)| self.members.get(usize::from(*member)).cloned())
            .collect()
    }

    /// The announcement that covers `path`, if there is one.
    pub fn covering(&self, path: &str) -> Option<String> {
        if let Some((sub, member)) = of_one_user(path) {
            let announced = self.of_user(sub);
            if announced.contains("") || announced.contains(member) {
                return Some(format!("a finding about users/{sub}"));
            }
        }
        let ends = path
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([path.len()]);
        for end in ends {
            let start = &path[..end];
            if let Some(reason) = self.settings.get(start) {
                return Some(reason.clone());
            }
            if self.memberships.binary_search(&hash(&[start])).is_ok() {
                return Some(format!("a finding about {start}"));
            }
        }
        let segments: Vec<&str> = path.split('/').collect();
        let pattern = self.patterns.iter().find(|pattern| {
            pattern.len() <= segments.len()
                && pattern
                    .iter()
                    .zip(&segments)
                    .all(|(pattern, segment)| pattern == "*" || pattern == segment)
        })?;
        Some(format!("a finding about {}", pattern.join("/")))
    }

    /// The members of users that are announced for all users: `users/*/{member}`.
    pub fn members_of_all_users(&self) -> impl Iterator<Item = &str> {
        self.patterns
            .iter()
            .filter_map(|pattern| match pattern.as_slice() {
                [users, any, member] if users == "users" && any == "*" => Some(member.as_str()),
                _ => None,
            })
    }
}

/// The `sub` and the member (none for the whole user) of a path about one user.
fn of_one_user(path: &str) -> Option<(&str, &str)> {
    let below = path.strip_prefix("users/")?;
    Some(below.split_once('/').unwrap_or((below, "")))
}

fn is_one_membership(path: &str) -> bool {
    path.strip_prefix("group_memberships/")
        .is_some_and(|below| below.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::Section;
    use model::restore::FindingKind;

    fn announcements() -> Announcements {
        let finding = |section, path: &str| {
            Finding::new(FindingKind::Degraded, "item", format!("because of {path}"))
                .announcing(section, path)
        };
        Announcements::of(&[
            finding(Section::UserPoolConfig, "/LambdaConfig"),
            finding(Section::WafConfiguration, ""),
            finding(Section::ResourceServers, "https:~1~1api.example.com/Scopes"),
            finding(Section::Users, "1-2"),
            finding(Section::Users, "3-4/email"),
            finding(Section::Users, "*/UserStatus"),
            finding(Section::GroupMemberships, "admins/5-6"),
        ])
    }

    #[test]
    fn an_announcement_covers_its_path_and_what_is_below() {
        let announcements = announcements();
        for (path, covered) in [
            ("user_pool_config/LambdaConfig", true),
            ("user_pool_config/LambdaConfig/PreSignUp", true),
            ("user_pool_config/LambdaConfigs", false),
            ("user_pool_config", false),
            ("waf_configuration/WebACLName", true),
            ("resource_servers/https://api.example.com/Scopes/read", true),
            ("resource_servers/https://api.example.com/Name", false),
            ("users/1-2", true),
            ("users/1-2/email", true),
            ("users/3-4/email", true),
            ("users/3-4", false),
            ("users/9-9/UserStatus", true),
            ("users/9-9/Enabled", false),
            ("group_memberships/admins/5-6", true),
            ("group_memberships/admins/1-2", false),
        ] {
            assert_eq!(announcements.covering(path).is_some(), covered, "{path}");
        }
    }

    #[test]
    fn the_reason_of_a_finding_about_settings_is_told() {
        let reason = announcements().covering("user_pool_config/LambdaConfig/PreSignUp");
        assert_eq!(reason.as_deref(), Some("because of /LambdaConfig"));
    }

    #[test]
    fn members_announced_for_all_users_are_known() {
        assert_eq!(
            announcements().members_of_all_users().collect::<Vec<_>>(),
            ["UserStatus"]
        );
    }

    #[test]
    fn the_members_announced_of_one_user_are_known_by_the_old_sub() {
        let announcements = announcements();
        for (sub, members) in [("1-2", vec![""]), ("3-4", vec!["email"]), ("9-9", vec![])] {
            let known = announcements.of_user(sub);
            assert!(known.iter().eq(members.iter()), "{sub}: {known:?}");
        }
    }
}
