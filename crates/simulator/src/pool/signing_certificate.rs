//! The certificate with which a pool signs SAML requests (facts A item 38): each pool has its own, and none can be
//! brought along.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::call::{Answer, Call};
use crate::state::State;

/// Stands for a certificate: base64 text that is the same for a pool whenever asked, and another for each pool.
pub(crate) fn get(call: &Call<'_>, state: &mut State) -> Answer {
    let digest = Sha256::digest(state.pool(call)?.id.as_bytes());
    Ok(json!({"Certificate": STANDARD.encode(digest)}).into())
}
