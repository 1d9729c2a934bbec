//! One question: what it asks, what is expected, and how it is asked.

use std::time::Duration;

use futures::future::LocalBoxFuture;
use serde::Serialize;

use crate::account::Given;
use crate::cost::Unit;
use crate::scratch::{Scratch, Trouble};

/// What a question needs beyond an account and its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// IAM: a role or a user is made.
    Iam,
    /// S3 or WAF: a bucket or a web ACL is made.
    OtherServices,
    /// The packages of the Lambda functions and the templates.
    Packages,
    /// More than half an hour.
    Long,
}

impl Need {
    /// What is missing, if anything is.
    pub fn missing(self, given: &Given) -> Option<&'static str> {
        match self {
            Need::Iam => (!given.iam).then_some("no roles and users may be made (--no-iam)"),
            Need::OtherServices => None,
            Need::Packages => given.packages.is_none().then_some(
                "there are no packages to deploy: `cargo xtask package --only lambdas` first",
            ),
            Need::Long => (!given.long).then_some("it takes more than an hour: ask with --long"),
        }
    }
}

/// What came out.
pub type Observed = Result<String, Trouble>;
type Ask = Box<dyn for<'s> Fn(&'s Scratch) -> LocalBoxFuture<'s, Observed>>;

/// One question to the real service.
pub struct Question {
    /// Its name, `group.name`; the table of `docs/first-day-on-aws.md` refers to it.
    pub id: String,
    /// What it asks.
    pub asks: String,
    /// The fact that it tries, as the project's sheet of facts on Cognito numbers them.
    pub facts: &'static str,
    /// What the simulator does, because the facts say so or, where they are silent, because it
    /// asks more of a restore. `{pool}`, `{region}`, `{other}` (the DR Region) and `{account}`
    /// stand for what they name.
    pub expected: String,
    /// What it needs.
    pub needs: Vec<Need>,
    /// What it uses that costs money.
    pub costs: Vec<(Unit, u32)>,
    /// How long it may take.
    pub limit: Duration,
    ask: Ask,
}

impl std::fmt::Debug for Question {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.id)
    }
}

/// How long a question may take unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(120);

impl Question {
    /// A question that needs nothing and costs nothing.
    pub fn new<A>(
        id: impl Into<String>,
        asks: impl Into<String>,
        facts: &'static str,
        expected: impl Into<String>,
        ask: A,
    ) -> Self
    where
        A: for<'s> Fn(&'s Scratch) -> LocalBoxFuture<'s, Observed> + 'static,
    {
        Self {
            id: id.into(),
            asks: asks.into(),
            facts,
            expected: expected.into(),
            needs: Vec::new(),
            costs: Vec::new(),
            limit: LIMIT,
            ask: Box::new(ask),
        }
    }

    /// The same, which needs something.
    #[must_use]
    pub fn needs(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    /// The same, which costs something.
    #[must_use]
    pub fn costs(mut self, unit: Unit, count: u32) -> Self {
        self.costs.push((unit, count));
        self
    }

    /// The same, which may take so long.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Asks it.
    pub(crate) async fn ask(&self, scratch: &Scratch) -> Observed {
        (self.ask)(scratch).await
    }

    /// Whether `pattern` names it: its id, or its group followed by `.*`.
    pub fn is_named_by(&self, pattern: &str) -> bool {
        match pattern.strip_suffix(".*") {
            Some(group) => self.id.split('.').next() == Some(group),
            None => self.id == pattern,
        }
    }
}
