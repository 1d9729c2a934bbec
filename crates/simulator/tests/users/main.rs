//! The rules about users, each with its refusal and the nearest accepted case.

#[path = "../support/mod.rs"]
mod support;

mod create;
mod garbage;
mod groups;
mod import;
mod links;
mod list;
mod mfa;
mod password;
mod seeding;
mod service;
mod sign_up;
mod update;
