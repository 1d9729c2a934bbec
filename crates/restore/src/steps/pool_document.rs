//! The pool's own document: what CreateUserPool and UpdateUserPool take of what DescribeUserPool
//! gives (facts A.1).

use model::RestoreId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep};
use serde_json::{Value, json};

use super::schema;
use crate::commands;
use crate::document::{
    Arn, Document, change, member, object, remove, remove_if_empty, text, token,
};
use crate::relocation::Relocation;
use crate::step::News;
use crate::translate::ArnKind;

/// The tag by which a repeated step finds the pool that it made.
pub(super) const RESTORE_TAG: &str = "cognito-dr-restore-id";
/// How many tags a pool may have (facts A.17).
const TAGS: usize = 50;

/// Members that Cognito computes (facts A.1).
const COMPUTED: &[&str] = &[
    "Arn",
    "CreationDate",
    "CustomDomain",
    "Domain",
    "EmailConfigurationFailure",
    "EstimatedNumberOfUsers",
    "Id",
    "LastModifiedDate",
    "SchemaAttributes",
    "SmsConfigurationFailure",
    "SNSSandbox",
    "Status",
];
/// Members that cannot change after creation (facts A.1).
const IMMUTABLE: &[&str] = &[
    "AliasAttributes",
    "UsernameAttributes",
    "UsernameConfiguration",
];
/// "No longer used": Describe echoes the template in them (facts A.1).
const LEGACY_MESSAGES: &[(&str, &str)] = &[
    ("SmsVerificationMessage", "SmsMessage"),
    ("EmailVerificationMessage", "EmailMessage"),
    ("EmailVerificationSubject", "EmailSubject"),
];
/// Set by the last step, so that the users are made without a message or a trigger.
pub(super) const SET_LAST: &[&str] = &[
    "AutoVerifiedAttributes",
    "UserAttributeUpdateSettings",
    "LambdaConfig",
    "DeletionProtection",
];

/// What a restored pool is asked to be.
#[derive(Debug)]
pub(super) struct NewPool {
    /// The request of CreateUserPool.
    pub(super) request: Document,
    /// What differs from the backup.
    pub(super) news: News,
}

/// The request that makes the pool: quiet, so that nobody gets a message while users are made.
///
/// Without MFA, triggers, auto-verified attributes and deletion protection, and open for sign-up,
/// by which UNCONFIRMED users are made; later steps set all of these.
pub(super) fn creation(
    head: &BackupHead,
    relocation: &Relocation<'_>,
    restore_id: &RestoreId,
    legacy_sub: Option<&str>,
) -> NewPool {
    let mut news = News::default();
    let mut request = object(head.user_pool());
    let name = member(&request, "Name").unwrap_or("restored").to_owned();
    let attributes = request
        .get("SchemaAttributes")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    remove(&mut request, COMPUTED);
    remove(&mut request, SET_LAST);
    remove(&mut request, &["Name", "MfaConfiguration", "UserPoolTags"]);
    request.insert("PoolName".into(), name.into());
    remove_if_empty(&mut request, IMMUTABLE);
    messages(&mut request, &mut news);
    temporary_passwords(&mut request, &mut news);
    let config = request
        .entry("AdminCreateUserConfig")
        .or_insert_with(|| json!({}));
    config["AllowAdminCreateUserOnly"] = false.into();
    assurance_levels(&mut request);
    email(&mut request, relocation, &mut news);
    sms(&mut request, relocation, &mut news);
    key(&mut request, relocation, &mut news);
    let schema = schema::of(&attributes, legacy_sub);
    tell_schema(&schema, legacy_sub, &mut news);
    if !schema.on_creation.is_empty() {
        request.insert("Schema".into(), schema.on_creation.into());
    }
    let tags = tags(head, restore_id, &mut news);
    request.insert("UserPoolTags".into(), Value::Object(tags));
    NewPool { request, news }
}

/// The pool's present document as UpdateUserPool takes it. An update replaces the whole
/// configuration, so it always begins with what the pool has (facts B.1).
pub(super) fn update(described: &Value) -> Document {
    let mut request = object(described);
    let id = request.get("Id").cloned().unwrap_or_default();
    remove(&mut request, COMPUTED);
    remove(&mut request, IMMUTABLE);
    if let Some(name) = request.shift_remove("Name") {
        request.insert("PoolName".into(), name);
    }
    for (legacy, _) in LEGACY_MESSAGES {
        request.shift_remove(*legacy);
    }
    change(&mut request, "AdminCreateUserConfig", |config| {
        config.shift_remove("UnusedAccountValidityDays");
    });
    assurance_levels(&mut request);
    request.insert("UserPoolId".into(), id);
    request
}

/// Keeps the one verification message that Cognito takes, and drops the echoes of it. A pool so
/// old that it has the echoes only gets its template from them.
fn messages(request: &mut Document, news: &mut News) {
    let mut echoes = Document::new();
    for (legacy, name) in LEGACY_MESSAGES {
        if let Some(text) = request.shift_remove(*legacy) {
            echoes.insert((*name).into(), text);
        }
    }
    if !echoes.is_empty() && !request.contains_key("VerificationMessageTemplate") {
        let path = "VerificationMessageTemplate";
        let reason = "made from the older members that held the messages";
        news.finding(
            Finding::new(FindingKind::Skipped, path, reason)
                .announcing(Section::UserPoolConfig, path),
        );
        request.insert(path.into(), Value::Object(echoes));
    }
    change(request, "VerificationMessageTemplate", |template| {
        let by_link = member(template, "DefaultEmailOption") == Some("CONFIRM_WITH_LINK");
        let (kept, dropped) = if by_link {
            ("EmailMessageByLink", "EmailMessage")
        } else {
            ("EmailMessage", "EmailMessageByLink")
        };
        if template.contains_key(kept) && template.shift_remove(dropped).is_some() {
            let path = format!("VerificationMessageTemplate/{dropped}");
            let reason = format!("Cognito takes one of the two messages; {kept} is in use");
            let mut finding = Finding::new(FindingKind::Degraded, path.as_str(), reason)
                .announcing(Section::UserPoolConfig, &path);
            if dropped == "EmailMessage" {
                finding = finding.announcing(Section::UserPoolConfig, "EmailVerificationMessage");
            }
            news.finding(finding);
        }
    });
}

/// The older of the two members that say how long a temporary password lasts is refused beside
/// the newer one, and is all that old pools have.
fn temporary_passwords(request: &mut Document, news: &mut News) {
    let days = change(request, "AdminCreateUserConfig", |config| {
        config.shift_remove("UnusedAccountValidityDays")
    });
    let Some(days) = days.flatten() else { return };
    let policies = request.entry("Policies").or_insert_with(|| json!({}));
    let policy = &mut policies["PasswordPolicy"];
    if !policy.is_object() {
        *policy = json!({});
    }
    if policy.get("TemporaryPasswordValidityDays").is_none() {
        policy["TemporaryPasswordValidityDays"] = days;
        let path = "Policies/PasswordPolicy/TemporaryPasswordValidityDays";
        let reason = "taken from the older member UnusedAccountValidityDays";
        news.finding(
            Finding::new(FindingKind::Skipped, path, reason)
                .announcing(Section::UserPoolConfig, path)
                .announcing(
                    Section::UserPoolConfig,
                    "AdminCreateUserConfig/UnusedAccountValidityDays",
                ),
        );
    }
}

/// Default names of the levels are shown for every pool; sent, they would need a feature plan
/// that the pool may not have (facts A.1).
fn assurance_levels(request: &mut Document) {
    change(request, "AcrConfiguration", |levels| {
        levels.retain(|level, config| {
            let default = format!("urn:cognito:loa:{}", level.trim_start_matches("Level"));
            config["AcrValue"] != default.as_str()
                || config.as_object().is_some_and(|c| c.len() > 1)
        });
    });
    if request
        .get("AcrConfiguration")
        .and_then(Value::as_object)
        .is_some_and(Document::is_empty)
    {
        request.shift_remove("AcrConfiguration");
    }
}

/// The SES identity is translated by the map or tried as it is: which Regions Cognito allows
/// depends on the pool's (facts A.5).
fn email(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    change(request, "EmailConfiguration", |email| {
        let Some(old) = member(email, "SourceArn").map(str::to_owned) else {
            return;
        };
        let path = "EmailConfiguration/SourceArn";
        match relocation.translations.arn(ArnKind::SesIdentity, &old) {
            Some(new) if new != old => {
                let reason = "translated by the operator's map";
                news.finding(
                    Finding::new(FindingKind::Skipped, path, reason)
                        .announcing(Section::UserPoolConfig, path),
                );
                email.insert("SourceArn".into(), new.into());
            }
            Some(_) => {}
            None => {
                let region = Arn::read(&old).map(|arn| arn.region().to_owned());
                if let Some(region) = region.filter(|region| region != relocation.region) {
                    news.manual(ManualStep::new(
                        format!("See that mail can leave through SES in {region}"),
                        format!("The pool kept its SES identity {old}: the operator's map has no other for it. If {region} is down, give it one in another Region."),
                    ).with_command(commands::change_pool(
                        relocation.region,
                        relocation.pool,
                        ".EmailConfiguration.SourceArn = \"SES_IDENTITY_ARN\"",
                    )));
                }
            }
        }
    });
}

/// SMS leaves through SNS or End User Messaging in the pool's own Region, by a role of its own
/// account (facts A.5).
fn sms(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    let Some(Value::Object(mut sms)) = request.get("SmsConfiguration").cloned() else {
        return;
    };
    let nested = sms.contains_key("EumsSms");
    let role = if nested {
        change(&mut sms, "EumsSms", |eums| {
            place_sms_role(eums, "CallerArn", "EumsSms/", relocation, news)
        })
        .unwrap_or(true)
    } else {
        place_sms_role(&mut sms, "SnsCallerArn", "", relocation, news)
    };
    if !role {
        without_sms(
            request,
            "its role belongs to another account than the new pool, and the operator's map has no other",
            relocation,
            news,
        );
        return;
    }
    if !relocation.stays_in_region() {
        // Left out, it is the Region that Cognito uses for the pool's own.
        if sms.shift_remove("SnsRegion").is_some() {
            moved_region("SmsConfiguration/SnsRegion", news);
        }
        change(&mut sms, "EumsSms", |eums| {
            if eums.contains_key("Region") {
                eums.insert("Region".into(), relocation.region.into());
                moved_region("SmsConfiguration/EumsSms/Region", news);
            }
            let old = member(eums, "OriginationIdentity").and_then(Arn::read);
            if let Some(moved) = old.map(|arn| arn.in_region(relocation.region)) {
                eums.insert("OriginationIdentity".into(), moved.into());
                moved_region("SmsConfiguration/EumsSms/OriginationIdentity", news);
            }
        });
    }
    request.insert("SmsConfiguration".into(), Value::Object(sms));
}

fn moved_region(path: &str, news: &mut News) {
    let reason = "it names the pool's Region, which is another now";
    news.finding(
        Finding::new(FindingKind::Skipped, path, reason).announcing(Section::UserPoolConfig, path),
    );
}

/// Whether the role can be used.
fn place_sms_role(
    sms: &mut Document,
    name: &str,
    path: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> bool {
    let Some(old) = member(sms, name).map(str::to_owned) else {
        return true;
    };
    let Some(role) = relocation.translations.sms_role(&old) else {
        return !relocation.is_foreign_role(&old);
    };
    let path = format!("SmsConfiguration/{path}");
    let mut finding = Finding::new(
        FindingKind::Skipped,
        format!("{path}{name}"),
        "translated by the operator's map",
    );
    if role.role_arn != old {
        finding = finding.announcing(Section::UserPoolConfig, &format!("{path}{name}"));
        sms.insert(name.into(), role.role_arn.into());
    }
    if let Some(external_id) = role.external_id {
        finding = finding.announcing(Section::UserPoolConfig, &format!("{path}ExternalId"));
        sms.insert("ExternalId".into(), external_id.into());
    }
    if !finding.announces.is_empty() {
        news.finding(finding);
    }
    true
}

/// Leaves SMS out of the request, and says so.
pub(super) fn without_sms(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let Some(old) = request.shift_remove("SmsConfiguration") else {
        return;
    };
    let path = "SmsConfiguration";
    news.finding(
        Finding::new(
            FindingKind::Degraded,
            path,
            format!("the pool sends no SMS: {why}"),
        )
        .announcing(Section::UserPoolConfig, path),
    );
    let external_id = text(&old, "/ExternalId").unwrap_or("EXTERNAL_ID");
    let change = format!(
        ".SmsConfiguration = {{SnsCallerArn: \"ROLE_ARN\", ExternalId: \"{external_id}\"}}"
    );
    news.manual(
        ManualStep::new(
            "Give the pool a role to send SMS by",
            format!("{why}. The role's trust policy must let cognito-idp.amazonaws.com assume it for the new pool, with the external id."),
        )
        .with_command(commands::change_pool(relocation.region, relocation.pool, &change)),
    );
}

/// Lets the pool send with Cognito's default sender, and says so.
pub(super) fn without_ses(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let Some(Value::Object(email)) = request.get_mut("EmailConfiguration") else {
        return;
    };
    let old = email.clone();
    let mut finding = Finding::new(
        FindingKind::Degraded,
        "EmailConfiguration",
        format!("the pool sends with Cognito's default sender, 50 mails a day: {why}"),
    );
    for name in [
        "SourceArn",
        "From",
        "ConfigurationSet",
        "EmailSendingAccount",
    ] {
        if email.shift_remove(name).is_some() {
            finding = finding.announcing(
                Section::UserPoolConfig,
                &format!("EmailConfiguration/{name}"),
            );
        }
    }
    email.insert("EmailSendingAccount".into(), "COGNITO_DEFAULT".into());
    news.finding(finding);
    let mut wanted = old;
    wanted.insert("SourceArn".into(), "SES_IDENTITY_ARN".into());
    wanted.insert("EmailSendingAccount".into(), "DEVELOPER".into());
    let change = format!(".EmailConfiguration = {}", Value::Object(wanted));
    news.manual(
        ManualStep::new(
            "Give the pool an SES identity",
            format!("{why}. Users need mail to set new passwords."),
        )
        .with_command(commands::change_pool(
            relocation.region,
            relocation.pool,
            &change,
        )),
    );
}

/// A customer's key lives in one Region, unless it is a multi-Region key: its replica has the
/// same id, and is tried.
fn key(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    let configuration = request.get("KeyConfiguration").cloned().unwrap_or_default();
    let Some(old) = text(&configuration, "/KmsKeyArn") else {
        return;
    };
    let path = "KeyConfiguration/KmsKeyArn";
    match key_in_target(old, relocation) {
        Some(new) if new == old => {}
        Some(new) => {
            news.finding(
                Finding::new(
                    FindingKind::Skipped,
                    path,
                    "its counterpart in the target Region",
                )
                .announcing(Section::UserPoolConfig, path),
            );
            change(request, "KeyConfiguration", |key| {
                key.insert("KmsKeyArn".into(), new.into())
            });
        }
        None => without_key(
            request,
            "the key is in another Region, and the operator's map has no other",
            relocation,
            news,
        ),
    }
}

/// The key's counterpart: by the map, or the replica of a multi-Region key.
pub(super) fn key_in_target(old: &str, relocation: &Relocation<'_>) -> Option<String> {
    relocation.arn(ArnKind::KmsKey, old).or_else(|| {
        let arn = Arn::read(old)?;
        arn.resource()
            .starts_with("key/mrk-")
            .then(|| arn.in_region(relocation.region))
    })
}

/// Lets AWS encrypt the pool with a key of its own, and says so.
pub(super) fn without_key(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    if request.shift_remove("KeyConfiguration").is_none() {
        return;
    }
    let path = "KeyConfiguration";
    news.finding(
        Finding::new(
            FindingKind::Degraded,
            path,
            format!("the pool is encrypted with a key that AWS owns: {why}"),
        )
        .announcing(Section::UserPoolConfig, path),
    );
    news.manual(
        ManualStep::new("Give the pool its customer-managed key", format!("{why}.")).with_command(
            commands::change_pool(
                relocation.region,
                relocation.pool,
                ".KeyConfiguration = {KeyType: \"CUSTOMER_MANAGED_KEY\", KmsKeyArn: \"KEY_ARN\"}",
            ),
        ),
    );
}

fn tell_schema(schema: &schema::Schema, legacy_sub: Option<&str>, news: &mut News) {
    for name in &schema.unknown {
        let reason =
            "a standard attribute that this version does not know: it has Cognito's defaults";
        news.finding(
            Finding::new(FindingKind::Degraded, name.as_str(), reason).announcing(
                Section::UserPoolConfig,
                &format!("SchemaAttributes/{}", token(name)),
            ),
        );
    }
    let Some(name) = legacy_sub.map(|bare| format!("custom:{bare}")) else {
        return;
    };
    if schema.added {
        let path = format!("SchemaAttributes/{name}");
        let reason = "added to keep the users' old sub";
        news.finding(
            Finding::new(FindingKind::Skipped, name, reason)
                .announcing(Section::UserPoolConfig, &path),
        );
    } else if schema.no_room {
        let reason = "the old sub is not kept in the users: the pool has 50 custom attributes";
        news.finding(Finding::new(FindingKind::Degraded, name, reason));
    }
}

/// The pool's tags without the reserved ones, and with the tag of the restore.
fn tags(head: &BackupHead, restore_id: &RestoreId, news: &mut News) -> Document {
    let mut tags = object(head.section(Section::Tags));
    if tags.is_empty() {
        tags = object(&head.user_pool()["UserPoolTags"]);
    }
    tags.shift_remove(RESTORE_TAG);
    let announce = |finding: Finding, key: &str| {
        let key = token(key);
        finding
            .announcing(Section::Tags, &key)
            .announcing(Section::UserPoolConfig, &format!("UserPoolTags/{key}"))
    };
    let reserved: Vec<String> = tags
        .keys()
        .filter(|key| key.to_lowercase().starts_with("aws:"))
        .cloned()
        .collect();
    for key in reserved {
        tags.shift_remove(&key);
        let reason = "tags that begin with aws: are AWS's own";
        news.finding(announce(
            Finding::new(FindingKind::Skipped, format!("tag {key}"), reason),
            &key,
        ));
    }
    while tags.len() >= TAGS {
        let Some(key) = tags.keys().next_back().cloned() else {
            break;
        };
        tags.shift_remove(&key);
        let reason = format!("there is no room for it beside {RESTORE_TAG}");
        news.finding(announce(
            Finding::new(FindingKind::Degraded, format!("tag {key}"), reason),
            &key,
        ));
    }
    tags.insert(RESTORE_TAG.into(), restore_id.as_str().into());
    let reason = "added, so that a repeated step finds the pool that it made";
    news.finding(announce(
        Finding::new(FindingKind::Skipped, format!("tag {RESTORE_TAG}"), reason),
        RESTORE_TAG,
    ));
    tags
}

/// What is set when the users are there: the members of the backup as they should be at the end.
pub(super) fn final_members(head: &BackupHead) -> Document {
    let pool = object(head.user_pool());
    let mut members = Document::new();
    for name in ["AutoVerifiedAttributes", "UserAttributeUpdateSettings"] {
        if let Some(value) = pool.get(name) {
            members.insert(name.into(), value.clone());
        }
    }
    members
}

/// Whether only administrators make users in the lost pool.
pub(super) fn admin_only(head: &BackupHead) -> bool {
    head.user_pool()["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] == true
}

#[cfg(test)]
mod tests {
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
        let moved = Move::with(&map);
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
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true},
            }),
            json!({}),
        );
        assert_eq!(
            request,
            json!({
                "UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
                "UserPoolTier": "LITE", "NewMember": {"kept": [1]},
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
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
                vec![
                    "user_pool_config/Policies/PasswordPolicy/TemporaryPasswordValidityDays",
                    "user_pool_config/AdminCreateUserConfig/UnusedAccountValidityDays",
                ],
            ),
            (
                json!({"EmailVerificationMessage": "a {####}", "VerificationMessageTemplate": {"EmailMessage": "a {####}", "EmailMessageByLink": "{##b##}", "DefaultEmailOption": "CONFIRM_WITH_CODE"}}),
                "/VerificationMessageTemplate",
                json!({"EmailMessage": "a {####}", "DefaultEmailOption": "CONFIRM_WITH_CODE"}),
                vec!["user_pool_config/VerificationMessageTemplate/EmailMessageByLink"],
            ),
            (
                json!({"VerificationMessageTemplate": {"EmailMessage": "a {####}", "EmailMessageByLink": "{##b##}", "DefaultEmailOption": "CONFIRM_WITH_LINK"}}),
                "/VerificationMessageTemplate",
                json!({"EmailMessageByLink": "{##b##}", "DefaultEmailOption": "CONFIRM_WITH_LINK"}),
                vec![
                    "user_pool_config/VerificationMessageTemplate/EmailMessage",
                    "user_pool_config/EmailVerificationMessage",
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
    fn an_update_sends_back_all_that_the_pool_has() {
        let request = update(&json!({
            "Id": "us-west-2_New", "Name": "pool", "Arn": "arn", "Status": "Enabled", "SchemaAttributes": [],
            "UsernameAttributes": ["email"], "MfaConfiguration": "OPTIONAL", "NewMember": 1, "UserPoolTier": "PLUS",
            "EmailVerificationMessage": "m", "VerificationMessageTemplate": {"EmailMessage": "m"},
            "AdminCreateUserConfig": {"UnusedAccountValidityDays": 7, "AllowAdminCreateUserOnly": false},
            "AcrConfiguration": {"Level1": {"AcrValue": "urn:cognito:loa:1"}},
        }));
        assert_eq!(
            Value::Object(request),
            json!({
                "MfaConfiguration": "OPTIONAL", "NewMember": 1, "UserPoolTier": "PLUS",
                "VerificationMessageTemplate": {"EmailMessage": "m"},
                "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
                "PoolName": "pool", "UserPoolId": "us-west-2_New",
            })
        );
    }
}
