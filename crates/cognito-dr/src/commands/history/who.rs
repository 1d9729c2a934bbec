//! Who called what, as CloudTrail tells (facts F).
//!
//! The event history of an account and Region holds management events of 90 days, whether there is
//! a trail or not, and is asked for by one attribute at a time, at two requests a second.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use jiff::{SignedDuration, Timestamp};
use model::change::ChangeSummary;
use model::inventory::Section;
use model::{Sub, UserPoolId};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// CloudTrail takes two requests of LookupEvents a second, of an account in a Region.
const PACE: Duration = Duration::from_millis(550);
/// How long events are there.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many pages of 50 events are read of one name between two backups.
const PAGES: usize = 20;
/// How long reading a pool may take that the later backup was made of: what was changed meanwhile
/// may be in it.
const READING: SignedDuration = SignedDuration::from_mins(15);

pub(super) const USERS_MADE: &[&str] = &["AdminCreateUser", "SignUp", "StartUserImportJob"];
pub(super) const USERS_GONE: &[&str] = &["AdminDeleteUser", "DeleteUser"];
pub(super) const USERS_ENABLED_OR_DISABLED: &[&str] = &["AdminDisableUser", "AdminEnableUser"];
pub(super) const USERS_CHANGED: &[&str] = &[
    "AdminUpdateUserAttributes",
    "AdminDeleteUserAttributes",
    "UpdateUserAttributes",
    "DeleteUserAttributes",
    "VerifyUserAttribute",
    "AdminConfirmSignUp",
    "ConfirmSignUp",
    "AdminSetUserPassword",
    "AdminResetUserPassword",
    "AdminSetUserMFAPreference",
    "SetUserMFAPreference",
    "AdminLinkProviderForUser",
    "AdminDisableProviderForUser",
];
pub(super) const MEMBERSHIPS: &[&str] = &["AdminAddUserToGroup", "AdminRemoveUserFromGroup"];

/// The calls that change what a section holds.
fn events_of_section(section: Section) -> &'static [&'static str] {
    match section {
        Section::UserPoolConfig => &[
            "UpdateUserPool",
            "AddCustomAttributes",
            "SetUserPoolMfaConfig",
        ],
        Section::MfaConfiguration => &["SetUserPoolMfaConfig", "UpdateUserPool"],
        Section::Tags => &["TagResource", "UntagResource", "UpdateUserPool"],
        Section::AppClients => &[
            "CreateUserPoolClient",
            "UpdateUserPoolClient",
            "DeleteUserPoolClient",
        ],
        Section::ClientSecrets => &["AddUserPoolClientSecret", "DeleteUserPoolClientSecret"],
        Section::Groups => &["CreateGroup", "UpdateGroup", "DeleteGroup"],
        Section::IdentityProviders => &[
            "CreateIdentityProvider",
            "UpdateIdentityProvider",
            "DeleteIdentityProvider",
        ],
        Section::ResourceServers => &[
            "CreateResourceServer",
            "UpdateResourceServer",
            "DeleteResourceServer",
        ],
        Section::UserPoolDomain | Section::CustomDomain => &[
            "CreateUserPoolDomain",
            "UpdateUserPoolDomain",
            "DeleteUserPoolDomain",
        ],
        Section::UiCustomization | Section::ClientUiCustomizations | Section::UiImages => {
            &["SetUICustomization"]
        }
        Section::ManagedLoginBranding => &[
            "CreateManagedLoginBranding",
            "UpdateManagedLoginBranding",
            "DeleteManagedLoginBranding",
        ],
        Section::Terms => &["CreateTerms", "UpdateTerms", "DeleteTerms"],
        Section::RiskConfiguration | Section::ClientRiskConfigurations => &["SetRiskConfiguration"],
        Section::LogDeliveryConfiguration => &["SetLogDeliveryConfiguration"],
        Section::WafConfiguration => &["AssociateWebACL", "DisassociateWebACL"],
        Section::SessionConfiguration => &["SetUserPoolSessionConfiguration"],
        Section::ClientSessionConfigurations => &["SetUserPoolClientSessionConfiguration"],
        _ => &[],
    }
}

/// The calls that change what stands at these paths.
pub(super) fn events_of_paths<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'static str> {
    let sections = paths.filter_map(|path| Section::of_member(path.split('/').next()?));
    let mut events: Vec<&str> = sections
        .flat_map(|section| events_of_section(section).iter().copied())
        .collect();
    events.sort_unstable();
    events.dedup();
    events
}

/// The calls that may have made a change.
pub(super) fn events_of(summary: &ChangeSummary) -> Vec<&'static str> {
    let (users, memberships, settings) = (&summary.users, &summary.memberships, &summary.settings);
    let paths = [&settings.added, &settings.removed, &settings.changed];
    let mut events = events_of_paths(paths.into_iter().flatten().map(String::as_str));
    let changed_otherwise = users.changed.saturating_sub(users.disabled + users.enabled);
    for (count, names) in [
        (users.made + users.recreated, USERS_MADE),
        (users.gone + users.recreated, USERS_GONE),
        (users.disabled + users.enabled, USERS_ENABLED_OR_DISABLED),
        (changed_otherwise, USERS_CHANGED),
        (memberships.made + memberships.gone, MEMBERSHIPS),
    ] {
        if count > 0 {
            events.extend_from_slice(names);
        }
    }
    events
}

/// The time between two backups.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// Who made the calls that fit a change.
#[derive(Debug, Default, Serialize)]
pub(super) struct Who {
    pub(super) events: Vec<Caller>,
    /// There are more events than were read.
    pub(super) more: bool,
    /// Why nothing is known.
    pub(super) problem: Option<String>,
}

/// Calls of one name by one principal.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Caller {
    pub(super) event: String,
    pub(super) principal: String,
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

/// The event history of a pool's account and Region.
pub(super) struct Trail {
    client: Client,
    pool: UserPoolId,
    pace: Interval,
    /// Why it cannot be asked.
    refused: Option<String>,
}

impl Trail {
    pub(super) fn new(aws: &SdkConfig, pool: &UserPoolId) -> Self {
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            client: Client::new(aws),
            pool: pool.clone(),
            pace,
            refused: None,
        }
    }

    /// Who called these operations on the pool, of one user where a `sub` is given.
    pub(super) async fn who(&mut self, window: Window, names: &[&str], sub: Option<&Sub>) -> Who {
        if Timestamp::now().duration_since(window.until) > KEPT {
            let problem = "CloudTrail shows the last 90 days".to_owned();
            return Who {
                problem: Some(problem),
                ..Who::default()
            };
        }
        let mut callers: BTreeMap<(String, String), Caller> = BTreeMap::new();
        let mut more = false;
        for name in names {
            if self.refused.is_none() {
                match self.lookup(window, name).await {
                    Ok((events, are_more)) => {
                        more |= are_more;
                        let fitting = events.iter().filter_map(|event| self.call(event, sub));
                        for (principal, at) in fitting.collect::<Vec<_>>() {
                            let caller = callers
                                .entry(((*name).to_owned(), principal.clone()))
                                .or_insert_with(|| Caller {
                                    event: (*name).to_owned(),
                                    principal,
                                    count: 0,
                                    first: at,
                                    last: at,
                                });
                            caller.count += 1;
                            caller.first = caller.first.min(at);
                            caller.last = caller.last.max(at);
                        }
                    }
                    Err(problem) => self.refused = Some(problem),
                }
            }
        }
        Who {
            events: callers.into_values().collect(),
            more,
            problem: self.refused.clone(),
        }
    }

    /// The events of one name, and whether there are more.
    async fn lookup(&mut self, window: Window, name: &str) -> Result<(Vec<Event>, bool), String> {
        let attribute = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::EventName)
            .attribute_value(name)
            .build()
            .map_err(|error| error.to_string())?;
        let until = window.until + READING;
        let mut events = Vec::new();
        let mut token = None;
        for _ in 0..PAGES {
            self.pace.tick().await;
            let request = self.client.lookup_events();
            let request = request
                .lookup_attributes(attribute.clone())
                .start_time(DateTime::from_secs(window.from.as_second()))
                .end_time(DateTime::from_secs(until.as_second()))
                .max_results(50)
                .set_next_token(token.take());
            let answer =
                request
                    .send()
                    .await
                    .map_err(|error| match (error.code(), error.message()) {
                        (Some(code), _) if code.contains("AccessDenied") => {
                            "not allowed to ask CloudTrail (cloudtrail:LookupEvents)".to_owned()
                        }
                        (Some(code), Some(message)) => format!("CloudTrail: {code}: {message}"),
                        _ => format!("CloudTrail: {}", DisplayErrorContext(&error)),
                    })?;
            events.extend(answer.events.unwrap_or_default());
            token = answer.next_token;
            if token.is_none() {
                return Ok((events, false));
            }
        }
        Ok((events, true))
    }

    /// Who made a call, and when, if it was one on the pool that succeeded.
    fn call(&self, event: &Event, sub: Option<&Sub>) -> Option<(String, Timestamp)> {
        let record: Value = serde_json::from_str(event.cloud_trail_event()?).ok()?;
        if !record["errorCode"].is_null() || !mentions(&record, self.pool.as_str()) {
            return None;
        }
        if let Some(sub) = sub
            && record["additionalEventData"]["sub"] != sub.as_str()
        {
            return None;
        }
        let at = record["eventTime"].as_str()?.parse().ok()?;
        Some((principal(&record["userIdentity"]), at))
    }
}

/// Whether the id of the pool stands in a record, by itself or as the end of an ARN: which member
/// holds it is not documented of every call (facts F).
fn mentions(value: &Value, pool: &str) -> bool {
    match value {
        Value::String(text) => text == pool || text.ends_with(&format!("/{pool}")),
        Value::Array(elements) => elements.iter().any(|element| mentions(element, pool)),
        Value::Object(members) => members.values().any(|member| mentions(member, pool)),
        _ => false,
    }
}

/// The role or user; what kind of caller it was, where neither is told, as of users who sign in.
fn principal(identity: &Value) -> String {
    let session = &identity["sessionContext"]["sessionIssuer"]["arn"];
    let candidates = [
        &identity["arn"],
        session,
        &identity["invokedBy"],
        &identity["principalId"],
        &identity["type"],
    ];
    let mut named = candidates.into_iter().filter_map(Value::as_str);
    named.next().unwrap_or("not told").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_section_that_can_be_changed_has_calls_that_change_it() {
        let without: Vec<Section> = Section::at_the_head()
            .filter(|section| events_of_section(*section).is_empty())
            .collect();
        assert_eq!(without, [Section::Replicas, Section::SigningCertificate]);
    }

    #[test]
    fn a_record_is_about_a_pool_wherever_its_id_stands() {
        for (record, expected) in [
            (
                json!({"requestParameters": {"userPoolId": "us-east-1_A"}}),
                true,
            ),
            (
                json!({"requestParameters": {"resourceArn": "arn:aws:cognito-idp:us-east-1:1:userpool/us-east-1_A"}}),
                true,
            ),
            (
                json!({"additionalEventData": {"userPoolId": "us-east-1_A"}}),
                true,
            ),
            (
                json!({"requestParameters": {"userPoolId": "us-east-1_AB"}}),
                false,
            ),
        ] {
            assert_eq!(mentions(&record, "us-east-1_A"), expected, "{record}");
        }
    }
}
