//! Which standby pool follows which, by itself.

use std::collections::BTreeMap;

use model::{BackupKey, UserPoolId};
use serde_json::{Value, json};

/// The standby pools that follow each backup of their source.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Standbys {
    pools: BTreeMap<UserPoolId, UserPoolId>,
    /// After how many days users gone from the source are removed; 0: never.
    remove_after_days: u32,
}

impl Standbys {
    /// Reads pairs `SOURCE=STANDBY` between commas; nothing is no pair.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub(crate) fn read(pairs: &str, remove_after_days: u32) -> Result<Self, String> {
        let pairs = pairs
            .split(',')
            .map(str::trim)
            .filter(|pair| !pair.is_empty());
        let pools: Result<_, String> = pairs
            .map(|pair| {
                let (source, standby) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("{pair} is no pair SOURCE=STANDBY"))?;
                let read = |id: &str| id.parse().map_err(|error| format!("{error}"));
                Ok((read(source)?, read(standby)?))
            })
            .collect();
        Ok(Self {
            pools: pools?,
            remove_after_days,
        })
    }

    /// What is asked for when the backup with this key has arrived; nothing where no pool follows.
    pub(crate) fn request_for(&self, arrived: &str) -> Option<Value> {
        let key: BackupKey = arrived.parse().ok()?;
        // The parts of a backup arrive before it.
        let source = Some(key.pool()).filter(|_| key.shard().is_none())?;
        let standby = self.pools.get(source)?;
        Some(json!({
            "user_pool_id": source,
            "standby": {"sync": standby, "remove_after_days": self.remove_after_days},
        }))
    }
}

#[cfg(test)]
mod tests {
    use model::request::TriggerRequest;

    use super::*;

    #[test]
    fn a_standby_pool_follows_whole_backups_of_its_source_alone() {
        let pairs = "us-east-1_A=us-west-2_B,us-east-1_C=us-west-2_D";
        let standbys = Standbys::read(pairs, 30).unwrap();
        let request = standbys.request_for("cognito-backup/2026/03/07/us-east-1_A-090502.json");
        let request = request.unwrap();
        assert_eq!(
            request,
            json!({"user_pool_id": "us-east-1_A", "standby": {"sync": "us-west-2_B", "remove_after_days": 30}})
        );
        assert!(TriggerRequest::from_event(&request).is_ok());
        for other in [
            "cognito-backup/2026/03/07/us-east-1_X-090502.json",
            "cognito-backup/2026/03/07/us-west-2_B-090502.json",
            "cognito-restore/translations.json",
            "",
        ] {
            assert_eq!(standbys.request_for(other), None, "{other}");
        }
        assert_eq!(Standbys::read("", 0), Ok(Standbys::default()));
        for wrong in ["us-east-1_A", "us-east-1_A=", "=us-east-1_A", "a=b"] {
            assert!(Standbys::read(wrong, 0).is_err(), "{wrong}");
        }
    }
}
