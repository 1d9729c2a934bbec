//! User pools: create, describe, update, delete, list (facts A.1, B).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn create(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn describe(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn update(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn delete(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
