//! password

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_set(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_reset(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
