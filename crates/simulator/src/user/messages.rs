//! Messages that end users would have got. They are counted, never sent.

use serde_json::Value;

use crate::call::Call;
use crate::error::ServiceError;
use crate::state::{State, Time};

/// Mails of the default sender, a day and account (facts A.5).
const DEFAULT_MAILS_A_DAY: u32 = 50;
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1000;
/// The count starts again at 09:00 UTC (facts A.5).
const RESET_MILLIS: u64 = 9 * 60 * 60 * 1000;

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    Email,
    Sms,
}

impl Medium {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Email => "EMAIL",
            Self::Sms => "SMS",
        }
    }
}

/// Sends a message to an end user: counts it, fires CustomMessage if the pool has one, and draws on the daily mails
/// of the default sender.
///
/// # Errors
/// `LimitExceededException` when the default sender's mails of the day are used up (facts A.5 \[ISSUE\]).
pub(crate) fn send(
    state: &mut State,
    call: &Call<'_>,
    pool_id: &str,
    kind: &'static str,
    medium: Medium,
) -> Result<(), ServiceError> {
    let region = state.region(call.account, call.region);
    let Some(pool) = region.pools.get(pool_id) else {
        return Ok(());
    };
    if medium == Medium::Email && uses_default_sender(pool) {
        let day = mail_day(call.now);
        if region.mail_day != day {
            region.mail_day = day;
            region.mails_today = 0;
        }
        if region.mails_today >= DEFAULT_MAILS_A_DAY {
            return Err(ServiceError::limit_exceeded(
                "Exceeded daily email limit for the operation or the account. If a higher limit is required, please \
                 configure your user pool to use your own Amazon SES configuration for sending email.",
            ));
        }
        region.mails_today += 1;
    }
    if pool.trigger("CustomMessage").is_some() {
        call.note_trigger("CustomMessage");
    }
    call.note_message(kind, medium.as_str());
    Ok(())
}

fn uses_default_sender(pool: &crate::state::Pool) -> bool {
    let custom_sender = pool.trigger("CustomEmailSender").is_some();
    let developer = pool
        .settings
        .get("EmailConfiguration")
        .and_then(|configuration| configuration.get("EmailSendingAccount"))
        .and_then(Value::as_str)
        == Some("DEVELOPER");
    !custom_sender && !developer
}

fn mail_day(now: Time) -> u64 {
    now.0.saturating_sub(RESET_MILLIS) / DAY_MILLIS
}
