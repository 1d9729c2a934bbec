//! The app client that sign-ups go through, which the restored pool does not keep.
//!
//! A client of the backup may have a secret, may not be allowed to write an attribute that a
//! user has, or may not exist. So the restore makes one of its own, without a secret, that can
//! write everything and signs nobody in, and removes it when the last sign-up is made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cognito::{Cognito, CognitoError, ErrorKind, Operation, Pages, Stop};
use model::{RestoreId, UserPoolId};
use serde_json::{Value, json};
use tokio::sync::{Mutex, OnceCell};
use tokio::time::{Instant, sleep};

use super::pool::{Contact, TargetPool};
use crate::context::Restore;
use crate::error::RestoreError;
use crate::once::{self, Second};

/// How long sign-ups that are not let in are waited for: a web ACL counts requests over up to
/// ten minutes, and most rules over five.
const PATIENCE: Duration = Duration::from_secs(330);
/// How long to wait before the next try: first, for a pool that was opened a moment ago, and at
/// most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));

/// The client, made when the first user needs it.
pub(super) struct SignUpClient<'a> {
    restore: &'a Restore<'a>,
    target: &'a UserPoolId,
    name: String,
    id: OnceCell<String>,
    /// Held by the one that tries whether sign-ups are let in again.
    tries: Mutex<()>,
    /// Set when they were waited for in vain.
    barred: AtomicBool,
    /// When half of the invocation is over. What is not let in later is left to the next one.
    half: Stop,
}

/// Whether sign-ups as such are not let in: by a web ACL, or by a pool that was opened a moment
/// ago.
pub(super) fn is_barred(error: &CognitoError) -> bool {
    error.code == "ForbiddenException" || error.message.contains("SignUp is not permitted")
}

impl<'a> SignUpClient<'a> {
    pub(super) fn new(
        restore: &'a Restore<'a>,
        target: &'a UserPoolId,
        restore_id: &RestoreId,
    ) -> Self {
        Self {
            restore,
            target,
            name: name(restore_id),
            id: OnceCell::new(),
            tries: Mutex::new(()),
            barred: AtomicBool::new(false),
            half: restore.stop.halfway(),
        }
    }

    /// Sends a sign-up. While sign-ups are not let in, one user after the other tries and the
    /// rest wait: a rule on rates counts every request.
    ///
    /// # Errors
    /// Those of `send`; one that [`is_barred`] when waiting was in vain.
    pub(super) async fn let_in(
        &self,
        send: impl AsyncFn() -> Result<Value, RestoreError>,
    ) -> Result<Value, RestoreError> {
        let barred = |result: &Result<Value, RestoreError>| matches!(result, Err(RestoreError::Cognito(error)) if is_barred(error));
        let mut result = send().await;
        if !barred(&result) {
            return result;
        }
        let _one_at_a_time = self.tries.lock().await;
        let until = Instant::now() + PATIENCE;
        let (mut pause, longest) = PAUSES;
        while barred(&result) && !self.barred.load(Ordering::Relaxed) {
            tracing::info!("sign-ups are not let in; waiting");
            let left = self.half.time_left();
            if left == Some(Duration::ZERO) {
                // Until the pass is stopped, which leaves this user to the next one.
                std::future::pending::<()>().await;
            } else if Instant::now() + pause >= until || left.is_some_and(|left| left <= pause) {
                self.barred.store(true, Ordering::Relaxed);
            } else {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
                result = send().await;
            }
        }
        result
    }

    /// The client's id. An invocation that died may have made it already: it is looked for first.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when there is none and none can be made.
    pub(super) async fn id(&self, pool: &TargetPool) -> Result<&str, RestoreError> {
        let id = self.id.get_or_try_init(|| async {
            match find(self.restore.cognito, self.target, &self.name).await? {
                Some(id) => Ok(id),
                None => self.create(pool).await,
            }
        });
        Ok(id.await?)
    }

    async fn create(&self, pool: &TargetPool) -> Result<String, RestoreError> {
        let is_flag = |name: &str| Contact::ALL.iter().any(|c| c.verified() == name);
        let writable: Vec<&str> = pool
            .schema
            .keys()
            .map(String::as_str)
            .filter(|name| !is_flag(name) && !name.starts_with("dev:"))
            .collect();
        let request = json!({
            "UserPoolId": self.target.as_str(),
            "ClientName": self.name,
            "GenerateSecret": false,
            // A flow that leads nowhere without functions of the pool, which it has not yet, and the
            // one that a client may not go without (facts 0.1): it needs a sign-in before.
            "ExplicitAuthFlows": ["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
            "WriteAttributes": writable,
            "EnableTokenRevocation": true,
            "PreventUserExistenceErrors": "ENABLED",
        });
        let operation = Operation::CreateUserPoolClient;
        let look = async || {
            let found = find(self.restore.cognito, self.target, &self.name).await?;
            let answer = |id: String| json!({"UserPoolClient": {"ClientId": id}});
            Ok::<_, RestoreError>(found.map(answer))
        };
        let answer = once::create(self.restore, operation, &request, Second::Makes, look).await?;
        let id = answer
            .pointer("/UserPoolClient/ClientId")
            .and_then(Value::as_str);
        let missing = || cognito::CognitoError::unexpected_answer(operation, "ClientId");
        Ok(id.ok_or_else(missing)?.to_owned())
    }
}

fn name(restore_id: &RestoreId) -> String {
    format!("sign-ups of {restore_id}")
}

/// Removes the client of a restore, if there is one.
///
/// # Errors
/// [`RestoreError::Cognito`] when it cannot be removed.
pub(super) async fn remove_client(
    cognito: &Cognito,
    pool: &UserPoolId,
    restore_id: &RestoreId,
) -> Result<(), RestoreError> {
    let name = name(restore_id);
    // More than one where a list did not show the first in time.
    while let Some(id) = find(cognito, pool, &name).await? {
        let request = json!({"UserPoolId": pool.as_str(), "ClientId": id});
        match cognito
            .call(Operation::DeleteUserPoolClient, &request)
            .await
        {
            Ok(_) => {}
            // Deleted, and still in the list.
            Err(error) if error.is(ErrorKind::Missing) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A client of that name.
async fn find(
    cognito: &Cognito,
    pool: &UserPoolId,
    name: &str,
) -> Result<Option<String>, CognitoError> {
    let request = json!({"UserPoolId": pool.as_str()});
    let mut pages = Pages::new(cognito, Operation::ListUserPoolClients, request)?;
    while let Some(clients) = pages.next().await? {
        let found = clients.iter().find(|client| client["ClientName"] == name);
        if let Some(id) = found.and_then(|client| client["ClientId"].as_str()) {
            return Ok(Some(id.to_owned()));
        }
    }
    Ok(None)
}
