//! Which pools are backed up.

use cognito::{Cognito, CognitoError, Operation, Pages};
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

impl Pools {
    /// The pools by name: asks Cognito for them where none are named.
    ///
    /// # Errors
    /// [`BackupError::Cognito`] when it does not list them.
    pub async fn ids(&self, cognito: &Cognito) -> Result<Vec<UserPoolId>, BackupError> {
        if let Self::These(pools) = self {
            return Ok(pools.clone());
        }
        let operation = Operation::ListUserPools;
        let cognito = cognito.clone().allowing(&[Operation::ListUserPools]);
        let listed = Pages::new(&cognito, operation, json!({}))?.all().await?;
        let ids = listed.iter().map(|pool| {
            let id = pool["Id"].as_str().and_then(|id| id.parse().ok());
            id.ok_or_else(|| CognitoError::unexpected_answer(operation, "pool id").into())
        });
        ids.collect()
    }
}
