//! `cognito-dr restore`: a backup into a new user pool, or into one that exists.

mod kept;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use cognito::Category;
use cognito::limits::Limits;
use jiff::Timestamp;
use model::restore::Report;
use model::{RestoreId, UserPoolId};
use restore::drive::{self, Order};
use restore::{Clients, ExistingPools, OPERATIONS, RestoreError, RestoreSettings, quote};
use vault::Backup;

use crate::arguments::{Location, PaceOptions};
use crate::aws;
use crate::backup_reference::BackupArguments;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::passwords::PasswordOptions;
use crate::restore_options::RestoreOptionArguments;
use kept::Kept;

/// Restore a backup into a new user pool, or into one that exists
///
/// Brings back settings, clients, groups, users and memberships, compares the pool with the backup
/// and writes a report and a hand-over page. Ctrl-C stops where it can go on later. A restore that
/// was stopped or killed goes on by the same command, which finds it by its workspace in this
/// machine's folders, or by --resume.
///
/// Ends with 2 if the pool differs from the backup in ways that the report does not announce.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    #[command(flatten)]
    backup: BackupArguments,
    #[command(flatten)]
    options: RestoreOptionArguments,
    /// Go on with this restore, which was stopped or failed. One that has its report tries again
    /// what did not come back
    #[arg(long, value_name = "RESTORE")]
    resume: Option<RestoreId>,
    /// What stands in the target Region for Region-bound settings of the pool: a JSON file, see
    /// docs/translations.md; else cognito-restore/translations.json of the workspace
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The custom attribute that keeps the sub which a user had in the lost pool, such as
    /// custom:legacy_sub
    #[arg(long, value_name = "ATTRIBUTE")]
    legacy_sub_attribute: Option<String>,
    /// The role by which import jobs write their log; without, users are made call by call
    #[arg(long, value_name = "ARN")]
    import_role: Option<String>,
    /// Where the restore keeps what it remembers and leaves behind; else FILE.restore-ID beside a
    /// file, or cognito-restore/ID in the vault
    #[arg(long, value_name = "FOLDER|s3://BUCKET")]
    workspace: Option<Location>,
    #[command(flatten)]
    passwords: PasswordOptions,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json: the report, see docs/report.md.";

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let mut opened = arguments.backup.open(context).await?;
    let options = arguments.options.options();
    if !options.without_secrets && options.verify.is_none() {
        let decrypted = opened.decrypt_secrets(context).await;
        decrypted.map_err(|error| {
            error.hint("--without-secrets does without: app clients then get new secrets.")
        })?;
    }
    let backup = &opened.backup;
    let named = options.target_user_pool_id.as_ref();
    let (aws, region) = match named.or(options.verify.as_ref()) {
        Some(pool) => (context.aws_of(pool).await, region_of(context, pool)),
        None => (context.aws().await?, context.region().await?.to_owned()),
    };
    let kept = arguments.kept(context, &opened, &options).await?;
    let _lock = kept.lock()?;
    arguments.ask(context, backup, &region, &kept).await?;
    let go_on = go_on(std::env::args(), &kept.id);
    let observer = Arc::new(context.terminal.observer(&arguments.pace));
    let cognito = context.cognito(&aws, &arguments.pace)?;
    let clients = Clients {
        cognito: cognito.allowing(OPERATIONS).observed_by(observer.clone()),
        waf: aws_sdk_wafv2::Client::new(&aws),
        lambda: aws_sdk_lambda::Client::new(&aws),
        workspace: kept.workspace.clone(),
        observer,
    };
    let settings = RestoreSettings {
        account_id: aws::account(&aws).await,
        ..arguments.settings(region)?
    };
    let map = read_map(arguments.map.as_deref())?;
    let driver = format!("{} {}", std::process::id(), Timestamp::now());
    let order = Order {
        restore_id: &kept.id,
        driver: Some(&driver),
        options: &options,
        passed_over: &[],
        map: map.as_deref(),
    };
    let stop = context.stop();
    let limits = Limits::default();
    let work = drive::to_the_end(&clients, &settings, &order, backup, &stop);
    let categories = [Category::UserCreation, Category::UserRead];
    let ended = limits
        .beside(&clients.cognito, &categories, Box::pin(work))
        .await;
    match ended {
        Ok(Some(report)) => {
            answer(context, &report, &kept)?;
            Ok(report.status.into())
        }
        Ok(None) => Err(Error::interrupted().hint(format!("Go on by: {go_on}"))),
        Err(error) => Err(failed(&error).hint(format!("When it is mended, go on by: {go_on}"))),
    }
}

impl Arguments {
    /// Says what will happen, and asks before anything is written into a pool that exists, or
    /// anybody gets a message.
    async fn ask(
        &self,
        context: &Context,
        backup: &Backup,
        region: &str,
        kept: &Kept,
    ) -> Result<(), Error> {
        let (users, began) = (backup.trailer.users, backup.head.timestamp);
        let of = format!(
            "the backup of {} of {began} with {users} users",
            backup.head.user_pool_id
        );
        let terminal = &context.terminal;
        if self.options.dry_run || self.options.verify.is_some() {
            return Ok(());
        }
        if self.passwords.sends_messages() && !kept.goes_on {
            let question = format!(
                "Cognito will send an invitation to each user that is made, up to {users}. Its own mail sender sends 50 a day. Go on?"
            );
            terminal.confirm(&question).await?;
        }
        match &self.options.into {
            Some(pool) if !kept.goes_on => {
                let question = format!(
                    "What the user pool {pool} in {region}, which exists, lacks of {of} will be written into it. Go on?"
                );
                terminal.confirm(&question).await
            }
            Some(_) => Ok(()),
            None => {
                terminal.note(&format!("Restoring {of} into a new user pool in {region}."));
                Ok(())
            }
        }
    }

    fn settings(&self, region: String) -> Result<RestoreSettings, Error> {
        let legacy = self.legacy_sub_attribute.as_deref();
        Ok(RestoreSettings {
            region,
            legacy_sub_attribute: legacy.map(|name| name.trim_start_matches("custom:").to_owned()),
            import_role_arn: self.import_role.clone(),
            // Whoever names a pool here was asked, and has credentials that allow it or do not.
            existing_user_pools: ExistingPools::Every,
            passwords: self.passwords.read()?,
            ..RestoreSettings::default()
        })
    }
}

pub(super) fn region_of(context: &Context, pool: &UserPoolId) -> String {
    let named = context.options.region.as_deref();
    named.unwrap_or(pool.region()).to_owned()
}

/// The operator's map, where a file is named.
pub(super) fn read_map(path: Option<&Path>) -> Result<Option<Vec<u8>>, Error> {
    let read = path.map(|path| {
        std::fs::read(path).map_err(|error| {
            Error::new(format!("cannot read {}", path.display())).because_of(&error)
        })
    });
    read.transpose()
}

/// The command as it was typed, with the restore that it is to go on with.
pub(super) fn go_on(typed: impl Iterator<Item = String>, id: &RestoreId) -> String {
    let mut words: Vec<String> = typed.collect();
    if !words.iter().any(|word| word.starts_with("--resume")) {
        words.extend(["--resume".to_owned(), id.to_string()]);
    }
    go_on_as_typed(words.into_iter())
}

/// The command as it was typed, for a shell.
pub(super) fn go_on_as_typed(typed: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = typed.collect();
    if let Some(program) = words.first_mut() {
        "cognito-dr".clone_into(program);
    }
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    words.join(" ")
}

fn failed(error: &RestoreError) -> Error {
    Error::new("the restore did not come to its end")
        .because_of(error)
        .with_hint_for(error.failure())
}

fn answer(context: &Context, report: &Report, kept: &Kept) -> Result<(), Error> {
    let address = |name: &str| kept.workspace.address(&kept.id.object_key(name));
    context.terminal.answer(report, |out: &mut dyn Write| {
        let counts = &report.findings;
        writeln!(out, "Restore       {}", report.restore_id)?;
        writeln!(out, "Status        {}", report.status.as_str())?;
        if let Some(pool) = &report.new_user_pool_id {
            writeln!(out, "User pool     {pool}")?;
        }
        write!(out, "Users         {} restored", report.users.restored)?;
        if report.users_forgotten > 0 {
            write!(out, "; {} forgotten, and left out", report.users_forgotten)?;
        }
        writeln!(out)?;
        writeln!(
            out,
            "Findings      {} degraded, {} failed",
            counts.degraded, counts.failed
        )?;
        if let Some(verification) = &report.verification {
            writeln!(
                out,
                "Compared      {} users, {} differences announced, {} not",
                verification.users_compared, verification.announced, verification.unannounced
            )?;
        }
        writeln!(out, "Left to do    {}", report.manual_steps.len())?;
        writeln!(out, "Page          {}", address(Report::HANDOVER))?;
        writeln!(out, "Report        {}", address(Report::OBJECT))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_that_goes_on_can_be_pasted_into_a_shell() {
        let id: RestoreId = "dr-restore-1".parse().unwrap();
        let typed = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            go_on(words.into_iter(), &id)
        };
        assert_eq!(
            typed(&["/usr/bin/cognito-dr", "restore", "my file.json"]),
            "cognito-dr restore 'my file.json' --resume dr-restore-1"
        );
        assert_eq!(
            typed(&["cognito-dr", "restore", "it's", "--resume", "dr-restore-1"]),
            r"cognito-dr restore 'it'\''s' --resume dr-restore-1"
        );
    }
}
