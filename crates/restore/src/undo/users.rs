//! Making users who are there what they were, call by call.
//!
//! Who a user is says the `sub` alone, which is read right before the first call: a name may
//! belong to somebody else by now. Nobody gets a message: an address is put back together with its
//! verified flag, and one that was not verified, in a pool that verifies by itself, is left as it
//! is. Passwords and sessions are not touched, but for users of another pool whom the source has
//! confirmed since: they get one that nobody learns.

use cognito::{CognitoError, ErrorKind, Operation};
use compare::diff::MemberDifference;
use futures::stream::{self, StreamExt as _};
use model::UserPoolId;
use model::document::{UserRecord, UserStatus};
use model::observe::{Counted, Event};
use serde_json::{Map, Value, json};

use super::made_again::MadeAgain;
use super::people::{People, Work};
use super::remembered::UndoProgress;
use super::report::Left;
use crate::context::Restore;
use crate::error::{RestoreError, is_passing};
use crate::users::{Contact, look, random_password};

/// Users on their way at once; the pacer sees to the rate.
const AT_ONCE: usize = 64;

/// What all users have in common.
struct Circumstances<'a> {
    restore: &'a Restore<'a>,
    pool: &'a UserPoolId,
    /// The attributes that the pool verifies by itself.
    verified_by_pool: Vec<Contact>,
    made_again: &'a MadeAgain,
    /// Of passwords, which nobody learns.
    minimum_length: usize,
}

/// Carries out what is not done yet. False when the stop came first.
pub(super) async fn put_back(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    settings: &Value,
    people: &People,
    made_again: &MadeAgain,
    progress: &mut UndoProgress,
) -> Result<bool, RestoreError> {
    let circumstances = Circumstances {
        restore,
        pool,
        verified_by_pool: Contact::named_in(&settings["AutoVerifiedAttributes"]),
        made_again,
        minimum_length: settings
            .pointer("/Policies/PasswordPolicy/MinimumLength")
            .and_then(Value::as_u64)
            .and_then(|length| usize::try_from(length).ok())
            .unwrap_or_default(),
    };
    let total = people.work.len();
    let work = stream::iter(people.work.iter().skip(progress.users)).take_while(|_| {
        let goes_on = !restore.stop.is_requested();
        async move { goes_on }
    });
    // In order: whoever comes before a user who is done is done, too.
    let mut users = std::pin::pin!(
        work.map(|(username, work)| one(&circumstances, username, work))
            .buffered(AT_ONCE)
    );
    while let Some(result) = users.next().await {
        progress.left.extend(result?);
        progress.users += 1;
        restore.observer.event(Event::Progress {
            of_what: Counted::Users,
            done: progress.users as u64,
            total: Some(total as u64),
        });
    }
    Ok(progress.users >= total)
}

/// One user; gives what was left as it is.
async fn one(
    circumstances: &Circumstances<'_>,
    username: &str,
    work: &Work,
) -> Result<Vec<Left>, RestoreError> {
    let made_again = circumstances.made_again;
    let name = made_again.username_now(username);
    let name = name.as_str();
    let mut left = Vec::new();
    let mut leave = |member: &str, why: &str| {
        left.push(Left {
            item: format!("user {}", work.sub),
            member: member.to_owned(),
            why: why.to_owned(),
        });
    };
    let (restore, pool) = (circumstances.restore, circumstances.pool);
    let Some(seen) = look(restore, pool, name).await? else {
        leave("", "the user is not there any more");
        return Ok(left);
    };
    let is_same = seen.attribute("sub") == Some(made_again.sub_now(&work.sub).as_str());
    if !is_same && !work.is_replaced {
        leave("", "somebody else has the username by now");
        return Ok(left);
    }
    for (operation, members, about) in
        calls(work, &seen, &circumstances.verified_by_pool, &mut leave)
    {
        let mut request = json!({"UserPoolId": pool.as_str(), "Username": name});
        if let Value::Object(request) = &mut request {
            request.extend(members);
        }
        if operation == Operation::AdminSetUserPassword {
            let password = random_password(circumstances.minimum_length)?;
            request["Password"] = password.expose().into();
        }
        match restore.cognito.call(operation, &request).await {
            Ok(_) => {}
            Err(error) if ends_all(&error) => return Err(error.into()),
            Err(error) => leave(&about, &error.to_string()),
        }
    }
    Ok(left)
}

/// Whether other users would fare no better.
fn ends_all(error: &CognitoError) -> bool {
    is_passing(error) || matches!(error.kind, ErrorKind::NotAuthorized | ErrorKind::Quota)
}

type Call = (Operation, Map<String, Value>, String);

/// The calls for one user, in order; whether the user may sign in comes last.
fn calls(
    work: &Work,
    seen: &UserRecord,
    verified_by_pool: &[Contact],
    leave: &mut impl FnMut(&str, &str),
) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut call = |operation, members: Value, about: &str| {
        if let Value::Object(members) = members {
            calls.push((operation, members, about.to_owned()));
        }
    };
    let (set, deleted) = attributes(work, seen, verified_by_pool, leave);
    if !set.is_empty() {
        let about: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
        let about = about.join(", ");
        let set: Vec<Value> = set
            .iter()
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect();
        let members = json!({"UserAttributes": set});
        call(Operation::AdminUpdateUserAttributes, members, &about);
    }
    if !deleted.is_empty() {
        let members = json!({"UserAttributeNames": deleted});
        let about = deleted.join(", ");
        call(Operation::AdminDeleteUserAttributes, members, &about);
    }
    let is_confirmed = matches!(
        seen.status,
        UserStatus::Confirmed | UserStatus::ResetRequired
    );
    if member(work, "UserStatus").is_some() && !is_confirmed {
        let members = json!({"Permanent": true});
        call(Operation::AdminSetUserPassword, members, "UserStatus");
    }
    if let Some(preference) = mfa_preference(work, seen) {
        call(Operation::AdminSetUserMFAPreference, preference, "MFA");
    }
    for group in &work.join {
        let members = json!({"GroupName": group});
        call(Operation::AdminAddUserToGroup, members, group);
    }
    for group in &work.leave {
        let members = json!({"GroupName": group});
        call(Operation::AdminRemoveUserFromGroup, members, group);
    }
    let enabled = member(work, "Enabled").and_then(|enabled| enabled.first.as_deref());
    match enabled {
        _ if work.disable && seen.enabled => {
            call(Operation::AdminDisableUser, json!({}), "Enabled")
        }
        Some("true") if !seen.enabled => call(Operation::AdminEnableUser, json!({}), "Enabled"),
        Some("false") if seen.enabled => call(Operation::AdminDisableUser, json!({}), "Enabled"),
        _ => {}
    }
    calls
}

fn member<'w>(work: &'w Work, name: &str) -> Option<&'w MemberDifference> {
    work.members.iter().find(|member| member.member == name)
}

/// The attributes to set, and those to delete. An address goes with its verified flag in one call:
/// verified, Cognito sends no code (facts C.1). One that was not verified would get a code from a
/// pool that verifies it by itself.
fn attributes(
    work: &Work,
    seen: &UserRecord,
    verified_by_pool: &[Contact],
    leave: &mut impl FnMut(&str, &str),
) -> (Vec<(String, String)>, Vec<String>) {
    let (mut set, mut deleted) = (Vec::new(), Vec::new());
    for contact in Contact::ALL {
        let (name, flag) = (contact.attribute(), contact.verified());
        let was_verified = match member(work, flag) {
            Some(member) => member.first.as_deref() == Some("true"),
            None => seen.attribute(flag) == Some("true"),
        };
        match member(work, name).map(|member| member.first.as_deref()) {
            Some(None) => deleted.push(name.to_owned()),
            Some(Some(_)) if !was_verified && verified_by_pool.contains(&contact) => {
                let why = "it was not verified, and the pool would send a code to it";
                leave(name, why);
                if member(work, flag).is_some() {
                    leave(flag, why);
                }
            }
            Some(Some(address)) => {
                if seen.attribute(name) != Some(address) {
                    set.push((name.to_owned(), address.to_owned()));
                }
                set.push((flag.to_owned(), was_verified.to_string()));
            }
            None if member(work, flag).is_some() => {
                set.push((flag.to_owned(), was_verified.to_string()));
            }
            None => {}
        }
    }
    let is_contact = |name: &str| {
        let contacts = Contact::ALL.iter();
        contacts
            .into_iter()
            .any(|contact| contact.attribute() == name || contact.verified() == name)
    };
    for member in &work.members {
        let name = member.member.as_str();
        let is_attribute = !matches!(
            name,
            "Enabled" | "UserStatus" | "UserMFASettingList" | "PreferredMfaSetting"
        );
        if !is_attribute || is_contact(name) {
            continue;
        }
        match &member.first {
            Some(value) if seen.attribute(name) != Some(value) => {
                set.push((name.to_owned(), value.clone()));
            }
            None if seen.attribute(name).is_some() => deleted.push(name.to_owned()),
            _ => {}
        }
    }
    (set, deleted)
}

/// The second factors as they were: SMS and e-mail on or off, an authenticator app only on, for the
/// user may have registered it since.
fn mfa_preference(work: &Work, seen: &UserRecord) -> Option<Value> {
    let (factors, preferred) = (
        member(work, "UserMFASettingList"),
        member(work, "PreferredMfaSetting"),
    );
    if factors.is_none() && preferred.is_none() {
        return None;
    }
    let now = seen.mfa_settings.clone().unwrap_or_default();
    let then: Vec<String> = match factors {
        Some(member) => {
            let list = member.first.as_deref().unwrap_or_default().split(',');
            list.filter(|factor| !factor.is_empty())
                .map(str::to_owned)
                .collect()
        }
        None => now.clone(),
    };
    let preferred = match preferred {
        Some(member) => member.first.clone(),
        None => seen.preferred_mfa.clone(),
    };
    let mut request = Map::new();
    for (factor, name) in [
        ("SMS_MFA", "SMSMfaSettings"),
        ("EMAIL_OTP", "EmailMfaSettings"),
        ("SOFTWARE_TOKEN_MFA", "SoftwareTokenMfaSettings"),
    ] {
        let was_on = then.iter().any(|known| known == factor);
        let is_on = now.iter().any(|known| known == factor);
        let stays = factor == "SOFTWARE_TOKEN_MFA" && !was_on;
        if (was_on || is_on) && !stays {
            let is_preferred = was_on && preferred.as_deref() == Some(factor);
            let settings = json!({"Enabled": was_on, "PreferredMfa": is_preferred});
            request.insert(name.to_owned(), settings);
        }
    }
    (!request.is_empty()).then_some(Value::Object(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(value: Value) -> UserRecord {
        let mut value = value;
        value["Username"] = "ann".into();
        serde_json::from_value(value).unwrap()
    }

    fn work(members: &[(&str, Option<&str>)]) -> Work {
        let members = members.iter().map(|(member, first)| MemberDifference {
            member: (*member).to_owned(),
            first: first.map(str::to_owned),
            second: None,
        });
        Work {
            members: members.collect(),
            ..Work::default()
        }
    }

    fn names(work: &Work, seen: &UserRecord, verified: &[Contact]) -> (Vec<Value>, Vec<String>) {
        let mut left = Vec::new();
        let found = calls(work, seen, verified, &mut |member: &str, _: &str| {
            left.push(member.to_owned());
        });
        let found = found
            .into_iter()
            .map(|(operation, members, _)| json!([operation.name(), members]));
        (found.collect(), left)
    }

    #[test]
    fn a_verified_address_is_put_back_with_its_flag_in_one_call() {
        let there = seen(json!({"Attributes": [
            {"Name": "email", "Value": "new@x"}, {"Name": "email_verified", "Value": "true"},
        ]}));
        let work = work(&[("email", Some("old@x"))]);
        let (calls, left) = names(&work, &there, &[Contact::Email]);
        assert_eq!(
            calls,
            [json!(["AdminUpdateUserAttributes", {"UserAttributes": [
                {"Name": "email", "Value": "old@x"}, {"Name": "email_verified", "Value": "true"},
            ]}])]
        );
        assert!(left.is_empty());
    }

    #[test]
    fn an_address_that_would_get_a_code_is_left() {
        let there = seen(json!({"Attributes": [
            {"Name": "email", "Value": "new@x"}, {"Name": "email_verified", "Value": "true"},
        ]}));
        let work = work(&[("email", Some("old@x")), ("email_verified", None)]);
        let (calls, left) = names(&work, &there, &[Contact::Email]);
        assert!(calls.is_empty());
        assert_eq!(left, ["email", "email_verified"]);
        let (calls, left) = names(&work, &there, &[]);
        assert_eq!(calls.len(), 1);
        assert!(left.is_empty());
    }

    #[test]
    fn what_was_added_is_deleted_and_what_is_so_already_is_not_sent() {
        let there = seen(json!({"Enabled": true, "Attributes": [
            {"Name": "nickname", "Value": "x"}, {"Name": "name", "Value": "Ann"},
        ]}));
        let work = work(&[
            ("nickname", None),
            ("name", Some("Ann")),
            ("locale", None),
            ("Enabled", Some("true")),
        ]);
        let (calls, _) = names(&work, &there, &[]);
        assert_eq!(
            calls,
            [json!(["AdminDeleteUserAttributes", {"UserAttributeNames": ["nickname"]}])]
        );
    }

    #[test]
    fn an_authenticator_app_that_was_registered_since_stays() {
        let there = seen(json!({
            "UserMFASettingList": ["SOFTWARE_TOKEN_MFA", "EMAIL_OTP"],
            "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
        }));
        let work = work(&[
            ("UserMFASettingList", Some("SMS_MFA")),
            ("PreferredMfaSetting", Some("SMS_MFA")),
        ]);
        let (calls, _) = names(&work, &there, &[]);
        assert_eq!(
            calls,
            [json!(["AdminSetUserMFAPreference", {
                "SMSMfaSettings": {"Enabled": true, "PreferredMfa": true},
                "EmailMfaSettings": {"Enabled": false, "PreferredMfa": false},
            }])]
        );
    }

    #[test]
    fn whether_a_user_may_sign_in_comes_last() {
        let there = seen(json!({"Enabled": false, "Attributes": []}));
        let mut work = work(&[("Enabled", Some("true")), ("name", Some("Ann"))]);
        work.join = vec!["staff".into()];
        let (calls, _) = names(&work, &there, &[]);
        let names: Vec<&str> = calls.iter().filter_map(|call| call[0].as_str()).collect();
        assert_eq!(
            names,
            [
                "AdminUpdateUserAttributes",
                "AdminAddUserToGroup",
                "AdminEnableUser"
            ]
        );
    }
}
