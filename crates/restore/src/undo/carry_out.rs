//! Carries a plan out: settings first, then users and memberships.

use std::collections::BTreeMap;
use std::time::Duration;

use cognito::Stop;
use jiff::Timestamp;
use model::document::BackupHead;
use model::inventory::Section;
use model::request::{RestoreOptions, Selection, UsersEngine};
use model::restore::{RestoreState, UserEntry};
use model::{AppClientId, RestoreId};
use vault::Backup;

use super::heads::Heads;
use super::made_again::{self, MadeAgain};
use super::people::People;
use super::plan::{Action, Plan, What};
use super::remembered::{Begun, UndoProgress, write_json};
use super::report::UndoReport;
use super::{Undo, settings, users};
use crate::context::{ExistingPools, RestoreSettings};
use crate::drive::{self, Order};
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::side::Side;
use crate::translate::Translations;

/// How often settings are gone through: what was refused may be taken when another thing is back.
const ROUNDS: usize = 3;
/// How long to wait before the second look at what seems not to be as planned: lists of Cognito
/// may be behind.
const SECOND_LOOK: Duration = Duration::from_secs(5);

/// What is done, as the backup of the present shows it.
pub(crate) struct Work {
    pub(crate) plan: Plan,
    pub(crate) people: People,
}

impl Undo<'_> {
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
        let begun = Begun::read(&self.clients.workspace, id).await?;
        // The pool as it is, with users who are forgotten and still in it.
        let present = &present.as_stored();
        let mut work = self.work(present).await?;
        if begun.is_none() && work.plan.fingerprint != plan.fingerprint {
            return Err(RestoreError::PlanOutdated(self.pool.clone()));
        }
        let mut state = remembered.unwrap_or_else(|| self.begin(id, RestoreOptions::default()));
        folder.claim(&mut state).await?;
        let mut progress = UndoProgress::read(&folder).await?;
        if state.reported.take().is_some() {
            progress = UndoProgress::default();
        }
        if begun.is_none() {
            Begun::write(&folder, &work.plan, before).await?;
        }
        let changed = self.change(
            &folder,
            &mut state,
            &mut work,
            &mut progress,
            &present.head,
            stop,
        );
        if !Box::pin(changed).await? {
            return Ok(None);
        }
        let live = self.live().await?;
        let mut left = Box::pin(self.look(&work, &progress, Side::Live(&live))).await?;
        if !left.is_empty() && stop.sleep(SECOND_LOOK).await {
            let live = self.live().await?;
            left = Box::pin(self.look(&work, &progress, Side::Live(&live))).await?;
        }
        let report = UndoReport::new(id, &work, &progress, before, left);
        write_json(&folder, UndoReport::OBJECT, &report).await?;
        state.reported = Some(Timestamp::now());
        folder.save(&state).await?;
        Ok(Some(report))
    }

    /// What is done about the differences to the point in time that a backup of the present shows.
    pub(super) async fn work(&self, present: &Backup) -> Result<Work, RestoreError> {
        let (plan, mut people) = Box::pin(self.compare(Side::Stored(present))).await?;
        let is_made =
            |action: &&Action| (action.section, action.what) == (Section::Groups, What::MakeAgain);
        let groups = plan.actions.iter().filter(is_made);
        let groups: Vec<String> = groups.filter_map(|group| group.target.clone()).collect();
        let point = Side::Stored(self.point);
        people.join_made_again(point, &groups, self.scope).await?;
        Ok(Work { plan, people })
    }

    /// What an undo remembers: which clients were there before it made others.
    pub(crate) fn begin(&self, id: &RestoreId, options: RestoreOptions) -> RestoreState {
        let mut state = RestoreState::new(
            id.clone(),
            self.pool.clone(),
            self.point.name.clone(),
            options,
            Timestamp::now(),
        );
        state.version_id = self.point.version_id.clone();
        state.new_user_pool_id = Some(self.pool.clone());
        state
    }

    /// Makes the calls that are not made yet. False when the stop came first.
    pub(crate) async fn change(
        &self,
        folder: &Folder<'_>,
        state: &mut RestoreState,
        work: &mut Work,
        progress: &mut UndoProgress,
        present: &BackupHead,
        stop: &Stop,
    ) -> Result<bool, RestoreError> {
        if !progress.settings {
            let done = self.settings(folder, state, &work.plan, present, stop, progress);
            if !done.await? {
                return Ok(false);
            }
            progress.app_clients = self.remember_clients(&work.plan, state).await?;
            progress.settings = true;
            progress.write(folder).await?;
        }
        self.people(folder, work, progress, stop).await
    }

    /// Goes through the settings until nothing differs or nothing helps. False when the stop came
    /// first.
    async fn settings(
        &self,
        folder: &Folder<'_>,
        state: &mut RestoreState,
        planned: &Plan,
        present: &BackupHead,
        stop: &Stop,
        progress: &mut UndoProgress,
    ) -> Result<bool, RestoreError> {
        let mut left_before = usize::MAX;
        for _ in 0..ROUNDS {
            if stop.is_requested() {
                return Ok(false);
            }
            let heads = self.heads_now().await?;
            let differences = heads.differences(self.scope);
            let mut actions = heads.actions(&differences, self.scope);
            actions.retain(|action| action.what.is_carried_out() && planned.carries_out(action));
            if actions.is_empty() || actions.len() >= left_before {
                break;
            }
            left_before = actions.len();
            self.know_clients(state, &heads, present);
            let mut wanted = self.point.clone();
            wanted.head = heads.wanted(&differences, &actions, self.scope);
            let translations = Translations::default();
            let restore = self.restore(folder, &wanted, &translations, stop);
            match Box::pin(settings::carry_out(&restore, state, &heads, &actions)).await? {
                Some(of_round) => progress.hear(of_round),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// The clients that the pool had are not taken for those that the undo makes.
    fn know_clients(&self, state: &mut RestoreState, heads: &Heads, present: &BackupHead) {
        let had = present.list(Section::AppClients).iter();
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

    /// Users and memberships. False when the stop came first.
    async fn people(
        &self,
        folder: &Folder<'_>,
        work: &Work,
        progress: &mut UndoProgress,
        stop: &Stop,
    ) -> Result<bool, RestoreError> {
        let people = &work.people;
        if !people.deleted.is_empty() && progress.user_map.is_none() {
            let id = folder.restore_id().of_users();
            if !self.make_again(&id, people, stop, progress).await? {
                return Ok(false);
            }
            progress.write(folder).await?;
        }
        if people.work.is_empty() {
            return Ok(true);
        }
        let made_again = self.made_again().await?;
        let translations = Translations::default();
        let restore = self.restore(folder, self.point, &translations, stop);
        let settings = crate::steps::described(&restore, self.pool).await?;
        let put_back = users::put_back(
            &restore,
            self.pool,
            &settings,
            people,
            &made_again,
            progress,
        );
        let done = put_back.await;
        progress.write(folder).await?;
        done
    }

    /// Makes users again who were deleted: a restore of the point in time into the pool. False when
    /// the stop came first.
    async fn make_again(
        &self,
        id: &RestoreId,
        people: &People,
        stop: &Stop,
        progress: &mut UndoProgress,
    ) -> Result<bool, RestoreError> {
        let workspace = &self.clients.workspace;
        let key = format!("cognito-restore/selections/{id}.txt");
        let subs = people.deleted.join("\n");
        workspace.write(&key, "text/plain", subs.into()).await?;
        let options = RestoreOptions {
            target_user_pool_id: Some(self.pool.clone()),
            select: Some(Selection::UsersFrom(key.try_into()?)),
            users_engine: UsersEngine::Api,
            ..RestoreOptions::default()
        };
        let settings = RestoreSettings {
            existing_user_pools: ExistingPools::Every,
            ..self.settings.clone()
        };
        let order = Order {
            restore_id: id,
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
                made_again.add_user(row.new_sub, user);
            }
        }
        made_again.write(workspace, self.pool).await?;
        progress.made_again = made;
        progress.user_map = Some(workspace.address(&key));
        Ok(true)
    }
}
