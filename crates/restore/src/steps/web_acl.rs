//! The web ACL.

use std::time::Duration;

use aws_sdk_wafv2::error::DisplayErrorContext;
use aws_sdk_wafv2::operation::associate_web_acl::AssociateWebACLError;
use aws_sdk_wafv2::types::{Scope, WebAclSummary};
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};

use super::described;
use super::domains::waited;
use crate::commands;
use crate::context::Restore;
use crate::document::text;
use crate::error::RestoreError;
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};
use crate::translate::ArnKind;

const SECTION: Section = Section::WafConfiguration;
/// A new web ACL takes a few minutes to be known everywhere (facts A.16).
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE_SECONDS: u32 = 15;
/// Pages of 100: no Region has that many web ACLs.
const MOST_PAGES: usize = 50;

/// Associates the web ACL that the operator's map names, or the one of the same name in the
/// target Region: a web ACL protects pools of its own Region only (facts A.16).
///
/// Runs after the users: the restore's own sign-ups would trip its rules on rates and bots
/// (`ForbiddenException`). And before the domains, whose pages it protects. Associating again
/// changes nothing.
///
/// # Errors
/// None of its own: what fails is told, with the command.
pub async fn web_acl(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, SECTION, &mut news);
    let acl = head.section(SECTION);
    let old = text(acl, "/WebACLArn");
    let name = text(acl, "/WebACLName");
    if old.is_none() && name.is_none() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?;
    let relocation = Relocation::of(restore, Some(pool));
    let pool_arn = described(restore, pool).await?;
    let pool_arn = text(&pool_arn, "/Arn").unwrap_or_default().to_owned();
    let shown = name.or(old).unwrap_or_default();
    let known = old.and_then(|old| relocation.arn(ArnKind::WebAcl, old));
    let found = match (known, name) {
        (Some(arn), _) => Ok(Some(arn)),
        (None, Some(name)) => regional_web_acl(restore.waf, |acl| acl.name() == Some(name)).await,
        (None, None) => Ok(None),
    };
    let why = match found {
        Ok(Some(arn)) => match associate(restore, &arn, &pool_arn).await {
            Association::Made => {
                return Ok(StepResult::restored(1)
                    .telling(renamed(news, old, &arn))
                    .into());
            }
            Association::NotYet if waited(state) < PATIENCE => {
                return Ok(StepProgress::Waiting {
                    seconds: PAUSE_SECONDS,
                });
            }
            Association::NotYet => "WAF did not know it yet after five minutes".to_owned(),
            Association::Refused(why) => why,
        },
        Ok(None) => {
            "the target Region has none of its name in this account, and the operator's map has no other".to_owned()
        }
        Err(why) => why,
    };
    news.finding(
        Finding::new(
            FindingKind::Failed,
            format!("web ACL {shown}"),
            format!("the pool is not protected by it: {why}"),
        )
        .announcing(SECTION, ""),
    );
    news.manual(
        ManualStep::new(
            format!("Protect the pool by a web ACL like {shown}"),
            format!("{why}."),
        )
        .with_command(commands::aws(
            "wafv2 associate-web-acl",
            relocation.region,
            &[("web-acl-arn", "WEB_ACL_ARN"), ("resource-arn", &pool_arn)],
        )),
    );
    Ok(StepResult::failed(why).telling(news).into())
}

/// The map may name a web ACL of another name.
fn renamed(mut news: News, old: Option<&str>, new: &str) -> News {
    if old != Some(new) {
        let reason = "its counterpart in the target Region";
        news.finding(
            Finding::new(FindingKind::Expected, "web ACL", reason)
                .announcing(SECTION, "WebACLArn")
                .announcing(SECTION, "WebACLId")
                .announcing(SECTION, "WebACLName"),
        );
    }
    news
}

/// The ARN of the first regional web ACL that `is_meant` takes.
///
/// # Errors
/// What WAF said, when it does not list them.
pub async fn regional_web_acl(
    waf: &aws_sdk_wafv2::Client,
    is_meant: impl Fn(&WebAclSummary) -> bool,
) -> Result<Option<String>, String> {
    let mut marker = None;
    for _ in 0..MOST_PAGES {
        let listed = waf
            .list_web_acls()
            .scope(Scope::Regional)
            .limit(100)
            .set_next_marker(marker)
            .send()
            .await
            .map_err(|error| failure("ListWebACLs", &DisplayErrorContext(&error)))?;
        let acl = listed.web_acls().iter().find(|acl| is_meant(acl));
        if let Some(arn) = acl.and_then(|acl| acl.arn()) {
            return Ok(Some(arn.to_owned()));
        }
        marker = listed.next_marker().map(str::to_owned);
        if marker.is_none() || listed.web_acls().is_empty() {
            return Ok(None);
        }
    }
    Ok(None)
}

enum Association {
    Made,
    NotYet,
    Refused(String),
}

async fn associate(restore: &Restore<'_>, acl: &str, pool: &str) -> Association {
    let request = restore
        .waf
        .associate_web_acl()
        .web_acl_arn(acl)
        .resource_arn(pool);
    let Err(error) = request.send().await else {
        return Association::Made;
    };
    match error.as_service_error() {
        Some(AssociateWebACLError::WafUnavailableEntityException(_)) => Association::NotYet,
        _ => Association::Refused(failure("AssociateWebACL", &DisplayErrorContext(&error))),
    }
}

fn failure(operation: &str, error: &dyn std::fmt::Display) -> String {
    let text: String = error.to_string().chars().take(300).collect();
    format!("{operation} failed: {text}")
}
