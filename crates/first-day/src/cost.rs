//! What the questions cost.

/// What AWS charges for. Calls of Cognito's API are free; so are user pools without users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A user who counts as active, in a pool on the Lite plan.
    ActiveUser,
    /// A web ACL, for an hour.
    WebAclHour,
    /// A thousand requests that write to S3, and their replication to another Region.
    BucketRequests,
    /// A stack, for an hour: its alarms, its dashboard, and the few calls of its functions.
    StackHour,
}

impl Unit {
    /// The list price in US dollars, without free tiers: an upper bound, for prices differ by
    /// Region and change.
    pub fn price(self) -> f64 {
        match self {
            // The first 10,000 active users of a month are free on this plan.
            Unit::ActiveUser => 0.0055,
            // $5 a month.
            Unit::WebAclHour => 0.007,
            Unit::BucketRequests => 0.01,
            // Some twenty alarms at $0.10 a month, a dashboard at $3.
            Unit::StackHour => 0.02,
        }
    }
}

/// What `units` cost, in US dollars.
pub fn dollars<'a>(units: impl IntoIterator<Item = &'a (Unit, u32)>) -> f64 {
    let units = units.into_iter();
    units
        .map(|(unit, count)| unit.price() * f64::from(*count))
        .sum()
}
