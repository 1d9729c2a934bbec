//! Credentials that are missing.

use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use vault::testing::LoopbackServer;

use crate::restore::{FILE, Lost, NEW};
use crate::support::says;

/// As where a container may not ask the metadata service of its machine.
#[test]
fn a_metadata_service_that_refuses_leaves_a_restore_without_credentials_and_is_not_waited_for() {
    let refusing = Router::new().fallback(|| async { StatusCode::FORBIDDEN });
    let metadata = LoopbackServer::start(refusing);
    let lost = Lost::new();
    let mut restore = lost.account.command(&["restore", FILE, "--region", NEW]);
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_EC2_METADATA_DISABLED",
    ] {
        restore.env_remove(name);
    }
    restore.env("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint());
    // Waiting for a network takes ten minutes.
    restore.timeout(Duration::from_secs(120));
    let said = says(restore.assert().code(2));
    assert!(said.contains("Sign in (`aws sso login`)"), "{said}");
    assert!(!said.contains("does not answer"), "{said}");
}
