//! The service behind the wire: from an operation's name, caller and body to an answer, with quotas, faults and
//! evidence on the way.

use std::cell::RefCell;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::call::{Call, Document, Effects, Reply, not_simulated};
use crate::config::Config;
use crate::error::ServiceError;
use crate::evidence::Collector;
use crate::faults::Injector;
use crate::operations::{self, Operation};
use crate::quota::{Buckets, Quotas, Usage};
use crate::shapes::{self, Model, OperationShape};
use crate::signature;
use crate::state::{AccountId, Region, State, Time};
use crate::user::import;

/// Everything that the threads of one simulator share.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) config: Config,
    account: AccountId,
    model: &'static Model,
    state: Mutex<State>,
    control: Mutex<Control>,
}

/// What tests turn and read while the simulator runs.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) quotas: Quotas,
    pub(crate) buckets: Buckets,
    pub(crate) injector: Injector,
    pub(crate) collector: Collector,
    /// How far the simulator's clock is ahead of the computer's.
    pub(crate) clock_offset: Duration,
}

/// A request as it came in.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) target: Option<&'a str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) base_url: &'a str,
    pub(crate) body: &'a [u8],
}

/// What becomes of a request.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Reply, ServiceError>,
    /// How long to wait before the answer goes out.
    pub(crate) delay: Duration,
    /// Close the connection instead of answering.
    pub(crate) lose_answer: bool,
}

impl From<ServiceError> for Outcome {
    fn from(error: ServiceError) -> Self {
        Self {
            result: Err(error),
            delay: Duration::ZERO,
            lose_answer: false,
        }
    }
}

impl Service {
    pub(crate) fn new(config: Config, account: AccountId, model: &'static Model) -> Self {
        let control = Control {
            quotas: config.quotas,
            buckets: Buckets::default(),
            injector: Injector::new(config.faults.clone(), config.latency),
            collector: Collector::default(),
            clock_offset: Duration::ZERO,
        };
        let state = Mutex::new(State::new(&config));
        Self {
            config,
            account,
            model,
            state,
            control: Mutex::new(control),
        }
    }

    /// The state. A handler that panicked leaves it as it was: the next caller goes on with it.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The default account.
    pub(crate) fn account(&self) -> &AccountId {
        &self.account
    }

    /// The time by the simulator's clock.
    pub(crate) fn now(&self) -> Time {
        self.time(self.control().clock_offset)
    }

    fn time(&self, offset: Duration) -> Time {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            + offset;
        Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Handles a request of the AWS JSON 1.1 protocol.
    pub(crate) fn handle(&self, request: &Request<'_>) -> Outcome {
        let name = request.target.unwrap_or_default();
        match self.operation(request.target) {
            Ok(operation) => {
                let outcome = self.judged(operation, request);
                if let Err(error) = &outcome.result {
                    self.control().collector.refusal(operation.name, error);
                    tracing::debug!(operation = operation.name, code = %error.code, "refused");
                }
                outcome
            }
            Err(error) => {
                let mut control = self.control();
                let shown = name.rsplit('.').next().unwrap_or_default();
                control.collector.call(shown);
                control.collector.refusal(shown, &error);
                error.into()
            }
        }
    }

    /// `X-Amz-Target: AWSCognitoIdentityProviderService.<Operation>` (facts 0).
    fn operation(&self, target: Option<&str>) -> Result<&'static Operation, ServiceError> {
        let unknown = || ServiceError::client("UnknownOperationException", "");
        let name = target
            .and_then(|target| target.strip_prefix("AWSCognitoIdentityProviderService."))
            .ok_or_else(unknown)?;
        operations::find(name).ok_or_else(|| {
            if self.model.is_other_operation(name) {
                not_simulated(name)
            } else {
                unknown()
            }
        })
    }

    fn judged(&self, operation: &'static Operation, request: &Request<'_>) -> Outcome {
        let verdict = {
            let mut control = self.control();
            control.collector.call(operation.name);
            control.injector.judge(operation.name)
        };
        let result = match verdict.refuse {
            Some(error) => Err(error),
            None => self.run(operation, request),
        };
        Outcome {
            result,
            delay: verdict.delay,
            lose_answer: verdict.lose_answer,
        }
    }

    fn run(
        &self,
        operation: &'static Operation,
        request: &Request<'_>,
    ) -> Result<Reply, ServiceError> {
        let body = parse(request.body);
        let shape = self
            .model
            .operation(operation.name)
            .ok_or_else(|| ServiceError::internal("the operation is missing from the model"))?;
        let (account, region) = self.place(shape, request, body.as_ref().ok())?;
        let mut document = body?;
        let now = self.admit(operation, &account, &region, &document)?;
        let checked = shapes::check(
            self.model,
            &shape.input,
            &mut document,
            self.config.keep_unknown_members,
        )?;
        let effects = RefCell::new(Effects::default());
        let call = Call {
            operation: operation.name,
            request: &document,
            account: &account,
            region: &region,
            now,
            config: &self.config,
            base_url: request.base_url,
            effects: &effects,
        };
        let result = {
            let mut state = self.state();
            import::advance_all(&mut state, now, &effects);
            (operation.handler)(&call, &mut state)
        };
        let mut control = self.control();
        control.collector.unknown(operation.name, &checked.unknown);
        control.collector.effects(effects.into_inner());
        result
    }

    /// Whose state, and in which Region, a request is about.
    fn place(
        &self,
        shape: &OperationShape,
        request: &Request<'_>,
        body: Option<&Document>,
    ) -> Result<(AccountId, Region), ServiceError> {
        if shape.unsigned {
            let client = body
                .and_then(|body| body.get("ClientId"))
                .and_then(Value::as_str);
            if let Some(place) = client.and_then(|client| self.state().place_of_client(client)) {
                return Ok(place);
            }
            if request.authorization.is_none() {
                return Ok((self.account.clone(), self.config.default_region.clone()));
            }
        }
        let caller = signature::caller(request.authorization)?;
        Ok((
            caller.account.unwrap_or_else(|| self.account.clone()),
            caller.region,
        ))
    }

    /// Takes the request's tokens and tells the time. Throttling comes before validation, as at AWS's front door.
    fn admit(
        &self,
        operation: &Operation,
        account: &AccountId,
        region: &Region,
        document: &Document,
    ) -> Result<Time, ServiceError> {
        let mut control = self.control();
        let now = self.time(control.clock_offset);
        if control.quotas != Quotas::Off {
            let member = |name: &str| document.get(name).and_then(Value::as_str);
            let usage = Usage {
                account,
                region,
                operation: operation.name,
                category: operation.category,
                pool: member("UserPoolId"),
                user: member("Username"),
            };
            let quotas = control.quotas;
            if !control.buckets.admit(quotas, &usage, now.epoch_seconds()) {
                return Err(ServiceError::too_many_requests());
            }
        }
        Ok(now)
    }

    /// Runs `act` on the state as a call by nobody, e.g. an upload; its effects go into the evidence.
    pub(crate) fn with_effects<T>(
        &self,
        act: impl FnOnce(&mut State, Time, &RefCell<Effects>) -> T,
    ) -> T {
        let effects = RefCell::new(Effects::default());
        let now = self.now();
        let result = act(&mut self.state(), now, &effects);
        self.control().collector.effects(effects.into_inner());
        result
    }
}

/// The body as an object; an empty one is `{}`.
fn parse(body: &[u8]) -> Result<Document, ServiceError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(Document::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(ServiceError::serialization(
            "Start of structure or map found where not expected.",
        )),
        // serde_json's own words are about positions, not contents.
        Err(error) => Err(ServiceError::serialization(format!(
            "The request body is not JSON: {error}"
        ))),
    }
}
