//! Keeping to quotas, and reaching them.

use model::request::UsersEngine;
use serde_json::json;

use super::harness::Stage;
use super::{assorted, engine, user};

/// Full quotas, 40 ms latency; nothing but creations, then passwords and groups behind them.
#[tokio::test]
#[ignore = "half a minute of real time on a quiet machine: cargo test -p restore -- --ignored"]
async fn the_slowest_quota_category_alone_sets_the_time() {
    let share = 0.95;
    for (status, groups, users, slowest) in [
        ("FORCE_CHANGE_PASSWORD", json!([]), 500, 50.0),
        ("CONFIRMED", json!([]), 300, 30.0),
        ("CONFIRMED", json!(["admins"]), 250, 25.0),
    ] {
        let mut pool = assorted(json!({}));
        let one = |number| {
            serde_json::from_value(user(
                &format!("user-{number}"),
                status,
                json!({"Groups": groups}),
            ))
            .unwrap()
        };
        pool.users = (0..users).map(one).collect();
        let mut stage = Stage::new(pool).await;
        stage.simulator.set_quotas(simulator::Quotas::Scaled(1.0));
        stage.simulator.set_latency(simulator::Latency::Fixed(40));
        stage.pace(cognito::Pace::share_of_quotas(share)).await;
        let began = std::time::Instant::now();
        stage
            .invoke(&engine(UsersEngine::Api), false)
            .await
            .unwrap();
        let least = f64::from(users) / (slowest * share);
        let reached = least / began.elapsed().as_secs_f64();
        println!("{status} {groups}: {:.1} % of the share", reached * 100.0);
        assert!(reached >= 0.95, "{status} {groups}: {reached}");
        assert_eq!(
            stage.simulator.evidence().throttles.values().sum::<u64>(),
            0
        );
    }
}
