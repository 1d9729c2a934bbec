//! import

use crate::call::{Answer, Call};
use crate::state::State;

/// A user import job.
#[derive(Debug)]
pub(crate) struct ImportJob {
    active: bool,
}

impl ImportJob {
    /// Pending, running or stopping.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }
}

pub(crate) fn csv_header(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn create(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn describe(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn start(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn stop(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

/// Takes the file of a job. `Err` is S3's error code.
pub(crate) fn upload(
    _state: &mut State,
    _now: crate::state::Time,
    _pool: &str,
    _job: &str,
    _token: &str,
    _encryption: Option<&str>,
    _body: &bytes::Bytes,
) -> Result<(), &'static str> {
    Err("AccessDenied")
}
