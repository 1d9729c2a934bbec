//! An undo by the state machine, one invocation after the other.
//!
//! The function of the stack that backs the pool up shows what it is like: it reads a pool of any
//! size, in as many invocations as that takes, and its backup in the DR bucket is what undoes the
//! undo. So the plan is made from a backup that is asked for here, and what came of it is seen in
//! another one.

use aws_sdk_lambda::error::DisplayErrorContext;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use cognito::Stop;
use jiff::{SignedDuration, Timestamp};
use model::request::{
    BadRequest, FindRequest, RestoreOptions, RestoreRequest, UndoPoint, UndoRequest,
};
use model::restore::{FailureNotification, ReportStatus, RestoreState};
use model::{Failure, RestoreId};
use serde_json::json;
use vault::{Backup, Vault, VaultError};

use super::plan::{Plan, What};
use super::remembered::{Asked, Begun, UndoProgress, read_json, write_json};
use super::report::UndoReport;
use super::scope::Scope;
use super::{Undo, page};
use crate::context::{Clients, RestoreSettings};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::report::{Message, failure_text};
use crate::side::Side;
use crate::users;

/// How long a backup may take to arrive, and how many users more than that an hour brings.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(3);
const USERS_AN_HOUR: i64 = 250_000;
/// The shortest and the longest pause before the next look, in seconds.
const PAUSES: (i64, i64) = (5, 300);

/// One undo, as the state machine asks for it in each invocation.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// Its id, under which it remembers how far it is.
    pub undo_id: &'a RestoreId,
    /// The execution of the state machine. Whoever comes to an undo that another one brought to its
    /// report goes on with what still differs.
    pub driver: Option<&'a str>,
    /// What is asked for. What it was begun with stays with it.
    pub options: &'a RestoreOptions,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// The same call again, at once.
    GoOn,
    /// The same call again after so many seconds: a backup is on its way.
    Wait(u32),
    /// Nothing: this is what came of it. The same call again gives it again.
    Done(Box<Ended>),
}

/// What came of an undo.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// The undo.
    pub undo_id: RestoreId,
    /// The plan.
    pub plan: Plan,
    /// What came of it; none where it was only to be shown.
    pub report: Option<UndoReport>,
}

impl Ended {
    /// How it ended.
    pub fn status(&self) -> ReportStatus {
        let report = self.report.as_ref();
        report.map_or(ReportStatus::Success, UndoReport::status)
    }

    /// What subscribers are told: counts, and where plan, report and page lie below the address
    /// `root`. No user is named.
    ///
    /// # Errors
    /// [`RestoreError::Internal`], which should not happen.
    pub fn message(&self, root: &str) -> Result<Message, RestoreError> {
        let place = |name: &str| format!("{root}{}", self.undo_id.object_key(name));
        let (plan, report) = (&self.plan, self.report.as_ref());
        let count = |what| plan.count(what);
        let mut text = json!({
            "status": self.status(),
            "undo_id": self.undo_id,
            "user_pool_id": plan.user_pool_id,
            "point": plan.point,
            "dry_run": report.is_none(),
            "settings": {
                "put_back": count(What::PutBack),
                "make_again": count(What::MakeAgain),
                "remove": count(What::Remove),
                "left_alone": count(What::LeftAlone),
                "impossible": count(What::Impossible),
            },
            "users": plan.users,
            "memberships": plan.memberships,
            "plan": plan.fingerprint,
            "page": place(PAGE),
        });
        let (subject, more) = match report {
            None => (
                "Cognito Undo Planned",
                json!({"report": place(Plan::OBJECT)}),
            ),
            Some(report) => (
                match self.status() {
                    ReportStatus::Failed => "Cognito Undo Failed",
                    _ => "Cognito Undo Completed",
                },
                json!({
                    "report": place(UndoReport::OBJECT),
                    "before": report.before,
                    "not_reverted": report.not_reverted_total,
                    "users_made_again": report.people.made_again,
                    "app_clients_made_again": report.app_clients.len(),
                    "manual_steps": report.manual_steps.len(),
                    "timestamp": report.ended,
                }),
            ),
        };
        if let (Some(text), Some(more)) = (text.as_object_mut(), more.as_object()) {
            text.extend(more.clone());
        }
        Ok(Message {
            subject,
            text: format!("{text:#}"),
        })
    }
}

/// What one invocation came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Invocation {
    /// What comes next.
    pub next: Next,
    /// What the undo is at, for whoever watches.
    pub at: &'static str,
    /// How many users are dealt with.
    pub users_done: u64,
}

impl Invocation {
    fn new(next: Next, at: &'static str) -> Self {
        Self {
            next,
            at,
            users_done: 0,
        }
    }
}

/// The name of the page below the undo's folder.
const PAGE: &str = "undo.html";

/// Goes on with an undo of the pool of `point`, or begins it, until it is done, has to wait or is to
/// stop. `clients` call the Region of the pool; `vault` is where its backups arrive.
///
/// # Errors
/// [`RestoreError`]. One that is [worth retrying](model::Failure::is_worth_retrying) may be met by
/// the same call again.
pub async fn next(
    clients: &Clients,
    vault: &Vault,
    settings: &RestoreSettings,
    order: &Order<'_>,
    point: &Backup,
    stop: Stop,
) -> Result<Invocation, RestoreError> {
    let (folder, remembered) = Folder::open(&clients.workspace, order.undo_id).await?;
    let options = match &remembered {
        // What it is about stands with its plan alone.
        Some(state) if state.options.undo.is_none() => {
            let problem = "it was begun by a command: go on by `cognito-dr undo --resume`";
            return Err(BadRequest::member("resume", problem).into());
        }
        Some(state) if state.s3_key == point.name => state.options.clone(),
        Some(state) => {
            return Err(RestoreError::OtherBackup {
                restore_id: order.undo_id.clone(),
                known: Box::new(state.s3_key.clone()),
                asked: Box::new(point.name.clone()),
            });
        }
        None => {
            order.options.check_with(order.undo_id)?;
            order.options.clone()
        }
    };
    let request = options.undo.clone().unwrap_or_default();
    let scope = Scope::from(&request);
    let undo = Undo {
        clients,
        settings,
        point,
        pool: &point.head.user_pool_id,
        scope: &scope,
        counterpart: None,
    };
    let mut state = remembered.unwrap_or_else(|| undo.begin(order.undo_id, options));
    let mut progress = UndoProgress::read(&folder).await?;
    let is_same = order.driver.is_none() || state.driver.as_deref() == order.driver;
    let begun = Begun::read(&clients.workspace, order.undo_id).await?;
    if state.reported.is_some() && is_same {
        return ended(&folder).await;
    }
    if begun.is_none() && !is_same {
        // It was refused, or only planned: the pool may be another by now.
        progress = UndoProgress::default();
    } else if state.reported.is_some() {
        progress = UndoProgress {
            before: progress.before,
            ..UndoProgress::default()
        };
    }
    state.reported = None;
    state.driver = order.driver.map(str::to_owned);
    folder.claim(&mut state).await?;
    let run = Run {
        undo,
        vault,
        request: &request,
        folder: &folder,
        has_begun: begun.is_some(),
    };
    Box::pin(run.go_on(&mut state, &mut progress, &stop)).await
}

/// What came of an undo that was reported.
async fn ended(folder: &Folder<'_>) -> Result<Invocation, RestoreError> {
    let plan: Option<Plan> = read_json(folder, Plan::OBJECT).await?;
    let plan = plan.ok_or_else(|| RestoreError::StateDamaged {
        key: folder.key(Plan::OBJECT),
        problem: "it is not there, though the undo has ended".to_owned(),
    })?;
    let ended = Ended {
        undo_id: folder.restore_id().clone(),
        plan,
        report: read_json(folder, UndoReport::OBJECT).await?,
    };
    Ok(Invocation::new(Next::Done(Box::new(ended)), "report"))
}

struct Run<'a> {
    undo: Undo<'a>,
    vault: &'a Vault,
    request: &'a UndoRequest,
    folder: &'a Folder<'a>,
    /// Its plan was found to be right, and changes may have been made.
    has_begun: bool,
}

impl Run<'_> {
    async fn go_on(
        &self,
        state: &mut RestoreState,
        progress: &mut UndoProgress,
        stop: &Stop,
    ) -> Result<Invocation, RestoreError> {
        let (undo, folder) = (&self.undo, self.folder);
        let mut asked = progress.before.take();
        let present = self.backup_of_now(&mut asked).await?;
        progress.before = asked;
        progress.write(folder).await?;
        let Some(present) = present else {
            return Ok(waiting(progress.before.as_ref(), "backup"));
        };
        let mut work = Box::pin(undo.work(&present)).await?;
        if !self.has_begun {
            write_json(folder, Plan::OBJECT, &work.plan).await?;
            if self.request.is_dry_run() {
                return self.report(state, work.plan, None).await;
            }
            self.check(&work.plan)?;
            let before = self.address(&present);
            Begun::write(folder, &work.plan, &before).await?;
        }
        if !progress.changed {
            let done = undo.change(folder, state, &mut work, progress, &present.head, stop);
            let done = Box::pin(done).await?;
            let users_done = progress.users as u64;
            if !done {
                let invocation = Invocation::new(Next::GoOn, "change");
                return Ok(Invocation {
                    users_done,
                    ..invocation
                });
            }
            progress.changed = true;
        }
        let mut asked = progress.after.take();
        let after = self.backup_of_now(&mut asked).await?;
        progress.after = asked;
        progress.write(folder).await?;
        let Some(after) = after else {
            return Ok(waiting(progress.after.as_ref(), "verify"));
        };
        let look = undo.look(&work, progress, Side::Stored(&after));
        let left = Box::pin(look).await?;
        // Lists of Cognito may be behind.
        if !left.is_empty() && !progress.looked_again {
            progress.looked_again = true;
            progress.after = None;
            progress.write(folder).await?;
            return Ok(Invocation::new(Next::GoOn, "verify"));
        }
        let before = self.address(&present);
        let report = UndoReport::new(folder.restore_id(), &work, progress, &before, left);
        self.report(state, work.plan, Some(report)).await
    }

    /// Whether the plan may be carried out.
    fn check(&self, plan: &Plan) -> Result<(), RestoreError> {
        let pool = self.undo.pool;
        let asked = self.request.plan.as_ref();
        if asked.is_some_and(|asked| *asked != plan.fingerprint) {
            return Err(RestoreError::PlanOutdated(pool.clone()));
        }
        if self.undo.settings.existing_user_pools.hold(pool) {
            return Ok(());
        }
        Err(RestoreError::Preflight(format!(
            "undo: the stack allows changing no other pools than those of its parameter ExistingUserPoolIds: deploy it with ExistingUserPoolIds={pool}"
        )))
    }

    /// A backup of the pool that began after it was asked for: the pool as it is, with users who are
    /// forgotten and still in it. None while it is on its way to the
    /// bucket.
    async fn backup_of_now(
        &self,
        asked: &mut Option<Asked>,
    ) -> Result<Option<Backup>, RestoreError> {
        let Some(known) = asked else {
            let at = Timestamp::now();
            Box::pin(self.ask_for_backup()).await?;
            *asked = Some(Asked { at, key: None });
            return Ok(None);
        };
        if let Some(key) = &known.key {
            let mut backup = Box::pin(self.vault.open(key, None)).await?;
            self.vault.decrypt_secrets(&mut backup).await?;
            return Ok(Some(backup.as_stored()));
        }
        let newest = FindRequest {
            user_pool_id: self.undo.pool.clone(),
            at: None,
            s3_key: None,
            resume: None,
            options: RestoreOptions::default(),
        };
        let now = Timestamp::now();
        let found = match Box::pin(self.vault.find(&newest, now)).await {
            Ok(found) => found,
            Err(VaultError::NoBackup { .. } | VaultError::NoneWhole { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if found.backup_timestamp >= known.at {
            let mut backup = Box::pin(self.vault.open(&found.s3_key, None)).await?;
            self.vault.decrypt_secrets(&mut backup).await?;
            known.key = Some(found.s3_key);
            return Ok(Some(backup.as_stored()));
        }
        let users = i64::try_from(self.undo.point.trailer.users).unwrap_or(i64::MAX);
        let longest = LONGEST_WAIT + SignedDuration::from_hours(users / USERS_AN_HOUR);
        if now.duration_since(known.at) > longest {
            return Err(RestoreError::BackupNotArrived {
                pool: self.undo.pool.clone(),
                asked: known.at,
            });
        }
        Ok(None)
    }

    async fn ask_for_backup(&self) -> Result<(), RestoreError> {
        let function = &self.undo.settings.backup_function;
        let payload = json!({"user_pool_id": self.undo.pool}).to_string();
        let request = self.undo.clients.lambda.invoke();
        let request = request
            .function_name(function)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload));
        request.send().await.map(drop).map_err(|error| {
            let status = error.raw_response().map(|answer| answer.status().as_u16());
            RestoreError::BackupNotAsked {
                function: function.clone(),
                region: self.undo.pool.region().to_owned(),
                is_passing: status.is_none_or(|status| status == 429 || status >= 500),
                cause: DisplayErrorContext(&error).to_string(),
            }
        })
    }

    fn address(&self, backup: &Backup) -> String {
        match backup.name.key() {
            Some(key) => self.vault.address(key),
            None => backup.name.to_string(),
        }
    }

    /// Writes report and page; then nothing is left to do.
    async fn report(
        &self,
        state: &mut RestoreState,
        plan: Plan,
        report: Option<UndoReport>,
    ) -> Result<Invocation, RestoreError> {
        let folder = self.folder;
        let html = page(&plan, report.as_ref(), &self.request_for(&plan))?;
        let (key, html) = (folder.key(PAGE), html.into_bytes());
        folder.write(&key, "text/html; charset=utf-8", html).await?;
        if let Some(report) = &report {
            write_json(folder, UndoReport::OBJECT, report).await?;
        }
        state.reported = Some(Timestamp::now());
        folder.save(state).await?;
        let users_done = report.as_ref().map_or(0, |report| report.people.users);
        let ended = Ended {
            undo_id: folder.restore_id().clone(),
            plan,
            report,
        };
        let invocation = Invocation::new(Next::Done(Box::new(ended)), "report");
        Ok(Invocation {
            users_done,
            ..invocation
        })
    }

    /// The request that carries the plan out.
    fn request_for(&self, plan: &Plan) -> String {
        let mut request = UndoRequest {
            dry_run: None,
            plan: Some(plan.fingerprint.clone()),
            ..self.request.clone()
        };
        if let Some(key) = plan.point.key() {
            request.to = UndoPoint::Key(key.clone());
        }
        let request = json!({"user_pool_id": plan.user_pool_id, "undo": request});
        format!("{request:#}")
    }
}

fn waiting(asked: Option<&Asked>, at: &'static str) -> Invocation {
    let (shortest, longest) = PAUSES;
    let waited = asked.map_or(0, |asked| {
        Timestamp::now().duration_since(asked.at).as_secs()
    });
    let seconds = (waited / 4).clamp(shortest, longest);
    Invocation::new(Next::Wait(u32::try_from(seconds).unwrap_or(0)), at)
}

/// What subscribers are told of an undo that failed. Its deleted users may have been about to be
/// made again: what that opened is closed, unless another invocation goes on with it.
///
/// # Errors
/// [`RestoreError::Internal`], which should not happen.
pub async fn report_failure(
    clients: &Clients,
    request: &RestoreRequest,
) -> Result<Message, RestoreError> {
    let id = &request.restore_id;
    let goes_on = request.error.as_deref() == Some(Failure::AlreadyRunning.name());
    match Folder::open(&clients.workspace, &id.of_users()).await {
        Ok((_, Some(state))) if !goes_on => {
            if let Err(error) = users::close_for_good(&clients.cognito, &state).await {
                tracing::error!(%error, "what the users were made with is still there");
            }
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the failure is reported without the state"),
    }
    let notification = FailureNotification {
        status: ReportStatus::Failed,
        error: failure_text(request),
        timestamp: Timestamp::now(),
        user_pool_id: request.user_pool_id.clone(),
        restore_id: id.clone(),
    };
    let text = serde_json::to_string_pretty(&notification)
        .map_err(|error| RestoreError::Internal(format!("the notification: {error}")))?;
    Ok(Message {
        subject: "Cognito Undo Failed",
        text,
    })
}
