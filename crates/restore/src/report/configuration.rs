//! Ready-made configuration of applications for the new pool, in the reference's formats, and
//! the text for the users.

use model::document::BackupHead;
use model::inventory::Section;
use model::restore::RestoreState;
use serde_json::{Value, json};

use super::new_pool::NewPool;
use crate::document::text;

/// How many clients the page shows configuration for; the table of ids has more.
const CLIENTS_SHOWN: usize = 25;

/// One app client with its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its name.
    pub(crate) name: String,
    /// Its id in the lost pool.
    pub(crate) old_id: String,
    /// Its id in the new pool.
    pub(crate) new_id: String,
    /// For web applications; none beyond the first clients.
    pub(crate) web: Option<String>,
    /// `aws-exports.js` of Amplify.
    pub(crate) amplify: Option<String>,
    /// `amplifyconfiguration.json` of mobile applications.
    pub(crate) mobile: Option<String>,
}

/// The clients that the restore made, by name.
pub(crate) fn clients(state: &RestoreState, head: &BackupHead, pool: &NewPool) -> Vec<Client> {
    let mut clients: Vec<Client> = Vec::new();
    for (old, new) in &state.app_clients {
        let settings = head
            .list(Section::AppClients)
            .iter()
            .find(|client| text(client, "/ClientId") == Some(old.as_str()));
        let name = settings
            .and_then(|client| text(client, "/ClientName"))
            .unwrap_or(old.as_str());
        clients.push(Client {
            name: name.to_owned(),
            old_id: old.to_string(),
            new_id: new.to_string(),
            web: None,
            amplify: None,
            mobile: None,
        });
    }
    clients.sort_by(|one, other| (&one.name, &one.old_id).cmp(&(&other.name, &other.old_id)));
    for client in clients.iter_mut().take(CLIENTS_SHOWN) {
        let settings = head
            .list(Section::AppClients)
            .iter()
            .find(|known| text(known, "/ClientId") == Some(&client.old_id));
        let is_confidential =
            settings.is_some_and(|client| client.get("ClientSecret").is_some_and(Value::is_string));
        client.web = Some(web(pool, &client.new_id, is_confidential));
        client.amplify = Some(amplify(pool, &client.new_id));
        client.mobile = Some(mobile(pool, &client.new_id));
    }
    clients
}

fn web(pool: &NewPool, client: &str, is_confidential: bool) -> String {
    let secret = if is_confidential {
        "  // COGNITO_CLIENT_SECRET stays as it is: the secret was kept\n"
    } else {
        ""
    };
    let domain = pool.host().map_or(String::new(), |host| {
        format!("  COGNITO_DOMAIN: {},\n", json!(host))
    });
    format!(
        "const config = {{\n  COGNITO_USER_POOL_ID: {},\n  COGNITO_CLIENT_ID: {},\n{secret}  AWS_REGION: {},\n{domain}}};",
        json!(pool.id),
        json!(client),
        json!(pool.region)
    )
}

fn amplify(pool: &NewPool, client: &str) -> String {
    let mut config = json!({
        "aws_user_pools_id": pool.id,
        "aws_user_pools_web_client_id": client,
        "aws_cognito_region": pool.region,
    });
    if let Some(host) = pool.host() {
        config["aws_user_pools_domain"] = json!(host);
    }
    format!("const awsmobile = {config:#};")
}

fn mobile(pool: &NewPool, client: &str) -> String {
    let default = json!({"PoolId": pool.id, "AppClientId": client, "Region": pool.region});
    let config =
        json!({"auth": {"plugins": {"awsCognitoAuthPlugin": {"UserPool": {"Default": default}}}}});
    format!("{config:#}")
}

/// The text that tells the users what to do; none where no user has to do anything.
pub(crate) fn words_to_users(state: &RestoreState, head: &BackupHead) -> Option<String> {
    let counts = &state.users.counts;
    if counts.restored == 0 {
        return None;
    }
    let mechanisms = head
        .user_pool()
        .pointer("/AccountRecoverySetting/RecoveryMechanisms")
        .and_then(Value::as_array);
    let only_administrators = mechanisms.is_some_and(|list| {
        list.iter()
            .any(|mechanism| text(mechanism, "/Name") == Some("admin_only"))
    });
    let password = if only_administrators {
        "Your old password no longer works. Please contact us for a new one."
    } else {
        "Your old password no longer works. Please choose \"Forgot password\" on the sign-in page: we send you a code, and you set a new password with it."
    };
    let mfa = head.section(Section::MfaConfiguration);
    let totp = counts.lost_totp > 0
        || mfa.pointer("/SoftwareTokenMfaConfiguration/Enabled") == Some(&Value::Bool(true));
    let mut words = format!(
        "Subject: Please set a new password\n\nHello,\n\nafter an outage we have restored our sign-in from a backup. Your account and your data are there.\n\n- {password}\n"
    );
    if counts.temporary_password > 0 {
        words.push_str("- If we invited you and you have never signed in, you cannot choose a password yet: we send you a new invitation.\n");
    }
    if totp {
        words.push_str("- If you use an authenticator app, remove the old entry and register it again when you are asked to.\n");
    }
    if !mfa.get("WebAuthnConfiguration").is_none_or(Value::is_null) {
        words.push_str(
            "- If you use a passkey, remove the old one and register a new one after signing in.\n",
        );
    }
    words.push_str("- You have been signed out everywhere and need to sign in again.\n\nWe will never ask for your password by mail or telephone. If you need help, please reply to this message.\n");
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::super::losses::tests::state;
    use super::*;

    fn head() -> BackupHead {
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(Section::UserPoolConfig, json!({"Name": "shop"}));
        head.set(Section::AppClients, json!([{"ClientId": "oldweb", "ClientName": "web", "ClientSecret": "s3cr3t-s3cr3t-s3cr3t-s3cr3t"}]));
        head
    }

    fn pool() -> NewPool {
        NewPool::of(
            &"us-west-2_New".parse().unwrap(),
            &json!({"CustomDomain": "auth.example.com"}),
        )
    }

    #[test]
    fn configuration_comes_in_the_formats_of_the_reference() {
        let clients = clients(&state(), &head(), &pool());
        let client = &clients[0];
        assert_eq!(
            (client.name.as_str(), client.new_id.as_str()),
            ("web", "newweb")
        );
        assert!(
            client
                .web
                .as_deref()
                .unwrap()
                .contains("COGNITO_USER_POOL_ID: \"us-west-2_New\"")
        );
        let amplify = client.amplify.as_deref().unwrap();
        let amplify: Value = serde_json::from_str(
            amplify
                .strip_prefix("const awsmobile = ")
                .unwrap()
                .trim_end_matches(';'),
        )
        .unwrap();
        assert_eq!(amplify["aws_user_pools_domain"], "auth.example.com");
        let mobile: Value = serde_json::from_str(client.mobile.as_deref().unwrap()).unwrap();
        assert_eq!(
            mobile.pointer("/auth/plugins/awsCognitoAuthPlugin/UserPool/Default/AppClientId"),
            Some(&json!("newweb"))
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let text = format!("{:?}", clients(&state(), &head(), &pool()));
        assert!(!text.contains("s3cr3t"), "{text}");
        assert!(text.contains("the secret was kept"));
    }

    #[test]
    fn users_are_told_what_applies_to_their_pool() {
        let words = words_to_users(&state(), &head()).unwrap();
        assert!(
            words.contains("Forgot password")
                && words.contains("authenticator")
                && words.contains("a new invitation")
                && !words.contains("passkey")
        );
        let mut head = head();
        head.set(
            Section::UserPoolConfig,
            json!({"AccountRecoverySetting": {"RecoveryMechanisms": [{"Name": "admin_only"}]}}),
        );
        let words = words_to_users(&state(), &head).unwrap();
        assert!(words.contains("contact us for a new one") && !words.contains("Forgot password"));
        let mut no_invited = state();
        no_invited.users.counts.temporary_password = 0;
        let words = words_to_users(&no_invited, &head).unwrap();
        assert!(!words.contains("invitation"));
        let mut nobody = state();
        nobody.users.counts = Default::default();
        assert_eq!(words_to_users(&nobody, &head), None);
    }
}
