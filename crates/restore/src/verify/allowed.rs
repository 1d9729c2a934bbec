//! The differences between a backup and its restored pool that every restore has.
//!
//! One table, which the comparison reads and `docs/fidelity.md` repeats; a test ties the two.
//! Everything that is not here has to be announced by a finding, or the restore is not verified.

use std::sync::LazyLock;

use serde_json::Value;

/// How far a member may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// In any way.
    Any,
    /// The pool may have it where the backup has none.
    OnlyInPool,
    /// The backup may have it where the pool has none.
    OnlyInBackup,
    /// Not there means this JSON value.
    Default(&'static str),
    /// It is compared after the change that the reason names.
    Mapped,
}

impl Rule {
    /// How `docs/fidelity.md` writes it.
    pub fn in_words(self) -> String {
        match self {
            Rule::Any => "any".to_owned(),
            Rule::OnlyInPool => "only in the pool".to_owned(),
            Rule::OnlyInBackup => "only in the backup".to_owned(),
            Rule::Default(json) => format!("absent is `{json}`"),
            Rule::Mapped => "mapped".to_owned(),
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// The member, and everything below it: segments between `/`, of which `*` is any one.
    pub path: &'static str,
    /// How far it may differ.
    pub rule: Rule,
    /// Why.
    pub reason: &'static str,
}

const fn allow(path: &'static str, rule: Rule, reason: &'static str) -> Allowed {
    Allowed { path, rule, reason }
}

const NEW_POOL: &str = "a new pool has its own";
const NEW_CLIENT: &str = "a new client has its own; the map of ids ties old and new";
const DATES: &str = "Cognito sets dates itself";
const DIAGNOSTIC: &str = "a diagnosis, not a setting";
const EXPLICIT: &str = "sent explicitly, with the value that its absence means in the old pool";

/// The table. The facts behind each row: A.1 to A.18 for settings, C.1 to C.4 for users.
pub const ALLOWED: &[Allowed] = &[
    allow("user_pool_config/Id", Rule::Any, NEW_POOL),
    allow("user_pool_config/Arn", Rule::Any, NEW_POOL),
    allow("user_pool_config/CreationDate", Rule::Any, DATES),
    allow("user_pool_config/LastModifiedDate", Rule::Any, DATES),
    allow(
        "user_pool_config/EstimatedNumberOfUsers",
        Rule::Any,
        "an estimate; users are counted",
    ),
    allow(
        "user_pool_config/Status",
        Rule::Any,
        "no longer used by Cognito",
    ),
    allow(
        "user_pool_config/SmsConfigurationFailure",
        Rule::Any,
        DIAGNOSTIC,
    ),
    allow(
        "user_pool_config/EmailConfigurationFailure",
        Rule::Any,
        DIAGNOSTIC,
    ),
    allow(
        "user_pool_config/Domain",
        Rule::Any,
        "compared in user_pool_domain",
    ),
    allow(
        "user_pool_config/CustomDomain",
        Rule::Any,
        "compared in custom_domain",
    ),
    allow(
        "user_pool_config/UserPoolTags",
        Rule::Any,
        "compared in tags",
    ),
    allow(
        "user_pool_config/SmsVerificationMessage",
        Rule::Any,
        "no longer used by Cognito, which echoes the template",
    ),
    allow(
        "user_pool_config/EmailVerificationMessage",
        Rule::Any,
        "no longer used by Cognito, which echoes the template",
    ),
    allow(
        "user_pool_config/EmailVerificationSubject",
        Rule::Any,
        "no longer used by Cognito, which echoes the template",
    ),
    allow(
        "user_pool_config/AdminCreateUserConfig/UnusedAccountValidityDays",
        Rule::Any,
        "replaced by TemporaryPasswordValidityDays, which is compared",
    ),
    allow(
        "user_pool_config/Policies/PasswordPolicy/TemporaryPasswordValidityDays",
        Rule::Mapped,
        "an old pool's UnusedAccountValidityDays stands for it",
    ),
    allow(
        "user_pool_config/SmsConfiguration/SnsRegion",
        Rule::Any,
        "follows from the pool's Region",
    ),
    allow(
        "user_pool_config/LambdaConfig",
        Rule::Mapped,
        "a function of the same name in the pool's own Region is the same function",
    ),
    allow(
        "mfa_configuration/SmsMfaConfiguration/SmsConfiguration/SnsRegion",
        Rule::Any,
        "follows from the pool's Region",
    ),
    allow(
        "user_pool_config/SchemaAttributes/identities",
        Rule::Any,
        "Cognito adds it with the first identity provider",
    ),
    allow(
        "user_pool_config/SchemaAttributes/{legacy sub}",
        Rule::OnlyInPool,
        "the attribute that LegacySubAttribute names keeps the old sub",
    ),
    allow(
        "user_pool_config/SchemaAttributes/{standard}",
        Rule::OnlyInPool,
        "a new pool has the standard attributes that Cognito added since",
    ),
    allow(
        "tags/aws:*",
        Rule::OnlyInBackup,
        "tag keys that begin with aws: are reserved",
    ),
    allow("tags/cognito-dr:*", Rule::Any, "the restore's own marks"),
    allow("app_clients/*/ClientId", Rule::Any, NEW_CLIENT),
    allow("app_clients/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("app_clients/*/CreationDate", Rule::Any, DATES),
    allow("app_clients/*/LastModifiedDate", Rule::Any, DATES),
    allow(
        "app_clients/*/EnableTokenRevocation",
        Rule::Default("false"),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/PreventUserExistenceErrors",
        Rule::Default("\"LEGACY\""),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/EnablePropagateAdditionalUserContextData",
        Rule::Default("false"),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/AllowedOAuthFlowsUserPoolClient",
        Rule::Default("false"),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/RefreshTokenValidity",
        Rule::Default("30"),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/AuthSessionValidity",
        Rule::Default("3"),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/TokenValidityUnits/AccessToken",
        Rule::Default("\"hours\""),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/TokenValidityUnits/IdToken",
        Rule::Default("\"hours\""),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/TokenValidityUnits/RefreshToken",
        Rule::Default("\"days\""),
        EXPLICIT,
    ),
    allow(
        "app_clients/*/ReadAttributes",
        Rule::Mapped,
        "without the attribute that LegacySubAttribute names",
    ),
    allow(
        "client_secrets",
        Rule::Any,
        "Cognito never returns the value of a second secret; the report counts them",
    ),
    allow("groups/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("groups/*/CreationDate", Rule::Any, DATES),
    allow("groups/*/LastModifiedDate", Rule::Any, DATES),
    allow(
        "groups/{pool id}_*",
        Rule::Any,
        "Cognito makes and fills the groups of federated users itself",
    ),
    allow("identity_providers/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("identity_providers/*/CreationDate", Rule::Any, DATES),
    allow("identity_providers/*/LastModifiedDate", Rule::Any, DATES),
    allow(
        "identity_providers/*/ProviderDetails/ActiveEncryptionCertificate",
        Rule::Any,
        "a new pool has new certificates",
    ),
    allow(
        "identity_providers/*/ProviderDetails/attributes_url_add_attributes",
        Rule::Any,
        "Cognito adds it",
    ),
    allow(
        "identity_providers/*/ProviderDetails/SSORedirectBindingURI",
        Rule::Any,
        "Cognito reads it from the provider's metadata, which is compared",
    ),
    allow(
        "identity_providers/*/ProviderDetails/SLORedirectBindingURI",
        Rule::Any,
        "Cognito reads it from the provider's metadata, which is compared",
    ),
    allow("resource_servers/*/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "resource_servers/{managed by Cognito}",
        Rule::Any,
        "reserved servers are Cognito's own",
    ),
    allow("user_pool_domain/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "user_pool_domain/AWSAccountId",
        Rule::Any,
        "the account that was restored into",
    ),
    allow(
        "user_pool_domain/S3Bucket",
        Rule::Any,
        "Cognito's own storage in the Region",
    ),
    allow(
        "user_pool_domain/CloudFrontDistribution",
        Rule::Any,
        "a new domain has its own; DNS is a manual step",
    ),
    allow("user_pool_domain/Version", Rule::Any, "Cognito counts it"),
    allow(
        "user_pool_domain/Status",
        Rule::Any,
        "a domain may take an hour to become active",
    ),
    allow(
        "user_pool_domain/Routing",
        Rule::Any,
        "belongs to replication, which is not restored",
    ),
    allow(
        "user_pool_domain/ManagedLoginVersion",
        Rule::Default("1"),
        EXPLICIT,
    ),
    allow("custom_domain/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "custom_domain/AWSAccountId",
        Rule::Any,
        "the account that was restored into",
    ),
    allow(
        "custom_domain/S3Bucket",
        Rule::Any,
        "Cognito's own storage in the Region",
    ),
    allow(
        "custom_domain/CloudFrontDistribution",
        Rule::Any,
        "a new domain has its own; DNS is a manual step",
    ),
    allow("custom_domain/Version", Rule::Any, "Cognito counts it"),
    allow(
        "custom_domain/Status",
        Rule::Any,
        "a domain may take an hour to become active",
    ),
    allow(
        "custom_domain/Routing",
        Rule::Any,
        "belongs to replication, which is not restored",
    ),
    allow(
        "custom_domain/ManagedLoginVersion",
        Rule::Default("1"),
        EXPLICIT,
    ),
    allow("ui_customization/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "ui_customization/ImageUrl",
        Rule::Any,
        "a new address; the image itself is compared in ui_images",
    ),
    allow(
        "ui_customization/CSSVersion",
        Rule::Any,
        "Cognito counts it",
    ),
    allow("ui_customization/CreationDate", Rule::Any, DATES),
    allow("ui_customization/LastModifiedDate", Rule::Any, DATES),
    allow("client_ui_customizations/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("client_ui_customizations/*/ClientId", Rule::Any, NEW_CLIENT),
    allow(
        "client_ui_customizations/*/ImageUrl",
        Rule::Any,
        "a new address; the image itself is compared in ui_images",
    ),
    allow(
        "client_ui_customizations/*/CSSVersion",
        Rule::Any,
        "Cognito counts it",
    ),
    allow("client_ui_customizations/*/CreationDate", Rule::Any, DATES),
    allow(
        "client_ui_customizations/*/LastModifiedDate",
        Rule::Any,
        DATES,
    ),
    allow("ui_images/*/ClientId", Rule::Any, NEW_CLIENT),
    allow(
        "ui_images/*/ContentType",
        Rule::Any,
        "the server of the image names it; the bytes are compared",
    ),
    allow(
        "managed_login_branding/*/ManagedLoginBrandingId",
        Rule::Any,
        "a new style has its own",
    ),
    allow("managed_login_branding/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("managed_login_branding/*/ClientId", Rule::Any, NEW_CLIENT),
    allow("managed_login_branding/*/CreationDate", Rule::Any, DATES),
    allow(
        "managed_login_branding/*/LastModifiedDate",
        Rule::Any,
        DATES,
    ),
    allow(
        "managed_login_branding/*/Assets/*/ResourceId",
        Rule::Any,
        "a stored asset of the pool; the bytes are compared",
    ),
    allow("terms/*/TermsId", Rule::Any, "a new document has its own"),
    allow("terms/*/UserPoolId", Rule::Any, NEW_POOL),
    allow("terms/*/ClientId", Rule::Any, NEW_CLIENT),
    allow("terms/*/CreationDate", Rule::Any, DATES),
    allow("terms/*/LastModifiedDate", Rule::Any, DATES),
    allow("risk_configuration/UserPoolId", Rule::Any, NEW_POOL),
    allow("risk_configuration/ClientId", Rule::Any, NEW_CLIENT),
    allow("risk_configuration/LastModifiedDate", Rule::Any, DATES),
    allow(
        "client_risk_configurations/*/UserPoolId",
        Rule::Any,
        NEW_POOL,
    ),
    allow(
        "client_risk_configurations/*/ClientId",
        Rule::Any,
        NEW_CLIENT,
    ),
    allow(
        "client_risk_configurations/*/LastModifiedDate",
        Rule::Any,
        DATES,
    ),
    allow("log_delivery_configuration/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "waf_configuration/WebACLArn",
        Rule::Any,
        "a web ACL belongs to one Region; its name is compared",
    ),
    allow(
        "waf_configuration/WebACLId",
        Rule::Any,
        "a web ACL belongs to one Region; its name is compared",
    ),
    allow("session_configuration/UserPoolId", Rule::Any, NEW_POOL),
    allow(
        "client_session_configurations/*/UserPoolId",
        Rule::Any,
        NEW_POOL,
    ),
    allow(
        "client_session_configurations/*/ClientId",
        Rule::Any,
        NEW_CLIENT,
    ),
    allow("replicas", Rule::Any, "recorded, never restored"),
    allow(
        "signing_certificate",
        Rule::Any,
        "a new pool has new certificates",
    ),
    allow(
        "users/*/sub",
        Rule::Any,
        "no API keeps it; the user map ties old and new",
    ),
    allow(
        "users/*/Username",
        Rule::Mapped,
        "pools that sign in by e-mail or phone give a new one: users are told apart by what they sign in with",
    ),
    allow("users/*/UserCreateDate", Rule::Any, DATES),
    allow("users/*/UserLastModifiedDate", Rule::Any, DATES),
    allow(
        "users/*/MFAOptions",
        Rule::Any,
        "the legacy form of the MFA preference, which is compared",
    ),
    allow(
        "users/*/identities",
        Rule::Mapped,
        "links of social providers; Cognito does not record how SAML and OIDC identities were linked",
    ),
    allow(
        "users/*/{legacy sub}",
        Rule::OnlyInPool,
        "the attribute that LegacySubAttribute names keeps the old sub",
    ),
    allow(
        "users/*/UserStatus",
        Rule::Mapped,
        "archived, compromised and unknown users come back confirmed and disabled",
    ),
    allow(
        "users/*/UserMFASettingList",
        Rule::Mapped,
        "SMS and e-mail; an authenticator has to be registered again",
    ),
    allow(
        "users/*/PreferredMfaSetting",
        Rule::Mapped,
        "SMS and e-mail; an authenticator has to be registered again",
    ),
    allow(
        "users/{EXTERNAL_PROVIDER}",
        Rule::Any,
        "Cognito makes federated profiles at the next sign-in",
    ),
    allow(
        "group_memberships/{pool id}_*",
        Rule::Any,
        "Cognito makes and fills the groups of federated users itself",
    ),
    allow(
        "group_memberships/*/{users that are not back}",
        Rule::OnlyInBackup,
        "they are missing among the users, and counted there",
    ),
];

/// The standard attributes of every pool (facts A.2), which Cognito generates.
pub(crate) const STANDARD_ATTRIBUTES: &[&str] = &[
    "sub",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "email",
    "email_verified",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
    "phone_number",
    "phone_number_verified",
    "address",
    "updated_at",
];

/// The rows by their segments, without those that only code can tell (`{...}`).
static ROWS: LazyLock<Vec<(Vec<&'static str>, &'static Allowed)>> = LazyLock::new(|| {
    ALLOWED
        .iter()
        .filter(|row| !row.path.contains('{'))
        .map(|row| (row.path.split('/').collect(), row))
        .collect()
});

/// The row that covers the member at `path`, if there is one.
pub fn row(path: &[&str]) -> Option<&'static Allowed> {
    ROWS.iter()
        .find(|(pattern, _)| {
            pattern.len() <= path.len()
                && pattern
                    .iter()
                    .zip(path)
                    .all(|(pattern, segment)| matches(pattern, segment))
        })
        .map(|(_, row)| *row)
}

/// `*` at a segment's end stands for anything.
fn matches(pattern: &str, segment: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => segment.starts_with(start),
        None => pattern == segment,
    }
}

/// Whether the table lets backup and pool differ so at `path`.
pub(crate) fn lets_pass(path: &[&str], backup: Option<&Value>, pool: Option<&Value>) -> bool {
    match row(path).map(|row| row.rule) {
        Some(Rule::Any) => true,
        Some(Rule::OnlyInPool) => backup.is_none(),
        Some(Rule::OnlyInBackup) => pool.is_none(),
        Some(Rule::Default(json)) => {
            let default = serde_json::from_str::<Value>(json).ok();
            backup.or(default.as_ref()) == pool.or(default.as_ref())
        }
        Some(Rule::Mapped) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::inventory::Section;
    use serde_json::json;

    #[test]
    fn every_row_begins_with_a_section_and_has_a_reason() {
        for row in ALLOWED {
            let section = row.path.split('/').next().unwrap();
            assert!(
                Section::ALL.iter().any(|known| known.member() == section),
                "{}",
                row.path
            );
            assert!(!row.reason.is_empty(), "{}", row.path);
        }
    }

    #[test]
    fn no_row_stands_twice_and_defaults_are_json() {
        for (index, row) in ALLOWED.iter().enumerate() {
            assert!(
                ALLOWED[..index].iter().all(|other| other.path != row.path),
                "{}",
                row.path
            );
            if let Rule::Default(json) = row.rule {
                assert!(serde_json::from_str::<Value>(json).is_ok(), "{}", row.path);
            }
        }
    }

    #[test]
    fn a_row_covers_what_is_below_it_and_nothing_beside_it() {
        for (path, covered) in [
            (vec!["user_pool_config", "Arn"], true),
            (vec!["user_pool_config", "Name"], false),
            (vec!["user_pool_config"], false),
            (vec!["app_clients", "abc", "ClientId"], true),
            (vec!["app_clients", "abc", "ClientName"], false),
            (vec!["replicas", "0", "RegionName"], true),
            (vec!["tags", "aws:cloudformation:stack-name"], true),
            (vec!["tags", "awsome"], false),
        ] {
            assert_eq!(row(&path).is_some(), covered, "{path:?}");
        }
    }

    #[test]
    fn absence_means_the_default_and_nothing_else() {
        let path = ["app_clients", "abc", "EnableTokenRevocation"];
        assert!(lets_pass(&path, None, Some(&json!(false))));
        assert!(!lets_pass(&path, None, Some(&json!(true))));
        assert!(!lets_pass(&path, Some(&json!(true)), None));
    }

    #[test]
    fn a_reserved_tag_may_be_missing_but_not_appear() {
        let path = ["tags", "aws:x"];
        assert!(lets_pass(&path, Some(&json!("1")), None));
        assert!(!lets_pass(&path, None, Some(&json!("1"))));
    }
}
