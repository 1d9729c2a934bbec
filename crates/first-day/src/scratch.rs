//! What a question works with: calls that are recorded, and things that are written down before
//! they are made.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cognito::{Cognito, CognitoError, ErrorKind, Operation};
use model::secret::hide_members;
use serde::Serialize;
use serde_json::{Value, json};

use crate::account::{Account, Given, Region, Side, fill};
use crate::journal::{Journal, Kind, Thing};
use crate::run::{Moment, Watch};
pub(crate) use crate::trouble::outcome;
pub use crate::trouble::{Refusal, Trouble};

/// The tag that everything scratch carries, with the run's name as its value.
pub const TAG: &str = "cognito-backup:first-day";
/// How many quiet times a change of IAM may take to act.
const IAM_PATIENCE: u32 = 6;
/// How many calls of a question are kept for the report.
const CALLS_KEPT: usize = 40;

/// A call as it is reported.
#[derive(Debug, Clone, Serialize)]
pub struct Called {
    /// The operation.
    pub operation: String,
    /// The request, without secrets.
    pub request: Value,
    /// `accepted`, or the refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refusal>,
    /// How long the answer took, in milliseconds.
    pub milliseconds: u64,
}

/// A user pool that was made for a question.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Its id.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// The Region it is in.
    pub side: Side,
}

/// What one question works with.
pub struct Scratch {
    account: Account,
    journal: Arc<Journal>,
    watch: Arc<dyn Watch>,
    packages: Option<PathBuf>,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Vec<Called>,
    values: HashMap<&'static str, String>,
    notes: BTreeMap<&'static str, Value>,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.journal.run())
    }
}

impl Scratch {
    pub(crate) fn new(
        account: &Account,
        given: &Given,
        journal: &Arc<Journal>,
        watch: &Arc<dyn Watch>,
    ) -> Self {
        let own = account.primary.name.as_str();
        let ses_regions = BTreeSet::from(["eu-west-1", "us-east-1", "us-west-2", own]);
        let ses_regions: Vec<&str> = ses_regions.into_iter().collect();
        let values = HashMap::from([
            ("run", journal.run().to_owned()),
            ("region", own.to_owned()),
            ("other", account.dr.name.clone()),
            ("ses-regions", ses_regions.join(", ")),
        ]);
        Self {
            account: account.clone(),
            journal: journal.clone(),
            watch: watch.clone(),
            packages: given.packages.clone(),
            seen: Mutex::new(Seen {
                values,
                ..Seen::default()
            }),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clients of a Region.
    pub fn on(&self, side: Side) -> &Region {
        self.account.on(side)
    }

    pub(crate) fn iam(&self) -> &aws_sdk_iam::Client {
        &self.account.iam
    }

    /// Writes down something that was measured beside the answer.
    pub(crate) fn note(&self, name: &'static str, value: impl Into<Value>) {
        self.seen().notes.insert(name, value.into());
    }

    pub(crate) fn notes(&self) -> BTreeMap<&'static str, Value> {
        self.seen().notes.clone()
    }

    /// Asks again until the answer is yes, or IAM must know by now what was changed: its changes
    /// take seconds to act.
    ///
    /// # Errors
    /// When no answer comes.
    pub(crate) async fn until_iam_knows<T>(
        &self,
        mut ask: impl AsyncFnMut() -> Result<Result<T, Refusal>, Trouble>,
    ) -> Result<Result<T, Refusal>, Trouble> {
        let began = tokio::time::Instant::now();
        loop {
            let answer = ask().await?;
            if answer.is_ok() || began.elapsed() >= self.account.quiet_time * IAM_PATIENCE {
                return Ok(answer);
            }
            tokio::time::sleep(self.account.quiet_time / 4).await;
        }
    }

    /// The name of the run.
    pub fn run(&self) -> &str {
        self.journal.run()
    }

    /// `expected` with what it stands for.
    pub(crate) fn filled(&self, expected: &str) -> String {
        fill(expected, &self.seen().values)
    }

    /// A document in which placeholders stand for what was made for the question.
    pub(crate) fn filled_document(&self, document: &Value) -> Value {
        match document {
            Value::String(text) => Value::String(self.filled(text)),
            Value::Array(elements) => elements
                .iter()
                .map(|element| self.filled_document(element))
                .collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, member)| (name.clone(), self.filled_document(member)));
                Value::Object(filled.collect())
            }
            other => other.clone(),
        }
    }

    /// How long to leave the service alone before a burst is measured.
    pub(crate) fn quiet_time(&self) -> Duration {
        self.account.quiet_time
    }

    /// Has `{client}` stand for a client.
    pub(crate) fn remember_client(&self, client: &Value) {
        if let Some(id) = client["ClientId"].as_str() {
            self.seen().values.insert("client", id.to_owned());
        }
    }

    /// The calls so far.
    pub(crate) fn calls(&self) -> Vec<Called> {
        self.seen().calls.clone()
    }

    /// Calls Cognito in a Region; a refusal is an answer.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn ask_in(
        &self,
        side: Side,
        operation: Operation,
        request: &Value,
    ) -> Result<Result<Value, Refusal>, Trouble> {
        self.ask_by(&self.on(side).cognito, operation, request)
            .await
    }

    /// As [`Scratch::ask_in`], by another client.
    ///
    /// # Errors
    /// When no answer comes.
    pub(crate) async fn ask_by(
        &self,
        cognito: &Cognito,
        operation: Operation,
        request: &Value,
    ) -> Result<Result<Value, Refusal>, Trouble> {
        let began = tokio::time::Instant::now();
        let answer = match cognito.call(operation, request).await {
            Ok(answer) => Ok(answer),
            Err(error) if is_answer(&error) => Err(Refusal {
                code: error.code,
                text: error.message,
            }),
            Err(error) => {
                return Err(Trouble::NoAnswer {
                    operation: operation.to_string(),
                    cause: format!("{}: {}", error.code, error.message),
                });
            }
        };
        let mut shape = request.clone();
        hide_members(&mut shape);
        let mut seen = self.seen();
        if seen.calls.len() < CALLS_KEPT {
            seen.calls.push(Called {
                operation: operation.to_string(),
                request: shape,
                refused: answer.as_ref().err().cloned(),
                milliseconds: began.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
            });
        }
        drop(seen);
        Ok(answer)
    }

    /// As [`Scratch::ask_in`], in the primary Region.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn ask(
        &self,
        operation: Operation,
        request: Value,
    ) -> Result<Result<Value, Refusal>, Trouble> {
        self.ask_in(Side::Primary, operation, &request).await
    }

    /// As [`Scratch::ask`], for what has to be accepted before the question can be asked.
    ///
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn call(&self, operation: Operation, request: Value) -> Result<Value, Trouble> {
        let answer = self.ask(operation, request).await?;
        answer.map_err(|refusal| Trouble::Refused {
            operation: operation.to_string(),
            refusal,
        })
    }

    /// Makes something: written down before, and again when its id is known. A refusal is an
    /// answer.
    ///
    /// # Errors
    /// When no answer comes, or nothing can be written down.
    pub(crate) async fn make<T>(
        &self,
        kind: Kind,
        side: Side,
        create: impl AsyncFnOnce(&Thing) -> Result<Result<(String, T), Refusal>, Trouble>,
    ) -> Result<Result<T, Refusal>, Trouble> {
        let thing = self.journal.making(kind, &self.on(side).name)?;
        self.watch.moment(&Moment::Making(&thing));
        match create(&thing).await? {
            Ok((id, made)) => {
                self.watch.moment(&Moment::Made(&thing));
                self.journal.made(thing.number, &id)?;
                Ok(Ok(made))
            }
            Err(refusal) => {
                // Nobody else has the name: what is there already was made by a request that the
                // SDK sent again.
                if !refusal.is_there_already() {
                    self.journal.gone(thing.number)?;
                }
                Ok(Err(refusal))
            }
        }
    }

    /// Writes down something that a stack or a restore is about to make; returns its number.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub(crate) fn expect(&self, kind: Kind, side: Side, name: &str) -> Result<u32, Trouble> {
        let region = &self.on(side).name;
        let thing = self.journal.expecting(kind, region, name)?;
        self.watch.moment(&Moment::Making(&thing));
        Ok(thing.number)
    }

    /// Writes down the id of something that was expected.
    ///
    /// # Errors
    /// When it cannot be written down.
    pub(crate) fn came_to_be(&self, number: u32, id: &str) -> Result<(), Trouble> {
        Ok(self.journal.made(number, id)?)
    }

    /// The folder with the packages of the Lambda functions and the templates.
    ///
    /// # Errors
    /// When none was given.
    pub(crate) fn packages(&self) -> Result<&Path, Trouble> {
        let given = self.packages.as_deref();
        given.ok_or_else(|| Trouble::NoAnswer {
            operation: "the folder of the packages".to_owned(),
            cause: "none was given".to_owned(),
        })
    }

    /// Makes a user pool with `settings` in the primary Region; a refusal is an answer. Its plan is Lite
    /// unless they say otherwise: users are cheapest there.
    ///
    /// # Errors
    /// When no answer comes, or nothing can be written down.
    pub async fn try_pool(&self, settings: Value) -> Result<Result<Pool, Refusal>, Trouble> {
        self.try_pool_by(&self.on(Side::Primary).cognito, settings)
            .await
    }

    /// As [`Scratch::try_pool`], by another client.
    ///
    /// # Errors
    /// When no answer comes, or nothing can be written down.
    pub(crate) async fn try_pool_by(
        &self,
        cognito: &Cognito,
        settings: Value,
    ) -> Result<Result<Pool, Refusal>, Trouble> {
        let side = Side::Primary;
        let made = self.make(Kind::UserPool, side, async |thing| {
            let mut request = json!({"PoolName": thing.name, "UserPoolTier": "LITE", "UserPoolTags": {TAG: self.run()}});
            merge(&mut request, settings);
            let answer = self.ask_by(cognito, Operation::CreateUserPool, &request).await?;
            let created = match answer {
                Ok(created) => created,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let text = |member: &str| created["UserPool"][member].as_str().map(str::to_owned);
            let (Some(id), Some(arn)) = (text("Id"), text("Arn")) else {
                return Err(Trouble::Unexpected {
                    operation: Operation::CreateUserPool.to_string(),
                    lacks: "id and ARN",
                });
            };
            let name = thing.name.clone();
            Ok(Ok((id.clone(), Pool { id, arn, name, side })))
        });
        let made = made.await?;
        if let Ok(pool) = &made {
            let account = pool.arn.split(':').nth(4).unwrap_or_default().to_owned();
            let values = &mut self.seen().values;
            values.insert("pool", pool.id.clone());
            values.insert("account", account);
        }
        Ok(made)
    }

    /// As [`Scratch::try_pool`], for a pool that has to be there before the question can be asked.
    ///
    /// # Errors
    /// When it is refused, no answer comes, or nothing can be written down.
    pub async fn pool(&self, settings: Value) -> Result<Pool, Trouble> {
        let made = self.try_pool(settings).await?;
        made.map_err(|refusal| Trouble::Refused {
            operation: Operation::CreateUserPool.to_string(),
            refusal,
        })
    }

    /// Makes the role of an import job.
    pub(crate) async fn import_role(&self) -> Result<String, Trouble> {
        let actions = [
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:DescribeLogStreams",
            "logs:PutLogEvents",
        ];
        let logs = json!([{"Effect": "Allow", "Action": actions, "Resource": "arn:aws:logs:*:*:log-group:/aws/cognito/*"}]);
        self.role("cognito-idp.amazonaws.com", logs).await
    }

    /// Makes an app client with `settings`; returns its document.
    ///
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn client(&self, pool: &Pool, settings: Value) -> Result<Value, Trouble> {
        let mut request = json!({"UserPoolId": pool.id, "ClientName": pool.name});
        merge(&mut request, settings);
        let mut created = self.call(Operation::CreateUserPoolClient, request).await?;
        let client = created["UserPoolClient"].take();
        self.remember_client(&client);
        Ok(client)
    }

    /// Makes a user of that name, who gets no message.
    ///
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn user(
        &self,
        pool: &Pool,
        username: &str,
        settings: Value,
    ) -> Result<Value, Trouble> {
        let mut request =
            json!({"UserPoolId": pool.id, "Username": username, "MessageAction": "SUPPRESS"});
        merge(&mut request, settings);
        let mut created = self.call(Operation::AdminCreateUser, request).await?;
        Ok(created["User"].take())
    }

    /// The pool as DescribeUserPool shows it.
    ///
    /// # Errors
    /// When it is refused, or no answer comes.
    pub async fn describe(&self, pool: &Pool) -> Result<Value, Trouble> {
        let request = json!({"UserPoolId": pool.id});
        let mut described = self.call(Operation::DescribeUserPool, request).await?;
        Ok(described["UserPool"].take())
    }
}

/// Whether the service said no, for good: everything else is no answer to what was asked.
fn is_answer(error: &CognitoError) -> bool {
    let unanswered = [
        ErrorKind::Throttled,
        ErrorKind::Unavailable,
        ErrorKind::AnswerLost,
    ];
    let ours = ["NoCredentials", "NoAnswer", "UnexpectedAnswer"];
    !unanswered.contains(&error.kind) && !ours.contains(&error.code.as_str())
}

/// Puts `more` over `document`, object by object.
pub(crate) fn merge(document: &mut Value, more: Value) {
    match (document, more) {
        (Value::Object(members), Value::Object(more)) => {
            for (name, value) in more {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
        (document, more) => *document = more,
    }
}
