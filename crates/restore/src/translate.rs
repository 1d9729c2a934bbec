//! The operator's map: what region-bound settings become in the target Region.

/// The operator's map, empty when there is none.
#[derive(Debug, Clone, Default)]
pub struct Translations {}
