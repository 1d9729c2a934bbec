//! Request rates: token buckets by account, Region and category (facts E).

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::state::{AccountId, Region};

/// Whether and how much of Cognito's request rates apply.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub enum Quotas {
    /// No rate is limited.
    #[default]
    Off,
    /// The rates of facts E, multiplied by this factor: 1.0 is Cognito, 10.0 lets a test run ten times as fast.
    Scaled(f64),
}

/// A quota category, with the operations as facts E lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::enum_variant_names, reason = "the categories' own names")]
pub(crate) enum Category {
    UserCreation,
    UserAccountRecovery,
    UserRead,
    UserUpdate,
    UserResourceRead,
    UserResourceUpdate,
    UserList,
    UserPoolRead,
    UserPoolUpdate,
    UserPoolResourceRead,
    UserPoolResourceUpdate,
    UserPoolClientRead,
    UserPoolClientUpdate,
    LimitManagement,
}

/// No single operation of a starred category above 5 requests a second and user pool (facts E).
const OPERATION_AND_POOL: f64 = 5.0;
/// 10 reads and 10 writes a second for each user (facts E).
const EACH_USER: f64 = 10.0;
/// Buckets of single users are forgotten beyond this many: full ones carry nothing.
const REMEMBERED_USERS: usize = 10_000;

impl Category {
    /// Requests a second for an account in a Region.
    pub(crate) fn rate(self) -> f64 {
        match self {
            Self::UserCreation | Self::UserResourceRead => 50.0,
            Self::UserAccountRecovery | Self::UserList => 30.0,
            Self::UserRead => 120.0,
            Self::UserUpdate | Self::UserResourceUpdate => 25.0,
            Self::UserPoolResourceRead => 20.0,
            Self::UserPoolRead
            | Self::UserPoolUpdate
            | Self::UserPoolResourceUpdate
            | Self::UserPoolClientRead
            | Self::UserPoolClientUpdate => 15.0,
            Self::LimitManagement => 1.0,
        }
    }

    /// Whether the rule of 5 requests a second for each operation and pool applies (the asterisk of facts E).
    fn is_limited_by_pool(self) -> bool {
        matches!(
            self,
            Self::UserPoolResourceRead
                | Self::UserPoolResourceUpdate
                | Self::UserPoolClientRead
                | Self::UserPoolClientUpdate
        )
    }

    /// Whether a request counts as a read or a write of one user; `None` where it is about no single user.
    fn user_access(self) -> Option<bool> {
        match self {
            Self::UserRead | Self::UserResourceRead => Some(false),
            Self::UserCreation
            | Self::UserAccountRecovery
            | Self::UserUpdate
            | Self::UserResourceUpdate => Some(true),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    refilled: f64,
}

/// A second's worth of requests at once, then the rate: how large Cognito's bursts are is not documented.
fn take(bucket: &mut Bucket, rate: f64, now: f64) -> bool {
    let gained = (now - bucket.refilled).max(0.0) * rate;
    bucket.tokens = (bucket.tokens + gained).min(rate.max(1.0));
    bucket.refilled = now;
    if bucket.tokens < 1.0 {
        return false;
    }
    bucket.tokens -= 1.0;
    true
}

/// The buckets of all accounts and Regions.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    categories: HashMap<(AccountId, Region, Category), Bucket>,
    operations: HashMap<(Arc<str>, &'static str), Bucket>,
    users: HashMap<(Arc<str>, Arc<str>, bool), Bucket>,
}

/// Who calls what, as far as quotas care.
#[derive(Debug)]
pub(crate) struct Usage<'a> {
    pub(crate) account: &'a AccountId,
    pub(crate) region: &'a Region,
    pub(crate) operation: &'static str,
    pub(crate) category: Category,
    pub(crate) pool: Option<&'a str>,
    pub(crate) user: Option<&'a str>,
}

impl Buckets {
    /// Takes the tokens of a request at a time in seconds; `false` means `TooManyRequestsException`.
    pub(crate) fn admit(&mut self, quotas: Quotas, usage: &Usage<'_>, now: f64) -> bool {
        let Quotas::Scaled(factor) = quotas else {
            return true;
        };
        let full = |rate: f64| Bucket {
            tokens: (rate * factor).max(1.0),
            refilled: now,
        };
        let rate = usage.category.rate();
        let key = (usage.account.clone(), usage.region.clone(), usage.category);
        if !take(
            self.categories.entry(key).or_insert_with(|| full(rate)),
            rate * factor,
            now,
        ) {
            return false;
        }
        let Some(pool) = usage.pool else { return true };
        let pool: Arc<str> = Arc::from(pool);
        if usage.category.is_limited_by_pool() {
            let bucket = self
                .operations
                .entry((pool, usage.operation))
                .or_insert_with(|| full(OPERATION_AND_POOL));
            return take(bucket, OPERATION_AND_POOL * factor, now);
        }
        if let (Some(user), Some(write)) = (usage.user, usage.category.user_access()) {
            if self.users.len() >= REMEMBERED_USERS {
                self.users.retain(|_, bucket| now - bucket.refilled < 1.0);
            }
            let bucket = self
                .users
                .entry((pool, Arc::from(user), write))
                .or_insert_with(|| full(EACH_USER));
            return take(bucket, EACH_USER * factor, now);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(
        category: Category,
        pool: Option<&str>,
        user: Option<&str>,
        factor: f64,
        requests: usize,
    ) -> usize {
        let (account, region) = (
            AccountId::parse("111122223333").expect("an id"),
            Region::default(),
        );
        let usage = Usage {
            account: &account,
            region: &region,
            operation: "X",
            category,
            pool,
            user,
        };
        let mut buckets = Buckets::default();
        (0..requests)
            .filter(|_| buckets.admit(Quotas::Scaled(factor), &usage, 5.0))
            .count()
    }

    #[test]
    fn each_category_admits_its_rate_in_a_second_and_refuses_the_next() {
        assert_eq!(admitted(Category::UserList, None, None, 1.0, 100), 30);
        assert_eq!(admitted(Category::UserUpdate, None, None, 1.0, 100), 25);
        assert_eq!(admitted(Category::UserUpdate, None, None, 2.0, 100), 50);
    }

    #[test]
    fn one_operation_on_one_pool_stays_at_five_a_second_where_the_table_has_its_asterisk() {
        assert_eq!(
            admitted(Category::UserPoolClientRead, Some("p"), None, 1.0, 100),
            5
        );
        assert_eq!(
            admitted(Category::UserPoolRead, Some("p"), None, 1.0, 100),
            15
        );
    }

    #[test]
    fn one_user_gets_ten_writes_a_second() {
        assert_eq!(
            admitted(Category::UserCreation, Some("p"), Some("u"), 1.0, 100),
            10
        );
        assert_eq!(
            admitted(Category::UserCreation, Some("p"), None, 1.0, 100),
            50
        );
    }

    #[test]
    fn tokens_come_back_with_time_and_regions_do_not_share_them() {
        let account = AccountId::parse("111122223333").expect("an id");
        let (here, there) = (
            Region::default(),
            Region::parse("eu-west-1").expect("a Region"),
        );
        let usage = |region| Usage {
            account: &account,
            region,
            operation: "ListUsers",
            category: Category::UserList,
            pool: None,
            user: None,
        };
        let mut buckets = Buckets::default();
        let quotas = Quotas::Scaled(1.0);
        while buckets.admit(quotas, &usage(&here), 1.0) {}
        assert!(buckets.admit(quotas, &usage(&there), 1.0));
        assert!(!buckets.admit(quotas, &usage(&here), 1.01));
        assert!(buckets.admit(quotas, &usage(&here), 1.05));
        assert!(buckets.admit(Quotas::Off, &usage(&here), 1.05));
    }
}
