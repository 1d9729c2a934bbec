//! Domains of a pool (facts A.10).
//!
//! The simulator has no DNS: a custom domain needs three labels or more, and one whose parent ends in `.invalid` is
//! one that does not resolve.

use serde_json::{Value, json};

use super::access::{self, text_at};
use super::arn;
use super::tiers::{self, Tier};
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Domain, Pool, State};

/// Custom domains of an account in a Region, not adjustable (facts A.10 [DOC]).
const CUSTOM_DOMAINS: usize = 4;
/// A new prefix domain takes up to a minute, a custom one up to five (facts A.10 [DOC]).
const PREFIX_MILLIS: u64 = 60_000;
const CUSTOM_MILLIS: u64 = 300_000;
/// A new domain is active after so many descriptions that say CREATING even if the time has not passed, so that tests
/// need not wait for it.
const POLLS: u32 = 2;
/// Members that only Describe has.
const COMPUTED: &[&str] = &[
    "AWSAccountId",
    "CloudFrontDistribution",
    "S3Bucket",
    "Status",
    "Version",
];
/// Words that no part of a prefix between hyphens may be (facts A.10 [BENCH domain-reserved-word]).
const RESERVED: &[&str] = &["aws", "amazon", "cognito"];

/// Creates a prefix domain, or a custom one where there is a `CustomDomainConfig`; a pool may have one of each
/// (facts A.10 [DOC]).
pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let name = call.required("Domain")?;
    let is_custom = call.document("CustomDomainConfig").is_some();
    let pool = access::writable(call, state)?;
    check_settings(call, pool)?;
    if is_custom {
        check_custom_name(name)?;
    } else {
        check_prefix(name)?;
    }
    // [ISSUE aws/aws-cdk#10062].
    if pool
        .domains
        .values()
        .any(|domain| domain.is_custom() == is_custom)
    {
        return Err(ServiceError::invalid_parameter(
            "User pool already has a domain configured.",
        ));
    }
    if is_taken(call, state, name, is_custom) {
        // Facts A.10 [ISSUE]; of a custom domain the text is unverified.
        return Err(ServiceError::invalid_parameter(
            "Domain already associated with another user pool.",
        ));
    }
    let customs = state
        .region(call.account, call.region)
        .pools
        .values()
        .flat_map(|pool| pool.domains.values())
        .filter(|domain| domain.is_custom())
        .count();
    if is_custom && customs >= CUSTOM_DOMAINS {
        return Err(access::limit_exceeded("custom domains", CUSTOM_DOMAINS));
    }
    let distribution = format!(
        "d{}.cloudfront.net",
        crate::state::random_id(&mut state.rng, 13, b"abcdefghijklmnopqrstuvwxyz0123456789")
    );
    let pool = access::writable(call, state)?;
    let mut document = Document::new();
    access::overlay(&mut document, call.request, COMPUTED);
    document.insert("AWSAccountId".to_owned(), json!(pool.account.as_str()));
    document.insert("CloudFrontDistribution".to_owned(), json!(distribution));
    document.insert(
        "S3Bucket".to_owned(),
        json!(format!("aws-cognito-prod-{}-assets", pool.region)),
    );
    document.insert("Version".to_owned(), json!("1"));
    // [GEN]: the classic hosted UI unless asked otherwise.
    access::default_to(&mut document, "ManagedLoginVersion", 1);
    let millis = if is_custom {
        CUSTOM_MILLIS
    } else {
        PREFIX_MILLIS
    };
    let domain = Domain {
        document,
        active_from: call.now.plus_millis(millis),
        polls_left: POLLS,
    };
    let answer = answer(&domain);
    pool.domains.insert(name.to_owned(), domain);
    Ok(answer.into())
}

/// An unknown domain has an empty description, not an error (facts A.10 [CODE], unverified).
pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let name = call.required("Domain")?;
    let domain = state
        .region(call.account, call.region)
        .pools
        .values_mut()
        .find_map(|pool| pool.domains.get_mut(name));
    let Some(domain) = domain else {
        return Ok(json!({"DomainDescription": {}}).into());
    };
    let mut description = domain.document.clone();
    let is_active = domain.polls_left == 0 || call.now >= domain.active_from;
    domain.polls_left = domain.polls_left.saturating_sub(1);
    let status = if is_active { "ACTIVE" } else { "CREATING" };
    description.insert("Status".to_owned(), json!(status));
    Ok(json!({"DomainDescription": description}).into())
}

/// Changes branding version, certificate and routing; members that the request leaves out stay [INF].
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    check_settings(call, pool)?;
    let domain = domain_mut(pool, call.required("Domain")?)?;
    // A prefix domain does not become a custom one [INF]; the text is unverified.
    if call.document("CustomDomainConfig").is_some() && !domain.is_custom() {
        return Err(ServiceError::invalid_parameter(
            "CustomDomainConfig cannot be set for a prefix domain.",
        ));
    }
    access::overlay(&mut domain.document, call.request, COMPUTED);
    Ok(answer(domain).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let name = call.required("Domain")?;
    domain_mut(pool, name)?;
    pool.domains.remove(name);
    Ok(Reply::empty())
}

impl Domain {
    fn is_custom(&self) -> bool {
        self.document.contains_key("CustomDomainConfig")
    }
}

fn domain_mut<'p>(pool: &'p mut Pool, name: &str) -> Result<&'p mut Domain, ServiceError> {
    pool.domains.get_mut(name).ok_or_else(|| {
        // [GEN]
        ServiceError::invalid_parameter("No such domain or user pool exists.")
    })
}

/// The answer of create and update: the alias target that DNS must name, for a custom domain.
fn answer(domain: &Domain) -> Value {
    let mut answer = Document::new();
    for member in ["ManagedLoginVersion", "Routing"] {
        if let Some(value) = domain.document.get(member) {
            answer.insert(member.to_owned(), value.clone());
        }
    }
    if domain.is_custom()
        && let Some(distribution) = domain.document.get("CloudFrontDistribution")
    {
        answer.insert("CloudFrontDomain".to_owned(), distribution.clone());
    }
    Value::Object(answer)
}

/// A prefix is unique in its Region over all accounts, a custom domain everywhere (facts A.10 [DOC, GEN]).
fn is_taken(call: &Call<'_>, state: &State, name: &str, is_custom: bool) -> bool {
    state.regions().any(|(_, region, regional)| {
        (is_custom || region == call.region)
            && regional.pools.values().any(|pool| {
                pool.domains
                    .get(name)
                    .is_some_and(|domain| domain.is_custom() == is_custom)
            })
    })
}

/// Certificate and branding version.
fn check_settings(call: &Call<'_>, pool: &Pool) -> Result<(), ServiceError> {
    // Facts A.10 [BENCH].
    if call.integer("ManagedLoginVersion") == Some(2) {
        tiers::require(pool, Tier::Essentials, "Managed Login Version 2")?;
    }
    // Facts A.10 [MODEL: 1 or 2]; the text is unverified.
    if call
        .integer("ManagedLoginVersion")
        .is_some_and(|version| !(1..=2).contains(&version))
    {
        return Err(ServiceError::invalid_parameter(
            "ManagedLoginVersion must be 1 or 2.",
        ));
    }
    let certificate = text_at(call.request, &["CustomDomainConfig", "CertificateArn"]);
    // Facts A.10 [BENCH]: us-east-1 whatever the pool's Region; that one of another account does not exist [INF].
    if certificate.is_some_and(|certificate| {
        arn::region(certificate) != "us-east-1"
            || arn::account(certificate) != call.account.as_str()
    }) {
        return Err(ServiceError::invalid_parameter(
            "The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
        ));
    }
    Ok(())
}

/// Facts A.10 [BENCH domain-prefix-format, domain-reserved-word]; the text for a reserved word is unverified.
fn check_prefix(prefix: &str) -> Result<(), ServiceError> {
    let is_valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !prefix.chars().all(is_valid) || prefix.starts_with('-') || prefix.ends_with('-') {
        return Err(ServiceError::invalid_parameter(
            "The domain name contains an invalid character. Domain names can only contain lower-case letters, numbers, and hyphens.",
        ));
    }
    if prefix.split('-').any(|word| RESERVED.contains(&word)) {
        return Err(ServiceError::invalid_parameter(
            "Domain cannot contain reserved word: aws, amazon, or cognito",
        ));
    }
    Ok(())
}

/// Facts A.10 [DOC, BENCH custom-domain-fqdn].
fn check_custom_name(name: &str) -> Result<(), ServiceError> {
    let labels: Vec<&str> = name.split('.').collect();
    if labels.len() < 3 || labels.contains(&"") || labels.last() == Some(&"invalid") {
        return Err(ServiceError::invalid_parameter(
            "Custom domain is not a valid subdomain: Was not able to resolve a DNS A record for the parent domain or domain parent is a top-level domain.",
        ));
    }
    Ok(())
}
