//! Secrets of app clients (facts A.6, A.18).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn add(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn delete(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
