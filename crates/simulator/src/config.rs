//! How a simulator is set up.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faults::{Faults, Latency};
use crate::quota::Quotas;
use crate::state::Region;

/// The settings of a simulator. The default suits tests: a free port, no quotas, no faults, always strict.
#[derive(Debug, Clone)]
pub struct Config {
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// The account of callers whose access key is not itself an account id (twelve digits).
    pub account_id: String,
    /// The Region of unsigned calls that no app client places.
    pub default_region: Region,
    /// Whether request members that Amazon's model does not know yet are stored and returned, or dropped as AWS drops
    /// what it does not know. Either way they are counted. Storing them lets a test show that a member which the
    /// service adds next year survives a round trip.
    pub keep_unknown_members: bool,
    /// What to do where nobody has measured what the service does.
    pub unmeasured: Unmeasured,
    /// Whether callers may pass roles.
    pub pass_role: PassRole,
    /// Request rates.
    pub quotas: Quotas,
    /// Time added to every answer.
    pub latency: Latency,
    /// Errors to inject.
    pub faults: Faults,
    /// How lists of users behave.
    pub listing: Listing,
    /// Seed of everything random (ids, subs, faults); `None` takes one from the operating system.
    pub seed: Option<u64>,
    /// Threads that serve requests.
    pub worker_threads: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            port: 0,
            account_id: "000000000000".to_owned(),
            default_region: Region::default(),
            keep_unknown_members: true,
            unmeasured: Unmeasured::default(),
            pass_role: PassRole::default(),
            quotas: Quotas::Off,
            latency: Latency::None,
            faults: Faults::default(),
            listing: Listing::default(),
            seed: None,
            worker_threads: 1,
        }
    }
}

/// The behaviours of Cognito that no measurement covers, each with the choice that asks more of a caller as default
/// (facts 0.1). A caller is right when it is right either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unmeasured {
    /// UpdateUserPool and UpdateUserPoolClient keep members that the request leaves out, where it is not measured
    /// what becomes of them; otherwise such members return to their defaults.
    pub omitted_members_are_kept: bool,
    /// DescribeUserPoolClient shows the later secret of a client whose original one was deleted; otherwise none.
    pub later_secret_is_shown: bool,
    /// An app client may do without the flow that refreshes tokens; otherwise it may not, as in 2020.
    pub refresh_flow_is_optional: bool,
}

/// What the caller's policy says about `iam:PassRole`. The simulator knows no other permission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PassRole {
    /// Any role may be passed.
    #[default]
    Allowed,
    /// Only where the condition key `iam:PassedToService` says so: CreateGroup, which checks without the key, is
    /// denied (facts 0.1).
    ToCognitoOnly,
    /// No role may be passed: for groups, SMS and import jobs.
    Denied,
}

/// How lists of users behave, within what Cognito allows itself (facts D).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listing {
    /// Pages are short or empty at times and still carry a token.
    pub short_pages: bool,
    /// A user appears in lists only this long after creation (eventual consistency).
    pub delay: Duration,
    /// What a filter by prefix of `sub` finds.
    pub sub_prefix: SubPrefix,
}

/// What ListUsers makes of a filter `sub ^= "prefix"`: no document promises it for this attribute (facts D \[UNV\]).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SubPrefix {
    /// It finds those users, as public code relies on.
    #[default]
    Found,
    /// It is refused.
    Refused,
    /// It is left out of account: all users are listed.
    Ignored,
    /// It leaves some of those users out.
    LeavesOut {
        /// One in so many, always the same ones.
        one_in: u32,
    },
    /// Each call looks at no more users than a page has, whether they match or not, so that pages are nearly empty.
    Sparse,
}
