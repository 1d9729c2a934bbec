//! Feature plans: what needs more than LITE, or more than ESSENTIALS (facts A.1, B.1).
//!
//! Names of features in the texts are measured only where [BENCH] stands beside them.

use serde_json::Value;

use super::access::{at, text_at};
use crate::call::Document;
use crate::error::ServiceError;
use crate::state::Pool;

/// A feature plan; later ones include earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier {
    Lite,
    Essentials,
    Plus,
}

impl Tier {
    /// A tier by the API's name; ESSENTIALS when there is none (facts A.1 [MODEL]).
    pub(super) fn parse(name: Option<&str>) -> Self {
        match name {
            Some("LITE") => Self::Lite,
            Some("PLUS") => Self::Plus,
            _ => Self::Essentials,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Lite => "LITE",
            Self::Essentials => "ESSENTIALS",
            Self::Plus => "PLUS",
        }
    }
}

/// Refuses a call for a feature that the pool's tier lacks (facts B.1 [BENCH]; that
/// `FeatureUnavailableInTierException` carries this text is unverified).
///
/// # Errors
/// `FeatureUnavailableInTierException`.
pub(super) fn require(pool: &Pool, least: Tier, feature: &str) -> Result<(), ServiceError> {
    let tier = Tier::parse(Some(pool.tier()));
    if tier >= least {
        return Ok(());
    }
    Err(ServiceError::feature_unavailable_in_tier(format!(
        "The following feature is not available for the {} pricing tier configured: {feature}",
        tier.name()
    )))
}

/// Refuses pool settings with features that their tier lacks. `current` is the pool that they are to replace.
///
/// # Errors
/// `FeatureUnavailableInTierException`, or `TierChangeNotAllowedException` when it is the tier that changes: which
/// code carries the measured text is unverified (facts B.1).
pub(super) fn check_settings(
    settings: &Document,
    current: Option<&Pool>,
) -> Result<(), ServiceError> {
    let tier = Tier::parse(text_at(settings, &["UserPoolTier"]));
    let mut features = features(settings);
    features.extend(current.into_iter().flat_map(features_beside));
    let lacking: Vec<&str> = features
        .into_iter()
        .filter(|(least, _)| tier < *least)
        .map(|(_, feature)| feature)
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    let text = format!(
        "The following features need to be disabled for the {} pricing tier configured: {}",
        tier.name(),
        lacking.join(", ")
    );
    if current.is_some_and(|pool| Tier::parse(Some(pool.tier())) != tier) {
        return Err(ServiceError::tier_change_not_allowed(text));
    }
    Err(ServiceError::feature_unavailable_in_tier(text))
}

/// The features that settings use, with the least tier for each.
fn features(settings: &Document) -> Vec<(Tier, &'static str)> {
    let mut features = Vec::new();
    let first_factors = at(
        settings,
        &["Policies", "SignInPolicy", "AllowedFirstAuthFactors"],
    );
    if let Some(Value::Array(factors)) = first_factors
        && factors.iter().any(|factor| factor != "PASSWORD")
    {
        // Facts A.1 [BENCH signin-policy-webauthn-tier].
        features.push((Tier::Essentials, "Passwordless Sign-In"));
    }
    // Facts A.4 [BENCH] of V2_0.
    match text_at(
        settings,
        &["LambdaConfig", "PreTokenGenerationConfig", "LambdaVersion"],
    ) {
        Some("V2_0") => features.push((
            Tier::Essentials,
            "Token Customization with Pre-Token Generation Lambda V2_0",
        )),
        Some("V3_0") => features.push((
            Tier::Essentials,
            "Token Customization with Pre-Token Generation Lambda V3_0",
        )),
        _ => {}
    }
    let history = at(
        settings,
        &["Policies", "PasswordPolicy", "PasswordHistorySize"],
    );
    if history.and_then(Value::as_i64).is_some_and(|size| size > 0) {
        // Facts A.1 [DOC feature plans].
        features.push((Tier::Essentials, "Password History"));
    }
    if at(settings, &["AcrConfiguration"])
        .and_then(Value::as_object)
        .is_some_and(|levels| !levels.is_empty())
    {
        // Facts A.1 [MODEL]; that the default names, too, are refused is [INF].
        features.push((Tier::Essentials, "ACR Configuration"));
    }
    if settings.contains_key("DcrConfiguration") {
        // Facts A.1 [MODEL].
        features.push((Tier::Essentials, "Dynamic Client Registration"));
    }
    let is_on = |path: &[&str]| matches!(text_at(settings, path), Some("AUDIT" | "ENFORCED"));
    if is_on(&["UserPoolAddOns", "AdvancedSecurityMode"])
        || is_on(&[
            "UserPoolAddOns",
            "AdvancedSecurityAdditionalFlows",
            "CustomAuthMode",
        ])
    {
        // Facts A.1 [MODEL UserPoolAddOnsType].
        features.push((Tier::Plus, "Threat Protection"));
    }
    features
}

/// The features that a pool uses outside its settings and that a smaller tier would lack [INF].
fn features_beside(pool: &Pool) -> Vec<(Tier, &'static str)> {
    let mut features = Vec::new();
    if pool.mfa.contains_key("EmailMfaConfiguration") {
        features.push((Tier::Essentials, "Email MFA"));
    }
    if pool
        .domains
        .values()
        .any(|domain| domain.document.get("ManagedLoginVersion") == Some(&Value::from(2)))
    {
        features.push((Tier::Essentials, "Managed Login Version 2"));
    }
    features
}
