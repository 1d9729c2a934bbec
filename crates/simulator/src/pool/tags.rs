//! Tags of a pool (facts A.17).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn tag(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn untag(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
