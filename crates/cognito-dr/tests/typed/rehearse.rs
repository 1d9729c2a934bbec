//! `cognito-dr rehearse`.

use serde_json::Value;

use crate::restore::{FILE, Lost, NEW};
use crate::support::{ended, interrupt};

const NOTHING: [&str; 0] = [];

fn rehearse(lost: &Lost, more: &[&str]) -> Value {
    let arguments = [&["rehearse", FILE, "--region", NEW, "--json"], more].concat();
    let output = lost.account.command(&arguments).output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 3)), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_rehearsal_leaves_a_report_and_a_record_and_no_pool() {
    let lost = Lost::new();
    let first = rehearse(&lost, &[]);
    assert_eq!(first["users"], 9);
    assert!(first.get("previous").is_none());
    let id = first["restore_id"].as_str().unwrap();
    let folder = lost.account.path(&format!("{FILE}.rehearsals"));
    let report = folder.join(format!("cognito-restore/{id}/report.json"));
    assert!(report.exists(), "{report:?}");
    let second = rehearse(&lost, &["--sample", "3"]);
    assert_eq!(second["previous"], first["result"]);
    assert!(second["users"].as_u64().unwrap() < 9);
    assert_eq!(lost.new_pools(), NOTHING);
    assert_eq!(lost.account.simulator.evidence().messages_sent, 0);
}

#[test]
fn ctrl_c_removes_the_scratch_pool() {
    let lost = Lost::new();
    let nth = 25;
    lost.account.hold_at(nth, 1_500);
    let mut process = lost.begin("rehearse");
    assert!(lost.account.reaches(&mut process, nth));
    assert_eq!(lost.account.simulator.evidence().calls["CreateUserPool"], 1);
    interrupt(&process);
    let (code, said) = ended(process);
    assert_eq!(code, 130, "{said}");
    assert_eq!(lost.new_pools(), NOTHING, "{said}");
    // Nothing is left to go on with, and another one begins anew.
    rehearse(&lost, &[]);
    assert_eq!(lost.new_pools(), NOTHING);
}
