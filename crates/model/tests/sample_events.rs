//! Every sample in `events/` is a request that its Lambda understands.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use model::UserPoolId;
use model::request::{
    BackupRequest, FindRequest, RemovalRequest, RestoreRequest, ScheduledRehearsal, TriggerRequest,
};
use serde_json::Value;

fn samples(lambda: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../events")
        .join(lambda);
    let mut samples: Vec<(PathBuf, Value)> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let event = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            (path, event)
        })
        .collect();
    samples.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(!samples.is_empty(), "no samples for {lambda}");
    samples
}

#[test]
fn each_sample_for_backup_asks_for_its_pools() {
    let configured: Vec<UserPoolId> = ["us-east-1_ABCDeFghi", "us-east-1_jklmNOPQr"]
        .map(|id| id.parse().unwrap())
        .to_vec();
    for (path, event) in samples("backup") {
        let request = BackupRequest::from_event(&event, &configured)
            .unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let pools = match request {
            BackupRequest::Pools(pools) | BackupRequest::Scheduled(pools) => pools.len(),
            BackupRequest::CheckAges
            | BackupRequest::CheckReplicas
            | BackupRequest::Forget(_)
            | BackupRequest::Nothing { .. } => 0,
            BackupRequest::Continue(_) => panic!("{path:?} is no continuation"),
        };
        let expected = match path.file_stem().unwrap().to_str().unwrap() {
            "all-pools" | "schedule" => 2,
            "one-pool" | "user-created" | "queued" => 1,
            "user-creation-failed" | "check-ages" | "check-replicas" | "forget" => 0,
            other => panic!("no expectation for the sample {other:?}"),
        };
        assert_eq!(pools, expected, "{path:?}");
    }
}

#[test]
fn each_sample_for_the_restore_is_understood() {
    for (path, event) in samples("find-latest-backup") {
        FindRequest::from_event(&event).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    }
    for (path, event) in samples("restore") {
        let removal = RemovalRequest::from_event(&event).unwrap();
        if removal.is_none() {
            RestoreRequest::from_event(&event).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        }
    }
    for (path, event) in samples("manual-dr-trigger") {
        let scheduled = ScheduledRehearsal::from_event(&event).unwrap();
        if scheduled.is_none() {
            TriggerRequest::from_event(&event).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        }
    }
}
