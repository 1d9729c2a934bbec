//! `cognito-dr users invite`: a new invitation for users whose temporary password nobody knows.

mod files;

use std::path::PathBuf;

use clap::Args;
use cognito::{Cognito, CognitoError, ErrorKind, Operation, Stop};
use futures::stream::{FuturesUnordered, StreamExt as _};
use model::UserPoolId;
use model::document::{UserRecord, UserStatus};
use serde::Serialize;
use serde_json::{Value, json};

use self::files::{Names, Sent};
use super::stream::{Filter, UserStream, describe};
use crate::arguments::PaceOptions;
use crate::choice;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;

/// How many invitations are on their way at once; the pacer sees to the rate.
const AT_ONCE: usize = 8;
/// E-mails of Cognito's own sender, a day and account (facts A.5).
const DEFAULT_EMAILS_A_DAY: u64 = 50;
/// How many users who could not be invited are named.
const NAMED: usize = 20;

/// Send new invitations to users who have a temporary password
///
/// Users with the status FORCE_CHANGE_PASSWORD cannot use "forgot password". Each who is enabled
/// and has an address gets Cognito's invitation message with a new temporary password; the old one
/// no longer works. Shows how many messages that makes and asks first. Who was sent one is kept in
/// a file, so that the same command goes on where it stopped.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// The pool; chosen from a list where it is not named
    #[arg(value_name = "POOL")]
    pool: Option<UserPoolId>,
    /// Users of this status. Cognito sends invitations to no others
    #[arg(long, value_name = "STATUS", default_value = "FORCE_CHANGE_PASSWORD", value_parser = ["FORCE_CHANGE_PASSWORD"])]
    status: Vec<String>,
    /// Only members of this group
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Only the users of this file: the invitations.jsonl of a restore, or a username to a line
    #[arg(long, value_name = "FILE|s3://BUCKET/KEY")]
    from: Option<String>,
    /// The file that keeps the subs of those who were sent one [default:
    /// ./cognito-dr-invited-POOL.txt]
    #[arg(long, value_name = "FILE")]
    sent: Option<PathBuf>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  emails, text_messages   how many were sent now
  sent_before             users in the file of those who were sent one
  unreachable             users without an address
  no_longer               users who signed in or were changed meanwhile
  failed[]                sub, reason; the first 20
  failed_total            how many there are
  left                    users who are still to be sent one: run the command again
  file                    the file of those who were sent one

Exit code 3 tells that some could not be sent one, or are left.";

/// How Cognito reaches a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    Email,
    Sms,
}

impl Medium {
    /// An address need not be verified to be invited at.
    fn of(user: &UserRecord) -> Option<Self> {
        let has = |name: &str| user.attribute(name).is_some_and(|value| !value.is_empty());
        [("email", Self::Email), ("phone_number", Self::Sms)]
            .into_iter()
            .find(|(name, _)| has(name))
            .map(|(_, medium)| medium)
    }

    /// As AdminCreateUser names it.
    fn name(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Sms => "SMS",
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    emails: u64,
    text_messages: u64,
    sent_before: u64,
    unreachable: u64,
    no_longer: u64,
    failed: Vec<Failed>,
    failed_total: u64,
    left: u64,
    file: String,
}

#[derive(Debug, Serialize)]
struct Failed {
    sub: String,
    reason: String,
}

/// How many messages there are to send.
#[derive(Debug, Default)]
struct Planned {
    emails: u64,
    text_messages: u64,
    sent_before: u64,
    unreachable: u64,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    let named = arguments.pool.as_ref();
    let pool = &choice::pool(context, named, "the argument POOL", &arguments.pace).await?;
    let aws = context.aws_of(pool).await;
    let cognito = context.cognito(&aws, &arguments.pace)?;
    let status = arguments.status.iter().cloned().map(UserStatus::from);
    let filter = Filter {
        status: status.collect(),
        enabled: Some(true),
        group: arguments.group.clone(),
    };
    let file = arguments
        .sent
        .clone()
        .unwrap_or_else(|| format!("cognito-dr-invited-{pool}.txt").into());
    let only = match &arguments.from {
        Some(from) => Some(or_interrupted(Names::read(from, &aws)).await?),
        None => None,
    };
    let mut invitations = Invitations {
        cognito: &cognito,
        pool,
        filter: &filter,
        only,
        sent: Sent::open(&file)?,
    };
    let planned = or_interrupted(async {
        let settings = describe(&cognito, pool).await?;
        let planned = invitations.plan(context).await?;
        ask(context, pool, &settings, &planned).await?;
        Ok(planned)
    })
    .await?;
    let stop = context.stop();
    let mut answer = invitations.send(context, &stop, &planned).await?;
    answer.file = file.display().to_string();
    for failed in &answer.failed {
        let Failed { sub, reason } = failed;
        context
            .terminal
            .warn(&format!("{sub} was sent none: {reason}"));
    }
    context.terminal.answer(&answer, |out| {
        writeln!(
            out,
            "{} e-mails and {} text messages were sent",
            answer.emails, answer.text_messages
        )
    })?;
    if answer.left > 0 {
        context.terminal.note(&format!(
            "{} users are left. The same command goes on with them: who was sent one is in {}.",
            answer.left, answer.file
        ));
    }
    Ok(if stop.is_signalled() && answer.left > 0 {
        Exit::Interrupted
    } else if answer.left + answer.failed_total > 0 {
        Exit::WithLosses
    } else {
        Exit::Done
    })
}

/// Shows what will be sent, and asks.
async fn ask(
    context: &Context,
    pool: &UserPoolId,
    settings: &Value,
    planned: &Planned,
) -> Result<(), Error> {
    let terminal = &context.terminal;
    if planned.sent_before > 0 {
        let sent = planned.sent_before;
        terminal.note(&format!("{sent} users were sent one before."));
    }
    if planned.unreachable > 0 {
        let unreachable = planned.unreachable;
        terminal.warn(&format!(
            "{unreachable} users have neither an e-mail address nor a phone number"
        ));
    }
    let total = planned.emails + planned.text_messages;
    if total == 0 {
        return Ok(());
    }
    warn_of_limits(context, settings, planned.emails);
    let question = format!(
        "Send {} e-mails and {} text messages to users of {pool} ({})?",
        planned.emails,
        planned.text_messages,
        settings["Name"].as_str().unwrap_or_default()
    );
    terminal.confirm(&question).await
}

/// Tells what Cognito's own sender of e-mails allows.
pub(super) fn warn_of_limits(context: &Context, settings: &Value, emails: u64) {
    let uses_ses = settings["EmailConfiguration"]["EmailSendingAccount"] == "DEVELOPER"
        || settings["LambdaConfig"]["CustomEmailSender"].is_object();
    if uses_ses || emails == 0 {
        return;
    }
    let days = emails.div_ceil(DEFAULT_EMAILS_A_DAY);
    let days = match days {
        1 => "these fit into one day if nothing else is sent".to_owned(),
        days => format!("these take {days} days"),
    };
    context.terminal.warn(&format!(
        "the pool sends by Cognito's own sender: {DEFAULT_EMAILS_A_DAY} e-mails a day for the whole account, counted from 09:00 UTC; {days}. Let the pool send by SES for more"
    ));
}

struct Invitations<'a> {
    cognito: &'a Cognito,
    pool: &'a UserPoolId,
    filter: &'a Filter,
    only: Option<Names>,
    sent: Sent,
}

impl Invitations<'_> {
    fn is_meant(&self, user: &UserRecord) -> bool {
        self.only.as_ref().is_none_or(|names| names.have(user))
    }

    async fn plan(&self, context: &Context) -> Result<Planned, Error> {
        let progress = context.terminal.progress();
        progress.begin("users with a temporary password", None);
        let mut planned = Planned::default();
        let mut users = UserStream::found_in_pool(self.cognito, self.pool, self.filter)?;
        while let Some(user) = users.next().await? {
            progress.one_done();
            if !self.is_meant(&user) {
                continue;
            }
            match Medium::of(&user) {
                _ if self.sent.has(&user) => planned.sent_before += 1,
                Some(Medium::Email) => planned.emails += 1,
                Some(Medium::Sms) => planned.text_messages += 1,
                None => planned.unreachable += 1,
            }
        }
        Ok(planned)
    }

    async fn send(
        &mut self,
        context: &Context,
        stop: &Stop,
        planned: &Planned,
    ) -> Result<Answer, Error> {
        let total = planned.emails + planned.text_messages;
        let mut answer = Answer {
            sent_before: planned.sent_before,
            unreachable: planned.unreachable,
            ..Answer::default()
        };
        if total == 0 {
            return Ok(answer);
        }
        let progress = context.terminal.progress();
        progress.begin("invitations", Some(total));
        let mut users = UserStream::found_in_pool(self.cognito, self.pool, self.filter)?;
        let mut on_their_way = FuturesUnordered::new();
        let mut ended = None;
        let mut all_begun = false;
        loop {
            while !all_begun
                && ended.is_none()
                && on_their_way.len() < AT_ONCE
                && !stop.is_requested()
            {
                let Some(user) = users.next().await? else {
                    all_begun = true;
                    break;
                };
                let meant = self.is_meant(&user) && !self.sent.has(&user);
                if let Some(medium) = Medium::of(&user).filter(|_| meant) {
                    let (cognito, pool) = (self.cognito, self.pool);
                    on_their_way.push(async move {
                        let sent = invite(cognito, pool, &user, medium).await;
                        (user, medium, sent)
                    });
                }
            }
            let Some((user, medium, sent)) = on_their_way.next().await else {
                break;
            };
            match sent {
                Ok(()) => {
                    self.sent.remember(&user)?;
                    match medium {
                        Medium::Email => answer.emails += 1,
                        Medium::Sms => answer.text_messages += 1,
                    }
                    progress.one_done();
                }
                Err(error) if is_no_longer_meant(&error) => answer.no_longer += 1,
                Err(error) if is_about_one_user(&error) => {
                    answer.failed_total += 1;
                    if answer.failed.len() < NAMED {
                        let sub = user.attribute("sub").unwrap_or("(no sub)").to_owned();
                        let reason = error.to_string();
                        answer.failed.push(Failed { sub, reason });
                    }
                }
                Err(error) => ended = Some(error),
            }
        }
        let dealt_with =
            answer.emails + answer.text_messages + answer.no_longer + answer.failed_total;
        answer.left = total.saturating_sub(dealt_with);
        match ended {
            Some(error) if error.is(ErrorKind::Quota) => {
                context
                    .terminal
                    .warn(&format!("{error}: go on tomorrow, after 09:00 UTC"));
                Ok(answer)
            }
            Some(error) => Err(Error::from(error).hint(format!(
                "The same command goes on with the {} users who are left.",
                answer.left
            ))),
            None => Ok(answer),
        }
    }
}

async fn invite(
    cognito: &Cognito,
    pool: &UserPoolId,
    user: &UserRecord,
    medium: Medium,
) -> Result<(), CognitoError> {
    let request = json!({
        "UserPoolId": pool.as_str(),
        "Username": user.username.as_str(),
        "MessageAction": "RESEND",
        "DesiredDeliveryMediums": [medium.name()],
    });
    let operation = Operation::AdminCreateUser;
    cognito.call(operation, &request).await.map(drop)
}

/// Who signed in, or was removed, needs none (facts C.1).
fn is_no_longer_meant(error: &CognitoError) -> bool {
    ["UnsupportedUserStateException", "UserNotFoundException"].contains(&&*error.code)
}

/// Whether the others can still be sent one.
fn is_about_one_user(error: &CognitoError) -> bool {
    matches!(
        error.kind,
        ErrorKind::Refused | ErrorKind::Unknown | ErrorKind::AnswerLost
    )
}
