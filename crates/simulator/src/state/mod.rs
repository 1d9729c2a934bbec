//! Everything that the simulated service remembers: accounts and Regions, pools, users.

mod ids;
mod pool;
mod schema;
mod users;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::call::Call;
use crate::config::{Config, PassRole, SubPrefix};
use crate::error::ServiceError;

pub use ids::Region;
pub(crate) use ids::{AccountId, Sub, random_id};
pub(crate) use pool::{Client, ClientSecret, Domain, Group, Pool, UiCustomization};
pub(crate) use schema::{AttributeRule, DataType, Schema, standard_attribute};
pub(crate) use users::{AliasKind, Attributes, Directory, SignIn, User};
pub use users::{Link, MfaFactor, UserStatus};

/// A moment by the simulator's clock, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) u64);

impl Time {
    /// As AWS JSON 1.1 carries timestamps: seconds since 1970 with a fraction (facts 0).
    pub(crate) fn epoch_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// From seconds since 1970.
    pub(crate) fn from_epoch_seconds(seconds: f64) -> Self {
        Self((seconds * 1000.0).round().max(0.0) as u64)
    }

    /// This moment and some milliseconds.
    pub(crate) fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

impl From<Time> for Value {
    fn from(time: Time) -> Self {
        json!(time.epoch_seconds())
    }
}

/// The state of all accounts and Regions.
#[derive(Debug)]
pub(crate) struct State {
    /// Pools of each account and Region, by pool id.
    regions: BTreeMap<(AccountId, Region), RegionState>,
    /// Source of ids, subs and secrets.
    pub(crate) rng: StdRng,
    /// Signs pagination tokens, so that a token of another simulator or a made-up one is refused.
    pub(crate) token_key: [u8; 16],
    /// What callers may do with roles.
    pub(crate) pass_role: PassRole,
    /// What a filter by prefix of `sub` finds.
    pub(crate) sub_prefix: SubPrefix,
}

/// What one account has in one Region.
#[derive(Debug, Default)]
pub(crate) struct RegionState {
    pub(crate) pools: BTreeMap<String, Pool>,
    /// Mails sent by the default sender on the day that `mail_day` numbers (facts A.5: 50 a day and account).
    pub(crate) mails_today: u32,
    /// Days since 1970 as the mail quota counts them, from 09:00 UTC to 09:00 UTC.
    pub(crate) mail_day: u64,
}

impl State {
    pub(crate) fn new(config: &Config) -> Self {
        let mut rng = match config.seed {
            Some(seed) => StdRng::seed_from_u64(seed),
            None => StdRng::from_rng(&mut rand::rng()),
        };
        let token_key = rand::RngExt::random(&mut rng);
        Self {
            regions: BTreeMap::new(),
            rng,
            token_key,
            pass_role: config.pass_role,
            sub_prefix: config.listing.sub_prefix,
        }
    }

    /// The caller's account in the caller's Region.
    pub(crate) fn region(&mut self, account: &AccountId, region: &Region) -> &mut RegionState {
        self.regions
            .entry((account.clone(), region.clone()))
            .or_default()
    }

    /// All accounts and Regions with their pools, e.g. to see who holds a domain.
    pub(crate) fn regions(&self) -> impl Iterator<Item = (&AccountId, &Region, &RegionState)> {
        self.regions
            .iter()
            .map(|((account, region), state)| (account, region, state))
    }

    /// As [`State::regions`], to change them.
    pub(crate) fn regions_mut(
        &mut self,
    ) -> impl Iterator<Item = (&AccountId, &Region, &mut RegionState)> {
        self.regions
            .iter_mut()
            .map(|((account, region), state)| (account, region, state))
    }

    /// The pool that the member `UserPoolId` of a call names, in the caller's account and Region.
    ///
    /// # Errors
    /// `ResourceNotFoundException` when there is none.
    pub(crate) fn pool(&self, call: &Call<'_>) -> Result<&Pool, ServiceError> {
        let id = call.required("UserPoolId")?;
        self.regions
            .get(&(call.account.clone(), call.region.clone()))
            .and_then(|region| region.pools.get(id))
            .ok_or_else(|| pool_not_found(id))
    }

    /// As [`State::pool`], to change it.
    pub(crate) fn pool_mut(&mut self, call: &Call<'_>) -> Result<&mut Pool, ServiceError> {
        let id = call.required("UserPoolId")?;
        self.region(call.account, call.region)
            .pools
            .get_mut(id)
            .ok_or_else(|| pool_not_found(id))
    }

    /// As [`State::pool_mut`], with the source of randomness beside it.
    pub(crate) fn pool_and_rng(
        &mut self,
        call: &Call<'_>,
    ) -> Result<(&mut Pool, &mut StdRng), ServiceError> {
        let id = call.required("UserPoolId")?;
        let pool = self
            .regions
            .get_mut(&(call.account.clone(), call.region.clone()))
            .and_then(|region| region.pools.get_mut(id))
            .ok_or_else(|| pool_not_found(id))?;
        Ok((pool, &mut self.rng))
    }

    /// The account and Region whose pool has that app client: where an unsigned call belongs.
    pub(crate) fn place_of_client(&self, client_id: &str) -> Option<(AccountId, Region)> {
        self.regions
            .iter()
            .find(|(_, state)| {
                state
                    .pools
                    .values()
                    .any(|pool| pool.clients.contains_key(client_id))
            })
            .map(|(place, _)| place.clone())
    }

    /// The pool with that app client in the caller's account and Region, if any.
    pub(crate) fn pool_of_client(
        &mut self,
        call: &Call<'_>,
        client_id: &str,
    ) -> Option<(&mut Pool, &mut StdRng)> {
        let region = self
            .regions
            .get_mut(&(call.account.clone(), call.region.clone()))?;
        let pool = region
            .pools
            .values_mut()
            .find(|pool| pool.clients.contains_key(client_id))?;
        Some((pool, &mut self.rng))
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.regions.clear();
    }
}

/// `ResourceNotFoundException` for a pool, with the service's text.
pub(crate) fn pool_not_found(id: &str) -> ServiceError {
    ServiceError::resource_not_found(format!("User pool {id} does not exist."))
}
