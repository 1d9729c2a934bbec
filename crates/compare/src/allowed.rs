//! The differences between a backup and its restored pool that every restore has.
//!
//! One table, which the comparison reads and `docs/fidelity.md` repeats; a test ties the two.
//! Everything that is not here has to be announced by a finding, or the restore is not verified.

use std::sync::LazyLock;

use model::inventory::Section;
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

const NEW_POOL: &str = "a new pool has its own";
const NEW_CLIENT: &str = "a new client has its own; the map of ids ties old and new";
const DATES: &str = "Cognito sets dates itself";
const DIAGNOSTIC: &str = "a diagnosis, not a setting";
const SHOWN: &str = "Cognito shows it of new pools; its absence means the same";
const EXPLICIT: &str = "sent explicitly, with the value that its absence means in the old pool";

macro_rules! table {
    ($($path:literal, $rule:ident $(($json:literal))?, $reason:expr;)*) => {
        /// The table. The facts behind each row: A.1 to A.18 for settings, C.1 to C.4 for users.
        pub const ALLOWED: &[Allowed] =
            &[$(Allowed { path: $path, rule: Rule::$rule $(($json))?, reason: $reason }),*];
    };
}

table! {
    "user_pool_config/Id", Any, NEW_POOL;
    "user_pool_config/Arn", Any, NEW_POOL;
    "user_pool_config/CreationDate", Any, DATES;
    "user_pool_config/LastModifiedDate", Any, DATES;
    "user_pool_config/EstimatedNumberOfUsers", Any, "an estimate; users are counted";
    "user_pool_config/Status", Any, "no longer used by Cognito";
    "user_pool_config/SmsConfigurationFailure", Any, DIAGNOSTIC;
    "user_pool_config/EmailConfigurationFailure", Any, DIAGNOSTIC;
    "user_pool_config/Domain", Any, "compared in user_pool_domain";
    "user_pool_config/CustomDomain", Any, "compared in custom_domain";
    "user_pool_config/UserPoolTags", Any, "compared in tags";
    "user_pool_config/SmsVerificationMessage", Any, "Cognito copies it from the template, which is compared";
    "user_pool_config/EmailVerificationMessage", Any, "Cognito copies it from the template, which is compared";
    "user_pool_config/EmailVerificationSubject", Any, "Cognito copies it from the template, which is compared";
    "user_pool_config/AdminCreateUserConfig/UnusedAccountValidityDays", Any, "replaced by TemporaryPasswordValidityDays, which is compared";
    "user_pool_config/Policies/PasswordPolicy/TemporaryPasswordValidityDays", Mapped, "an old pool's UnusedAccountValidityDays stands for it";
    "user_pool_config/SmsConfiguration/SnsRegion", Any, "follows from the pool's Region";
    "user_pool_config/LambdaConfig", Mapped, "a function of the same name in the pool's own Region is the same function";
    "mfa_configuration/SmsMfaConfiguration/SmsConfiguration/SnsRegion", Any, "follows from the pool's Region";
    "user_pool_config/AccountRecoverySetting", OnlyInPool, "Cognito shows its default of every new pool; older pools may show none";
    "user_pool_config/KeyConfiguration/KeyType", Default("\"AWS_OWNED_KEY\""), SHOWN;
    "user_pool_config/IssuerConfiguration/Type", Default("\"ORIGINAL\""), SHOWN;
    "user_pool_config/Policies/SignInPolicy/AllowedFirstAuthFactors", Default("[\"PASSWORD\"]"), SHOWN;
    "user_pool_config/DeletionProtection", Default("\"INACTIVE\""), SHOWN;
    "mfa_configuration/WebAuthnConfiguration/FactorConfiguration", Default("\"SINGLE_FACTOR\""), SHOWN;
    "user_pool_config/AcrConfiguration", OnlyInPool, "Cognito always returns it with its defaults; older readers did not know it";
    "user_pool_config/SchemaAttributes/identities", Any, "Cognito's own; older pools got it with their first identity provider";
    "user_pool_config/SchemaAttributes/{legacy sub}", OnlyInPool, "the attribute that LegacySubAttribute names keeps the old sub";
    "user_pool_config/SchemaAttributes/{standard}", OnlyInPool, "a new pool has the standard attributes that Cognito added since";
    "tags/aws:*", OnlyInBackup, "tag keys that begin with aws: are reserved";
    "tags/cognito-dr-restore-id", Any, "the restore's own mark, by which it finds the pool that it made";
    "app_clients/*/ClientId", Any, NEW_CLIENT;
    "app_clients/*/UserPoolId", Any, NEW_POOL;
    "app_clients/*/CreationDate", Any, DATES;
    "app_clients/*/LastModifiedDate", Any, DATES;
    "app_clients/*/EnableTokenRevocation", Default("false"), EXPLICIT;
    "app_clients/*/PreventUserExistenceErrors", Default("\"LEGACY\""), EXPLICIT;
    "app_clients/*/EnablePropagateAdditionalUserContextData", Default("false"), EXPLICIT;
    "app_clients/*/AllowedOAuthFlowsUserPoolClient", Default("false"), EXPLICIT;
    "app_clients/*/ClientType", OnlyInPool, "Cognito tells it since lately";
    "app_clients/*/ExplicitAuthFlows", Mapped, "absent is ALLOW_REFRESH_TOKEN_AUTH (not where refresh tokens rotate), ALLOW_USER_SRP_AUTH and ALLOW_CUSTOM_AUTH: sent explicitly";
    "app_clients/*/AccessTokenValidity", Default("1"), EXPLICIT;
    "app_clients/*/IdTokenValidity", Default("1"), EXPLICIT;
    "app_clients/*/RefreshTokenValidity", Mapped, "absent and 0 are 30 days: sent explicitly";
    "app_clients/*/AuthSessionValidity", Default("3"), EXPLICIT;
    "app_clients/*/TokenValidityUnits", Mapped, "absent is hours, and days of refresh tokens, whatever the unit of a value that is absent: sent explicitly";
    "app_clients/*/RefreshTokenRotation/Feature", Default("\"DISABLED\""), SHOWN;
    "app_clients/*/RefreshTokenRotation/RetryGracePeriodSeconds", Default("0"), SHOWN;
    "app_clients/*/ReadAttributes", Mapped, "without the attribute that LegacySubAttribute names";
    "client_secrets", Any, "Cognito never returns the value of a second secret; the report counts them";
    "groups/*/UserPoolId", Any, NEW_POOL;
    "groups/*/CreationDate", Any, DATES;
    "groups/*/LastModifiedDate", Any, DATES;
    "groups/{pool id}_*", Any, "Cognito makes and fills the groups of federated users itself";
    "identity_providers/*/UserPoolId", Any, NEW_POOL;
    "identity_providers/*/CreationDate", Any, DATES;
    "identity_providers/*/LastModifiedDate", Any, DATES;
    "identity_providers/Google/AttributeMapping/username", Default("\"sub\""), SHOWN;
    "identity_providers/*/ProviderDetails/ActiveEncryptionCertificate", Any, "a new pool has new certificates";
    "identity_providers/*/ProviderDetails/attributes_url_add_attributes", Any, "Cognito adds it";
    "identity_providers/*/ProviderDetails/SSORedirectBindingURI", Any, "Cognito reads it from the provider's metadata, which is compared";
    "identity_providers/*/ProviderDetails/SLORedirectBindingURI", Any, "Cognito reads it from the provider's metadata, which is compared";
    "resource_servers/*/UserPoolId", Any, NEW_POOL;
    "resource_servers/{managed by Cognito}", Any, "reserved servers are Cognito's own";
    "user_pool_domain/UserPoolId", Any, NEW_POOL;
    "user_pool_domain/AWSAccountId", Any, "the account that was restored into";
    "user_pool_domain/S3Bucket", Any, "Cognito's own storage in the Region";
    "user_pool_domain/CloudFrontDistribution", Any, "a new domain has its own; DNS is a manual step";
    "user_pool_domain/Version", Any, "Cognito counts it";
    "user_pool_domain/Status", Any, "a domain may take an hour to become active";
    "user_pool_domain/Routing", Any, "belongs to replication, which is not restored";
    "user_pool_domain/ManagedLoginVersion", Default("1"), EXPLICIT;
    "custom_domain/UserPoolId", Any, NEW_POOL;
    "custom_domain/AWSAccountId", Any, "the account that was restored into";
    "custom_domain/S3Bucket", Any, "Cognito's own storage in the Region";
    "custom_domain/CloudFrontDistribution", Any, "a new domain has its own; DNS is a manual step";
    "custom_domain/Version", Any, "Cognito counts it";
    "custom_domain/Status", Any, "a domain may take an hour to become active";
    "custom_domain/Routing", Any, "belongs to replication, which is not restored";
    "custom_domain/ManagedLoginVersion", Default("1"), EXPLICIT;
    "ui_customization/UserPoolId", Any, NEW_POOL;
    "ui_customization/ImageUrl", Any, "a new address; the image itself is compared in ui_images";
    "ui_customization/CSSVersion", Any, "Cognito counts it";
    "ui_customization/CreationDate", Any, DATES;
    "ui_customization/LastModifiedDate", Any, DATES;
    "client_ui_customizations/*/UserPoolId", Any, NEW_POOL;
    "client_ui_customizations/*/ClientId", Any, NEW_CLIENT;
    "client_ui_customizations/*/ImageUrl", Any, "a new address; the image itself is compared in ui_images";
    "client_ui_customizations/*/CSSVersion", Any, "Cognito counts it";
    "client_ui_customizations/*/CreationDate", Any, DATES;
    "client_ui_customizations/*/LastModifiedDate", Any, DATES;
    "ui_images/*/ClientId", Any, NEW_CLIENT;
    "ui_images/*/ContentType", Any, "the server of the image names it; the bytes are compared";
    "managed_login_branding/*/ManagedLoginBrandingId", Any, "a new style has its own";
    "managed_login_branding/*/UserPoolId", Any, NEW_POOL;
    "managed_login_branding/*/ClientId", Any, NEW_CLIENT;
    "managed_login_branding/*/CreationDate", Any, DATES;
    "managed_login_branding/*/LastModifiedDate", Any, DATES;
    "managed_login_branding/*/Assets/*/ResourceId", Any, "a stored asset of the pool; the bytes are compared";
    "terms/*/TermsId", Any, "a new document has its own";
    "terms/*/UserPoolId", Any, NEW_POOL;
    "terms/*/ClientId", Any, NEW_CLIENT;
    "terms/*/CreationDate", Any, DATES;
    "terms/*/LastModifiedDate", Any, DATES;
    "risk_configuration/UserPoolId", Any, NEW_POOL;
    "risk_configuration/ClientId", Any, NEW_CLIENT;
    "risk_configuration/LastModifiedDate", Any, DATES;
    "client_risk_configurations/*/UserPoolId", Any, NEW_POOL;
    "client_risk_configurations/*/ClientId", Any, NEW_CLIENT;
    "client_risk_configurations/*/LastModifiedDate", Any, DATES;
    "log_delivery_configuration/UserPoolId", Any, NEW_POOL;
    "waf_configuration/WebACLArn", Any, "a web ACL belongs to one Region; its name is compared";
    "waf_configuration/WebACLId", Any, "a web ACL belongs to one Region; its name is compared";
    "session_configuration/UserPoolId", Any, NEW_POOL;
    "client_session_configurations/*/UserPoolId", Any, NEW_POOL;
    "client_session_configurations/*/ClientId", Any, NEW_CLIENT;
    "replicas", Any, "recorded, never restored";
    "signing_certificate", Any, "a new pool has new certificates";
    "users/*/sub", Any, "no API keeps it; the user map ties old and new";
    "users/*/Username", Mapped, "pools that sign in by e-mail or phone give a new one: users are told apart by what they sign in with";
    "users/*/UserCreateDate", Any, DATES;
    "users/*/UserLastModifiedDate", Any, DATES;
    "users/*/MFAOptions", Any, "the legacy form of the MFA preference, which is compared";
    "users/*/{empty}", Any, "an empty attribute is the same as none";
    "users/*/email_verified", Default("\"false\""), "an attribute that is not there is not verified";
    "users/*/phone_number_verified", Default("\"false\""), "an attribute that is not there is not verified";
    "users/*/identities", Mapped, "links of social providers; Cognito does not record how SAML and OIDC identities were linked";
    "users/*/{legacy sub}", OnlyInPool, "the attribute that LegacySubAttribute names keeps the old sub";
    "users/*/UserStatus", Mapped, "archived, compromised and unknown users come back confirmed and disabled";
    "users/*/UserMFASettingList", Mapped, "SMS and e-mail; an authenticator has to be registered again";
    "users/*/PreferredMfaSetting", Mapped, "SMS and e-mail; an authenticator has to be registered again";
    "users/{EXTERNAL_PROVIDER}", Any, "Cognito makes federated profiles at the next sign-in";
    "group_memberships/{pool id}_*", Any, "Cognito makes and fills the groups of federated users itself";
    "group_memberships/*/{users that are not back}", OnlyInBackup, "they are missing among the users, and counted there";
}

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

/// What two sides are to one another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Relation {
    /// The second was restored from the first: they may differ by the table.
    #[default]
    Restored,
    /// Both are the same pool at two times: only what Cognito changes by itself may differ, and
    /// the absence of a member means its default.
    SamePool,
}

/// Members that Cognito sets by itself. Documents of the reference implementation write dates in
/// another form, so that even those that never change are not compared.
const SET_BY_COGNITO: &[&str] = &["CreationDate", "LastModifiedDate", "EstimatedNumberOfUsers"];

/// `*` at a segment's end stands for anything.
fn matches(pattern: &str, segment: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => segment.starts_with(start),
        None => pattern == segment,
    }
}

impl Relation {
    /// Whether the first and the second side may differ so at `path`.
    pub fn lets_pass(self, path: &[&str], first: Option<&Value>, second: Option<&Value>) -> bool {
        let set_by_cognito = || {
            path.last()
                .is_some_and(|name| SET_BY_COGNITO.contains(name))
        };
        match (row(path).map(|row| row.rule), self) {
            (Some(Rule::Default(json)), _) => {
                let default = serde_json::from_str::<Value>(json).ok();
                first.or(default.as_ref()) == second.or(default.as_ref())
            }
            (_, Relation::SamePool) => set_by_cognito(),
            (Some(Rule::Any), _) => true,
            (Some(Rule::OnlyInPool), _) => first.is_none(),
            (Some(Rule::OnlyInBackup), _) => second.is_none(),
            (Some(Rule::Mapped) | None, _) => false,
        }
    }

    /// Whether nothing of a section is compared.
    pub fn leaves_out(self, section: Section) -> bool {
        self == Relation::Restored
            && row(&[section.member()]).is_some_and(|row| row.rule == Rule::Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
        assert!(Relation::Restored.lets_pass(&path, None, Some(&json!(false))));
        assert!(!Relation::Restored.lets_pass(&path, None, Some(&json!(true))));
        assert!(!Relation::Restored.lets_pass(&path, Some(&json!(true)), None));
    }

    #[test]
    fn in_the_same_pool_only_what_cognito_sets_and_defaults_may_differ() {
        let (old, new) = (json!("a"), json!("b"));
        for (path, may) in [
            (&["user_pool_config", "LastModifiedDate"][..], true),
            (&["user_pool_config", "EstimatedNumberOfUsers"], true),
            (&["groups", "admins", "CreationDate"], true),
            (&["user_pool_domain", "CloudFrontDistribution"], false),
            (&["tags", "aws:x"], false),
            (&["app_clients", "abc", "ExplicitAuthFlows"], false),
        ] {
            let passes = Relation::SamePool.lets_pass(path, Some(&old), Some(&new));
            assert_eq!(passes, may, "{path:?}");
        }
        let path = ["app_clients", "abc", "EnableTokenRevocation"];
        assert!(Relation::SamePool.lets_pass(&path, None, Some(&json!(false))));
        assert!(!Relation::SamePool.leaves_out(Section::Replicas));
        assert!(Relation::Restored.leaves_out(Section::Replicas));
    }

    #[test]
    fn a_reserved_tag_may_be_missing_but_not_appear() {
        let path = ["tags", "aws:x"];
        assert!(Relation::Restored.lets_pass(&path, Some(&json!("1")), None));
        assert!(!Relation::Restored.lets_pass(&path, None, Some(&json!("1"))));
    }
}

#[cfg(test)]
mod fidelity_tests;
