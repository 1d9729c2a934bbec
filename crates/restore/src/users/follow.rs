//! What follows the creation of a user, call by call, and the row of the user map.

use std::time::Duration;

use cognito::{CognitoError, Operation};
use model::Secret;
use model::document::{LinkedIdentity, UserRecord};
use model::restore::{UserCounts, UserEntry};
use serde_json::{Value, json};

use super::attributes::Attributes;
use super::decide::{UserNews, UserPlan, Way, old_sub};
use super::ledger::Made;
use super::make::{Maker, NewUser, about_one_user};
use super::password;
use super::passwords::Passwords;
use crate::error::RestoreError;
use crate::once::{self, Second};

/// Cognito takes ten writes a second for one user (facts E). Those that every user has fit into
/// that; many groups, at a moment when the quota of the account is free, would not.
const BETWEEN_WRITES: Duration = Duration::from_millis(125);
/// So many memberships still fit.
const UNPACED_GROUPS: usize = 3;

impl Maker<'_> {
    /// Brings a user that is in the pool to what it was: password, attributes, groups, links,
    /// MFA preference, and disabled last (facts B.3). Each call changes nothing when it was made
    /// before.
    ///
    /// # Errors
    /// [`RestoreError`] when the restore cannot go on.
    pub(super) async fn follow_up(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
        user: &NewUser,
        groups: impl Iterator<Item = &str>,
    ) -> Result<Made, RestoreError> {
        let mut news = UserNews::about(record);
        news.findings = [&plan.findings[..], &user.findings].concat();
        let mut counts = UserCounts {
            seen: 1,
            restored: 1,
            can_reset_password: u64::from(plan.can_reset_password == Some(true)),
            cannot_reset_password: u64::from(plan.can_reset_password == Some(false)),
            lost_totp: u64::from(plan.lost_totp),
            mfa_not_read: u64::from(plan.mfa_not_read),
            ..UserCounts::default()
        };
        let known = match &self.restore.settings.passwords {
            Passwords::Unknown => false,
            Passwords::OneForAll(_) | Passwords::ForEach(_) => true,
            Passwords::Invitation => {
                plan.invite_by.is_some() && !plan.disable && !user.unknown_password
            }
        };
        let mut temporary = (plan.way == Way::TemporaryPassword && !known) || user.temporary;
        if matches!(plan.way, Way::PermanentPassword | Way::ImportConfirmed)
            && !user.confirmed
            && let Err(error) = self
                .set_password(user, &password::random(self.pool.minimum_length)?, true)
                .await?
        {
            let reason = format!("came back as FORCE_CHANGE_PASSWORD: {error}");
            news.degraded("UserStatus", &reason);
            temporary = true;
        }
        if temporary {
            counts.temporary_password = 1;
            counts.can_reset_password = 0;
            // Whom no invitation reaches.
            counts.cannot_reset_password = u64::from(plan.invite_by.is_none());
        }
        self.set_attributes(user, &user.missing, &mut news).await?;
        let mut pause = tokio::time::interval(BETWEEN_WRITES);
        pause.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        for (number, group) in groups.enumerate() {
            if number >= UNPACED_GROUPS {
                pause.tick().await;
            }
            counts.memberships += u64::from(self.join(user, group, &mut news).await?);
        }
        for identity in &plan.links {
            counts.links += u64::from(self.link(user, identity, &mut news).await?);
        }
        if !plan.mfa.is_empty() {
            counts.mfa_preferences += u64::from(self.prefer(user, plan, &mut news).await?);
        }
        if plan.disable {
            counts.disabled += u64::from(user.disabled || self.disable(user, &mut news).await?);
        }
        Ok(Made {
            entry: Some(UserEntry {
                old_sub: old_sub(record),
                old_username: record.username.clone(),
                new_sub: user.sub.clone(),
                new_username: model::Username::new(user.username.as_str()),
            }),
            counts,
            findings: news.findings,
            invitation: plan
                .invite_by
                .filter(|_| temporary && !plan.disable)
                .map(|medium| self.invitation(plan, medium)),
            ..Made::default()
        })
    }

    /// The request that sends the user a new temporary password (facts C.1): JSON, which no shell
    /// and no argument of the AWS CLI takes for anything else.
    fn invitation(&self, plan: &UserPlan, medium: &str) -> String {
        let request = json!({
            "UserPoolId": self.target.as_str(),
            "Username": plan.sign_in,
            "MessageAction": "RESEND",
            "DesiredDeliveryMediums": [medium],
        });
        request.to_string()
    }

    /// Sets a password, for good or until the first sign-in.
    pub(super) async fn set_password(
        &self,
        user: &NewUser,
        password: &Secret,
        permanent: bool,
    ) -> Result<Result<Value, CognitoError>, RestoreError> {
        let members = json!({"Password": password.expose(), "Permanent": permanent});
        self.call(Operation::AdminSetUserPassword, user, members)
            .await
    }

    /// Sets attributes in one call or, when that is refused, one by one.
    async fn set_attributes(
        &self,
        user: &NewUser,
        attributes: &Attributes,
        news: &mut UserNews,
    ) -> Result<(), RestoreError> {
        if attributes.is_empty() {
            return Ok(());
        }
        let operation = Operation::AdminUpdateUserAttributes;
        let members = json!({"UserAttributes": attributes.to_request()});
        if self.call(operation, user, members).await?.is_ok() {
            return Ok(());
        }
        for (name, value) in attributes.iter() {
            let members = json!({"UserAttributes": [{"Name": name, "Value": value}]});
            if let Err(error) = self.call(operation, user, members).await? {
                news.degraded(name, &error.to_string());
            }
        }
        Ok(())
    }

    /// Makes the user a member; true if that worked.
    pub(super) async fn join(
        &self,
        user: &NewUser,
        group: &str,
        news: &mut UserNews,
    ) -> Result<bool, RestoreError> {
        let operation = Operation::AdminAddUserToGroup;
        let members = json!({"GroupName": group});
        match self.call(operation, user, members).await? {
            Ok(_) => Ok(true),
            Err(error) => {
                news.not_a_member(group, &error.to_string());
                Ok(false)
            }
        }
    }

    pub(super) async fn link(
        &self,
        user: &NewUser,
        identity: &LinkedIdentity,
        news: &mut UserNews,
    ) -> Result<bool, RestoreError> {
        if user.has(identity) {
            return Ok(true);
        }
        let request = json!({
            "UserPoolId": self.target.as_str(),
            "DestinationUser": {"ProviderName": "Cognito", "ProviderAttributeValue": user.username},
            "SourceUser": {
                "ProviderName": identity.provider_name,
                // The only name that social providers are linked by (facts C.3).
                "ProviderAttributeName": "Cognito_Subject",
                "ProviderAttributeValue": identity.user_id,
            },
        });
        let operation = Operation::AdminLinkProviderForUser;
        let look = async || {
            let links = self.identities(&user.username).await?;
            Ok::<_, RestoreError>(is_among(identity, &links).then_some(Value::Null))
        };
        match once::create(self.restore, operation, &request, Second::Refuses, look).await {
            Ok(_) => Ok(true),
            Err(error) => {
                let error = about_one_user(error.into_cognito()?)?;
                let provider = &identity.provider_name;
                let reason = format!("the link to {provider} was not made: {error}");
                news.degraded("identities", &reason);
                Ok(false)
            }
        }
    }

    async fn prefer(
        &self,
        user: &NewUser,
        plan: &UserPlan,
        news: &mut UserNews,
    ) -> Result<bool, RestoreError> {
        let operation = Operation::AdminSetUserMFAPreference;
        let members = Value::Object(plan.mfa.clone());
        match self.call(operation, user, members).await? {
            Ok(_) => Ok(true),
            Err(error) => {
                let reason = error.to_string();
                news.degraded_in(&["UserMFASettingList", "PreferredMfaSetting"], &reason);
                Ok(false)
            }
        }
    }

    async fn disable(&self, user: &NewUser, news: &mut UserNews) -> Result<bool, RestoreError> {
        let operation = Operation::AdminDisableUser;
        match self.call(operation, user, json!({})).await? {
            Ok(_) => Ok(true),
            Err(error) => {
                let reason = format!("came back enabled: {error}");
                news.degraded("Enabled", &reason);
                Ok(false)
            }
        }
    }

    /// Calls an operation on the user. The inner error is about this user alone.
    async fn call(
        &self,
        operation: Operation,
        user: &NewUser,
        mut members: Value,
    ) -> Result<Result<Value, CognitoError>, RestoreError> {
        members["UserPoolId"] = self.target.as_str().into();
        members["Username"] = user.username.as_str().into();
        match self.restore.cognito.call(operation, &members).await {
            Ok(answer) => Ok(Ok(answer)),
            Err(error) => about_one_user(error).map(Err),
        }
    }
}

impl NewUser {
    /// Whether the user is linked to this identity already.
    pub(super) fn has(&self, identity: &LinkedIdentity) -> bool {
        is_among(identity, &self.identities)
    }
}

fn is_among(identity: &LinkedIdentity, links: &[LinkedIdentity]) -> bool {
    links.iter().any(|link| {
        link.provider_name == identity.provider_name && link.user_id == identity.user_id
    })
}
