//! Making one user: the creating call, and the look at who is there when it does not answer or
//! says that somebody is.

use cognito::{CognitoError, ErrorKind, Operation};
use model::UserPoolId;
use model::document::{LinkedIdentity, UserRecord, UserStatus};
use model::restore::{Finding, FindingKind};
use serde_json::{Value, json};

use super::attributes::Attributes;
use super::decide::{UserNews, UserPlan, Way, old_sub};
use super::identity::{Identities, Proof, is_no_flag_set};
use super::passwords::FirstPassword;
use super::pool::{Contact, TargetPool};
use super::sign_up::{SignUpClient, is_barred};
use crate::context::Restore;
use crate::error::RestoreError;
use crate::once::{self, Second};

/// Why a user was not made, whatever else is the same.
pub(super) const NAME_IS_TAKEN: &str = "the pool has another user of that name or address, who was given nothing: only the same sub, or having been made by this restore, proves who somebody is. If it is the same person, give back groups and attributes by hand; if not, free the name and restore this user again";
const ALIAS_IS_TAKEN: &str = "another user of the pool holds the same e-mail address, phone number or preferred username as an alias";
const SIGN_UP_UNCERTAIN: &str = "came back as FORCE_CHANGE_PASSWORD instead of UNCONFIRMED: the answer to the sign-up was lost, and somebody else may have made the user that was found";

/// What users are made with.
pub(super) struct Maker<'a> {
    pub(super) restore: &'a Restore<'a>,
    pub(super) target: &'a UserPoolId,
    pub(super) pool: &'a TargetPool,
    pub(super) sign_up: SignUpClient<'a>,
    pub(super) identities: Identities<'a>,
}

/// A user that is in the new pool, and what is known of it.
#[derive(Debug, Clone, Default)]
pub(super) struct NewUser {
    pub(super) username: String,
    pub(super) sub: String,
    /// Attributes that are still to be set.
    pub(super) missing: Attributes,
    /// Whether the password is set for good already.
    pub(super) confirmed: bool,
    /// Whether the user has a temporary password that the plan did not mean.
    pub(super) temporary: bool,
    /// Whether the temporary password is one that nobody knows, although the plan means another.
    pub(super) unknown_password: bool,
    /// Whether the user is disabled already.
    pub(super) disabled: bool,
    pub(super) identities: Vec<LinkedIdentity>,
    /// What is to be told of how it was made.
    pub(super) findings: Vec<Finding>,
}

/// What became of a creation.
pub(super) enum Creation {
    There(NewUser),
    /// The user was not made, for this reason.
    NotMade(Finding),
}

impl Maker<'_> {
    /// Makes a user, or finds that an earlier call made it; either way it is on record then.
    ///
    /// # Errors
    /// [`RestoreError`] when the restore cannot go on; news about this user alone is a
    /// [`Creation::NotMade`].
    pub(super) async fn create(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
    ) -> Result<Creation, RestoreError> {
        let creation = self.create_or_find(record, plan).await?;
        if let Creation::There(user) = &creation {
            let register = &self.identities.register;
            register.enter(&old_sub(record), &user.sub).await?;
        }
        Ok(creation)
    }

    async fn create_or_find(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
    ) -> Result<Creation, RestoreError> {
        let password = match self.first_password(record, plan).await? {
            Ok(password) => password,
            Err(reason) => return Ok(not_made(record, reason)),
        };
        let error = match self.create_with(plan, &plan.attributes, &password).await? {
            Ok(mut user) => {
                user.missing = plan.later.clone();
                return Ok(Creation::There(user));
            }
            Err(error) => error,
        };
        let mut essential = plan.attributes.clone();
        let others = essential.take(|name| !self.is_essential(name));
        match error.kind {
            kind
                // Cognito may have made the user before it noticed that it cannot send.
                if kind == ErrorKind::AlreadyExists
                    || error.code == "CodeDeliveryFailureException" =>
            {
                self.whose(record, plan, &essential, &password, &error)
                    .await
            }
            // The password is at fault, not an attribute.
            ErrorKind::Refused if error.code == "InvalidPasswordException" => {
                Ok(not_made(record, &error.to_string()))
            }
            // A value that was taken once may be refused today (facts C.1). Rather without it
            // than not at all: the rest is added one by one, and what is refused is reported.
            ErrorKind::Refused if !others.is_empty() => {
                match self.create_with(plan, &essential, &password).await? {
                    Ok(mut user) => {
                        user.missing = plan.later.clone();
                        for (name, value) in others.iter() {
                            user.missing.insert(name, value);
                        }
                        Ok(Creation::There(user))
                    }
                    Err(again) if again.is(ErrorKind::AlreadyExists) => {
                        self.whose(record, plan, &essential, &password, &again)
                            .await
                    }
                    Err(_) => Ok(not_made(record, &error.to_string())),
                }
            }
            _ => Ok(not_made(record, &error.to_string())),
        }
    }

    /// Sends the creation until it is known what became of it. The inner error is about this
    /// user alone.
    async fn create_with(
        &self,
        plan: &UserPlan,
        attributes: &Attributes,
        password: &FirstPassword,
    ) -> Result<Result<NewUser, CognitoError>, RestoreError> {
        let made = match plan.way {
            Way::SignUp => self.sign_up(plan, attributes, password).await,
            _ => self.admin_create(plan, attributes, password).await,
        };
        match made {
            Ok(user) => Ok(Ok(user)),
            // About all sign-ups.
            Err(RestoreError::Cognito(error)) if is_barred(&error) => Err(error.into()),
            Err(error) => about_one_user(error.into_cognito()?).map(Err),
        }
    }

    /// Calls a creation. When somebody is there after a lost answer, it is an error that says
    /// so: whether it is this user is decided where all such are.
    async fn create_once(
        &self,
        operation: Operation,
        request: &Value,
        name: &str,
    ) -> Result<Value, RestoreError> {
        let look = async || {
            if self.look(name).await?.is_none() {
                return Ok(None);
            }
            Err(RestoreError::Cognito(CognitoError {
                operation,
                kind: ErrorKind::AlreadyExists,
                code: "UsernameExistsException".into(),
                message: "the answer was lost, and there is such a user".into(),
            }))
        };
        once::create(self.restore, operation, request, Second::Refuses, look).await
    }

    async fn admin_create(
        &self,
        plan: &UserPlan,
        attributes: &Attributes,
        password: &FirstPassword,
    ) -> Result<NewUser, RestoreError> {
        let mut request = json!({
            "UserPoolId": self.target.as_str(),
            "Username": plan.sign_in,
            "UserAttributes": attributes.to_request(),
            // Without one, users of pools with passwordless sign-in would have none (facts C.1).
            "TemporaryPassword": password.secret.expose(),
            // An alias is never taken away from another user (facts C.1).
            "ForceAliasCreation": false,
        });
        match password.invite_by {
            Some(medium) => request["DesiredDeliveryMediums"] = json!([medium]),
            // Without it, the user would get an invitation (facts C.1).
            None => request["MessageAction"] = "SUPPRESS".into(),
        }
        let operation = Operation::AdminCreateUser;
        let answer = self.create_once(operation, &request, &plan.sign_in).await?;
        let user = &answer["User"];
        let sub = user["Attributes"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|attribute| attribute["Name"] == "sub")
            .and_then(|attribute| attribute["Value"].as_str());
        let (Some(username), Some(sub)) = (user["Username"].as_str(), sub) else {
            return Err(CognitoError::unexpected_answer(operation, "User").into());
        };
        Ok(NewUser {
            username: username.to_owned(),
            sub: sub.to_owned(),
            ..NewUser::default()
        })
    }

    async fn sign_up(
        &self,
        plan: &UserPlan,
        attributes: &Attributes,
        password: &FirstPassword,
    ) -> Result<NewUser, RestoreError> {
        let request = json!({
            "ClientId": self.sign_up.id(self.pool).await?,
            "Username": plan.sign_in,
            "Password": password.secret.expose(),
            "UserAttributes": attributes.to_request(),
        });
        let operation = Operation::SignUp;
        let send = async || self.create_once(operation, &request, &plan.sign_in).await;
        let answer = self.sign_up.let_in(send).await?;
        let sub = answer["UserSub"]
            .as_str()
            .ok_or_else(|| CognitoError::unexpected_answer(operation, "UserSub"))?;
        // Where contacts stand in for usernames, the username is the sub (facts C.1).
        let own_name = self.pool.username_attributes.is_empty();
        Ok(NewUser {
            username: if own_name { plan.sign_in.as_str() } else { sub }.to_owned(),
            sub: sub.to_owned(),
            ..NewUser::default()
        })
    }

    /// Whether the user that is in the way is this very one, made by a call whose answer was
    /// lost or by an invocation that died.
    async fn whose(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
        essential: &Attributes,
        password: &FirstPassword,
        error: &CognitoError,
    ) -> Result<Creation, RestoreError> {
        let proved = self.look(&plan.sign_in).await?.and_then(|seen| {
            let proof = self.identities.proof(record, &seen, plan, essential)?;
            Some((seen, proof))
        });
        let Some((seen, proof)) = proved else {
            let is_alias = error.code == "AliasExistsException";
            let reason = if is_alias {
                ALIAS_IS_TAKEN
            } else {
                NAME_IS_TAKEN
            };
            return Ok(not_made(record, reason));
        };
        let mut user = NewUser::seen(&seen, plan);
        let take_over = proof == (Proof::Unused { take_over: true });
        // Locks out whoever may know the password. Not for good yet: until it is on record whose
        // the user is, it must be seen that nobody used it. One that was asked for is set anew in
        // any case: a source may give another one each time.
        let anew = password.is_chosen && seen.status == UserStatus::ForceChangePassword;
        if (take_over || anew)
            && let Err(error) = self.set_password(&user, &password.secret, false).await?
        {
            let reason = format!("{NAME_IS_TAKEN}. It was not taken over: {error}");
            return Ok(not_made(record, &reason));
        }
        // An invitation that was sent holds another password.
        user.unknown_password = take_over && password.invite_by.is_some();
        if plan.way == Way::SignUp && (take_over || seen.status == UserStatus::ForceChangePassword)
        {
            user.temporary = true;
            let mut news = UserNews::about(record);
            news.degraded("UserStatus", SIGN_UP_UNCERTAIN);
            user.findings = news.findings;
        }
        Ok(Creation::There(user))
    }

    /// The identities that a user of the new pool is linked to.
    pub(super) async fn identities(
        &self,
        username: &str,
    ) -> Result<Vec<LinkedIdentity>, RestoreError> {
        let seen = self.look(username).await?;
        Ok(seen.map_or_else(Vec::new, |seen| seen.identities()))
    }

    /// The user of that name, if there is one.
    async fn look(&self, name: &str) -> Result<Option<UserRecord>, RestoreError> {
        look(self.restore, self.target, name).await
    }

    /// What a user cannot be made without: contacts with their flags, required and immutable
    /// attributes.
    fn is_essential(&self, name: &str) -> bool {
        let of_contact = Contact::ALL
            .iter()
            .any(|contact| contact.attribute() == name || contact.verified() == name);
        let by_schema = |rule: &super::pool::AttributeRule| rule.required || !rule.mutable;
        of_contact || self.pool.schema.get(name).is_some_and(by_schema)
    }
}

/// The user of that name, if the pool has one.
///
/// # Errors
/// [`RestoreError::Cognito`] when Cognito does not tell.
pub(crate) async fn look(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    name: &str,
) -> Result<Option<UserRecord>, RestoreError> {
    let request = json!({"UserPoolId": pool.as_str(), "Username": name});
    let operation = Operation::AdminGetUser;
    let mut answer = match restore.cognito.call(operation, &request).await {
        Ok(answer) => answer,
        Err(error) if error.is(ErrorKind::Missing) && error.code == "UserNotFoundException" => {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    // ListUsers and AdminGetUser name the attributes differently.
    let attributes = answer["UserAttributes"].take();
    answer["Attributes"] = attributes;
    let record = serde_json::from_value(answer)
        .map_err(|_| CognitoError::unexpected_answer(operation, "Username"))?;
    Ok(Some(record))
}

impl NewUser {
    /// A user that is there already, with what it lacks of the plan.
    fn seen(record: &UserRecord, plan: &UserPlan) -> Self {
        let mut missing = Attributes::default();
        for (name, value) in plan.attributes.iter().chain(plan.later.iter()) {
            if record.attribute(name) != Some(value) && !is_no_flag_set(name, value) {
                missing.insert(name, value);
            }
        }
        Self {
            username: record.username.as_str().to_owned(),
            sub: record.attribute("sub").unwrap_or_default().to_owned(),
            missing,
            confirmed: record.status == UserStatus::Confirmed,
            temporary: false,
            unknown_password: false,
            disabled: !record.enabled,
            identities: record.identities(),
            findings: Vec::new(),
        }
    }
}

fn not_made(record: &UserRecord, reason: &str) -> Creation {
    Creation::NotMade(UserNews::not_made(
        &old_sub(record),
        FindingKind::Failed,
        reason,
    ))
}

/// Tells errors about one user from those that stop the restore: no answer, no permission, a
/// quota, no pool.
pub(super) fn about_one_user(error: CognitoError) -> Result<CognitoError, RestoreError> {
    let stops = match error.kind {
        ErrorKind::Throttled
        | ErrorKind::Unavailable
        | ErrorKind::Conflict
        | ErrorKind::AnswerLost
        | ErrorKind::NotAuthorized => true,
        // Numbers of groups and links are limited for each user (facts E), and a group may be
        // gone: what follows a creation goes on without. A creation does not.
        ErrorKind::Quota | ErrorKind::Missing => matches!(
            error.operation,
            Operation::AdminCreateUser | Operation::SignUp
        ),
        ErrorKind::AlreadyExists
        | ErrorKind::Refused
        | ErrorKind::FeatureUnavailable
        | ErrorKind::Unknown => false,
    };
    if stops { Err(error.into()) } else { Ok(error) }
}
