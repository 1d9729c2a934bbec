//! Operations on user pools and their configuration, a file for each kind of resource.

pub(crate) mod branding;
pub(crate) mod client_secrets;
pub(crate) mod clients;
pub(crate) mod custom_attributes;
pub(crate) mod domains;
pub(crate) mod groups;
pub(crate) mod identity_providers;
pub(crate) mod log_delivery;
pub(crate) mod mfa;
pub(crate) mod replicas;
pub(crate) mod resource_servers;
pub(crate) mod risk;
pub(crate) mod sessions;
pub(crate) mod tags;
pub(crate) mod terms;
pub(crate) mod ui_customization;
pub(crate) mod user_pools;
