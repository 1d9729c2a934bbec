//! What the project's own commands and its end-to-end tests share: the workspace, the Python
//! environment with the tools, and deployable packages.
//!
//! Small on purpose, for `cargo xtask` builds it before anything else: the AWS SDK is in the
//! end-to-end tests.

pub mod architecture;
pub mod binary;
pub mod package;
pub mod python;
pub mod template;
pub mod unwind_tables;
pub mod workspace;
