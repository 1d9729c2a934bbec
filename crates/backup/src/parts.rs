//! The pages of users in their order: those of the whole pool, or those of one share, beginning of
//! the `sub` by beginning.

use model::Shard;
use serde_json::Value;

use crate::subs::attribute;

/// Where in the listings a page stands. As text, `None` is the first page, and the text is a token
/// of the only listing, or `{number of the listing}:{token}`.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    /// What each listing is filtered by; none for the one of all users.
    beginnings: Option<Vec<String>>,
}

impl Parts {
    pub(crate) fn of(shard: Option<Shard>) -> Self {
        Self {
            beginnings: shard.map(Shard::beginnings),
        }
    }

    /// Which listing the page of `position` is of, and its token.
    pub(crate) fn find(&self, position: Option<String>) -> (usize, Option<String>) {
        if self.beginnings.is_none() {
            return (0, position);
        }
        let position = position.unwrap_or_default();
        let (part, token) = position.split_once(':').unwrap_or_default();
        let token = Some(token.to_owned()).filter(|token| !token.is_empty());
        (part.parse().unwrap_or(0), token)
    }

    /// Where the next page stands; `token` is what the page of the listing `part` gave.
    pub(crate) fn after(&self, part: usize, token: Option<String>) -> Option<String> {
        let Some(beginnings) = &self.beginnings else {
            return token;
        };
        match token {
            Some(token) => Some(format!("{part}:{token}")),
            None if part + 1 < beginnings.len() => Some(format!("{}:", part + 1)),
            None => None,
        }
    }

    /// The filter of a listing. Cognito searches by the beginning of `sub`, which its documents
    /// do not say of this attribute (facts D).
    pub(crate) fn filter(&self, part: usize) -> Option<String> {
        let begins = self.beginnings.as_ref()?.get(part)?;
        Some(format!("sub ^= \"{begins}\""))
    }

    /// Whether a user belongs to a listing: a Cognito that leaves the filter out of account lists
    /// others as well.
    pub(crate) fn holds(&self, part: usize, user: &Value) -> bool {
        let begins = self.beginnings.as_ref().and_then(|all| all.get(part));
        begins
            .is_none_or(|begins| attribute(user, "sub").is_some_and(|sub| sub.starts_with(begins)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listings_follow_one_another() {
        let parts = Parts::of("2/8".parse().ok());
        let mut position = None;
        let mut read = Vec::new();
        for token in [Some("a:b"), None, None] {
            let (part, of) = parts.find(position);
            read.push((parts.filter(part).unwrap(), of));
            position = parts.after(part, token.map(str::to_owned));
        }
        assert_eq!(position, None);
        let (second, third) = ("sub ^= \"2\"".to_owned(), "sub ^= \"3\"".to_owned());
        let token = Some("a:b".to_owned());
        assert_eq!(
            read,
            [(second.clone(), None), (second, token), (third, None)]
        );
    }

    #[test]
    fn all_users_are_one_listing_without_a_filter() {
        let parts = Parts::of(None);
        let token = Some("7:x".to_owned());
        assert_eq!(parts.find(token.clone()), (0, token.clone()));
        assert_eq!(parts.after(0, token.clone()), token);
        assert_eq!((parts.filter(0), parts.after(0, None)), (None, None));
    }
}
