//! Risk configuration (facts A.14).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn describe(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn set(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
