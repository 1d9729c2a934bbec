//! The whole story on the local stack: both pools of the drill, from backup to comparison.

#![allow(clippy::unwrap_used)]

use end_to_end::drill::{self, Watch};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, PLANTED, SHOP};
use end_to_end::stack::{Options, Stack};
use end_to_end::story;
use model::restore::ReportStatus;

/// Keeps everything that a person would see.
#[derive(Default)]
struct Seen(String);

impl Watch for Seen {
    fn phase(&mut self, name: &str) {
        self.0.push_str(name);
        self.0.push('\n');
    }

    fn note(&mut self, text: &str) {
        self.phase(text);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_pools_come_back_but_for_what_the_reports_announce() {
    let Some(environment) = Environment::ready("the whole story") else {
        return;
    };
    let stack = Stack::start(&environment.python, &Options::default())
        .await
        .unwrap();
    let mut seen = Seen::default();
    let (drill, deployment) = drill::run(&stack, &environment.binaries, &mut seen)
        .await
        .unwrap();
    assert_eq!(drill.problems, Vec::<String>::new(), "{}", drill.text);
    assert_eq!(drill.restored.keys().collect::<Vec<_>>(), [MEMBERS, SHOP]);
    for planted in PLANTED {
        assert!(
            !seen.0.contains(planted) && !drill.text.contains(planted),
            "{planted}"
        );
    }

    // Nobody has touched the pools since: the restored ones are what the reports say.
    for key in story::list(&stack, &deployment, "cognito-restore/")
        .await
        .unwrap()
    {
        let Some(restore_id) = key.strip_suffix("/report.json") else {
            continue;
        };
        let restore_id = restore_id.trim_start_matches("cognito-restore/");
        let report = story::report(&stack, &deployment, restore_id)
            .await
            .unwrap();
        assert_ne!(report.status, ReportStatus::Failed, "{restore_id}");
        let page = format!("cognito-restore/{restore_id}/handover.html");
        assert!(
            !story::read(&stack, &deployment, &page)
                .await
                .unwrap()
                .is_empty()
        );
    }
}
