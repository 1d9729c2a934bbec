//! Reading a whole user pool, section by section of the inventory (facts A).
//!
//! A backup reads the pool that it saves with this, and a verification the pool that was
//! restored: the two compare because they are read alike.

mod appearance;
mod clients;
mod directory;
mod domains;
mod pool;
mod protection;
mod reading;
mod sessions;
mod web_acl;

use jiff::Timestamp;
use model::UserPoolId;
use model::document::BackupHead;
use model::inventory::Section;
use serde_json::{Map, Value, json};

use crate::call::Cognito;
use crate::error::CognitoError;
use crate::operation::Operation;
use crate::pages::Pages;
use reading::{SectionRead, settle};

/// Every operation that the collector calls: what the role of a backup must allow. WAF's
/// `GetWebACLForResource` comes on top.
pub const OPERATIONS: &[Operation] = &[
    Operation::AdminGetUserAuthFactors,
    Operation::DescribeIdentityProvider,
    Operation::DescribeManagedLoginBrandingByClient,
    Operation::DescribeRiskConfiguration,
    Operation::DescribeTerms,
    Operation::DescribeUserPool,
    Operation::DescribeUserPoolClient,
    Operation::DescribeUserPoolDomain,
    Operation::GetLogDeliveryConfiguration,
    Operation::GetSigningCertificate,
    Operation::GetUICustomization,
    Operation::GetUserPoolClientSessionConfiguration,
    Operation::GetUserPoolMfaConfig,
    Operation::GetUserPoolSessionConfiguration,
    Operation::ListGroups,
    Operation::ListIdentityProviders,
    Operation::ListResourceServers,
    Operation::ListTagsForResource,
    Operation::ListTerms,
    Operation::ListUserPoolClientSecrets,
    Operation::ListUserPoolClients,
    Operation::ListUserPoolReplicas,
    Operation::ListUsers,
    Operation::ListUsersInGroup,
];

/// Reads a pool through the Cognito API, at the client's pace.
pub struct Collector<'a> {
    cognito: &'a Cognito,
    waf: &'a aws_sdk_wafv2::Client,
}

/// What the readers of sections need to know of the pool.
struct Pool<'a> {
    cognito: &'a Cognito,
    waf: &'a aws_sdk_wafv2::Client,
    id: &'a UserPoolId,
    /// The `UserPool` of DescribeUserPool.
    settings: Value,
    client_ids: Vec<String>,
}

/// What a reader found out about its sections.
type Readings = Vec<(Section, SectionRead)>;

impl<'a> Collector<'a> {
    /// A collector for pools in the Region of the clients.
    pub fn new(cognito: &'a Cognito, waf: &'a aws_sdk_wafv2::Client) -> Self {
        Self { cognito, waf }
    }

    /// Reads everything but users and memberships.
    ///
    /// A section that cannot be read is recorded as failed, with the error, and never as empty;
    /// one that the pool's feature plan does not have is recorded as not read.
    ///
    /// # Errors
    /// When an essential section (settings, clients, groups) cannot be read.
    pub async fn head(
        &self,
        pool: &UserPoolId,
        began: Timestamp,
    ) -> Result<BackupHead, CognitoError> {
        let (settings, groups) = tokio::try_join!(self.settings(pool, began), self.groups(pool))?;
        Ok(with_groups(settings, groups))
    }

    /// The groups, those included that Cognito made for the users of a provider (facts A.9).
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn groups(&self, pool: &UserPoolId) -> Result<Vec<Value>, CognitoError> {
        self.cognito.list(Operation::ListGroups, pool).await
    }

    /// The head without the [groups](with_groups), which may be large and are needed first: as
    /// [`head`](Self::head).
    ///
    /// Everything is read side by side: no call waits for another but for what it takes out of
    /// its answer, so that each operation goes at its own rate (facts E).
    ///
    /// # Errors
    /// As [`head`](Self::head).
    pub async fn settings(
        &self,
        pool: &UserPoolId,
        began: Timestamp,
    ) -> Result<BackupHead, CognitoError> {
        let (settings, client_ids) = tokio::try_join!(
            pool::settings(self.cognito, pool),
            clients::ids(self.cognito, pool)
        )?;
        let pool = Pool {
            cognito: self.cognito,
            waf: self.waf,
            id: pool,
            settings,
            client_ids,
        };
        // On the heap: together they are large.
        let others = async {
            let readings: [Readings; 7] = tokio::join!(
                Box::pin(pool::beside_the_settings(&pool)),
                Box::pin(directory::providers_and_servers(&pool)),
                Box::pin(domains::domains(&pool)),
                Box::pin(appearance::appearance(&pool)),
                Box::pin(protection::risk(&pool)),
                Box::pin(sessions::sessions(&pool)),
                Box::pin(web_acl::association(&pool)),
            )
            .into();
            Ok(readings)
        };
        let clients = Box::pin(clients::clients_and_secrets(&pool));
        let (clients, others) = tokio::try_join!(clients, others)?;
        let mut head = BackupHead::new(pool.id.clone(), began);
        head.set(Section::UserPoolConfig, pool.settings);
        for (section, reading) in clients.into_iter().chain(others.into_iter().flatten()) {
            match reading {
                SectionRead::Found(value) => head.set(section, value),
                SectionRead::NotRead(reason) => head.set_not_read(section, reason),
                SectionRead::Failed(error) => head.set_failed(section, error),
            }
        }
        Ok(head)
    }

    /// Cognito's estimate of the number of users, which may lag behind (facts D).
    ///
    /// # Errors
    /// As [`Cognito::call`].
    pub async fn estimated_users(&self, pool: &UserPoolId) -> Result<Option<u64>, CognitoError> {
        let settings = pool::settings(self.cognito, pool).await?;
        Ok(settings["EstimatedNumberOfUsers"].as_u64())
    }

    /// The pages of ListUsers: user objects as Cognito gives them. Not a snapshot, and a user
    /// who changes meanwhile may be listed twice or not at all (facts D).
    ///
    /// # Errors
    /// None today.
    pub fn users(&self, pool: &UserPoolId) -> Result<Pages<'a>, CognitoError> {
        self.users_found_by(pool, None)
    }

    /// The same of the users whom a filter of ListUsers finds.
    ///
    /// # Errors
    /// None today.
    pub fn users_found_by(
        &self,
        pool: &UserPoolId,
        filter: Option<&str>,
    ) -> Result<Pages<'a>, CognitoError> {
        let mut request = json!({"UserPoolId": pool.as_str()});
        if let Some(filter) = filter {
            request["Filter"] = filter.into();
        }
        Pages::new(self.cognito, Operation::ListUsers, request)
    }

    /// The pages of ListUsersInGroup. [`ErrorKind::Missing`](crate::ErrorKind::Missing) when the
    /// group was deleted meanwhile.
    ///
    /// # Errors
    /// None today.
    pub fn members(&self, pool: &UserPoolId, group: &str) -> Result<Pages<'a>, CognitoError> {
        let request = json!({"UserPoolId": pool.as_str(), "GroupName": group});
        Pages::new(self.cognito, Operation::ListUsersInGroup, request)
    }

    /// A user's `PreferredMfaSetting` and `UserMFASettingList`, to be merged into the user's
    /// object; a list that is missing from the answer is given as empty, because it was asked for.
    ///
    /// By AdminGetUserAuthFactors: AdminGetUser would make the user a billed, active one
    /// (facts C.7, D).
    ///
    /// # Errors
    /// [`ErrorKind::Missing`](crate::ErrorKind::Missing) when the user was deleted meanwhile;
    /// others as [`Cognito::call`].
    pub async fn mfa_preference(
        &self,
        pool: &UserPoolId,
        username: &str,
    ) -> Result<Map<String, Value>, CognitoError> {
        let request = json!({"UserPoolId": pool.as_str(), "Username": username});
        let operation = Operation::AdminGetUserAuthFactors;
        let mut answer = self.cognito.call(operation, &request).await?;
        let mut preference = Map::new();
        if let Some(preferred @ Value::String(_)) =
            answer.get_mut("PreferredMfaSetting").map(Value::take)
        {
            preference.insert("PreferredMfaSetting".into(), preferred);
        }
        let list = answer.get_mut("UserMFASettingList").map(Value::take);
        let list = list.filter(Value::is_array).unwrap_or_else(|| json!([]));
        preference.insert("UserMFASettingList".into(), list);
        Ok(preference)
    }
}

/// The head with the groups that belong to it.
pub fn with_groups(mut settings: BackupHead, groups: Vec<Value>) -> BackupHead {
    settings.set(Section::Groups, Value::Array(groups));
    settings
}

impl Pool<'_> {
    fn request(&self) -> Value {
        json!({"UserPoolId": self.id.as_str()})
    }

    fn request_for_client(&self, client: &str) -> Value {
        json!({"UserPoolId": self.id.as_str(), "ClientId": client})
    }

    fn client_ids(&self) -> impl Iterator<Item = &str> {
        self.client_ids.iter().map(String::as_str)
    }

    /// The pool's ARN, by which other services know it.
    fn arn(&self) -> Option<&str> {
        self.settings.get("Arn").and_then(Value::as_str)
    }

    fn has_domain(&self) -> bool {
        domains::MEMBERS
            .iter()
            .any(|(_, member)| domains::name(&self.settings, member).is_some())
    }

    /// Calls an operation on the pool and takes `member` out of the answer.
    async fn member(&self, operation: Operation, member: &str) -> Result<Value, CognitoError> {
        let mut answer = self.cognito.call(operation, &self.request()).await?;
        Ok(answer
            .get_mut(member)
            .map(Value::take)
            .unwrap_or(Value::Null))
    }

    /// All items of a list of the pool.
    async fn list(&self, operation: Operation) -> SectionRead {
        settle(
            self.cognito
                .list(operation, self.id)
                .await
                .map(Value::Array),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::inventory::ITEMS;

    use super::*;

    #[test]
    fn the_collector_calls_what_the_inventory_says_and_nothing_else() {
        let called: BTreeSet<String> = OPERATIONS.iter().map(|called| called.action()).collect();
        let listed: BTreeSet<String> = ITEMS
            .iter()
            .flat_map(|item| item.read)
            .filter(|action| action.starts_with("cognito-idp:"))
            // A permission that WAF asks for, not an operation (facts A.16).
            .filter(|action| **action != "cognito-idp:GetWebACLForResource")
            .map(|action| (*action).to_owned())
            .collect();
        assert_eq!(called, listed);
    }
}
