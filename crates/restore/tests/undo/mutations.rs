//! What somebody does to a live pool between a backup and its undo: calls that anybody with
//! permission can make. What Cognito refuses changes nothing.

use cognito::{Cognito, Operation};
use proptest::prelude::*;
use serde_json::{Value, json};
use simulator::PoolDocument;

/// Members that no update takes.
const COMPUTED: &[&str] = &[
    "Id",
    "Arn",
    "CreationDate",
    "LastModifiedDate",
    "SchemaAttributes",
    "EstimatedNumberOfUsers",
    "Domain",
    "CustomDomain",
    "Status",
    "AliasAttributes",
    "UsernameAttributes",
    "UsernameConfiguration",
    "SmsVerificationMessage",
    "EmailVerificationMessage",
    "EmailVerificationSubject",
    "AcrConfiguration",
    "ClientSecret",
    "ClientType",
];

const LOG_GROUP: &str = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/vendedlogs/added";
const CERTIFICATE: &str = "arn:aws:acm:us-east-1:000000000000:certificate/c";
/// One pixel.
const IMAGE: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// What a drawn pool has beyond those of the round trip: what reaches beyond a pool, and is made
/// again in another Region only in part.
pub(crate) fn with_more(mut pool: PoolDocument, number: u32, more: [bool; 3]) -> PoolDocument {
    let [custom_domain, logs, image] = more;
    let object = |value: Value| value.as_object().cloned().unwrap();
    if custom_domain {
        pool.domains.push(object(json!({
            "Domain": format!("auth.undo-{number}.example.com"), "ManagedLoginVersion": 1,
            "CustomDomainConfig": {"CertificateArn": CERTIFICATE},
        })));
    }
    if logs {
        pool.log_configurations = Some(vec![json!({
            "LogLevel": "ERROR", "EventSource": "userNotification",
            "CloudWatchLogsConfiguration": {"LogGroupArn": LOG_GROUP.replace("added", "shop")},
        })]);
    }
    if let (true, Some(of_pool)) = (image, pool.ui_customizations.first_mut()) {
        of_pool.insert("Image".to_owned(), IMAGE.into());
    }
    pool
}

/// One thing that is done; numbers choose among what is there.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    PasswordLength(u32),
    SelfSignUp,
    Verifies,
    Protection,
    Trigger,
    Messages,
    Tag(bool),
    MfaOff,
    MfaByApp,
    ClientUrls(usize),
    ClientFlows(usize),
    ClientValidity(usize, u32),
    DeleteClient(usize),
    CreateClient,
    GroupPrecedence(usize, u32),
    DeleteGroup(usize),
    CreateGroup,
    ServerScopes,
    DeleteServer,
    ProviderMapping,
    DeleteProvider(usize),
    Risk,
    ClientRisk(usize, bool),
    Sessions(u32),
    ClientSessions(usize, u32),
    LogDelivery(bool),
    DeleteTerms,
    CreateTerms(usize),
    ChangeTerms,
    DeleteStyle,
    Css,
    ClientCss(usize),
    Image(bool),
    DeleteDomain,
    CustomDomain(bool),
    AddSecret(usize),
    DeleteSecret(usize),
    Enabled(usize, bool),
    Attribute(usize, Option<String>),
    Email(usize, bool),
    DeleteUser(usize),
    CreateUser(u8),
    Join(usize, usize),
    Leave(usize, usize),
}

pub(crate) fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    use Mutation::*;
    let n = 0_usize..4;
    let settings = prop_oneof![
        (6_u32..40).prop_map(PasswordLength),
        Just(SelfSignUp),
        Just(Verifies),
        Just(Protection),
        Just(Trigger),
        Just(Messages),
        any::<bool>().prop_map(Tag),
        Just(MfaOff),
        Just(MfaByApp),
        Just(Risk),
        Just(Css),
        any::<bool>().prop_map(Image),
        (1_u32..9).prop_map(Sessions),
        any::<bool>().prop_map(LogDelivery),
        Just(DeleteDomain),
        any::<bool>().prop_map(CustomDomain),
    ];
    let things = prop_oneof![
        n.clone().prop_map(ClientUrls),
        n.clone().prop_map(ClientFlows),
        (n.clone(), 1_u32..300).prop_map(|(at, days)| ClientValidity(at, days)),
        n.clone().prop_map(DeleteClient),
        Just(CreateClient),
        (n.clone(), 0_u32..9).prop_map(|(at, number)| GroupPrecedence(at, number)),
        n.clone().prop_map(DeleteGroup),
        Just(CreateGroup),
        Just(ServerScopes),
        Just(DeleteServer),
        Just(ProviderMapping),
        n.clone().prop_map(DeleteProvider),
        Just(DeleteTerms),
        Just(ChangeTerms),
        Just(DeleteStyle),
    ];
    let of_clients = prop_oneof![
        n.clone().prop_map(CreateTerms),
        n.clone().prop_map(ClientCss),
        (n.clone(), any::<bool>()).prop_map(|(at, blocks)| ClientRisk(at, blocks)),
        (n.clone(), 5_u32..90).prop_map(|(at, minutes)| ClientSessions(at, minutes)),
        n.clone().prop_map(AddSecret),
        n.clone().prop_map(DeleteSecret),
    ];
    let u = 0_usize..12;
    let people = prop_oneof![
        (u.clone(), any::<bool>()).prop_map(|(at, on)| Enabled(at, on)),
        (u.clone(), prop::option::of("[a-z]{1,9}")).prop_map(|(at, text)| Attribute(at, text)),
        (u.clone(), any::<bool>()).prop_map(|(at, verified)| Email(at, verified)),
        u.clone().prop_map(DeleteUser),
        any::<u8>().prop_map(CreateUser),
        (u.clone(), n.clone()).prop_map(|(at, group)| Join(at, group)),
        (u, n).prop_map(|(at, group)| Leave(at, group)),
    ];
    prop::collection::vec(prop_oneof![settings, things, of_clients, people], 0..8)
}

/// The pool that is changed.
pub(crate) struct Live<'a> {
    pub(crate) cognito: &'a Cognito,
    pub(crate) pool: &'a str,
}

impl Live<'_> {
    async fn call(&self, operation: Operation, members: Value) -> Value {
        let mut request = json!({"UserPoolId": self.pool});
        let more = members.as_object().cloned().unwrap();
        request.as_object_mut().unwrap().extend(more);
        self.cognito
            .call(operation, &request)
            .await
            .unwrap_or_default()
    }

    /// The names of what a list shows, in order.
    async fn listed(&self, operation: Operation, list: &str, name: &str) -> Vec<String> {
        let answer = self.call(operation, json!({})).await;
        let listed = answer[list].as_array().cloned().unwrap_or_default();
        let names = listed
            .iter()
            .map(|one| one[name].as_str().unwrap().to_owned());
        names.collect()
    }

    async fn settings(&self, change: impl FnOnce(&mut Value)) {
        let answer = self.call(Operation::DescribeUserPool, json!({})).await;
        let mut pool = answer["UserPool"].clone();
        without(&mut pool, COMPUTED);
        pool["PoolName"] = pool["Name"].take();
        without(&mut pool, &["Name"]);
        if let Some(config) = pool["AdminCreateUserConfig"].as_object_mut() {
            config.remove("UnusedAccountValidityDays");
        }
        change(&mut pool);
        self.call(Operation::UpdateUserPool, pool).await;
    }

    async fn client(&self, at: usize, change: impl FnOnce(&mut Value)) {
        let ids = self
            .listed(
                Operation::ListUserPoolClients,
                "UserPoolClients",
                "ClientId",
            )
            .await;
        let Some(id) = ids.get(at) else { return };
        let answer = self
            .call(Operation::DescribeUserPoolClient, json!({"ClientId": id}))
            .await;
        let mut client = answer["UserPoolClient"].clone();
        without(&mut client, COMPUTED);
        if client["RefreshTokenRotation"]["Feature"] == "DISABLED" {
            client["RefreshTokenRotation"] = json!({"Feature": "DISABLED"});
        }
        change(&mut client);
        self.call(Operation::UpdateUserPoolClient, client).await;
    }

    /// A call about a client; nothing where there is none.
    async fn of_client(&self, at: usize, operation: Operation, mut members: Value) -> Value {
        let list = Operation::ListUserPoolClients;
        let ids = self.listed(list, "UserPoolClients", "ClientId").await;
        let Some(id) = ids.get(at) else {
            return Value::Null;
        };
        members["ClientId"] = id.as_str().into();
        self.call(operation, members).await
    }

    async fn users(&self) -> Vec<String> {
        let mut users = self.listed(Operation::ListUsers, "Users", "Username").await;
        users.sort();
        users
    }

    async fn groups(&self) -> Vec<String> {
        self.listed(Operation::ListGroups, "Groups", "GroupName")
            .await
    }

    async fn user(&self, at: usize, operation: Operation, mut members: Value) {
        if let Some(user) = self.users().await.get(at) {
            members["Username"] = user.as_str().into();
            self.call(operation, members).await;
        }
    }

    pub(crate) async fn mutate(&self, mutation: &Mutation) {
        use Mutation::*;
        match mutation {
            PasswordLength(length) => {
                self.settings(|pool| {
                    pool["Policies"]["PasswordPolicy"]["MinimumLength"] = json!(length);
                })
                .await;
            }
            SelfSignUp => {
                self.settings(|pool| {
                    let only = &mut pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"];
                    *only = json!(*only != true);
                })
                .await;
            }
            Verifies => {
                self.settings(|pool| {
                    let verifies = pool["AutoVerifiedAttributes"] == json!(["email"]);
                    pool["UserAttributeUpdateSettings"] =
                        json!({"AttributesRequireVerificationBeforeUpdate": []});
                    pool["AutoVerifiedAttributes"] = if verifies {
                        json!([])
                    } else {
                        json!(["email"])
                    };
                })
                .await;
            }
            Protection => {
                self.settings(|pool| {
                    let is_on = pool["DeletionProtection"] == "ACTIVE";
                    pool["DeletionProtection"] = if is_on { "INACTIVE" } else { "ACTIVE" }.into();
                })
                .await;
            }
            Trigger => {
                self.settings(|pool| {
                    let arn = "arn:aws:lambda:us-east-1:000000000000:function:added";
                    pool["LambdaConfig"]["PostAuthentication"] = arn.into();
                })
                .await;
            }
            Messages => {
                self.settings(|pool| {
                    pool["VerificationMessageTemplate"] = json!({
                        "DefaultEmailOption": "CONFIRM_WITH_CODE", "EmailMessage": "Other {####}",
                    });
                })
                .await;
            }
            Tag(adds) => {
                let arn = format!(
                    "arn:aws:cognito-idp:us-east-1:000000000000:userpool/{}",
                    self.pool
                );
                let tags = if *adds {
                    json!({"added": "1"})
                } else {
                    json!({"number": "other"})
                };
                let request = json!({"ResourceArn": arn, "Tags": tags});
                let called = self.cognito.call(Operation::TagResource, &request);
                called.await.unwrap();
            }
            MfaOff => {
                let off = json!({"MfaConfiguration": "OFF"});
                self.call(Operation::SetUserPoolMfaConfig, off).await;
            }
            MfaByApp => {
                let app = json!({
                    "MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true},
                });
                self.call(Operation::SetUserPoolMfaConfig, app).await;
            }
            Risk => {
                let risk = json!({"CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "NO_ACTION"}}});
                self.call(Operation::SetRiskConfiguration, risk).await;
            }
            Css => {
                let css =
                    json!({"ClientId": "ALL", "CSS": ".logo-customizable {\n\tmax-width: 10%;\n}"});
                self.call(Operation::SetUICustomization, css).await;
            }
            ClientRisk(at, blocks) => {
                let action = if *blocks { "BLOCK" } else { "NO_ACTION" };
                let risk = json!({"CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": action}}});
                self.of_client(*at, Operation::SetRiskConfiguration, risk)
                    .await;
            }
            Sessions(number) => {
                let sessions = json!({"TokenSession": {"MaxPerUser": number}, "UserSessionTracking": "DISABLED"});
                self.call(Operation::SetUserPoolSessionConfiguration, sessions)
                    .await;
            }
            ClientSessions(at, minutes) => {
                let sessions = json!({"SSOSession": {"MaxValidityMinutes": minutes}});
                let operation = Operation::SetUserPoolClientSessionConfiguration;
                self.of_client(*at, operation, sessions).await;
            }
            LogDelivery(is_on) => {
                let logs = json!([{
                    "LogLevel": "ERROR", "EventSource": "userNotification",
                    "CloudWatchLogsConfiguration": {"LogGroupArn": LOG_GROUP},
                }]);
                let logs = if *is_on { logs } else { json!([]) };
                let request = json!({"LogConfigurations": logs});
                self.call(Operation::SetLogDeliveryConfiguration, request)
                    .await;
            }
            ClientCss(at) => {
                let css = json!({"CSS": ".banner-customizable {\n\tbackground-color: #fff;\n}"});
                self.of_client(*at, Operation::SetUICustomization, css)
                    .await;
            }
            Image(with_css) => {
                let mut image = json!({"ClientId": "ALL", "ImageFile": IMAGE});
                if *with_css {
                    image["CSS"] = ".logo-customizable {\n\tmax-width: 20%;\n}".into();
                }
                self.call(Operation::SetUICustomization, image).await;
            }
            CreateTerms(at) => {
                let terms = json!({
                    "TermsName": "privacy-policy", "TermsSource": "LINK", "Enforcement": "NONE",
                    "Links": {"cognito:default": "https://shop.example.com/privacy"},
                });
                self.of_client(*at, Operation::CreateTerms, terms).await;
            }
            ChangeTerms => {
                let ids = self.listed(Operation::ListTerms, "Terms", "TermsId").await;
                if let Some(id) = ids.first() {
                    let terms = json!({
                        "TermsId": id, "Links": {"cognito:default": "https://shop.example.com/other"},
                    });
                    self.call(Operation::UpdateTerms, terms).await;
                }
            }
            DeleteDomain => {
                let pool = self.call(Operation::DescribeUserPool, json!({})).await;
                let domain = json!({"Domain": pool["UserPool"]["Domain"]});
                self.call(Operation::DeleteUserPoolDomain, domain).await;
            }
            CustomDomain(other_certificate) => {
                let pool = self.call(Operation::DescribeUserPool, json!({})).await;
                let domain = pool["UserPool"]["CustomDomain"].clone();
                if *other_certificate {
                    let certificate = json!({"CertificateArn": CERTIFICATE.replace("/c", "/d")});
                    let domain = json!({"Domain": domain, "CustomDomainConfig": certificate});
                    self.call(Operation::UpdateUserPoolDomain, domain).await;
                } else {
                    let domain = json!({"Domain": domain});
                    self.call(Operation::DeleteUserPoolDomain, domain).await;
                }
            }
            AddSecret(at) => {
                let operation = Operation::AddUserPoolClientSecret;
                self.of_client(*at, operation, json!({})).await;
            }
            DeleteSecret(at) => {
                let operation = Operation::ListUserPoolClientSecrets;
                let listed = self.of_client(*at, operation, json!({})).await;
                let secret =
                    json!({"ClientSecretId": listed["ClientSecrets"][0]["ClientSecretId"]});
                let operation = Operation::DeleteUserPoolClientSecret;
                self.of_client(*at, operation, secret).await;
            }
            ClientUrls(at) => {
                self.client(*at, |client| {
                    client["CallbackURLs"] = json!(["https://added.example.com/callback"]);
                })
                .await;
            }
            ClientFlows(at) => {
                self.client(*at, |client| {
                    if client["RefreshTokenRotation"]["Feature"] != "ENABLED" {
                        client["ExplicitAuthFlows"] =
                            json!(["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_PASSWORD_AUTH"]);
                    }
                })
                .await;
            }
            ClientValidity(at, days) => {
                self.client(*at, |client| {
                    client["RefreshTokenValidity"] = json!(days);
                    client["TokenValidityUnits"]["RefreshToken"] = "days".into();
                })
                .await;
            }
            DeleteClient(at) => {
                let ids = self
                    .listed(
                        Operation::ListUserPoolClients,
                        "UserPoolClients",
                        "ClientId",
                    )
                    .await;
                if let Some(id) = ids.get(*at) {
                    let request = json!({"ClientId": id});
                    self.call(Operation::DeleteUserPoolClient, request).await;
                }
            }
            CreateClient => {
                let client = json!({"ClientName": "added", "GenerateSecret": true});
                self.call(Operation::CreateUserPoolClient, client).await;
            }
            GroupPrecedence(at, number) => {
                if let Some(group) = self.groups().await.get(*at) {
                    let request = json!({"GroupName": group, "Precedence": number});
                    self.call(Operation::UpdateGroup, request).await;
                }
            }
            DeleteGroup(at) => {
                if let Some(group) = self.groups().await.get(*at) {
                    let request = json!({"GroupName": group});
                    self.call(Operation::DeleteGroup, request).await;
                }
            }
            CreateGroup => {
                let group = json!({"GroupName": "added", "Description": "since"});
                self.call(Operation::CreateGroup, group).await;
            }
            ServerScopes => {
                let server = json!({
                    "Identifier": "https://api.example.com", "Name": "Other",
                    "Scopes": [{"ScopeName": "read", "ScopeDescription": "other"}],
                });
                self.call(Operation::UpdateResourceServer, server).await;
            }
            DeleteServer => {
                let server = json!({"Identifier": "https://api.example.com"});
                self.call(Operation::DeleteResourceServer, server).await;
            }
            ProviderMapping => {
                let provider = json!({
                    "ProviderName": "Google", "AttributeMapping": {"name": "name", "username": "sub"},
                });
                self.call(Operation::UpdateIdentityProvider, provider).await;
            }
            DeleteProvider(at) => {
                let names = self
                    .listed(
                        Operation::ListIdentityProviders,
                        "Providers",
                        "ProviderName",
                    )
                    .await;
                if let Some(name) = names.get(*at) {
                    let request = json!({"ProviderName": name});
                    self.call(Operation::DeleteIdentityProvider, request).await;
                }
            }
            DeleteTerms => {
                let ids = self.listed(Operation::ListTerms, "Terms", "TermsId").await;
                if let Some(id) = ids.first() {
                    self.call(Operation::DeleteTerms, json!({"TermsId": id}))
                        .await;
                }
            }
            DeleteStyle => {
                let id = "0c1e7b1e-7a3c-4c5e-9d53-000000000000";
                let request = json!({"ManagedLoginBrandingId": id});
                self.call(Operation::DeleteManagedLoginBranding, request)
                    .await;
            }
            Enabled(at, true) => self.user(*at, Operation::AdminEnableUser, json!({})).await,
            Enabled(at, false) => self.user(*at, Operation::AdminDisableUser, json!({})).await,
            Attribute(at, text) => match text {
                Some(text) => {
                    let members = json!({"UserAttributes": [{"Name": "nickname", "Value": text}]});
                    self.user(*at, Operation::AdminUpdateUserAttributes, members)
                        .await;
                }
                None => {
                    let members = json!({"UserAttributeNames": ["custom:text"]});
                    self.user(*at, Operation::AdminDeleteUserAttributes, members)
                        .await;
                }
            },
            Email(at, verified) => {
                let members = json!({"UserAttributes": [
                    {"Name": "email", "Value": format!("moved-{at}@example.com")},
                    {"Name": "email_verified", "Value": verified.to_string()},
                ]});
                self.user(*at, Operation::AdminUpdateUserAttributes, members)
                    .await;
            }
            DeleteUser(at) => self.user(*at, Operation::AdminDeleteUser, json!({})).await,
            CreateUser(number) => {
                for name in [
                    format!("added-{number}"),
                    format!("added-{number}@example.com"),
                ] {
                    let members = json!({"Username": name, "MessageAction": "SUPPRESS"});
                    self.call(Operation::AdminCreateUser, members).await;
                }
            }
            Join(at, group) => {
                if let Some(group) = self.groups().await.get(*group) {
                    let members = json!({"GroupName": group});
                    self.user(*at, Operation::AdminAddUserToGroup, members)
                        .await;
                }
            }
            Leave(at, group) => {
                if let Some(group) = self.groups().await.get(*group) {
                    let members = json!({"GroupName": group});
                    self.user(*at, Operation::AdminRemoveUserFromGroup, members)
                        .await;
                }
            }
        }
    }
}

fn without(document: &mut Value, members: &[&str]) {
    let document = document.as_object_mut().unwrap();
    for member in members {
        document.remove(*member);
    }
}
