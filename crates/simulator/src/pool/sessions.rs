//! Session configuration of pools and app clients (facts A.18).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn get(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn set(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn get_for_client(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn set_for_client(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
