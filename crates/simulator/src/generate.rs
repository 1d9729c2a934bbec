//! Pools of any size from a seed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What pool to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct GeneratorConfig {
    /// The same seed makes the same pool.
    pub seed: u64,
    /// How many users.
    pub users: usize,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self {
            seed: 1,
            users: 100,
        }
    }
}

/// The pool document of a generated pool.
pub fn pool(_config: &GeneratorConfig) -> Value {
    Value::Null
}
