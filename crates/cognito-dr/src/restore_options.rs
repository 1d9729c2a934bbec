//! How a restore is to be done, as options: what the functions take in their payload.

use clap::{Args, ValueEnum};
use model::UserPoolId;
use model::request::{RestoreOptions, Selection, StandbyOptions, UsersEngine};

/// How a restore is to be done.
#[derive(Debug, Clone, Args)]
pub(crate) struct RestoreOptionArguments {
    /// Check everything and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Restore into this pool, which exists, instead of making a new one
    #[arg(long, value_name = "POOL")]
    pub(crate) into: Option<UserPoolId>,
    /// What goes into the existing pool: missing-users, missing-groups-and-users (the default),
    /// group:NAME, users:SUB,SUB,... or users-from:KEY, an object cognito-restore/selections/...
    /// of the bucket with a sub or username to a line
    #[arg(long, value_name = "WHAT", requires = "into", value_parser = selection)]
    pub(crate) select: Option<Selection>,
    /// Compare this pool with the backup, and change nothing
    #[arg(long, value_name = "POOL", conflicts_with_all = ["into", "dry_run"])]
    pub(crate) verify: Option<UserPoolId>,
    /// Make a standby pool: closed to sign-up, without triggers, sending nothing, to be kept like its
    /// source by `cognito-dr standby`
    #[arg(long, conflicts_with_all = ["into", "verify", "dry_run"])]
    pub(crate) standby: bool,
    /// How users are made: call by call (api), by import jobs (import), or as suits the pool
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    pub(crate) users_engine: Engine,
    /// Do without the secrets of a backup that encrypts them: app clients get new ones, identity
    /// providers with a secret are left to you
    #[arg(long)]
    pub(crate) without_secrets: bool,
}

/// [`UsersEngine`], as it is typed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    #[default]
    Auto,
    Api,
    Import,
}

impl RestoreOptionArguments {
    /// As the engine takes them.
    pub(crate) fn options(&self) -> RestoreOptions {
        RestoreOptions {
            dry_run: self.dry_run,
            users_engine: match self.users_engine {
                Engine::Auto => UsersEngine::Auto,
                Engine::Api => UsersEngine::Api,
                Engine::Import => UsersEngine::Import,
            },
            target_user_pool_id: self.into.clone(),
            select: self.select.clone(),
            verify: self.verify.clone(),
            rehearsal: None,
            undo: None,
            without_secrets: self.without_secrets,
            standby: self.standby.then(StandbyOptions::default),
        }
    }
}

fn selection(text: &str) -> Result<Selection, String> {
    match text.split_once(':') {
        None if text == "missing-users" => Ok(Selection::MissingUsers),
        None if text == "missing-groups-and-users" => Ok(Selection::MissingGroupsAndUsers),
        Some(("group", name)) if !name.is_empty() => Ok(Selection::Group(name.to_owned())),
        Some(("users", subs)) => Ok(Selection::Users(
            subs.split(',').map(|sub| sub.trim().to_owned()).collect(),
        )),
        Some(("users-from", key)) => key
            .to_owned()
            .try_into()
            .map(Selection::UsersFrom)
            .map_err(|error: model::request::BadRequest| error.to_string()),
        _ => Err(
            "write missing-users, missing-groups-and-users, group:NAME, users:SUB,... or users-from:KEY"
                .to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_selection_can_be_typed() {
        let key = "cognito-restore/selections/lost.txt";
        for (typed, expected) in [
            ("missing-users", json!("missing_users")),
            (
                "missing-groups-and-users",
                json!("missing_groups_and_users"),
            ),
            ("group:a:b", json!({"group": "a:b"})),
            ("users:s-1, s-2", json!({"users": ["s-1", "s-2"]})),
            (&format!("users-from:{key}"), json!({"users_from": key})),
        ] {
            let selection = selection(typed).unwrap();
            assert_eq!(
                serde_json::to_value(selection).unwrap(),
                expected,
                "{typed}"
            );
        }
        for typed in ["", "group", "group:", "users-from:elsewhere", "everybody"] {
            assert!(selection(typed).is_err(), "{typed}");
        }
    }
}
