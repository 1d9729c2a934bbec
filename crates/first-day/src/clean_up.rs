//! Removing what a run made, and nothing else.
//!
//! The journal names it. What is not known by its id is looked for by its name, which holds the
//! run's, and must carry the scratch tag. The sweep after a lost journal goes by name and tag
//! alone.

use cognito::{CognitoError, ErrorKind, Operation};
use serde_json::{Value, json};

use crate::account::{Account, Region};
use crate::journal::{Journal, JournalError, Kind, Thing};
use crate::run::{Moment, Watch};
use crate::scratch::{TAG, Trouble};
use crate::services;

/// What the names of everything scratch begin with.
pub const PREFIX: &str = "first-day-";

/// Why something could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// Cognito refused or did not answer.
    #[error(transparent)]
    Cognito(#[from] CognitoError),
    /// Another service refused or did not answer.
    #[error(transparent)]
    Other(#[from] Trouble),
    /// It is in a Region that this run does not know.
    #[error("it is in {0}: name that Region")]
    Elsewhere(String),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// What could not be removed, and why.
#[derive(Debug)]
pub struct Left {
    /// What is left, or may be.
    pub thing: Thing,
    /// Why.
    pub error: RemovalError,
}

/// Removes everything that a journal names, the newest first; returns what is left.
pub async fn by_journal(account: &Account, journal: &Journal, watch: &dyn Watch) -> Vec<Left> {
    let mut left = Vec::new();
    for thing in journal.things() {
        watch.moment(&Moment::Removing(&thing));
        let removed = match remove(account, journal.run(), &thing).await {
            Ok(()) => journal.gone(thing.number).map_err(RemovalError::from),
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            left.push(Left { thing, error });
        }
    }
    left
}

/// Removes everything in the account's two Regions that carries the scratch name and tag,
/// whichever run made it; returns how much that was.
///
/// # Errors
/// When something cannot be listed or removed.
pub async fn by_tag(account: &Account) -> Result<usize, RemovalError> {
    let mut removed = pools_by_tag(account).await?;
    removed += services::remove::all(account).await?;
    Ok(removed)
}

/// As [`by_tag`], of Cognito alone.
///
/// # Errors
/// When something cannot be listed or removed.
pub async fn pools_by_tag(account: &Account) -> Result<usize, RemovalError> {
    let mut removed = 0;
    for region in [&account.primary, &account.dr] {
        for (id, name) in pools(region).await? {
            let tag = tag_of(region, &id).await?;
            if tag.is_some_and(|run| run.starts_with(PREFIX) && name.starts_with(&run)) {
                remove_pool(region, &id).await?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}

/// Removes one thing. What is not there is as good as removed.
async fn remove(account: &Account, run: &str, thing: &Thing) -> Result<(), RemovalError> {
    let region = account
        .named(&thing.region)
        .ok_or_else(|| RemovalError::Elsewhere(thing.region.clone()))?;
    match thing.kind {
        Kind::Role => services::remove::role(account, &thing.name).await,
        Kind::IamUser => services::remove::user(account, &thing.name).await,
        Kind::Bucket => services::remove::bucket(region, &thing.name).await,
        Kind::WebAcl => services::remove::web_acl(region, &thing.name).await,
        Kind::Stack => services::remove::stack(region, &thing.name).await,
        Kind::Table => services::remove::table(region, &thing.name).await,
        Kind::UserPool => match &thing.id {
            Some(id) => remove_pool(region, id).await,
            None => {
                tokio::time::sleep(account.quiet_time).await;
                for (id, name) in pools(region).await? {
                    if name == thing.name && tag_of(region, &id).await?.as_deref() == Some(run) {
                        remove_pool(region, &id).await?;
                    }
                }
                Ok(())
            }
        },
    }
}

/// Ids and names of the pools whose names look like ours.
async fn pools(region: &Region) -> Result<Vec<(String, String)>, RemovalError> {
    let mut found = Vec::new();
    let mut token = Value::Null;
    loop {
        let mut request = json!({"MaxResults": 60});
        if !token.is_null() {
            request["NextToken"] = token;
        }
        let mut page = region
            .cognito
            .call(Operation::ListUserPools, &request)
            .await?;
        for pool in page["UserPools"].as_array().into_iter().flatten() {
            if let (Some(id), Some(name)) = (pool["Id"].as_str(), pool["Name"].as_str())
                && name.starts_with(PREFIX)
            {
                found.push((id.to_owned(), name.to_owned()));
            }
        }
        token = page["NextToken"].take();
        if token.is_null() {
            return Ok(found);
        }
    }
}

/// The run that a pool's tag names.
async fn tag_of(region: &Region, id: &str) -> Result<Option<String>, RemovalError> {
    let request = json!({"UserPoolId": id});
    let described = region
        .cognito
        .call(Operation::DescribeUserPool, &request)
        .await;
    match described {
        Ok(described) => Ok(described["UserPool"]["UserPoolTags"][TAG]
            .as_str()
            .map(str::to_owned)),
        Err(error) if error.is(ErrorKind::Missing) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes a pool: its domains go first, and its protection (facts A.10, B.1).
async fn remove_pool(region: &Region, id: &str) -> Result<(), RemovalError> {
    let cognito = &region.cognito;
    let request = json!({"UserPoolId": id});
    let described = match cognito.call(Operation::DescribeUserPool, &request).await {
        Ok(mut described) => described["UserPool"].take(),
        Err(error) if error.is(ErrorKind::Missing) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for member in ["Domain", "CustomDomain"] {
        if let Some(domain) = described[member].as_str() {
            let request = json!({"UserPoolId": id, "Domain": domain});
            cognito
                .call(Operation::DeleteUserPoolDomain, &request)
                .await?;
        }
    }
    if described["DeletionProtection"] == "ACTIVE" {
        let request = json!({"UserPoolId": id, "DeletionProtection": "INACTIVE"});
        cognito.call(Operation::UpdateUserPool, &request).await?;
    }
    match cognito.call(Operation::DeleteUserPool, &request).await {
        Err(error) if !error.is(ErrorKind::Missing) => Err(error.into()),
        _ => Ok(()),
    }
}
