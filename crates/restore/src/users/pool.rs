//! The pool that users are made in, as far as it decides how they are made.

use std::collections::{BTreeMap, HashSet};

use cognito::{CognitoError, Operation};
use model::{RestoreId, UserPoolId};
use serde_json::{Value, json};

use crate::context::Restore;
use crate::error::RestoreError;
use crate::steps::RESTORE_TAG;

/// What Cognito can reach a user by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Contact {
    Email,
    PhoneNumber,
}

impl Contact {
    pub(crate) const ALL: [Contact; 2] = [Contact::Email, Contact::PhoneNumber];

    /// The attribute that holds it.
    pub(crate) fn attribute(self) -> &'static str {
        match self {
            Contact::Email => "email",
            Contact::PhoneNumber => "phone_number",
        }
    }

    /// The attribute that says whether the user has shown that it is theirs.
    pub(crate) fn verified(self) -> &'static str {
        match self {
            Contact::Email => "email_verified",
            Contact::PhoneNumber => "phone_number_verified",
        }
    }

    /// The contacts that a list of a pool's settings names.
    pub(crate) fn named_in(list: &Value) -> Vec<Contact> {
        let names = |contact: &Contact| {
            list.as_array()
                .is_some_and(|list| list.iter().any(|name| name == contact.attribute()))
        };
        Contact::ALL.into_iter().filter(names).collect()
    }
}

/// A kind of characters that a password policy can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CharacterKind {
    Uppercase,
    Lowercase,
    Number,
    Symbol,
}

impl CharacterKind {
    const ALL: [(&'static str, Self); 4] = [
        ("RequireUppercase", Self::Uppercase),
        ("RequireLowercase", Self::Lowercase),
        ("RequireNumbers", Self::Number),
        ("RequireSymbols", Self::Symbol),
    ];

    /// Those that the policy asks for.
    fn named_in(policy: &Value) -> Vec<Self> {
        let asked = |(member, _): &(&str, Self)| policy[*member] == true;
        let all = Self::ALL.into_iter().filter(asked);
        all.map(|(_, kind)| kind).collect()
    }

    /// Whether the text has one. What is none of the others may be a symbol: Cognito decides.
    pub(super) fn is_in(self, text: &str) -> bool {
        text.chars().any(|character| match self {
            Self::Uppercase => character.is_ascii_uppercase(),
            Self::Lowercase => character.is_ascii_lowercase(),
            Self::Number => character.is_ascii_digit(),
            Self::Symbol => !character.is_ascii_alphanumeric(),
        })
    }
}

/// What may be done with an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AttributeRule {
    pub(super) mutable: bool,
    pub(super) required: bool,
}

/// The pool that users are made in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct TargetPool {
    /// Attributes that stand in for the username; the real one is then made by Cognito (facts
    /// C.1). Empty in pools whose users have usernames of their own, aliases or not.
    pub(super) username_attributes: Vec<Contact>,
    /// Whether usernames that differ only in case are different.
    pub(super) case_sensitive: bool,
    /// All attributes by the name under which a user has them.
    pub(super) schema: BTreeMap<String, AttributeRule>,
    /// The shortest password that the pool takes.
    pub(super) minimum_length: usize,
    /// The kinds of characters that a password needs.
    pub(super) needed: Vec<CharacterKind>,
    /// Whether users can sign in without a password (facts C.1).
    pub(super) passwordless: bool,
    /// Contacts that get a code at sign-up, and without which there are no import jobs.
    pub(super) auto_verified: Vec<Contact>,
    /// Whether users may sign up by themselves.
    pub(super) self_sign_up: bool,
    /// Whether a function decides about sign-ups, or is told of new users.
    pub(super) has_sign_up_trigger: bool,
    /// What "forgot password" sends its code to.
    pub(super) recovery: Vec<Contact>,
    /// The restore that made the pool, as its tag says.
    pub(super) made_by: Option<RestoreId>,
    /// The groups that are there.
    pub(super) groups: HashSet<String>,
    /// The identity providers that are there.
    pub(super) providers: HashSet<String>,
}

impl TargetPool {
    /// Reads the pool.
    ///
    /// # Errors
    /// [`RestoreError::Cognito`] when it cannot be read.
    pub(super) async fn read(
        restore: &Restore<'_>,
        pool: &UserPoolId,
    ) -> Result<Self, RestoreError> {
        let request = json!({"UserPoolId": pool.as_str()});
        let answer = restore
            .cognito
            .call(Operation::DescribeUserPool, &request)
            .await?;
        let settings = answer.get("UserPool").ok_or_else(|| {
            CognitoError::unexpected_answer(Operation::DescribeUserPool, "UserPool")
        })?;
        let names = |items: Vec<Value>, member: &str| -> HashSet<String> {
            let name = |item: &Value| item.get(member)?.as_str().map(str::to_owned);
            items.iter().filter_map(name).collect()
        };
        let cognito = restore.cognito;
        let groups = cognito.list(Operation::ListGroups, pool).await?;
        let providers = cognito.list(Operation::ListIdentityProviders, pool).await?;
        Ok(Self {
            groups: names(groups, "GroupName"),
            providers: names(providers, "ProviderName"),
            ..Self::from_settings(settings)
        })
    }

    /// The pool that `settings` (DescribeUserPool) tells of, without groups and providers.
    pub(super) fn from_settings(settings: &Value) -> Self {
        let at = |path: &str| settings.pointer(path).unwrap_or(&Value::Null);
        let triggers = ["PreSignUp", "PostConfirmation"];
        let first_factors = at("/Policies/SignInPolicy/AllowedFirstAuthFactors");
        let minimum_length = at("/Policies/PasswordPolicy/MinimumLength").as_u64();
        Self {
            username_attributes: Contact::named_in(at("/UsernameAttributes")),
            // Absent means case-sensitive (facts A.1).
            case_sensitive: at("/UsernameConfiguration/CaseSensitive")
                .as_bool()
                .unwrap_or(true),
            schema: schema(at("/SchemaAttributes")),
            minimum_length: minimum_length
                .map_or(8, |length| usize::try_from(length).unwrap_or(usize::MAX)),
            needed: CharacterKind::named_in(at("/Policies/PasswordPolicy")),
            passwordless: first_factors
                .as_array()
                .is_some_and(|factors| factors.iter().any(|factor| factor != "PASSWORD")),
            auto_verified: Contact::named_in(at("/AutoVerifiedAttributes")),
            self_sign_up: !at("/AdminCreateUserConfig/AllowAdminCreateUserOnly")
                .as_bool()
                .unwrap_or(false),
            has_sign_up_trigger: triggers.iter().any(|trigger| {
                at("/LambdaConfig")
                    .get(*trigger)
                    .is_some_and(Value::is_string)
            }),
            recovery: recovery(at("/AccountRecoverySetting/RecoveryMechanisms")),
            made_by: at("/UserPoolTags")
                .get(RESTORE_TAG)
                .and_then(|id| id.as_str()?.parse().ok()),
            groups: HashSet::new(),
            providers: HashSet::new(),
        }
    }

    /// The contacts that import jobs can go by, for a pool with these settings.
    pub(super) fn auto_verified_in(settings: &Value) -> Vec<Contact> {
        Contact::named_in(&settings["AutoVerifiedAttributes"])
    }
}

/// Names are kept as shown, `custom:` and `dev:custom:` included; `sub` and `identities` are
/// Cognito's own (facts A.2, C.1).
fn schema(attributes: &Value) -> BTreeMap<String, AttributeRule> {
    let rule = |attribute: &Value| {
        let flag = |member: &str| attribute.get(member).and_then(Value::as_bool);
        let rule = AttributeRule {
            mutable: flag("Mutable").unwrap_or(true),
            required: flag("Required").unwrap_or(false),
        };
        Some((attribute.get("Name")?.as_str()?.to_owned(), rule))
    };
    attributes
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(rule)
        .filter(|(name, _)| name != "sub" && name != "identities")
        .collect()
}

/// `admin_only` stands alone and means: nobody can recover a password by themselves. A pool that
/// says nothing takes both contacts.
fn recovery(mechanisms: &Value) -> Vec<Contact> {
    let Some(mechanisms) = mechanisms.as_array().filter(|list| !list.is_empty()) else {
        return Contact::ALL.to_vec();
    };
    let by = |contact: &Contact| {
        let name = match contact {
            Contact::Email => "verified_email",
            Contact::PhoneNumber => "verified_phone_number",
        };
        mechanisms
            .iter()
            .any(|mechanism| mechanism.get("Name").and_then(Value::as_str) == Some(name))
    };
    Contact::ALL.into_iter().filter(by).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_read_from_what_describe_user_pool_gives() {
        let pool = TargetPool::from_settings(&json!({
            "UsernameAttributes": ["phone_number", "email"],
            "UsernameConfiguration": {"CaseSensitive": false},
            "AutoVerifiedAttributes": ["email"],
            "Policies": {
                "PasswordPolicy": {"MinimumLength": 12},
                "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]},
            },
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
            "LambdaConfig": {"PreSignUp": "arn:..."},
            "UserPoolTags": {"cognito-dr-restore-id": "r-1", "team": "a"},
            "AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "verified_email", "Priority": 1}]},
            "SchemaAttributes": [
                {"Name": "sub", "Mutable": false, "Required": true},
                {"Name": "custom:plan", "Mutable": false, "Required": false},
                {"Name": "identities", "Mutable": true},
            ],
        }));
        let plan = AttributeRule {
            mutable: false,
            required: false,
        };
        let expected = TargetPool {
            username_attributes: Contact::ALL.to_vec(),
            case_sensitive: false,
            schema: BTreeMap::from([("custom:plan".to_owned(), plan)]),
            minimum_length: 12,
            passwordless: true,
            auto_verified: vec![Contact::Email],
            self_sign_up: false,
            has_sign_up_trigger: true,
            recovery: vec![Contact::Email],
            made_by: Some("r-1".parse().unwrap()),
            ..TargetPool::default()
        };
        assert_eq!(pool, expected);
    }

    #[test]
    fn what_a_pool_leaves_out_means_cognitos_defaults() {
        let pool = TargetPool::from_settings(&json!({"LambdaConfig": {}}));
        assert!(pool.case_sensitive && pool.self_sign_up && !pool.passwordless);
        assert!(!pool.has_sign_up_trigger);
        assert_eq!(pool.recovery, Contact::ALL);
        assert_eq!(pool.minimum_length, 8);
    }

    #[test]
    fn recovery_by_administrators_only_reaches_nobody() {
        let only = json!({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "admin_only", "Priority": 1}]}});
        assert!(TargetPool::from_settings(&only).recovery.is_empty());
    }
}
