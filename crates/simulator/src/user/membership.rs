//! membership

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn admin_add(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_remove(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn admin_list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn list_users_in_group(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
