use super::*;
use crate::commands;
use cognito::Pace;
use losses::tests::state;
use model::document::DocumentEncoder;
use model::inventory::Section;
use model::request::{EndedBy, PassedOver, RestoreAction};
use model::restore::{ChosenBackup, Verification};
use serde_json::Value;
use vault::Vault;
use vault::testing::MemoryS3;

/// How commands name the trigger.
pub(super) fn settings() -> RestoreSettings {
    RestoreSettings {
        region: "us-west-2".into(),
        trigger_function: "trigger".into(),
        ..RestoreSettings::default()
    }
}

fn at() -> Timestamp {
    "2026-03-07T09:15:02Z".parse().unwrap()
}

#[test]
fn a_report_has_the_members_that_its_readers_know() {
    let mut state = state();
    state.verification = Some(Verification::default());
    let report =
        serde_json::to_value(assemble(&state, None, None, None, at(), &settings())).unwrap();
    for member in [
        "report_version",
        "status",
        "restore_id",
        "dry_run",
        "user_pool_id",
        "new_user_pool_id",
        "s3_key",
        "began",
        "ended",
        "app_clients",
        "users",
        "objects",
        "steps",
        "known_losses",
        "manual_steps",
        "verification",
    ] {
        assert!(report.get(member).is_some(), "{member}");
    }
    assert_eq!(report["status"], "SUCCESS_WITH_LOSSES");
}

#[test]
fn every_member_of_report_and_notification_is_documented() {
    let document = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.md");
    let document = std::fs::read_to_string(document).unwrap();
    let mut state = state();
    state.verification = Some(Verification {
        announcing_restore: Some(state.restore_id.clone()),
        ended: Some(at()),
        ..Verification::default()
    });
    state.users.foreseen = Some(Default::default());
    let mut report = assemble(&state, None, None, Some("QuotaReached"), at(), &settings());
    report.backup_timestamp = Some(at());
    report.backup = Some(ChosenBackup {
        began: at(),
        ended: at(),
        ended_by: EndedBy::Trailer,
        age_seconds: 3,
        passed_over: vec![PassedOver {
            s3_key: "k".into(),
            reason: "cut off".into(),
        }],
        unknown_sections: Vec::new(),
    });
    let notification = Notification::new(&state, &report, "s3://bucket/");
    let values = [
        serde_json::to_value(&report).unwrap(),
        serde_json::to_value(&report.users).unwrap(),
        serde_json::to_value(&report.backup).unwrap(),
        serde_json::to_value(&report.verification).unwrap(),
        serde_json::to_value(&report.users_foreseen).unwrap(),
        serde_json::to_value(notification).unwrap(),
    ];
    for name in values
        .iter()
        .flat_map(|value| value.as_object().unwrap().keys())
    {
        assert!(document.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_error_is_told_by_name_and_text() {
    let request = |cause: Option<&str>| RestoreRequest {
        action: model::request::RestoreAction::ReportFailure,
        restore_id: "r-1".parse().unwrap(),
        user_pool_id: "us-east-1_A".parse().unwrap(),
        s3_key: None,
        version_id: None,
        passed_over: Vec::new(),
        execution: None,
        options: Default::default(),
        error: Some("QuotaReached".into()),
        cause: cause.map(str::to_owned),
    };
    for (cause, text) in [
        (None, "QuotaReached"),
        (
            Some(r#"{"errorType": "QuotaReached", "errorMessage": "too many pools"}"#),
            "QuotaReached: too many pools",
        ),
        (
            Some("The Lambda was stopped"),
            "QuotaReached: The Lambda was stopped",
        ),
    ] {
        assert_eq!(failure_text(&request(cause)), text);
    }
}

#[test]
fn a_restore_goes_on_by_the_way_and_in_the_region_in_which_it_was_started() {
    let by_function = RestoreSettings {
        region: "eu-central-1".into(),
        trigger_function: "cognito-manual-dr-trigger-staging".into(),
        ..RestoreSettings::default()
    };
    let command = commands::restore(&by_function, &state(), true);
    let expected = "--region eu-central-1 --function-name cognito-manual-dr-trigger-staging --cli-binary-format";
    assert!(command.contains(expected), "{command}");
    assert!(command.contains(r#""resume": "#), "{command}");
    let from_a_terminal = RestoreSettings {
        trigger_function: String::new(),
        ..by_function
    };
    let id = state().restore_id;
    let command = commands::restore(&from_a_terminal, &state(), true);
    let expected = format!(" --region eu-central-1 --resume {id}");
    assert!(command.starts_with("cognito-dr restore "), "{command}");
    assert!(command.ends_with(&expected), "{command}");
    assert!(!commands::restore(&from_a_terminal, &state(), false).contains("--resume"));
}

#[test]
fn a_failed_restore_says_first_how_to_go_on() {
    let report = assemble(
        &state(),
        None,
        None,
        Some("QuotaReached: too many pools"),
        at(),
        &settings(),
    );
    assert_eq!(report.status, ReportStatus::Failed);
    assert!(
        report.manual_steps[0]
            .title
            .contains("let the restore go on")
    );
}

#[test]
fn a_difference_that_nobody_announced_is_the_first_thing_to_look_at() {
    let mut state = state();
    state.verification = Some(Verification {
        unannounced: 1,
        ..Verification::default()
    });
    let head = BackupHead::new("us-east-1_Old".parse().unwrap(), at());
    let report = assemble(&state, Some(&head), None, None, at(), &settings());
    assert_eq!(report.status, ReportStatus::Failed);
    assert!(
        report.manual_steps[0].title.contains("differences"),
        "{:?}",
        report.manual_steps
    );
}

const BUCKET: &str = "dr";

struct Stage {
    s3: MemoryS3,
    vault: Vault,
    cognito: Cognito,
    settings: RestoreSettings,
}

impl Stage {
    /// A vault with a backup of a pool whose client has a secret. The new pool is not reachable:
    /// the report has to do without what it would tell.
    async fn new() -> Self {
        let s3 = MemoryS3::start(BUCKET);
        let config = s3.config().await;
        let mut head = BackupHead::new(
            "us-east-1_Old".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(
            Section::UserPoolConfig,
            json!({"Id": "us-east-1_Old", "Name": "shop"}),
        );
        head.set(
            Section::AppClients,
            json!([{"ClientId": "oldweb", "ClientName": "web", "ClientSecret": SECRET}]),
        );
        let mut out = Vec::new();
        let mut encoder = DocumentEncoder::begin(&head, &mut out);
        encoder.begin_memberships(&mut out);
        encoder.finish("2026-03-07T09:06:00Z".parse().unwrap(), &mut out);
        s3.put(BUCKET, &state().s3_key.to_string(), out);
        let cognito = Cognito::new(&config, Pace::unlimited());
        let vault = Vault::in_bucket(&config, BUCKET);
        let settings = RestoreSettings {
            region: "us-west-2".into(),
            ..RestoreSettings::default()
        };
        s3.answer(
            "AWSCognitoIdentityProviderService.DescribeUserPool",
            400,
            json!({"__type": "ResourceNotFoundException"}),
        );
        Self {
            s3,
            vault,
            cognito,
            settings,
        }
    }

    async fn write(&self, state: &RestoreState, error: Option<&str>) -> Report {
        let backup = self
            .vault
            .open(state.s3_key.key().unwrap(), None)
            .await
            .unwrap();
        let place = ReportWriter {
            workspace: self.vault.workspace(),
            cognito: &self.cognito,
            settings: &self.settings,
        };
        place.write(state, Some(&backup), error).await.unwrap()
    }

    fn text(&self, restore: &str, name: &str) -> String {
        let bytes = self
            .s3
            .get(BUCKET, &format!("cognito-restore/{restore}/{name}"));
        String::from_utf8(bytes.expect(name).to_vec()).unwrap()
    }
}

const SECRET: &str = "51charactersofaclientsecretthatmustnotbeshownanywhere";

#[tokio::test]
async fn a_report_is_written_with_its_page_and_its_map_of_ids() {
    let stage = Stage::new().await;
    let report = stage.write(&state(), None).await;
    let written: Report = serde_json::from_str(&stage.text("dr-restore-1", "report.json")).unwrap();
    assert_eq!(written, report);
    let ids: Value = serde_json::from_str(&stage.text("dr-restore-1", "id-map.json")).unwrap();
    assert_eq!(
        ids["user_pool"],
        json!({"old": "us-east-1_Old", "new": "us-west-2_New"})
    );
    assert_eq!(ids["app_clients"]["oldweb"], "newweb");
    assert!(
        stage
            .text("dr-restore-1", "handover.html")
            .contains("us-west-2_New")
    );
}

#[tokio::test]
async fn users_who_are_forgotten_are_counted_in_report_page_and_mail() {
    const FORGOTTEN: &str = "5a1b0a6e-0001-4000-8000-000000000001";
    let stage = Stage::new().await;
    let state = state();
    let mut head = BackupHead::new(state.user_pool_id.clone(), at());
    head.set(Section::UserPoolConfig, json!({"Name": "shop"}));
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    let attributes = json!([{"Name": "sub", "Value": FORGOTTEN}]);
    encoder.user(
        &json!({"Username": "ann", "Attributes": attributes}),
        &mut out,
    );
    encoder.begin_memberships(&mut out);
    encoder.finish(at(), &mut out);
    stage.s3.put(BUCKET, &state.s3_key.to_string(), out);
    assert_eq!(stage.write(&state, None).await.users_forgotten, 0);
    let subs = [FORGOTTEN.parse().unwrap()].into();
    stage
        .vault
        .forget(&state.user_pool_id, &subs)
        .await
        .unwrap();
    let report = stage.write(&state, None).await;
    assert_eq!(report.users_forgotten, 1);
    let page = stage.text("dr-restore-1", "handover.html");
    assert!(page.contains("users forgotten, and left out"), "{page}");
    let mail = Message::of_report(&state, &report, "s3://dr/").unwrap();
    assert!(
        mail.text.contains("\"users_forgotten\": 1"),
        "{}",
        mail.text
    );
}

#[tokio::test]
async fn writing_it_again_gives_the_same() {
    let stage = Stage::new().await;
    let first = stage.write(&state(), None).await;
    assert_eq!(stage.write(&state(), None).await, first);
}

#[tokio::test]
async fn a_comparison_that_is_repeated_has_its_own_end() {
    let stage = Stage::new().await;
    let mut state = state();
    state.ended = Some(at());
    for ended in ["2026-03-07T09:20:00Z", "2026-03-08T10:00:00Z"] {
        let ended: Timestamp = ended.parse().unwrap();
        state.verification = Some(Verification {
            ended: Some(ended),
            ..Verification::default()
        });
        assert_eq!(stage.write(&state, None).await.ended, ended);
        assert_eq!(
            stage.write(&state, None).await.ended,
            ended,
            "written again"
        );
    }
}

#[tokio::test]
async fn a_secret_that_a_step_let_slip_is_in_nothing_that_is_written() {
    let stage = Stage::new().await;
    let mut state = state();
    state.steps.push(model::restore::StepRecord {
        step: model::restore::Step::AppClients,
        outcome: model::restore::Outcome::Failed {
            error: format!("refused: {SECRET}"),
        },
        findings: Vec::new(),
        manual_steps: vec![
            ManualStep::new("Create the client", "refused")
                .with_command(format!("aws ... {SECRET}")),
        ],
        began: state.began,
        ended: state.began,
    });
    stage.write(&state, None).await;
    for name in ["report.json", "handover.html", "id-map.json"] {
        let text = stage.text("dr-restore-1", name);
        assert!(!text.contains(SECRET), "{name}");
    }
    assert!(
        stage
            .text("dr-restore-1", "handover.html")
            .contains("(hidden)")
    );
}

fn failure(s3_key: Option<model::BackupKey>) -> RestoreRequest {
    RestoreRequest {
        action: RestoreAction::ReportFailure,
        restore_id: "dr-restore-1".parse().unwrap(),
        user_pool_id: "us-east-1_Old".parse().unwrap(),
        s3_key,
        version_id: None,
        passed_over: Vec::new(),
        execution: None,
        options: Default::default(),
        error: Some("BackupNotFound".into()),
        cause: Some(r#"{"errorMessage": "there is no backup of us-east-1_Old"}"#.into()),
    }
}

#[tokio::test]
async fn a_failure_before_the_first_step_is_reported_too() {
    let stage = Stage::new().await;
    let request = failure(None);
    let report = report_failure(
        stage.vault.workspace(),
        &stage.cognito,
        &stage.settings,
        &request,
        None,
        None,
    )
    .await
    .unwrap();
    assert_eq!(
        (report.status, &report.s3_key),
        (ReportStatus::Failed, &None)
    );
    let page = stage.text("dr-restore-1", "handover.html");
    assert!(
        page.contains("there is no backup of us-east-1_Old") && page.contains("Restore failed")
    );
}

#[tokio::test]
async fn a_failure_halfway_names_the_pool_and_how_to_remove_it() {
    let stage = Stage::new().await;
    let request = failure(state().s3_key.key().cloned());
    let report = report_failure(
        stage.vault.workspace(),
        &stage.cognito,
        &stage.settings,
        &request,
        Some(&state()),
        None,
    )
    .await
    .unwrap();
    assert_eq!(report.new_user_pool_id, state().new_user_pool_id);
    let remove = report
        .manual_steps
        .iter()
        .filter_map(|step| step.command.as_deref());
    assert!(
        remove
            .clone()
            .any(|command| command.contains("delete-user-pool")),
        "{:?}",
        report.manual_steps
    );
}

#[tokio::test]
async fn the_notification_has_the_references_members_and_subject() {
    let stage = Stage::new().await;
    let report = stage.write(&state(), None).await;
    let message = Message::of_report(&state(), &report, BUCKET).unwrap();
    let notification: serde_json::Value = serde_json::from_str(&message.text).unwrap();
    for member in [
        "status",
        "new_user_pool_id",
        "users_restored",
        "groups_restored",
        "app_clients_restored",
        "identity_providers_restored",
        "resource_servers_restored",
        "domain_restored",
        "waf_restored",
        "threat_protection_restored",
        "ui_customization_restored",
        "restore_duration",
    ] {
        assert!(notification.get(member).is_some(), "{member}");
    }
    assert_eq!(
        Notification::subject(ReportStatus::Failed, false),
        "Cognito DR Restore Failed"
    );
    assert_eq!(
        Notification::subject(ReportStatus::SuccessWithLosses, false),
        "Cognito DR Restore Completed"
    );
    assert_eq!(
        Notification::subject(ReportStatus::Failed, true),
        "Cognito DR Rehearsal Failed"
    );
}
