//! list

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn list_users(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}
