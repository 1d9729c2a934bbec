//! Which backup was taken, how old it is and what it was taken instead of, stands in everything
//! that a restore leaves behind.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::Failure;
use model::document::{BackupHead, DocumentDecoder, DocumentEncoder, DocumentEvent};
use model::request::{PassedOver, RestoreOptions};
use model::restore::{Report, ReportStatus};
use serde_json::Value;
use support::{BUCKET, Lost, World, pools};
use vault::testing::content;

const NEXT_YEAR: &str = "sections_of_next_year";

/// Rewrites the backup as a newer version writes it that knows one more section.
fn with_unknown_section(world: &World, lost: &Lost) {
    let bytes = content(&world.s3.get(BUCKET, &lost.key.to_string()).unwrap());
    let mut decoder = DocumentDecoder::new();
    let mut out = Vec::new();
    let mut encoder = None;
    let mut in_memberships = false;
    let mut in_group = false;
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if number == 0 {
            let line = String::from_utf8(line.to_vec()).unwrap().replacen(
                "\"sections\":{",
                &format!("\"{NEXT_YEAR}\":[1],\"sections\":{{\"{NEXT_YEAR}\":{{\"status\":\"complete\",\"count\":1}},"),
                1,
            );
            let head = BackupHead::from_line(line.as_bytes()).unwrap();
            encoder = Some(DocumentEncoder::begin(&head, &mut out));
        }
        let encoder = encoder.as_mut().unwrap();
        match decoder.line(line).unwrap() {
            Some(DocumentEvent::User(user)) => {
                let user: Value = serde_json::from_slice(&user).unwrap();
                encoder.user(&user, &mut out);
            }
            Some(DocumentEvent::Group(group)) => {
                if !std::mem::replace(&mut in_memberships, true) {
                    encoder.begin_memberships(&mut out);
                }
                if std::mem::replace(&mut in_group, true) {
                    encoder.end_group(&mut out);
                }
                encoder.begin_group(&group, &mut out);
            }
            Some(DocumentEvent::Member(member)) => encoder.member(&member, &mut out),
            Some(DocumentEvent::Trailer(trailer)) => {
                encoder.end_group(&mut out);
                encoder.clone().finish(trailer.reading_ended, &mut out);
                break;
            }
            _ => {}
        }
    }
    world.s3.put(BUCKET, &lost.key.to_string(), out);
}

#[tokio::test]
async fn report_page_and_state_say_which_backup_was_taken_and_what_was_passed_over() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    with_unknown_section(&world, &lost);
    let options = RestoreOptions::default();
    let newer = PassedOver {
        s3_key: "cognito-backup/2026/11/20/us-east-1_ABCDeFghi-110003.json".into(),
        reason: "bytes are missing".into(),
    };
    let mut request = world.request(&lost, &options);
    request.passed_over = vec![newer.clone()];
    let restored = world.finish(&request).await;
    let report = world.object(&lost, Report::OBJECT).unwrap();
    let report: Report = serde_json::from_slice(&report).unwrap();
    let backup = report.backup.clone().unwrap();
    assert_eq!(backup.passed_over, std::slice::from_ref(&newer));
    assert_eq!(backup.unknown_sections, [NEXT_YEAR]);
    assert!(backup.began <= backup.ended);
    assert_eq!(restored.state.backup.as_ref(), Some(&backup));
    assert_eq!(report.status, ReportStatus::SuccessWithLosses);
    let page = world.object(&lost, Report::HANDOVER).unwrap();
    let page = String::from_utf8(page).unwrap();
    for named in [
        &newer.s3_key,
        &newer.reason,
        NEXT_YEAR,
        "before the restore began",
    ] {
        assert!(page.contains(named), "{named}");
    }
}

#[tokio::test]
async fn a_backup_of_a_newer_format_ends_the_restore_by_that_name() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let text = world.s3.get(BUCKET, &lost.key.to_string()).unwrap();
    let text = String::from_utf8(content(&text)).unwrap();
    let text = text.replacen("\"format_version\":3", "\"format_version\":4", 1);
    world.s3.put(BUCKET, &lost.key.to_string(), text);
    let options = RestoreOptions::default();
    let error = world.bring_back(&lost, &options).await.unwrap_err();
    assert_eq!(error.failure(), Failure::BackupTooNew, "{error}");
    assert!(error.to_string().contains("deploy the version"), "{error}");
}
