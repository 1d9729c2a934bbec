//! The program itself: what it says, Ctrl-C, and a kill.

mod support;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use simulator::{Config, Latency};
use support::Stage;

/// How long anything here may take, on a machine with much else to do.
const LIMIT: Duration = Duration::from_secs(120);

fn program(stage: &Stage, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_first-day"));
    command
        .env_clear()
        .env("AWS_ENDPOINT_URL", stage.simulator.endpoint())
        .env("AWS_ACCESS_KEY_ID", "first-day")
        .env("AWS_SECRET_ACCESS_KEY", "first-day")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(stage.folder.path())
        .args(["--no-iam", "--folder"])
        .arg(stage.folder.path())
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn files(folder: &Path, extension: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| std::fs::read_to_string(path).expect("a file"))
        .collect()
}

/// Starts it, and waits until it has two pools: it makes a domain next.
fn with_two_pools(stage: &Stage) -> Child {
    stage.simulator.set_latency(Latency::Fixed(300));
    let child = program(stage, &["--yes", "--only", "domains.taken"])
        .spawn()
        .expect("the program");
    let began = Instant::now();
    let made = || -> usize {
        let journals = files(stage.folder.path(), "journal");
        journals
            .iter()
            .map(|text| text.matches("\"made\"").count())
            .sum()
    };
    while made() < 2 {
        assert!(began.elapsed() < LIMIT, "it makes no pools");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn text(output: &Output) -> String {
    let streams = [&output.stdout, &output.stderr];
    streams
        .map(|stream| String::from_utf8_lossy(stream).into_owned())
        .concat()
}

#[test]
fn it_shows_what_it_would_ask_and_cost_without_asking() {
    let stage = Stage::new(Config::default());
    let output = program(&stage, &["--list", "--only", "mfa.*"])
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("mfa.mode-left-out  What is MFA after"),
        "{}",
        text(&output)
    );
    let refused = program(&stage, &["--only", "mfa.*"])
        .output()
        .expect("the program");
    assert_eq!(refused.status.code(), Some(2));
    assert!(text(&refused).contains("give --yes"), "{}", text(&refused));
    assert!(stage.simulator.evidence().calls.is_empty());
}

#[test]
fn it_prints_both_sides_and_writes_them_down() {
    let stage = Stage::new(Config::default());
    let output = program(&stage, &["--yes", "--only", "secrets.two"])
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        text(&output).contains("1 agree, 0 differ, 0 could not be asked"),
        "{}",
        text(&output)
    );
    assert_eq!(files(stage.folder.path(), "journal").len(), 0);
    let written = files(stage.folder.path(), "json");
    let report: serde_json::Value = serde_json::from_str(&written[0]).expect("JSON");
    let answer = &report["answers"][0];
    assert_eq!(answer["question"], "secrets.two");
    assert_eq!(answer["verdict"], "agrees");
    assert_eq!(answer["expected"], answer["observed"]);
    let added = &answer["calls"][2];
    assert_eq!(added["operation"], "AddUserPoolClientSecret");
    assert_eq!(added["request"]["ClientSecret"], "(hidden)");
    assert!(!written[0].contains("first0day0secret"));
}

#[cfg(unix)]
#[test]
fn ctrl_c_removes_what_was_made() {
    let stage = Stage::new(Config::default());
    let child = with_two_pools(&stage);
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(sent.expect("kill").success());
    let output = child.wait_with_output().expect("its end");
    assert_eq!(output.status.code(), Some(130), "{}", text(&output));
    assert_eq!(stage.simulator.pool_ids(), [""; 0]);
    assert_eq!(files(stage.folder.path(), "journal").len(), 0);
}

#[test]
fn after_a_kill_a_clean_up_removes_what_was_made() {
    let stage = Stage::new(Config::default());
    let mut child = with_two_pools(&stage);
    child.kill().expect("a kill");
    child.wait().expect("its end");
    assert_eq!(stage.simulator.pool_ids().len(), 2);
    let output = program(&stage, &["--clean-up"])
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", text(&output));
    assert_eq!(stage.simulator.pool_ids(), [""; 0]);
    assert_eq!(files(stage.folder.path(), "journal").len(), 0);
}
