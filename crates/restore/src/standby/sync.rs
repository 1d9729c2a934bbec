//! Bringing a standby pool to a backup of its source, by the calls of an undo.
//!
//! Of users, what changed between the backup that the pool equals and the new one is carried out:
//! that takes no call to find out, and MFA preferences are found only so. Where the older backup is
//! gone, something was left the last time, or somebody asks for it, all users of the pool are read
//! instead.

use cognito::Stop;
use jiff::Timestamp;
use model::document::BackupHead;
use model::inventory::Section;
use model::request::RestoreOptions;
use model::{BackupName, RestoreId, RunKind, UserPoolId};
use vault::Backup;

use super::quiet::WAITS;
use super::report::{Compared, Standing, SyncReport};
use super::{Equals, Standby, UnderWay};
use crate::context::{Clients, RestoreSettings};
use crate::drive;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::side::{LivePool, Side};
use crate::undo::carry_out::Work;
use crate::undo::made_again::MadeAgain;
use crate::undo::people::People;
use crate::undo::remembered::UndoProgress;
use crate::undo::{Counterpart, Left, PeopleDone, Plan, Scope, Undo, UndoReport, What};

/// What keeps a standby pool in step, the same for each call.
#[derive(Clone, Copy)]
pub struct Follow<'a> {
    /// What it calls.
    pub clients: &'a Clients,
    /// Where it runs.
    pub settings: &'a RestoreSettings,
    /// The pool that is followed.
    pub source: &'a UserPoolId,
    /// The standby pool.
    pub pool: &'a UserPoolId,
    /// The operator's map, in place of the one in the workspace.
    pub map: Option<&'a [u8]>,
    /// After how many days users gone from the source are removed; 0: never.
    pub remove_after_days: u32,
    /// All users of the pool are read, not only what changed between two backups.
    pub compare_all: bool,
}

/// Everything, and what is gone from the source goes.
fn whole() -> Scope {
    Scope {
        remove_added: true,
        disable_added_users: true,
        ..Scope::default()
    }
}

impl Follow<'_> {
    async fn counterpart(&self, standby: &Standby) -> Result<Counterpart, RestoreError> {
        let section = Section::UserPoolConfig.member();
        Ok(Counterpart {
            made_by: Some(standby.restore_id.clone()),
            translations: drive::translations(self.clients, self.settings, self.map).await?,
            stays: WAITS.map(|path| format!("{section}/{path}")).to_vec(),
        })
    }

    /// An undo towards the backup, which knows that the pool is another one.
    fn undo<'u>(
        &'u self,
        backup: &'u Backup,
        scope: &'u Scope,
        counterpart: &'u Counterpart,
    ) -> Undo<'u> {
        Undo {
            clients: self.clients,
            settings: self.settings,
            point: backup,
            pool: self.pool,
            scope,
            counterpart: Some(counterpart),
        }
    }

    /// The pool without MFA preferences: asking for one counts a user as active (facts C.6, E).
    async fn live(&self) -> Result<LivePool, RestoreError> {
        LivePool::open(&self.clients.cognito, &self.clients.waf, self.pool, false).await
    }

    fn check(&self, backup: &Backup) -> Result<(), RestoreError> {
        if backup.head.user_pool_id == *self.source {
            return Ok(());
        }
        Err(RestoreError::PointOfOtherPool {
            point: backup.head.user_pool_id.clone(),
            pool: self.source.clone(),
        })
    }
}

/// What differs between a standby pool and a backup of its source. `previous`: the backup that the
/// pool equals; without it, all users of the pool are read.
///
/// # Errors
/// [`RestoreError`] when a side cannot be read, or the pool is no standby pool of the source.
pub async fn status(
    follow: &Follow<'_>,
    backup: &Backup,
    previous: Option<&Backup>,
) -> Result<Standing, RestoreError> {
    follow.check(backup)?;
    let standby = Standby::of(follow.clients, follow.source, follow.pool).await?;
    let counterpart = follow.counterpart(&standby).await?;
    let scope = whole();
    let undo = follow.undo(backup, &scope, &counterpart);
    let made_again = undo.made_again().await?;
    let live = follow.live().await?;
    let compared = compare(&undo, &standby, &live, &made_again, previous);
    let (plan, _) = Box::pin(compared).await?;
    Ok(Standing { standby, plan })
}

/// Brings a standby pool to a backup of its source, or goes on with that; `None` when the stop came
/// first: the same call goes on. `open` opens a backup again that was chosen before, by its name and
/// version; `None` when it is not there any more or damaged.
///
/// # Errors
/// [`RestoreError::StandbySwitched`] when the pool was switched to; others when it cannot go on for
/// now: the same call goes on later.
pub async fn sync(
    follow: &Follow<'_>,
    backup: &Backup,
    open: impl AsyncFn(&BackupName, Option<&str>) -> Result<Option<Backup>, RestoreError>,
    stop: &Stop,
) -> Result<Option<SyncReport>, RestoreError> {
    follow.check(backup)?;
    let workspace = &follow.clients.workspace;
    let mut standby = Standby::of(follow.clients, follow.source, follow.pool).await?;
    standby.check_not_switched()?;
    if let Some(begun) = standby.under_way.clone()
        && begun.backup != backup.name
    {
        // Users that it made are known by its maps alone: it comes to its end first.
        match open(&begun.backup, begun.version_id.as_deref()).await? {
            Some(before) => {
                let bringing = bring(follow, &mut standby, &begun.id, &before, &open, stop);
                if Box::pin(bringing).await?.is_none() {
                    return Ok(None);
                }
            }
            None => {
                tracing::warn!("the backup of an unfinished sync is gone");
                standby.compare_all = true;
                standby.under_way = None;
            }
        }
    }
    let id = match &standby.under_way {
        Some(begun) => begun.id.clone(),
        None => {
            let id = RestoreId::new(
                RunKind::Sync,
                follow.pool,
                Timestamp::now().as_second(),
                chance()?,
            );
            standby.under_way = Some(UnderWay {
                id: id.clone(),
                backup: backup.name.clone(),
                version_id: backup.version_id.clone(),
            });
            standby.write(workspace).await?;
            id
        }
    };
    Box::pin(bring(follow, &mut standby, &id, backup, &open, stop)).await
}

fn chance() -> Result<u32, RestoreError> {
    getrandom::u32()
        .map_err(|error| RestoreError::Internal(format!("there are no random numbers: {error}")))
}

async fn bring(
    follow: &Follow<'_>,
    standby: &mut Standby,
    id: &RestoreId,
    backup: &Backup,
    open: &impl AsyncFn(&BackupName, Option<&str>) -> Result<Option<Backup>, RestoreError>,
    stop: &Stop,
) -> Result<Option<SyncReport>, RestoreError> {
    let workspace = &follow.clients.workspace;
    let counterpart = follow.counterpart(standby).await?;
    let scope = whole();
    let undo = follow.undo(backup, &scope, &counterpart);
    let (folder, remembered) = Folder::open(workspace, id).await?;
    let mut state = remembered.unwrap_or_else(|| undo.begin(id, RestoreOptions::default()));
    folder.claim(&mut state).await?;

    let equals = &standby.equals;
    let previous = open(&equals.backup, equals.version_id.as_deref()).await?;
    if previous.is_none() {
        tracing::info!("the backup that the pool equals is gone: all its users are read");
    }
    let (live, made_again) = (follow.live().await?, undo.made_again().await?);
    let changes = previous
        .as_ref()
        .filter(|_| !follow.compare_all && !standby.compare_all);
    let compared = compare(&undo, standby, &live, &made_again, changes);
    let (planned, mut people) = Box::pin(compared).await?;
    if let (None, Some(previous)) = (changes, &previous) {
        let compared = compare(&undo, standby, &live, &made_again, Some(previous));
        let (_, between) = Box::pin(compared).await?;
        people.join_preferences(between);
    }
    let mut groups = groups_made(&planned);
    if let Some(previous) = changes {
        groups.extend(groups_since(&previous.head, &backup.head));
    }
    let point = Side::Stored(backup);
    people.join_made_again(point, &groups, &scope).await?;

    let mut progress = UndoProgress::read(&folder).await?;
    if changes.is_none() {
        // Who is done does not differ from the pool any more.
        progress.users = 0;
    }
    let mut work = Work {
        plan: planned,
        people,
    };
    let head = live.head();
    let changed = undo.change(&folder, &mut state, &mut work, &mut progress, head, stop);
    if !Box::pin(changed).await? {
        return Ok(None);
    }
    let mut left = progress.left.clone();
    let settings_left = Box::pin(undo.look_at_settings(&work, &progress)).await?;
    let Work {
        plan: planned,
        people,
    } = work;
    if people.users.replaced > 0 {
        left.push(Left {
            item: format!("{} users", people.users.replaced),
            member: String::new(),
            why: "they were not made: somebody gone from the source has the username until removed"
                .into(),
        });
    }
    let done = PeopleDone {
        forgotten: people.users.forgotten,
        users: people.work.len() as u64,
        made_again: progress.made_again,
        not_made_again: (people.deleted.len() as u64).saturating_sub(progress.made_again),
    };
    if done.not_made_again > 0 {
        left.push(Left {
            item: format!("{} users", done.not_made_again),
            member: String::new(),
            why: "they were not made: see the report of the restore whose name ends with -users"
                .into(),
        });
    }

    let restore = undo.restore(&folder, backup, &counterpart.translations, stop);
    let is_left_of_users = !left.is_empty();
    left.extend(settings_left);
    let disabled = standby.note_gone(&people, &restore, &made_again).await?;
    let removed = standby.remove_gone(follow.remove_after_days, &restore, &made_again);
    let Some(removed) = removed.await? else {
        return Ok(None);
    };
    let left_total = left.len() as u64;
    left.truncate(UndoReport::NAMED);
    let carried_out = planned
        .actions
        .iter()
        .filter(|one| one.what.is_carried_out());
    let report = SyncReport {
        sync_id: id.clone(),
        source: follow.source.clone(),
        user_pool_id: follow.pool.clone(),
        backup: backup.name.clone(),
        as_of: backup.head.timestamp,
        compared: match changes {
            Some(_) => Compared::Changes,
            None => Compared::All,
        },
        settings: carried_out.count() as u64,
        people: done,
        disabled,
        removed,
        left,
        left_total,
    };
    let bytes = serde_json::to_vec_pretty(&report)
        .map_err(|error| RestoreError::Internal(format!("no report: {error}")))?;
    let key = folder.key(SyncReport::OBJECT);
    folder.write(&key, "application/json", bytes).await?;
    standby.equals = Equals::of(backup);
    standby.under_way = None;
    standby.left = left_total;
    // Who is removed may make room for somebody of the same name.
    standby.compare_all = is_left_of_users || removed > 0;
    standby.write(workspace).await?;
    Ok(Some(report))
}

/// Compares the settings with those of the pool, and the users with the backup that it equals, or
/// with the pool's.
async fn compare(
    undo: &Undo<'_>,
    standby: &Standby,
    live: &LivePool,
    made_again: &MadeAgain,
    equals: Option<&Backup>,
) -> Result<(Plan, People), RestoreError> {
    let nothing = MadeAgain::default();
    // Who was forgotten since is gone from the source.
    let equals = equals.map(Backup::as_stored);
    let (now, known) = match &equals {
        Some(equals) => (Side::Stored(equals), &nothing),
        None => (Side::Live(live), made_again),
    };
    let compared = undo.compare_with(live.head(), made_again, now, known);
    let (mut plan, mut people) = Box::pin(compared).await?;
    people.leave_disabled(|username, sub| {
        // Who was forgotten before any sync is not there.
        let is_there = equals.is_none() || sub.is_none_or(|sub| made_again.has(sub));
        !is_there
            || standby
                .gone
                .contains_key(&made_again.username_now(username))
    });
    (plan.users, plan.memberships) = (people.users, people.memberships);
    Ok((plan, people))
}

/// Groups that are made: all their members join.
fn groups_made(plan: &Plan) -> Vec<String> {
    let made = plan
        .actions
        .iter()
        .filter(|one| (one.section, one.what) == (Section::Groups, What::MakeAgain));
    made.filter_map(|one| one.target.clone()).collect()
}

/// Groups that only the newer backup has: all their members join.
fn groups_since(before: &BackupHead, after: &BackupHead) -> Vec<String> {
    let names = |head: &BackupHead| -> Vec<String> {
        let groups = head.list(Section::Groups).iter();
        let names = groups.filter_map(|group| group["GroupName"].as_str());
        names.map(str::to_owned).collect()
    };
    let before = names(before);
    let mut after = names(after);
    after.retain(|name| !before.contains(name));
    after
}
