//! The settings of the pool: one file for each step of the plan.

pub mod final_settings;
