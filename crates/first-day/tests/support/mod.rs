//! An account of simulators.

// Each test file uses a part of it.
#![allow(dead_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use cognito::{Pace, Stop};
use first_day::account::{Account, Given};
use first_day::journal::Journal;
use first_day::question::Question;
use first_day::questions;
use first_day::report::Report;
use first_day::run::{Watch, run};
use simulator::{Config, Simulator, SimulatorHandle};
use tempfile::TempDir;

pub(crate) const PRIMARY: &str = "us-east-1";
pub(crate) const DR: &str = "us-west-2";

/// A simulator, the account that asks it, and the folder of its journals.
pub(crate) struct Stage {
    pub(crate) simulator: SimulatorHandle,
    pub(crate) account: Account,
    pub(crate) folder: TempDir,
    asked: AtomicU32,
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let simulator = Simulator::start(Config {
            seed: Some(1),
            ..config
        })
        .expect("a simulator");
        let [primary, dr] = [PRIMARY, DR].map(|region| sdk_config(&simulator.endpoint(), region));
        let mut account = Account::new(&primary, &dr, Pace::unlimited());
        account.quiet_time = std::time::Duration::ZERO;
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            simulator,
            account,
            folder,
            asked: AtomicU32::new(1),
        }
    }

    pub(crate) fn journal(&self, run: &str) -> Arc<Journal> {
        Arc::new(Journal::begin(self.folder.path(), run).expect("a journal"))
    }

    /// Asks the questions that these patterns name, or all that need nothing but Cognito.
    pub(crate) async fn ask(&self, only: &[&str]) -> Report {
        let watch: Arc<dyn Watch> = Arc::new(());
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let journal = self.journal(&format!("first-day-asked{number}"));
        self.ask_with(only, &journal, &watch, &Stop::never()).await
    }

    pub(crate) async fn ask_with(
        &self,
        only: &[&str],
        journal: &Arc<Journal>,
        watch: &Arc<dyn Watch>,
        stop: &Stop,
    ) -> Report {
        let mut questions = askable();
        questions.retain(|question| {
            only.is_empty() || only.iter().any(|pattern| question.is_named_by(pattern))
        });
        run(
            &questions,
            &self.account,
            &Given::default(),
            journal,
            watch,
            stop,
        )
        .await
    }
}

/// The questions that need nothing but Cognito.
pub(crate) fn askable() -> Vec<Question> {
    let questions = questions::all().into_iter();
    questions
        .filter(|question| question.needs.is_empty())
        .collect()
}

fn sdk_config(endpoint: &str, region: &'static str) -> SdkConfig {
    let credentials = Credentials::new("first-day", "first-day", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new(region))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}
