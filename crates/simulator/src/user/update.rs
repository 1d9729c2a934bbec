//! update

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_enable(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_disable(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_delete(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_update_attributes(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_delete_attributes(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
