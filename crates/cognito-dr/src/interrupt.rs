//! Ctrl-C for commands that only look: they end at once, with nothing to clean up.

use crate::error::Error;

/// Works until done, or until Ctrl-C.
///
/// # Errors
/// Those of the work, or the interruption.
pub(crate) async fn or_interrupted<T>(
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Error::interrupted()),
    }
}
