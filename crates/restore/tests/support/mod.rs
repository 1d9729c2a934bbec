//! The state machine in this process: a pool is backed up by the backup library and restored by
//! the restore's invocations, one after the other, each of which may fail or die.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod compare;
mod endpoint;
pub(crate) mod pools;

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use backup::{BackupError, Backups, MetadataTable, MfaPreferences, RunOutcome, UsersByPrefix};
use cognito::{Cognito, Operation, Pace, Stop, StopSignal, collect};
use jiff::Timestamp;
use model::observe::{Event, Observer, WaitReason};
use model::request::{RestoreAction, RestoreOptions, RestoreRequest};
use model::restore::{Finding, Report, RestoreState, UserEntry, Verification};
use model::{BackupKey, RestoreId, UserPoolId};
use restore::drive::{Invocation, Order, next, repeat};
use restore::rehearsal::Swept;
use restore::run::Answer;
use restore::{Clients, RestoreError, RestoreSettings};
use serde_json::{Value, json};
use simulator::{
    Config, Fault, FaultRule, Faults, PoolDocument, Simulator, SimulatorHandle, Unmeasured, When,
};
use tokio::time::Instant;
use vault::testing::MemoryS3;
use vault::{SecretsKey, Vault, Workspace};

pub(crate) const LOST: &str = "us-east-1";
pub(crate) const NEW: &str = "us-west-2";
pub(crate) const BUCKET: &str = "cognito-dr-test";
/// The account of the simulator.
pub(crate) const ACCOUNT: &str = "000000000000";
/// More invocations than any of these restores takes.
const INVOCATIONS: u32 = 2000;
/// Longer than any test: the answer that never comes.
const NEVER_MILLIS: u64 = 3_600_000;

/// When an invocation dies.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Death {
    /// After this many calls of Cognito were carried out, without the last one's answer.
    Call(u64),
    /// At this request to the bucket (or to WAF).
    Request(u64),
    /// It is asked to stop after this many calls of Cognito.
    Stop(u64),
}

/// Two Regions of Cognito, a bucket, and the restore Lambda's clients.
pub(crate) struct World {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) s3: MemoryS3,
    config: SdkConfig,
    clients: Clients,
    pub(crate) vault: Vault,
    pub(crate) settings: RestoreSettings,
    pub(crate) heard: Arc<Heard>,
    death: Mutex<Option<Death>>,
    /// Which execution of the state machine it is.
    execution: Cell<u32>,
    /// How long an invocation has.
    pub(crate) time: Duration,
    /// What encrypts the secrets of backups.
    secrets_key: Option<SecretsKey>,
}

/// What an observer heard.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<Vec<Event>>);

impl Observer for Heard {
    fn event(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Heard {
    /// Everything since the last time.
    pub(crate) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// An invocation that is under way.
pub(crate) type Standing<'w> = Pin<Box<dyn Future<Output = Result<Invocation, RestoreError>> + 'w>>;

/// A pool that was backed up.
#[derive(Debug, Clone)]
pub(crate) struct Lost {
    pub(crate) pool: UserPoolId,
    pub(crate) key: BackupKey,
    /// The dump of the pool.
    pub(crate) document: Value,
}

/// What a restore led to.
#[derive(Debug)]
pub(crate) struct Restored {
    /// The report's status.
    pub(crate) result: String,
    /// The dump of the new pool.
    pub(crate) document: Value,
    pub(crate) state: RestoreState,
    /// What the findings announce.
    pub(crate) announcements: Vec<String>,
    pub(crate) user_map: Vec<UserEntry>,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Unmeasured::default()).await
    }

    /// With this reading of what nobody has measured of Cognito.
    pub(crate) async fn with(unmeasured: Unmeasured) -> Self {
        let simulator = Simulator::start(Config {
            seed: Some(7),
            unmeasured,
            ..Config::default()
        })
        .unwrap();
        let s3 = MemoryS3::start(BUCKET);
        let config = s3.config().await;
        let elsewhere = at(&config, NEW, endpoint::url());
        let heard = Arc::new(Heard::default());
        let clients = Clients {
            cognito: Cognito::new(&at(&config, NEW, simulator.endpoint()), Pace::unlimited())
                // As the function.
                .allowing(
                    [restore::undo::OPERATIONS, restore::standby::OWN]
                        .concat()
                        .leak(),
                ),
            waf: aws_sdk_wafv2::Client::new(&config),
            lambda: aws_sdk_lambda::Client::new(&elsewhere),
            workspace: Workspace::in_bucket(&config, BUCKET),
            observer: heard.clone(),
        };
        let settings = RestoreSettings {
            region: NEW.into(),
            account_id: ACCOUNT.into(),
            legacy_sub_attribute: None,
            import_role_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/import")),
            ..RestoreSettings::default()
        };
        Self {
            simulator,
            s3,
            vault: Vault::in_bucket(&config, BUCKET),
            config,
            clients,
            settings,
            heard,
            death: Mutex::new(None),
            execution: Cell::new(0),
            time: Duration::from_secs(300),
            secrets_key: None,
        }
    }

    /// The same, with backups whose secrets are encrypted by this key of KMS.
    pub(crate) async fn encrypting(key: &str) -> Self {
        let world = Self::new().await;
        let key = key.parse().unwrap();
        Self {
            secrets_key: Some(SecretsKey::new(&world.config, &key, None)),
            ..world
        }
    }

    /// Plants a pool, backs it up with MFA preferences, and starts the evidence anew.
    pub(crate) async fn lose(&self, document: PoolDocument) -> Lost {
        let pool: UserPoolId = self
            .simulator
            .plant(LOST, document)
            .unwrap()
            .parse()
            .unwrap();
        let key = self.back_up(&pool).await;
        self.calm_down();
        Lost {
            document: self.simulator.dump(LOST, pool.as_str()).unwrap(),
            pool,
            key,
        }
    }

    /// A backup with MFA preferences of a pool in the Region of the lost ones.
    pub(crate) async fn back_up(&self, pool: &UserPoolId) -> BackupKey {
        self.try_to_back_up(pool).await.unwrap()
    }

    /// The same where it may fail.
    pub(crate) async fn try_to_back_up(&self, pool: &UserPoolId) -> Result<BackupKey, BackupError> {
        let config = at(&self.config, LOST, self.simulator.endpoint());
        let cognito = Cognito::new(&config, Pace::unlimited()).allowing(collect::OPERATIONS);
        let table = MetadataTable::new(&self.config, "backups");
        let backups = Backups {
            cognito: &cognito,
            waf: &self.clients.waf,
            vault: &self.vault,
            table: Some(&table),
            continuation: None,
            shard: None,
            users_by_prefix: UsersByPrefix::Never,
            differences: false,
            shrink_limits: model::change::ShrinkLimits::default(),
            mfa_preferences: MfaPreferences::All,
            secrets_key: self.secrets_key.as_ref(),
            request_id: "request",
            observer: &*self.heard,
            stop: Stop::after(Duration::from_secs(600)),
        };
        match backups.run(vec![pool.clone()]).await? {
            RunOutcome::Done(backups) => Ok(backups[0].s3_key.clone()),
            _ => panic!("the backup has time enough, and nobody else is at work"),
        }
    }

    /// Where the backups arrive.
    pub(crate) fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Opens a backup.
    pub(crate) async fn open(&self, key: &BackupKey) -> vault::Backup {
        self.vault.open(key, None).await.unwrap()
    }

    /// What works in the Region of the lost pools, at this pace.
    pub(crate) fn clients_where_pools_are_lost(
        &self,
        allowed: &'static [Operation],
        pace: Pace,
    ) -> Clients {
        let config = at(&self.config, LOST, self.simulator.endpoint());
        Clients {
            cognito: Cognito::new(&config, pace).allowing(allowed),
            waf: self.clients.waf.clone(),
            lambda: self.clients.lambda.clone(),
            workspace: self.clients.workspace.clone(),
            observer: self.heard.clone(),
        }
    }

    /// What works in the Region that is restored into, with these operations.
    pub(crate) fn clients_where_pools_are_new(&self, allowed: &[&[Operation]]) -> Clients {
        let config = at(&self.config, NEW, self.simulator.endpoint());
        // As long as the tests.
        let allowed: &'static [Operation] = allowed.concat().leak();
        Clients {
            cognito: Cognito::new(&config, Pace::unlimited()).allowing(allowed),
            waf: self.clients.waf.clone(),
            lambda: self.clients.lambda.clone(),
            workspace: self.clients.workspace.clone(),
            observer: self.heard.clone(),
        }
    }

    /// No faults from here on; calls and requests are counted anew.
    pub(crate) fn calm_down(&self) {
        *self.death.lock().unwrap() = None;
        self.simulator.reset_evidence();
        self.simulator.set_faults(Faults::default());
        self.s3.revive();
    }

    /// The invocation that makes this call of Cognito (from 1, counted from now) dies with it:
    /// the call is carried out, and nobody hears the answer.
    pub(crate) fn die_at_call(&self, nth: u64) {
        self.calm_down();
        self.simulator.set_faults(Faults {
            seed: 0,
            rules: vec![FaultRule {
                operation: None,
                when: When::Burst {
                    from: nth,
                    count: u64::MAX / 2,
                },
                fault: Fault::AnswerSlow(NEVER_MILLIS),
            }],
        });
        *self.death.lock().unwrap() = Some(Death::Call(nth));
    }

    /// The invocation that sends this request to the bucket (from 1, counted from now) dies with
    /// it.
    pub(crate) fn die_at_request(&self, nth: u64, fault: vault::testing::Fault) {
        self.calm_down();
        self.s3.die_at(nth, fault);
        *self.death.lock().unwrap() = Some(Death::Request(nth));
    }

    /// Calls of Cognito since the evidence began.
    pub(crate) fn calls(&self) -> u64 {
        self.simulator.evidence().calls.values().sum()
    }

    /// Whether a death was set and has not come.
    pub(crate) fn lives_in_danger(&self) -> bool {
        self.death.lock().unwrap().is_some()
    }

    /// The invocation that makes this call of Cognito (from 1, counted from now) is asked to stop
    /// then.
    pub(crate) fn stop_at_call(&self, nth: u64) {
        self.calm_down();
        *self.death.lock().unwrap() = Some(Death::Stop(nth));
    }

    fn is_dead(&self) -> bool {
        match *self.death.lock().unwrap() {
            None => false,
            Some(Death::Call(nth) | Death::Stop(nth)) => self.calls() >= nth,
            Some(Death::Request(nth)) => self.s3.requests() >= nth,
        }
    }

    /// Nobody can sign up through what a restore opens for itself.
    async fn assert_closed(&self) {
        for pool in self.new_pools().await {
            let document = self.simulator.dump(NEW, &pool).unwrap();
            let clients = document["Clients"].to_string();
            assert!(!clients.contains("sign-ups of"), "{clients}");
        }
    }

    async fn death(&self) {
        while !self.is_dead() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn run(&self, request: &RestoreRequest, stop: Stop) -> Result<Invocation, RestoreError> {
        let key = request.s3_key.as_ref().unwrap();
        let backup = self.vault.open(key, None).await?;
        let order = Order {
            restore_id: &request.restore_id,
            driver: request.execution.as_deref(),
            options: &request.options,
            passed_over: &request.passed_over,
            map: None,
        };
        next(&self.clients, &self.settings, &order, &backup, stop).await
    }

    /// One invocation; `None` when it died.
    pub(crate) async fn invoke(
        &self,
        request: &RestoreRequest,
    ) -> Option<Result<Invocation, RestoreError>> {
        let run = async |stop| self.run(request, stop).await;
        self.or_danger(run).await
    }

    /// Work that dies or is asked to stop where that was set; `None` when it died.
    pub(crate) async fn or_danger<T>(&self, work: impl AsyncFnOnce(Stop) -> T) -> Option<T> {
        let signal = StopSignal::default();
        let stop = signal.stop().or_at(Instant::now() + self.time);
        let mut invocation = Box::pin(work(stop));
        let answer = if self.lives_in_danger() {
            tokio::select! {
                answer = &mut invocation => Some(answer),
                () = self.death() => {
                    let is_stop = matches!(*self.death.lock().unwrap(), Some(Death::Stop(_)));
                    match is_stop {
                        true => {
                            signal.request();
                            *self.death.lock().unwrap() = None;
                            let answer = invocation.await;
                            self.assert_closed().await;
                            Some(answer)
                        }
                        // What runs is dropped where it is.
                        false => None,
                    }
                }
            }
        } else {
            Some(invocation.await)
        };
        if self.is_dead() {
            *self.death.lock().unwrap() = None;
            self.simulator.set_faults(Faults::default());
            self.s3.revive();
            return None;
        }
        answer
    }

    /// Work that dies where a death was set; `None` when it died.
    pub(crate) async fn or_death<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let answer = tokio::select! {
            answer = work => Some(answer),
            () = self.death() => None,
        };
        if self.is_dead() {
            *self.death.lock().unwrap() = None;
            self.simulator.set_faults(Faults::default());
            self.s3.revive();
            return None;
        }
        answer
    }

    /// One request of the state machine, as the Lambda carries it out.
    pub(crate) async fn answer(&self, request: &RestoreRequest) -> Result<Answer, RestoreError> {
        let stop = Stop::after(self.time);
        restore::run::run(&self.clients, &self.vault, &self.settings, request, stop).await
    }

    /// What is sent on a schedule, so much later: the removal of what rehearsals left behind.
    pub(crate) async fn sweep(
        &self,
        ended: Option<&RestoreId>,
        later: Duration,
    ) -> Result<Swept, RestoreError> {
        let now = Timestamp::now() + later;
        let ended = ended.map(|id| (id, "ABORTED"));
        restore::rehearsal::sweep(&self.clients, Some(&self.vault), &self.settings, ended, now)
            .await
    }

    /// One invocation that is left standing after this many calls of Cognito (counted from now),
    /// and lives on when it is awaited.
    pub(crate) async fn stall_after<'w>(
        &'w self,
        calls: u64,
        request: &'w RestoreRequest,
    ) -> Standing<'w> {
        self.calm_down();
        let mut invocation: Standing<'w> = Box::pin(self.run(request, Stop::after(self.time)));
        tokio::select! {
            answer = &mut invocation => panic!("it ended before: {answer:?}"),
            () = async {
                while self.calls() < calls {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            } => {}
        }
        invocation
    }

    /// The loop of an execution, until the state shows what is waited for, or to the end.
    ///
    /// # Errors
    /// What is not tried again, or not any more.
    pub(crate) async fn drive(
        &self,
        request: &RestoreRequest,
        shows: impl Fn(&RestoreState) -> bool,
    ) -> Result<Option<Box<Report>>, RestoreError> {
        let invocations = Cell::new(0);
        let invoke = async || loop {
            invocations.set(invocations.get() + 1);
            assert!(invocations.get() < INVOCATIONS, "no end in sight");
            if let Some(answer) = self.invoke(request).await {
                return answer.map(|invocation| invocation.next);
            }
        };
        let wait = async |time: Duration, reason| {
            match reason {
                WaitReason::Unavailable => println!("called again"),
                _ => self.simulator.advance_clock(time),
            }
            !shows(&self.state(&request.restore_id))
        };
        repeat(invoke, wait).await
    }

    /// The plan, as far as an execution goes before it compares.
    pub(crate) async fn bring_back(
        &self,
        lost: &Lost,
        options: &RestoreOptions,
    ) -> Result<(), RestoreError> {
        let request = self.request(lost, options);
        let driven = self.drive(&request, |state| state.ended.is_some()).await;
        driven.map(drop)
    }

    /// The whole execution: restore, verify, report.
    pub(crate) async fn restore(&self, lost: &Lost, options: &RestoreOptions) -> Restored {
        self.execution.set(self.execution.get() + 1);
        self.finish(&self.request(lost, options)).await
    }

    /// The rest of the execution, and everything it led to.
    pub(crate) async fn finish(&self, request: &RestoreRequest) -> Restored {
        let report = match self.drive(request, |_| false).await {
            Ok(report) => report.unwrap(),
            Err(error) => {
                let refused = self.simulator.evidence().refused;
                let last: Vec<_> = refused.iter().rev().take(5).collect();
                panic!("{} {error}\n{last:#?}", error.failure())
            }
        };
        let id = &request.restore_id;
        let state = self.state(id);
        let target = state.new_user_pool_id.clone().unwrap();
        let steps = state.steps.iter().flat_map(|record| &record.findings);
        let mut announcements: Vec<String> = steps
            .chain(&state.users.findings)
            .flat_map(|finding| finding.announces.clone())
            .collect();
        for finding in self.findings(id) {
            announcements.extend(finding.announces);
        }
        let map = self.object_of(id, UserEntry::OBJECT).unwrap_or_default();
        let rows: Result<_, _> = csv::Reader::from_reader(&map[..])
            .into_deserialize()
            .collect();
        Restored {
            result: report.status.as_str().to_owned(),
            document: self.simulator.dump(NEW, target.as_str()).unwrap(),
            state,
            announcements,
            user_map: rows.unwrap(),
        }
    }

    /// An execution that only compares a pool with the backup: the report's status, and what it
    /// found.
    pub(crate) async fn compare(
        &self,
        lost: &Lost,
        pool: &UserPoolId,
        id: &str,
    ) -> (String, Verification) {
        let options = RestoreOptions {
            verify: Some(pool.clone()),
            ..RestoreOptions::default()
        };
        let request = RestoreRequest {
            restore_id: id.parse().unwrap(),
            ..self.request(lost, &options)
        };
        let report = self.drive(&request, |_| false).await.unwrap().unwrap();
        let state = self.state(&request.restore_id);
        let status = report.status.as_str().to_owned();
        (status, state.verification.unwrap())
    }

    /// What the state machine asks for.
    pub(crate) fn request(&self, lost: &Lost, options: &RestoreOptions) -> RestoreRequest {
        RestoreRequest {
            action: RestoreAction::Restore,
            restore_id: restore_id(lost),
            user_pool_id: lost.pool.clone(),
            s3_key: Some(lost.key.clone()),
            version_id: None,
            passed_over: Vec::new(),
            execution: Some(format!("execution-{}", self.execution.get())),
            options: options.clone(),
            error: None,
            cause: None,
        }
    }

    /// What a restore remembers.
    pub(crate) fn state(&self, id: &RestoreId) -> RestoreState {
        serde_json::from_slice(&self.object_of(id, RestoreState::OBJECT).unwrap()).unwrap()
    }

    /// An object of the folder of the pool's restore.
    pub(crate) fn object(&self, lost: &Lost, name: &str) -> Option<Vec<u8>> {
        self.object_of(&restore_id(lost), name)
    }

    /// An object of the folder of a restore or an undo.
    pub(crate) fn object_of(&self, id: &RestoreId, name: &str) -> Option<Vec<u8>> {
        let bytes = self.s3.get(BUCKET, &id.object_key(name));
        bytes.map(|bytes| bytes.to_vec())
    }

    /// All findings about users, from their parts.
    fn findings(&self, id: &RestoreId) -> Vec<Finding> {
        let folder = id.object_key("findings/part-");
        let keys = self.s3.keys(BUCKET).into_iter();
        keys.filter(|key| key.starts_with(&folder))
            .flat_map(|key| {
                let bytes = self.s3.get(BUCKET, &key).unwrap();
                let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
                lines.collect::<Vec<_>>()
            })
            .filter(|line| !line.is_empty())
            .map(|line| serde_json::from_slice(&line).unwrap())
            .collect()
    }

    /// Ids of all pools of the Region that is restored into.
    pub(crate) async fn new_pools(&self) -> Vec<String> {
        let config = at(&self.config, NEW, self.simulator.endpoint());
        let cognito = Cognito::new(&config, Pace::unlimited());
        let request = json!({"MaxResults": 60});
        let answer = cognito.call(Operation::ListUserPools, &request).await;
        let pools = answer.unwrap()["UserPools"].as_array().cloned().unwrap();
        pools
            .iter()
            .map(|pool| pool["Id"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn restore_id(lost: &Lost) -> RestoreId {
    format!("r-{}", lost.pool).parse().unwrap()
}

fn at(config: &SdkConfig, region: &'static str, endpoint: String) -> SdkConfig {
    config
        .to_builder()
        .endpoint_url(endpoint)
        .region(aws_config::Region::new(region))
        .build()
}

/// Whether every place is to be tried, and every size to be full.
pub(crate) fn exhaustive() -> bool {
    std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some()
}
