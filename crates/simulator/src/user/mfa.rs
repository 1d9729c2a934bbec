//! mfa

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_set_preference(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
