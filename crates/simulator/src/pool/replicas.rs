//! Replicas of a pool (facts H): listed only.

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn list(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
