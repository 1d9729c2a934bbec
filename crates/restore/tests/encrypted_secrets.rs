//! Restores of a backup whose secrets are encrypted: with their key all comes back, without it
//! nothing is changed unless somebody says to do without.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use model::Failure;
use model::request::{RestoreOptions, RestoreStatus};
use model::restore::{Report, ReportStatus};
use restore::RestoreError;
use serde_json::{Value, json};
use support::{Lost, NEW, World, pools};

const KEY: &str = "arn:aws:kms:us-west-2:444455556666:key/1a2b";
const CLIENT_SECRET: &str = "machinesecretmachinesecretmachinesecretmachinesecret";

async fn lost() -> (World, Lost) {
    let world = World::encrypting(KEY).await;
    let lost = world.lose(pools::everything()).await;
    assert!(world.open(&lost.key).await.head.has_encrypted_secrets());
    (world, lost)
}

/// All invocations of the state machine.
async fn restore(
    world: &World,
    lost: &Lost,
    options: &RestoreOptions,
) -> Result<Report, RestoreError> {
    let request = world.request(lost, options);
    for _ in 0..500 {
        let answer = Box::pin(world.answer(&request)).await?;
        match answer.response.status {
            RestoreStatus::InProgress => {}
            RestoreStatus::Waiting => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            _ => return Ok(*answer.report.unwrap()),
        }
    }
    panic!("no end in sight");
}

/// The clients and providers of the new pool.
async fn brought_back(world: &World) -> (Value, Value) {
    let pool = world.new_pools().await.pop().unwrap();
    let mut document = world.simulator.dump(NEW, &pool).unwrap();
    let members = ["Clients", "IdentityProviders"];
    let [clients, providers] = members.map(|member| document[member].take());
    (clients, providers)
}

fn deny(world: &World) {
    let answer = json!({"__type": "AccessDeniedException", "message": "not for this role"});
    world.s3.answer("TrentService.Decrypt", 400, answer);
}

#[tokio::test]
async fn with_the_key_every_secret_comes_back() {
    let (world, lost) = lost().await;
    let report = restore(&world, &lost, &RestoreOptions::default())
        .await
        .unwrap();
    assert_ne!(report.status, ReportStatus::Failed);
    let (clients, providers) = brought_back(&world).await;
    assert!(clients.to_string().contains(CLIENT_SECRET));
    assert!(providers.to_string().contains("google-secret"));
    let asked = world.s3.calls("TrentService.Decrypt");
    assert_eq!(
        asked[0]["EncryptionContext"]["user_pool_id"],
        lost.pool.as_str()
    );
}

#[tokio::test]
async fn without_the_key_nothing_is_changed_and_the_error_says_what_to_do() {
    let (world, lost) = lost().await;
    deny(&world);
    let error = restore(&world, &lost, &RestoreOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::NotAuthorized);
    let text = error.to_string();
    for named in [
        KEY,
        "without_secrets",
        "AccessDeniedException",
        lost.key.to_string().as_str(),
    ] {
        assert!(text.contains(named), "{text}");
    }
    assert_eq!(world.new_pools().await, Vec::<String>::new());
}

/// Whoever opens a backup and forgets its secrets changes nothing either.
#[tokio::test]
async fn what_is_still_encrypted_is_not_restored_by_mistake() {
    let (world, lost) = lost().await;
    let request = world.request(&lost, &RestoreOptions::default());
    let error = world.invoke(&request).await.unwrap().unwrap_err();
    assert!(
        matches!(error, RestoreError::SecretsEncrypted { .. }),
        "{error}"
    );
    assert_eq!(world.new_pools().await, Vec::<String>::new());
}

#[tokio::test]
async fn on_request_a_restore_does_without_and_tells_what_that_costs() {
    let (world, lost) = lost().await;
    deny(&world);
    let options = RestoreOptions {
        without_secrets: true,
        ..RestoreOptions::default()
    };
    let report = restore(&world, &lost, &options).await.unwrap();
    assert_eq!(report.status, ReportStatus::SuccessWithLosses);
    let (clients, providers) = brought_back(&world).await;
    let (clients, providers) = (clients.to_string(), providers.to_string());
    assert!(!clients.contains(CLIENT_SECRET) && clients.contains("ClientSecret"));
    assert!(!clients.contains("encrypted") && !providers.contains("encrypted"));
    assert!(!providers.contains("Google"), "{providers}");
    let steps: Vec<String> = report
        .manual_steps
        .iter()
        .map(|step| {
            format!(
                "{} {}",
                step.title,
                step.command.as_deref().unwrap_or_default()
            )
        })
        .collect();
    for (named, command) in [
        ("its new secret", "describe-user-pool-client"),
        ("Google", "create-identity-provider"),
    ] {
        let told = steps
            .iter()
            .any(|step| step.contains(named) && step.contains(command));
        assert!(told, "{named}: {steps:#?}");
    }
}

/// Comparing needs no secrets: those that are encrypted are not compared.
#[tokio::test]
async fn a_pool_is_compared_without_the_key() {
    let (world, lost) = lost().await;
    restore(&world, &lost, &RestoreOptions::default())
        .await
        .unwrap();
    let pool = world.new_pools().await.pop().unwrap().parse().unwrap();
    deny(&world);
    let (_, verification) = world.compare(&lost, &pool, "dr-check-1").await;
    assert!(verification.passed(), "{verification:?}");
}
