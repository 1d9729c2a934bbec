//! Ctrl-C. A command that only looks ends at once. One that works is asked to stop where it can
//! go on later; the second Ctrl-C ends it at once.

use cognito::{Stop, StopSignal};

use crate::error::Error;
use crate::terminal::Terminal;

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

/// A stop that the first Ctrl-C asks for. The second ends the process.
pub(crate) fn stop_on_ctrl_c(terminal: &Terminal) -> Stop {
    let signal = StopSignal::default();
    let stop = signal.stop();
    let terminal = terminal.clone();
    tokio::spawn(async move {
        // Where signals cannot be caught, Ctrl-C ends the process as it always does.
        if tokio::signal::ctrl_c().await.is_err() {
            return;
        }
        terminal.note("Stopping where it can go on later. Ctrl-C again ends at once.");
        signal.request();
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(terminal.end(Err(Error::interrupted())) as i32);
        }
    });
    stop
}
