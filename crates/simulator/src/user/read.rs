//! read

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_get(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_get_auth_factors(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
