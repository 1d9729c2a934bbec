//! Which pools are backed up.

use cognito::{Cognito, CognitoError, Operation, Pages};
use jiff::Timestamp;
use model::UserPoolId;
use serde_json::json;

use crate::error::BackupError;

/// Which pools are backed up.
#[derive(Debug, Clone, PartialEq)]
pub enum Pools {
    /// These, each once.
    These(Vec<UserPoolId>),
    /// Every pool of the Region, those included that are made later. What names pools one by one
    /// has limits: 4,096 bytes of a function's environment, 10,240 of a role's policies.
    Every,
}

/// A pool that is to be backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPool {
    /// Which one.
    pub id: UserPoolId,
    /// When it was made, where Cognito was asked for the pools.
    pub made: Option<Timestamp>,
}

impl Pools {
    /// The pools by name.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn ids(&self, cognito: &Cognito) -> Result<Vec<UserPoolId>, BackupError> {
        let listed = self.list(cognito).await?;
        Ok(listed.into_iter().map(|pool| pool.id).collect())
    }

    /// The pools: asks Cognito for them where none are named.
    ///
    /// # Errors
    /// [`BackupError::Cognito`] when it does not list them.
    pub async fn list(&self, cognito: &Cognito) -> Result<Vec<ListedPool>, BackupError> {
        if let Self::These(pools) = self {
            let named = pools.iter().cloned();
            return Ok(named.map(|id| ListedPool { id, made: None }).collect());
        }
        let operation = Operation::ListUserPools;
        let cognito = cognito.clone().allowing(&[Operation::ListUserPools]);
        let listed = Pages::new(&cognito, operation, json!({}))?.all().await?;
        let pools = listed.iter().map(|pool| {
            let id = pool["Id"].as_str().and_then(|id| id.parse().ok());
            let id = id.ok_or_else(|| CognitoError::unexpected_answer(operation, "pool id"))?;
            let made = pool["CreationDate"].as_f64();
            let made = made.and_then(|seconds| Timestamp::from_second(seconds as i64).ok());
            Ok(ListedPool { id, made })
        });
        pools.collect()
    }
}
