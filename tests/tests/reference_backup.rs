//! A backup that the reference implementation wrote restores.

#![allow(clippy::unwrap_used)]

use end_to_end::clients::PRIMARY_REGION;
use end_to_end::drill;
use end_to_end::environment::Environment;
use end_to_end::pools::{SHOP, shop};
use end_to_end::stack::ACCOUNT;
use end_to_end::story;
use model::restore::ReportStatus;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_the_reference_implementation_restores() {
    let Some(environment) = Environment::ready("a backup of the reference") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&shop()).await.unwrap();

    let mut script = environment.python.script("reference_backup.py");
    script.args([&stack.simulator.endpoint(), PRIMARY_REGION, ACCOUNT, SHOP]);
    let output = tokio::task::spawn_blocking(move || script.output())
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let key = format!("cognito-backup/2026/01/02/{SHOP}-030405.json");
    stack
        .dr
        .s3
        .put_object()
        .bucket(&deployment.dr["DRBucketName"])
        .key(&key)
        .body(output.stdout.into())
        .send()
        .await
        .unwrap();

    let (execution, report) = story::restore(&stack, &deployment, &story::lost(SHOP))
        .await
        .unwrap();
    assert!(
        execution.succeeded,
        "{:?} {:?} {:#?}",
        execution.error, execution.cause, report.verification
    );
    assert_eq!(report.s3_key.as_ref().map(ToString::to_string), Some(key));
    assert_ne!(report.status, ReportStatus::Failed);

    // What the reference never wrote cannot come back: sections of its own, not members.
    let comparison = drill::compare_pools(&stack, &deployment, SHOP, &report)
        .await
        .unwrap();
    let never_written = [
        "user_pool_domain",
        "mfa_configuration",
        "client_ui_customizations",
        "managed_login_branding",
        "terms",
        "risk_configuration",
        "client_risk_configurations",
        "log_delivery_configuration",
    ];
    let lost: Vec<_> = comparison
        .unannounced
        .iter()
        .filter(|path| {
            !never_written
                .iter()
                .any(|section| path.starts_with(section))
        })
        .filter(|path| {
            !path.ends_with("UserMFASettingList") && !path.ends_with("PreferredMfaSetting")
        })
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(stack.simulator.evidence().messages_sent, 0);
}
