//! What the four Lambda functions do alike when they start: log lines, and how they reach AWS.
//!
//! Both are narrower than the libraries' defaults, for what a start takes and a package weighs: in
//! Lambda, credentials and Region are in the environment, and log levels are words.

mod configuration;
mod log;

pub use configuration::sdk_config;
pub use log::log_to_stdout;

/// A variable of the environment; empty is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
