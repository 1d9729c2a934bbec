//! The web ACL that protects the pool (facts A.16).

use std::time::Duration;

use aws_sdk_wafv2::error::DisplayErrorContext;
use aws_sdk_wafv2::operation::get_web_acl_for_resource::GetWebACLForResourceError;
use model::inventory::Section;
use serde_json::{Value, json};

use super::reading::SectionRead;
use super::{Pool, Readings};

/// How often the association is asked for while the web ACL is still on its way through WAF.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn association(pool: &Pool<'_>) -> Readings {
    let reading = match pool.arn() {
        Some(arn) => read(pool, arn).await,
        None => SectionRead::Failed("DescribeUserPool gave no Arn to ask WAF by".into()),
    };
    vec![(Section::WafConfiguration, reading)]
}

async fn read(pool: &Pool<'_>, arn: &str) -> SectionRead {
    let mut attempt = 1;
    loop {
        let asked = pool.waf.get_web_acl_for_resource().resource_arn(arn);
        let error = match asked.send().await {
            Ok(answer) => {
                let web_acl = answer.web_acl.map(
                    |acl| json!({"WebACLName": acl.name, "WebACLArn": acl.arn, "WebACLId": acl.id}),
                );
                return SectionRead::Found(web_acl.unwrap_or(Value::Null));
            }
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(GetWebACLForResourceError::WafNonexistentItemException(_)) => {
                return SectionRead::Found(Value::Null);
            }
            Some(GetWebACLForResourceError::WafUnavailableEntityException(_))
                if attempt < ATTEMPTS =>
            {
                attempt += 1;
                tokio::time::sleep(PAUSE).await;
            }
            _ => {
                let text = DisplayErrorContext(&error).to_string();
                let text: String = text.chars().take(300).collect();
                return SectionRead::Failed(format!("GetWebACLForResource failed: {text}"));
            }
        }
    }
}
