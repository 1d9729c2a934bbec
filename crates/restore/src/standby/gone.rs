//! Users gone from the source: disabled at once, removed after a time where that is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use cognito::Operation;
use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Gone, Standby};
use crate::context::Restore;
use crate::error::RestoreError;
use crate::side::Side;
use crate::undo::made_again::MadeAgain;
use crate::undo::people::People;
use crate::users::look;

impl Standby {
    /// Notes who was disabled, and since when; who was enabled is not gone any more. Gives how many
    /// were disabled.
    pub(super) async fn note_gone(
        &mut self,
        people: &People,
        restore: &Restore<'_>,
        made_again: &MadeAgain,
    ) -> Result<u64, RestoreError> {
        for username in people.enabled() {
            self.gone.remove(&made_again.username_now(username));
        }
        let mut disabled = 0;
        for (username, sub) in people.disabled() {
            disabled += 1;
            let name = made_again.username_now(&username);
            let sub = match sub {
                Some(sub) => made_again.sub_now(&sub),
                // Somebody else has the name in the source: whoever has it here.
                None => match look(restore, &self.user_pool_id, &name).await? {
                    Some(user) => user.attribute("sub").unwrap_or_default().to_owned(),
                    None => continue,
                },
            };
            let since = Timestamp::now();
            self.gone.entry(name).or_insert(Gone { sub, since });
        }
        Ok(disabled)
    }

    /// Removes users who have been gone for so many days: each only if it is still that user,
    /// disabled, whom the backup does not have. `None` when the stop came first.
    pub(super) async fn remove_gone(
        &mut self,
        after_days: u32,
        restore: &Restore<'_>,
        made_again: &MadeAgain,
    ) -> Result<Option<u64>, RestoreError> {
        if after_days == 0 {
            return Ok(Some(0));
        }
        let age = SignedDuration::from_hours(24 * i64::from(after_days));
        let limit = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
        let due = self.gone.iter().filter(|(_, gone)| gone.since <= limit);
        let due: BTreeMap<String, Gone> = due
            .map(|(username, gone)| (username.clone(), gone.clone()))
            .collect();
        if due.is_empty() {
            return Ok(Some(0));
        }
        let in_source = in_source(&due, restore, made_again).await?;
        let mut removed = 0;
        for (username, known) in &due {
            if restore.stop.is_requested() {
                self.write(restore.workspace).await?;
                return Ok(None);
            }
            self.gone.remove(username);
            if in_source.contains(&known.sub) {
                continue;
            }
            let there = look(restore, &self.user_pool_id, username).await?;
            let is_that_user = there
                .is_some_and(|user| !user.enabled && user.attribute("sub") == Some(&known.sub));
            if is_that_user {
                let pool = self.user_pool_id.as_str();
                let request = json!({"UserPoolId": pool, "Username": username});
                let cognito = restore.cognito;
                cognito.call(Operation::AdminDeleteUser, &request).await?;
                removed += 1;
            }
        }
        Ok(Some(removed))
    }
}

/// The `sub`s of those whom the backup has: they were noted at another backup, or are not forgotten
/// any more.
async fn in_source(
    due: &BTreeMap<String, Gone>,
    restore: &Restore<'_>,
    made_again: &MadeAgain,
) -> Result<BTreeSet<String>, RestoreError> {
    let due: BTreeSet<&str> = due.values().map(|gone| gone.sub.as_str()).collect();
    let mut found = BTreeSet::new();
    let mut users = pin!(Side::Stored(restore.backup).read_users(0));
    while let Some((_, user)) = users.try_next().await? {
        let sub = made_again.sub_now(user.attribute("sub").unwrap_or_default());
        if due.contains(sub.as_str()) {
            found.insert(sub);
        }
    }
    Ok(found)
}
