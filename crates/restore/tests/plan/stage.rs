//! A lost pool on the simulator, its backup in a vault in memory, and the Lambda's library call
//! in the hands of a small state machine.

use std::cell::Cell;
use std::time::Duration;

use aws_config::SdkConfig;
use cognito::collect::Collector;
use cognito::{Cognito, Operation, Pace, Pages};
use model::document::DocumentEncoder;
use model::request::{
    RestoreAction, RestoreOptions, RestoreRequest, RestoreResponse, RestoreStatus,
};
use model::restore::{RestoreState, Verification};
use model::{BackupKey, UserPoolId};
use restore::run::run;
use restore::{Clients, ExistingPools, OPERATIONS, RestoreError, RestoreSettings, Translations};
use serde_json::{Value, json};
use simulator::{Config, Fault, FaultRule, Faults, PoolDocument, Simulator, SimulatorHandle, When};
use vault::testing::MemoryS3;
use vault::{Vault, Workspace};

use crate::lost::ACL;

pub(crate) const LOST: &str = "us-east-1";
pub(crate) const NEW: &str = "us-west-2";
pub(crate) const BUCKET: &str = "dr";

pub(crate) struct Stage {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) s3: MemoryS3,
    clients: Clients,
    vault: Vault,
    settings: RestoreSettings,
    lost: UserPoolId,
    key: BackupKey,
    restore: Cell<u32>,
    execution: Cell<u32>,
    invocation: Cell<Duration>,
    anybody: Cognito,
}

impl Stage {
    pub(crate) async fn new(lost: Value) -> Self {
        let simulator = Simulator::start(Config {
            seed: Some(7),
            ..Config::default()
        })
        .unwrap();
        let lost: UserPoolId = simulator.seed(LOST, &lost).unwrap().parse().unwrap();
        let s3 = MemoryS3::start(BUCKET);
        let config = s3.config().await;
        let waf = aws_sdk_wafv2::Client::new(&config);
        s3.answer("AWSWAF_20190729.GetWebACLForResource", 200, acl(ACL));
        let key: BackupKey = format!("cognito-backup/2026/03/07/{lost}-090502.json")
            .parse()
            .unwrap();
        let document = backup(&at(&config, &simulator, LOST), &waf, &lost).await;
        s3.put(BUCKET, &key.to_string(), document);
        s3.answer(
            "AWSWAF_20190729.ListWebACLs",
            200,
            json!({"WebACLs": [{"Name": "login", "Id": "2", "ARN": ACL.replace(LOST, NEW)}]}),
        );
        simulator.reset_evidence();
        let clients = Clients {
            cognito: at(&config, &simulator, NEW).allowing(OPERATIONS),
            waf,
            lambda: functions(&config),
            workspace: Workspace::in_bucket(&config, BUCKET),
            observer: std::sync::Arc::new(()),
        };
        let anybody = at(&config, &simulator, NEW);
        let settings = RestoreSettings {
            region: NEW.into(),
            account_id: "000000000000".into(),
            ..RestoreSettings::default()
        };
        Self {
            simulator,
            s3,
            vault: Vault::in_bucket(&config, BUCKET),
            clients,
            settings,
            lost,
            key,
            restore: Cell::new(1),
            execution: Cell::new(1),
            invocation: Cell::new(Duration::from_secs(120)),
            anybody,
        }
    }

    /// As a stack whose `ExistingUserPoolIds` are these.
    pub(crate) fn allow_existing(&mut self, pools: &str) {
        self.settings.existing_user_pools = ExistingPools::read(pools).unwrap();
    }

    pub(crate) fn put_map(&self, map: &Value) {
        self.s3.put(BUCKET, Translations::KEY, map.to_string());
    }

    /// The pool that was backed up is alive in the Region of the restore, as `change` leaves it.
    pub(crate) fn revive(&self, change: impl FnOnce(&mut PoolDocument)) -> UserPoolId {
        let mut pool = self.simulator.pool(LOST, self.lost.as_str()).unwrap();
        pool.user_pool.remove("Id");
        change(&mut pool);
        let id = self.simulator.plant(NEW, pool).unwrap();
        self.simulator.reset_evidence();
        id.parse().unwrap()
    }

    /// Changes the pool that was restored.
    pub(crate) fn change_new_pool(
        &self,
        state: &RestoreState,
        change: impl FnOnce(&mut PoolDocument),
    ) {
        let mut pool = self.new_pool(state);
        change(&mut pool);
        self.simulator.plant(NEW, pool).unwrap();
    }

    /// From now on an invocation has so much time.
    pub(crate) fn invocations_of(&self, time: Duration) {
        self.invocation.set(time);
    }

    /// Cognito of the target Region, for whoever can reach it.
    pub(crate) fn anybody(&self) -> &Cognito {
        &self.anybody
    }

    /// The next restore is another one.
    pub(crate) fn begin_another(&self) {
        self.restore.set(self.restore.get() + 1);
    }

    pub(crate) fn request(&self, options: RestoreOptions) -> RestoreRequest {
        RestoreRequest {
            action: RestoreAction::Restore,
            restore_id: format!("r-{}", self.restore.get()).parse().unwrap(),
            user_pool_id: self.lost.clone(),
            s3_key: Some(self.key.clone()),
            version_id: None,
            passed_over: Vec::new(),
            execution: Some(format!("execution-{}", self.execution.get())),
            options,
            error: None,
            cause: None,
        }
    }

    pub(crate) async fn call(
        &self,
        request: &RestoreRequest,
    ) -> Result<RestoreResponse, RestoreError> {
        let stop = cognito::Stop::after(self.invocation.get());
        let invocation = run(&self.clients, &self.vault, &self.settings, request, stop).await?;
        Ok(invocation.response)
    }

    /// One invocation.
    pub(crate) async fn invoke(
        &self,
        options: RestoreOptions,
    ) -> Result<RestoreResponse, RestoreError> {
        self.call(&self.request(options)).await
    }

    /// An invocation that is gone at the `nth` call of Cognito: the call is carried out, and
    /// nobody is there any more for its answer.
    pub(crate) async fn die_at(&self, nth: u64) {
        self.die_with(RestoreOptions::default(), nth).await;
    }

    /// The same, of a restore with options.
    pub(crate) async fn die_with(&self, options: RestoreOptions, nth: u64) {
        self.simulator.set_faults(Faults {
            seed: 0,
            rules: vec![FaultRule {
                operation: None,
                when: When::Burst {
                    from: nth,
                    count: u64::MAX / 2,
                },
                fault: Fault::AnswerSlow(3_600_000),
            }],
        });
        tokio::select! {
            _ = self.invoke(options) => {}
            () = self.reached(nth) => {}
        }
        self.simulator.set_faults(Faults::default());
    }

    async fn reached(&self, nth: u64) {
        while self.simulator.evidence().calls.values().sum::<u64>() < nth {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Invocations until the state shows what is waited for, or until the restore has ended.
    async fn until(
        &self,
        request: &RestoreRequest,
        shows: impl Fn(&RestoreState) -> bool,
    ) -> Result<(), RestoreError> {
        for _ in 0..200 {
            let answer = self.call(request).await?;
            match answer.status {
                RestoreStatus::InProgress => {}
                RestoreStatus::Waiting => {
                    let seconds = u64::from(answer.wait_seconds);
                    self.simulator.advance_clock(Duration::from_secs(seconds));
                }
                _ => return Ok(()),
            }
            if shows(&self.state()) {
                return Ok(());
            }
        }
        panic!("the restore does not end");
    }

    /// From now on another execution of the state machine calls.
    pub(crate) fn begin_execution(&self) {
        self.execution.set(self.execution.get() + 1);
    }

    /// All invocations of the plan.
    pub(crate) async fn restore(
        &self,
        options: RestoreOptions,
    ) -> Result<RestoreState, RestoreError> {
        let request = self.request(options);
        self.until(&request, |state| state.ended.is_some()).await?;
        Ok(self.state())
    }

    pub(crate) async fn verify(&self, state: &RestoreState) -> Verification {
        let request = self.request(state.options.clone());
        let compared = |state: &RestoreState| state.verification.is_some();
        self.until(&request, compared).await.unwrap();
        self.state().verification.unwrap()
    }

    /// The rest of the execution: compares, and reports.
    pub(crate) async fn finish(&self) {
        let request = self.request(RestoreOptions::default());
        self.until(&request, |_| false).await.unwrap();
    }

    pub(crate) fn state(&self) -> RestoreState {
        let key = format!("cognito-restore/r-{}/state.json", self.restore.get());
        serde_json::from_slice(&self.s3.get(BUCKET, &key).unwrap()).unwrap()
    }

    pub(crate) fn new_pool(&self, state: &RestoreState) -> PoolDocument {
        let pool = state.new_user_pool_id.as_ref().unwrap();
        self.simulator.pool(NEW, pool.as_str()).unwrap()
    }

    /// All pools of the target Region, whoever made them: a second one would not show in a state.
    pub(crate) async fn new_pools(&self) -> Vec<PoolDocument> {
        let pages = Pages::new(&self.clients.cognito, Operation::ListUserPools, json!({})).unwrap();
        let listed = pages.all().await.unwrap();
        listed
            .iter()
            .map(|pool| {
                self.simulator
                    .pool(NEW, pool["Id"].as_str().unwrap())
                    .unwrap()
            })
            .collect()
    }

    /// From now on the new pool is what the web ACL protects.
    pub(crate) fn protect_new_pool(&self) {
        let there = acl(&ACL.replace(LOST, NEW));
        self.s3
            .answer("AWSWAF_20190729.GetWebACLForResource", 200, there);
    }
}

fn acl(arn: &str) -> Value {
    json!({"WebACL": {"Name": "login", "ARN": arn, "Id": "1", "DefaultAction": {"Allow": {}}, "VisibilityConfig": {"SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": "m"}}})
}

/// No Lambda API is at the endpoint of the tests: looking for functions finds none, at once.
fn functions(config: &SdkConfig) -> aws_sdk_lambda::Client {
    let config = aws_sdk_lambda::config::Builder::from(config)
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build();
    aws_sdk_lambda::Client::from_conf(config)
}

fn at(config: &SdkConfig, simulator: &SimulatorHandle, region: &str) -> Cognito {
    let config = config
        .to_builder()
        .endpoint_url(simulator.endpoint())
        .region(aws_config::Region::new(region.to_owned()))
        .build();
    Cognito::new(&config, Pace::unlimited())
}

/// What the backup Lambda would write.
async fn backup(cognito: &Cognito, waf: &aws_sdk_wafv2::Client, pool: &UserPoolId) -> Vec<u8> {
    let collector = Collector::new(cognito, waf);
    let began = "2026-03-07T09:05:02Z".parse().unwrap();
    let head = collector.head(pool, began).await.unwrap();
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    let mut users = collector.users(pool).unwrap();
    while let Some(page) = users.next().await.unwrap() {
        for user in page {
            encoder.user(&user, &mut out);
        }
    }
    encoder.begin_memberships(&mut out);
    for group in head.list(model::inventory::Section::Groups) {
        let name = group["GroupName"].as_str().unwrap();
        encoder.begin_group(name, &mut out);
        let mut members = collector.members(pool, name).unwrap();
        while let Some(page) = members.next().await.unwrap() {
            for member in page {
                encoder.member(member["Username"].as_str().unwrap(), &mut out);
            }
        }
        encoder.end_group(&mut out);
    }
    encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
    out
}
