//! What is to be done for one user of the backup. Pure: the table of facts C.2, the kinds of
//! pools of facts C.1, and nothing else.

use model::document::{LinkedIdentity, MfaFactors, UserRecord, UserStatus};
use model::inventory::Section;
use model::pointer::token;
use model::restore::{Finding, FindingKind};
use model::rules::is_social;
use serde_json::{Map, Value, json};

use super::attributes::Attributes;
use super::import::csv;
use super::pool::{Contact, TargetPool};

/// How a user is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// AdminCreateUser, then AdminSetUserPassword for good: `CONFIRMED`.
    ///
    /// Also in pools with passwordless sign-in, where a user made without a password would be
    /// `CONFIRMED` at once: those who had a password would have lost it for good, while one
    /// that nobody knows keeps "forgot password" open and takes nothing away (facts C.2).
    PermanentPassword,
    /// AdminCreateUser with a temporary password: `FORCE_CHANGE_PASSWORD`.
    TemporaryPassword,
    /// SignUp, when it sends nothing: `UNCONFIRMED`.
    SignUp,
    /// A row of an import job with a password hash: `CONFIRMED`.
    ImportConfirmed,
    /// A row of an import job without: `RESET_REQUIRED`.
    ImportReset,
}

impl Way {
    /// Whether an import job makes the user, after the pool has its final settings.
    pub(super) fn is_import(self) -> bool {
        matches!(self, Way::ImportConfirmed | Way::ImportReset)
    }
}

/// Everything that is to be done for one user.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct UserPlan {
    /// The name to make the user by: the username, or the contact that stands in for it.
    pub(super) sign_in: String,
    pub(super) way: Way,
    /// What the creating call gets. Immutable attributes can be set nowhere else (facts C.1).
    pub(super) attributes: Attributes,
    /// What a second call adds, because the creating one does not take it.
    pub(super) later: Attributes,
    /// The settings of AdminSetUserMFAPreference, if there are any.
    pub(super) mfa: Map<String, Value>,
    pub(super) links: Vec<LinkedIdentity>,
    pub(super) disable: bool,
    /// By what the user can be invited, as AdminCreateUser names it; `None` without an address.
    pub(super) invite_by: Option<&'static str>,
    /// Whether an authenticator app is lost.
    pub(super) lost_totp: bool,
    /// Whether an MFA preference may be lost that the backup does not hold.
    pub(super) mfa_not_read: bool,
    /// Whether the user can set a new password alone; `None` where that is not the way back in.
    pub(super) can_reset_password: Option<bool>,
    pub(super) findings: Vec<Finding>,
}

/// What is to be done with one user.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Decision {
    Make(Box<UserPlan>),
    /// A federated profile: Cognito makes it at the next sign-in, and nobody else can.
    Federated,
    /// The user cannot be made.
    Impossible(Finding),
}

/// The circumstances of a decision, the same for all users of a pass.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances<'a> {
    pub(super) pool: &'a TargetPool,
    /// With `custom:` in front.
    pub(super) legacy_sub_attribute: Option<&'a str>,
    /// The contacts that import jobs go by; none means no import jobs.
    pub(super) import_by: &'a [Contact],
    /// Whether import jobs make `CONFIRMED` users too.
    pub(super) in_bulk: bool,
    /// Whether sign-ups can be made at all now.
    pub(super) sign_up: bool,
    /// The second factors that users of the lost pool could have.
    pub(super) mfa_factors: MfaFactors,
    /// Whether users get temporary passwords that somebody knows, and choose their own with them.
    pub(super) known_passwords: bool,
}

/// News about one user, named by the old `sub`.
#[derive(Debug)]
pub(super) struct UserNews {
    sub: String,
    pub(super) findings: Vec<Finding>,
}

impl UserNews {
    pub(super) fn about(record: &UserRecord) -> Self {
        Self::about_sub(&old_sub(record))
    }

    pub(super) fn about_sub(sub: &str) -> Self {
        Self {
            sub: sub.to_owned(),
            findings: Vec::new(),
        }
    }

    fn add(&mut self, kind: FindingKind, member: &str, reason: &str) {
        let path = format!("{}/{}", self.sub, token(member));
        let finding = Finding::new(kind, self.sub.as_str(), reason);
        self.findings
            .push(finding.announcing(Section::Users, path.trim_end_matches('/')));
    }

    /// The user came back, but not in this.
    pub(super) fn degraded(&mut self, member: &str, reason: &str) {
        self.add(FindingKind::Degraded, member, reason);
    }

    /// The user came back, but not in these, for one reason.
    pub(super) fn degraded_in(&mut self, members: &[&str], reason: &str) {
        let finding = Finding::new(FindingKind::Degraded, self.sub.as_str(), reason);
        let announced = members.iter().fold(finding, |finding, member| {
            finding.announcing(Section::Users, &format!("{}/{member}", self.sub))
        });
        self.findings.push(announced);
    }

    /// A membership is missing.
    pub(super) fn not_a_member(&mut self, group: &str, reason: &str) {
        let path = format!("{}/{}", token(group), self.sub);
        let finding = Finding::new(FindingKind::Degraded, self.sub.as_str(), reason);
        self.findings
            .push(finding.announcing(Section::GroupMemberships, &path));
    }

    /// The whole user is missing.
    pub(super) fn not_made(sub: &str, kind: FindingKind, reason: &str) -> Finding {
        let mut news = Self::about_sub(sub);
        news.add(kind, "", reason);
        news.findings.remove(0)
    }
}

/// The `sub` in the lost pool. Every user of Cognito has one.
pub(super) fn old_sub(record: &UserRecord) -> String {
    record
        .sub()
        .map_or_else(|| "(no sub)".to_owned(), |sub| sub.as_str().to_owned())
}

/// The name to make a user by (facts C.1): the username, or in pools that sign in by contact the
/// e-mail address if the pool takes it, else the phone number.
pub(super) fn sign_in_name<'r>(record: &'r UserRecord, pool: &TargetPool) -> Option<&'r str> {
    if pool.username_attributes.is_empty() {
        return Some(record.username.as_str());
    }
    pool.username_attributes
        .iter()
        .filter_map(|contact| record.attribute(contact.attribute()))
        .find(|value| !value.is_empty())
}

/// Decides what is to be done for a user.
pub(super) fn decide(record: &UserRecord, circumstances: &Circumstances<'_>) -> Decision {
    if record.is_federated() {
        return Decision::Federated;
    }
    let pool = circumstances.pool;
    let mut news = UserNews::about(record);
    let Some(sign_in) = sign_in_name(record, pool) else {
        return Decision::Impossible(UserNews::not_made(
            &old_sub(record),
            FindingKind::Skipped,
            "the user has neither of the attributes that users of the pool sign in by",
        ));
    };
    let mut attributes =
        Attributes::of(record, pool, circumstances.legacy_sub_attribute, &mut news);
    let (way, retired) = way(record, sign_in, &attributes, circumstances, &mut news);
    let later = match way {
        Way::SignUp => what_sign_up_leaves(&mut attributes, pool, &mut news),
        _ => Attributes::default(),
    };
    let gets_no_password_of_theirs = matches!(
        way,
        Way::PermanentPassword | Way::ImportConfirmed | Way::ImportReset
    );
    let can_reset = pool
        .recovery
        .iter()
        .any(|contact| attributes.is_verified(*contact));
    let (mfa, lost_totp) = mfa(record, &attributes, &mut news);
    Decision::Make(Box::new(UserPlan {
        sign_in: sign_in.to_owned(),
        way,
        mfa,
        lost_totp,
        mfa_not_read: circumstances.mfa_factors.may_be_lost(record),
        links: links(record, pool, &mut news),
        disable: retired || !record.enabled,
        invite_by: [("email", "EMAIL"), ("phone_number", "SMS")]
            .into_iter()
            .find(|(attribute, _)| attributes.get(attribute).is_some())
            .map(|(_, medium)| medium),
        can_reset_password: gets_no_password_of_theirs.then_some(can_reset),
        attributes,
        later,
        findings: news.findings,
    }))
}

/// The rows of facts C.2, and whether the user must come back disabled whatever they were.
fn way(
    record: &UserRecord,
    sign_in: &str,
    attributes: &Attributes,
    circumstances: &Circumstances<'_>,
    news: &mut UserNews,
) -> (Way, bool) {
    let importable = circumstances
        .import_by
        .iter()
        .any(|contact| attributes.is_verified(*contact))
        && csv::can_carry(sign_in, attributes);
    match &record.status {
        UserStatus::Confirmed | UserStatus::ResetRequired if circumstances.known_passwords => {
            (Way::TemporaryPassword, false)
        }
        UserStatus::Confirmed if circumstances.in_bulk && importable => {
            (Way::ImportConfirmed, false)
        }
        UserStatus::Confirmed | UserStatus::ExternalProvider => (Way::PermanentPassword, false),
        UserStatus::ForceChangePassword => (Way::TemporaryPassword, false),
        // A job makes users of pools with passwordless sign-in CONFIRMED (facts C.5).
        UserStatus::ResetRequired if importable && !circumstances.pool.passwordless => {
            (Way::ImportReset, false)
        }
        UserStatus::ResetRequired => {
            let reason = "came back as CONFIRMED with a password that nobody knows: an import job, the only silent way to RESET_REQUIRED, cannot make this user. \"Forgot password\" works as before";
            news.degraded("UserStatus", reason);
            (Way::PermanentPassword, false)
        }
        UserStatus::Unconfirmed => match why_no_sign_up(attributes, circumstances) {
            None => (Way::SignUp, false),
            Some(why) => {
                let reason =
                    format!("came back as FORCE_CHANGE_PASSWORD instead of UNCONFIRMED: {why}");
                news.degraded("UserStatus", &reason);
                (Way::TemporaryPassword, false)
            }
        },
        status @ (UserStatus::Archived
        | UserStatus::Compromised
        | UserStatus::Unknown
        | UserStatus::Other(_)) => {
            let (way, comes_back) = if circumstances.known_passwords {
                (Way::TemporaryPassword, "FORCE_CHANGE_PASSWORD")
            } else {
                (Way::PermanentPassword, "CONFIRMED")
            };
            let reason = format!(
                "came back as {comes_back} and disabled: nothing can make a user {}",
                status.as_str()
            );
            news.degraded_in(&["UserStatus", "Enabled"], &reason);
            (way, true)
        }
    }
}

/// A sign-up must send no code, run no function, and be allowed (facts C.2).
fn why_no_sign_up(
    attributes: &Attributes,
    circumstances: &Circumstances<'_>,
) -> Option<&'static str> {
    let pool = circumstances.pool;
    let would_get_a_code = pool
        .auto_verified
        .iter()
        .any(|contact| attributes.get(contact.attribute()).is_some());
    let lacks_required = pool
        .schema
        .iter()
        .any(|(name, rule)| rule.required && attributes.get(name).is_none());
    if !circumstances.sign_up {
        Some("sign-ups are not let in, or cannot be made at this point of a restore")
    } else if !pool.self_sign_up {
        Some("the pool does not allow sign-ups")
    } else if pool.has_sign_up_trigger {
        Some("a sign-up would run the pool's functions")
    } else if would_get_a_code {
        Some("a sign-up would send the user a code")
    } else if lacks_required {
        Some("a sign-up needs an attribute that the user lacks")
    } else {
        None
    }
}

/// Users who sign up can set neither verified flags nor developer attributes (facts A.6).
fn what_sign_up_leaves(
    attributes: &mut Attributes,
    pool: &TargetPool,
    news: &mut UserNews,
) -> Attributes {
    let is_verified_flag = |name: &str| Contact::ALL.iter().any(|c| c.verified() == name);
    let mut left = attributes.take(|name| is_verified_flag(name) || name.starts_with("dev:"));
    // False is what a new user has anyway.
    for contact in Contact::ALL {
        if left.get(contact.verified()) == Some("false") {
            left.take(|name| name == contact.verified());
        }
    }
    let immutable = |name: &str| pool.schema.get(name).is_some_and(|rule| !rule.mutable);
    let lost = left.take(|name| immutable(name) && !is_verified_flag(name));
    for (name, _) in lost.iter() {
        news.degraded(
            name,
            "a sign-up cannot set it, and it cannot be changed afterwards",
        );
    }
    left
}

/// SMS and e-mail come back; authenticator apps and passkeys do not (facts C.4).
fn mfa(
    record: &UserRecord,
    attributes: &Attributes,
    news: &mut UserNews,
) -> (Map<String, Value>, bool) {
    let legacy_sms = record
        .rest
        .get("MFAOptions")
        .and_then(Value::as_array)
        .is_some_and(|options| {
            options
                .iter()
                .any(|option| option["DeliveryMedium"] == "SMS")
        });
    let (factors, preferred) = match &record.mfa_settings {
        Some(factors) => (factors.clone(), record.preferred_mfa.as_deref()),
        // All that ListUsers shows of a preference: text messages are on.
        None if legacy_sms => (vec!["SMS_MFA".to_owned()], Some("SMS_MFA")),
        None => (Vec::new(), record.preferred_mfa.as_deref()),
    };
    let is_on = |factor: &str| preferred == Some(factor) || factors.iter().any(|on| on == factor);
    let mut settings = Map::new();
    for (factor, member, needs) in [
        ("SMS_MFA", "SMSMfaSettings", "phone_number"),
        ("EMAIL_OTP", "EmailMfaSettings", "email"),
    ] {
        if !is_on(factor) {
            continue;
        }
        if attributes.get(needs).is_some() {
            let setting = json!({"Enabled": true, "PreferredMfa": preferred == Some(factor)});
            settings.insert(member.to_owned(), setting);
        } else {
            let reason = format!("{factor} cannot be switched on for a user without {needs}");
            news.degraded("UserMFASettingList", &reason);
        }
    }
    (settings, is_on("SOFTWARE_TOKEN_MFA"))
}

/// A link of a social provider was made on the provider's own id. One of SAML or OIDC may have
/// been made on any claim, which the backup cannot tell (facts C.3).
fn links(record: &UserRecord, pool: &TargetPool, news: &mut UserNews) -> Vec<LinkedIdentity> {
    let mut links = Vec::new();
    for identity in record.identities() {
        let provider = &identity.provider_name;
        if identity.primary {
            continue;
        } else if !is_social(&identity.provider_type) {
            let reason = format!(
                "the link to {provider} ({}) was not made again: Cognito does not tell on which of the provider's claims it was made",
                identity.provider_type
            );
            news.degraded("identities", &reason);
        } else if !pool.providers.contains(provider) {
            let reason =
                format!("the link to {provider} was not made: the pool has no such provider");
            news.degraded("identities", &reason);
        } else {
            links.push(identity);
        }
    }
    links
}

#[cfg(test)]
mod tests;
