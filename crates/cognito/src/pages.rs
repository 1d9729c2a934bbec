//! Lists, page by page.
//!
//! A page may be short or empty and still carry a token: only the token tells whether there is
//! more (facts D).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::marker::PhantomData;

use model::UserPoolId;
use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
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
    bytes: usize,
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
            bytes: 0,
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

    /// How many bytes the page had that was fetched last.
    pub fn bytes(&self) -> usize {
        self.bytes
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
        self.next_as().await
    }

    /// As [`next`](Self::next), with no more of each item than `T` holds.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn next_as<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, CognitoError> {
        if self.finished {
            return Ok(None);
        }
        let mut request = self.request.clone();
        if let Some(token) = &self.token {
            request.insert(self.listing.token.to_owned(), token.as_str().into());
        }
        let operation = self.listing.operation;
        let body = self
            .cognito
            .call_for_body(operation, &Value::Object(request))
            .await?;
        let page = PageOf::<T> {
            listing: self.listing,
            item: PhantomData,
        };
        let (items, token) = page
            .deserialize(&mut serde_json::Deserializer::from_slice(&body))
            .map_err(|_| CognitoError::unexpected_answer(operation, self.listing.items))?;
        if token.is_some() && token == self.token {
            return Err(CognitoError::unexpected_answer(
                operation,
                "new token: it repeats the last one",
            ));
        }
        self.finished = token.is_none();
        self.token = token;
        self.bytes = body.len();
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

/// How a page is read: its items and the next token, under the names of the listing.
struct PageOf<T> {
    listing: &'static Listing,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for PageOf<T> {
    type Value = (Vec<T>, Option<String>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PageOf<T> {
    type Value = (Vec<T>, Option<String>);

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "a page of {}", self.listing.items)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let (mut items, mut token) = (None, None);
        while let Some(name) = members.next_key::<Cow<'de, str>>()? {
            if name == self.listing.items {
                items = members.next_value::<Option<Vec<T>>>()?;
            } else if name == self.listing.token {
                token = members.next_value::<Option<String>>()?;
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok((items.unwrap_or_default(), token))
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
