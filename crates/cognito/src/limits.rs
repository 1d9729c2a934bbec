//! The limits that an account really has (facts E): what is provisioned above the default acts
//! at once and is told by GetProvisionedLimit, for the categories that can be raised.

use futures::future::Either;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::call::Cognito;
use crate::error::CognitoError;
use crate::operation::{Category, Operation};

/// The operation by which limits are read. A role allows it on every resource: a limit belongs
/// to the account.
pub const OPERATION: Operation = Operation::GetProvisionedLimit;

/// Reads limits once in the life of a process, beside its first work.
#[derive(Debug, Default)]
pub struct Limits {
    read: OnceCell<()>,
}

impl Limits {
    /// Works, and reads the limits of `categories` meanwhile, unless that was done. Work does
    /// not wait for limits: what it leaves unread is read beside the next.
    pub async fn beside<T>(
        &self,
        cognito: &Cognito,
        categories: &[Category],
        work: impl Future<Output = T>,
    ) -> T {
        let reading = self
            .read
            .get_or_init(|| cognito.adopt_provisioned_limits(categories));
        let work = std::pin::pin!(work);
        match futures::future::select(work, std::pin::pin!(reading)).await {
            Either::Left((done, _)) => done,
            Either::Right((_, work)) => work.await,
        }
    }
}

impl Cognito {
    /// Asks for the real limits of `categories`, as far as they can be raised and the operator
    /// did not give them, and goes by them from now on.
    ///
    /// One request a second is all that Cognito takes (facts E), so this is for running beside
    /// the work. Where it is not told, the default stays, and the log says so.
    pub async fn adopt_provisioned_limits(&self, categories: &[Category]) {
        for category in categories
            .iter()
            .filter(|category| category.is_adjustable())
        {
            if self.pacer().is_given(*category) {
                continue;
            }
            match self.provisioned_limit(*category).await {
                Ok(limit) => {
                    tracing::info!(category = category.name(), limit, "a limit was read");
                    self.pacer().set_quota(*category, limit);
                }
                Err(error) => {
                    let default = category.default_quota();
                    tracing::warn!(category = category.name(), default, %error, "a limit could not be read: the default counts, or what QuotaOverrides says");
                    // Neither will the others.
                    return;
                }
            }
        }
    }

    /// The requests per second that Cognito allows in a category.
    async fn provisioned_limit(&self, category: Category) -> Result<f64, CognitoError> {
        let request = json!({"LimitDefinition": {
            "LimitClass": "API_CATEGORY",
            "Attributes": {"Category": category.name()},
        }});
        let body = self.send(OPERATION, &request).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let limit = answer.pointer("/Limit/ProvisionedLimitValue");
        // Less than the default is not provisioned: whatever it means, it is no reason to crawl.
        limit
            .and_then(Value::as_f64)
            .filter(|limit| *limit >= category.default_quota())
            .ok_or_else(|| CognitoError::unexpected_answer(OPERATION, "ProvisionedLimitValue"))
    }
}
