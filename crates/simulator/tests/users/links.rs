//! Linked identities (facts C.3).

use serde_json::{Value, json};
use simulator::Config;

use crate::support::Fixture;

fn fixture() -> Fixture {
    Fixture::with(
        Config::default(),
        json!({
            "IdentityProviders": [
                {"ProviderName": "Google", "ProviderType": "Google"},
                {"ProviderName": "Corporate", "ProviderType": "OIDC"},
            ],
            "Users": [
                {"Username": "ada"},
                {"Username": "grace"},
                {"Username": "Corporate_9", "UserStatus": "EXTERNAL_PROVIDER", "Identities": [
                    {"userId": "9", "providerName": "Corporate", "providerType": "OIDC", "primary": true}]},
            ],
        }),
    )
}

fn link(username: &str, provider: &str, attribute: &str, value: &str) -> Value {
    json!({
        "DestinationUser": {"ProviderName": "Cognito", "ProviderAttributeValue": username},
        "SourceUser": {"ProviderName": provider, "ProviderAttributeName": attribute, "ProviderAttributeValue": value},
    })
}

#[test]
fn a_link_shows_in_identities_without_what_it_was_made_on() {
    let fixture = fixture();
    fixture.ok(
        "AdminLinkProviderForUser",
        link("ada", "Google", "Cognito_Subject", "g-1"),
    );
    let identities: Value = serde_json::from_str(
        &fixture
            .attribute("ada", "identities")
            .expect("an attribute"),
    )
    .expect("JSON in it");
    let entry = &identities[0];
    assert_eq!(
        (&entry["userId"], &entry["providerName"], &entry["primary"]),
        (&json!("g-1"), &json!("Google"), &json!(false))
    );
    assert!(!identities.to_string().contains("Cognito_Subject"));
}

#[test]
fn the_destination_and_the_provider_must_exist_and_social_links_are_made_on_the_subject() {
    let fixture = fixture();
    let operation = "AdminLinkProviderForUser";
    assert_eq!(
        fixture
            .refused(
                operation,
                link("nobody", "Google", "Cognito_Subject", "g-1")
            )
            .code,
        "UserNotFoundException"
    );
    assert_eq!(
        fixture
            .refused(operation, link("ada", "Facebook", "Cognito_Subject", "f-1"))
            .code,
        "ResourceNotFoundException"
    );
    assert_eq!(
        fixture
            .refused(operation, link("ada", "Google", "email", "a@example.com"))
            .code,
        "InvalidParameterException"
    );
    fixture.ok(
        operation,
        link("ada", "Corporate", "email", "a@example.com"),
    );
}

#[test]
fn an_identity_that_has_signed_in_or_is_linked_elsewhere_is_refused() {
    let fixture = fixture();
    let merging = "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link";
    fixture.refuses(
        "AdminLinkProviderForUser",
        link("ada", "Corporate", "Cognito_Subject", "9"),
        "InvalidParameterException",
        merging,
    );
    fixture.ok(
        "AdminLinkProviderForUser",
        link("ada", "Corporate", "Cognito_Subject", "10"),
    );
    fixture.refuses(
        "AdminLinkProviderForUser",
        link("grace", "Corporate", "Cognito_Subject", "10"),
        "InvalidParameterException",
        merging,
    );
}

#[test]
fn a_user_has_five_links_at_most_and_a_provider_five_attribute_names() {
    let fixture = fixture();
    for index in 0..5 {
        fixture.ok(
            "AdminLinkProviderForUser",
            link("ada", "Corporate", "Cognito_Subject", &format!("s{index}")),
        );
    }
    let sixth = link("ada", "Corporate", "Cognito_Subject", "s5");
    assert_eq!(
        fixture.refused("AdminLinkProviderForUser", sixth).code,
        "LimitExceededException"
    );
    for name in ["email", "name", "nickname", "profile"] {
        fixture.ok(
            "AdminLinkProviderForUser",
            link("grace", "Corporate", name, &format!("by {name}")),
        );
    }
    let sixth_name = link("grace", "Corporate", "website", "by website");
    assert_eq!(
        fixture.refused("AdminLinkProviderForUser", sixth_name).code,
        "LimitExceededException"
    );
    fixture.ok(
        "AdminLinkProviderForUser",
        link("grace", "Corporate", "email", "by email again"),
    );
}

#[test]
fn a_link_is_removed_by_what_it_was_made_on() {
    let fixture = fixture();
    fixture.ok(
        "AdminLinkProviderForUser",
        link("ada", "Corporate", "email", "a@example.com"),
    );
    let unlink = |attribute: &str, value: &str| json!({"User": {"ProviderName": "Corporate", "ProviderAttributeName": attribute, "ProviderAttributeValue": value}});
    assert_eq!(
        fixture
            .refused(
                "AdminDisableProviderForUser",
                unlink("name", "a@example.com")
            )
            .code,
        "UserNotFoundException"
    );
    assert_eq!(
        fixture
            .refused("AdminDisableProviderForUser", unlink("email", "other"))
            .code,
        "UserNotFoundException"
    );
    fixture.ok(
        "AdminDisableProviderForUser",
        unlink("email", "a@example.com"),
    );
    assert_eq!(fixture.attribute("ada", "identities"), None);
    fixture.ok(
        "AdminLinkProviderForUser",
        link("grace", "Corporate", "email", "a@example.com"),
    );
}
