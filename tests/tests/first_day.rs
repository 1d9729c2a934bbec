//! The questions of the first day that need IAM, S3 and WAF, on the local stack.

#![allow(clippy::unwrap_used)]

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cognito::{Pace, Stop};
use end_to_end::clients::{Clients, DR_REGION, PRIMARY_REGION};
use end_to_end::deploy::set_replication;
use end_to_end::environment::Environment;
use end_to_end::ministack::{Ministack, Options};
use first_day::account::{Account, Configs, Given};
use first_day::clean_up;
use first_day::journal::{Journal, Kind};
use first_day::question::Question;
use first_day::questions;
use first_day::report::{Report, Verdict};
use first_day::run::{Moment, Watch, run};
use first_day::services::PATH;
use futures::FutureExt as _;
use serde_json::Value;
use simulator::{Config, PassRole, Simulator, SimulatorHandle};
use tempfile::TempDir;
use xtask::architecture::Architecture;
use xtask::package::{Purpose, package};
use xtask::python::Python;
use xtask::template;

/// Any key is of this account there: a user of IAM has one that is none.
const ACCOUNT: &str = "000000000000";

/// What the local AWS does otherwise than is expected of the real one.
const LOCAL: [&str; 2] = [
    "buckets.replica-version",
    "permissions.sign-up-through-web-acl",
];

struct Stage {
    simulator: SimulatorHandle,
    ministack: Ministack,
    account: Account,
    folder: TempDir,
    runs: AtomicU32,
}

impl Stage {
    async fn start() -> Option<Self> {
        let Some(python) = Python::existing() else {
            assert!(
                std::env::var("LOCAL_STACK").is_err(),
                "`cargo xtask test` makes the Python environment"
            );
            eprintln!(
                "SKIPPED first day: run `cargo xtask test`, which makes the Python environment that it needs"
            );
            return None;
        };
        let simulator = Simulator::start(Config {
            seed: Some(1),
            pass_role: PassRole::ToCognitoOnly,
            ..Config::default()
        })
        .unwrap();
        let cognito_endpoint = simulator.endpoint();
        let ministack = Ministack::start(
            &python,
            &Options {
                cognito_endpoint,
                ..Options::default()
            },
        )
        .await
        .unwrap();
        let [primary, dr] = [PRIMARY_REGION, DR_REGION].map(|region| {
            let of = |endpoint: &str| Clients::new(endpoint, ACCOUNT, region).config;
            (of(&simulator.endpoint()), of(&ministack.endpoint()))
        });
        let [primary, dr] = [&primary, &dr].map(|(cognito, others)| Configs { cognito, others });
        let mut account = Account::new(primary, dr, Pace::unlimited());
        account.quiet_time = Duration::ZERO;
        Some(Self {
            simulator,
            ministack,
            account,
            folder: tempfile::tempdir().unwrap(),
            runs: AtomicU32::new(0),
        })
    }

    fn journal(&self) -> Arc<Journal> {
        let run = format!(
            "first-day-local{}",
            self.runs.fetch_add(1, Ordering::Relaxed)
        );
        Arc::new(Journal::begin(self.folder.path(), &run).unwrap())
    }

    async fn ask(
        &self,
        questions: &[Question],
        journal: &Arc<Journal>,
        watch: Arc<dyn Watch>,
    ) -> Report {
        run(
            questions,
            &self.account,
            &Given::default(),
            journal,
            &watch,
            &Stop::never(),
        )
        .await
    }

    /// Everything that there is, wherever it was made.
    async fn left(&self) -> Vec<String> {
        let mut left = self.simulator.pool_ids();
        let iam = &self.account.iam;
        let roles = iam.list_roles().path_prefix(PATH).send().await.unwrap();
        left.extend(roles.roles.into_iter().map(|role| role.role_name));
        let users = iam.list_users().path_prefix(PATH).send().await.unwrap();
        left.extend(users.users.into_iter().map(|user| user.user_name));
        for region in [&self.account.primary, &self.account.dr] {
            let buckets = region.s3.list_buckets().send().await.unwrap();
            left.extend(
                buckets
                    .buckets()
                    .iter()
                    .filter_map(|bucket| bucket.name.clone()),
            );
            let acls = region
                .waf
                .list_web_acls()
                .scope("REGIONAL".into())
                .send()
                .await
                .unwrap();
            left.extend(acls.web_acls().iter().filter_map(|acl| acl.name.clone()));
        }
        left
    }
}

/// The questions that need more than Cognito.
fn with_needs(only: &[&str]) -> Vec<Question> {
    let mut questions = questions::all();
    questions.retain(|question| !question.needs.is_empty());
    questions.retain(|question| {
        question
            .needs
            .iter()
            .all(|need| need.missing(&Given::default()).is_none())
    });
    questions.retain(|question| {
        only.is_empty() || only.iter().any(|pattern| question.is_named_by(pattern))
    });
    questions
}

fn lines(report: &Report, verdict: Verdict) -> Vec<String> {
    let line = |entry: &first_day::report::Entry| {
        let said = entry.observed.as_ref().or(entry.because.as_ref());
        format!("{}: {}", entry.question, said.cloned().unwrap_or_default())
    };
    report.with(verdict).map(line).collect()
}

#[tokio::test]
async fn the_local_stack_agrees_where_it_is_like_aws_and_a_planted_policy_is_found() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    let report = stage
        .ask(&with_needs(&[]), &stage.journal(), Arc::new(()))
        .await;
    assert_eq!(lines(&report, Verdict::NotAsked), [""; 0]);
    let mut differing: Vec<&str> = report
        .with(Verdict::Differs)
        .map(|entry| entry.question.as_str())
        .collect();
    differing.sort_unstable();
    assert_eq!(differing, LOCAL, "{:?}", lines(&report, Verdict::Differs));
    assert_eq!(stage.left().await, [""; 0]);

    for (pass_role, expected) in [
        (
            PassRole::Allowed,
            vec!["permissions.pass-role-of-group: accepted"],
        ),
        (
            PassRole::Denied,
            vec![
                "permissions.pass-role-of-sms: refused as AccessDeniedException",
                "permissions.pass-role-of-import: refused as AccessDeniedException",
            ],
        ),
    ] {
        stage.simulator.set_pass_role(pass_role);
        let mut questions = with_needs(&["permissions.*"]);
        questions.retain(|question| !LOCAL.contains(&question.id.as_str()));
        let report = stage.ask(&questions, &stage.journal(), Arc::new(())).await;
        assert_eq!(lines(&report, Verdict::Differs), expected, "{pass_role:?}");
    }
    assert_eq!(stage.left().await, [""; 0]);
}

/// The local CloudFormation leaves a bucket's replication out: this puts it there, before the first
/// backup.
struct Replication {
    template: Value,
    clients: Clients,
}

impl Watch for Replication {
    fn moment(&self, moment: &Moment<'_>) {
        let Moment::Made(thing) = moment else { return };
        if thing.kind != Kind::Stack || thing.region != PRIMARY_REGION {
            return;
        }
        let environment = thing.name.replace("first-day", "fd");
        let environment = environment.rsplit_once('-').unwrap().0;
        let bucket = format!("cognito-backup-{environment}-{ACCOUNT}");
        let dr = format!("arn:aws:s3:::cognito-backup-dr-{environment}-{ACCOUNT}");
        let (template, clients) = (self.template.clone(), self.clients.clone());
        let set = async move {
            while clients
                .s3
                .head_bucket()
                .bucket(&bucket)
                .send()
                .await
                .is_err()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let parameters = [("DRBucketArn", dr)];
            let role = format!("arn:aws:iam::{ACCOUNT}:role/replication");
            set_replication(&clients, &template, &parameters, &bucket, &role)
                .await
                .unwrap();
        };
        let runtime = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
        };
        std::thread::spawn(move || runtime().block_on(set))
            .join()
            .unwrap();
    }
}

#[tokio::test]
async fn both_stacks_are_deployed_asked_and_removed_with_all_that_they_leave() {
    let Some(environment) = Environment::ready("first day") else {
        return;
    };
    let Some(stage) = Stage::start().await else {
        return;
    };
    let packages = tempfile::tempdir().unwrap();
    for name in [template::PRIMARY, template::DR] {
        let read = template::read(name).unwrap();
        for (_, function) in template::resources(&read, template::FUNCTION) {
            let binary = template::binary(function).unwrap();
            let zip = package(&environment.binaries.join(binary), Purpose::LocalStack).unwrap();
            std::fs::write(packages.path().join(format!("{binary}.zip")), zip).unwrap();
        }
        let here = Architecture::of_this_machine();
        let packaged = template::packaged(read, here, |binary| format!("{binary}.zip")).unwrap();
        let path = packages.path().join(name).with_extension("json");
        std::fs::write(path, packaged.to_string()).unwrap();
    }
    let given = Given {
        packages: Some(packages.path().to_owned()),
        ..Given::default()
    };
    let watch: Arc<dyn Watch> = Arc::new(Replication {
        template: template::read(template::PRIMARY).unwrap(),
        clients: Clients::new(&stage.ministack.endpoint(), ACCOUNT, PRIMARY_REGION),
    });
    let mut questions = questions::all();
    questions.retain(|question| question.is_named_by("stacks.*"));
    let report = run(
        &questions,
        &stage.account,
        &given,
        &stage.journal(),
        &watch,
        &Stop::never(),
    )
    .await;
    assert_eq!(lines(&report, Verdict::NotAsked), [""; 0]);
    assert_eq!(lines(&report, Verdict::Differs), [""; 0]);
    assert!(report.left.is_empty(), "{:?}", report.left);
    assert_eq!(stage.left().await, [""; 0]);
    for region in [&stage.account.primary, &stage.account.dr] {
        let tables = region.dynamodb.list_tables().send().await.unwrap();
        assert_eq!(tables.table_names(), [""; 0]);
    }
}

/// Dies when that many things were begun or made.
struct Fuse(AtomicU32);

impl Watch for Fuse {
    fn moment(&self, moment: &Moment<'_>) {
        if matches!(moment, Moment::Making(_) | Moment::Made(_)) {
            assert_ne!(self.0.fetch_sub(1, Ordering::SeqCst), 1, "killed");
        }
    }
}

#[tokio::test]
async fn killed_at_any_moment_it_leaves_a_journal_that_removes_all_kinds_of_things() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    let questions = with_needs(&[
        "permissions.pass-role-of-import",
        "permissions.sign-up-through-web-acl",
        "buckets.replica-version",
    ]);
    assert_eq!(questions.len(), 3);
    for moments in 1.. {
        let journal = stage.journal();
        let watch: Arc<dyn Watch> = Arc::new(Fuse(AtomicU32::new(moments)));
        let asked = stage.ask(&questions, &journal, watch);
        let ended = AssertUnwindSafe(asked).catch_unwind().await;
        let read = Journal::open(journal.path()).unwrap();
        let left = clean_up::by_journal(&stage.account, &read, &()).await;
        assert!(left.is_empty(), "after {moments}: {left:?}");
        assert_eq!(stage.left().await, [""; 0], "after {moments}");
        if ended.is_ok() {
            assert!(moments > 12, "{moments}");
            return;
        }
    }
}

/// By the marks that everything carries, when the journal is lost; a bucket of somebody else stays.
#[tokio::test]
async fn without_its_journal_everything_is_found_by_its_marks() {
    let Some(stage) = Stage::start().await else {
        return;
    };
    let s3 = &stage.account.primary.s3;
    s3.create_bucket()
        .bucket("first-day-of-somebody-else")
        .send()
        .await
        .unwrap();
    let watch: Arc<dyn Watch> = Arc::new(Fuse(AtomicU32::new(6)));
    let questions = with_needs(&["buckets.replica-version"]);
    let journal = stage.journal();
    let asked = stage.ask(&questions, &journal, watch);
    assert!(AssertUnwindSafe(asked).catch_unwind().await.is_err());
    clean_up::by_tag(&stage.account).await.unwrap();
    let mut left = stage.left().await;
    left.retain(|name| name != "first-day-of-somebody-else");
    assert_eq!(left, [""; 0]);
}
