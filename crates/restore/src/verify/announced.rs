//! The differences that the restore itself announced, by its findings.

use std::collections::{HashMap, HashSet};

use model::restore::{Finding, RestoreState};

use super::hash::hash;

/// What all findings of a restore announce.
///
/// An announcement covers its path and everything below it; a segment `*` stands for any one.
/// Announcements about single users, which may be many, are kept as hashes of 16 bytes.
#[derive(Debug, Default)]
pub struct Announcements {
    settings: HashMap<String, String>,
    users: HashSet<u128>,
    patterns: Vec<Vec<String>>,
}

impl Announcements {
    /// Those of the steps and of the users' first findings.
    pub fn of(state: &RestoreState) -> Self {
        let mut announcements = Self::default();
        for record in &state.steps {
            record
                .findings
                .iter()
                .for_each(|finding| announcements.add(finding));
        }
        state
            .users
            .findings
            .iter()
            .for_each(|finding| announcements.add(finding));
        announcements
    }

    /// Adds what a finding announces.
    pub fn add(&mut self, finding: &Finding) {
        for path in &finding.announces {
            let path = plain(path);
            if path.split('/').any(|segment| segment == "*") {
                self.patterns
                    .push(path.split('/').map(str::to_owned).collect());
            } else if is_about_one_user(&path) {
                self.users.insert(hash(&[&path]));
            } else {
                self.settings
                    .entry(path)
                    .or_insert_with(|| finding.reason.clone());
            }
        }
    }

    /// The announcement that covers `path`, if there is one.
    pub fn covering(&self, path: &str) -> Option<String> {
        let ends = path
            .match_indices('/')
            .map(|(end, _)| end)
            .chain([path.len()]);
        for end in ends {
            let start = &path[..end];
            if let Some(reason) = self.settings.get(start) {
                return Some(reason.clone());
            }
            if self.users.contains(&hash(&[start])) {
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

/// Announcements are JSON pointers, but names with a slash in them are compared as they are.
fn plain(path: &str) -> String {
    path.trim_matches('/').replace("~1", "/").replace("~0", "~")
}

fn is_about_one_user(path: &str) -> bool {
    let mut segments = path.split('/');
    match segments.next() {
        Some("users") => segments.next().is_some(),
        Some("group_memberships") => segments.nth(1).is_some(),
        _ => false,
    }
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
        let mut announcements = Announcements::default();
        for finding in [
            finding(Section::UserPoolConfig, "/LambdaConfig"),
            finding(Section::WafConfiguration, ""),
            finding(Section::ResourceServers, "https:~1~1api.example.com/Scopes"),
            finding(Section::Users, "1-2"),
            finding(Section::Users, "3-4/email"),
            finding(Section::Users, "*/UserStatus"),
            finding(Section::GroupMemberships, "admins/5-6"),
        ] {
            announcements.add(&finding);
        }
        announcements
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
}
