//! `Schema` of CreateUserPool, and AddCustomAttributes.

use serde_json::{Value, json};

use super::{INVALID, World, rule};

#[test]
fn a_schema_follows_the_rules() {
    let create = |name| rule(name, "CreateUserPool");
    let schema = |attribute: Value| json!({"Schema": [attribute]});
    create("custom attributes are not required").refuses(
        schema(json!({"Name": "x", "AttributeDataType": "String", "Required": true})),
        INVALID,
        "Required custom attributes are not supported currently.",
        schema(json!({"Name": "x", "AttributeDataType": "String", "Required": false})),
    );
    create("bare names have 20 characters at most").refuses(
        schema(json!({"Name": "a".repeat(21), "AttributeDataType": "String"})),
        INVALID,
        "1 validation error detected: Value 'aaaaaaaaaaaaaaaaaaaaa' at 'schema.1.member.name' failed to satisfy constraint: Member must have length less than or equal to 20",
        schema(json!({"Name": "a".repeat(20), "AttributeDataType": "String"})),
    );
    create("custom attributes are unique").refuses(
        json!({"Schema": [{"Name": "x", "AttributeDataType": "String"}, {"Name": "x", "AttributeDataType": "Number"}]}),
        INVALID,
        "Duplicate custom attribute names custom:x are not allowed in a user pool schema.",
        json!({"Schema": [{"Name": "x", "AttributeDataType": "String"}, {"Name": "x", "AttributeDataType": "Number", "DeveloperOnlyAttribute": true}]}),
    );
    create("standard attributes are given once").refuses(
        json!({"Schema": [{"Name": "email", "Required": true}, {"Name": "email", "Required": true}]}),
        INVALID,
        "Duplicate custom attribute names email are not allowed in a user pool schema.",
        json!({"Schema": [{"Name": "email", "Required": true}, {"Name": "name", "Required": true}]}),
    );
    for change in [
        json!({"AttributeDataType": "Number"}),
        json!({"DeveloperOnlyAttribute": true}),
    ] {
        let mut retyped = json!({"Name": "email"});
        retyped
            .as_object_mut()
            .expect("an object")
            .extend(change.as_object().expect("an object").clone());
        create("standard attributes keep their type").refuses(
            schema(retyped),
            INVALID,
            "You can not change AttributeDataType or set developerOnlyAttribute for standard schema attribute email",
            schema(json!({"Name": "email", "AttributeDataType": "String", "Required": true, "Mutable": false})),
        );
    }
    create("values have their limits in order").refuses(
        schema(json!({"Name": "x", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "5", "MaxValue": "4"}})),
        INVALID,
        "Attribute custom:x cannot have a max value smaller than it's min value",
        schema(json!({"Name": "x", "AttributeDataType": "Number", "NumberAttributeConstraints": {"MinValue": "5", "MaxValue": "5"}})),
    );
    create("lengths have their limits in order").refuses(
        schema(json!({"Name": "x", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "5", "MaxLength": "4"}})),
        INVALID,
        "Attribute custom:x cannot have a max length shorter than it's min length",
        schema(json!({"Name": "x", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "5", "MaxLength": "5"}})),
    );
    create("limits are numbers").refuses(
        schema(json!({"Name": "x", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "five"}})),
        INVALID,
        "Attribute custom:x has a constraint that is not a number.",
        schema(json!({"Name": "x", "AttributeDataType": "String", "StringAttributeConstraints": {"MinLength": "5"}})),
    );
    create("booleans have no limits").refuses(
        schema(json!({"Name": "x", "AttributeDataType": "Boolean", "StringAttributeConstraints": {"MinLength": "0"}})),
        INVALID,
        "Attribute custom:x cannot have constraints for its data type.",
        schema(json!({"Name": "x", "AttributeDataType": "Boolean", "StringAttributeConstraints": {}})),
    );
    create("an attribute has a name").refuses(
        schema(json!({"AttributeDataType": "String"})),
        INVALID,
        "A schema attribute needs a name.",
        schema(json!({"Name": "x"})),
    );
}

#[test]
fn custom_attributes_are_added_25_at_a_time_up_to_50_and_never_twice() {
    let attributes = |from: usize, to: usize| {
        let list: Vec<Value> = (from..to)
            .map(|number| json!({"Name": format!("x{number}"), "AttributeDataType": "String"}))
            .collect();
        json!({"CustomAttributes": list})
    };
    let add = |name| rule(name, "AddCustomAttributes");
    let error = World::new();
    let pool = error.pool(&json!({}));
    let mut many = attributes(0, 26);
    many["UserPoolId"] = json!(pool);
    let error = error.refused("AddCustomAttributes", &many);
    assert_eq!(error.code, INVALID);
    assert!(
        error
            .message
            .ends_with("Member must have length less than or equal to 25")
    );
    add("a pool has 50 custom attributes at most")
        .after("AddCustomAttributes", attributes(0, 25))
        .after("AddCustomAttributes", attributes(25, 49))
        .refuses(
            attributes(49, 51),
            INVALID,
            "A user pool cannot have more than 50 custom attributes.",
            attributes(49, 50),
        );
    add("an attribute is added once")
        .after("AddCustomAttributes", attributes(0, 1))
        .refuses(
            attributes(0, 1),
            INVALID,
            "custom:x0: Existing attribute already has name custom:x0.",
            attributes(1, 2),
        );
    add("added attributes are unique among themselves").refuses(
        json!({"CustomAttributes": [{"Name": "a"}, {"Name": "a"}]}),
        INVALID,
        "Duplicate custom attribute names custom:a are not allowed in a user pool schema.",
        json!({"CustomAttributes": [{"Name": "a"}, {"Name": "b"}]}),
    );
}
