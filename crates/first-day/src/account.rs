//! The account that is asked, in two Regions.

use std::collections::HashMap;
use std::time::Duration;

use aws_config::SdkConfig;
use cognito::{Cognito, Pace};

/// One of the two Regions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where pools are backed up.
    Primary,
    /// Where they are restored.
    Dr,
}

/// What the operator gave.
#[derive(Debug, Clone)]
pub struct Given {
    /// Roles and users of IAM may be made.
    pub iam: bool,
    /// Questions that take more than an hour are asked, too.
    pub long: bool,
}

impl Default for Given {
    fn default() -> Self {
        Self {
            iam: true,
            long: false,
        }
    }
}

/// How long a real account is left alone.
const QUIET_TIME: Duration = Duration::from_secs(10);

/// Clients of one Region.
#[derive(Debug, Clone)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Cognito, at a small part of the quotas.
    pub cognito: Cognito,
    /// Cognito, as fast as it will go.
    pub unpaced: Cognito,
}

impl Region {
    fn new(cognito: &SdkConfig, pace: Pace) -> Self {
        let unpaced = Cognito::new(cognito, Pace::unlimited());
        let cognito = Cognito::new(cognito, pace);
        Self {
            name: cognito.region().to_owned(),
            cognito,
            unpaced,
        }
    }
}

/// An account in two Regions.
#[derive(Debug, Clone)]
pub struct Account {
    /// Where pools are backed up.
    pub primary: Region,
    /// Where they are restored.
    pub dr: Region,
    /// How long the service needs until it shows, or forgets, what happened: waited before a burst
    /// is measured, and before something is looked for whose creation was never answered.
    pub quiet_time: Duration,
}

impl Account {
    /// Clients over the credentials and Regions of the two configurations.
    pub fn new(primary: &SdkConfig, dr: &SdkConfig, pace: Pace) -> Self {
        Self {
            primary: Region::new(primary, pace.clone()),
            dr: Region::new(dr, pace),
            quiet_time: QUIET_TIME,
        }
    }

    /// The clients of a Region.
    pub fn on(&self, side: Side) -> &Region {
        match side {
            Side::Primary => &self.primary,
            Side::Dr => &self.dr,
        }
    }

    /// The clients of a Region by its name.
    pub fn named(&self, region: &str) -> Option<&Region> {
        [&self.primary, &self.dr]
            .into_iter()
            .find(|known| known.name == region)
    }
}

/// What placeholders in an expectation stand for.
pub(crate) fn fill(text: &str, values: &HashMap<&'static str, String>) -> String {
    let mut filled = text.to_owned();
    for (name, value) in values {
        filled = filled.replace(&format!("{{{name}}}"), value);
    }
    filled
}
