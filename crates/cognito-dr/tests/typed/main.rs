//! The commands as a person types them, against the Cognito simulator.

#![allow(clippy::unwrap_used, missing_docs)]

mod frame;
mod pools;
mod support;
