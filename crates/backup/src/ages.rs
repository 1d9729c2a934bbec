//! How old the newest backup of each pool is.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use model::UserPoolId;
use vault::{Vault, VaultError};

use crate::pools::ListedPool;

/// How old the newest backups of some pools are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ages {
    /// The pools without a complete backup that began within the limit.
    pub overdue: Vec<UserPoolId>,
    /// The largest age of a pool's newest backup, counted from the beginning of its reading; of
    /// a pool without one within the limit, the limit.
    pub oldest: Duration,
}

impl Ages {
    /// Looks up the ages of the newest backups of `pools` at `now`, as far back as `limit`. A
    /// pool that is younger than the limit is as old as if it had been backed up when it was made.
    ///
    /// # Errors
    /// [`VaultError`] when the store does not list them.
    pub async fn of(
        pools: &[ListedPool],
        vault: &Vault,
        limit: Duration,
        now: Timestamp,
    ) -> Result<Self, VaultError> {
        let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        let since = now.checked_sub(limit).unwrap_or(Timestamp::MIN);
        let newest = vault.newest_since(since).await?;
        let mut ages = Ages {
            overdue: Vec::new(),
            oldest: Duration::ZERO,
        };
        for pool in pools {
            let in_order = newest.get(&pool.id).copied();
            let in_order = in_order.or(pool.made.filter(|made| *made >= since));
            if in_order.is_none() {
                ages.overdue.push(pool.id.clone());
            }
            let age = now.duration_since(in_order.unwrap_or(since));
            ages.oldest = ages.oldest.max(Duration::try_from(age).unwrap_or_default());
        }
        Ok(ages)
    }
}
