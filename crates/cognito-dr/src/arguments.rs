//! What can be typed: the options that every command takes, and the commands in the order of a
//! person's tasks.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ColorChoice, Parser, ValueEnum};
use cognito::Pace;
use cognito::pace::BadQuota;
use model::KmsKeyArn;

use crate::commands::Command;
use crate::exit;

/// Back up, restore and compare Amazon Cognito user pools.
///
/// Credentials, profile, Region and endpoints are taken as the AWS CLI takes them. The standard
/// output holds the answer and nothing else; progress, questions and errors go to the standard
/// error.
#[derive(Debug, Parser)]
#[command(
    name = "cognito-dr",
    version,
    after_help = exit::HELP,
    propagate_version = false,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: GlobalOptions,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalOptions {
    /// The profile of ~/.aws/config to use; goes before credentials in the environment
    /// [env: AWS_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The Region to work in; else the one that a pool's id names, else that of the environment
    /// or the profile [env: AWS_REGION, AWS_DEFAULT_REGION]
    #[arg(long, global = true, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The endpoint of all AWS services that are called [env: AWS_ENDPOINT_URL,
    /// AWS_ENDPOINT_URL_<SERVICE>]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    /// Where the backups lie
    #[arg(
        long,
        global = true,
        value_name = "FOLDER|s3://BUCKET",
        env = "COGNITO_DR_VAULT",
        hide_env_values = true
    )]
    pub(crate) vault: Option<Location>,
    /// The Region of the vault's bucket, where it is not the one to work in
    #[arg(
        long,
        global = true,
        value_name = "REGION",
        env = "COGNITO_DR_VAULT_REGION",
        hide_env_values = true
    )]
    pub(crate) vault_region: Option<String>,
    /// Users who must not come back out of backups, beside those of the vault's list: a file with a
    /// sub on each line, or the list of another vault
    #[arg(long, global = true, value_name = "FILE|FOLDER|s3://BUCKET")]
    pub(crate) forgotten: Option<Location>,
    /// The key of AWS KMS by which backups that are written encrypt the secrets of app clients and
    /// identity providers; without one, they hold them as they are
    #[arg(
        long,
        global = true,
        value_name = "ARN",
        env = "COGNITO_DR_SECRETS_KEY",
        hide_env_values = true
    )]
    pub(crate) secrets_key: Option<KmsKeyArn>,
    /// Answer every question with yes
    #[arg(long, short = 'y', global = true)]
    pub(crate) yes: bool,
    /// Never ask: what is missing is an error that names the option
    #[arg(long, global = true)]
    pub(crate) no_input: bool,
    /// Show errors, warnings and the answer only
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
    /// Give the answer as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How to show progress: bars in a terminal and lines elsewhere, or as named; `json` writes
    /// one event to a line
    #[arg(long, global = true, value_name = "FORM", default_value = "auto")]
    pub(crate) progress: ProgressForm,
    /// When to use colours [env: NO_COLOR]
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressForm {
    Auto,
    Bars,
    Lines,
    Json,
    None,
}

/// A place for backups: a bucket, or a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// `s3://BUCKET`
    Bucket(String),
    /// A folder of this machine.
    Folder(PathBuf),
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(bucket) = text.strip_prefix("s3://") else {
            return Ok(Self::Folder(text.into()));
        };
        let bucket = bucket.trim_end_matches('/');
        if bucket.is_empty() || bucket.contains('/') {
            return Err("a vault in S3 is s3:// and the name of a bucket, nothing more".into());
        }
        Ok(Self::Bucket(bucket.to_owned()))
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Location::Bucket(bucket) => write!(formatter, "s3://{bucket}"),
            Location::Folder(folder) => write!(formatter, "{}", folder.display()),
        }
    }
}

/// Options of the commands that call Cognito: how much of the account's quotas they may use.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Pace")]
pub(crate) struct PaceOptions {
    /// The share of Cognito's request quotas to use, 0.01 to 1. Quotas belong to the account and
    /// Region, so the live users' requests count against them as well
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    pub(crate) quota_share: f64,
    /// A quota that was raised for the account, in requests per second, such as
    /// UserCreation=100; may be given several times
    #[arg(long, value_name = "CATEGORY=N")]
    pub(crate) quota: Vec<String>,
}

impl PaceOptions {
    /// What the options say.
    ///
    /// # Errors
    /// [`BadQuota`] that names the first quota which is none.
    pub(crate) fn pace(&self) -> Result<Pace, BadQuota> {
        Pace::share_of_quotas(self.quota_share).with_quotas(&self.quota.join(","))
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    share
        .filter(|share| (0.01..=1.0).contains(share))
        .ok_or_else(|| "a share is a number from 0.01 to 1".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_is_a_folder_or_a_bucket() {
        for (text, expected) in [
            ("s3://b", Some(Location::Bucket("b".into()))),
            ("s3://b/", Some(Location::Bucket("b".into()))),
            ("s3://", None),
            ("s3://b/prefix", None),
            ("./here", Some(Location::Folder("./here".into()))),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn what_can_be_typed_is_free_of_contradictions() {
        crate::command().debug_assert();
    }
}
