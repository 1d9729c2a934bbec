//! Users that are tried again when a restore is resumed: who did not come back, and whose
//! memberships or links waited for a group or a provider that is there now.
//!
//! Who came back is known by the restore's own map of users, never by name.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::document::UserRecord;
use model::inventory::Section;
use model::pointer::plain;
use model::restore::{
    Finding, FindingKind, RestoreState, Step, UserCounts, UserEntry, UsersPass, UsersProgress,
};
use serde::{Deserialize, Serialize};

use super::crew::Crew;
use super::decide::{Circumstances, Decision, UserNews, decide, old_sub};
use super::ledger::{self, Made};
use super::make::NewUser;
use super::pipeline::Ended;
use super::{Setting, pipeline};
use crate::context::Restore;
use crate::error::RestoreError;

/// The object below the restore's folder: whom to try again, by old `sub`.
const OBJECT: &str = "users-again.json";

/// What is tried again.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Again {
    /// Users who did not come back.
    failed: BTreeSet<String>,
    /// Users whose links did not all come back.
    links: BTreeSet<String>,
    /// Memberships that did not come back, by user.
    memberships: BTreeMap<String, BTreeSet<String>>,
    /// Groups that the pool lacked: all their memberships.
    groups: BTreeSet<String>,
}

impl Again {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes a finding that is told anew; false where it stays.
    fn takes(&mut self, finding: &Finding) -> bool {
        // What a user lacks who did not come back is announced with the user, who goes first.
        let Some(announced) = finding.announces.first() else {
            return false;
        };
        let path = announced.split('/').collect::<Vec<_>>();
        let users = Section::Users.member();
        let memberships = Section::GroupMemberships.member();
        match (finding.kind, path.as_slice()) {
            (FindingKind::Failed, [section, sub]) if *section == users => {
                self.failed.insert((*sub).to_owned());
            }
            _ if finding.announces.len() > 1 => return false,
            (FindingKind::Degraded, [section, sub, "identities"]) if *section == users => {
                self.links.insert((*sub).to_owned());
            }
            (FindingKind::Degraded, [section, group, sub]) if *section == memberships => {
                let group = plain(group);
                let of_user = self.memberships.entry((*sub).to_owned()).or_default();
                of_user.insert(group);
            }
            _ => return false,
        }
        true
    }

    fn concerns(&self, sub: &str) -> bool {
        self.failed.contains(sub) || self.links.contains(sub) || self.memberships.contains_key(sub)
    }

    /// Whether a membership is tried again.
    fn joins(&self, sub: &str, group: &str) -> bool {
        let of_user = self.memberships.get(sub);
        self.groups.contains(group) || of_user.is_some_and(|groups| groups.contains(group))
    }
}

/// Finds out whom a resumed restore tries again, and takes back what was told about them.
///
/// # Errors
/// [`RestoreError`] when the bucket does not give or take what is remembered.
pub(crate) async fn begin_again(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    steps: &[Step],
) -> Result<(), RestoreError> {
    if state.users.pass != UsersPass::Done {
        // They are not through: they go on.
        state.steps.retain(|record| record.step != Step::Users);
        return Ok(());
    }
    // What an invocation found that died in this very place.
    let mut again = read(restore, state).await?;
    let mut kept = UsersProgress::default();
    let mut parts = Vec::new();
    for number in 1..=state.users.finding_parts {
        let key = UsersProgress::finding_part_key(&state.restore_id, number);
        let bytes = restore.workspace.read(&key).await?.unwrap_or_default();
        let mut findings: Vec<Finding> = serde_json::Deserializer::from_slice(&bytes)
            .into_iter()
            .collect::<Result<_, _>>()
            .map_err(|_| RestoreError::StateDamaged {
                key: key.clone(),
                problem: "it is not a list of findings".to_owned(),
            })?;
        let before = findings.len();
        findings.retain(|finding| !again.takes(finding));
        kept.tell(&findings);
        if findings.len() < before {
            parts.push((key, ledger::lines(&findings)?));
        }
    }
    let lacked = |finding: &Finding| {
        let prefix = format!("{}/", Section::GroupMemberships.member());
        finding
            .announces
            .iter()
            .any(|path| path.starts_with(&prefix))
    };
    if steps.contains(&Step::Groups) {
        let notes = state.users.notes.iter().filter(|note| lacked(note));
        again.groups.extend(notes.map(|note| note.item.clone()));
    }
    if again.is_empty() {
        return Ok(());
    }
    // First whom, then what was told: a death in between loses nobody.
    write(restore, state, &again).await?;
    for (key, lines) in parts {
        let kind = "application/jsonl";
        restore.folder.write(&key, kind, lines).await?;
    }
    let users = &mut state.users;
    users.findings = kept.findings;
    users.finding_counts = kept.finding_counts;
    if !again.groups.is_empty() {
        users.notes.retain(|note| !lacked(note));
    }
    users.counts.failed = users
        .counts
        .failed
        .saturating_sub(again.failed.len() as u64);
    users.pass = UsersPass::Again;
    users.offset = None;
    state.steps.retain(|record| record.step != Step::Users);
    Ok(())
}

async fn read(restore: &Restore<'_>, state: &RestoreState) -> Result<Again, RestoreError> {
    let key = state.restore_id.object_key(OBJECT);
    let Some(bytes) = restore.workspace.read(&key).await? else {
        return Ok(Again::default());
    };
    serde_json::from_slice(&bytes).map_err(|_| RestoreError::StateDamaged {
        key,
        problem: "it is not a list of users".to_owned(),
    })
}

async fn write(
    restore: &Restore<'_>,
    state: &RestoreState,
    again: &Again,
) -> Result<(), RestoreError> {
    let key = state.restore_id.object_key(OBJECT);
    let bytes = serde_json::to_vec(again)
        .map_err(|error| RestoreError::Internal(format!("{key} cannot be written: {error}")))?;
    restore.folder.write(&key, "application/json", bytes).await
}

/// The pass that tries them again.
///
/// # Errors
/// [`RestoreError`] when the restore cannot go on.
pub(super) async fn run(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<Ended, RestoreError> {
    let again = read(restore, state).await?;
    let setting = Setting::read(restore, state).await?;
    let Some(crew) = setting.crew(restore, state).await? else {
        return Ok(Ended::Stopped);
    };
    let there = there(restore, state, &again).await?;
    let work = |record| crew.try_again(record, &again, &there);
    let register = &crew.maker.identities.register;
    let ended = pipeline::run(restore, state, register, work).await?;
    if ended == Ended::AllUsers {
        let lacking = super::lacking_groups(&crew.memberships);
        if !again.groups.is_empty() {
            state.users.notes.extend(lacking);
        }
        write(restore, state, &Again::default()).await?;
    }
    Ok(ended)
}

/// The users of the restore's own map that are tried again, by old `sub`.
async fn there(
    restore: &Restore<'_>,
    state: &RestoreState,
    again: &Again,
) -> Result<HashMap<String, UserEntry>, RestoreError> {
    let mut there = HashMap::new();
    for number in 1..=state.users.map_parts {
        for entry in ledger::map_part(restore.workspace, &state.restore_id, number).await? {
            // Who was in a group that the pool lacked is not known by sub.
            if !again.groups.is_empty() || again.concerns(&entry.old_sub) {
                there.insert(entry.old_sub.clone(), entry);
            }
        }
    }
    Ok(there)
}

impl Crew<'_> {
    async fn try_again(
        &self,
        record: UserRecord,
        again: &Again,
        there: &HashMap<String, UserEntry>,
    ) -> Result<Made, RestoreError> {
        let sub = old_sub(&record);
        if again.groups.is_empty() && !again.concerns(&sub) {
            return Ok(Made::default());
        }
        let by_calls = Circumstances {
            import_by: &[],
            ..self.circumstances
        };
        let Decision::Make(plan) = decide(&record, &by_calls) else {
            return Ok(Made::default());
        };
        let Some(entry) = there.get(&sub) else {
            if !again.failed.contains(&sub) {
                return Ok(Made::default());
            }
            let made = self.make_by_calls(&record, &plan).await?;
            // They were counted as seen before.
            let counts = UserCounts {
                seen: 0,
                ..made.counts
            };
            return Ok(Made { counts, ..made });
        };
        let mut user = NewUser {
            username: entry.new_username.as_str().to_owned(),
            sub: entry.new_sub.clone(),
            ..NewUser::default()
        };
        let mut news = UserNews::about(&record);
        let mut counts = UserCounts::default();
        for group in self.memberships.of(&record.username) {
            if again.joins(&sub, group) {
                let joined = self.maker.join(&user, group, &mut news).await?;
                counts.memberships += u64::from(joined);
            }
        }
        if again.links.contains(&sub) {
            user.identities = self.maker.identities(&user.username).await?;
            let mut untold = Again::default();
            let told = plan.findings.iter().filter(|finding| untold.takes(finding));
            news.findings.extend(told.cloned());
            for identity in &plan.links {
                if !user.has(identity) {
                    counts.links += u64::from(self.maker.link(&user, identity, &mut news).await?);
                }
            }
        }
        Ok(Made {
            counts,
            findings: news.findings,
            ..Made::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_lost_for_want_of_something_is_tried_again() {
        let finding = |kind, section: Section, path: &str| {
            Finding::new(kind, "sub-1", "reason").announcing(section, path)
        };
        let mut again = Again::default();
        use FindingKind::{Degraded, Failed, Skipped};
        for (finding, taken) in [
            (finding(Failed, Section::Users, "sub-1"), true),
            (
                finding(Failed, Section::Users, "sub-1")
                    .announcing(Section::GroupMemberships, "a~1b/sub-1"),
                true,
            ),
            (
                finding(Degraded, Section::Users, "sub-2/identities")
                    .announcing(Section::Users, "sub-2/UserStatus"),
                false,
            ),
            (finding(Degraded, Section::Users, "sub-2/identities"), true),
            (
                finding(Degraded, Section::GroupMemberships, "a~1b/sub-3"),
                true,
            ),
            (finding(Skipped, Section::Users, "sub-4"), false),
            (finding(Degraded, Section::Users, "sub-5/UserStatus"), false),
            (Finding::new(Failed, "sub-6", "no path"), false),
        ] {
            assert_eq!(again.takes(&finding), taken, "{finding:?}");
        }
        assert!(again.concerns("sub-1") && again.concerns("sub-2") && again.concerns("sub-3"));
        assert!(again.joins("sub-3", "a/b") && !again.joins("sub-1", "a/b"));
        assert!(!again.concerns("sub-4") && !again.concerns("sub-5"));
    }
}
