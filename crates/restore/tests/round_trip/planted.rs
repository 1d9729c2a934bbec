//! A drawn pool as the document that the simulator plants.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use simulator::PoolDocument;

use crate::drawn::{Client, Pool, STATUSES, User};
use crate::support::ACCOUNT;
use crate::support::pools::{attribute, document, with};

const GROUPS: [&str; 4] = ["admins", "editors", "グループ👥", "a/b~c,\"d\""];
const TIERS: [&str; 3] = ["LITE", "ESSENTIALS", "PLUS"];
const FLOWS: [&[&str]; 4] = [
    &["ALLOW_REFRESH_TOKEN_AUTH"],
    &[
        "ALLOW_REFRESH_TOKEN_AUTH",
        "ALLOW_USER_SRP_AUTH",
        "ALLOW_USER_PASSWORD_AUTH",
    ],
    &["ALLOW_CUSTOM_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    // Without the flow that refreshes tokens: where rotation replaces it, or Cognito allows it.
    &["ALLOW_USER_SRP_AUTH"],
];
const SCHEMA: [(&str, &str, bool); 4] = [
    ("custom:text", "String", true),
    ("custom:fixed", "String", false),
    ("custom:number", "Number", true),
    ("dev:custom:note", "String", true),
];

impl Pool {
    fn signs_in_by_address(&self) -> bool {
        (4..=6).contains(&self.sign_in)
    }

    fn has_sms(&self) -> bool {
        self.mfa >= 3 || self.sms_role.is_some()
    }

    /// What the pool sends SMS by. The simulator knows by the role's name that Cognito refuses it.
    fn sms(&self) -> Value {
        let is_refused = self.mfa < 3 && self.sms_role == Some(false);
        let role = if is_refused { "untrusted" } else { "sms" };
        json!({
            "SnsCallerArn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"), "ExternalId": "shop",
            "SnsRegion": "us-east-1",
        })
    }

    /// What Describe shows of a pool of 2026, though nobody set it (facts 0.1).
    fn shown(&self) -> Value {
        let recovery = match self.recovery {
            1 if !self.has_email_mfa() => json!([{"Name": "verified_email", "Priority": 1}]),
            2 => json!([{"Name": "admin_only", "Priority": 1}]),
            _ if !self.recent => return json!({}),
            _ => json!([
                {"Name": "verified_email", "Priority": 1}, {"Name": "verified_phone_number", "Priority": 2},
            ]),
        };
        let recovery = json!({"AccountRecoverySetting": {"RecoveryMechanisms": recovery}});
        if !self.recent {
            return recovery;
        }
        let key = match self.key {
            0 => json!({"KeyType": "AWS_OWNED_KEY"}),
            key => json!({
                "KeyType": "CUSTOMER_MANAGED_KEY",
                "KmsKeyArn": format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/{}", ["mrk-1", "1"][key - 1]),
            }),
        };
        with(
            recovery,
            json!({"KeyConfiguration": key, "IssuerConfiguration": {"Type": "ORIGINAL"}}),
        )
    }

    fn messages(&self) -> Value {
        let code = "Your code is {####}";
        let template = match self.messages {
            1 => json!({"EmailMessage": code}),
            2 => {
                json!({"EmailMessage": code, "EmailMessageByLink": "{##Here##}", "DefaultEmailOption": "CONFIRM_WITH_LINK"})
            }
            3 => return json!({"EmailVerificationMessage": code}),
            _ => json!({}),
        };
        let template = with(json!({"DefaultEmailOption": "CONFIRM_WITH_CODE"}), template);
        json!({"VerificationMessageTemplate": template})
    }

    pub(crate) fn document(&self, number: u32) -> PoolDocument {
        document(json!({
            "UserPool": self.settings(number),
            "MfaConfiguration": self.mfa(),
            "SessionConfiguration": if self.tier == 0 || self.protected { Value::Null } else {
                json!({"TokenSession": {"MaxPerUser": 5}, "UserSessionTracking": "DISABLED"})
            },
            "Clients": self.each_client(|_| true, |id, client| self.client(id, client)),
            "IdentityProviders": self.providers(),
            "ResourceServers": if self.server { json!([{
                "Identifier": "https://api.example.com", "Name": "API",
                "Scopes": [{"ScopeName": "read", "ScopeDescription": "Read"}, {"ScopeName": "write", "ScopeDescription": "Write"}],
            }]) } else { json!([]) },
            "Groups": GROUPS[..self.groups].iter().enumerate().map(|(index, name)| {
                let group = json!({"GroupName": name});
                if index % 2 == 0 { with(group, json!({"Precedence": index, "Description": name})) } else { group }
            }).collect::<Vec<_>>(),
            "Domains": if self.domain { json!([{"Domain": format!("round-trip-{number}"), "ManagedLoginVersion": 1}]) } else { json!([]) },
            "UICustomizations": if self.domain { json!([{"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 60%;\n}"}]) } else { json!([]) },
            "ManagedLoginBrandings": self.each_client(|client| client.branding && self.tier > 0, |index, _| json!({
                "ManagedLoginBrandingId": format!("0c1e7b1e-7a3c-4c5e-9d53-{index:012}"),
                "ClientId": client_id(index), "UseCognitoProvidedValues": true,
            })),
            "Terms": self.each_client(|client| client.terms && self.tier > 0, |index, _| json!({
                "TermsId": format!("0c1e7b1e-7a3c-4c5e-9d54-{index:012}"), "ClientId": client_id(index),
                "TermsName": "terms-of-use", "TermsSource": "LINK", "Enforcement": "NONE",
                "Links": {"cognito:default": "https://shop.example.com/terms"},
            })),
            "RiskConfigurations": self.risks(),
            "Users": self.users.iter().enumerate().map(|(index, user)| self.user(index, user)).collect::<Vec<_>>(),
        }))
    }

    fn each_client(
        &self,
        which: impl Fn(&Client) -> bool,
        of: impl Fn(usize, &Client) -> Value,
    ) -> Vec<Value> {
        let clients = self.clients.iter().enumerate();
        clients
            .filter(|(_, client)| which(client))
            .map(|(index, client)| of(index, client))
            .collect()
    }

    fn risks(&self) -> Vec<Value> {
        if self.tier < 2 {
            return Vec::new();
        }
        let mut risks = vec![json!({
            "ClientId": "ALL", "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "BLOCK"}},
        })];
        risks.extend(self.each_client(|client| client.risk, |index, _| json!({
            "ClientId": client_id(index),
            "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "NO_ACTION"}},
        })));
        risks
    }

    /// MFA for all excludes codes as a first factor, and the plan without extras all but
    /// passwords (facts A.1).
    fn first_factors(&self) -> Vec<&'static str> {
        let for_all = self.mfa == 2 || self.mfa == 4;
        let more = match self.factors {
            _ if self.tier == 0 => None,
            1 => Some("WEB_AUTHN"),
            2 if !for_all => Some("EMAIL_OTP"),
            3 if !for_all && self.has_sms() => Some("SMS_OTP"),
            _ => None,
        };
        std::iter::once("PASSWORD").chain(more).collect()
    }

    fn has_email_mfa(&self) -> bool {
        self.email_mfa && self.tier > 0 && self.mfa > 0
    }

    fn settings(&self, number: u32) -> Value {
        let schema = SCHEMA.iter().zip(self.schema).filter(|(_, there)| *there);
        let schema: Vec<Value> = schema
            .map(|((name, kind, mutable), _)| attribute(name, kind, *mutable))
            .collect();
        let base = json!({
            "Name": format!("pool {number}"),
            "UserPoolTier": TIERS[self.tier],
            "DeletionProtection": if self.protected { "ACTIVE" } else { "INACTIVE" },
            "AutoVerifiedAttributes": if self.verifies { json!(["email"]) } else { json!([]) },
            "Policies": {
                "PasswordPolicy": {
                    "MinimumLength": self.minimum_length, "RequireUppercase": true, "RequireLowercase": false,
                    "RequireNumbers": true, "RequireSymbols": self.symbols, "TemporaryPasswordValidityDays": 7,
                },
                "SignInPolicy": {"AllowedFirstAuthFactors": self.first_factors()},
            },
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": !self.self_service, "UnusedAccountValidityDays": 7},
            "EmailConfiguration": if self.has_email_mfa() { json!({
                "EmailSendingAccount": "DEVELOPER",
                "SourceArn": format!("arn:aws:ses:us-east-1:{ACCOUNT}:identity/shop.example.com"),
                "From": "Shop <hello@shop.example.com>",
            }) } else { json!({"EmailSendingAccount": "COGNITO_DEFAULT"}) },
            "UserPoolTags": {"number": number.to_string(), "ключ": "värde"},
            "SchemaAttributes": schema,
            "SettingOfNextYear": {"Mode": "FAST", "Levels": [1.5, 2]},
        });
        let sign_in = match self.sign_in {
            0 => json!({"UsernameConfiguration": {"CaseSensitive": true}}),
            1 => json!({"UsernameConfiguration": {"CaseSensitive": false}}),
            2 => {
                json!({"AliasAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}})
            }
            3 => json!({"AliasAttributes": ["email", "phone_number", "preferred_username"]}),
            4 => {
                json!({"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false}})
            }
            5 => json!({"UsernameAttributes": ["phone_number"]}),
            6 => json!({"UsernameAttributes": ["email", "phone_number"]}),
            _ => json!({}),
        };
        let base = with(with(base, sign_in), with(self.shown(), self.messages()));
        let base = if self.verifies && self.recent {
            let before_update = json!({"AttributesRequireVerificationBeforeUpdate": ["email"]});
            with(base, json!({"UserAttributeUpdateSettings": before_update}))
        } else {
            base
        };
        let sms = if self.has_sms() {
            json!({"SmsConfiguration": self.sms(), "SmsAuthenticationMessage": "Your code is {####}"})
        } else {
            json!({})
        };
        let threats = if self.tier == 2 {
            json!({"UserPoolAddOns": {"AdvancedSecurityMode": "AUDIT"}})
        } else {
            json!({})
        };
        with(with(base, sms), threats)
    }

    fn mfa(&self) -> Value {
        let totp = json!({"SoftwareTokenMfaConfiguration": {"Enabled": true}});
        let text = json!({"SmsMfaConfiguration": {
            "SmsAuthenticationMessage": "Your code is {####}", "SmsConfiguration": self.sms(),
        }});
        let factors = match self.mfa {
            0 if self.has_sms() => with(json!({"MfaConfiguration": "OFF"}), text),
            0 => json!({"MfaConfiguration": "OFF"}),
            1 => with(json!({"MfaConfiguration": "OPTIONAL"}), totp),
            2 => with(json!({"MfaConfiguration": "ON"}), totp),
            3 => with(json!({"MfaConfiguration": "OPTIONAL"}), text),
            _ => with(with(json!({"MfaConfiguration": "ON"}), text), totp),
        };
        let email = if self.has_email_mfa() {
            json!({"EmailMfaConfiguration": {"Message": "Your code is {####}", "Subject": "Your code"}})
        } else {
            json!({})
        };
        let passkeys = if self.first_factors().contains(&"WEB_AUTHN") {
            let factor = if self.mfa == 2 || self.mfa == 4 {
                "MULTI_FACTOR_WITH_USER_VERIFICATION"
            } else {
                "SINGLE_FACTOR"
            };
            json!({"WebAuthnConfiguration": {
                "RelyingPartyId": "shop.example.com", "UserVerification": "preferred", "FactorConfiguration": factor,
            }})
        } else {
            json!({})
        };
        with(with(factors, email), passkeys)
    }

    fn providers(&self) -> Value {
        let mut providers = Vec::new();
        if self.google {
            providers.push(json!({
                "ProviderName": "Google", "ProviderType": "Google", "IdpIdentifiers": [],
                "ProviderDetails": {"client_id": "g", "client_secret": "google-secret", "authorize_scopes": "openid email"},
                "AttributeMapping": {"email": "email", "username": "sub"},
            }));
        }
        if self.oidc {
            providers.push(json!({
                "ProviderName": "Corporate", "ProviderType": "OIDC", "IdpIdentifiers": ["example.com"],
                "ProviderDetails": {
                    "client_id": "c", "client_secret": "oidc-secret", "attributes_request_method": "GET",
                    "oidc_issuer": "https://oidc.example.com", "authorize_scopes": "openid email",
                    "attributes_url_add_attributes": "false",
                },
                "AttributeMapping": {"email": "email", "username": "sub"},
            }));
        }
        if self.saml {
            providers.push(json!({
                "ProviderName": "Campus", "ProviderType": "SAML", "IdpIdentifiers": ["campus.example.com"],
                "ProviderDetails": {
                    "MetadataFile": "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"campus\"/>",
                    "IDPSignout": "false",
                },
                "AttributeMapping": {"email": "mail"},
            }));
        }
        providers.into()
    }

    fn client(&self, index: usize, client: &Client) -> Value {
        let mut settings = json!({
            "ClientId": client_id(index),
            "ClientName": format!("client {index}"),
            "RefreshTokenValidity": client.refresh_days,
            "EnablePropagateAdditionalUserContextData": false,
            "AuthSessionValidity": client.session_minutes,
            "AllowedOAuthFlowsUserPoolClient": client.oauth,
            "ClientSettingOfNextYear": index,
        });
        let mut more = serde_json::Map::new();
        let rotates = client.rotation == 1;
        if !client.bare {
            let flows = match client.flows {
                _ if rotates => 3,
                flows => flows,
            };
            more.insert("ExplicitAuthFlows".into(), json!(FLOWS[flows]));
            more.insert("TokenValidityUnits".into(), json!({}));
        }
        match client.rotation {
            1 => more.insert(
                "RefreshTokenRotation".into(),
                json!({"Feature": "ENABLED", "RetryGracePeriodSeconds": 30}),
            ),
            2 => more.insert(
                "RefreshTokenRotation".into(),
                json!({"Feature": "DISABLED", "RetryGracePeriodSeconds": 0}),
            ),
            _ => None,
        };
        if let Some(revocation) = client.revocation {
            more.insert("EnableTokenRevocation".into(), json!(revocation));
        }
        if let Some(hides) = client.hides_users {
            let value = if hides { "ENABLED" } else { "LEGACY" };
            more.insert("PreventUserExistenceErrors".into(), json!(value));
        }
        if client.secret > 0 {
            let secret = format!("{index}secret{}", "s".repeat(44));
            more.insert("ClientSecret".into(), json!(secret));
        }
        if client.attributes {
            let custom = self.schema[0].then_some("custom:text");
            let read: Vec<&str> = custom
                .into_iter()
                .chain(["email", "email_verified"])
                .collect();
            let write: Vec<&str> = custom.into_iter().chain(["email"]).collect();
            more.insert("ReadAttributes".into(), json!(read));
            more.insert("WriteAttributes".into(), json!(write));
        }
        if client.oauth {
            let scope = self.server.then_some("https://api.example.com/read");
            let google = self.google.then_some("Google");
            more.insert("AllowedOAuthFlows".into(), json!(["code"]));
            let scopes: Vec<&str> = scope.into_iter().chain(["openid", "email"]).collect();
            more.insert("AllowedOAuthScopes".into(), json!(scopes));
            let providers: Vec<&str> = google.into_iter().chain(["COGNITO"]).collect();
            more.insert("SupportedIdentityProviders".into(), json!(providers));
            let urls = json!(["https://shop.example.com/callback", "myapp://signed-in"]);
            more.insert("CallbackURLs".into(), urls);
            more.insert("LogoutURLs".into(), json!(["https://shop.example.com/bye"]));
        }
        settings.as_object_mut().unwrap().extend(more);
        let session = if client.session && self.tier > 0 {
            json!({"SessionConfiguration": {"SSOSession": {"MaxValidityMinutes": 90}}})
        } else {
            json!({})
        };
        let client =
            json!({"UserPoolClient": settings, "OriginalSecretDeleted": client.secret == 2});
        with(client, session)
    }

    fn user(&self, index: usize, user: &User) -> Value {
        let mut attributes: BTreeMap<&str, String> = BTreeMap::new();
        if user.email > 0 {
            attributes.insert("email", format!("user-{index}@example.com"));
            attributes.insert("email_verified", (user.email == 2).to_string());
        }
        if user.phone > 0 {
            attributes.insert("phone_number", format!("+1555010{index:04}"));
            attributes.insert("phone_number_verified", (user.phone == 2).to_string());
        }
        if user.preferred {
            attributes.insert("preferred_username", format!("called-{index}"));
        }
        if !user.text.is_empty() {
            attributes.insert("name", user.text.clone());
        }
        for ((name, kind, _), there) in SCHEMA.iter().zip(self.schema) {
            if there && user.groups[0] != user.groups[1] {
                let value = match *kind {
                    "Number" => index.to_string(),
                    _ => format!("{}, \"{index}\"\nline two", user.text),
                };
                attributes.insert(name, value);
            }
        }
        let username = match (self.signs_in_by_address(), user.name) {
            (true, _) => String::new(),
            (false, 1) => format!("Üser,\"{index}\"👤"),
            (false, 2) => format!("{index}{}", "u".repeat(120)),
            (false, _) => format!("user-{index}"),
        };
        let groups = GROUPS[..self.groups].iter().zip(user.groups);
        let groups: Vec<&str> = groups
            .filter(|(_, there)| *there)
            .map(|(name, _)| *name)
            .collect();
        let status = STATUSES[user.status];
        let provider = match (self.google, self.oidc, self.saml) {
            (true, _, _) => Some(("Google", "Google")),
            (false, true, _) => Some(("Corporate", "OIDC")),
            (false, false, true) => Some(("Campus", "SAML")),
            (false, false, false) => None,
        };
        let federated = status == "EXTERNAL_PROVIDER";
        let identities = match provider {
            Some((name, kind)) if user.linked || federated => json!([{
                "userId": format!("id-{index}"), "providerName": name, "providerType": kind,
                "primary": federated, "dateCreated": 1_700_000_000_000_u64,
            }]),
            _ => json!([]),
        };
        let mut document = json!({
            "Username": username, "UserStatus": status, "Enabled": user.enabled,
            "Attributes": attributes, "Groups": groups, "Identities": identities,
            "HasPassword": !federated,
            "Sub": format!("00000000-0000-4000-8000-{index:012}"),
        });
        let more = match user.mfa {
            1 if self.mfa == 1 || self.mfa == 2 || self.mfa == 4 => json!({
                "UserMFASettingList": ["SOFTWARE_TOKEN_MFA"], "PreferredMfaSetting": "SOFTWARE_TOKEN_MFA",
                "SoftwareTokenRegistered": true,
            }),
            2 if self.mfa >= 3 && user.phone > 0 => {
                json!({"UserMFASettingList": ["SMS_MFA"], "PreferredMfaSetting": "SMS_MFA"})
            }
            _ => json!({}),
        };
        document
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().cloned().unwrap());
        document
    }
}

fn client_id(index: usize) -> String {
    format!("{index}clientclientclientclient{index}")
}
