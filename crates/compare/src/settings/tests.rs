use super::*;
use crate::allowed::{self, Rule};
use proptest::prelude::*;

fn head(pool: &str, sections: &[(Section, Value)]) -> BackupHead {
    let mut head = BackupHead::new(
        pool.parse().unwrap(),
        "2026-03-07T09:05:02Z".parse().unwrap(),
    );
    for (section, value) in sections {
        head.set(*section, value.clone());
    }
    head
}

fn sections() -> Vec<(Section, Value)> {
    vec![
        (
            Section::UserPoolConfig,
            json!({
                "Id": "us-east-1_Old", "Arn": "arn:aws:cognito-idp:us-east-1:1:userpool/us-east-1_Old", "Name": "shop",
                "UserPoolTier": "ESSENTIALS", "MfaConfiguration": "OPTIONAL",
                "Policies": {"PasswordPolicy": {"MinimumLength": 12, "TemporaryPasswordValidityDays": 7}},
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "UnusedAccountValidityDays": 7},
                "AutoVerifiedAttributes": ["email", "phone_number"],
                "LambdaConfig": {"PreSignUp": "arn:aws:lambda:us-east-1:1:function:f"},
                "SchemaAttributes": [
                    {"Name": "email", "Required": true, "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"}},
                    {"Name": "custom:plan", "Mutable": true},
                ],
            }),
        ),
        (
            Section::MfaConfiguration,
            json!({"SoftwareTokenMfaConfiguration": {"Enabled": true}, "MfaConfiguration": "OPTIONAL"}),
        ),
        (
            Section::AppClients,
            json!([
                {"ClientId": "old1", "UserPoolId": "us-east-1_Old", "ClientName": "web", "ClientSecret": "s1", "CallbackURLs": ["https://a", "https://b"], "ReadAttributes": ["email"]},
                {"ClientId": "old2", "UserPoolId": "us-east-1_Old", "ClientName": "web", "RefreshTokenValidity": 30},
            ]),
        ),
        (
            Section::Groups,
            json!([{"GroupName": "admins", "Precedence": 1}, {"GroupName": "us-east-1_Old_Google"}]),
        ),
        (
            Section::IdentityProviders,
            json!([{"ProviderName": "okta", "ProviderDetails": {"MetadataURL": "https://m"}, "AttributeMapping": {"email": "mail"}}]),
        ),
        (
            Section::ResourceServers,
            json!([{"Identifier": "https://api", "Scopes": [{"ScopeName": "read", "ScopeDescription": "r"}]}]),
        ),
        (
            Section::WafConfiguration,
            json!({"WebACLName": "front", "WebACLArn": "arn:old", "WebACLId": "1"}),
        ),
        (
            Section::Tags,
            json!({"team": "a", "aws:cloudformation:stack-name": "s"}),
        ),
    ]
}

/// What a perfect restore makes of [`sections`].
fn restored() -> Vec<(Section, Value)> {
    let mut sections = sections();
    for (section, value) in &mut sections {
        let text = value
            .to_string()
            .replace("us-east-1_Old", "us-west-2_New")
            .replace("\"old1\"", "\"new1\"")
            .replace("\"old2\"", "\"new2\"");
        *value = serde_json::from_str(&text).unwrap();
        match section {
            Section::UserPoolConfig => {
                value["EstimatedNumberOfUsers"] = json!(5);
                value["LambdaConfig"]["PreSignUp"] = json!("arn:aws:lambda:us-west-2:1:function:f");
                value["SchemaAttributes"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Name": "identities"}));
                value["SchemaAttributes"]
                    .as_array_mut()
                    .unwrap()
                    .push(json!({"Name": "custom:legacy"}));
            }
            Section::AppClients => {
                value.as_array_mut().unwrap().reverse();
                value[0]["EnableTokenRevocation"] = json!(false);
                value[1]["ReadAttributes"] = json!(["custom:legacy", "email"]);
                value[1]["CallbackURLs"] = json!(["https://b", "https://a"]);
            }
            Section::Groups => {
                value.as_array_mut().unwrap().pop();
            }
            Section::WafConfiguration => value["WebACLArn"] = json!("arn:new"),
            Section::Tags => {
                *value = json!({"team": "a", "cognito-dr-restore-id": "r-1"});
            }
            _ => {}
        }
    }
    sections
}

fn ties() -> Ties<'static> {
    let clients = [("old1", "new1"), ("old2", "new2")];
    Ties {
        clients: clients
            .map(|(old, new)| (old.to_owned(), new.to_owned()))
            .into(),
        legacy_sub_attribute: Some("legacy"),
        ..Ties::default()
    }
}

fn differences(pool: &[(Section, Value)]) -> Vec<String> {
    let result = compare(
        &head("us-east-1_Old", &sections()),
        &head("us-west-2_New", pool),
        &ties(),
    );
    result
        .found
        .into_iter()
        .map(|found| format!("{} {}", found.path.join("/"), found.change.word()))
        .collect()
}

#[test]
fn a_faithful_copy_has_no_difference() {
    assert_eq!(differences(&restored()), Vec::<String>::new());
}

#[test]
fn planted_differences_are_found_and_named_by_old_ids() {
    type Plant = fn(&mut Vec<(Section, Value)>);
    let plants: [(Plant, &str); 10] = [
        (
            |s| s[0].1["Policies"]["PasswordPolicy"]["MinimumLength"] = json!(8),
            "user_pool_config/Policies/PasswordPolicy/MinimumLength changed",
        ),
        (
            |s| {
                s[0].1["LambdaConfig"]["PreSignUp"] = json!("arn:aws:lambda:us-west-2:1:function:g")
            },
            "user_pool_config/LambdaConfig/PreSignUp changed",
        ),
        (
            |s| s[0].1["DeletionProtection"] = json!("ACTIVE"),
            "user_pool_config/DeletionProtection added",
        ),
        (
            |s| s[2].1[1]["CallbackURLs"] = json!(["https://a", "https://evil"]),
            "app_clients/old1/CallbackURLs changed",
        ),
        (
            |s| s[2].1[0]["EnableTokenRevocation"] = json!(true),
            "app_clients/old2/EnableTokenRevocation changed",
        ),
        (
            |s| s[2].1[1]["ClientSecret"] = json!("other"),
            "app_clients/old1/ClientSecret changed",
        ),
        (
            |s| {
                s[3].1.as_array_mut().unwrap().clear();
            },
            "groups/admins missing",
        ),
        (
            |s| s[4].1[0]["AttributeMapping"]["email"] = json!("upn"),
            "identity_providers/okta/AttributeMapping/email changed",
        ),
        (
            |s| s[5].1[0]["Scopes"] = json!([]),
            "resource_servers/https://api/Scopes missing",
        ),
        (
            |s| s[6].1 = Value::Null,
            "waf_configuration/WebACLName missing",
        ),
    ];
    for (plant, expected) in plants {
        let mut pool = restored();
        plant(&mut pool);
        assert_eq!(differences(&pool), [expected]);
    }
}

#[test]
fn a_client_beyond_those_of_the_backup_is_found() {
    let mut pool = restored();
    pool[2]
        .1
        .as_array_mut()
        .unwrap()
        .push(json!({"ClientId": "new3", "ClientName": "intruder"}));
    assert_eq!(differences(&pool), ["app_clients/new3 added"]);
}

#[test]
fn a_section_that_cannot_be_read_in_the_pool_is_a_difference() {
    let mut pool = head("us-west-2_New", &restored());
    pool.set_failed(Section::Tags, "AccessDeniedException".into());
    let result = compare(&head("us-east-1_Old", &sections()), &pool, &ties());
    let [found] = &result.found[..] else {
        panic!("{:?}", result.found)
    };
    assert_eq!(
        (&*found.path, found.change),
        (&["tags".to_owned()][..], Change::Unreadable)
    );
}

#[test]
fn a_section_that_the_backup_could_not_read_is_not_compared_and_said_so() {
    let mut backup = head("us-east-1_Old", &sections());
    backup.set_failed(Section::Tags, "AccessDeniedException".into());
    let result = compare(&backup, &head("us-west-2_New", &restored()), &ties());
    assert!(result.found.is_empty());
    assert!(result.not_in_backup.contains(&Section::Tags));
}

#[test]
fn clients_are_tied_by_map_then_id_then_secret_then_name() {
    let backup = [
        json!({"ClientId": "a", "ClientName": "web"}),
        json!({"ClientId": "b", "ClientName": "web", "ClientSecret": "s"}),
        json!({"ClientId": "c", "ClientName": "cli"}),
        json!({"ClientId": "d", "ClientName": "cli"}),
    ];
    let pool = [
        json!({"ClientId": "1", "ClientName": "web", "ClientSecret": "s"}),
        json!({"ClientId": "2", "ClientName": "web"}),
        json!({"ClientId": "3", "ClientName": "cli"}),
        json!({"ClientId": "c", "ClientName": "cli"}),
    ];
    let tied = pair_clients(&backup, &pool, &BTreeMap::from([("d".into(), "3".into())]));
    let tied: Vec<(&str, &str)> = tied
        .iter()
        .map(|(old, new)| (old.as_str(), new.as_str()))
        .collect();
    assert_eq!(tied, [("a", "2"), ("b", "1"), ("c", "c"), ("d", "3")]);
}

/// The places of all leaves of a document, as the comparison names them.
fn leaves(value: &Value, at: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, element)| leaves(element, &format!("{at}/{index}"), out)),
        Value::Object(members) => members
            .iter()
            .for_each(|(name, member)| leaves(member, &format!("{at}/{name}"), out)),
        _ => out.push(at.to_owned()),
    }
}

proptest! {
    #[test]
    fn any_changed_leaf_of_a_restored_pool_is_found_unless_it_is_in_the_table(
        which in 0..8usize, pick in any::<prop::sample::Index>(),
    ) {
        let mut pool = restored();
        let (section, value) = &mut pool[which];
        let mut places = Vec::new();
        leaves(value, "", &mut places);
        let place = pick.get(&places).clone();
        *value.pointer_mut(&place).unwrap() = json!("altered");
        // As a path: list elements by any name.
        let named = format!("{}{place}", section.member());
        let segments: Vec<&str> = named.split('/').collect();
        let tells_apart = place.ends_with("/ClientId");
        let in_table = !tells_apart && allowed::row(&segments).is_some_and(|row| matches!(row.rule, Rule::Any));
        let generated = value.pointer(place.rsplit_once('/').unwrap().0).and_then(|parent| parent.get("Name"));
        let is_identities = place.contains("SchemaAttributes") && generated == Some(&json!("identities"));
        let found = differences(&pool);
        prop_assert_eq!(found.is_empty(), in_table || is_identities, "{} {:?}", named, found);
    }
}

#[test]
fn a_lost_key_is_a_difference_though_the_pool_shows_one_of_awss_own() {
    let own =
        json!({"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "arn:aws:kms:us-east-1:1:key/1"});
    let awss = json!({"KeyType": "AWS_OWNED_KEY"});
    for (backup, pool, is_lost) in [
        (own.clone(), awss.clone(), true),
        (own.clone(), own, false),
        // A backup that was made before Describe showed it.
        (Value::Null, awss, false),
    ] {
        let side = |pool: &str, key: Value| {
            head(
                pool,
                &[(
                    Section::UserPoolConfig,
                    json!({"Name": "shop", "KeyConfiguration": key}),
                )],
            )
        };
        let (backup, pool) = (side("us-east-1_Old", backup), side("us-west-2_New", pool));
        let found = compare(&backup, &pool, &Ties::default()).found;
        let about_key = found.iter().any(|found| {
            found
                .path
                .starts_with(&["user_pool_config".into(), "KeyConfiguration".into()])
        });
        assert_eq!(about_key, is_lost, "{found:?}");
    }
}
