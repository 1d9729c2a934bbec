//! Custom attributes of an existing pool (facts A.2).

use super::{access, schema_rules};
use crate::call::{Answer, Call, Reply};
use crate::error::ServiceError;
use crate::state::State;

pub(crate) fn add(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    refuse_during_import(pool.import_in_progress())?;
    schema_rules::add(&mut pool.schema, call.list("CustomAttributes"))?;
    Ok(Reply::empty())
}

/// Changes that an import job would trip over wait for it (facts B.3 [MODEL error lists]; the text is unverified).
pub(super) fn refuse_during_import(importing: bool) -> Result<(), ServiceError> {
    if importing {
        return Err(ServiceError::user_import_in_progress(
            "A user import job is in progress for this user pool.",
        ));
    }
    Ok(())
}
