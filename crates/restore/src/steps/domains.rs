//! The domains of the hosted pages.

use std::time::Duration;

use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use jiff::Timestamp;
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep, RestoreState};
use serde_json::{Value, json};

use super::create::concerns_every_item;
use super::{about, described};
use crate::commands;
use crate::context::{Existing, Restore};
use crate::document::{Document, change, member, object, remove, text};
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::relocation::{Relocation, tell_if_missing};
use crate::step::{News, StepProgress, StepResult};
use crate::translate::ArnKind;

/// Members that Cognito computes, and those of replication (facts A.10).
const NOT_SENT: &[&str] = &[
    "AWSAccountId",
    "CloudFrontDistribution",
    "Routing",
    "S3Bucket",
    "Status",
    "UserPoolId",
    "Version",
];
/// A prefix domain is there within a minute, a custom one within five (facts A.10); twice that
/// is enough waiting.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long to wait before looking again.
const PAUSE_SECONDS: u32 = 10;
/// What stands in commands for a certificate that nobody knows.
const CERTIFICATE: &str = "CERTIFICATE_ARN";

/// Creates the prefix domain and, where the operator's map says that it is free, the custom one.
///
/// Runs after the users, their triggers and the web ACL: from here on strangers have a page of the
/// pool before them. The relying party of passkeys and the classic hosted UI need a domain and
/// come after it (facts A.3, A.11). A prefix belongs to one
/// pool in a Region, over all accounts; a custom domain to one pool anywhere, so the lost pool
/// may still hold it (facts A.10).
///
/// # Errors
/// Errors of Cognito itself; a domain that is refused is a finding.
pub async fn domains(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let pool = restore.target(state)?.clone();
    let relocation = Relocation::of(restore, Some(&pool));
    let (mut wanted, mut news) = plan(restore.head(), &relocation);
    keep_names(restore, state, &pool, &mut wanted).await?;
    let mut there = 0;
    let mut pending = false;
    for domain in &wanted {
        match bring(restore, &pool, domain).await? {
            Brought::Active => there += 1,
            Brought::Pending => pending = true,
            Brought::Refused(why) => refused(domain, &why, &relocation, &mut news),
        }
    }
    if pending && waited(state) < PATIENCE {
        return Ok(StepProgress::Waiting {
            seconds: PAUSE_SECONDS,
        });
    }
    if pending {
        there += 1;
        let reason = "it was created and was not active after ten minutes";
        news.finding(Finding::new(FindingKind::Degraded, "domain", reason));
    }
    for domain in wanted.iter().filter(|domain| domain.custom) {
        news.manual(
            ManualStep::new(
                format!(
                    "Point the DNS record of {} at the new distribution",
                    domain.name
                ),
                "The CloudFront distribution is new.",
            )
            .with_command(commands::aws(
                "cognito-idp describe-user-pool-domain",
                relocation.region,
                &[
                    ("domain", &domain.name),
                    ("query", "DomainDescription.CloudFrontDistribution"),
                ],
            )),
        );
    }
    if there == 0 && wanted.is_empty() && news.findings.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let result = if there > 0 {
        StepResult::restored(there)
    } else {
        StepResult::failed("no domain came back")
    };
    Ok(result.telling(news).into())
}

/// A pool has one domain of each kind: of a restore that is resumed, the one that is there stays,
/// whatever the map says by now.
async fn keep_names(
    restore: &Restore<'_>,
    state: &RestoreState,
    pool: &UserPoolId,
    wanted: &mut [WantedDomain],
) -> Result<(), RestoreError> {
    if state.resumed.is_none() {
        return Ok(());
    }
    let there = described(restore, pool).await?;
    for domain in wanted {
        let member = if domain.custom {
            "/CustomDomain"
        } else {
            "/Domain"
        };
        if let Some(name) = text(&there, member) {
            domain.name = name.to_owned();
        }
    }
    Ok(())
}

/// How long the plan has been at this step: since the step before it ended.
pub(super) fn waited(state: &RestoreState) -> Duration {
    let ends = state.steps.iter().map(|record| record.ended);
    let since = ends.chain(state.resumed).max().unwrap_or(state.began);
    let seconds = Timestamp::now().as_second() - since.as_second();
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// A domain to create.
#[derive(Debug)]
pub(super) struct WantedDomain {
    /// Its name in the new pool.
    pub(super) name: String,
    /// The request without `UserPoolId`.
    pub(super) request: Document,
    pub(super) section: Section,
    pub(super) custom: bool,
}

/// The domains of the backup that can be tried.
pub(super) fn plan(head: &BackupHead, relocation: &Relocation<'_>) -> (Vec<WantedDomain>, News) {
    let mut news = News::default();
    let mut wanted = Vec::new();
    for (section, name_in_pool) in [
        (Section::UserPoolDomain, "/Domain"),
        (Section::CustomDomain, "/CustomDomain"),
    ] {
        let mut request = object(head.section(section));
        let named = member(&request, "Domain").or_else(|| text(head.user_pool(), name_in_pool));
        let Some(old) = named.map(str::to_owned) else {
            tell_if_missing(head, section, &mut news);
            continue;
        };
        if request.contains_key("Routing") {
            let reason = "its failover belongs to multi-Region replication";
            news.finding(
                Finding::new(FindingKind::Skipped, format!("domain {old}"), reason)
                    .announcing(section, "Routing"),
            );
        }
        remove(&mut request, NOT_SENT);
        let custom = section == Section::CustomDomain;
        let name = if custom {
            place_custom(&mut request, &old, relocation, &mut news)
        } else {
            remove(&mut request, &["CustomDomainConfig"]);
            let new = relocation.translations.domain_prefix(&old);
            Some(new.unwrap_or(&old).to_owned())
        };
        let Some(name) = name else { continue };
        if name != old {
            let reason = "renamed by the operator's map";
            news.finding(
                Finding::new(FindingKind::Expected, format!("domain {old}"), reason)
                    .announcing(section, "Domain")
                    .announcing(
                        Section::UserPoolConfig,
                        name_in_pool.trim_start_matches('/'),
                    ),
            );
        }
        request.insert("Domain".into(), name.as_str().into());
        wanted.push(WantedDomain {
            name,
            request,
            section,
            custom,
        });
    }
    (wanted, news)
}

/// The name of a custom domain that the map says is free.
fn place_custom(
    request: &mut Document,
    old: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> Option<String> {
    let section = Section::CustomDomain;
    let old_certificate = request
        .get("CustomDomainConfig")
        .and_then(|config| text(config, "/CertificateArn"))
        .map(str::to_owned);
    if relocation.pool == relocation.from.as_str() {
        // The pool itself had it.
        return Some(old.to_owned());
    }
    let Some(entry) = relocation.translations.custom_domain(old) else {
        let why = "the lost pool may still hold it, and a custom domain belongs to one pool only";
        news.finding(
            Finding::new(FindingKind::Failed, format!("domain {old}"), why)
                .announcing(section, "")
                .announcing(Section::UserPoolConfig, "CustomDomain"),
        );
        let usable = old_certificate
            .as_deref()
            .filter(|old| !relocation.is_left_behind(old));
        let certificate = usable.unwrap_or(CERTIFICATE);
        news.manual(ManualStep::new(
            format!("Move the custom domain {old} to the new pool"),
            format!("{why}. The first command needs the lost pool's Region and account; then change the DNS record."),
        ).with_command(format!(
            "{} && {}",
            commands::cognito(
                relocation.from.region(),
                relocation.from.as_str(),
                "delete-user-pool-domain",
                &[("domain", old)],
            ),
            create_command(old, Some(certificate), relocation),
        )));
        return None;
    };
    let mapped = entry.certificate_arn.clone().or_else(|| {
        old_certificate
            .as_deref()
            .and_then(|old| relocation.translations.arn(ArnKind::Certificate, old))
    });
    if mapped.is_none()
        && let Some(left) = old_certificate.as_deref()
        && relocation.is_left_behind(left)
    {
        let why = "its certificate belongs to the account of the lost pool, and the operator's map has no other";
        let name = entry.domain.as_deref().unwrap_or(old);
        news.finding(
            Finding::new(FindingKind::Failed, format!("domain {old}"), why)
                .announcing(section, "")
                .announcing(Section::UserPoolConfig, "CustomDomain"),
        );
        news.manual(
            ManualStep::new(
                format!("Give the new pool the custom domain {name}"),
                format!(
                    "{why}. The certificate must be in us-east-1, in the account of the new pool."
                ),
            )
            .with_command(create_command(name, Some(CERTIFICATE), relocation)),
        );
        return None;
    }
    if let Some(new) = mapped.filter(|new| Some(new) != old_certificate.as_ref()) {
        let reason = "its certificate was translated by the operator's map";
        news.finding(
            Finding::new(FindingKind::Expected, format!("domain {old}"), reason)
                .announcing(section, "CustomDomainConfig/CertificateArn"),
        );
        let config = request
            .entry("CustomDomainConfig")
            .or_insert_with(|| json!({}));
        config["CertificateArn"] = new.into();
    }
    Some(entry.domain.clone().unwrap_or_else(|| old.to_owned()))
}

fn create_command(name: &str, certificate: Option<&str>, relocation: &Relocation<'_>) -> String {
    let config = certificate.map(|arn| format!("CertificateArn={arn}"));
    let mut arguments = vec![("domain", name)];
    if let Some(config) = &config {
        arguments.push(("custom-domain-config", config));
    }
    commands::cognito(
        relocation.region,
        relocation.pool,
        "create-user-pool-domain",
        &arguments,
    )
}

/// What became of a domain.
enum Brought {
    Active,
    Pending,
    Refused(String),
}

/// Looks who has the domain, and creates it when nobody does.
async fn bring(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    domain: &WantedDomain,
) -> Result<Brought, RestoreError> {
    let request = about(pool, domain.request.clone());
    let there = owner(restore.cognito, &domain.name).await?;
    let is_ours = matches!(&there, Owner::Somebody { pool: owner, .. } if owner == pool.as_str());
    if is_ours && restore.existing == Existing::IsChanged {
        let operation = Operation::UpdateUserPoolDomain;
        match restore.cognito.call(operation, &request).await {
            Ok(_) => {}
            Err(error) if is_about_the_domain(&error) => {
                return Ok(Brought::Refused(error.message));
            }
            Err(error) => return Err(error.into()),
        }
    }
    if let Owner::Nobody = there {
        let operation = Operation::CreateUserPoolDomain;
        let look = async || match owner(restore.cognito, &domain.name).await? {
            Owner::Nobody => Ok::<_, CognitoError>(None),
            Owner::Somebody { .. } => Ok(Some(Value::Null)),
        };
        match once::create(restore, operation, &request, Second::Refuses, look).await {
            Ok(_) => {}
            Err(error) if domain.custom && error.is(ErrorKind::NotAuthorized) => {
                let why = "the DR stack allows custom domains only with RestoreCustomDomains=true";
                return Ok(Brought::Refused(why.into()));
            }
            Err(error) if is_about_the_domain(&error) => {
                return Ok(Brought::Refused(error.message));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match owner(restore.cognito, &domain.name).await? {
        Owner::Somebody { pool: owner, .. } if owner != pool.as_str() => {
            Brought::Refused("it belongs to another user pool".into())
        }
        Owner::Somebody { status, .. } if status == "FAILED" => {
            Brought::Refused("Cognito could not set it up".into())
        }
        Owner::Somebody { status, .. } if status == "ACTIVE" => Brought::Active,
        Owner::Somebody { .. } | Owner::Nobody => Brought::Pending,
    })
}

/// Whether other domains may fare better.
fn is_about_the_domain(error: &CognitoError) -> bool {
    error.is(ErrorKind::Quota) || !concerns_every_item(error)
}

/// Who has a domain name in the target Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// Nobody, as far as Cognito tells.
    Nobody,
    /// A pool of this account.
    Somebody {
        /// The pool.
        pool: String,
        /// `CREATING`, `ACTIVE`, `FAILED`, ...
        status: String,
    },
}

/// Looks a domain up; Cognito answers for an unknown one with an empty description (facts A.10).
///
/// # Errors
/// [`CognitoError`] when Cognito does not tell.
pub async fn owner(cognito: &Cognito, name: &str) -> Result<Owner, CognitoError> {
    let request = json!({"Domain": name});
    let operation = Operation::DescribeUserPoolDomain;
    let answer = match cognito.call(operation, &request).await {
        Ok(answer) => answer,
        Err(error) if error.is(ErrorKind::Missing) => Value::Null,
        Err(error) => return Err(error),
    };
    let description = &answer["DomainDescription"];
    Ok(match text(description, "/UserPoolId") {
        None => Owner::Nobody,
        Some(pool) => Owner::Somebody {
            pool: pool.to_owned(),
            status: text(description, "/Status").unwrap_or_default().to_owned(),
        },
    })
}

fn refused(domain: &WantedDomain, why: &str, relocation: &Relocation<'_>, news: &mut News) {
    let name = &domain.name;
    let member = if domain.custom {
        "CustomDomain"
    } else {
        "Domain"
    };
    news.finding(
        Finding::new(
            FindingKind::Failed,
            format!("domain {name}"),
            format!("it was not created: {why}"),
        )
        .announcing(domain.section, "")
        .announcing(Section::UserPoolConfig, member),
    );
    let mut config = domain.request.clone();
    let certificate = change(&mut config, "CustomDomainConfig", |config| {
        member_text(config, "CertificateArn")
    });
    let certificate = certificate.flatten();
    let name = if domain.custom {
        name
    } else {
        "ANOTHER_PREFIX"
    };
    news.manual(
        ManualStep::new(
            format!("Create a domain in the place of {}", domain.name),
            format!("{why}. Without a domain there are no hosted pages, and federated users cannot sign in."),
        )
        .with_command(create_command(name, certificate.as_deref(), relocation)),
    );
}

fn member_text(document: &Document, name: &str) -> Option<String> {
    member(document, name).map(str::to_owned)
}

/// The host of the new pool's pages: the custom domain, else the prefix domain.
pub(super) fn host(described: &Value, region: &str) -> Option<String> {
    text(described, "/CustomDomain")
        .map(str::to_owned)
        .or_else(|| prefix_host(text(described, "/Domain")?, region).into())
}

/// The host of a prefix domain.
pub(super) fn prefix_host(prefix: &str, region: &str) -> String {
    format!("{prefix}.auth.{region}.amazoncognito.com")
}

#[cfg(test)]
mod tests;
