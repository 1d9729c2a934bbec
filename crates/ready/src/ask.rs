//! Asking AWS: what is there, what is not, and what nobody may say.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::error::{ProvideErrorMetadata, SdkError};

use crate::outcome::Outcome;

/// How long one attempt may take. A Region that is gone must not hold up the answer.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How many attempts are made.
const ATTEMPTS: u32 = 3;

/// Why nobody could find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CannotTell(pub(crate) String);

/// What was found, unless nobody could find out.
pub(crate) type Observed<T> = Result<T, CannotTell>;

impl From<CannotTell> for Outcome {
    fn from(CannotTell(why): CannotTell) -> Self {
        Outcome::cannot_be_told(why)
    }
}

/// The outcome of what was observed; what could not be observed cannot be told.
pub(crate) fn judged<T>(observed: Observed<T>, judge: impl FnOnce(T) -> Outcome) -> Outcome {
    observed.map_or_else(Outcome::from, judge)
}

/// How clients reach AWS to ask: patient for some seconds, not for minutes.
pub(crate) fn patient(config: &SdkConfig) -> SdkConfig {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .operation_attempt_timeout(ATTEMPT)
        .build();
    config
        .to_builder()
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .build()
}

/// The same in another Region.
pub(crate) fn in_region(config: &SdkConfig, region: &str) -> SdkConfig {
    let region = Region::new(region.to_owned());
    config.to_builder().region(region).build()
}

/// What a service answers; `None` where it says, by one of the codes `missing`, that there is no
/// such thing.
pub(crate) async fn ask<T, E>(
    operation: &str,
    missing: &[&str],
    request: impl Future<Output = Result<T, SdkError<E>>>,
) -> Observed<Option<T>>
where
    E: ProvideErrorMetadata,
{
    // The SDK's futures are large.
    match Box::pin(request).await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.code() {
            Some(code) if missing.contains(&code) => Ok(None),
            Some(code) => Err(refused(operation, code)),
            None => Err(CannotTell(format!("{operation} got no answer"))),
        },
    }
}

/// The same of what is always there.
pub(crate) async fn ask_for<T, E>(
    operation: &str,
    request: impl Future<Output = Result<T, SdkError<E>>>,
) -> Observed<T>
where
    E: ProvideErrorMetadata,
{
    let answer = ask(operation, &[], request).await?;
    answer.ok_or_else(|| CannotTell(format!("{operation} got no answer")))
}

/// A service refused to answer.
pub(crate) fn refused(operation: &str, code: &str) -> CannotTell {
    CannotTell(format!("{operation} was refused: {code}"))
}
