use super::*;
use proptest::prelude::*;
use serde_json::json;

fn differences(section: &str, backup: &Value, pool: &Value) -> Vec<(String, &'static str)> {
    let mut comparison = Comparison::default();
    comparison.values(&mut vec![section.to_owned()], Some(backup), Some(pool));
    comparison
        .found
        .into_iter()
        .map(|found| (found.path.join("/"), found.change.word()))
        .collect()
}

#[test]
fn what_differs_is_named_and_what_may_differ_is_not() {
    for (section, backup, pool, expected) in [
        (
            "user_pool_config",
            json!({"Id": "a", "Name": "p"}),
            json!({"Id": "b", "Name": "p"}),
            vec![],
        ),
        (
            "user_pool_config",
            json!({"Name": "p"}),
            json!({"Name": "q"}),
            vec![("user_pool_config/Name", "changed")],
        ),
        (
            "user_pool_config",
            json!({"LambdaConfig": {}}),
            json!({}),
            vec![],
        ),
        (
            "user_pool_config",
            json!({"LambdaConfig": {"PreSignUp": "arn"}}),
            json!({"LambdaConfig": {}}),
            vec![("user_pool_config/LambdaConfig/PreSignUp", "missing")],
        ),
        (
            "user_pool_config",
            json!({}),
            json!({"MfaConfiguration": "ON"}),
            vec![("user_pool_config/MfaConfiguration", "added")],
        ),
        (
            "user_pool_config",
            json!({"AliasAttributes": ["email", "phone_number"]}),
            json!({"AliasAttributes": ["phone_number", "email"]}),
            vec![],
        ),
        (
            "user_pool_config",
            json!({"SchemaAttributes": [{"Name": "custom:a", "Mutable": true}, {"Name": "custom:b"}]}),
            json!({"SchemaAttributes": [{"Name": "custom:b"}, {"Name": "custom:a", "Mutable": false}]}),
            vec![(
                "user_pool_config/SchemaAttributes/custom:a/Mutable",
                "changed",
            )],
        ),
        (
            "user_pool_config",
            json!({"SchemaAttributes": [{"Name": "custom:a"}]}),
            json!({"SchemaAttributes": [{"Name": "identities"}]}),
            vec![("user_pool_config/SchemaAttributes/custom:a", "missing")],
        ),
    ] {
        let found = differences(section, &backup, &pool);
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(path, change)| (path.as_str(), *change))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn in_a_free_document_the_order_of_a_list_means_something() {
    let style = |list: Value| json!({"Settings": {"components": list}});
    assert!(
        differences(
            "managed_login_branding",
            &style(json!([1, 2])),
            &style(json!([1.0, 2]))
        )
        .is_empty()
    );
    assert_eq!(
        differences(
            "managed_login_branding",
            &style(json!([1, 2])),
            &style(json!([2, 1]))
        )
        .len(),
        1
    );
}

/// Settings of any form.
fn settings() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        (0i64..1000).prop_map(Value::from),
        "[a-z]{1,8}".prop_map(Value::from),
    ];
    let inner = leaf.prop_recursive(3, 24, 4, |element| {
        prop_oneof![
            proptest::collection::vec(element.clone(), 1..4).prop_map(Value::from),
            proptest::collection::btree_map("[A-Z][a-z]{0,6}", element, 1..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map("[A-Z][a-z]{0,6}", inner, 1..6)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The JSON pointers of all leaves.
fn leaves(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(index, element)| leaves(element, &format!("{at}/{index}"), out));
        }
        Value::Object(members) => {
            members
                .iter()
                .for_each(|(name, member)| leaves(member, &format!("{at}/{name}"), out));
        }
        _ => out.push(at.to_owned()),
    }
}

proptest! {
    #[test]
    fn a_document_does_not_differ_from_itself(document in settings()) {
        prop_assert!(differences("mfa_configuration", &document, &document).is_empty());
    }

    #[test]
    fn any_single_changed_leaf_is_found(document in settings(), pick in any::<prop::sample::Index>()) {
        let mut places = Vec::new();
        leaves(&document, "", &mut places);
        let place = pick.get(&places);
        let mut other = document.clone();
        *other.pointer_mut(place).unwrap() = json!("Changed");
        for (backup, pool) in [(&document, &other), (&other, &document)] {
            let found = differences("mfa_configuration", backup, pool);
            prop_assert_eq!(found.len(), 1);
            let where_found = found[0].0.strip_prefix("mfa_configuration").unwrap();
            prop_assert!(place.starts_with(where_found), "{} is not at {}", where_found, place);
        }
    }

    #[test]
    fn any_member_that_is_taken_away_is_found(document in settings(), pick in any::<prop::sample::Index>()) {
        let Value::Object(members) = &document else { unreachable!() };
        let names: Vec<&String> = members.keys().collect();
        let mut less = members.clone();
        less.remove(pick.get(&names).as_str());
        let found = differences("mfa_configuration", &document, &Value::Object(less.clone()));
        prop_assert!(!found.is_empty() && found.iter().all(|(_, change)| *change == "missing"));
        let found = differences("mfa_configuration", &Value::Object(less), &document);
        prop_assert!(!found.is_empty() && found.iter().all(|(_, change)| *change == "added"));
    }
}

#[test]
fn encrypted_secrets_are_compared_by_their_fingerprints_alone() {
    let encrypted =
        |bytes: &str, fingerprint: &str| json!({"encrypted": bytes, "fingerprint": fingerprint});
    let (same, changed, not_compared) = ((vec![], 0), (vec!["changed"], 0), (vec![], 1));
    for (first, second, expected) in [
        (encrypted("AA==", "k-1"), encrypted("BB==", "k-1"), &same),
        (encrypted("AA==", "k-1"), encrypted("AA==", "k-2"), &changed),
        (
            encrypted("AA==", "k-1"),
            encrypted("BB==", "j-1"),
            &not_compared,
        ),
        (
            encrypted("AA==", "k-1"),
            json!({"encrypted": "BB=="}),
            &not_compared,
        ),
        (encrypted("AA==", "k-1"), json!("in clear"), &not_compared),
        (json!("in clear"), encrypted("AA==", "k-1"), &not_compared),
        (encrypted("AA==", "k-1"), Value::Null, &(vec!["missing"], 0)),
        (Value::Null, encrypted("AA==", "k-1"), &(vec!["added"], 0)),
    ] {
        let mut comparison = Comparison {
            relation: Relation::SamePool,
            ..Comparison::default()
        };
        let [one, other] = [&first, &second].map(|secret| json!({"ClientSecret": secret}));
        let mut path = vec!["app_clients".to_owned(), "web".to_owned()];
        comparison.values(&mut path, Some(&one), Some(&other));
        let found = comparison.found.iter().map(|found| found.change.word());
        let found = (found.collect(), comparison.secrets_not_compared);
        assert_eq!(found, *expected, "{first} {second}");
    }
}
