//! Custom attributes of an existing pool (facts A.2).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn add(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
