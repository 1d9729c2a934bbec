//! What the function's environment says.

use std::time::Duration;

use backup::{MfaPreferences, Pools, UsersByPrefix};
use cognito::Pace;
use lambda::{Environment, Failed};
use model::change::ShrinkLimits;
use model::{KmsKeyArn, UserPoolId};

/// The share of the quotas when `QUOTA_SHARE` does not say: that of ListUsers cannot be raised,
/// and production uses it too (facts E).
const QUOTA_SHARE: f64 = 0.5;
/// How old a pool's newest backup may be when `BACKUP_AGE_LIMIT_HOURS` does not say, in hours.
const AGE_LIMIT: f64 = 3.0;

const SECRETS_KEY: &str = "SECRETS_KEY_ARN";
const FINGERPRINT_KEY: &str = "SECRETS_FINGERPRINT_KEY_ARN";

/// How the function is deployed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Settings {
    /// `USER_POOL_IDS`: the configured pools, or `*`.
    pub(crate) pools: Pools,
    /// `BACKUP_BUCKET`.
    pub(crate) bucket: String,
    /// `BACKUP_TABLE`.
    pub(crate) table: String,
    /// `QUOTA_SHARE` and `QUOTA_OVERRIDES`, as [`Environment::pace`] reads them.
    pub(crate) pace: Pace,
    /// `BACKUP_DIFFERENCES`: `true` (the default) or `false`.
    pub(crate) differences: bool,
    /// `SHRINK_LIMIT_USERS` and `SHRINK_LIMIT_PERCENT`: how many users may be gone or disabled from
    /// one backup to the next before the pool counts as shrunk.
    pub(crate) shrink_limits: ShrinkLimits,
    /// `BACKUP_MFA_PREFERENCES`: `auto` (the default), `true` for all users, `false` for none.
    pub(crate) mfa_preferences: MfaPreferences,
    /// `BACKUP_USERS_BY_PREFIX`: `auto` (the default), `true` or `false`.
    pub(crate) users_by_prefix: UsersByPrefix,
    /// `SECRETS_KEY_ARN` and `SECRETS_FINGERPRINT_KEY_ARN`: what encrypts the secrets within backups,
    /// and tells whether they change; none when both are empty or missing.
    pub(crate) secrets_keys: Option<(KmsKeyArn, KmsKeyArn)>,
    /// `CONTINUATION_STATE_MACHINE_ARN`: who goes on with backups that do not fit into one
    /// invocation; none when empty or missing.
    pub(crate) continuation: Option<String>,
    /// `BACKUP_AGE_LIMIT_HOURS`: how old a pool's newest backup may be.
    pub(crate) age_limit: Duration,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// [`Failed`] that names the variable.
    pub(crate) fn read(
        environment: &Environment<impl Fn(&str) -> Option<String>>,
    ) -> Result<Self, Failed> {
        Ok(Self {
            pools: pools(&environment.required("USER_POOL_IDS")?)?,
            bucket: environment.required("BACKUP_BUCKET")?,
            table: environment.required("BACKUP_TABLE")?,
            pace: environment.pace(QUOTA_SHARE)?,
            differences: match environment.optional("BACKUP_DIFFERENCES").as_deref() {
                None | Some("true") => true,
                Some("false") => false,
                Some(other) => {
                    let problem = format!("{other:?} is neither true nor false");
                    return Err(Failed::configuration("BACKUP_DIFFERENCES", problem));
                }
            },
            shrink_limits: shrink_limits(environment)?,
            mfa_preferences: match environment.optional("BACKUP_MFA_PREFERENCES").as_deref() {
                None | Some("auto") => MfaPreferences::Auto,
                Some("true") => MfaPreferences::All,
                Some("false") => MfaPreferences::None,
                Some(other) => {
                    let problem = format!("{other:?} is neither auto nor true nor false");
                    return Err(Failed::configuration("BACKUP_MFA_PREFERENCES", problem));
                }
            },
            users_by_prefix: match environment.optional("BACKUP_USERS_BY_PREFIX").as_deref() {
                None | Some("auto") => UsersByPrefix::default(),
                Some("true") => UsersByPrefix::Always,
                Some("false") => UsersByPrefix::Never,
                Some(other) => {
                    let problem = format!("{other:?} is neither auto nor true nor false");
                    return Err(Failed::configuration("BACKUP_USERS_BY_PREFIX", problem));
                }
            },
            secrets_keys: secrets_keys(
                environment.optional(SECRETS_KEY),
                environment.optional(FINGERPRINT_KEY),
            )?,
            continuation: environment.optional("CONTINUATION_STATE_MACHINE_ARN"),
            age_limit: age_limit(environment.optional("BACKUP_AGE_LIMIT_HOURS"))?,
        })
    }
}

/// Both or none: an invocation encrypts what it leaves to the next one by the second.
fn secrets_keys(
    key: Option<String>,
    fingerprints: Option<String>,
) -> Result<Option<(KmsKeyArn, KmsKeyArn)>, Failed> {
    let read = |variable, arn: Option<String>| {
        let arn = arn.map(|arn| arn.parse::<KmsKeyArn>()).transpose();
        arn.map_err(|error| Failed::configuration(variable, error))
    };
    let keys = (
        read(SECRETS_KEY, key)?,
        read(FINGERPRINT_KEY, fingerprints)?,
    );
    let missing = |variable| Err(Failed::configuration(variable, "it is not set"));
    match keys {
        (None, None) => Ok(None),
        (Some(key), Some(fingerprints)) => Ok(Some((key, fingerprints))),
        (None, Some(_)) => missing(SECRETS_KEY),
        (Some(_), None) => missing(FINGERPRINT_KEY),
    }
}

fn shrink_limits(
    environment: &Environment<impl Fn(&str) -> Option<String>>,
) -> Result<ShrinkLimits, Failed> {
    let mut limits = ShrinkLimits::default();
    if let Some(text) = environment.optional("SHRINK_LIMIT_USERS") {
        limits.users = text.parse().map_err(|_| {
            let problem = format!("{text:?} is not a number of users");
            Failed::configuration("SHRINK_LIMIT_USERS", problem)
        })?;
    }
    if let Some(text) = environment.optional("SHRINK_LIMIT_PERCENT") {
        let percent = text.parse().ok();
        let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
        limits.percent = percent.ok_or_else(|| {
            let problem = format!("{text:?} is not a number from 0 to 100");
            Failed::configuration("SHRINK_LIMIT_PERCENT", problem)
        })?;
    }
    Ok(limits)
}

fn age_limit(hours: Option<String>) -> Result<Duration, Failed> {
    let hours = match hours {
        None => AGE_LIMIT,
        Some(text) => {
            let hours = text
                .parse()
                .ok()
                .filter(|hours| (0.1..=10_000.0).contains(hours));
            hours.ok_or_else(|| {
                let problem = format!("{text:?} is not a number of hours from 0.1 to 10000");
                Failed::configuration("BACKUP_AGE_LIMIT_HOURS", problem)
            })?
        }
    };
    Ok(Duration::from_secs_f64(hours * 3600.0))
}

fn pools(list: &str) -> Result<Pools, Failed> {
    let wrong = |problem: &dyn std::fmt::Display| Failed::configuration("USER_POOL_IDS", problem);
    if list == "*" {
        return Ok(Pools::Every);
    }
    let mut pools = Vec::new();
    for id in list.split(',').map(str::trim).filter(|id| !id.is_empty()) {
        let pool: UserPoolId = id.parse().map_err(|error| wrong(&error))?;
        if !pools.contains(&pool) {
            pools.push(pool);
        }
    }
    if pools.is_empty() {
        return Err(wrong(&"it names no user pool"));
    }
    Ok(Pools::These(pools))
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

    fn read(changes: &[(&str, &str)]) -> Result<Settings, Failed> {
        Settings::read(&Environment::new(|name: &str| {
            let all = changes.iter().chain(&COMPLETE);
            let mut named = all.filter(|(variable, _)| *variable == name);
            named.next().map(|(_, value)| (*value).to_owned())
        }))
    }

    #[test]
    fn defaults_suit_most() {
        let settings = read(&[]).unwrap();
        let named = ["us-east-1_A", "us-east-1_B"].map(|id| id.parse().unwrap());
        assert_eq!(settings.pools, Pools::These(named.into()));
        assert_eq!(settings.pace.rate(Category::UserList), 15.0);
        assert_eq!(settings.mfa_preferences, MfaPreferences::Auto);
        assert_eq!(settings.users_by_prefix, UsersByPrefix::From(50_000));
        assert_eq!(settings.continuation, None);
        assert_eq!(settings.secrets_keys, None);
        assert_eq!(settings.shrink_limits, ShrinkLimits::default());
        assert_eq!(settings.age_limit, Duration::from_secs(3 * 3600));
    }

    #[test]
    fn secrets_are_encrypted_by_two_keys_or_none() {
        const ARN: &str = "arn:aws:kms:us-west-2:111122223333:key/1a2b3c4d";
        let both = read(&[(SECRETS_KEY, ARN), (FINGERPRINT_KEY, ARN)]).unwrap();
        let arn: KmsKeyArn = ARN.parse().unwrap();
        assert_eq!(both.secrets_keys, Some((arn.clone(), arn)));
        for (one, other) in [
            (SECRETS_KEY, FINGERPRINT_KEY),
            (FINGERPRINT_KEY, SECRETS_KEY),
        ] {
            let error = read(&[(one, ARN)]).unwrap_err().to_string();
            assert!(error.contains(other), "{error}");
        }
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
            ("BACKUP_MFA_PREFERENCES", "yes"),
            ("BACKUP_USERS_BY_PREFIX", "yes"),
            (SECRETS_KEY, "1a2b3c4d"),
            ("SHRINK_LIMIT_USERS", "many"),
            ("SHRINK_LIMIT_PERCENT", "101"),
            ("BACKUP_AGE_LIMIT_HOURS", "0"),
            ("BACKUP_AGE_LIMIT_HOURS", "a day"),
        ] {
            let error = read(&[(variable, value)]).unwrap_err();
            assert!(error.to_string().contains(variable), "{error}");
            assert_eq!(error.failure(), model::Failure::MissingConfiguration);
        }
    }
}
