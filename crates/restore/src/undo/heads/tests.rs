use serde_json::json;

use super::super::plan::{Action, What};
use super::*;

fn head(sections: &[(Section, Value)]) -> BackupHead {
    let pool = "us-east-1_AbC".parse().unwrap();
    let mut head = BackupHead::new(pool, "2026-03-07T09:05:02Z".parse().unwrap());
    head.set(
        Section::UserPoolConfig,
        json!({"Id": "us-east-1_AbC", "Name": "shop"}),
    );
    for (section, value) in sections {
        head.set(*section, value.clone());
    }
    head
}

fn planned(
    point: &BackupHead,
    live: &BackupHead,
    scope: &Scope,
) -> (Heads, Vec<FoundDifference>, Vec<Action>) {
    let heads = Heads::new(point, live, &BTreeMap::new(), None);
    let differences = heads.differences(scope);
    let actions = heads.actions(&differences, scope);
    (heads, differences, actions)
}

fn said(actions: &[Action]) -> Vec<(String, What)> {
    let actions = actions.iter();
    actions.map(|action| (action.item(), action.what)).collect()
}

#[test]
fn what_is_put_back_is_the_pool_with_the_members_that_changed() {
    let point = head(&[(
        Section::UserPoolConfig,
        json!({"Id": "us-east-1_AbC", "Name": "shop", "LastModifiedDate": 1,
               "Policies": {"PasswordPolicy": {"MinimumLength": 12, "RequireNumbers": true}},
               "AutoVerifiedAttributes": ["email"]}),
    )]);
    let live = head(&[(
        Section::UserPoolConfig,
        json!({"Id": "us-east-1_AbC", "Name": "shop", "LastModifiedDate": 2,
               "Policies": {"PasswordPolicy": {"MinimumLength": 6, "RequireNumbers": true}},
               "LambdaConfig": {"PreSignUp": "arn"}, "UserPoolTier": "PLUS"}),
    )]);
    let (heads, differences, actions) = planned(&point, &live, &Scope::default());
    assert_eq!(
        said(&actions),
        [("user_pool_config".to_owned(), What::PutBack)]
    );
    let wanted = heads.wanted(&differences, &actions, &Scope::default());
    let pool = wanted.user_pool();
    assert_eq!(pool["Policies"]["PasswordPolicy"]["MinimumLength"], 12);
    assert_eq!(pool["AutoVerifiedAttributes"], json!(["email"]));
    assert_eq!(pool["LambdaConfig"], json!({}));
    assert_eq!(pool.get("UserPoolTier"), None);

    let scope = Scope {
        settings: vec!["user_pool_config/Policies".into()],
        ..Scope::default()
    };
    let (heads, differences, actions) = planned(&point, &live, &scope);
    let wanted = heads.wanted(&differences, &actions, &scope);
    assert_eq!(wanted.user_pool()["LambdaConfig"]["PreSignUp"], "arn");
    assert_eq!(
        wanted.user_pool()["Policies"]["PasswordPolicy"]["MinimumLength"],
        12
    );
}

#[test]
fn what_was_added_stays_unless_its_removal_is_asked_for() {
    let point = head(&[
        (
            Section::Groups,
            json!([{"GroupName": "staff", "Precedence": 1}, {"GroupName": "gone"}]),
        ),
        (Section::Tags, json!({"team": "a", "aws:x": "1"})),
        (Section::ResourceServers, json!([])),
    ]);
    let live = head(&[
        (
            Section::Groups,
            json!([{"GroupName": "staff", "Precedence": 2, "Description": "d"}, {"GroupName": "new"}]),
        ),
        (Section::Tags, json!({"team": "b", "extra": "c"})),
        (
            Section::ResourceServers,
            json!([{"Identifier": "aws.cognito/dcr", "ManagedBy": "COGNITO"}]),
        ),
    ]);
    let (_, _, actions) = planned(&point, &live, &Scope::default());
    assert_eq!(
        said(&actions),
        [
            ("tags".to_owned(), What::PutBack),
            ("tags".to_owned(), What::Impossible),
            ("tags/extra".to_owned(), What::LeftAlone),
            (
                "resource_servers/aws.cognito/dcr".to_owned(),
                What::Impossible
            ),
            ("groups/staff".to_owned(), What::PutBack),
            ("groups/staff".to_owned(), What::Impossible),
            ("groups/gone".to_owned(), What::MakeAgain),
            ("groups/new".to_owned(), What::LeftAlone),
        ]
    );
    let scope = Scope {
        remove_added: true,
        ..Scope::default()
    };
    let (heads, differences, actions) = planned(&point, &live, &scope);
    let removed: Vec<String> = actions
        .iter()
        .filter(|action| action.what == What::Remove)
        .map(Action::item)
        .collect();
    assert_eq!(removed, ["groups/new", "tags/extra"]);
    let wanted = heads.wanted(&differences, &actions, &scope);
    assert_eq!(
        wanted.section(Section::Groups),
        &json!([{"GroupName": "staff", "Precedence": 1, "Description": "d"}, {"GroupName": "gone"}])
    );
}

#[test]
fn a_client_that_was_made_again_is_known_by_its_secret_or_its_settings() {
    let client = |id: &str, secret: Option<&str>, url: &str| {
        let mut client =
            json!({"ClientId": id, "ClientName": "web", "CallbackURLs": [url], "CreationDate": id});
        if let Some(secret) = secret {
            client["ClientSecret"] = secret.into();
        }
        client
    };
    for (secret, url, same) in [
        (Some("s"), "https://other", true),
        (None, "https://a", true),
        (None, "https://other", false),
    ] {
        let point = head(&[
            (
                Section::AppClients,
                json!([client("old", secret, "https://a")]),
            ),
            (
                Section::Terms,
                json!([{"ClientId": "old", "TermsName": "terms-of-use", "TermsId": "1"}]),
            ),
        ]);
        let live = head(&[
            (Section::AppClients, json!([client("new", secret, url)])),
            (
                Section::Terms,
                json!([{"ClientId": "new", "TermsName": "terms-of-use", "TermsId": "2"}]),
            ),
        ]);
        let (heads, _, actions) = planned(&point, &live, &Scope::default());
        assert_eq!(heads.clients.contains_key("old"), same);
        let made_again = actions.iter().any(|action| action.what == What::MakeAgain);
        assert_eq!(made_again, !same, "{actions:?}");
        let terms = actions
            .iter()
            .any(|action| action.section == Section::Terms);
        assert_eq!(terms, !same, "{actions:?}");
    }
}

#[test]
fn secrets_are_not_in_the_plan() {
    let provider = |secret: &str| json!([{"ProviderName": "Google", "ProviderType": "Google", "ProviderDetails": {"client_id": "i", "client_secret": secret}}]);
    let point = head(&[(Section::IdentityProviders, provider("first-secret"))]);
    let live = head(&[(Section::IdentityProviders, provider("other-secret"))]);
    let (_, _, actions) = planned(&point, &live, &Scope::default());
    assert!(actions[0].members[0].secret);
    let plan = serde_json::to_string(&actions).unwrap();
    assert!(!plan.contains("-secret"), "{plan}");
}
