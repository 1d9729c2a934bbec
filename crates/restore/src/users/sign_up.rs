//! The app client that sign-ups go through, which the restored pool does not keep.
//!
//! A client of the backup may have a secret, may not be allowed to write an attribute that a
//! user has, or may not exist. So the restore makes one of its own, without a secret, that can
//! write everything and signs nobody in, and removes it when all users are made.

use cognito::{ErrorKind, Operation, Pages};
use model::{RestoreId, UserPoolId};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::pool::{Contact, TargetPool};
use crate::context::Restore;
use crate::error::RestoreError;
use crate::once::{self, Second};

/// The client, made when the first user needs it.
pub(super) struct SignUpClient<'a> {
    restore: &'a Restore<'a>,
    target: &'a UserPoolId,
    name: String,
    id: OnceCell<String>,
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
            name: format!("sign-ups of {restore_id}"),
            id: OnceCell::new(),
        }
    }

    /// The client's id. An invocation that died may have made it already: it is looked for first.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when there is none and none can be made.
    pub(super) async fn id(&self, pool: &TargetPool) -> Result<&str, RestoreError> {
        let id = self.id.get_or_try_init(|| async {
            match self.find().await?.into_iter().next() {
                Some(id) => Ok(id),
                None => self.create(pool).await,
            }
        });
        Ok(id.await?)
    }

    /// Removes the client, if there is one.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when it cannot be removed.
    pub(super) async fn remove(&self) -> Result<(), RestoreError> {
        for id in self.find().await? {
            let request = json!({"UserPoolId": self.target.as_str(), "ClientId": id});
            let call = self
                .restore
                .cognito
                .call(Operation::DeleteUserPoolClient, &request);
            match call.await {
                Ok(_) => {}
                Err(error) if error.is(ErrorKind::Missing) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Clients of this name: none or one, or more where names were chosen to collide.
    async fn find(&self) -> Result<Vec<String>, RestoreError> {
        let request = json!({"UserPoolId": self.target.as_str()});
        let mut pages = Pages::new(
            self.restore.cognito,
            Operation::ListUserPoolClients,
            request,
        )?;
        let mut found = Vec::new();
        while let Some(clients) = pages.next().await? {
            let ours = clients
                .iter()
                .filter(|client| client["ClientName"] == self.name.as_str());
            found.extend(ours.filter_map(|client| Some(client["ClientId"].as_str()?.to_owned())));
        }
        Ok(found)
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
            // A flow that leads nowhere without functions of the pool, which it has not yet.
            "ExplicitAuthFlows": ["ALLOW_CUSTOM_AUTH"],
            "WriteAttributes": writable,
            "EnableTokenRevocation": true,
            "PreventUserExistenceErrors": "ENABLED",
        });
        let operation = Operation::CreateUserPoolClient;
        let look = async || {
            let found = self.find().await?.into_iter().next();
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
