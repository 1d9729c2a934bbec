//! Rules of Cognito that more than one part of the system goes by.

pub mod app_client;

use crate::UserPoolId;

/// The standard attributes of every pool (facts A.2), which Cognito generates.
pub const STANDARD_ATTRIBUTES: &[&str] = &[
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

/// Whether identities of this provider type are linked by the provider's own user id, so that a
/// link can be made again. Cognito does not tell by which claim identities of SAML and OIDC
/// providers were linked (facts C.3).
pub fn is_social(provider_type: &str) -> bool {
    ["Facebook", "Google", "LoginWithAmazon", "SignInWithApple"].contains(&provider_type)
}

/// Whether Cognito makes and fills the group itself, for the users of one of the pool's identity
/// providers (facts A.9).
pub fn is_group_of_provider(group: &str, pool: &UserPoolId) -> bool {
    group
        .strip_prefix(pool.as_str())
        .is_some_and(|rest| rest.starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_groups_named_after_the_pool_and_a_provider_are_cognitos_own() {
        let pool: UserPoolId = "us-east-1_AbC".parse().unwrap();
        for (group, own) in [
            ("us-east-1_AbC_Google", true),
            ("us-east-1_AbC", false),
            ("us-east-1_AbCd_Google", false),
            ("us-east-1_Other_Google", false),
            ("admins", false),
        ] {
            assert_eq!(is_group_of_provider(group, &pool), own, "{group}");
        }
    }
}
