//! One invocation of a comparison: what it works with, and the order of its stages.

use std::collections::BTreeMap;

use cognito::collect::Collector;
use cognito::{ErrorKind, Operation};
use compare::settings::{self, SettingsCompared, Ties};
use compare::tables::{MembershipRow, NameRow, Table, UserRow};
use compare::user::{Likeness, SignIn};
use jiff::Timestamp;
use model::checklist::ChecklistAnswer;
use model::document::BackupHead;
use model::inventory::Section;
use model::observe::{Counted, Event};
use model::request::RestoreOptions;
use model::restore::{RestoreState, Verification};
use model::{RestoreId, UserPoolId};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::VerifyOutcome;
use super::checklist;
use super::expectation::expectation;
use super::explained::Explained;
use super::progress::{Figure, Progress, Stage};
use super::scope::Scope;
use crate::context::Restore;
use crate::error::RestoreError;
use crate::pieces;
use crate::steps;

/// How long after a first look with differences the second follows, in seconds: long enough for
/// lists that are behind (facts D).
const SETTLE: u32 = 15;

/// The tables that invocations hand on.
const USERS: &str = "users.index";
const NAMES: &str = "names.index";
const MEMBERSHIPS: &str = "memberships.index";
const MISMATCHES: &str = "mismatches.json";

/// What one invocation works with.
pub(super) struct Session<'r> {
    pub(super) restore: &'r Restore<'r>,
    pub(super) pool: UserPoolId,
    pub(super) options: RestoreOptions,
    pub(super) scope: Scope,
    pub(super) explained: Explained,
    pub(super) sign_in: SignIn,
    pub(super) likeness: Likeness,
    pub(super) progress: Progress,
    /// The backup's users by what they sign in with.
    pub(super) users: Table<UserRow>,
    /// The backup's users by username, in pools that give new usernames.
    pub(super) names: Table<NameRow>,
    /// The backup's memberships.
    pub(super) memberships: Table<MembershipRow>,
    /// What differs in users that the pool has otherwise: their place in the backup, and the
    /// hash of each member in the pool.
    pub(super) mismatches: BTreeMap<u64, BTreeMap<String, u64>>,
    restore_id: RestoreId,
}

impl<'r> Session<'r> {
    /// Goes on with the comparison that the bucket remembers, or begins one.
    pub(super) async fn open(
        restore: &'r Restore<'r>,
        state: &RestoreState,
        pool: UserPoolId,
    ) -> Result<Self, RestoreError> {
        let explained = Explained::of(restore, state, &pool).await?;
        let legacy = restore.settings.legacy_sub_attribute.as_deref();
        let likeness = Likeness::new(legacy, explained.announcements.members_of_all_users());
        let scope = Scope::of(restore, state).await?;
        // Of an existing pool, its own settings say who is who; the backup may hold users only.
        let sign_in = if scope.is_whole() {
            SignIn::of(restore.head().user_pool())
        } else {
            SignIn::of(&steps::described(restore, &pool).await?)
        };
        let mut session = Self {
            scope,
            sign_in,
            likeness,
            explained,
            restore,
            pool,
            options: state.options.clone(),
            progress: Progress::default(),
            users: Table::default(),
            names: Table::default(),
            memberships: Table::default(),
            mismatches: BTreeMap::new(),
            restore_id: state.restore_id.clone(),
        };
        session.load().await?;
        Ok(session)
    }

    /// Works until the end, or until the stop.
    pub(super) async fn work(&mut self) -> Result<VerifyOutcome, RestoreError> {
        loop {
            let finished = match self.progress.stage {
                Stage::Settings => self.compare_settings().await?,
                Stage::IndexUsers => self.index_users().await?,
                Stage::Users => self.compare_users().await?,
                Stage::IndexMemberships => self.index_memberships().await?,
                Stage::Memberships => self.compare_memberships().await?,
                Stage::Conclude => self.conclude().await?,
            };
            if finished {
                self.progress.stage = match self.progress.stage {
                    Stage::Settings => Stage::IndexUsers,
                    Stage::IndexUsers => Stage::Users,
                    Stage::Users => Stage::IndexMemberships,
                    Stage::IndexMemberships => Stage::Memberships,
                    Stage::Memberships => Stage::Conclude,
                    Stage::Conclude => return self.finish().await,
                };
                self.progress.offset = None;
                self.progress.token = None;
            }
            if self.time_is_up() {
                self.save().await?;
                return Ok(VerifyOutcome::InProgress);
            }
        }
    }

    pub(super) fn tell(&self, of_what: Counted, done: u64) {
        let trailer = &self.restore.backup.trailer;
        self.restore.observer.event(Event::Progress {
            of_what,
            done,
            total: Some(match of_what {
                Counted::Users => trailer.users,
                Counted::UsersCompared => self.progress.users_expected,
                Counted::Memberships => trailer.memberships,
            }),
        });
    }

    pub(super) fn time_is_up(&self) -> bool {
        self.restore.stop.is_requested()
    }

    /// The first look at users may have been too early; the second counts.
    async fn finish(&mut self) -> Result<VerifyOutcome, RestoreError> {
        let unannounced = self.progress.users.unannounced + self.progress.memberships.unannounced;
        if unannounced == 0 || self.progress.second_look {
            return Ok(VerifyOutcome::Done);
        }
        tracing::info!(
            unannounced,
            "differences among users: looking a second time"
        );
        self.progress.look_again();
        self.forget();
        self.save().await?;
        Ok(VerifyOutcome::Waiting { seconds: SETTLE })
    }

    /// Begins the list of users again.
    pub(super) fn restart_users(&mut self) {
        self.progress.restart_users();
        self.forget();
    }

    fn forget(&mut self) {
        self.users.forget();
        self.memberships = Table::default();
        self.mismatches.clear();
    }

    /// The result with the rows of the checklists.
    pub(super) fn verification(&mut self) -> Verification {
        self.figure_users();
        self.figure_backup();
        let mut verification = self.progress.verification();
        verification.rows = checklist::rows(&self.progress);
        verification.announcing_restore = self.explained.restore_id.clone();
        verification
    }

    pub(super) fn collector(&self) -> Collector<'r> {
        Collector::new(self.restore.cognito, self.restore.waf)
    }

    async fn compare_settings(&mut self) -> Result<bool, RestoreError> {
        if !self.scope.is_whole() {
            let existed = Figure::new(
                ChecklistAnswer::CannotBeTold,
                "the pool was there before the restore: its settings are not compared",
            );
            for figure in [
                "name",
                "app_clients",
                "identity_providers",
                "domains",
                "ui",
                "policies",
                "threats",
            ] {
                self.progress
                    .figures
                    .insert(figure.to_owned(), existed.clone());
            }
            self.compare_groups_made().await?;
            return Ok(true);
        }
        let head = self
            .collector()
            .head(&self.pool, Timestamp::now())
            .await
            .map_err(|error| {
                if error.is(ErrorKind::Missing) {
                    RestoreError::TargetMissing(self.pool.clone())
                } else {
                    RestoreError::Cognito(error)
                }
            })?;
        let known: BTreeMap<String, String> = self
            .explained
            .app_clients
            .iter()
            .map(|(old, new)| (old.to_string(), new.to_string()))
            .collect();
        let backup = self.restore.head();
        let clients = settings::pair_clients(
            backup.list(Section::AppClients),
            head.list(Section::AppClients),
            &known,
        );
        let ties = Ties {
            clients,
            legacy_sub_attribute: self.restore.settings.legacy_sub_attribute.as_deref(),
            ..Ties::default()
        };
        let expected = expectation(backup, self.restore.translations);
        let compared = settings::compare(&expected, &head, &ties);
        self.enter_settings(compared);
        self.figure_settings(&head);
        Ok(true)
    }

    fn enter_settings(&mut self, compared: SettingsCompared) {
        self.progress.settings.compared = compared.compared;
        for found in compared.found {
            let announcements = &self.explained.announcements;
            self.progress
                .settings
                .add(&found.path.join("/"), found.change, announcements);
        }
        self.progress.not_in_backup = compared.not_in_backup;
    }

    /// Of an existing pool's settings, those of the groups that the restore made again.
    async fn compare_groups_made(&mut self) -> Result<(), RestoreError> {
        let mut backup = expectation(self.restore.head(), self.restore.translations);
        let made = |groups: &[Value]| -> Value {
            let name = |group: &Value| group["GroupName"].as_str().unwrap_or_default().to_owned();
            let groups = groups.iter();
            let made = groups.filter(|group| self.scope.made_group(&name(group)));
            made.cloned().collect()
        };
        let expected = made(backup.list(Section::Groups));
        if expected == json!([]) {
            return Ok(());
        }
        let groups = self.restore.cognito.list(Operation::ListGroups, &self.pool);
        let mut pool = BackupHead::new(self.pool.clone(), Timestamp::now());
        pool.set(Section::Groups, made(&groups.await?));
        backup.set(Section::Groups, expected);
        let sections = [Section::Groups].into_iter();
        let compared = settings::compare_sections(&backup, &pool, &Ties::default(), sections);
        self.enter_settings(compared);
        Ok(())
    }

    /// Where the tables lie that the progress goes with. Never over those of the progress that
    /// is in the bucket: an invocation may die between them.
    fn table_key(&self, name: &str) -> String {
        let side = if self.progress.saves.is_multiple_of(2) {
            "even"
        } else {
            "odd"
        };
        self.restore_id.object_key(&format!("verify/{side}/{name}"))
    }

    async fn save(&mut self) -> Result<(), RestoreError> {
        self.progress.saves += 1;
        self.progress.indexes_kept = !self.users.rows().is_empty();
        if self.progress.indexes_kept {
            let restore = self.restore;
            pieces::write(restore, &self.table_key(USERS), self.users.rows()).await?;
            pieces::write(restore, &self.table_key(NAMES), self.names.rows()).await?;
            pieces::write(
                restore,
                &self.table_key(MEMBERSHIPS),
                self.memberships.rows(),
            )
            .await?;
            let mismatches =
                serde_json::to_vec(&self.mismatches).map_err(|_| damaged("mismatches"))?;
            self.write(self.table_key(MISMATCHES), mismatches).await?;
        }
        // Last: from now on this is where the comparison stands.
        let progress = serde_json::to_vec(&self.progress).map_err(|_| damaged(Progress::OBJECT))?;
        let key = self.restore_id.object_key(Progress::OBJECT);
        self.write(key, progress).await
    }

    async fn write(&self, key: String, json: Vec<u8>) -> Result<(), RestoreError> {
        let folder = self.restore.folder;
        folder.write(&key, "application/json", json).await
    }

    async fn load(&mut self) -> Result<(), RestoreError> {
        let Some(progress) = self
            .read::<Progress>(self.restore_id.object_key(Progress::OBJECT))
            .await?
        else {
            return Ok(());
        };
        self.progress = progress;
        if !self.progress.indexes_kept {
            return Ok(());
        }
        let restore = self.restore;
        let users = pieces::read(restore, &self.table_key(USERS)).await?;
        let names = pieces::read(restore, &self.table_key(NAMES)).await?;
        let memberships = pieces::read(restore, &self.table_key(MEMBERSHIPS)).await?;
        self.users = Table::of(users.unwrap_or_default());
        self.names = Table::of(names.unwrap_or_default());
        self.memberships = Table::of(memberships.unwrap_or_default());
        self.mismatches = self
            .read(self.table_key(MISMATCHES))
            .await?
            .unwrap_or_default();
        Ok(())
    }

    async fn read<T: DeserializeOwned>(&self, key: String) -> Result<Option<T>, RestoreError> {
        let bytes = self.restore.folder.read(&key).await?;
        bytes
            .map(|bytes| serde_json::from_slice(&bytes).map_err(|_| damaged(&key)))
            .transpose()
    }
}

pub(super) fn damaged(key: &str) -> RestoreError {
    RestoreError::StateDamaged {
        key: key.to_owned(),
        problem: "it is not what a verification keeps".to_owned(),
    }
}
