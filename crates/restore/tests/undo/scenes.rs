//! Undos of single mistakes.

use std::time::Duration;

use cognito::{Category, Operation, Pace, Stop, StopSignal};
use model::UserPoolId;
use restore::RestoreError;
use restore::undo::{Part, Scope, What};
use serde_json::{Value, json};

use crate::Scene;
use crate::mutations::Mutation;
use crate::support::{LOST, World, pools};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_changed_between_plan_and_yes_is_refused() {
    let world = World::new().await;
    let never = Stop::never();
    let scene = Scene::new(&world, pools::everything()).await;
    scene.mutate(&[Mutation::Protection]).await;
    let plan = scene.plan(&scene.point, &Scope::default()).await;
    scene.mutate(&[Mutation::Enabled(0, false)]).await;
    let present = world.back_up(&scene.pool).await;
    world.simulator.reset_evidence();
    let id = scene.next_id();
    let refused = scene.carry_out(&id, &plan, &scene.point, &present, &never);
    let error = refused.await.unwrap_err();
    assert!(matches!(error, RestoreError::PlanOutdated(_)), "{error}");
    assert!(world.simulator.evidence().calls.is_empty());
    // What is not in the scope may change.
    let scope = Scope {
        only: vec![Part::Settings],
        ..Scope::default()
    };
    let plan = scene.plan(&scene.point, &scope).await;
    scene.mutate(&[Mutation::Enabled(2, false)]).await;
    let present = world.back_up(&scene.pool).await;
    let done = scene.carry_out(&id, &plan, &scene.point, &present, &never);
    assert!(done.await.unwrap().unwrap().is_whole());
}

fn only_the_user(sub: &str) -> Scope {
    Scope {
        users: [sub.to_owned()].into(),
        ..Scope::default()
    }
}

/// Of two users who are forgotten, one was deleted from the pool as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_is_forgotten_is_made_again_and_who_is_still_there_stays() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let there = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    let deleted = there.users.iter().position(|user| user.enabled).unwrap();
    scene.mutate(&[Mutation::DeleteUser(deleted)]).await;
    let left = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    let is_left = |sub: &str| {
        left.users
            .iter()
            .any(|user| user.sub.as_deref() == Some(sub))
    };
    let subs = there.users.iter().filter_map(|user| user.sub.clone());
    let (kept, gone): (Vec<String>, Vec<String>) = subs.partition(|sub| is_left(sub));
    let forgotten = [&gone[0], &kept[0]].map(|sub| sub.parse().unwrap());
    world
        .vault
        .forget(&scene.pool, &forgotten.into())
        .await
        .unwrap();
    for (scope, counted) in [
        (Scope::default(), 1),
        // Nobody who was there at the point in time was added since.
        (crate::whole(), 1),
        (only_the_user(&gone[0]), 1),
        (only_the_user(&kept[1]), 0),
    ] {
        let (plan, _, report) = scene.undo_to(&scene.point, &scope).await;
        assert_eq!((plan.users.make_again, plan.users.disable), (0, 0));
        assert_eq!(plan.users.forgotten, counted);
        assert_eq!(report.people.forgotten, counted);
        assert!(report.is_whole(), "{report:?}");
        let page = restore::undo::page(&plan, Some(&report), "").unwrap();
        assert_eq!(page.contains("forgotten, and not made again"), counted > 0);
        let now = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
        let users = now.users.iter().zip(&left.users);
        assert!({ users }.all(|(now, left)| (&now.sub, now.enabled) == (&left.sub, left.enabled)));
        assert_eq!(now.users.len(), left.users.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_another_pool_is_no_point_to_go_to() {
    let world = World::new().await;
    let other = Scene::new(&world, pools::plain()).await;
    let scene = Scene::new(&world, pools::plain()).await;
    let point = world.open(&other.point).await;
    let scope = Scope::default();
    let undo = scene.undo(&point, &scope);
    let error = undo
        .plan(restore::side::Side::Stored(&point))
        .await
        .unwrap_err();
    assert!(
        matches!(error, RestoreError::PointOfOtherPool { .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_stays_unless_asked_and_users_are_never_deleted() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let added = [
        Mutation::CreateClient,
        Mutation::CreateGroup,
        Mutation::CreateUser(1),
        Mutation::Tag(true),
        Mutation::Join(0, 0),
    ];
    scene.mutate(&added).await;
    let plan = scene.plan(&scene.point, &Scope::default()).await;
    assert!(plan.is_empty(), "{plan:#?}");
    assert_eq!(plan.count(What::LeftAlone), 3, "{plan:#?}");
    assert!(plan.users.left_alone > 0);
    let (plan, _, report) = scene.undo_to(&scene.point, &crate::whole()).await;
    assert!(report.is_whole(), "{report:#?}");
    let disabled = plan.users.disable;
    assert!(disabled > 0);
    let calls = world.simulator.evidence().calls;
    assert!(!calls.contains_key("AdminDeleteUser"), "{calls:?}");
    assert_eq!(calls["AdminDisableUser"], disabled);
    for deleted in ["DeleteGroup", "DeleteUserPoolClient"] {
        assert_eq!(calls[deleted], 1, "{calls:?}");
    }
    // Who is disabled already is not to be disabled once more.
    let again = scene.plan(&scene.point, &crate::whole()).await;
    assert!(again.is_empty(), "{again:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_setting_is_put_back_and_nothing_else() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    scene
        .mutate(&[
            Mutation::PasswordLength(30),
            Mutation::Protection,
            Mutation::DeleteGroup(0),
            Mutation::Enabled(0, false),
        ])
        .await;
    let scope = Scope {
        settings: vec!["user_pool_config/Policies".into()],
        ..Scope::default()
    };
    let (_, _, report) = scene.undo_to(&scene.point, &scope).await;
    assert!(report.is_whole(), "{report:#?}");
    let pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    assert_eq!(
        pool.user_pool["Policies"]["PasswordPolicy"]["MinimumLength"],
        12
    );
    assert_eq!(pool.user_pool["DeletionProtection"], "INACTIVE");
    assert_eq!(pool.groups.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cognito_refuses_is_named_and_the_rest_is_put_back() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    scene
        .mutate(&[Mutation::GroupPrecedence(0, 77), Mutation::Protection])
        .await;
    scene.refuse("UpdateGroup", "not today");
    let (_, _, report) = scene.undo_to(&scene.point, &Scope::default()).await;
    assert_eq!(report.not_reverted.len(), 1, "{report:#?}");
    let left = &report.not_reverted[0];
    assert_eq!(left.item, "groups/admins");
    assert!(left.why.contains("not today"), "{left:?}");
    assert_eq!(report.reverted, 1);
    let pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    assert_eq!(pool.user_pool["DeletionProtection"], "ACTIVE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_user_of_a_retired_status_is_made_again_disabled_and_stays_so() {
    let world = World::new().await;
    let mut document = pools::plain();
    document.users = pools::users(json!([pools::user("ann", "ARCHIVED", json!({}))]));
    let scene = Scene::new(&world, document).await;
    scene.mutate(&[Mutation::DeleteUser(0)]).await;
    let (plan, _, report) = scene.undo_to(&scene.point, &Scope::default()).await;
    assert_eq!(plan.users.make_again, 1);
    assert!(report.is_whole(), "{report:#?}");
    let pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    assert!(!pool.users[0].enabled);
    let again = scene.plan(&scene.point, &Scope::default()).await;
    assert!(again.is_empty(), "{again:#?}");
}

/// A pool of this many users, every third of whom is a member of a group.
fn crowd(users: usize) -> simulator::PoolDocument {
    let user = |number: usize| {
        let groups: &[&str] = if number.is_multiple_of(3) {
            &["editors"]
        } else {
            &[]
        };
        pools::user(
            &format!("user-{number:05}"),
            "CONFIRMED",
            json!({"Groups": groups}),
        )
    };
    let users: Vec<Value> = (0..users).map(user).collect();
    let mut pool = pools::plain();
    pool.users = pools::users(users.into());
    pool
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_wrongly_disabled_users_are_enabled_at_the_quota_and_nobody_else_is_touched() {
    let (users, wronged) = if crate::support::exhaustive() {
        (12_000, 10_000)
    } else {
        (500, 100)
    };
    let world = World::new().await;
    let never = Stop::never();
    let rate = 25.0;
    let pace = Pace::unlimited().with_quota(Category::UserUpdate, rate);
    let scene = Scene::at_pace(&world, crowd(users), pace).await;
    let mut pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    let names = pool.users.iter_mut().take(wronged).map(|user| {
        user.enabled = false;
        user.username.clone()
    });
    let names: Vec<String> = names.collect();
    world.simulator.plant(LOST, pool).unwrap();
    let plan = scene.plan(&scene.point, &Scope::default()).await;
    assert_eq!(plan.users.put_back, wronged as u64);
    assert_eq!(
        plan.members_of_users,
        [("Enabled".to_owned(), wronged as u64)].into()
    );
    let present = world.back_up(&scene.pool).await;
    world.simulator.reset_evidence();
    let began = std::time::Instant::now();
    let id = scene.next_id();
    let done = scene.carry_out(&id, &plan, &scene.point, &present, &never);
    let report = done.await.unwrap().unwrap();
    let took = began.elapsed();
    println!("{wronged} of {users} users in {took:?}");
    assert!(report.is_whole(), "{report:#?}");
    let calls = world.simulator.evidence().calls;
    let writes: Vec<(&str, u64)> = calls
        .iter()
        .filter(|(name, _)| {
            !["Get", "List", "Describe"]
                .iter()
                .any(|verb| name.trim_start_matches("Admin").starts_with(verb))
        })
        .map(|(name, count)| (name.as_str(), *count))
        .collect();
    assert_eq!(writes, [("AdminEnableUser", wronged as u64)]);
    assert_eq!(calls["AdminGetUser"], wronged as u64);
    let least = Duration::from_secs_f64((wronged as f64 - rate) / rate).mul_f64(0.9);
    assert!(took >= least, "{took:?} is faster than the quota allows");
    let pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    assert!(pool.users.iter().all(|user| user.enabled));
    assert_eq!(names.len(), wronged);
}

/// A mistake in every part: settings, a client, a group with members, users changed, disabled and
/// deleted.
pub(crate) fn accident() -> Vec<Mutation> {
    vec![
        Mutation::PasswordLength(20),
        Mutation::Trigger,
        Mutation::DeleteClient(1),
        Mutation::ClientUrls(0),
        Mutation::DeleteGroup(1),
        Mutation::GroupPrecedence(0, 9),
        Mutation::ServerScopes,
        Mutation::DeleteUser(2),
        Mutation::Enabled(1, true),
        Mutation::Attribute(4, Some("nick".to_owned())),
        Mutation::Leave(5, 0),
    ]
}

/// The pool without what is new of what was made again, and without dates.
pub(crate) fn seen(world: &World, pool: &UserPoolId) -> Value {
    let mut document = world.simulator.dump(LOST, pool.as_str()).unwrap();
    for client in document["Clients"].as_array_mut().unwrap() {
        client["UserPoolClient"]["ClientId"] = Value::Null;
    }
    let users = document["Users"].as_array().unwrap().iter();
    let mut users: Vec<Value> = users
        .map(|user| {
            let mut groups = user["Groups"].as_array().cloned().unwrap_or_default();
            groups.sort_by_key(Value::to_string);
            json!([
                user["Username"],
                user["Enabled"],
                user["UserStatus"],
                groups
            ])
        })
        .collect();
    users.sort_by_key(Value::to_string);
    json!({
        "policies": document["UserPool"]["Policies"], "triggers": document["UserPool"]["LambdaConfig"],
        "groups": document["Groups"].as_array().unwrap().iter()
            .map(|group| json!([group["GroupName"], group["Precedence"], group["Description"]])).collect::<Vec<_>>(),
        "servers": document["ResourceServers"].as_array().unwrap().iter()
            .map(|server| json!([server["Identifier"], server["Name"], server["Scopes"]])).collect::<Vec<_>>(),
        "clients": document["Clients"].as_array().unwrap().len(),
        "users": users,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_is_interrupted_anywhere_goes_on_and_makes_nothing_twice() {
    let calm = World::new().await;
    let scene = Scene::new(&calm, pools::everything()).await;
    let before = seen(&calm, &scene.pool);
    scene.mutate(&accident()).await;
    calm.simulator.reset_evidence();
    let (_, _, report) = scene.undo_to(&scene.point, &Scope::default()).await;
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(seen(&calm, &scene.pool), before);
    assert_eq!(report.people.made_again, 1);
    let calls = calm.calls();
    let every = if crate::support::exhaustive() { 1 } else { 11 };
    for nth in (1..=calls).step_by(every) {
        let world = World::new().await;
        let scene = Scene::new(&world, pools::everything()).await;
        let before = seen(&world, &scene.pool);
        scene.mutate(&accident()).await;
        let plan = scene.plan(&scene.point, &Scope::default()).await;
        let present = world.back_up(&scene.pool).await;
        let id = scene.next_id();
        world.die_at_call(nth);
        let never = Stop::never();
        {
            let dying = scene.carry_out(&id, &plan, &scene.point, &present, &never);
            tokio::select! {
                _ = dying => {}
                () = async {
                    while world.calls() < nth {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                } => {}
            }
        }
        world.calm_down();
        let done = scene
            .carry_out(&id, &plan, &scene.point, &present, &never)
            .await;
        let report = done.unwrap().unwrap();
        assert!(report.is_whole(), "died at call {nth}: {report:#?}");
        assert_eq!(seen(&world, &scene.pool), before, "died at call {nth}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_that_is_asked_to_stop_stops_and_goes_on() {
    let world = World::new().await;
    let never = Stop::never();
    let scene = Scene::new(&world, crowd(400)).await;
    let mut pool = world.simulator.pool(LOST, scene.pool.as_str()).unwrap();
    pool.users.iter_mut().for_each(|user| user.enabled = false);
    world.simulator.plant(LOST, pool).unwrap();
    let plan = scene.plan(&scene.point, &Scope::default()).await;
    let present = world.back_up(&scene.pool).await;
    let id = scene.next_id();
    let signal = StopSignal::default();
    let stop = signal.stop();
    world.simulator.reset_evidence();
    let work = scene.carry_out(&id, &plan, &scene.point, &present, &stop);
    let asked = async {
        while world
            .simulator
            .evidence()
            .calls
            .get("AdminEnableUser")
            .copied()
            .unwrap_or(0)
            < 5
        {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        signal.request();
    };
    let (stopped, ()) = tokio::join!(work, asked);
    assert!(stopped.unwrap().is_none());
    let done = scene
        .carry_out(&id, &plan, &scene.point, &present, &never)
        .await;
    assert!(done.unwrap().unwrap().is_whole());
    assert_eq!(world.simulator.evidence().calls["AdminEnableUser"], 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_undo_lives_through_a_storm() {
    let world = World::new().await;
    let never = Stop::never();
    let scene = Scene::new(&world, pools::everything()).await;
    let before = seen(&world, &scene.pool);
    scene.mutate(&accident()).await;
    let plan = scene.plan(&scene.point, &Scope::default()).await;
    let present = world.back_up(&scene.pool).await;
    let rule = |rate, fault| simulator::FaultRule {
        operation: None,
        when: simulator::When::Rate(rate),
        fault,
    };
    world.simulator.set_faults(simulator::Faults {
        seed: 3,
        rules: vec![
            rule(0.1, simulator::Fault::Throttle),
            rule(0.05, simulator::Fault::AnswerLost),
        ],
    });
    let id = scene.next_id();
    let mut report = None;
    for _ in 0..10 {
        let done = scene.carry_out(&id, &plan, &scene.point, &present, &never);
        if let Ok(Some(done)) = done.await {
            report = Some(done);
            if report
                .as_ref()
                .is_some_and(restore::undo::UndoReport::is_whole)
            {
                break;
            }
        }
    }
    let report = report.unwrap();
    world.calm_down();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!(seen(&world, &scene.pool), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_under_the_name_of_a_user_who_was_deleted_is_left_alone() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::plain()).await;
    let cognito = scene.anybody();
    let ann = json!({"UserPoolId": scene.pool.as_str(), "Username": "ann"});
    let deleted = cognito.call(Operation::AdminDeleteUser, &ann).await;
    deleted.unwrap();
    let mut other = ann.clone();
    other["MessageAction"] = "SUPPRESS".into();
    cognito
        .call(Operation::AdminCreateUser, &other)
        .await
        .unwrap();
    let (plan, _, report) = {
        scene.mutate(&[Mutation::Protection]).await;
        world.simulator.reset_evidence();
        scene.undo_to(&scene.point, &Scope::default()).await
    };
    assert_eq!(plan.users.replaced, 1);
    assert!(report.is_whole(), "{report:#?}");
    let calls = world.simulator.evidence().calls;
    assert!(!calls.contains_key("AdminAddUserToGroup"), "{calls:?}");
}

/// Of associations the world knows only what it is told: the pool never shows the one that was made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_association_with_a_web_acl_is_made_again_and_looked_for() {
    const ACL: &str = "arn:aws:wafv2:us-east-1:000000000000:regional/webacl/login/1";
    let world = World::new().await;
    let shown = json!({"WebACL": {
        "Name": "login", "ARN": ACL, "Id": "1", "DefaultAction": {"Allow": {}},
        "VisibilityConfig": {"SampledRequestsEnabled": false, "CloudWatchMetricsEnabled": false, "MetricName": "m"},
    }});
    let of_pool = "AWSWAF_20190729.GetWebACLForResource";
    world.s3.answer(of_pool, 200, shown);
    let listed = json!({"WebACLs": [{"Name": "login", "Id": "1", "ARN": ACL}]});
    world.s3.answer("AWSWAF_20190729.ListWebACLs", 200, listed);
    let scene = Scene::new(&world, pools::plain()).await;
    world.s3.answer(of_pool, 200, json!({}));
    let (plan, _, report) = scene.undo_to(&scene.point, &Scope::default()).await;
    assert_eq!(plan.count(What::MakeAgain), 1, "{plan:#?}");
    let made = world.s3.calls("AWSWAF_20190729.AssociateWebACL");
    assert_eq!(made[0]["WebACLArn"], ACL);
    assert_eq!(report.not_reverted[0].item, "waf_configuration");
}
