//! Operations on user pools and their configuration, a file for each kind of resource. Files named `..._rules` hold
//! what is refused, each rule in one place beside its source.

pub(crate) mod access;
mod arn;
pub(crate) mod branding;
mod client_rules;
pub(crate) mod client_secrets;
pub(crate) mod clients;
pub(crate) mod custom_attributes;
pub(crate) mod domains;
pub(crate) mod groups;
pub(crate) mod identity_providers;
pub(crate) mod log_delivery;
mod message_rules;
pub(crate) mod mfa;
mod omitted;
mod page;
mod pool_rules;
mod pool_settings;
mod provider_details;
pub(crate) mod replicas;
pub(crate) mod resource_servers;
pub(crate) mod risk;
mod saml;
mod schema_rules;
pub(crate) mod sessions;
pub(crate) mod signing_certificate;
pub(crate) mod tags;
pub(crate) mod terms;
mod tiers;
mod trigger_rules;
pub(crate) mod ui_customization;
pub(crate) mod user_pools;

#[cfg(test)]
mod tests;
