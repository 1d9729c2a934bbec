//! The plan of a restore: all steps, in order.
