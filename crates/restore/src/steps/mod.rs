//! The settings of the pool: one file for each step of the plan.
//!
//! Each has a pure part, which turns documents of the backup into requests and tells what is
//! changed or left out on the way, and an async part, which looks what is there and creates what
//! is not. Any invocation may die after any call; the next one runs the step again from its
//! beginning.

pub mod app_clients;
pub mod custom_attributes;
pub mod domains;
pub mod final_settings;
pub mod groups;
pub mod identity_providers;
pub mod log_delivery;
pub mod managed_login_branding;
pub mod mfa_configuration;
pub mod needs;
pub mod preflight;
pub(crate) mod preview;
pub mod resource_servers;
pub mod risk_configuration;
pub mod self_sign_up;
pub mod session_configuration;
pub mod terms;
pub mod ui_customization;
pub mod user_pool;
pub mod web_acl;

pub(crate) mod client_document;
mod create;
mod mend_client;
pub(crate) mod pool_document;
mod schema;
mod triggers;

pub use pool_document::RESTORE_TAG;

use cognito::Operation;
use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};
use serde_json::{Value, json};

use crate::context::Restore;
use crate::document::{Document, token};
use crate::error::RestoreError;
use crate::step::News;

/// The new pool as Cognito describes it now.
pub(crate) async fn described(
    restore: &Restore<'_>,
    pool: &UserPoolId,
) -> Result<Value, RestoreError> {
    let request = json!({"UserPoolId": pool.as_str()});
    let mut answer = restore
        .cognito
        .call(Operation::DescribeUserPool, &request)
        .await?;
    Ok(answer
        .get_mut("UserPool")
        .map(Value::take)
        .unwrap_or_default())
}

/// The new id of a client of the backup. When it did not come back, what belongs to it cannot
/// either: the finding says so.
fn new_client(
    state: &RestoreState,
    section: Section,
    old: &str,
    news: &mut News,
) -> Option<String> {
    let new = old
        .parse()
        .ok()
        .and_then(|old: model::AppClientId| state.app_clients.get(&old));
    if new.is_none() {
        let finding = Finding::new(
            FindingKind::Failed,
            format!("{section} of client {old}"),
            "its app client did not come back",
        );
        news.finding(finding.announcing(section, &token(old)));
    }
    new.map(ToString::to_string)
}

/// A request about the pool.
fn about(pool: &UserPoolId, mut document: Document) -> Value {
    document.insert("UserPoolId".into(), pool.as_str().into());
    Value::Object(document)
}
