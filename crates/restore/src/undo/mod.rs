//! Brings a live pool back to a point in time: compares, plans the calls, carries them out, compares
//! again.
//!
//! ```text
//! plan        point in time and pool -> what differs -> what is done about it, as data
//! carry_out   the restore's own steps, which change what is there; then users, each in sequence
//!             then the pool is read again: what is not as planned is named
//! ```
//!
//! What a restore knows how to make, an undo knows how to put back: `settings` runs the steps of the
//! [plan](crate::plan) over a backup that holds [what is wanted](heads), users who were deleted
//! are made by a restore into the pool. Nothing is remembered of how far it is: what is done does
//! not differ any more. Which section can be put back says the [`table`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cognito::{Operation, Stop};
use jiff::Timestamp;
use model::inventory::Section;
use model::request::{RestoreOptions, Selection, UsersEngine};
use model::restore::{RestoreState, UserEntry};
use model::{AppClientId, RestoreId, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use vault::{Backup, Workspace};

use crate::context::{Clients, Existing, ExistingPools, Restore, Settings};
use crate::drive::{self, Order};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::side::{LivePool, Side};
use crate::step::News;
use crate::translate::Translations;

mod heads;
mod made_again;
mod people;
mod plan;
mod report;
mod scope;
mod settings;
pub mod table;
mod users;

pub use plan::{Action, MemberChange, MembershipCounts, Plan, UserCounts, What};
pub use report::{Left, PeopleDone, UndoReport};
pub use scope::{Part, Scope};

use heads::{Heads, is_absent};
use made_again::MadeAgain;
use people::People;

const OWN: &[Operation] = &[
    Operation::AdminDeleteUserAttributes,
    Operation::AdminEnableUser,
    Operation::AdminRemoveUserFromGroup,
    Operation::DeleteGroup,
    Operation::DeleteIdentityProvider,
    Operation::DeleteManagedLoginBranding,
    Operation::DeleteResourceServer,
    Operation::DeleteTerms,
    Operation::DeleteUserPoolClient,
    Operation::UntagResource,
    Operation::UpdateIdentityProvider,
    Operation::UpdateResourceServer,
    Operation::UpdateTerms,
    Operation::UpdateUserPoolDomain,
];

/// Every operation of Cognito that an undo calls: its own, and those of a restore.
pub const OPERATIONS: &[Operation] = &{
    let mut all = [Operation::DescribeUserPool; OWN.len() + crate::OPERATIONS.len()];
    let lists = [OWN, crate::OPERATIONS];
    let (mut list, mut at) = (0, 0);
    while list < lists.len() {
        let mut index = 0;
        while index < lists[list].len() {
            all[at] = lists[list][index];
            at += 1;
            index += 1;
        }
        list += 1;
    }
    all
};

/// How often settings are gone through: what was refused may be taken when another thing is back.
const ROUNDS: usize = 3;
/// How long to wait before the second look at what seems not to be as planned.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// One undo, as it was asked for.
#[derive(Clone, Copy)]
pub struct Undo<'a> {
    /// What it calls.
    pub clients: &'a Clients,
    /// Where it runs.
    pub settings: &'a Settings,
    /// The point in time.
    pub point: &'a Backup,
    /// The pool.
    pub pool: &'a UserPoolId,
    /// What it is about.
    pub scope: &'a Scope,
}

impl Undo<'_> {
    /// Plans the undo against the pool as `now` shows it: the live pool, or a backup of the
    /// present.
    ///
    /// # Errors
    /// [`RestoreError`] when a side cannot be read, or the point in time is of another pool.
    pub async fn plan(&self, now: Side<'_>) -> Result<Plan, RestoreError> {
        Ok(self.compare(now).await?.0)
    }

    async fn compare(&self, now: Side<'_>) -> Result<(Plan, People), RestoreError> {
        if self.point.head.user_pool_id != *self.pool {
            return Err(RestoreError::PointOfOtherPool {
                point: self.point.head.user_pool_id.clone(),
                pool: self.pool.clone(),
            });
        }
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let live = compare::diff::Side::head(&now);
        let heads = Heads::new(&self.point.head, live, &made_again.clients);
        let differences = heads.differences(self.scope);
        let actions = heads.actions(&differences, self.scope);
        let point = Side::Stored(self.point);
        let people = People::compare(point, now, &made_again, self.scope).await?;
        let mut lines: Vec<String> = differences
            .iter()
            .map(|found| {
                let [first, second] = [&found.first, &found.second].map(stable);
                format!("{:?} {} {first} {second}", found.path, found.change.word())
            })
            .collect();
        lines.sort_unstable();
        let plan = Plan {
            user_pool_id: self.pool.clone(),
            point: self.point.name.clone(),
            version_id: self.point.version_id.clone(),
            scope: self.scope.clone(),
            actions,
            users: people.users,
            members_of_users: people.members_of_users.clone(),
            left_of_users: people.left_of_users.clone(),
            memberships: people.memberships,
            not_compared: heads.not_compared(self.scope),
            fingerprint: fingerprint(lines.iter().chain(&people.lines)),
        };
        Ok((plan, people))
    }

    /// Carries a plan out; `present` is a backup of the pool that was made after somebody said
    /// yes. `None` when the stop came first: the same call goes on.
    ///
    /// `id` names the undo: a call with the id of one that was interrupted goes on with it, by what
    /// still differs.
    ///
    /// # Errors
    /// [`RestoreError::PlanOutdated`] when the pool is not what the plan was made for: nothing was
    /// changed. Others when it cannot go on for now: the same call goes on later.
    pub async fn carry_out(
        &self,
        id: &RestoreId,
        plan: &Plan,
        present: &Backup,
        before: &str,
        stop: &Stop,
    ) -> Result<Option<UndoReport>, RestoreError> {
        let (folder, remembered) = Folder::open(&self.clients.workspace, id).await?;
        // The pool as it is, with users who are forgotten and still in it.
        let present = &present.as_stored();
        let (planned, mut people) = self.compare(Side::Stored(present)).await?;
        if remembered.is_none() && planned.fingerprint != plan.fingerprint {
            return Err(RestoreError::PlanOutdated(self.pool.clone()));
        }
        let goes_on = remembered.is_some();
        let mut state = remembered.unwrap_or_else(|| self.begin(id));
        folder.claim(&mut state).await?;
        if !goes_on {
            let begun = Begun {
                plan: planned.clone(),
                before: before.to_owned(),
            };
            write_json(&folder, Begun::OBJECT, &begun).await?;
        }
        let mut news = News::default();
        let settled = self.settings(&folder, &mut state, &planned, present, stop, &mut news);
        if !settled.await? {
            return Ok(None);
        }
        let mut report = UndoReport {
            undo_id: id.clone(),
            user_pool_id: self.pool.clone(),
            before: before.to_owned(),
            reverted: 0,
            not_reverted: Vec::new(),
            not_reverted_total: 0,
            people: PeopleDone::default(),
            app_clients: self.remember_clients(&planned, &state).await?,
            user_map: None,
            manual_steps: news.manual_steps.clone(),
        };
        let dealt_with = self.people(&folder, &planned, &mut people, stop, &mut report);
        let Some(users) = dealt_with.await? else {
            return Ok(None);
        };
        let told = Told {
            settings: &news,
            users,
        };
        let verified = self.verify(&planned, &people, &told, stop, &mut report);
        verified.await?;
        write_json(&folder, UndoReport::OBJECT, &report).await?;
        Ok(Some(report))
    }

    /// What an undo remembers: which clients were there before it made others.
    fn begin(&self, id: &RestoreId) -> RestoreState {
        let mut state = RestoreState::new(
            id.clone(),
            self.pool.clone(),
            self.point.name.clone(),
            RestoreOptions::default(),
            Timestamp::now(),
        );
        state.new_user_pool_id = Some(self.pool.clone());
        state
    }

    /// Goes through the settings until nothing differs or nothing helps. False when the stop came
    /// first.
    async fn settings(
        &self,
        folder: &Folder<'_>,
        state: &mut RestoreState,
        planned: &Plan,
        present: &Backup,
        stop: &Stop,
        news: &mut News,
    ) -> Result<bool, RestoreError> {
        let mut left_before = usize::MAX;
        for _ in 0..ROUNDS {
            if stop.is_requested() {
                return Ok(false);
            }
            let heads = self.heads_now().await?;
            let differences = heads.differences(self.scope);
            let mut actions = heads.actions(&differences, self.scope);
            actions.retain(|action| action.what.is_carried_out() && is_planned(planned, action));
            if actions.is_empty() || actions.len() >= left_before {
                break;
            }
            left_before = actions.len();
            self.know_clients(state, &heads, present);
            let mut wanted = self.point.clone();
            wanted.head = heads.wanted(&differences, &actions, self.scope);
            let translations = Translations::default();
            let restore = self.restore(folder, &wanted, &translations, stop);
            match settings::carry_out(&restore, state, &heads, &actions).await? {
                Some(of_round) => *news = of_round,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn restore<'r>(
        &'r self,
        folder: &'r Folder<'r>,
        backup: &'r Backup,
        translations: &'r Translations,
        stop: &Stop,
    ) -> Restore<'r> {
        Restore {
            cognito: &self.clients.cognito,
            waf: &self.clients.waf,
            lambda: &self.clients.lambda,
            workspace: &self.clients.workspace,
            folder,
            backup,
            settings: self.settings,
            translations,
            existing: Existing::IsChanged,
            observer: &*self.clients.observer,
            stop: stop.clone(),
        }
    }

    async fn live(&self) -> Result<LivePool, RestoreError> {
        LivePool::open(&self.clients.cognito, &self.clients.waf, self.pool, true).await
    }

    async fn heads_now(&self) -> Result<Heads, RestoreError> {
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let live = self.live().await?;
        Ok(Heads::new(
            &self.point.head,
            live.head(),
            &made_again.clients,
        ))
    }

    /// The clients that the pool had are not taken for those that the undo makes.
    fn know_clients(&self, state: &mut RestoreState, heads: &Heads, present: &Backup) {
        let had = present.head.list(Section::AppClients).iter();
        let had = had.filter_map(|client| client["ClientId"].as_str());
        let pairs = heads.clients.iter();
        let pairs = pairs.map(|(then, now)| (then.as_str(), now.as_str()));
        for (then, now) in pairs.chain(had.map(|id| (id, id))) {
            if let (Ok(then), Ok(now)) = (then.parse::<AppClientId>(), now.parse()) {
                state.app_clients.entry(then).or_insert(now);
            }
        }
    }

    /// Notes the ids of clients that were made again, for other undos; gives those of this one.
    async fn remember_clients(
        &self,
        planned: &Plan,
        state: &RestoreState,
    ) -> Result<BTreeMap<String, String>, RestoreError> {
        let made = planned.actions.iter().filter_map(|action| {
            let is_client = (action.section, action.what) == (Section::AppClients, What::MakeAgain);
            let then = action.target.as_ref().filter(|_| is_client)?;
            let now = state.app_clients.get(&then.parse().ok()?)?;
            Some((then.clone(), now.to_string()))
        });
        let made: BTreeMap<String, String> = made.collect();
        if !made.is_empty() {
            let workspace = &self.clients.workspace;
            let mut made_again = MadeAgain::read(workspace, self.pool).await?;
            made_again.clients.extend(made.clone());
            made_again.write(workspace, self.pool).await?;
        }
        Ok(made)
    }

    /// Users and memberships; gives what was left as it is, and `None` when the stop came first.
    async fn people(
        &self,
        folder: &Folder<'_>,
        planned: &Plan,
        people: &mut People,
        stop: &Stop,
        report: &mut UndoReport,
    ) -> Result<Option<Vec<Left>>, RestoreError> {
        let is_made =
            |action: &&Action| (action.section, action.what) == (Section::Groups, What::MakeAgain);
        let groups = planned.actions.iter().filter(is_made);
        let groups: Vec<String> = groups.filter_map(|group| group.target.clone()).collect();
        let point = Side::Stored(self.point);
        people.join_made_again(point, &groups, self.scope).await?;
        if !people.deleted.is_empty() && !self.make_again(people, stop, report).await? {
            return Ok(None);
        }
        if people.work.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let translations = Translations::default();
        let restore = self.restore(folder, self.point, &translations, stop);
        let settings = crate::steps::described(&restore, self.pool).await?;
        let left = users::put_back(&restore, self.pool, &settings, people, &made_again).await?;
        report.people.users = people.work.len() as u64;
        Ok(left)
    }

    /// Makes users again who were deleted: a restore of the point in time into the pool. False when
    /// the stop came first.
    async fn make_again(
        &self,
        people: &People,
        stop: &Stop,
        report: &mut UndoReport,
    ) -> Result<bool, RestoreError> {
        let workspace = &self.clients.workspace;
        let id: RestoreId = format!("{}-users", report.undo_id)
            .parse()
            .map_err(|error| RestoreError::Internal(format!("{error}")))?;
        let key = format!("cognito-restore/selections/{id}.txt");
        let subs = people.deleted.join("\n");
        workspace.write(&key, "text/plain", subs.into()).await?;
        let options = RestoreOptions {
            target_user_pool_id: Some(self.pool.clone()),
            select: Some(Selection::UsersFrom(key.try_into()?)),
            users_engine: UsersEngine::Api,
            ..RestoreOptions::default()
        };
        let settings = Settings {
            existing_user_pools: ExistingPools::Every,
            ..self.settings.clone()
        };
        let order = Order {
            restore_id: &id,
            driver: Some(id.as_str()),
            options: &options,
            passed_over: &[],
            map: Some(b"{}"),
        };
        let driven = drive::to_the_end(self.clients, &settings, &order, self.point, stop);
        if Box::pin(driven).await?.is_none() {
            return Ok(false);
        }
        let key = id.object_key(UserEntry::OBJECT);
        let map = workspace.read(&key).await?.unwrap_or_default();
        let rows = csv::Reader::from_reader(&map[..]).into_deserialize::<UserEntry>();
        let mut made_again = MadeAgain::read(workspace, self.pool).await?;
        let mut made = 0;
        for row in rows {
            let row = row.map_err(|_| RestoreError::StateDamaged {
                key: key.clone(),
                problem: "it is not the table of a restore".into(),
            })?;
            if people.deleted.contains(&row.old_sub) {
                made += 1;
                let user = made_again::User {
                    old_sub: row.old_sub,
                    old_username: row.old_username,
                    new_username: row.new_username,
                };
                made_again.users.insert(row.new_sub, user);
            }
        }
        made_again.write(workspace, self.pool).await?;
        report.people.made_again = made;
        report.people.not_made_again = people.deleted.len() as u64 - made;
        report.user_map = Some(workspace.address(&key));
        Ok(true)
    }

    /// Reads the pool again, twice where something seems to be missing: lists of Cognito may be
    /// behind.
    async fn verify(
        &self,
        planned: &Plan,
        people: &People,
        told: &Told<'_>,
        stop: &Stop,
        report: &mut UndoReport,
    ) -> Result<(), RestoreError> {
        let mut left = self.look(planned, people, told).await?;
        if !left.is_empty() && stop.sleep(SECOND_LOOK).await {
            left = self.look(planned, people, told).await?;
        }
        let of_settings: BTreeSet<&str> = left.iter().map(|left| left.item.as_str()).collect();
        let done = planned.actions.iter().filter(|action| {
            action.what.is_carried_out() && !of_settings.contains(action.item().as_str())
        });
        report.reverted = done.count() as u64;
        report.not_reverted_total = left.len() as u64;
        left.truncate(UndoReport::NAMED);
        report.not_reverted = left;
        Ok(())
    }

    /// What was planned and is not so.
    async fn look(
        &self,
        planned: &Plan,
        people: &People,
        told: &Told<'_>,
    ) -> Result<Vec<Left>, RestoreError> {
        let made_again = MadeAgain::read(&self.clients.workspace, self.pool).await?;
        let live = self.live().await?;
        let heads = Heads::new(&self.point.head, live.head(), &made_again.clients);
        let differences = heads.differences(self.scope);
        let mut left = Vec::new();
        for action in heads.actions(&differences, self.scope) {
            if !action.what.is_carried_out() || !is_planned(planned, &action) {
                continue;
            }
            for member in &action.members {
                let path = member.path.join("/");
                left.push(Left {
                    item: action.item(),
                    why: told.why_of_setting(&member.path),
                    member: path,
                });
            }
        }
        let point = Side::Stored(self.point);
        let still = People::compare(point, Side::Live(&live), &made_again, self.scope).await?;
        for (username, work) in &still.work {
            let Some(planned) = people.work.get(username) else {
                continue;
            };
            let item = format!("user {}", work.sub);
            let is_planned = |name: &str| planned.members.iter().any(|one| one.member == name);
            let members = work.members.iter().map(|member| member.member.as_str());
            let joined = work
                .join
                .iter()
                .filter(|group| planned.join.contains(group));
            let gone = work
                .leave
                .iter()
                .filter(|group| planned.leave.contains(group));
            let groups = joined.chain(gone).map(String::as_str);
            for member in members.filter(|name| is_planned(name)).chain(groups) {
                left.push(Left {
                    item: item.clone(),
                    member: member.to_owned(),
                    why: told.why_of_user(&item, member),
                });
            }
        }
        let whole = told.users.iter().filter(|left| left.member.is_empty());
        left.extend(whole.cloned());
        for sub in still
            .deleted
            .iter()
            .filter(|sub| people.deleted.contains(sub))
        {
            left.push(Left {
                item: format!("user {sub}"),
                member: String::new(),
                why: "the user was not made again: see the report of the restore whose name ends with -users".into(),
            });
        }
        Ok(left)
    }
}

/// What an undo began with: to go on with it needs both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    /// The plan.
    pub plan: Plan,
    /// Where the backup of the pool lies as it was before.
    pub before: String,
}

impl Begun {
    /// The name of the object below the undo's folder.
    pub const OBJECT: &'static str = "undo.json";

    /// What the undo `id` began with; nothing when there is none in the workspace.
    ///
    /// # Errors
    /// [`RestoreError`] when it cannot be read.
    pub async fn read(workspace: &Workspace, id: &RestoreId) -> Result<Option<Self>, RestoreError> {
        let key = id.object_key(Self::OBJECT);
        let Some(bytes) = workspace.read(&key).await? else {
            return Ok(None);
        };
        let begun = serde_json::from_slice(&bytes);
        begun.map(Some).map_err(|error| RestoreError::StateDamaged {
            key,
            problem: format!("line {}, column {}", error.line(), error.column()),
        })
    }
}

async fn write_json(
    folder: &Folder<'_>,
    name: &str,
    document: &impl Serialize,
) -> Result<(), RestoreError> {
    let bytes = serde_json::to_vec_pretty(document)
        .map_err(|error| RestoreError::Internal(format!("{name} cannot be written: {error}")))?;
    let key = folder.key(name);
    folder.write(&key, "application/json", bytes).await
}

/// What was told on the way.
struct Told<'a> {
    settings: &'a News,
    users: Vec<Left>,
}

impl Told<'_> {
    fn why_of_setting(&self, path: &[String]) -> String {
        let tokens: Vec<String> = path
            .iter()
            .map(|name| crate::document::token(name))
            .collect();
        let path = tokens.join("/");
        let announces = |announced: &String| {
            let below = path.strip_prefix(announced.as_str());
            below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
        };
        let findings = self.settings.findings.iter();
        let mut about = findings.filter(|finding| finding.announces.iter().any(announces));
        let reason = about.next().map(|finding| finding.reason.clone());
        reason.unwrap_or_else(|| "Cognito took the call, and shows it as it was before".into())
    }

    fn why_of_user(&self, item: &str, member: &str) -> String {
        let mut about = self
            .users
            .iter()
            .filter(|left| left.item == item && left.member.split(", ").any(|name| name == member));
        let why = about.next().map(|left| left.why.clone());
        why.unwrap_or_else(|| "it differs again".into())
    }
}

fn is_planned(planned: &Plan, action: &Action) -> bool {
    planned.actions.iter().any(|planned| {
        planned.what.is_carried_out()
            && (planned.section, &planned.target) == (action.section, &action.target)
    })
}

/// A value as text, whatever the order of members and elements: lists of Cognito have none.
fn stable(value: &Option<Value>) -> String {
    fn ordered(value: &Value) -> Value {
        match value {
            Value::Array(elements) => {
                let mut elements: Vec<Value> = elements.iter().map(ordered).collect();
                elements.sort_by_key(Value::to_string);
                elements.into()
            }
            Value::Object(members) => {
                let mut members: serde_json::Map<String, Value> = members
                    .iter()
                    .filter(|(_, value)| !is_absent(value))
                    .map(|(name, value)| (name.clone(), ordered(value)))
                    .collect();
                members.sort_keys();
                members.into()
            }
            Value::Number(number) => number.as_f64().map_or(value.clone(), Value::from),
            other => other.clone(),
        }
    }
    value.as_ref().map(ordered).unwrap_or_default().to_string()
}

fn fingerprint<'a>(lines: impl Iterator<Item = &'a String>) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    let bytes = hash.finalize();
    bytes
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
