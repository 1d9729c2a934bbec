//! Provisioned limits (facts E): this account has raised none.

use serde_json::json;

use crate::call::{Answer, Call};
use crate::error::ServiceError;
use crate::quota::Category;
use crate::state::State;

/// The categories of [`Category`] whose limits can be raised (facts E). Which error answers for
/// the others is \[UNV\].
const ADJUSTABLE: [(&str, Category); 3] = [
    ("UserCreation", Category::UserCreation),
    ("UserRead", Category::UserRead),
    ("UserResourceRead", Category::UserResourceRead),
];

pub(crate) fn get_provisioned(call: &Call<'_>, _state: &mut State) -> Answer {
    let definition = call.document("LimitDefinition");
    let attributes = definition.and_then(|definition| definition.get("Attributes"));
    let named = attributes.and_then(|attributes| attributes["Category"].as_str());
    let category = ADJUSTABLE.iter().find(|(name, _)| Some(*name) == named);
    let Some((_, category)) = category else {
        return Err(ServiceError::invalid_parameter(
            "The category has no provisioned limit.",
        ));
    };
    let rate = category.rate() as u32;
    Ok(json!({"Limit": {
        "LimitDefinition": definition,
        "ProvisionedLimitValue": rate,
        "FreeLimitValue": rate,
    }})
    .into())
}
