//! The metrics that the functions put out, as CloudWatch would take them from their output.

use serde_json::json;

use crate::account::{Account, BUCKET, Invocation, restore_event};
use lambda::metrics::{Metric, NAMESPACE};
use simulator::{Fault, Faults, When};

impl Invocation {
    /// All values of a metric, in order.
    fn values(&self, metric: Metric) -> Vec<f64> {
        let values = self
            .metrics
            .iter()
            .filter_map(|line| line.get(metric.name()));
        values.map(|value| value.as_f64().unwrap()).collect()
    }

    /// Each value is announced with its unit, and each announced metric has a value.
    fn assert_well_formed(&self) {
        assert!(!self.metrics.is_empty());
        for line in &self.metrics {
            let directive = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(directive["Namespace"], NAMESPACE);
            assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
            assert_eq!(line["FunctionName"], "function");
            assert!(line["_aws"]["Timestamp"].is_i64());
            for metric in Metric::ALL {
                let definition = json!({"Name": metric.name(), "Unit": metric.unit().as_str()});
                let definitions = directive["Metrics"].as_array().unwrap();
                let is_announced = definitions.contains(&definition);
                assert_eq!(is_announced, line[metric.name()].is_number(), "{line}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_counts_its_pools_and_a_check_knows_their_age() {
    let account = Account::new();
    let pools = ["first", "second"].map(|name| account.seed(name));
    let check = json!({"action": "check_ages"});
    let listed = pools.join(",");
    let invoke = |event| account.backup(&listed, event);

    let before = invoke(check.clone()).await;
    before.assert_well_formed();
    assert_eq!(before.values(Metric::PoolsOverdue), [2.0]);
    assert_eq!(before.values(Metric::OldestBackupAge), [3.0 * 3600.0]);
    assert_eq!(before.answer["overdue"], json!(pools));

    let throttle = Faults::one("ListUsers", When::Nth(1), Fault::Throttle);
    account.simulator.set_faults(throttle);
    let backups = invoke(json!({})).await;
    backups.assert_well_formed();
    assert_eq!(backups.values(Metric::BackupsCompleted), [1.0, 1.0]);
    assert_eq!(backups.values(Metric::BackupsFailed), [0.0, 0.0]);
    assert_eq!(backups.values(Metric::BackupUsers), [1.0, 1.0]);
    assert_eq!(backups.values(Metric::BackupSectionsFailed), [0.0, 0.0]);
    assert_eq!(backups.values(Metric::BackupCallsThrottled), [1.0]);
    let used = backups.values(Metric::BackupQuotaUsed)[0];
    assert!(used > 0.0 && used <= 100.0, "{used}");
    let sizes = pools.each_ref().map(|pool| {
        let keys = account.s3.keys(BUCKET);
        let key = keys.iter().find(|key| key.contains(pool.as_str())).unwrap();
        account.s3.get(BUCKET, key).unwrap().len() as f64
    });
    assert_eq!(backups.values(Metric::BackupBytes), sizes);
    assert!(
        backups
            .values(Metric::BackupSeconds)
            .iter()
            .all(|time| *time >= 0.0)
    );
    let named = backups
        .metrics
        .iter()
        .filter_map(|line| line["UserPoolId"].as_str());
    assert_eq!(named.collect::<Vec<_>>(), pools);

    let after = invoke(check).await;
    assert_eq!(after.values(Metric::PoolsOverdue), [0.0]);
    assert!(after.values(Metric::OldestBackupAge)[0] < 600.0);
    assert!(after.values(Metric::BackupsCompleted).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_fails_and_a_section_that_cannot_be_read_are_counted() {
    let account = Account::new();
    let pools = [account.seed("first"), "us-east-1_Gone".to_owned()];
    let refused = Fault::Error {
        code: "NotAuthorizedException".into(),
        message: "not allowed".into(),
        status: 400,
    };
    let refused = Faults::one("GetUserPoolMfaConfig", When::Rate(1.0), refused);
    account.simulator.set_faults(refused);
    let failed = account.backup(&pools.join(","), json!({})).await;
    failed.assert_well_formed();
    assert_eq!(failed.values(Metric::BackupsCompleted), [1.0, 0.0]);
    assert_eq!(failed.values(Metric::BackupsFailed), [0.0, 1.0]);
    assert_eq!(failed.values(Metric::BackupSectionsFailed), [1.0]);
    assert_eq!(failed.values(Metric::BackupCallsThrottled), [0.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_the_table_refuses_is_counted() {
    let account = Account::new();
    let pools = [account.seed("first")];
    let refused = json!({"__type": "AccessDeniedException", "message": "not allowed"});
    account.s3.answer("DynamoDB_20120810.PutItem", 400, refused);
    let failed = account.backup(&pools.join(","), json!({})).await;
    failed.assert_well_formed();
    assert_eq!(failed.values(Metric::BackupsNotRecorded), [1.0]);
    assert_eq!(failed.values(Metric::BackupsFailed), [1.0]);
    assert_eq!(failed.answer["errorType"], "BackupFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_tells_how_it_ended_once() {
    let account = Account::new();
    let pool = account.seed("first");
    account.backup(&pool, json!({})).await;
    let key = account
        .s3
        .keys(BUCKET)
        .into_iter()
        .find(|key| key.contains(&pool))
        .unwrap();
    let mut all = Vec::new();
    let (status, ended) = loop {
        let invocation = account.restore(restore_event(&pool, &key)).await;
        invocation.assert_well_formed();
        let status = invocation.answer["status"].as_str().unwrap().to_owned();
        all.extend(invocation.metrics.clone());
        if status != "IN_PROGRESS" {
            break (status, invocation);
        }
    };
    let results = |metric: Metric| {
        let values = all.iter().filter_map(|line| line[metric.name()].as_f64());
        values.collect::<Vec<_>>()
    };
    for (metric, of_status) in [
        (Metric::RestoresSucceeded, "SUCCESS"),
        (Metric::RestoresWithLosses, "SUCCESS_WITH_LOSSES"),
        (Metric::RestoresFailed, "FAILED"),
    ] {
        let expected = f64::from(u8::from(status == of_status));
        assert_eq!(results(metric), [expected], "{metric:?} of {status}");
    }
    assert_eq!(ended.values(Metric::RestoreUsers), [1.0]);
    let differs = ended.values(Metric::RestoreDifferences)[0] > 0.0;
    assert_eq!(differs, status == "FAILED");
    assert!(ended.values(Metric::RestoreUsersPerSecond)[0] > 0.0);
    assert!(
        results(Metric::RestoreQuotaUsed)
            .iter()
            .all(|used| *used <= 100.0)
    );
    let text = json!(all).to_string();
    assert!(
        !text.contains("anna") && !text.contains("example.com"),
        "{text}"
    );

    let event = json!({"action": "report_failure", "restore_id": "dr-restore-2", "user_pool_id": pool, "error": "AlreadyRunning", "cause": "{}"});
    let failed = account.restore(event).await;
    failed.assert_well_formed();
    assert_eq!(failed.values(Metric::RestoresFailed), [1.0]);
}
