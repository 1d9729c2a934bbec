//! Lists, page by page.
//!
//! A page may be short or empty and still carry a token: only the token tells whether there is
//! more (facts D).

use std::collections::VecDeque;

use model::UserPoolId;
use serde_json::{Map, Value, json};

use crate::call::Cognito;
use crate::error::CognitoError;
use crate::operation::Operation;

/// How a list operation names its parts.
struct Listing {
    operation: Operation,
    items: &'static str,
    token: &'static str,
    size: Option<(&'static str, u32)>,
}

const fn listing(
    operation: Operation,
    items: &'static str,
    token: &'static str,
    size: Option<(&'static str, u32)>,
) -> Listing {
    Listing {
        operation,
        items,
        token,
        size,
    }
}

/// Members and page sizes from the API model; ListResourceServers takes 50 at most (facts A.8).
const LISTINGS: &[Listing] = &[
    listing(
        Operation::ListUsers,
        "Users",
        "PaginationToken",
        Some(("Limit", 60)),
    ),
    listing(
        Operation::ListUsersInGroup,
        "Users",
        "NextToken",
        Some(("Limit", 60)),
    ),
    listing(
        Operation::ListGroups,
        "Groups",
        "NextToken",
        Some(("Limit", 60)),
    ),
    listing(
        Operation::AdminListGroupsForUser,
        "Groups",
        "NextToken",
        Some(("Limit", 60)),
    ),
    listing(
        Operation::ListUserPoolClients,
        "UserPoolClients",
        "NextToken",
        Some(("MaxResults", 60)),
    ),
    listing(
        Operation::ListUserPoolClientSecrets,
        "ClientSecrets",
        "NextToken",
        None,
    ),
    listing(
        Operation::ListIdentityProviders,
        "Providers",
        "NextToken",
        Some(("MaxResults", 60)),
    ),
    listing(
        Operation::ListResourceServers,
        "ResourceServers",
        "NextToken",
        Some(("MaxResults", 50)),
    ),
    listing(
        Operation::ListUserPools,
        "UserPools",
        "NextToken",
        Some(("MaxResults", 60)),
    ),
    listing(
        Operation::ListTerms,
        "Terms",
        "NextToken",
        Some(("MaxResults", 60)),
    ),
    listing(
        Operation::ListUserPoolReplicas,
        "UserPoolReplicas",
        "NextToken",
        None,
    ),
    listing(
        Operation::ListUserImportJobs,
        "UserImportJobs",
        "PaginationToken",
        Some(("MaxResults", 60)),
    ),
];

/// A list that is read page by page.
pub struct Pages<'a> {
    cognito: &'a Cognito,
    listing: &'static Listing,
    request: Map<String, Value>,
    token: Option<String>,
    finished: bool,
    requested_tokens: u64,
}

impl<'a> Pages<'a> {
    /// The list that `operation` gives for `request`, from its first page.
    ///
    /// # Errors
    /// When the operation is not a list that this crate knows: a mistake in the caller.
    pub fn new(
        cognito: &'a Cognito,
        operation: Operation,
        request: Value,
    ) -> Result<Self, CognitoError> {
        let listing = LISTINGS
            .iter()
            .find(|listing| listing.operation == operation)
            .ok_or_else(|| CognitoError::unexpected_answer(operation, "pages"))?;
        let mut request = match request {
            Value::Object(members) => members,
            _ => Map::new(),
        };
        if let Some((member, size)) = listing.size {
            request.entry(member).or_insert_with(|| size.into());
        }
        Ok(Self {
            cognito,
            listing,
            request,
            token: None,
            finished: false,
            requested_tokens: 0,
        })
    }

    /// The same list from where `token` stands.
    pub fn from_token(mut self, token: Option<String>) -> Self {
        self.token = token;
        self
    }

    /// The token of the page that [`next`](Self::next) would fetch; none at the beginning.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether the last page was fetched.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next page's items; `None` after the last page. A page may be empty.
    ///
    /// # Errors
    /// As [`Cognito::call`]; calling again asks for the same page again.
    pub async fn next(&mut self) -> Result<Option<Vec<Value>>, CognitoError> {
        if self.finished {
            return Ok(None);
        }
        let mut request = self.request.clone();
        if let Some(token) = &self.token {
            request.insert(self.listing.token.to_owned(), token.as_str().into());
        }
        let operation = self.listing.operation;
        let mut answer = self
            .cognito
            .call(operation, &Value::Object(request))
            .await?;
        let items = match answer.get_mut(self.listing.items).map(Value::take) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                return Err(CognitoError::unexpected_answer(
                    operation,
                    self.listing.items,
                ));
            }
        };
        let token = answer
            .get(self.listing.token)
            .and_then(Value::as_str)
            .map(str::to_owned);
        if token.is_some() && token == self.token {
            return Err(CognitoError::unexpected_answer(
                operation,
                "new token: it repeats the last one",
            ));
        }
        self.requested_tokens += 1;
        self.finished = token.is_none();
        self.token = token;
        Ok(Some(items))
    }

    /// All items of all pages, for lists that are small by Cognito's quotas.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn all(mut self) -> Result<Vec<Value>, CognitoError> {
        let mut all = VecDeque::new();
        while let Some(items) = self.next().await? {
            all.extend(items);
        }
        Ok(all.into())
    }
}

impl Cognito {
    /// All items of a list that belongs to a pool.
    ///
    /// # Errors
    /// As [`Cognito::call`].
    pub async fn list(
        &self,
        operation: Operation,
        pool: &UserPoolId,
    ) -> Result<Vec<Value>, CognitoError> {
        Pages::new(self, operation, json!({"UserPoolId": pool.as_str()}))?
            .all()
            .await
    }
}
