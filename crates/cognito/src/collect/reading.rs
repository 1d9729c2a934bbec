//! What came of reading a section.

use std::future::Future;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use serde_json::Value;

use crate::error::{CognitoError, ErrorKind};

/// How many items of a section are read at a time. The pacer holds the rate; this only lets it
/// be reached when answers take longer than the pause between two permits.
const AT_A_TIME: usize = 5;

/// What came of reading a section: its content, or why there is none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum SectionRead {
    /// It was read; `null`, `{}` and `[]` mean that there is nothing.
    Found(Value),
    /// It is not there to be read, and why.
    NotRead(String),
    /// It could not be read.
    Failed(String),
}

/// Turns the result of a call into a reading. A feature that the pool or the Region does not
/// have is no failure.
pub(super) fn settle(result: Result<Value, CognitoError>) -> SectionRead {
    match result {
        Ok(value) => SectionRead::Found(value),
        Err(error) if error.is(ErrorKind::FeatureUnavailable) => {
            let reason = format!("{} ({})", error.message, error.code);
            SectionRead::NotRead(reason.trim_start().to_owned())
        }
        Err(error) => SectionRead::Failed(error.to_string()),
    }
}

/// `null` for what is not there (any more); other errors stay.
pub(super) fn or_nothing(result: Result<Value, CognitoError>) -> Result<Value, CognitoError> {
    match result {
        Err(error) if error.is(ErrorKind::Missing) => Ok(Value::Null),
        other => other,
    }
}

/// Reads each item, some at a time, in their order.
pub(super) fn some_at_a_time<I, F, T>(
    items: I,
    read: impl FnMut(I::Item) -> F,
) -> impl Stream<Item = Result<T, CognitoError>>
where
    I: IntoIterator,
    F: Future<Output = Result<T, CognitoError>>,
{
    stream::iter(items).map(read).buffered(AT_A_TIME)
}

/// Reads each item, some at a time, and keeps their order. Items that turn out to be nothing
/// (`null`) are left out: most were deleted since they were listed.
pub(super) async fn each<I, F>(
    items: I,
    read: impl FnMut(I::Item) -> F,
) -> Result<Vec<Value>, CognitoError>
where
    I: IntoIterator,
    F: Future<Output = Result<Value, CognitoError>>,
{
    some_at_a_time(items, read)
        .try_filter(|value| std::future::ready(!value.is_null()))
        .try_collect()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn a_feature_that_the_pool_does_not_have_is_told_without_a_failure() {
        let refused = |kind, message: &str| {
            settle(Err(CognitoError {
                operation: Operation::DescribeRiskConfiguration,
                code: "UserPoolAddOnNotEnabledException".into(),
                message: message.into(),
                kind,
            }))
        };
        let not_read = |text: &str| SectionRead::NotRead(text.into());
        assert_eq!(
            refused(ErrorKind::FeatureUnavailable, "Not enabled."),
            not_read("Not enabled. (UserPoolAddOnNotEnabledException)")
        );
        assert_eq!(
            refused(ErrorKind::FeatureUnavailable, ""),
            not_read("(UserPoolAddOnNotEnabledException)")
        );
        assert!(matches!(
            refused(ErrorKind::Refused, "No."),
            SectionRead::Failed(_)
        ));
    }
}
