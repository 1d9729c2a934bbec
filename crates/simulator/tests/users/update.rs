//! Enabling, deleting, changing attributes (facts C.1, C.2).

use serde_json::{Value, json};

use crate::support::{Fixture, attribute_list};

fn update(username: &str, attributes: &[(&str, &str)]) -> Value {
    json!({"Username": username, "UserAttributes": attribute_list(attributes)})
}

#[test]
fn disabling_and_enabling_change_the_flag_alone() {
    let fixture = Fixture::new(json!({}));
    fixture.confirmed("ada", &[]);
    fixture.ok("AdminDisableUser", json!({"Username": "ada"}));
    let user = fixture.user("ada");
    assert_eq!(
        (&user["Enabled"], &user["UserStatus"]),
        (&json!(false), &json!("CONFIRMED"))
    );
    fixture.ok("AdminEnableUser", json!({"Username": "ada"}));
    assert_eq!(fixture.user("ada")["Enabled"], true);
}

#[test]
fn a_deleted_user_is_gone_with_memberships_and_aliases_and_the_name_is_free_for_another_sub() {
    let fixture = Fixture::new(json!({"AliasAttributes": ["email"]}));
    let email = [("email", "ada@example.com"), ("email_verified", "true")];
    let first = fixture.create("ada", &email);
    fixture.ok(
        "AdminAddUserToGroup",
        json!({"Username": "ada", "GroupName": "a"}),
    );
    fixture.ok("AdminDeleteUser", json!({"Username": "ada"}));
    assert_eq!(
        fixture
            .refused("AdminGetUser", json!({"Username": "ada"}))
            .code,
        "UserNotFoundException"
    );
    assert_eq!(
        fixture
            .refused("AdminGetUser", json!({"Username": "ada@example.com"}))
            .code,
        "UserNotFoundException"
    );
    assert_eq!(
        fixture.ok("ListUsersInGroup", json!({"GroupName": "a"}))["Users"],
        json!([])
    );
    let second = fixture.create("ada", &email);
    assert_ne!(first["Attributes"], second["Attributes"]);
}

#[test]
fn an_immutable_attribute_is_set_at_creation_and_never_again() {
    let fixture = Fixture::new(json!({"SchemaAttributes": [
        {"Name": "email", "AttributeDataType": "String", "Mutable": false},
        {"Name": "custom:fixed", "AttributeDataType": "String", "Mutable": false},
    ]}));
    fixture.create(
        "ada",
        &[("email", "ada@example.com"), ("custom:fixed", "x")],
    );
    fixture.refuses(
        "AdminUpdateUserAttributes",
        update("ada", &[("email", "b@example.com")]),
        "InvalidParameterException",
        "user.email: Attribute cannot be updated.",
    );
    fixture.refuses(
        "AdminUpdateUserAttributes",
        update("ada", &[("custom:fixed", "y")]),
        "InvalidParameterException",
        "user.custom:fixed: Attribute cannot be updated.",
    );
    fixture.refuses(
        "AdminUpdateUserAttributes",
        update("ada", &[("sub", "x")]),
        "InvalidParameterException",
        "Cannot modify the non-mutable attribute sub",
    );
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("ada", &[("name", "Ada")]),
    );
    assert_eq!(fixture.attribute("ada", "name").as_deref(), Some("Ada"));
}

#[test]
fn the_verified_flags_are_set_without_a_message() {
    let fixture = Fixture::new(json!({"AutoVerifiedAttributes": ["email"]}));
    fixture.create("ada", &[("email", "ada@example.com")]);
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("ada", &[("email_verified", "true")]),
    );
    assert_eq!(
        fixture.attribute("ada", "email_verified").as_deref(),
        Some("true")
    );
    fixture.ok(
        "AdminUpdateUserAttributes",
        update(
            "ada",
            &[("email", "b@example.com"), ("email_verified", "true")],
        ),
    );
    assert_eq!(fixture.simulator.evidence().messages_sent, 0);
    assert_eq!(
        fixture
            .refused(
                "AdminUpdateUserAttributes",
                update("ada", &[("phone_number_verified", "true")])
            )
            .code,
        "InvalidParameterException"
    );
}

#[test]
fn a_new_address_loses_its_verification_and_its_owner_gets_a_code() {
    let fixture = Fixture::new(json!({"AutoVerifiedAttributes": ["email"]}));
    fixture.create(
        "ada",
        &[("email", "ada@example.com"), ("email_verified", "true")],
    );
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("ada", &[("email", "b@example.com")]),
    );
    assert_eq!(
        fixture.attribute("ada", "email").as_deref(),
        Some("b@example.com")
    );
    assert_eq!(
        fixture.attribute("ada", "email_verified").as_deref(),
        Some("false")
    );
    assert_eq!(fixture.simulator.evidence().messages_sent, 1);
}

#[test]
fn where_verification_comes_first_the_old_address_stays_until_then() {
    let fixture = Fixture::new(json!({
        "AutoVerifiedAttributes": ["email"],
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
    }));
    fixture.create(
        "ada",
        &[("email", "ada@example.com"), ("email_verified", "true")],
    );
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("ada", &[("email", "b@example.com")]),
    );
    assert_eq!(
        fixture.attribute("ada", "email").as_deref(),
        Some("ada@example.com")
    );
    assert_eq!(
        fixture.attribute("ada", "email_verified").as_deref(),
        Some("true")
    );
    fixture.ok(
        "AdminUpdateUserAttributes",
        update(
            "ada",
            &[("email", "c@example.com"), ("email_verified", "true")],
        ),
    );
    assert_eq!(
        fixture.attribute("ada", "email").as_deref(),
        Some("c@example.com")
    );
}

#[test]
fn an_alias_of_another_user_is_refused_and_a_free_one_is_found() {
    let fixture = Fixture::new(json!({"AliasAttributes": ["email", "preferred_username"]}));
    fixture.create(
        "ada",
        &[
            ("email", "a@example.com"),
            ("email_verified", "true"),
            ("preferred_username", "countess"),
        ],
    );
    fixture.create("grace", &[("email", "a@example.com")]);
    let refusal = fixture.refused(
        "AdminUpdateUserAttributes",
        update("grace", &[("email_verified", "true")]),
    );
    assert_eq!(refusal.code, "AliasExistsException");
    let refusal = fixture.refused(
        "AdminUpdateUserAttributes",
        update("grace", &[("preferred_username", "countess")]),
    );
    assert_eq!(refusal.code, "AliasExistsException");
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("grace", &[("preferred_username", "admiral")]),
    );
    assert_eq!(fixture.user("admiral")["Username"], "grace");
}

#[test]
fn attributes_are_deleted_by_name_or_by_an_empty_value_unless_immutable_or_required() {
    let fixture = Fixture::new(json!({"SchemaAttributes": [
        {"Name": "family_name", "AttributeDataType": "String", "Mutable": true, "Required": true},
        {"Name": "custom:fixed", "AttributeDataType": "String", "Mutable": false},
    ]}));
    fixture.create(
        "ada",
        &[
            ("name", "Ada"),
            ("nickname", "A"),
            ("family_name", "Lovelace"),
            ("custom:fixed", "x"),
        ],
    );
    let delete = |names: &[&str]| json!({"Username": "ada", "UserAttributeNames": names});
    fixture.ok("AdminDeleteUserAttributes", delete(&["name"]));
    fixture.ok(
        "AdminUpdateUserAttributes",
        update("ada", &[("nickname", "")]),
    );
    assert_eq!(
        (
            fixture.attribute("ada", "name"),
            fixture.attribute("ada", "nickname")
        ),
        (None, None)
    );
    for names in [
        ["family_name"],
        ["custom:fixed"],
        ["sub"],
        ["custom:unknown"],
    ] {
        let refusal = fixture.refused("AdminDeleteUserAttributes", delete(&names));
        assert_eq!(refusal.code, "InvalidParameterException", "{names:?}");
    }
}
