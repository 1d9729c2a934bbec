//! The pool's own document: what CreateUserPool and UpdateUserPool take of what DescribeUserPool
//! gives (facts A.1).

use cognito::{CognitoError, ErrorKind, Operation};
use model::RestoreId;
use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{Finding, FindingKind};
use serde_json::map::Entry;
use serde_json::{Value, json};

use super::schema;
use crate::context::Restore;
use crate::document::{Document, change, member, object, remove, remove_if_empty, token};
use crate::rehearsal;
use crate::relocation::Relocation;
use crate::step::News;

mod messages;
mod senders;

pub(super) use messages::{spare_message, without_spare_message};
pub(super) use senders::{
    allows_codes_by_sms, key_in_target, without_key, without_ses, without_sms,
};

/// The tag by which a repeated step finds the pool that it made. The function's role may write
/// into no pool that lacks it, so every update keeps it.
pub const RESTORE_TAG: &str = "cognito-dr-restore-id";
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
/// Set by the last step, so that the users are made without a message or a trigger.
pub(super) const SET_LAST: &[&str] = &[
    "AutoVerifiedAttributes",
    "UserAttributeUpdateSettings",
    "LambdaConfig",
    "DeletionProtection",
];

/// What an update says of members that the pool's description does not show. Cognito keeps some of
/// what is left out and resets other, and most has not been measured (facts 0.1): nothing is left
/// to that which can be said.
///
/// Not here: what is there for good (SMS), what any value switches on (remembered devices), and
/// what an update was measured to reset (add-ons).
pub(crate) fn explicit_defaults() -> Value {
    json!({
        "MfaConfiguration": "OFF",
        "DeletionProtection": "INACTIVE",
        "AutoVerifiedAttributes": [],
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": []},
        "LambdaConfig": {},
        "UserPoolTags": {},
        "Policies": {"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD"]}},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": false},
        "EmailConfiguration": {"EmailSendingAccount": "COGNITO_DEFAULT"},
        "VerificationMessageTemplate": {"DefaultEmailOption": "CONFIRM_WITH_CODE"},
    })
}

/// Adds what `document` lacks of `defaults`, at any depth.
pub(crate) fn complete(document: &mut Document, defaults: &Value) {
    for (name, default) in defaults.as_object().into_iter().flatten() {
        match document.entry(name) {
            Entry::Vacant(place) => {
                place.insert(default.clone());
            }
            Entry::Occupied(mut place) => {
                if let Value::Object(inner) = place.get_mut() {
                    complete(inner, default);
                }
            }
        }
    }
}

/// What a restored pool is asked to be.
#[derive(Debug)]
pub(crate) struct NewPool {
    /// The request of CreateUserPool.
    pub(crate) request: Document,
    /// What differs from the backup.
    pub(super) news: News,
}

/// The request that makes the pool: quiet, so that nobody gets a message while users are made.
///
/// Without MFA, triggers, auto-verified attributes and deletion protection, and closed for
/// sign-up; later steps set all of these.
pub(crate) fn creation(
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
    rehearsal::name_scratch_pool(&mut request, restore_id, &mut news);
    remove_if_empty(&mut request, IMMUTABLE);
    messages::from_older_members(&mut request, &mut news);
    shown_defaults(&mut request);
    temporary_passwords(&mut request);
    let config = request
        .entry("AdminCreateUserConfig")
        .or_insert_with(|| json!({}));
    config["AllowAdminCreateUserOnly"] = true.into();
    assurance_levels(&mut request);
    senders::email(&mut request, relocation, &mut news);
    senders::sms(&mut request, relocation, &mut news);
    senders::key(&mut request, relocation, &mut news);
    let schema = schema::of(&attributes, legacy_sub);
    tell_schema(&schema, legacy_sub, &mut news);
    if !schema.on_creation.is_empty() {
        request.insert("Schema".into(), schema.on_creation.into());
    }
    let tags = tags(head, restore_id, &mut news);
    request.insert("UserPoolTags".into(), Value::Object(tags));
    NewPool { request, news }
}

/// The pool's present document as UpdateUserPool takes it, every member said explicitly: an update
/// keeps some of what it leaves out and resets other (facts 0.1).
pub(crate) fn update(described: &Value) -> Document {
    let mut request = object(described);
    let id = request.get("Id").cloned().unwrap_or_default();
    remove(&mut request, COMPUTED);
    remove(&mut request, IMMUTABLE);
    if let Some(name) = request.shift_remove("Name") {
        request.insert("PoolName".into(), name);
    }
    messages::without_older_members(&mut request);
    change(&mut request, "AdminCreateUserConfig", |config| {
        config.shift_remove("UnusedAccountValidityDays");
    });
    assurance_levels(&mut request);
    change(&mut request, "UserPoolTags", |tags| {
        // AWS's own: nobody else can set or remove them (facts A.17).
        tags.retain(|key, _| !is_reserved_tag(key));
    });
    complete(&mut request, &explicit_defaults());
    request.insert("UserPoolId".into(), id);
    request
}

/// Sends an update of the pool. Whether one takes MFA without SMS is not known (facts A.3): where it
/// does not, MFA is left out of the request, and kept (facts 0.1).
///
/// # Errors
/// [`CognitoError`] when it is refused without MFA too, or fails.
pub(crate) async fn send_update(
    restore: &Restore<'_>,
    request: &mut Document,
) -> Result<(), CognitoError> {
    loop {
        let body = Value::Object(request.clone());
        match restore.cognito.call(Operation::UpdateUserPool, &body).await {
            Err(error)
                if error.is(ErrorKind::Refused)
                    && error.message.contains("MFA")
                    && request.shift_remove("MfaConfiguration").is_some() => {}
            result => return result.map(drop),
        }
    }
}

/// The older of the two members that say how long a temporary password lasts is refused beside
/// the newer one, and is all that old pools have.
pub(crate) fn temporary_passwords(request: &mut Document) {
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

/// Describe shows these of every pool (facts 0.1). A new pool has them without asking, also where
/// their features are not offered.
fn shown_defaults(request: &mut Document) {
    for (name, member, default) in [
        ("KeyConfiguration", "KeyType", "AWS_OWNED_KEY"),
        ("IssuerConfiguration", "Type", "ORIGINAL"),
    ] {
        if request
            .get(name)
            .is_some_and(|value| value[member] == default)
        {
            request.shift_remove(name);
        }
    }
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
            Finding::new(FindingKind::Expected, name, reason)
                .announcing(Section::UserPoolConfig, &path),
        );
    } else if schema.no_room {
        let reason = "the old sub is not kept in the users: the pool has 50 custom attributes";
        news.finding(Finding::new(FindingKind::Degraded, name, reason));
    }
}

/// Whether a tag is one of AWS's own (facts A.17).
pub(crate) fn is_reserved_tag(key: &str) -> bool {
    key.to_lowercase().starts_with("aws:")
}

/// The pool's tags without the reserved ones, and with the tag of the restore.
fn tags(head: &BackupHead, restore_id: &RestoreId, news: &mut News) -> Document {
    let mut tags = object(head.section(Section::Tags));
    if tags.is_empty() {
        tags = object(&head.user_pool()["UserPoolTags"]);
    }
    tags.shift_remove(RESTORE_TAG);
    rehearsal::tell_tag(&mut tags, restore_id, news);
    let announce = |finding: Finding, key: &str| {
        let key = token(key);
        finding
            .announcing(Section::Tags, &key)
            .announcing(Section::UserPoolConfig, &format!("UserPoolTags/{key}"))
    };
    let reserved: Vec<String> = tags
        .keys()
        .filter(|key| is_reserved_tag(key))
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
    let mut own = Document::new();
    own.insert(RESTORE_TAG.into(), restore_id.as_str().into());
    rehearsal::tag_scratch_pool(&mut own, restore_id);
    while tags.len() + own.len() > TAGS {
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
    tags.extend(own);
    tags
}

/// What is set when the users are there: the members of the backup as they should be at the end,
/// those that it does not have included.
pub(super) fn final_members(head: &BackupHead) -> Document {
    let pool = object(head.user_pool());
    let defaults = explicit_defaults();
    ["AutoVerifiedAttributes", "UserAttributeUpdateSettings"]
        .into_iter()
        .map(|name| {
            let value = pool.get(name).unwrap_or(&defaults[name]);
            (name.to_owned(), value.clone())
        })
        .collect()
}

/// Whether only administrators make users in the lost pool.
pub(super) fn admin_only(head: &BackupHead) -> bool {
    head.user_pool()["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"] == true
}

#[cfg(test)]
mod tests;
