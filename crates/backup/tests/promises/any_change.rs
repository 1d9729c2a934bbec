//! Whatever somebody does to a pool, the summary of a backup is what a plain comparison finds.

use std::collections::{BTreeMap, BTreeSet};

use cognito::Operation;
use model::UserPoolId;
use model::change::{ChangeSummary, CriticalKind, UserChanges};
use model::document::UserRecord;
use model::inventory::Section;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::changes::{run, summary_of};
use crate::support::{Content, World, pool_of};

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
