//! An undo by the state machine.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::BadRequest;
use super::selection::{SUBS, is_sub};
use crate::backup_key::BackupKey;

macro_rules! parts {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// A part of a pool that an undo can be limited to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Part { $($(#[$doc])* $name),* }

        impl Part {
            /// All parts.
            pub const ALL: &'static [Part] = &[$(Part::$name),*];

            /// As it is typed.
            pub fn name(self) -> &'static str {
                match self { $(Part::$name => $word),* }
            }
        }
    };
}

parts! {
    /// What belongs to the pool itself: policies, messages, senders, triggers, MFA, tags, threat
    /// protection, log delivery, web ACL, sessions.
    Settings = "settings",
    /// App clients.
    Clients = "clients",
    /// Identity providers.
    Providers = "providers",
    /// Resource servers.
    ResourceServers = "resource-servers",
    /// Groups, without their members.
    Groups = "groups",
    /// Domains.
    Domains = "domains",
    /// The hosted pages: style sheets, logos, styles, terms.
    Pages = "pages",
    /// Users.
    Users = "users",
    /// Who is in which group.
    Memberships = "memberships",
}

impl FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Part::ALL.iter().find(|part| part.name() == text);
        known.copied().ok_or_else(|| {
            let names: Vec<&str> = Part::ALL.iter().map(|part| part.name()).collect();
            format!("write one of {}", names.join(", "))
        })
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The point in time that an undo goes back to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum UndoPoint {
    /// The newest backup.
    #[default]
    Latest,
    /// The newest backup whose reading had ended at this time or before.
    At(Timestamp),
    /// This backup.
    Key(BackupKey),
}

impl fmt::Display for UndoPoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UndoPoint::Latest => formatter.write_str("latest"),
            UndoPoint::At(time) => time.fmt(formatter),
            UndoPoint::Key(key) => key.fmt(formatter),
        }
    }
}

impl From<UndoPoint> for String {
    fn from(point: UndoPoint) -> Self {
        point.to_string()
    }
}

impl TryFrom<String> for UndoPoint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == "latest" {
            return Ok(UndoPoint::Latest);
        }
        if let Ok(key) = text.parse() {
            return Ok(UndoPoint::Key(key));
        }
        let time = text.parse().map(UndoPoint::At);
        time.map_err(|_| {
            "write latest, a time such as 2026-03-07T09:00:00Z, or the key of a backup".to_owned()
        })
    }
}

/// What of a live pool is brought back to a backup of it. Nothing is changed unless `dry_run` is
/// false, or `plan` gives back the fingerprint of a plan that somebody looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UndoRequest {
    /// The point in time.
    #[serde(default)]
    pub to: UndoPoint,
    /// These parts; without any, all that the other limits leave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<Part>,
    /// These users and their memberships, by `sub`; without any, all. Names and addresses would
    /// stay in the history of the execution for 90 days.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<String>,
    /// These settings, such as `user_pool_config/Policies`; without any, all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<String>,
    /// What was added since is removed. Never a user.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remove_added: bool,
    /// Users who were added since are disabled.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_added_users: bool,
    /// Whether the plan is only made and shown; true unless there is a `plan`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dry_run: Option<bool>,
    /// The fingerprint of the plan that is carried out. It is refused where the pool has changed
    /// since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
}

impl UndoRequest {
    /// Whether the plan is only made and shown.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run.unwrap_or(self.plan.is_none())
    }

    pub(super) fn check(&self) -> Result<(), BadRequest> {
        if self.users.len() > SUBS || !self.users.iter().all(|user| is_sub(user)) {
            return Err(BadRequest::member(
                "undo.users",
                format!(
                    "takes up to {SUBS} subs: usernames and addresses would stay in the execution's history"
                ),
            ));
        }
        if self.plan.is_some() && self.dry_run == Some(true) {
            return Err(BadRequest::member(
                "undo.plan",
                "carries a plan out: leave out dry_run",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_part_can_be_typed() {
        for part in Part::ALL {
            assert_eq!(part.name().parse(), Ok(*part));
            assert_eq!(serde_json::to_value(part).unwrap(), part.name());
        }
        assert!("everything".parse::<Part>().is_err());
    }

    #[test]
    fn a_point_is_the_latest_a_time_or_a_key() {
        let key = "cognito-backup/2026/03/07/us-east-1_A-090502.json";
        for text in ["latest", "2026-03-07T09:00:00Z", key] {
            let point = UndoPoint::try_from(text.to_owned()).unwrap();
            assert_eq!(point.to_string(), text);
        }
        assert!(UndoPoint::try_from("yesterday".to_owned()).is_err());
    }

    #[test]
    fn nothing_is_changed_unless_that_is_asked_for() {
        for (request, is_dry_run) in [
            (json!({}), true),
            (json!({"dry_run": true}), true),
            (json!({"dry_run": false}), false),
            (json!({"plan": "0123"}), false),
        ] {
            let request: UndoRequest = serde_json::from_value(request).unwrap();
            assert_eq!(request.is_dry_run(), is_dry_run, "{request:?}");
            assert_eq!(request.check(), Ok(()));
        }
        for (request, named) in [
            (json!({"dry_run": true, "plan": "0123"}), "undo.plan"),
            (json!({"users": ["ann@example.com"]}), "undo.users"),
        ] {
            let request: UndoRequest = serde_json::from_value(request).unwrap();
            let error = request.check().unwrap_err().to_string();
            assert!(error.starts_with(named), "{error}");
            assert!(!error.contains("ann"), "{error}");
        }
    }
}
