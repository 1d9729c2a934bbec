//! link

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_link(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_disable(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
