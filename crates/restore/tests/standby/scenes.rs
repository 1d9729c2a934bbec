//! One thing at a time.

use model::request::{RestoreOptions, RestoreRequest, RestoreStatus, StandbyOptions};
use model::restore::UserEntry;
use restore::standby::{self, Compared, Standby};
use restore::{RESTORE_TAG, RestoreError};
use serde_json::{Value, json};

use super::*;
use crate::support::{BUCKET, LOST, NEW, pools};

async fn dump(scene: &Scene<'_>) -> Value {
    let pool = scene.standby.as_str();
    scene.world.simulator.dump(NEW, pool).unwrap()
}

fn user<'d>(dump: &'d Value, name: &str) -> &'d Value {
    let users = dump["Users"].as_array().unwrap();
    let mut named = users.iter().filter(|user| user["Username"] == name);
    named.next().unwrap_or(&Value::Null)
}

async fn call(scene: &Scene<'_>, operation: Operation, members: Value) -> Value {
    let clients = scene
        .world
        .clients_where_pools_are_lost(Operation::ALL, Pace::unlimited());
    let mut request = json!({"UserPoolId": scene.lost.pool.as_str()});
    let more = members.as_object().cloned().unwrap();
    request.as_object_mut().unwrap().extend(more);
    clients.cognito.call(operation, &request).await.unwrap()
}

#[tokio::test]
async fn until_the_switch_it_lets_nobody_in_and_runs_no_function() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let dump = dump(&scene).await;
    let pool = &dump["UserPool"];
    assert_eq!(
        pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        true
    );
    assert_ne!(pool["DeletionProtection"], "ACTIVE");
    for member in ["LambdaConfig", "AutoVerifiedAttributes"] {
        let is_empty = match &pool[member] {
            Value::Object(members) => members.is_empty(),
            Value::Array(elements) => elements.is_empty(),
            other => other.is_null(),
        };
        assert!(is_empty, "{member}: {}", pool[member]);
    }
    assert!(pool["UserPoolTags"][RESTORE_TAG].is_string());
}

#[tokio::test]
async fn it_follows_two_backups_by_what_changed_between_them() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let first = scene.mutate(&[Mutation::CreateGroup]).await;
    let report = scene.synced(&first, false).await;
    assert_eq!(report.compared, Compared::Changes);
    assert_eq!(report.left, []);

    let names: Vec<String> = dump(&scene).await["Users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["Username"].as_str().unwrap().to_owned())
        .collect();
    let (changed, gone) = (&names[0], &names[1]);
    let attributes = json!([{"Name": "nickname", "Value": "other"}]);
    let members = json!({"Username": changed, "UserAttributes": attributes});
    call(&scene, Operation::AdminUpdateUserAttributes, members).await;
    call(
        &scene,
        Operation::AdminDeleteUser,
        json!({"Username": gone}),
    )
    .await;
    let made = json!({"Username": "made-since", "MessageAction": "SUPPRESS"});
    call(&scene, Operation::AdminCreateUser, made).await;
    let second = world.back_up(&scene.lost.pool).await;
    world.simulator.reset_evidence();
    let report = scene.synced(&second, false).await;
    assert_eq!(report.compared, Compared::Changes);
    assert_eq!(report.left, []);
    assert_eq!((report.disabled, report.people.made_again), (1, 1));
    let now = dump(&scene).await;
    assert_eq!(user(&now, changed)["Attributes"]["nickname"], "other");
    assert_eq!(user(&now, gone)["Enabled"], false);
    assert!(user(&now, "made-since").is_object());
    assert_eq!(world.simulator.evidence().messages_sent, 0);
    // A third time there is nothing to do, however it is looked.
    for compare_all in [false, true] {
        let before = dump(&scene).await;
        let report = scene.synced(&second, compare_all).await;
        assert_eq!((report.settings, report.people.users), (0, 0), "{report:?}");
        assert_eq!(dump(&scene).await, before);
    }
}

#[tokio::test]
async fn a_sync_that_dies_anywhere_goes_on_and_makes_nobody_twice() {
    let world = World::new().await;
    let mut place = 1;
    let mut died = 0;
    loop {
        let scene = Scene::new(&world, pools::everything()).await;
        let made = json!({"Username": "made-since", "MessageAction": "SUPPRESS"});
        call(&scene, Operation::AdminCreateUser, made).await;
        let backup = scene
            .mutate(&[
                Mutation::PasswordLength(33),
                Mutation::CreateGroup,
                Mutation::CreateClient,
                Mutation::DeleteUser(0),
                Mutation::Enabled(1, false),
                Mutation::Join(2, 0),
            ])
            .await;
        world.die_at_call(place);
        let lived = world.or_death(scene.sync(&backup, false)).await;
        let is_over = matches!(lived, Some(Ok(Some(_))));
        world.calm_down();
        if !is_over {
            died += 1;
            let later = scene.mutate(&[Mutation::Enabled(1, true)]).await;
            let report = scene.synced(&later, false).await;
            assert_eq!(report.left, [], "{place}");
            let standing = scene.status(&later).await;
            assert_eq!(still_to_do(&standing, &report), Vec::<String>::new());
            let users = dump(&scene).await["Users"].as_array().unwrap().clone();
            let made = users.iter().filter(|user| user["Username"] == "made-since");
            assert_eq!(made.count(), 1, "{place}");
        }
        if is_over {
            break;
        }
        place += if support::exhaustive() { 1 } else { 23 };
    }
    assert!(died > 2, "{died}");
}

#[tokio::test]
async fn who_is_gone_is_removed_after_the_days_and_nobody_else() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let before = dump(&scene).await;
    let username = |nth: usize| before["Users"][nth]["Username"].clone();
    let (gone, there, disabled) = (username(0), username(1), username(2));
    for (operation, name) in [
        (Operation::AdminDeleteUser, &gone),
        (Operation::AdminDisableUser, &disabled),
    ] {
        call(&scene, operation, json!({"Username": name})).await;
    }
    let backup = world.back_up(&scene.lost.pool).await;
    scene.synced(&backup, false).await;
    let key = Standby::key(&scene.lost.pool);
    let bytes = world.s3.get(BUCKET, &key).unwrap();
    let mut known: Value = serde_json::from_slice(&bytes).unwrap();
    let name = gone.as_str().unwrap();
    known["gone"][name]["since"] = "2020-01-01T00:00:00Z".into();
    // Others who are still in the source were noted by mistake: one is somebody else by now, one is
    // disabled there.
    let there_now = world.simulator.pool(NEW, scene.standby.as_str()).unwrap();
    let mut there_now = there_now.users.into_iter();
    let sub = there_now
        .find(|user| disabled == *user.username)
        .unwrap()
        .sub;
    let sub = sub.as_deref().unwrap();
    let kept = [(&there, "x"), (&disabled, sub)];
    for (username, sub) in kept {
        let since = "2020-01-01T00:00:00Z";
        known["gone"][username.as_str().unwrap()] = json!({"sub": sub, "since": since});
    }
    world.s3.put(BUCKET, &key, known.to_string().into_bytes());
    let follow = Follow {
        remove_after_days: 30,
        ..scene.follow(false)
    };
    let opened = world.open(&backup).await;
    let open =
        async |name: &BackupName, _: Option<&str>| Ok(Some(world.open(name.key().unwrap()).await));
    let stop = Stop::never();
    let done = standby::sync(&follow, &opened, open, &stop).await;
    assert_eq!(done.unwrap().unwrap().removed, 1);
    let now = dump(&scene).await;
    assert_eq!(*user(&now, name), Value::Null);
    for (kept, _) in kept {
        assert!(user(&now, kept.as_str().unwrap()).is_object());
    }
}

#[tokio::test]
async fn whoever_is_forgotten_is_disabled_and_nobody_forgotten_is_made() {
    for compare_all in [false, true] {
        let world = World::new().await;
        let scene = Scene::new(&world, pools::everything()).await;
        let before = dump(&scene).await;
        let users = before["Users"].as_array().unwrap();
        let known = users.iter().find(|user| user["Enabled"] == true).unwrap();
        let known = known["Username"].as_str().unwrap();
        let made = json!({"Username": "made-since", "MessageAction": "SUPPRESS"});
        call(&scene, Operation::AdminCreateUser, made).await;
        let source = world.simulator.pool(LOST, scene.lost.pool.as_str());
        let source = source.unwrap().users;
        let forgotten = [known, "made-since"].map(|name| {
            let user = source.iter().find(|user| user.username == name).unwrap();
            user.sub.as_ref().unwrap().parse().unwrap()
        });
        let forgotten = forgotten.into();
        let forget = world.vault.forget(&scene.lost.pool, &forgotten);
        forget.await.unwrap();
        let backup = world.back_up(&scene.lost.pool).await;
        let report = scene.synced(&backup, compare_all).await;
        assert_eq!((report.disabled, report.people.made_again), (1, 0));
        let now = dump(&scene).await;
        assert_eq!(user(&now, known)["Enabled"], false);
        assert_eq!(*user(&now, "made-since"), Value::Null);
        // Nobody of them is touched again.
        let report = scene.synced(&backup, false).await;
        assert_eq!((report.disabled, report.people.users), (0, 0));
    }
}

#[tokio::test]
async fn a_switch_opens_it_writes_the_page_and_ends_the_following() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let made = json!({"Username": "made-since", "MessageAction": "SUPPRESS"});
    call(&scene, Operation::AdminCreateUser, made).await;
    let backup = world.back_up(&scene.lost.pool).await;
    scene.synced(&backup, false).await;
    let opened = world.open(&backup).await;
    let (follow, stop) = (scene.follow(false), Stop::never());
    let switched = Box::pin(standby::switch(&follow, &opened, &stop)).await;
    let switched = switched.unwrap().unwrap();
    assert!(switched.standby.switched.is_some());
    assert!(!switched.report.manual_steps.is_empty());
    let now = dump(&scene).await;
    let source = world
        .simulator
        .dump(LOST, scene.lost.pool.as_str())
        .unwrap();
    assert_eq!(
        now["UserPool"]["AutoVerifiedAttributes"],
        source["UserPool"]["AutoVerifiedAttributes"]
    );
    let id = &switched.standby.restore_id;
    let map = world.s3.get(BUCKET, &id.object_key(UserEntry::OBJECT));
    let map = String::from_utf8(map.unwrap().to_vec()).unwrap();
    assert!(map.contains("made-since"));
    assert!(
        world
            .s3
            .get(BUCKET, &id.object_key("handover.html"))
            .is_some()
    );
    let refused = scene.sync(&backup, false).await.unwrap_err();
    assert!(matches!(refused, RestoreError::StandbySwitched(_)));
}

/// A function works on the main thread, whose stack is larger than that of a test.
#[test]
fn the_function_keeps_it_in_step() {
    let work = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(Box::pin(in_step_by_the_function()));
    };
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    thread.spawn(work).unwrap().join().unwrap();
}

async fn in_step_by_the_function() {
    let world = World::new().await;
    let scene = Scene::new(&world, pools::everything()).await;
    let changes = [Mutation::CreateGroup, Mutation::Enabled(1, false)];
    let backup = scene.mutate(&changes).await;
    let options = RestoreOptions {
        standby: Some(StandbyOptions {
            sync: Some(scene.standby.clone()),
            ..StandbyOptions::default()
        }),
        ..RestoreOptions::default()
    };
    let lost = Lost {
        key: backup.clone(),
        ..scene.lost.clone()
    };
    let request = RestoreRequest {
        restore_id: "standby-sync-1".parse().unwrap(),
        ..world.request(&lost, &options)
    };
    let answer = world.answer(&request);
    let answer = Box::pin(answer).await.unwrap();
    assert_eq!(answer.response.status, RestoreStatus::Success);
    assert_eq!(answer.messages, [], "a standby that follows is no news");
    let known = Standby::read(&scene.clients.workspace, &lost.pool).await;
    let known = known.unwrap().unwrap();
    assert_eq!(known.equals.backup, backup.into());
    assert_eq!(known.under_way, None);
}

#[tokio::test]
async fn a_pool_that_was_not_made_as_a_standby_is_none() {
    let world = World::new().await;
    let lost = world.lose(pools::everything()).await;
    let restored = world.restore(&lost, &RestoreOptions::default()).await;
    let pool = restored.state.new_user_pool_id.unwrap();
    let clients = world.clients_where_pools_are_new(&[restore::undo::OPERATIONS]);
    let found = Standby::of(&clients, &lost.pool, &pool).await;
    assert!(matches!(found, Err(RestoreError::NotAStandby { .. })));
    let options = StandbyOptions::default();
    assert!(options.sync.is_none());
}
