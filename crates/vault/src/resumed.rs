//! The backup of a restore that is to go on.

use model::request::{FindRequest, FindResponse};
use model::restore::RestoreState;
use model::{BackupName, RestoreId};

use crate::Vault;
use crate::error::VaultError;
use crate::find::response;

impl Vault {
    /// The backup and the options with which `restore_id` was begun: exactly that version, for
    /// half of its users may be in the new pool already.
    ///
    /// # Errors
    /// [`VaultError::NotResumable`] when there is no such restore of the pool; others as for [`Vault::open`].
    pub(crate) async fn find_of_restore(
        &self,
        restore_id: &RestoreId,
        request: &FindRequest,
    ) -> Result<FindResponse, VaultError> {
        let not_resumable = |problem: String| VaultError::NotResumable {
            restore_id: restore_id.clone(),
            problem,
        };
        let key = restore_id.object_key(RestoreState::OBJECT);
        let Some(bytes) = self.workspace().read(&key).await? else {
            let problem = format!(
                "there is no object {}: it did not begin, so start a new restore",
                self.store().address(&key)
            );
            return Err(not_resumable(problem));
        };
        let state = RestoreState::from_json(&bytes)
            .map_err(|place| not_resumable(format!("{key} cannot be read: {place}")))?;
        if state.user_pool_id != request.user_pool_id {
            let pool = &state.user_pool_id;
            return Err(not_resumable(format!("it is a restore of {pool}")));
        }
        let BackupName::Key(key) = &state.s3_key else {
            let problem = format!("its backup is the file {}", state.s3_key);
            return Err(not_resumable(problem));
        };
        let backup = self
            .open_as_stored(key, state.version_id.as_deref())
            .await?;
        let mut found = response(request, key, &backup, Vec::new());
        found.options = state.options;
        Ok(found)
    }
}
