//! What Cognito never gives back, counted from the backup and from what became of its users.

use model::document::BackupHead;
use model::inventory::Section;
use model::restore::{KnownLoss, RestoreState, Step};
use serde_json::Value;

use crate::document::text;
use crate::relocation::has_threat_protection;

/// The known losses of a restore. Without a backup at hand only those that the state tells.
pub(crate) fn known_losses(state: &RestoreState, head: Option<&BackupHead>) -> Vec<KnownLoss> {
    let mut losses = of_users(state);
    if let Some(head) = head {
        of_pool(head, state, &mut losses);
    }
    losses
}

fn loss(what: &str, count: Option<u64>, meaning: &str) -> KnownLoss {
    KnownLoss {
        what: what.to_owned(),
        count,
        meaning: meaning.to_owned(),
    }
}

fn of_users(state: &RestoreState) -> Vec<KnownLoss> {
    let counts = &state.users.counts;
    // A dry run counts nobody.
    let known = |count: u64| (counts.seen > 0).then_some(count);
    let mut losses = vec![
        loss(
            "Passwords",
            known(counts.can_reset_password + counts.cannot_reset_password),
            "Users set a new one by \"forgot password\".",
        ),
        loss(
            "The sub of every user",
            known(counts.restored),
            "Whatever is stored elsewhere under a sub has to be re-keyed: user-map.csv has old and new.",
        ),
        loss(
            "Tokens and sessions",
            None,
            "Everybody signs in again; the new pool signs with new keys.",
        ),
    ];
    if counts.cannot_reset_password > 0 {
        losses.push(loss(
            "Users who cannot reset their password",
            Some(counts.cannot_reset_password),
            "They have no verified e-mail address or phone number: an administrator sets their password.",
        ));
    }
    if counts.temporary_password > 0 {
        losses.push(loss(
            "Temporary passwords of invited users",
            Some(counts.temporary_password),
            "They cannot sign in, and \"forgot password\" is refused to them: they have to be invited again.",
        ));
    }
    if counts.lost_totp > 0 {
        losses.push(loss(
            "Authenticator apps (TOTP)",
            Some(counts.lost_totp),
            "These users register their authenticator again; until then they have one factor less where MFA is optional.",
        ));
    }
    if counts.mfa_not_read > 0 {
        losses.push(loss(
            "MFA preferences that the backup did not read",
            Some(counts.mfa_not_read),
            "So many users may have had SMS, e-mail or an authenticator app as their second factor, and have none now until they choose it again. Let the backups read preferences.",
        ));
    }
    if counts.federated > 0 {
        losses.push(loss(
            "Profiles of federated users",
            Some(counts.federated),
            "Cognito makes them again at the next sign-in, with a new sub and without their groups.",
        ));
    }
    losses
}

fn of_pool(head: &BackupHead, state: &RestoreState, losses: &mut Vec<KnownLoss>) {
    let pool = head.user_pool();
    let is_set = |pointer: &str| pool.pointer(pointer).is_some_and(|value| !value.is_null());
    let mfa = head.section(Section::MfaConfiguration);
    let counts = &state.users.counts;
    // Where all preferences were read, it is known that nobody has one.
    let all_read = counts.seen > 0 && counts.mfa_not_read == 0;
    if counts.lost_totp == 0
        && !all_read
        && mfa.pointer("/SoftwareTokenMfaConfiguration/Enabled") == Some(&Value::Bool(true))
    {
        losses.push(loss(
            "Authenticator apps (TOTP)",
            None,
            "The pool allows them; the backup does not tell who has one. They are registered again.",
        ));
    }
    let first_factors = pool
        .pointer("/Policies/SignInPolicy/AllowedFirstAuthFactors")
        .and_then(Value::as_array);
    let signs_in_by_passkey =
        first_factors.is_some_and(|factors| factors.iter().any(|factor| factor == "WEB_AUTHN"));
    if signs_in_by_passkey || !mfa.get("WebAuthnConfiguration").is_none_or(Value::is_null) {
        losses.push(loss(
            "Passkeys",
            None,
            "They are bound to the old pool: users register them again.",
        ));
    }
    if is_set("/DeviceConfiguration") {
        losses.push(loss(
            "Remembered devices",
            None,
            "Devices are remembered anew at the next sign-in.",
        ));
    }
    if let Some(Value::Array(attributes)) = pool.get("UsernameAttributes")
        && !attributes.is_empty()
    {
        losses.push(loss(
            "The username of every user",
            Some(state.users.counts.restored).filter(|_| state.users.counts.seen > 0),
            "The pool signs in by e-mail or phone: Cognito gives each user a new one, equal to the new sub.",
        ));
    }
    let clients = head.list(Section::AppClients).len() as u64;
    if clients > 0 {
        losses.push(loss(
            "The ids of the app clients",
            Some(clients),
            "Applications need the new ids; secrets are kept.",
        ));
    }
    let second_secrets = head.list(Section::ClientSecrets).iter().filter(|client| {
        client
            .get("ClientSecrets")
            .and_then(Value::as_array)
            .is_some_and(|secrets| secrets.len() > 1)
    });
    let second_secrets = second_secrets.count() as u64;
    if second_secrets > 0 {
        losses.push(loss(
            "Second client secrets",
            Some(second_secrets),
            "Cognito shows one secret of a client: applications that use the other need the one that was kept, or a new one.",
        ));
    }
    let saml = head
        .list(Section::IdentityProviders)
        .iter()
        .filter(|provider| text(provider, "/ProviderType") == Some("SAML"));
    let saml = saml.count() as u64;
    if saml > 0 {
        losses.push(loss(
            "The pool's SAML certificates",
            Some(saml),
            "Providers that encrypt assertions or check signed requests need the certificates of the new pool.",
        ));
    }
    if !head.section(Section::CustomDomain).is_null()
        && state.record(Step::Domains).is_some()
        && head.section(Section::CustomDomain) != &Value::Object(serde_json::Map::new())
    {
        losses.push(loss(
            "The custom domain's address in CloudFront",
            Some(1),
            "A custom domain has a new alias target: its DNS record has to be changed.",
        ));
    }
    if !head.list(Section::Replicas).is_empty() {
        losses.push(loss(
            "Replicas",
            Some(head.list(Section::Replicas).len() as u64),
            "Replication to another Region is set up again by the operator.",
        ));
    }
    if has_threat_protection(head) {
        losses.push(loss(
            "The history of sign-ins",
            None,
            "Threat protection begins to learn anew.",
        ));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    pub(in super::super) fn state() -> RestoreState {
        let state = json!({
            "restore_id": "dr-restore-1", "user_pool_id": "us-east-1_Old", "options": {},
            "began": "2026-03-07T09:05:02Z", "new_user_pool_id": "us-west-2_New",
            "s3_key": "cognito-backup/2026/03/07/us-east-1_Old-090502.json",
            "app_clients": {"oldweb": "newweb"},
            "users": {"counts": {"seen": 10, "restored": 8, "can_reset_password": 7, "cannot_reset_password": 1, "temporary_password": 3, "lost_totp": 2, "mfa_not_read": 4, "federated": 1, "failed": 1}},
        });
        serde_json::from_value(state).unwrap()
    }

    fn count(losses: &[KnownLoss], what: &str) -> Option<Option<u64>> {
        losses
            .iter()
            .find(|loss| loss.what == what)
            .map(|loss| loss.count)
    }

    #[test]
    fn losses_of_users_are_counted_from_what_became_of_them() {
        let losses = known_losses(&state(), None);
        for (what, expected) in [
            ("Passwords", Some(Some(8))),
            ("The sub of every user", Some(Some(8))),
            ("Users who cannot reset their password", Some(Some(1))),
            ("Temporary passwords of invited users", Some(Some(3))),
            ("Authenticator apps (TOTP)", Some(Some(2))),
            (
                "MFA preferences that the backup did not read",
                Some(Some(4)),
            ),
            ("Profiles of federated users", Some(Some(1))),
            ("Tokens and sessions", Some(None)),
        ] {
            assert_eq!(count(&losses, what), expected, "{what}");
        }
    }

    #[test]
    fn a_dry_run_names_losses_without_counts() {
        let mut state = state();
        state.users.counts = Default::default();
        assert_eq!(count(&known_losses(&state, None), "Passwords"), Some(None));
    }

    #[test]
    fn losses_of_the_pool_are_those_that_its_backup_shows() {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(Section::UserPoolConfig, json!({"UsernameAttributes": ["email"], "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": true}}));
        head.set(
            Section::MfaConfiguration,
            json!({"WebAuthnConfiguration": {"UserVerification": "required"}}),
        );
        head.set(
            Section::AppClients,
            json!([{"ClientId": "a"}, {"ClientId": "b"}]),
        );
        head.set(Section::ClientSecrets, json!([{"ClientId": "a", "ClientSecrets": [{}, {}]}, {"ClientId": "b", "ClientSecrets": [{}]}]));
        head.set(
            Section::IdentityProviders,
            json!([{"ProviderType": "SAML"}, {"ProviderType": "Google"}]),
        );
        let losses = known_losses(&state(), Some(&head));
        for (what, expected) in [
            ("Passkeys", Some(None)),
            ("Remembered devices", Some(None)),
            ("The username of every user", Some(Some(8))),
            ("The ids of the app clients", Some(Some(2))),
            ("Second client secrets", Some(Some(1))),
            ("The pool's SAML certificates", Some(Some(1))),
            ("Replicas", None),
            ("The history of sign-ins", None),
        ] {
            assert_eq!(count(&losses, what), expected, "{what}");
        }
    }
}
