//! AdminLinkProviderForUser and AdminDisableProviderForUser (facts C.3).

use serde_json::Value;

use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::pool::access;
use crate::state::{Link, Pool, State, User, UserStatus};
use crate::user::change;

/// Linked identities of one user (facts C.3, E).
const MAX_LINKS: usize = 5;
/// Distinct attribute names through which one provider may be linked (facts C.3).
const MAX_ATTRIBUTE_NAMES: usize = 5;
/// Providers whose links must be made on the subject (facts C.3).
const SOCIAL: [&str; 4] = ["Facebook", "Google", "LoginWithAmazon", "SignInWithApple"];
const SUBJECT: &str = "Cognito_Subject";

/// A `ProviderUserIdentifierType`.
struct Identity<'a> {
    provider: &'a str,
    attribute: &'a str,
    value: &'a str,
}

impl<'a> Identity<'a> {
    fn read(document: Option<&'a Document>) -> Self {
        let text = |member: &str| {
            document
                .and_then(|document| document.get(member))
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        Self {
            provider: text("ProviderName"),
            attribute: text("ProviderAttributeName"),
            value: text("ProviderAttributeValue"),
        }
    }

    /// The user in the pool: by name when local, by the id at the provider when federated.
    fn find<'p>(&self, pool: &'p Pool) -> Option<&'p User> {
        if self.provider == "Cognito" {
            pool.users.by_username(self.value)
        } else {
            pool.users.by_identity(self.provider, self.value)
        }
    }
}

pub(crate) fn admin_link(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let destination = Identity::read(call.document("DestinationUser"));
    let source = Identity::read(call.document("SourceUser"));
    let user = destination
        .find(pool)
        .ok_or_else(ServiceError::user_not_found)?;
    if source.attribute.is_empty() || source.value.is_empty() || source.provider == "Cognito" {
        return Err(ServiceError::invalid_parameter(
            "Invalid SourceUser: it must be an identity at an external provider.",
        ));
    }
    let provider_type = provider_type(pool, source.provider)?;
    if SOCIAL.contains(&provider_type.as_str()) && source.attribute != SUBJECT {
        return Err(ServiceError::invalid_parameter(format!(
            "ProviderAttributeName must be {SUBJECT} for provider {}",
            source.provider
        )));
    }
    if let Some(holder) = pool.users.by_identity(source.provider, source.value) {
        // Linked elsewhere and signed in before are the same to the service: the identity is taken (facts C.3).
        if holder.sub == user.sub {
            return Ok(Reply::empty());
        }
        return Err(ServiceError::invalid_parameter(
            "Merging is not currently supported, provide a SourceUser that has not been signed up in order to link",
        ));
    }
    check_room(pool, user, &source)?;
    let sub = user.sub;
    let link = Link {
        user_id: source.value.to_owned(),
        provider_name: source.provider.to_owned(),
        provider_type,
        issuer: None,
        primary: false,
        date_created: call.now.0,
        attribute_name: Some(source.attribute.to_owned()),
    };
    pool.linked_attribute_names
        .entry(source.provider.to_owned())
        .or_default()
        .insert(source.attribute.to_owned());
    change(pool, call, sub, |user| user.extra().links.push(link))?;
    Ok(Reply::empty())
}

/// Five links a user, five attribute names a provider (facts C.3 \[DOC\]); texts \[UNV\].
fn check_room(pool: &Pool, user: &User, source: &Identity<'_>) -> Result<(), ServiceError> {
    if user.links().iter().filter(|link| !link.primary).count() >= MAX_LINKS {
        return Err(ServiceError::limit_exceeded(
            "The user has reached the limit of linked identities.",
        ));
    }
    let used = pool.linked_attribute_names.get(source.provider);
    let known = used.is_some_and(|names| names.contains(source.attribute));
    if !known && used.is_some_and(|names| names.len() >= MAX_ATTRIBUTE_NAMES) {
        return Err(ServiceError::limit_exceeded(
            "The provider has reached the limit of linked attribute names.",
        ));
    }
    Ok(())
}

/// The type of a provider of the pool.
///
/// # Errors
/// `ResourceNotFoundException` \[UNV\].
fn provider_type(pool: &Pool, provider: &str) -> Result<String, ServiceError> {
    pool.identity_providers
        .get(provider)
        .and_then(|document| document.get("ProviderType"))
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| {
            ServiceError::resource_not_found(format!(
                "Identity provider {provider} does not exist."
            ))
        })
}

/// Removes a link. For a local user (`Cognito`), the password no longer works \[MODEL\].
pub(crate) fn admin_disable(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let identity = Identity::read(call.document("User"));
    let user = identity
        .find(pool)
        .ok_or_else(ServiceError::user_not_found)?;
    let sub = user.sub;
    if identity.provider == "Cognito" {
        if identity.attribute != SUBJECT {
            return Err(ServiceError::invalid_parameter(format!(
                "ProviderAttributeName must be {SUBJECT}"
            )));
        }
        if user.status == UserStatus::ExternalProvider {
            return Err(ServiceError::invalid_parameter(
                "The user is not a local user.",
            ));
        }
        change(pool, call, sub, |user| {
            user.password = None;
            user.status = UserStatus::ExternalProvider;
        })?;
        return Ok(Reply::empty());
    }
    let is_it =
        |link: &Link| link.provider_name == identity.provider && link.user_id == identity.value;
    let made_on = user
        .links()
        .iter()
        .find(|link| is_it(link))
        .and_then(|link| link.attribute_name.as_deref());
    // Before the first sign-in the name must be the one that the link was made on \[MODEL\]; nobody signs in here.
    if made_on.is_some_and(|name| name != identity.attribute && identity.attribute != SUBJECT) {
        return Err(ServiceError::user_not_found());
    }
    change(pool, call, sub, |user| {
        user.extra().links.retain(|link| !is_it(link))
    })?;
    Ok(Reply::empty())
}
