//! What the function's environment says.

use cognito::{Cognito, CognitoError, Operation, Pace, Pages};
use model::UserPoolId;
use serde_json::json;

use crate::error::BackupError;
use crate::preferences::MfaPreferences;

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
    /// `QUOTA_SHARE` and `QUOTA_OVERRIDES`: the share of Cognito's quotas that a backup may use,
    /// and quotas that were raised for the account, as [`Pace::with_quotas`] reads them. Half by
    /// default: the quota of ListUsers cannot be raised, and production uses it too (facts E).
    pub pace: Pace,
    /// `BACKUP_MFA_PREFERENCES`: `auto` (the default), `true` for all users, `false` for none.
    pub mfa_preferences: MfaPreferences,
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
            pace: pace(optional("QUOTA_SHARE"), optional("QUOTA_OVERRIDES"))?,
            mfa_preferences: match optional("BACKUP_MFA_PREFERENCES").as_deref() {
                None | Some("auto") => MfaPreferences::Auto,
                Some("true") => MfaPreferences::All,
                Some("false") => MfaPreferences::None,
                Some(other) => {
                    return Err(wrong(
                        "BACKUP_MFA_PREFERENCES",
                        format!("{other:?} is neither auto nor true nor false"),
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

fn pace(share: Option<String>, quotas: Option<String>) -> Result<Pace, BackupError> {
    let share = share.unwrap_or_else(|| "0.5".to_owned());
    let share = match share.parse() {
        Ok(share) if (0.01..=1.0).contains(&share) => share,
        _ => {
            let problem = format!("{share:?} is not a share between 0.01 and 1");
            return Err(wrong("QUOTA_SHARE", problem));
        }
    };
    Pace::share_of_quotas(share)
        .with_quotas(&quotas.unwrap_or_default())
        .map_err(|error| wrong("QUOTA_OVERRIDES", error.to_string()))
}

#[cfg(test)]
mod tests {
    use cognito::Category;

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
        assert_eq!(settings.pace.rate(Category::UserList), 15.0);
        assert_eq!(settings.mfa_preferences, MfaPreferences::Auto);
        assert_eq!(settings.continuation, None);
    }

    #[test]
    fn raised_quotas_are_given_with_the_share() {
        let changes = [("QUOTA_SHARE", "0.8"), ("QUOTA_OVERRIDES", "UserRead=300")];
        let settings = read(&changes).unwrap();
        assert_eq!(settings.pace.rate(Category::UserRead), 240.0);
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
            ("QUOTA_OVERRIDES", "UserList"),
            ("BACKUP_MFA_PREFERENCES", "yes"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert!(error.to_string().starts_with(variable), "{error}");
            assert_eq!(error.failure(), model::Failure::MissingConfiguration);
        }
    }
}
