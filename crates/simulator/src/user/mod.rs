//! Operations on users: profiles, passwords, memberships, links, listing, import.

pub(crate) mod create;
pub(crate) mod import;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod membership;
pub(crate) mod mfa;
pub(crate) mod password;
pub(crate) mod read;
pub(crate) mod sign_up;
pub(crate) mod update;
