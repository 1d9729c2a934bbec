//! What the stack in the DR Region says of itself: the variables of its function that checks.

use cognito::Pace;
use jiff::SignedDuration;
use model::UserPoolId;

/// A variable is missing or wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct SettingsError {
    /// Its name.
    pub variable: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// The stack in the DR Region.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The parameter `Environment` of the stacks.
    pub environment: String,
    /// The bucket of the replicas.
    pub bucket: String,
    /// The topic of notifications.
    pub topic_arn: String,
    /// The role by which import jobs write their log.
    pub import_role_arn: String,
    /// How old the newest replica may be.
    pub maximum_replica_age: SignedDuration,
    /// How long a restore may take.
    pub longest_restore: SignedDuration,
    /// Pools that the stack rehearses on a schedule.
    pub rehearsed: Vec<UserPoolId>,
    /// Pools that are no longer backed up on purpose.
    pub retired: Vec<UserPoolId>,
    /// The share of Cognito's quotas that a restore uses, and those that were raised.
    pub pace: Pace,
}

impl Settings {
    /// Reads the variables of the function `cognito-dr-ready-{environment}`.
    ///
    /// # Errors
    /// [`SettingsError`] that names the variable.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let required = |name: &'static str| {
            variable(name)
                .filter(|value| !value.trim().is_empty())
                .ok_or_else(|| wrong(name, "it is not set"))
        };
        let number = |name: &'static str| -> Result<f64, SettingsError> {
            let number = required(name)?.trim().parse().ok();
            number
                .filter(|number: &f64| number.is_finite() && *number >= 0.0)
                .ok_or_else(|| wrong(name, "it is not a number"))
        };
        let hours = |name| number(name).map(|hours| SignedDuration::from_secs_f64(hours * 3600.0));
        let quotas = variable("QUOTA_OVERRIDES").unwrap_or_default();
        let share = number("QUOTA_SHARE")?;
        if !(0.01..=1.0).contains(&share) {
            return Err(wrong("QUOTA_SHARE", "it is not a number from 0.01 to 1"));
        }
        let pools = |name: &'static str| -> Result<Vec<UserPoolId>, SettingsError> {
            let ids = variable(name).unwrap_or_default();
            let ids = ids.split(',').map(str::trim).filter(|id| !id.is_empty());
            let ids: Result<_, _> = ids.map(str::parse::<UserPoolId>).collect();
            ids.map_err(|error| wrong(name, error))
        };
        Ok(Self {
            environment: required("ENVIRONMENT")?,
            bucket: required("SOURCE_BUCKET")?,
            topic_arn: required("SNS_TOPIC_ARN")?,
            import_role_arn: required("IMPORT_ROLE_ARN")?,
            maximum_replica_age: hours("MAXIMUM_REPLICA_AGE_HOURS")?,
            longest_restore: hours("LONGEST_RESTORE_HOURS")?,
            rehearsed: pools("REHEARSAL_USER_POOL_IDS")?,
            retired: pools("RETIRED_USER_POOL_IDS")?,
            pace: Pace::share_of_quotas(share)
                .with_quotas(&quotas)
                .map_err(|error| wrong("QUOTA_OVERRIDES", error))?,
        })
    }

    /// The account that the stack is in, as its topic names it.
    pub fn account_id(&self) -> &str {
        self.topic_arn.split(':').nth(4).unwrap_or_default()
    }
}

fn wrong(variable: &'static str, problem: impl std::fmt::Display) -> SettingsError {
    let problem = problem.to_string();
    SettingsError { variable, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: &str, value: &str) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            if name == changed {
                return Some(value.to_owned());
            }
            let value = match name {
                "ENVIRONMENT" => "prod",
                "SOURCE_BUCKET" => "b",
                "SNS_TOPIC_ARN" => "arn:aws:sns:us-west-2:111122223333:t",
                "IMPORT_ROLE_ARN" => "arn:aws:iam::111122223333:role/r",
                "MAXIMUM_REPLICA_AGE_HOURS" => "3",
                "LONGEST_RESTORE_HOURS" => "12",
                "QUOTA_SHARE" => "0.95",
                _ => return None,
            };
            Some(value.to_owned())
        })
    }

    #[test]
    fn the_variables_of_the_function_are_read() {
        let settings = read("RETIRED_USER_POOL_IDS", "us-east-1_A,us-east-1_B").unwrap();
        assert_eq!(settings.account_id(), "111122223333");
        assert_eq!(settings.maximum_replica_age, SignedDuration::from_hours(3));
        assert_eq!(settings.retired.len(), 2);
        assert_eq!(settings.rehearsed, []);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (name, value) in [
            ("SOURCE_BUCKET", " "),
            ("MAXIMUM_REPLICA_AGE_HOURS", "often"),
            ("LONGEST_RESTORE_HOURS", "-1"),
            ("QUOTA_SHARE", "2"),
            ("QUOTA_OVERRIDES", "UserCreation"),
            ("RETIRED_USER_POOL_IDS", "no pool"),
        ] {
            let error = read(name, value).unwrap_err();
            assert_eq!(error.variable, name, "{error}");
        }
    }
}
