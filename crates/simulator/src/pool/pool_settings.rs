//! The settings that a request makes, and the `UserPool` document that Describe makes of them (facts A.1).

use serde_json::{Value, json};

use super::access::{at, default_to, text_at};
use super::trigger_rules;
use crate::call::{Call, Document};
use crate::state::{Pool, Time};

/// Members of CreateUserPool that UpdateUserPool cannot change (facts A.1 [MODEL]).
pub(super) const FIXED: &[&str] = &[
    "AliasAttributes",
    "UsernameAttributes",
    "UsernameConfiguration",
];

/// Members that only Describe has; a request that carries them as unknown members does not set them.
const COMPUTED: &[&str] = &[
    "Id",
    "Arn",
    "CreationDate",
    "LastModifiedDate",
    "SchemaAttributes",
    "EstimatedNumberOfUsers",
    "Domain",
    "CustomDomain",
    "Status",
    "SmsConfigurationFailure",
    "EmailConfigurationFailure",
];

/// Members of the requests that do not become settings as they stand.
const NOT_STORED: &[&str] = &["UserPoolId", "Name", "Schema"];

/// The older members for the messages of the template, which stand in both places whichever was given (facts 0.1).
const OLDER_MESSAGES: &[(&str, &str)] = &[
    ("SmsVerificationMessage", "SmsMessage"),
    ("EmailVerificationMessage", "EmailMessage"),
    ("EmailVerificationSubject", "EmailSubject"),
];

/// What Describe shows where nothing was ever set (facts 0.1), most important first.
fn unset() -> [(&'static str, Value); 3] {
    [
        (
            "AccountRecoverySetting",
            json!({"RecoveryMechanisms": [
                {"Priority": 1, "Name": "verified_email"},
                {"Priority": 2, "Name": "verified_phone_number"},
            ]}),
        ),
        ("KeyConfiguration", json!({"KeyType": "AWS_OWNED_KEY"})),
        ("IssuerConfiguration", json!({"Type": "ORIGINAL"})),
    ]
}

/// The settings that a CreateUserPool or UpdateUserPool request itself names, under their names in `UserPool`.
pub(super) fn own(call: &Call<'_>) -> Document {
    let mut settings: Document = call
        .request
        .iter()
        .filter(|(member, _)| {
            !NOT_STORED.contains(&member.as_str()) && !COMPUTED.contains(&member.as_str())
        })
        .map(|(member, value)| (member.clone(), value.clone()))
        .collect();
    if let Some(name) = settings.remove("PoolName") {
        settings.insert("Name".to_owned(), name);
    }
    for (older, member) in OLDER_MESSAGES {
        let Some(text) = settings.remove(*older) else {
            continue;
        };
        default_to(&mut settings, "VerificationMessageTemplate", json!({}));
        // Which of two different texts wins is [INF].
        inner(&mut settings, "VerificationMessageTemplate", |template| {
            default_to(template, member, text);
        });
    }
    settings
}

/// The settings that a request asks for, which is whole but for defaults.
pub(super) fn requested(call: &Call<'_>) -> Document {
    let mut settings = call.request.clone();
    // Empty lists say nothing [GEN].
    for member in ["AliasAttributes", "UsernameAttributes"] {
        if call.list(member).is_empty() {
            settings.remove(member);
        }
    }
    for (member, value) in unset() {
        default_to(&mut settings, member, value);
    }
    default_to(&mut settings, "Policies", json!({}));
    default_to(&mut settings, "DeletionProtection", "INACTIVE");
    default_to(&mut settings, "LambdaConfig", json!({}));
    default_to(&mut settings, "VerificationMessageTemplate", json!({}));
    default_to(&mut settings, "MfaConfiguration", "OFF");
    default_to(&mut settings, "EmailConfiguration", json!({}));
    default_to(&mut settings, "UserPoolTags", json!({}));
    default_to(&mut settings, "AdminCreateUserConfig", json!({}));
    default_to(&mut settings, "UserPoolTier", "ESSENTIALS");
    let validity = temporary_password_days(call);
    inner(&mut settings, "Policies", |policies| {
        passwords(policies, validity);
        default_to(
            policies,
            "SignInPolicy",
            json!({"AllowedFirstAuthFactors": ["PASSWORD"]}),
        );
    });
    inner(&mut settings, "LambdaConfig", trigger_rules::synchronise);
    inner(&mut settings, "VerificationMessageTemplate", |template| {
        default_to(template, "DefaultEmailOption", "CONFIRM_WITH_CODE");
    });
    inner(&mut settings, "EmailConfiguration", |email| {
        default_to(email, "EmailSendingAccount", "COGNITO_DEFAULT");
    });
    inner(&mut settings, "AdminCreateUserConfig", |config| {
        default_to(config, "AllowAdminCreateUserOnly", false);
        config.remove("UnusedAccountValidityDays");
    });
    settings
}

/// How long temporary passwords last; 0 means the default of 7 (facts A.1 [MODEL]). That the older member sets it
/// where the newer one is absent is [INF].
fn temporary_password_days(call: &Call<'_>) -> i64 {
    let policy = at(
        call.request,
        &[
            "Policies",
            "PasswordPolicy",
            "TemporaryPasswordValidityDays",
        ],
    );
    let legacy = at(
        call.request,
        &["AdminCreateUserConfig", "UnusedAccountValidityDays"],
    );
    legacy
        .or(policy)
        .and_then(Value::as_i64)
        .filter(|days| *days > 0)
        .unwrap_or(7)
}

/// Without a policy the strong default; a policy that leaves a requirement out does not have it [GEN].
fn passwords(policies: &mut Document, validity: i64) {
    let given = policies.contains_key("PasswordPolicy");
    default_to(policies, "PasswordPolicy", json!({}));
    inner(policies, "PasswordPolicy", |policy| {
        default_to(policy, "MinimumLength", 8);
        for requirement in [
            "RequireUppercase",
            "RequireLowercase",
            "RequireNumbers",
            "RequireSymbols",
        ] {
            default_to(policy, requirement, !given);
        }
        policy.insert("TemporaryPasswordValidityDays".to_owned(), json!(validity));
    });
}

/// Changes a member that is an object.
fn inner(document: &mut Document, member: &str, change: impl FnOnce(&mut Document)) {
    if let Some(Value::Object(inner)) = document.get_mut(member) {
        change(inner);
    }
}

/// Adds what identifies a pool.
pub(super) fn identify(settings: &mut Document, id: &str, arn: &str, created: Time) {
    settings.insert("Id".to_owned(), json!(id));
    settings.insert("Arn".to_owned(), json!(arn));
    settings.insert("CreationDate".to_owned(), created.into());
    settings.insert("LastModifiedDate".to_owned(), created.into());
}

/// The `UserPool` document: the settings, and what Describe adds (facts A.1, A.2, A.10, Appendix 1).
pub(super) fn described(pool: &Pool) -> Document {
    let mut document = pool.settings.clone();
    default_to(&mut document, "Id", pool.id.as_str());
    default_to(&mut document, "Arn", pool.arn());
    // `LambdaConfig: {}` when there are no triggers (facts Appendix 1).
    default_to(&mut document, "LambdaConfig", json!({}));
    let schema = pool.schema.documents().iter().cloned();
    document.insert(
        "SchemaAttributes".to_owned(),
        schema.map(Value::Object).collect(),
    );
    document.insert("EstimatedNumberOfUsers".to_owned(), json!(pool.users.len()));
    document.insert("AcrConfiguration".to_owned(), acr_levels(&document));
    for (older, member) in OLDER_MESSAGES {
        if let Some(text) = text_at(&document, &["VerificationMessageTemplate", *member]) {
            let text = json!(text);
            document.insert((*older).to_owned(), text);
        }
    }
    // UnusedAccountValidityDays echoes the validity in the password policy (facts 0.1).
    let days = [
        "Policies",
        "PasswordPolicy",
        "TemporaryPasswordValidityDays",
    ];
    if let Some(days) = at(&document, &days).cloned() {
        inner(&mut document, "AdminCreateUserConfig", |config| {
            config.insert("UnusedAccountValidityDays".to_owned(), days);
        });
    }
    for (name, domain) in &pool.domains {
        let member = if domain.document.contains_key("CustomDomainConfig") {
            "CustomDomain"
        } else {
            "Domain"
        };
        document.insert(member.to_owned(), json!(name));
    }
    document
}

/// All four levels, with default names for those without one (facts A.1 [MODEL]).
fn acr_levels(settings: &Document) -> Value {
    let mut levels = Document::new();
    for level in 1..=4 {
        levels.insert(
            format!("Level{level}"),
            json!({"AcrValue": format!("urn:cognito:loa:{level}")}),
        );
    }
    if let Some(Value::Object(given)) = settings.get("AcrConfiguration") {
        levels.extend(given.clone());
    }
    Value::Object(levels)
}
