//! sign_up

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn sign_up(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_confirm(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
