//! One invocation of a restore.
