use super::*;
use crate::relocation::tests::Move;

fn head(pool: Value, tags: Value) -> BackupHead {
    let mut head = BackupHead::new(
        "us-east-1_Old".parse().unwrap(),
        "2026-01-01T00:00:00Z".parse().unwrap(),
    );
    head.set(Section::UserPoolConfig, pool);
    head.set(Section::Tags, tags);
    head
}

fn create(pool: Value, map: Value) -> (Value, News) {
    created_by(&Move::with(&map), pool)
}

fn created_by(moved: &Move, pool: Value) -> (Value, News) {
    let new = creation(
        &head(pool, json!({})),
        &moved.relocation(),
        &"r-1".parse().unwrap(),
        None,
    );
    (Value::Object(new.request), new.news)
}

fn announced(news: &News) -> Vec<String> {
    let all = news
        .findings
        .iter()
        .flat_map(|finding| finding.announces.clone());
    all.filter(|path| !path.contains(RESTORE_TAG)).collect()
}

#[test]
fn a_pool_is_asked_for_quiet_and_without_what_cognito_computes() {
    let (request, _) = create(
        json!({
            "Id": "us-east-1_Old", "Arn": "arn", "Name": "pool", "Status": "Enabled", "CreationDate": 1.0,
            "LastModifiedDate": 1.0, "Domain": "d", "CustomDomain": "c", "EstimatedNumberOfUsers": 3,
            "MfaConfiguration": "ON", "LambdaConfig": {"PreSignUp": "arn"}, "DeletionProtection": "ACTIVE",
            "AutoVerifiedAttributes": ["email"], "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
            "AliasAttributes": [], "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
            "UserPoolTier": "LITE", "NewMember": {"kept": [1]}, "DeviceConfiguration": null,
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
        }),
        json!({}),
    );
    assert_eq!(
        request,
        json!({
            "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
            "UserPoolTier": "LITE", "NewMember": {"kept": [1]},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
            "PoolName": "pool", "UserPoolTags": {"cognito-dr-restore-id": "r-1"},
        })
    );
}

#[test]
fn each_rule_of_the_document_is_kept_and_each_deviation_announced() {
    // What is described, what of it is sent, what is announced.
    for (described, pointer, sent, announces) in [
        (
            json!({"AdminCreateUserConfig": {"UnusedAccountValidityDays": 9}, "Policies": {"PasswordPolicy": {"TemporaryPasswordValidityDays": 7}}}),
            "/Policies/PasswordPolicy/TemporaryPasswordValidityDays",
            json!(7),
            vec![],
        ),
        (
            json!({"AdminCreateUserConfig": {"UnusedAccountValidityDays": 9}}),
            "/Policies/PasswordPolicy/TemporaryPasswordValidityDays",
            json!(9),
            vec![],
        ),
        (
            json!({"EmailVerificationMessage": "a {####}", "VerificationMessageTemplate": {"EmailMessage": "a {####}", "EmailMessageByLink": "{##b##}", "DefaultEmailOption": "CONFIRM_WITH_LINK"}}),
            "/VerificationMessageTemplate",
            json!({"EmailMessage": "a {####}", "EmailMessageByLink": "{##b##}", "DefaultEmailOption": "CONFIRM_WITH_LINK"}),
            vec![],
        ),
        (
            json!({"KeyConfiguration": {"KeyType": "AWS_OWNED_KEY"}}),
            "/KeyConfiguration",
            Value::Null,
            vec![],
        ),
        (
            json!({"IssuerConfiguration": {"Type": "ORIGINAL"}}),
            "/IssuerConfiguration",
            Value::Null,
            vec![],
        ),
        (
            json!({"IssuerConfiguration": {"Type": "UPDATED"}}),
            "/IssuerConfiguration",
            json!({"Type": "UPDATED"}),
            vec![],
        ),
        (
            json!({
                "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::999988887777:role/sms"},
                "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "SMS_OTP", "WEB_AUTHN"]}},
            }),
            "/Policies/SignInPolicy/AllowedFirstAuthFactors",
            json!(["PASSWORD", "WEB_AUTHN"]),
            vec![
                "user_pool_config/SmsConfiguration",
                "user_pool_config/Policies/SignInPolicy/AllowedFirstAuthFactors",
            ],
        ),
        (
            json!({"SmsVerificationMessage": "s {####}"}),
            "/VerificationMessageTemplate",
            json!({"SmsMessage": "s {####}"}),
            vec!["user_pool_config/VerificationMessageTemplate"],
        ),
        (
            json!({"AcrConfiguration": {"Level1": {"AcrValue": "urn:cognito:loa:1"}, "Level2": {"AcrValue": "silver"}}}),
            "/AcrConfiguration",
            json!({"Level2": {"AcrValue": "silver"}}),
            vec![],
        ),
        (
            json!({"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::111122223333:role/sms", "ExternalId": "x", "SnsRegion": "us-east-1"}}),
            "/SmsConfiguration",
            json!({"SnsCallerArn": "arn:aws:iam::111122223333:role/sms", "ExternalId": "x"}),
            vec!["user_pool_config/SmsConfiguration/SnsRegion"],
        ),
        (
            json!({"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::999988887777:role/sms", "ExternalId": "x"}}),
            "/SmsConfiguration",
            Value::Null,
            vec!["user_pool_config/SmsConfiguration"],
        ),
        (
            json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/mrk-1"}}),
            "/KeyConfiguration/KmsKeyArn",
            json!("arn:aws:kms:us-west-2:111122223333:key/mrk-1"),
            vec!["user_pool_config/KeyConfiguration/KmsKeyArn"],
        ),
        (
            json!({"KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "arn:aws:kms:us-east-1:111122223333:key/1"}}),
            "/KeyConfiguration",
            Value::Null,
            vec!["user_pool_config/KeyConfiguration"],
        ),
    ] {
        let (request, news) = create(described.clone(), json!({}));
        let found = request.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(found, sent, "{described}");
        assert_eq!(announced(&news), announces, "{described}");
    }
}

#[test]
fn the_operators_map_moves_senders_and_keys() {
    let ses = "arn:aws:ses:us-east-1:111122223333:identity/example.com";
    let new_ses = "arn:aws:ses:us-west-2:111122223333:identity/example.com";
    let role = "arn:aws:iam::999988887777:role/sms";
    let (request, news) = create(
        json!({
            "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": ses},
            "SmsConfiguration": {"SnsCallerArn": role, "ExternalId": "old"},
        }),
        json!({
            "ses_identities": {ses: new_ses},
            "sms_roles": {role: {"role_arn": "arn:aws:iam::111122223333:role/sms", "external_id": "new"}},
        }),
    );
    assert_eq!(request["EmailConfiguration"]["SourceArn"], new_ses);
    assert_eq!(
        request["SmsConfiguration"],
        json!({"SnsCallerArn": "arn:aws:iam::111122223333:role/sms", "ExternalId": "new"})
    );
    assert_eq!(
        announced(&news),
        [
            "user_pool_config/EmailConfiguration/SourceArn",
            "user_pool_config/SmsConfiguration/SnsCallerArn",
            "user_pool_config/SmsConfiguration/ExternalId",
        ]
    );
    assert!(news.manual_steps.is_empty());
}

#[test]
fn an_identity_kept_in_another_region_is_pointed_out() {
    let (request, news) = create(
        json!({"EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:111122223333:identity/a"}}),
        json!({}),
    );
    assert!(request["EmailConfiguration"]["SourceArn"].is_string());
    assert!(news.manual_steps[0].title.contains("us-east-1"));
}

#[test]
fn out_of_another_account_senders_of_the_same_name_are_asked_for_and_its_keys_are_not() {
    let moved = Move::plain().out_of_another_account();
    let (request, news) = created_by(
        &moved,
        json!({
            "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:444455556666:identity/a"},
            "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::444455556666:role/sms", "ExternalId": "e"},
            "KeyConfiguration": {"KeyType": "CUSTOMER_MANAGED_KEY", "KmsKeyArn": "arn:aws:kms:us-east-1:444455556666:key/mrk-1"},
        }),
    );
    assert_eq!(
        request["EmailConfiguration"]["SourceArn"],
        "arn:aws:ses:us-east-1:111122223333:identity/a"
    );
    assert_eq!(
        request["SmsConfiguration"],
        json!({"SnsCallerArn": "arn:aws:iam::111122223333:role/sms", "ExternalId": "e"})
    );
    assert!(request["KeyConfiguration"].is_null());
    assert_eq!(
        announced(&news),
        [
            "user_pool_config/EmailConfiguration/SourceArn",
            "user_pool_config/SmsConfiguration/SnsCallerArn",
            "user_pool_config/KeyConfiguration",
        ]
    );
    // Whether the identity is there, the operator has to see.
    assert!(news.manual_steps[0].why.contains("111122223333"));
}

#[test]
fn of_what_cognito_refused_nothing_else_is_said() {
    let moved = Move::plain().out_of_another_account();
    let pool = json!({
        "EmailConfiguration": {"EmailSendingAccount": "DEVELOPER", "SourceArn": "arn:aws:ses:us-east-1:444455556666:identity/a"},
        "SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::444455556666:role/sms", "ExternalId": "e"},
    });
    let (request, mut news) = created_by(&moved, pool);
    let (mut request, relocation) = (object(&request), moved.relocation());
    without_ses(&mut request, "refused", &relocation, &mut news);
    without_sms(&mut request, "refused", &relocation, &mut news);
    let told: Vec<_> = news
        .findings
        .iter()
        .filter(|finding| !finding.item.contains(RESTORE_TAG))
        .map(|finding| (finding.item.as_str(), finding.kind))
        .collect();
    assert_eq!(
        told,
        [
            ("EmailConfiguration", FindingKind::Degraded),
            ("SmsConfiguration", FindingKind::Degraded),
        ]
    );
    let left: Vec<&str> = news
        .manual_steps
        .iter()
        .map(|step| step.title.as_str())
        .collect();
    assert_eq!(
        left,
        [
            "Give the pool an SES identity",
            "Give the pool a role to send SMS by"
        ]
    );
}

#[test]
fn tags_lose_what_is_awss_own_and_gain_the_restores() {
    let mut news = News::default();
    let all: Document = (0..50).map(|n| (format!("k{n:02}"), json!("v"))).collect();
    let kept = tags(
        &head(json!({}), Value::Object(all)),
        &"r-1".parse().unwrap(),
        &mut news,
    );
    assert_eq!(kept.len(), 50);
    assert_eq!(kept[RESTORE_TAG], "r-1");
    assert!(
        news.findings
            .iter()
            .any(|finding| finding.announces.contains(&"tags/k49".into()))
    );
    let mut news = News::default();
    let source = json!({"aws:cloudformation:stack-name": "s", "team": "a", RESTORE_TAG: "r-0"});
    let kept = tags(&head(json!({}), source), &"r-1".parse().unwrap(), &mut news);
    assert_eq!(
        Value::Object(kept),
        json!({"team": "a", RESTORE_TAG: "r-1"})
    );
    assert_eq!(
        news.findings[0].announces[0],
        "tags/aws:cloudformation:stack-name"
    );
}

#[test]
fn an_update_says_what_the_pool_has_and_the_default_of_what_it_does_not_show() {
    let request = update(&json!({
        "Id": "us-west-2_New", "Name": "pool", "Arn": "arn", "Status": "Enabled", "SchemaAttributes": [],
        "UsernameAttributes": ["email"], "MfaConfiguration": "OPTIONAL", "NewMember": 1, "UserPoolTier": "PLUS",
        "EmailVerificationMessage": "m", "VerificationMessageTemplate": {"EmailMessage": "m"},
        "Policies": {"PasswordPolicy": {"MinimumLength": 9}},
        "AdminCreateUserConfig": {"UnusedAccountValidityDays": 7, "AllowAdminCreateUserOnly": true},
        "AcrConfiguration": {"Level1": {"AcrValue": "urn:cognito:loa:1"}},
    }));
    assert_eq!(
        Value::Object(request),
        json!({
            "MfaConfiguration": "OPTIONAL", "NewMember": 1, "UserPoolTier": "PLUS",
            "VerificationMessageTemplate": {"EmailMessage": "m", "DefaultEmailOption": "CONFIRM_WITH_CODE"},
            "Policies": {
                "PasswordPolicy": {"MinimumLength": 9},
                "SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]},
            },
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
            "DeletionProtection": "INACTIVE", "AutoVerifiedAttributes": [], "LambdaConfig": {},
            "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": []},
            "UserPoolTags": {}, "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
            "PoolName": "pool", "UserPoolId": "us-west-2_New",
        })
    );
}

#[test]
fn of_two_messages_the_one_in_use_stays_when_both_are_refused() {
    for (option, spare) in [
        ("CONFIRM_WITH_CODE", "EmailMessageByLink"),
        ("CONFIRM_WITH_LINK", "EmailMessage"),
    ] {
        let (mut request, _) = create(
            json!({"VerificationMessageTemplate": {
                "EmailMessage": "a {####}", "EmailMessageByLink": "{##b##}", "DefaultEmailOption": option,
            }}),
            json!({}),
        );
        let request = request.as_object_mut().unwrap();
        assert_eq!(spare_message(request), Some(spare));
        let mut news = News::default();
        without_spare_message(request, "x", &mut news);
        assert_eq!(request["VerificationMessageTemplate"].get(spare), None);
        assert_eq!(spare_message(request), None);
        let path = format!("user_pool_config/VerificationMessageTemplate/{spare}");
        assert_eq!(announced(&news), [path]);
    }
}
