//! What the function's environment says.

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

/// The settings of the backup Lambda.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `USER_POOL_IDS`: the configured pools, or `*`.
    pub pools: Pools,
    /// `BACKUP_BUCKET`.
    pub bucket: String,
    /// `BACKUP_TABLE`.
    pub table: String,
    /// `QUOTA_SHARE`: the share of Cognito's quotas that a backup may use. Half by default: the
    /// quota of ListUsers cannot be raised, and production uses it too (facts E).
    pub quota_share: f64,
    /// `BACKUP_MFA_PREFERENCES`: whether users' MFA preferences are read. Off by default: it
    /// takes a call for each user.
    pub mfa_preferences: bool,
    /// `CONTINUATION_STATE_MACHINE_ARN`: who goes on with backups that do not fit into one
    /// invocation; none when empty or missing.
    pub continuation: Option<String>,
}

impl Settings {
    /// Reads the settings; `variable` looks one up.
    ///
    /// # Errors
    /// [`BackupError::Configuration`] that names the variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, BackupError> {
        let optional = |name: &'static str| {
            let value = variable(name).map(|value| value.trim().to_owned());
            value.filter(|value| !value.is_empty())
        };
        let required = |name: &'static str| {
            optional(name).ok_or(BackupError::Configuration {
                variable: name,
                problem: "it is not set".into(),
            })
        };
        Ok(Self {
            pools: pools(&required("USER_POOL_IDS")?)?,
            bucket: required("BACKUP_BUCKET")?,
            table: required("BACKUP_TABLE")?,
            quota_share: optional("QUOTA_SHARE").map_or(Ok(0.5), |share| quota_share(&share))?,
            mfa_preferences: match optional("BACKUP_MFA_PREFERENCES").as_deref() {
                None | Some("false") => false,
                Some("true") => true,
                Some(other) => {
                    return Err(wrong(
                        "BACKUP_MFA_PREFERENCES",
                        format!("{other:?} is neither true nor false"),
                    ));
                }
            },
            continuation: optional("CONTINUATION_STATE_MACHINE_ARN"),
        })
    }
}

fn wrong(variable: &'static str, problem: String) -> BackupError {
    BackupError::Configuration { variable, problem }
}

fn pools(list: &str) -> Result<Pools, BackupError> {
    if list == "*" {
        return Ok(Pools::Every);
    }
    let mut pools = Vec::new();
    for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let pool: UserPoolId = id
            .parse()
            .map_err(|error| wrong("USER_POOL_IDS", format!("{error}")))?;
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    if pools.is_empty() {
        return Err(wrong("USER_POOL_IDS", "it names no user pool".into()));
    }
    Ok(Pools::These(pools))
}

fn quota_share(text: &str) -> Result<f64, BackupError> {
    match text.parse() {
        Ok(share) if (0.01..=1.0).contains(&share) => Ok(share),
        _ => {
            let problem = format!("{text:?} is not a share between 0.01 and 1");
            Err(wrong("QUOTA_SHARE", problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 3] = [
        ("USER_POOL_IDS", "us-east-1_A, us-east-1_B,,us-east-1_A"),
        ("BACKUP_BUCKET", "b"),
        ("BACKUP_TABLE", "t"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Settings, BackupError> {
        Settings::read(|name| {
            let all = changes.iter().chain(&COMPLETE);
            let mut named = all.filter(|(variable, _)| *variable == name);
            named.next().map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn defaults_suit_most() {
        let settings = read(&[]).unwrap();
        let named = ["us-east-1_A", "us-east-1_B"].map(|id| id.parse().unwrap());
        assert_eq!(settings.pools, Pools::These(named.into()));
        assert_eq!(settings.quota_share, 0.5);
        assert!(!settings.mfa_preferences);
        assert_eq!(settings.continuation, None);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (variable, value) in [
            ("USER_POOL_IDS", ""),
            ("USER_POOL_IDS", " , "),
            ("USER_POOL_IDS", "us-east-1_A,nonsense"),
            ("USER_POOL_IDS", "us-east-1_A,*"),
            ("BACKUP_BUCKET", ""),
            ("BACKUP_TABLE", " "),
            ("QUOTA_SHARE", "half"),
            ("QUOTA_SHARE", "0"),
            ("QUOTA_SHARE", "NaN"),
            ("BACKUP_MFA_PREFERENCES", "yes"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert!(error.to_string().starts_with(variable), "{error}");
            assert_eq!(error.failure(), model::Failure::MissingConfiguration);
        }
    }
}
