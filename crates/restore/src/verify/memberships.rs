//! Memberships, streamed from both sides, and the last pass over the backup.

use std::collections::BTreeMap;

use cognito::ErrorKind;
use compare::documents::Change;
use compare::settings;
use compare::tables::{MembershipRow, Table, UserRow};
use model::checklist::ChecklistAnswer;
use model::inventory::Section;
use model::observe::Counted;
use model::rules::is_group_of_provider;
use serde_json::Value;

use super::progress::Figure;
use super::session::Session;
use super::users::user;
use crate::error::RestoreError;

impl Session<'_> {
    /// The groups whose members are compared: those of the backup that Cognito does not make.
    fn groups(&self) -> Vec<String> {
        let pool = &self.restore.head().user_pool_id;
        let groups = self.restore.head().list(Section::Groups).iter();
        groups
            .filter_map(|group| group.get("GroupName").and_then(Value::as_str))
            .filter(|name| !is_group_of_provider(name, pool))
            .map(str::to_owned)
            .collect()
    }

    /// Reads the backup's memberships into an index: of users that are in the pool.
    pub(super) async fn index_memberships(&mut self) -> Result<bool, RestoreError> {
        let groups = self.groups();
        let places: BTreeMap<&str, u64> = groups.iter().map(String::as_str).zip(0..).collect();
        let all = usize::try_from(self.restore.backup.trailer.memberships).unwrap_or_default();
        self.memberships = Table::default();
        if self.scope.is_whole() {
            self.memberships.reserve(all);
        }
        self.progress.memberships_read = 0;
        let mut memberships = self.restore.backup.memberships().await?;
        while let Some(membership) = memberships.next().await? {
            self.progress.memberships_read += 1;
            let Some(group) = places.get(&*membership.group) else {
                continue;
            };
            let Some(user) = self
                .entry_of(membership.username.as_str())
                .filter(|user| user.is_seen())
            else {
                continue;
            };
            if user.is_made() || self.scope.chose_group(&membership.group, &self.options) {
                let row = MembershipRow::new(*group, user.key, user.place());
                self.memberships.push(row);
            }
        }
        self.memberships.sort();
        self.progress.memberships.compared = self.memberships.rows().len() as u64;
        Ok(true)
    }

    /// The user of the backup with a username.
    fn entry_of(&self, username: &str) -> Option<UserRow> {
        if self.sign_in.gives_new_usernames() {
            let (upper, place) = self.names.find(username)?;
            self.users.get(self.users.find_at(upper, place)?)
        } else {
            self.users.any(self.sign_in.key_of_username(username))
        }
    }

    /// Lists the members of the pool's groups and looks each up.
    pub(super) async fn compare_memberships(&mut self) -> Result<bool, RestoreError> {
        let groups = self.groups();
        while let Some(group) = groups.get(self.progress.group) {
            let place = self.progress.group as u64;
            let mut pages = self
                .collector()
                .members(&self.pool, group)?
                .from_token(self.progress.token.clone());
            loop {
                let page = match pages.next().await {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(error) if error.is(ErrorKind::Missing) => {
                        self.group_is_missing(group, place);
                        break;
                    }
                    Err(error) if self.progress.token.is_some() && error.is(ErrorKind::Refused) => {
                        tracing::warn!(code = error.code, "the list of users begins again");
                        self.restart_users();
                        return Ok(false);
                    }
                    Err(error) => return Err(error.into()),
                };
                for member in page {
                    self.compare_member(group, place, &user(member)?);
                }
                self.tell(Counted::Memberships, self.progress.memberships_in_pool);
                if pages.is_finished() {
                    break;
                }
                self.progress.token = pages.token().map(str::to_owned);
                if self.time_is_up() {
                    return Ok(false);
                }
            }
            self.progress.group += 1;
            self.progress.token = None;
            if self.time_is_up() {
                return Ok(self.progress.group >= groups.len());
            }
        }
        Ok(true)
    }

    fn compare_member(&mut self, group: &str, place: u64, member: &model::document::UserRecord) {
        self.progress.memberships_in_pool += 1;
        let is_in_backup = self.memberships.see(place, self.sign_in.key(member));
        if !is_in_backup && self.scope.is_whole() && !member.is_federated() {
            let path = format!(
                "group_memberships/{group}/{}",
                member.attribute("sub").unwrap_or("without sub")
            );
            self.progress
                .memberships
                .add(&path, Change::Added, &self.explained.announcements);
        }
    }

    /// A group that is missing is one difference, not one for each member.
    fn group_is_missing(&mut self, group: &str, place: u64) {
        if self.memberships.see_group(place) > 0 {
            let path = format!("group_memberships/{group}");
            let announcements = &self.explained.announcements;
            let announced_by = announcements
                .covering(&path)
                .or_else(|| announcements.covering(&format!("groups/{group}")));
            self.progress
                .memberships
                .add_explained(&path, Change::Missing, announced_by);
        }
    }

    /// One pass over the backup that names what the indexes know only by hash; none if all is
    /// well.
    pub(super) async fn conclude(&mut self) -> Result<bool, RestoreError> {
        let mut lost: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for (group, place) in self.memberships.unseen() {
            lost.entry(place).or_default().push(group);
        }
        let well = |entry: &UserRow| entry.is_seen() && !entry.is_different();
        if lost.is_empty() && self.users.rows().iter().all(well) {
            return Ok(true);
        }
        let groups = self.groups();
        let mut users = self.restore.backup.users(self.progress.offset).await?;
        while let Some(line) = users.next().await? {
            self.progress.offset = Some(line.next_offset);
            self.conclude_user(&line.record, line.offset);
            for group in lost.remove(&line.offset).unwrap_or_default() {
                let group = usize::try_from(group)
                    .ok()
                    .and_then(|place| groups.get(place));
                let sub = line.record.attribute("sub").unwrap_or("without sub");
                let path = format!(
                    "group_memberships/{}/{sub}",
                    group.map_or("", String::as_str)
                );
                self.progress.memberships.add(
                    &path,
                    Change::Missing,
                    &self.explained.announcements,
                );
            }
            if self.time_is_up() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The figures of users and memberships.
    pub(super) fn figure_users(&mut self) {
        let progress = &self.progress;
        let mut users = format!(
            "{} users of the backup expected, {} found, {} users in the pool",
            progress.users_expected, progress.users.compared, progress.users_in_pool
        );
        if progress.federated > 0 {
            users.push_str(&format!(
                "; {} federated profiles come back at their next sign-in",
                progress.federated
            ));
        }
        let memberships = format!(
            "{} memberships expected, {} in the pool's groups",
            progress.memberships.compared, progress.memberships_in_pool
        );
        let same_users = matching(progress.users_expected, progress.users.compared);
        let same_memberships =
            matching(progress.memberships.compared, progress.memberships_in_pool);
        let figures = &mut self.progress.figures;
        figures.insert("users".to_owned(), Figure::new(same_users, users));
        let memberships = Figure::new(same_memberships, memberships);
        figures.insert("memberships".to_owned(), memberships);
    }

    /// The figures of the settings.
    pub(super) fn figure_settings(&mut self, pool: &model::document::BackupHead) {
        let backup = self.restore.head();
        let name = |head: &model::document::BackupHead| {
            head.user_pool()
                .get("Name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (old, new) = (name(backup), name(pool));
        let announced = self
            .explained
            .announcements
            .covering("user_pool_config/Name")
            .is_some();
        let named = if old == new {
            let text = format!("the pool is called {new:?}, as in the backup");
            Figure::new(ChecklistAnswer::Yes, text)
        } else if announced {
            let text = format!("the pool is called {new:?}, as announced");
            Figure::new(ChecklistAnswer::No, text)
        } else {
            Figure::failing(format!("the pool is called {new:?}, in the backup {old:?}"))
        };
        self.progress.figures.insert("name".to_owned(), named);
        for (figure, what, sections) in [
            ("app_clients", "app clients", &[Section::AppClients][..]),
            (
                "identity_providers",
                "identity providers",
                &[Section::IdentityProviders],
            ),
            (
                "domains",
                "domains",
                &[Section::UserPoolDomain, Section::CustomDomain],
            ),
            (
                "ui",
                "customizations, styles and documents",
                &[
                    Section::UiCustomization,
                    Section::ClientUiCustomizations,
                    Section::ManagedLoginBranding,
                    Section::Terms,
                ],
            ),
            (
                "threats",
                "threat protection settings",
                &[
                    Section::RiskConfiguration,
                    Section::ClientRiskConfigurations,
                ],
            ),
        ] {
            let count = |head| {
                sections
                    .iter()
                    .map(|section| settings::count(head, *section))
                    .sum::<usize>()
            };
            let unknown = sections
                .iter()
                .filter(|section| self.progress.not_in_backup.contains(section))
                .count();
            let (old, new) = (count(backup), count(pool));
            let mut text = format!("{old} {what} in the backup, {new} in the pool");
            let mut answer = match (old, new) {
                (0, 0) => ChecklistAnswer::NotApplicable,
                (1.., 0) => ChecklistAnswer::No,
                _ => ChecklistAnswer::Yes,
            };
            if unknown > 0 {
                text.push_str("; the backup does not hold all of it");
                answer = ChecklistAnswer::CannotBeTold;
            }
            let measured = Figure::new(answer, text);
            self.progress.figures.insert(figure.to_owned(), measured);
        }
        let compared = format!(
            "{} settings compared in all",
            self.progress.settings.compared
        );
        let compared = Figure::new(ChecklistAnswer::Yes, compared);
        self.progress
            .figures
            .insert("policies".to_owned(), compared);
    }

    /// What stands behind "Cross-region replication active": the copy in the DR bucket, which
    /// has to hold what its trailer says.
    pub(super) fn figure_backup(&mut self) {
        let (backup, progress) = (self.restore.backup, &self.progress);
        let whole = progress.users_read == backup.trailer.users
            && progress.memberships_read == backup.trailer.memberships;
        let figure = if whole {
            let text = format!("read whole from the DR bucket: {}", backup.name);
            Figure::new(ChecklistAnswer::Yes, text)
        } else {
            Figure::failing(format!(
                "{} in the DR bucket holds {} users and {} memberships, its trailer says {} and {}",
                backup.name,
                progress.users_read,
                progress.memberships_read,
                backup.trailer.users,
                backup.trailer.memberships
            ))
        };
        let figures = &mut self.progress.figures;
        figures.insert("replication".to_owned(), figure);
    }
}

/// Whether all that was expected was found.
fn matching(expected: u64, found: u64) -> ChecklistAnswer {
    match (expected, found) {
        (0, 0) => ChecklistAnswer::NotApplicable,
        (expected, found) if expected == found => ChecklistAnswer::Yes,
        _ => ChecklistAnswer::No,
    }
}
