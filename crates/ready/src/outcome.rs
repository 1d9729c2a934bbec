//! What a check comes to.

use jiff::Timestamp;
use model::UserPoolId;
use serde::Serialize;

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The age of the newest backup in the primary Region.
    NewestBackup,
    /// Whether the newest backup has its replica.
    Replication,
    /// The age of the newest whole replica.
    NewestReplica,
    /// Whether the newest replica is whole.
    WholeReplica,
    /// How long a restore would take.
    RestoreTime,
    /// The last rehearsal.
    Rehearsal,
    /// A function of a trigger.
    Function,
    /// A role that Cognito is given.
    Role,
    /// An identity of SES.
    SesIdentity,
    /// Whether SES is out of its sandbox.
    SesSandbox,
    /// Whether SMS is out of its sandbox.
    SmsSandbox,
    /// How much may be spent on SMS.
    SmsSpend,
    /// A KMS key.
    KmsKey,
    /// The key by which the secrets of the backups are encrypted.
    SecretsKey,
    /// A certificate.
    Certificate,
    /// The web ACL.
    WebAcl,
    /// A destination of logs.
    LogDestination,
    /// A domain.
    Domain,
    /// A private key of Sign in with Apple.
    ApplePrivateKey,
    /// The operator's map can be read.
    Map,
    /// Each entry of the operator's map is of use.
    MapEntries,
    /// The quota of user pools.
    UserPools,
    /// Somebody hears.
    Subscriptions,
    /// Alarms have somewhere to go.
    Alarms,
}

impl Subject {
    /// What a person calls it.
    pub fn title(self) -> &'static str {
        match self {
            Self::NewestBackup => "Newest backup",
            Self::Replication => "Replication",
            Self::NewestReplica => "Newest replica",
            Self::WholeReplica => "Replica is whole",
            Self::RestoreTime => "Time of a restore",
            Self::Rehearsal => "Last rehearsal",
            Self::Function => "Function",
            Self::Role => "Role",
            Self::SesIdentity => "SES identity",
            Self::SesSandbox => "SES sandbox",
            Self::SmsSandbox => "SMS sandbox",
            Self::SmsSpend => "SMS spend limit",
            Self::KmsKey => "KMS key",
            Self::SecretsKey => "Key of secrets",
            Self::Certificate => "Certificate",
            Self::WebAcl => "Web ACL",
            Self::LogDestination => "Log destination",
            Self::Domain => "Domain",
            Self::ApplePrivateKey => "Apple private key",
            Self::Map => "Operator's map",
            Self::MapEntries => "Entries of the map",
            Self::UserPools => "Quota of user pools",
            Self::Subscriptions => "Subscriptions",
            Self::Alarms => "Alarms",
        }
    }
}

/// What a check comes to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is as the bad day needs it.
    Yes {
        /// What was found.
        what: String,
    },
    /// It is not.
    No {
        /// What is wrong.
        why: String,
        /// The command that mends it or that is the first step; words in capitals are to be
        /// replaced.
        command: String,
    },
    /// Nobody could find out: a permission is missing, a Region does not answer. Never taken for a
    /// yes.
    CannotBeTold {
        /// Why not.
        why: String,
    },
}

impl Outcome {
    pub(crate) fn yes(what: impl Into<String>) -> Self {
        Self::Yes { what: what.into() }
    }

    pub(crate) fn no(why: impl Into<String>, command: impl Into<String>) -> Self {
        let (why, command) = (why.into(), command.into());
        Self::No { why, command }
    }

    pub(crate) fn cannot_be_told(why: impl Into<String>) -> Self {
        Self::CannotBeTold { why: why.into() }
    }

    /// Whether it is a yes.
    pub fn is_yes(&self) -> bool {
        matches!(self, Self::Yes { .. })
    }

    /// Whether it is a no.
    pub fn is_no(&self) -> bool {
        matches!(self, Self::No { .. })
    }

    /// What was found, what is wrong, or why nobody can tell.
    pub fn detail(&self) -> &str {
        match self {
            Self::Yes { what } => what,
            Self::No { why, .. } | Self::CannotBeTold { why } => why,
        }
    }

    /// The command that mends what is wrong.
    pub fn command(&self) -> Option<&str> {
        match self {
            Self::No { command, .. } => Some(command),
            Self::Yes { .. } | Self::CannotBeTold { .. } => None,
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is about.
    pub check: Subject,
    /// What exactly: a key, an ARN, a name.
    pub item: String,
    /// What it came to.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Check {
    pub(crate) fn new(check: Subject, item: impl Into<String>, outcome: Outcome) -> Self {
        let item = item.into();
        Self {
            check,
            item,
            outcome,
        }
    }
}

/// From what the time of a restore is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFrom {
    /// The last rehearsal, scaled to the users of the newest replica.
    Rehearsal,
    /// The calls that the users of the newest replica take at the quotas that were found.
    Quotas,
}

/// What a disaster at this moment would cost, measured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// RPO: the age of the newest whole replica, or the longest time between two replicas of
    /// [`Measured::replicas`] if that is longer; in seconds.
    pub recovery_point_seconds: Option<u64>,
    /// How many replicas the times between were taken from: the newest, a week's at most.
    pub replicas: usize,
    /// RTO: how long the users of the newest replica take, in seconds.
    pub recovery_time_seconds: Option<u64>,
    /// From what that is known.
    pub recovery_time_from: Option<TimeFrom>,
}

/// One pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PoolReadiness {
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// Its name; empty when no replica tells it.
    pub name: String,
    /// Whether all of its checks say yes.
    pub ready: bool,
    /// How old the newest whole replica is, in seconds.
    pub replica_age_seconds: Option<u64>,
    /// What a disaster would cost.
    pub measured: Measured,
    /// Its checks.
    pub checks: Vec<Check>,
}

/// Whether the bad day could come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// When it was looked.
    pub at: Timestamp,
    /// The Region that pools would be restored into.
    pub region: String,
    /// Whether all checks say yes.
    pub ready: bool,
    /// What the pools have in common.
    pub stacks: Vec<Check>,
    /// Each pool.
    pub pools: Vec<PoolReadiness>,
}

impl Readiness {
    /// All checks.
    pub fn checks(&self) -> impl Iterator<Item = &Check> + Clone {
        let of_pools = self.pools.iter().flat_map(|pool| &pool.checks);
        self.stacks.iter().chain(of_pools)
    }

    /// How many checks say no.
    pub fn saying_no(&self) -> usize {
        self.checks().filter(|check| check.outcome.is_no()).count()
    }

    /// How many pools have no whole replica that is young enough, as far as can be told: one that
    /// cannot be looked at is none. One where no pool has any.
    pub fn replicas_overdue(&self) -> usize {
        let is_overdue =
            |check: &&Check| check.check == Subject::NewestReplica && !check.outcome.is_yes();
        self.checks().filter(is_overdue).count()
    }

    /// How many could not be told.
    pub fn untold(&self) -> usize {
        let untold = |check: &&Check| matches!(check.outcome, Outcome::CannotBeTold { .. });
        self.checks().filter(untold).count()
    }
}
