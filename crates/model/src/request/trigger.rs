//! The manual-dr-trigger Lambda, and the input of the state machine that it starts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::rehearsal::Rehearsal;
use super::selection::Selection;
use super::undo::UndoRequest;
use super::{BadRequest, read};
use crate::backup_key::BackupKey;
use crate::identifiers::{Sub, UserPoolId};
use crate::restore_id::{RestoreId, RunKind};

/// How users are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsersEngine {
    /// By import jobs where that is the better way for the pool, else call by call.
    #[default]
    Auto,
    /// Call by call: every status, at Cognito's quota for user creation.
    Api,
    /// By user import jobs: silent, not billed, for large pools.
    Import,
}

/// How a restore is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestoreOptions {
    /// Check everything and change nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dry_run: bool,
    /// How users are made.
    #[serde(default)]
    pub users_engine: UsersEngine,
    /// Restore into this pool, which exists, instead of making a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_user_pool_id: Option<UserPoolId>,
    /// What goes into the existing pool; all missing groups and users by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Selection>,
    /// Compare this pool with the backup and change nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<UserPoolId>,
    /// Restore into a scratch pool, compare it with the backup and remove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsal: Option<Rehearsal>,
    /// Bring the pool itself, which is alive, back to the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<UndoRequest>,
    /// Do without the secrets of a backup that encrypts them: app clients get new ones, and identity
    /// providers with a secret are left to the operator.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_secrets: bool,
    /// Make a standby pool, or keep one in step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standby: Option<StandbyOptions>,
}

/// What is asked of a standby pool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandbyOptions {
    /// Bring this pool, which a restore made as a standby pool, to the backup. Without, one is made:
    /// closed and quiet, to be kept in step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sync: Option<UserPoolId>,
    /// With `sync`: after how many days users gone from the source are removed. 0: never, they stay
    /// disabled.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub remove_after_days: u32,
    /// With `sync`: read all users of the pool, not only what changed between two backups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub compare_all: bool,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl RestoreOptions {
    /// What a run with these options does.
    pub fn kind(&self) -> RunKind {
        let follows = self.standby.as_ref().is_some_and(|one| one.sync.is_some());
        match &self.undo {
            Some(undo) if undo.is_dry_run() => RunKind::UndoPlan,
            Some(_) => RunKind::Undo,
            None if self.dry_run || self.verify.is_some() => RunKind::Check,
            None if self.rehearsal.is_some() => RunKind::Rehearsal,
            None if follows => RunKind::Sync,
            None => RunKind::Restore,
        }
    }

    /// Checks that the options go together, and with the id: what belongs to a rehearsal or an undo
    /// is named so, and nothing else is.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn check_with(&self, restore_id: &RestoreId) -> Result<(), BadRequest> {
        if self.rehearsal.is_some() != restore_id.is_rehearsal() {
            return Err(BadRequest::member(
                "rehearsal",
                format!(
                    "a rehearsal, and nothing else, has an id such as rehearsal-1; this one has {}",
                    restore_id.as_str()
                ),
            ));
        }
        if self.undo.is_some() != restore_id.is_undo() {
            return Err(BadRequest::member(
                "undo",
                format!(
                    "an undo, and nothing else, has an id such as undo-1; this one has {}",
                    restore_id.as_str()
                ),
            ));
        }
        self.check()
    }

    fn check(&self) -> Result<(), BadRequest> {
        if let Some(undo) = &self.undo {
            let alone = Self {
                undo: Some(undo.clone()),
                ..Self::default()
            };
            if *self != alone {
                return Err(BadRequest::member(
                    "undo",
                    "says all that an undo takes: leave out what belongs to a restore",
                ));
            }
            undo.check()?;
        }
        let is_elsewhere = self.target_user_pool_id.is_some() || self.verify.is_some();
        if self.rehearsal.is_some() && (self.dry_run || is_elsewhere) {
            return Err(BadRequest::member(
                "rehearsal",
                "makes a pool of its own: leave out target_user_pool_id, verify and dry_run",
            ));
        }
        if self.standby.is_some() && (self.dry_run || is_elsewhere || self.rehearsal.is_some()) {
            return Err(BadRequest::member(
                "standby",
                "is a pool of its own: leave out target_user_pool_id, verify, rehearsal and dry_run",
            ));
        }
        if self.select.is_some() && self.target_user_pool_id.is_none() {
            return Err(BadRequest::member(
                "select",
                "needs target_user_pool_id, the pool to restore into",
            ));
        }
        if self.verify.is_some() && (self.target_user_pool_id.is_some() || self.dry_run) {
            return Err(BadRequest::member(
                "verify",
                "only compares: leave out target_user_pool_id and dry_run",
            ));
        }
        if let Some(selection) = &self.select {
            selection.check()?;
        }
        Ok(())
    }

    /// Whether `user` is one of the users that the selection names, or the sample of a rehearsal
    /// has; true when there is none.
    pub fn selects_user(&self, username: &str, sub: Option<&Sub>) -> bool {
        let (selection, rehearsal) = (self.select.as_ref(), self.rehearsal.as_ref());
        !selection.is_some_and(|selection| selection.leaves_out(username, sub))
            && !rehearsal.is_some_and(|rehearsal| rehearsal.leaves_out(username))
    }
}

/// What the operator sends on the bad day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriggerRequest {
    /// The lost pool.
    pub user_pool_id: UserPoolId,
    /// Restore the newest backup whose reading had ended at this time or before.
    #[serde(default)]
    pub at: Option<Timestamp>,
    /// Restore exactly this backup.
    #[serde(default)]
    pub s3_key: Option<BackupKey>,
    /// Go on with this restore, which failed or was stopped: from where it stands, with its
    /// backup, its new pool and its options.
    #[serde(default)]
    pub resume: Option<RestoreId>,
    /// Start although another restore of this pool is running.
    #[serde(default)]
    pub allow_concurrent: bool,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub dry_run: bool,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub users_engine: UsersEngine,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub target_user_pool_id: Option<UserPoolId>,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub select: Option<Selection>,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub verify: Option<UserPoolId>,
    /// As in [`RestoreOptions`]. Unless `users_engine` says otherwise, import jobs make the users:
    /// those are not billed as active.
    #[serde(default)]
    pub rehearsal: Option<Rehearsal>,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub undo: Option<UndoRequest>,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub without_secrets: bool,
    /// As in [`RestoreOptions`].
    #[serde(default)]
    pub standby: Option<StandbyOptions>,
}

impl TriggerRequest {
    /// Reads the event; members that are not known are refused.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member, in the reference's words where it has some.
    pub fn from_event(event: &Value) -> Result<Self, BadRequest> {
        if event
            .get("user_pool_id")
            .is_none_or(|id| id.is_null() || id == "")
        {
            return Err(BadRequest("user_pool_id required".into()));
        }
        let request: Self = read("manual-dr-trigger", event)?;
        if request.at.is_some() && request.s3_key.is_some() {
            return Err(BadRequest::member(
                "at",
                "leave it out when s3_key names the backup",
            ));
        }
        if let Some(key) = &request.s3_key
            && *key.pool() != request.user_pool_id
        {
            return Err(BadRequest::member(
                "s3_key",
                format!("it is a backup of {}", key.pool()),
            ));
        }
        if request.undo.is_some() && (request.at.is_some() || request.s3_key.is_some()) {
            return Err(BadRequest::member(
                "undo.to",
                "names the point in time: leave out at and s3_key",
            ));
        }
        let options = request.options();
        if request.resume.is_some() {
            let says_more = request.at.is_some()
                || request.s3_key.is_some()
                || request.allow_concurrent
                || options != RestoreOptions::default();
            if says_more {
                return Err(BadRequest::member(
                    "resume",
                    "the restore goes on as it was begun: leave out all but user_pool_id",
                ));
            }
            if request.resume.as_ref().is_some_and(RestoreId::is_rehearsal) {
                return Err(BadRequest::member(
                    "resume",
                    "of a rehearsal nothing is left to go on with: start another",
                ));
            }
        }
        options.check()?;
        Ok(request)
    }

    fn options(&self) -> RestoreOptions {
        RestoreOptions {
            dry_run: self.dry_run,
            users_engine: match (&self.rehearsal, self.users_engine) {
                (Some(_), UsersEngine::Auto) => UsersEngine::Import,
                (_, engine) => engine,
            },
            target_user_pool_id: self.target_user_pool_id.clone(),
            select: self.select.clone(),
            verify: self.verify.clone(),
            rehearsal: self.rehearsal.clone(),
            undo: self.undo.clone(),
            without_secrets: self.without_secrets,
            standby: self.standby.clone(),
        }
    }

    /// What the run that is asked for does; one that goes on, what it did.
    pub fn kind(&self) -> RunKind {
        match &self.resume {
            Some(id) if id.is_undo() => RunKind::Undo,
            _ => self.options().kind(),
        }
    }

    /// The input of the execution.
    pub fn into_input(self) -> ExecutionInput {
        let options = self.options();
        ExecutionInput {
            user_pool_id: self.user_pool_id,
            at: self.at,
            s3_key: self.s3_key,
            resume: self.resume,
            options,
        }
    }
}

/// What the schedule of rehearsals sends: one of these pools is rehearsed, the one whose last
/// rehearsal began longest ago. One at a time, for an account runs one import job at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduledRehearsal {
    /// The pools.
    pub user_pool_ids: Vec<UserPoolId>,
    /// As in [`RestoreOptions`].
    pub rehearsal: Rehearsal,
}

impl ScheduledRehearsal {
    /// Reads the event, if it names several pools.
    ///
    /// # Errors
    /// [`BadRequest`] that names the member.
    pub fn from_event(event: &Value) -> Result<Option<Self>, BadRequest> {
        if event.get("user_pool_ids").is_none() {
            return Ok(None);
        }
        let scheduled: Self = read("manual-dr-trigger", event)?;
        match scheduled.user_pool_ids.is_empty() {
            true => Err(BadRequest::member("user_pool_ids", "names no pool")),
            false => Ok(Some(scheduled)),
        }
    }
}

/// The input of the state machine `cognito-dr-orchestration-{environment}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExecutionInput {
    /// The lost pool.
    pub user_pool_id: UserPoolId,
    /// As in [`TriggerRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// As in [`TriggerRequest`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_key: Option<BackupKey>,
    /// As in [`TriggerRequest`]. The state machine takes the id of the execution for that of the
    /// restore where it is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<RestoreId>,
    /// How the restore is to be done.
    #[serde(default)]
    pub options: RestoreOptions,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_reference_input_is_enough() {
        let request = TriggerRequest::from_event(&json!({"user_pool_id": "us-east-1_A"})).unwrap();
        assert_eq!(
            serde_json::to_value(request.into_input()).unwrap(),
            json!({"user_pool_id": "us-east-1_A", "options": {"users_engine": "auto"}})
        );
    }

    #[test]
    fn bad_requests_name_what_is_wrong() {
        for (event, named) in [
            (json!({}), "user_pool_id required"),
            (json!(null), "user_pool_id required"),
            (json!({"user_pool_id": ""}), "user_pool_id required"),
            (json!({"user_pool_id": "x"}), "not a valid user pool id"),
            (
                json!({"user_pool_id": "us-east-1_A", "dryrun": true}),
                "dryrun",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "at": "2026-01-01T00:00:00Z", "s3_key": "cognito-backup/2026/01/01/us-east-1_A-000000.json"}),
                "at",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "select": "missing_users"}),
                "target_user_pool_id",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "target_user_pool_id": "us-west-2_B", "select": {"users": []}}),
                "select.users",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "target_user_pool_id": "us-west-2_B", "select": {"users": ["ann@example.com"]}}),
                "users_from",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "target_user_pool_id": "us-west-2_B", "select": {"users_from": "lost.txt"}}),
                "cognito-restore/selections/",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "resume": "a restore"}),
                "restore id",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "resume": "dr-restore-1", "users_engine": "api"}),
                "resume",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "resume": "rehearsal-1"}),
                "start another",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "rehearsal": {"sample": 0}}),
                "rehearsal",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "rehearsal": {}, "target_user_pool_id": "us-west-2_B"}),
                "a pool of its own",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "resume": "dr-restore-1", "allow_concurrent": true}),
                "resume",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "undo": {"to": "yesterday"}}),
                "latest",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "undo": {}, "at": "2026-01-01T00:00:00Z"}),
                "undo.to",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "undo": {}, "dry_run": true}),
                "undo",
            ),
            (
                json!({"user_pool_id": "us-east-1_A", "undo": {"only": ["everything"]}}),
                "everything",
            ),
        ] {
            let error = TriggerRequest::from_event(&event).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn a_request_says_what_kind_of_run_it_asks_for() {
        for (asked, kind) in [
            (json!({}), RunKind::Restore),
            (
                json!({"target_user_pool_id": "us-west-2_B"}),
                RunKind::Restore,
            ),
            (json!({"standby": {}}), RunKind::Restore),
            (json!({"resume": "dr-restore-1"}), RunKind::Restore),
            (json!({"dry_run": true}), RunKind::Check),
            (json!({"verify": "us-west-2_B"}), RunKind::Check),
            (json!({"rehearsal": {}}), RunKind::Rehearsal),
            (json!({"undo": {"plan": "0123"}}), RunKind::Undo),
            (json!({"resume": "undo-1"}), RunKind::Undo),
            (json!({"undo": {}}), RunKind::UndoPlan),
            (json!({"standby": {"sync": "us-west-2_B"}}), RunKind::Sync),
        ] {
            let mut event = json!({"user_pool_id": "us-east-1_A"});
            let members = asked.as_object().unwrap().clone();
            event.as_object_mut().unwrap().extend(members);
            let request = TriggerRequest::from_event(&event).unwrap();
            assert_eq!(request.kind(), kind, "{asked}");
        }
    }

    #[test]
    fn a_restore_that_failed_is_named_to_go_on() {
        let event = json!({"user_pool_id": "us-east-1_A", "resume": "dr-restore-1"});
        let input = TriggerRequest::from_event(&event).unwrap().into_input();
        let input = serde_json::to_value(input).unwrap();
        assert_eq!(input["resume"], "dr-restore-1");
    }

    #[test]
    fn a_rehearsal_makes_its_users_by_import_jobs_unless_told() {
        for (more, engine) in [
            (json!({}), "import"),
            (json!({"users_engine": "api"}), "api"),
        ] {
            let mut event = json!({"user_pool_id": "us-east-1_A", "rehearsal": {"sample": 100}});
            event
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            let input = TriggerRequest::from_event(&event).unwrap().into_input();
            assert_eq!(
                serde_json::to_value(input.options).unwrap(),
                json!({"users_engine": engine, "rehearsal": {"sample": 100}})
            );
        }
    }

    #[test]
    fn ids_of_rehearsals_and_undos_are_theirs_alone() {
        let rehearsal = RestoreOptions {
            rehearsal: Some(Rehearsal::default()),
            ..RestoreOptions::default()
        };
        let undo = RestoreOptions {
            undo: Some(UndoRequest::default()),
            ..RestoreOptions::default()
        };
        for (options, id, fits) in [
            (&undo, "undo-us-east-1_A-1", true),
            (&undo, "dr-restore-us-east-1_A-1", false),
            (&RestoreOptions::default(), "undo-us-east-1_A-1", false),
            (&rehearsal, "rehearsal-us-east-1_A-1", true),
            (&rehearsal, "dr-restore-us-east-1_A-1", false),
            (&RestoreOptions::default(), "dr-restore-us-east-1_A-1", true),
            (&RestoreOptions::default(), "rehearsal-us-east-1_A-1", false),
        ] {
            let checked = options.check_with(&id.parse().unwrap());
            assert_eq!(checked.is_ok(), fits, "{id}");
        }
    }

    #[test]
    fn a_selection_names_users_by_sub() {
        let sub = "c4e824c8-a001-701e-0000-000000000000";
        let event = json!({"user_pool_id": "us-east-1_A", "target_user_pool_id": "us-west-2_B", "select": {"users": [sub]}});
        let options = TriggerRequest::from_event(&event)
            .unwrap()
            .into_input()
            .options;
        assert!(options.selects_user("bob", sub.parse().ok().as_ref()));
        assert!(!options.selects_user("bob", None));
    }
}
