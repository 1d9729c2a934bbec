//! Classic hosted-UI customization (facts A.11).

use crate::call::{Answer, Call};
use crate::state::State;

pub(crate) fn get(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

pub(crate) fn set(call: &Call<'_>, _state: &mut State) -> Answer {
    Err(call.not_simulated())
}

/// The logo of a pool (`client` = `ALL`) or client, with its content type: served at
/// `<base_url>/_simulator/logo/<pool id>/<client id or ALL>/<any file name>`.
pub(crate) fn logo(_state: &State, _pool: &str, _client: &str) -> Option<(&'static str, Vec<u8>)> {
    None
}
