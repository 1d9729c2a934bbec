//! What the five Lambda functions do alike: environment, clients of AWS, log lines, errors with
//! their names, notification.
//!
//! ```text
//! serve            log lines -> Function::from_environment -> each event: ids -> Function::handle
//! Environment      variables, and what is wrong with them
//! sdk_config       how a function reaches AWS
//! Failed           an error with the name that the state machine knows
//! Topic            who is told when a restore has ended
//! metrics          every metric, and how it is put out
//! ```
//!
//! The only crate that knows the Lambda runtime. It is narrower than the libraries' defaults, for
//! what a start takes and a package weighs: in Lambda, credentials and Region are in the
//! environment, and log levels are words.

mod configuration;
mod environment;
mod failed;
mod function;
mod log;
pub mod metrics;
mod topic;

pub use configuration::sdk_config;
pub use environment::Environment;
pub use failed::Failed;
pub use function::{Function, serve, time_left};
pub use log::log_to_stdout;
pub use topic::Topic;

/// A variable of the environment; empty is not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
