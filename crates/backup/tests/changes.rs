//! Each backup says what changed since the one before it, in its trailer and in its row, and a
//! pool that shrinks keeps its last whole base.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backup::RunOutcome;
use cognito::Operation;
use model::change::{Change, ChangeSummary, CriticalKind, NotCompared, UserChanges};
use model::document::UserRecord;
use model::inventory::Section;
use model::{BackupKey, UserPoolId};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use support::{BUCKET, Content, World, pool_of};

async fn run(world: &World, pool: &UserPoolId, differences: bool) -> BackupKey {
    let mut backups = world.backups(Duration::from_secs(600));
    backups.differences = differences;
    match backups.run(vec![pool.clone()]).await.unwrap() {
        RunOutcome::Done(done) => done[0].s3_key.clone(),
        other => panic!("{other:?}"),
    }
}

async fn call(world: &World, pool: &UserPoolId, operation: Operation, members: Value) -> Value {
    let mut request = members;
    request["UserPoolId"] = json!(pool);
    world.operator.call(operation, &request).await.unwrap()
}

async fn change_of(world: &World, key: &BackupKey) -> Change {
    let overview = world.vault.overview(key).await.unwrap();
    overview.trailer.change.unwrap()
}

async fn summary_of(world: &World, key: &BackupKey) -> ChangeSummary {
    match change_of(world, key).await {
        Change::Since(summary) => *summary,
        other => panic!("{other:?}"),
    }
}

fn name(number: usize) -> Value {
    json!({"Username": format!("user-{number:05}")})
}

#[tokio::test]
async fn a_backup_says_in_row_and_trailer_what_changed_since_the_one_before() {
    for differences in [true, false] {
        let world = World::new().await;
        let pool = world.seed(pool_of(130));
        let first = run(&world, &pool, differences).await;
        call(&world, &pool, Operation::AdminDisableUser, name(3)).await;
        call(&world, &pool, Operation::AdminDeleteUser, name(7)).await;
        let ann = json!({"Username": "ann", "MessageAction": "SUPPRESS"});
        call(&world, &pool, Operation::AdminCreateUser, ann).await;
        let nobody = json!({"GroupName": "nobody"});
        call(&world, &pool, Operation::DeleteGroup, nobody).await;
        let client = json!({"ClientId": "client1"});
        call(&world, &pool, Operation::DeleteUserPoolClient, client).await;
        let second = run(&world, &pool, differences).await;
        let third = run(&world, &pool, differences).await;

        let none_before = Change::NotCompared(NotCompared::FirstBackup);
        assert_eq!(change_of(&world, &first).await, none_before);
        let summary = summary_of(&world, &second).await;
        assert_eq!(summary.previous, first);
        let users = UserChanges {
            before: 130,
            after: 130,
            made: 1,
            gone: 1,
            recreated: 0,
            changed: 1,
            disabled: 1,
            enabled: 0,
        };
        assert_eq!(summary.users, users);
        let removed = [
            "app_clients/client1",
            "groups/nobody",
            "client_session_configurations/client1",
        ];
        assert_eq!(summary.settings.removed, removed);
        let critical = summary.critical.named.iter();
        let critical: Vec<String> = critical.map(ToString::to_string).collect();
        assert_eq!(
            critical,
            ["client gone: web (client1)", "group gone: nobody"]
        );
        let nothing = summary_of(&world, &third).await;
        assert_eq!(nothing.previous, second);
        assert!(nothing.is_empty() && !nothing.shrunk, "{nothing:?}");
        assert_eq!(nothing.users.before, 130);

        let rows = world.s3.calls(support::PUT_ITEM);
        let row = |key: &BackupKey| -> Change {
            let mut rows = rows.iter();
            let row = rows.find(|row| row["Item"]["s3_key"]["S"] == key.to_string());
            serde_json::from_str(row.unwrap()["Item"]["change"]["S"].as_str().unwrap()).unwrap()
        };
        assert_eq!(row(&first), none_before);
        assert_eq!(row(&second), Change::Since(Box::new(summary)));
    }
}

#[tokio::test]
async fn without_time_a_backup_is_made_and_says_that_it_was_not_compared() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    run(&world, &pool, true).await;
    let mut backups = world.backups(Duration::ZERO);
    backups.differences = true;
    backups.continuation = Some(&world.continuation);
    let mut progress = backups.run(vec![pool.clone()]).await.unwrap();
    while let RunOutcome::InProgress(_) = &progress {
        let cursor = progress.to_continuation()["continue"].clone();
        progress = backups.go_on(cursor).await.unwrap();
    }
    let keys = world.keys();
    let last = keys.last().unwrap();
    let no_time = Change::NotCompared(NotCompared::NoTime);
    assert_eq!(change_of(&world, last).await, no_time);
    assert_eq!(world.content(last).await.users.len(), 130);
}

#[tokio::test]
async fn a_backup_before_that_is_damaged_is_passed_over_and_without_any_other_said_so() {
    let world = World::new().await;
    let pool = world.seed(pool_of(30));
    let first = run(&world, &pool, false).await;
    let second = run(&world, &pool, false).await;
    let damage = |key: &BackupKey| {
        let bytes = world.s3.get(BUCKET, &key.to_string()).unwrap();
        let half = bytes[..bytes.len() / 2].to_vec();
        world.s3.put(BUCKET, &key.to_string(), half);
    };
    damage(&second);
    let third = run(&world, &pool, false).await;
    assert_eq!(summary_of(&world, &third).await.previous, first);
    for key in [&first, &third] {
        damage(key);
    }
    let fourth = run(&world, &pool, false).await;
    let unreadable = Change::NotCompared(NotCompared::Unreadable);
    assert_eq!(change_of(&world, &fourth).await, unreadable);
}

fn kept(world: &World) -> Vec<String> {
    let keys = world.s3.keys(BUCKET).into_iter();
    keys.filter(|key| key.starts_with("cognito-backup/kept/"))
        .collect()
}

#[tokio::test]
async fn a_pool_that_shrinks_keeps_its_last_whole_base_once() {
    let world = World::new().await;
    let pool = world.seed(pool_of(130));
    let base = run(&world, &pool, true).await;
    let disable = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            call(&world, &pool, Operation::AdminDisableUser, name(number)).await;
        }
    };
    disable(0..6).await;
    let calm = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &calm).await.shrunk);
    assert_eq!(kept(&world), [""; 0]);
    let mut summaries = Vec::new();
    for numbers in [10..30, 30..50] {
        disable(numbers).await;
        let key = run(&world, &pool, true).await;
        summaries.push(summary_of(&world, &key).await);
    }
    assert!(summaries.iter().all(|summary| summary.shrunk));
    let objects = kept(&world);
    assert_eq!(objects.len(), 1);
    for summary in &summaries {
        assert_eq!(summary.kept.as_ref(), Some(&objects[0]));
    }
    // It is the base as it was, without a tag by which a rule would end it.
    let bytes = world.s3.get(BUCKET, &objects[0]).unwrap();
    assert_eq!(bytes, world.s3.get(BUCKET, &base.to_string()).unwrap());
    assert_eq!(world.s3.tags(BUCKET, &objects[0]), None);
    let again = run(&world, &pool, true).await;
    assert!(!summary_of(&world, &again).await.shrunk);
    assert_eq!(kept(&world), objects);
    // When all has expired it opens under the key that the base had.
    for key in world.s3.keys(BUCKET) {
        if !objects.contains(&key) {
            world.s3.remove(BUCKET, &key);
        }
    }
    let content = world.content(&base).await;
    assert_eq!(content.users.len(), 130);
    assert!(content.users.iter().all(|user| user.enabled));
}

/// What somebody does to a pool.
#[derive(Debug, Clone)]
enum Step {
    Make,
    Delete(Index),
    MakeAgain(Index),
    Disable(Index),
    Enable(Index),
    Move(Index),
    Join(Index),
    Leave(Index),
    MakeGroup,
    DeleteGroup,
    ChangeRole,
    MakeClient,
    DeleteClient,
    /// A backup, as a difference where that may be.
    BackUp(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let who = any::<Index>;
    let change = prop_oneof![
        Just(Step::Make),
        who().prop_map(Step::Delete),
        who().prop_map(Step::MakeAgain),
        who().prop_map(Step::Disable),
        who().prop_map(Step::Enable),
        who().prop_map(Step::Move),
        who().prop_map(Step::Join),
        who().prop_map(Step::Leave),
        Just(Step::MakeGroup),
        Just(Step::DeleteGroup),
        Just(Step::ChangeRole),
        Just(Step::MakeClient),
        Just(Step::DeleteClient),
    ];
    prop_oneof![4 => change, 1 => any::<bool>().prop_map(Step::BackUp)]
}

/// A pool that is changed, and who is in it.
struct Changing<'a> {
    world: &'a World,
    pool: UserPoolId,
    users: Vec<String>,
    made: usize,
}

impl Changing<'_> {
    fn user(&self, who: &Index) -> Value {
        json!({"Username": self.users[who.index(self.users.len())]})
    }

    async fn call(&self, operation: Operation, mut request: Value) {
        request["UserPoolId"] = json!(self.pool);
        // What is there already, or is not there any more, is refused and changes nothing.
        let _ = self.world.operator.call(operation, &request).await;
    }

    async fn step(&mut self, step: &Step) {
        let with = |mut user: Value, member: &str, value: Value| {
            user[member] = value;
            user
        };
        match step {
            Step::Make => {
                self.made += 1;
                let name = format!("made-{:03}", self.made);
                self.users.push(name.clone());
                let user = json!({"Username": name, "MessageAction": "SUPPRESS"});
                self.call(Operation::AdminCreateUser, user).await;
            }
            // One is always left to choose from.
            Step::Delete(who) if self.users.len() > 1 => {
                let user = self.user(who);
                self.users.retain(|name| user["Username"] != *name);
                self.call(Operation::AdminDeleteUser, user).await;
            }
            Step::Delete(_) => {}
            Step::MakeAgain(who) => {
                let user = self.user(who);
                self.call(Operation::AdminDeleteUser, user.clone()).await;
                let user = with(user, "MessageAction", json!("SUPPRESS"));
                self.call(Operation::AdminCreateUser, user).await;
            }
            Step::Disable(who) => self.call(Operation::AdminDisableUser, self.user(who)).await,
            Step::Enable(who) => self.call(Operation::AdminEnableUser, self.user(who)).await,
            Step::Move(who) => {
                self.made += 1;
                let email = format!("moved-{}@example.com", self.made);
                let email = json!([{"Name": "email", "Value": email}]);
                let request = with(self.user(who), "UserAttributes", email);
                self.call(Operation::AdminUpdateUserAttributes, request)
                    .await;
            }
            Step::Join(who) => {
                let request = with(self.user(who), "GroupName", json!("nobody"));
                self.call(Operation::AdminAddUserToGroup, request).await;
            }
            Step::Leave(who) => {
                let request = with(self.user(who), "GroupName", json!("thirds"));
                self.call(Operation::AdminRemoveUserFromGroup, request)
                    .await;
            }
            Step::MakeGroup => {
                let group = json!({"GroupName": "nobody"});
                self.call(Operation::CreateGroup, group).await;
            }
            Step::DeleteGroup => {
                let group = json!({"GroupName": "nobody"});
                self.call(Operation::DeleteGroup, group).await;
            }
            Step::ChangeRole => {
                self.made += 1;
                let role = format!("arn:aws:iam::000000000000:role/r{}", self.made);
                let group = json!({"GroupName": "thirds", "RoleArn": role});
                self.call(Operation::UpdateGroup, group).await;
            }
            Step::MakeClient => {
                self.made += 1;
                let client = json!({"ClientName": format!("client {}", self.made)});
                self.call(Operation::CreateUserPoolClient, client).await;
            }
            Step::DeleteClient => {
                let client = json!({"ClientId": "client1"});
                self.call(Operation::DeleteUserPoolClient, client).await;
            }
            Step::BackUp(_) => {}
        }
    }
}

/// What a plain comparison of two pools finds.
#[derive(Debug, Default, PartialEq)]
struct Found {
    users: UserChanges,
    /// Made, gone.
    memberships: (u64, u64),
    /// Paths of groups and clients, and of the roles of groups.
    settings: BTreeSet<String>,
    critical: BTreeSet<(CriticalKind, String)>,
}

fn names(content: &Content, section: Section, member: &str) -> BTreeMap<String, Value> {
    let list = content.head.list(section).iter();
    list.map(|element| {
        (
            element[member].as_str().unwrap().to_owned(),
            element.clone(),
        )
    })
    .collect()
}

fn plainly(before: &Content, after: &Content) -> Found {
    let by_name = |content: &Content| -> BTreeMap<String, UserRecord> {
        let users = content.users.iter();
        users
            .map(|user| (user.username.as_str().to_owned(), user.clone()))
            .collect()
    };
    let (old, new) = (by_name(before), by_name(after));
    let mut found = Found::default();
    let users = &mut found.users;
    (users.before, users.after) = (old.len() as u64, new.len() as u64);
    users.made = new.keys().filter(|name| !old.contains_key(*name)).count() as u64;
    for (name, one) in &old {
        let Some(other) = new.get(name) else {
            users.gone += 1;
            continue;
        };
        if one.attribute("sub") != other.attribute("sub") {
            users.recreated += 1;
            continue;
        }
        let attributes = |user: &UserRecord| -> BTreeMap<String, String> {
            let attributes = user.attributes.iter();
            attributes
                .map(|attribute| (attribute.name.clone(), attribute.value.clone()))
                .collect()
        };
        users.disabled += u64::from(one.enabled && !other.enabled);
        users.enabled += u64::from(!one.enabled && other.enabled);
        let same = (one.enabled, &one.status, attributes(one))
            == (other.enabled, &other.status, attributes(other));
        users.changed += u64::from(!same);
    }
    let (groups, other_groups) = (
        names(before, Section::Groups, "GroupName"),
        names(after, Section::Groups, "GroupName"),
    );
    let members = |content: &Content| -> BTreeSet<(String, String)> {
        let mut members = BTreeSet::new();
        for (group, names) in &content.memberships {
            for name in names {
                let of_both = groups.contains_key(group) && other_groups.contains_key(group);
                if of_both && old.contains_key(name) && new.contains_key(name) {
                    members.insert((group.clone(), name.clone()));
                }
            }
        }
        members
    };
    let (was, is) = (members(before), members(after));
    found.memberships = (
        is.difference(&was).count() as u64,
        was.difference(&is).count() as u64,
    );
    for (section, member, kind) in [
        (Section::Groups, "GroupName", Some(CriticalKind::GroupGone)),
        (
            Section::AppClients,
            "ClientId",
            Some(CriticalKind::ClientGone),
        ),
        (Section::ClientSessionConfigurations, "ClientId", None),
    ] {
        let (was, is) = (
            names(before, section, member),
            names(after, section, member),
        );
        let path = |name: &String| format!("{}/{name}", section.member());
        found
            .settings
            .extend(is.keys().filter(|name| !was.contains_key(*name)).map(path));
        for (name, one) in &was {
            let Some(other) = is.get(name) else {
                found.settings.insert(path(name));
                let label = one["ClientName"].as_str().unwrap_or(name);
                let critical = kind.map(|kind| (kind, label.to_owned()));
                found.critical.extend(critical);
                continue;
            };
            if one["RoleArn"] != other["RoleArn"] {
                found.settings.insert(format!("{}/RoleArn", path(name)));
                found
                    .critical
                    .insert((CriticalKind::GroupRoleChanged, name.clone()));
            }
        }
    }
    found
}

fn found_by(summary: &ChangeSummary) -> Found {
    let settings = &summary.settings;
    let paths = [&settings.added, &settings.removed, &settings.changed];
    let paths: Vec<String> = paths.into_iter().flatten().cloned().collect();
    assert_eq!(settings.count, paths.len() as u64);
    let critical = summary.critical.named.iter();
    Found {
        users: summary.users,
        memberships: (summary.memberships.made, summary.memberships.gone),
        settings: paths.into_iter().collect(),
        critical: critical
            .map(|critical| (critical.kind, critical.name.clone()))
            .collect(),
    }
}

async fn holds_for(users: usize, steps: Vec<Step>) {
    let world = World::new().await;
    let pool = world.seed(pool_of(users));
    let mut changing = Changing {
        world: &world,
        users: (0..users).map(|n| format!("user-{n:05}")).collect(),
        pool: pool.clone(),
        made: 0,
    };
    let mut previous = run(&world, &pool, true).await;
    for step in steps.iter().chain([&Step::BackUp(true)]) {
        changing.step(step).await;
        let Step::BackUp(differences) = step else {
            continue;
        };
        let key = run(&world, &pool, *differences).await;
        let summary = summary_of(&world, &key).await;
        assert_eq!(summary.previous, previous);
        let (before, after) = (world.content(&previous).await, world.content(&key).await);
        assert_eq!(found_by(&summary), plainly(&before, &after), "{steps:?}");
        previous = key;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 40, ..ProptestConfig::with_cases(12) })]
    #[test]
    fn the_summary_is_what_a_plain_comparison_of_the_two_pools_finds(
        users in 1usize..40,
        steps in proptest::collection::vec(step(), 0..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(holds_for(users, steps));
    }
}
