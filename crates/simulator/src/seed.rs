//! Pool documents: putting a pool's whole state in, and getting it out.

use serde_json::Value;

use crate::error::ServiceError;
use crate::service::Service;
use crate::state::Region;

pub(crate) fn plant(
    _service: &Service,
    _region: &Region,
    _document: &Value,
) -> Result<String, ServiceError> {
    Err(ServiceError::internal("nothing is planted"))
}

pub(crate) fn dump(
    _service: &Service,
    _region: &Region,
    _pool: &str,
) -> Result<Value, ServiceError> {
    Err(ServiceError::internal("nothing is dumped"))
}
