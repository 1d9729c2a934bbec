//! What a pass does with one user of the backup.

use std::collections::BTreeSet;

use model::document::UserRecord;
use model::inventory::Section;
use model::pointer::token;
use model::request::{RestoreOptions, Selection};
use model::restore::{Finding, FindingKind, UserCounts};

use super::attributes::Attributes;
use super::decide::{Circumstances, Decision, UserNews, UserPlan, Way, decide, old_sub};
use super::identity::Standing;
use super::import::csv::Header;
use super::index::{FoundStatus, FoundUser, UserIndex};
use super::ledger::Made;
use super::make::{Creation, Maker, NAME_IS_TAKEN, NewUser};
use super::memberships::MembershipTable;
use super::sign_up::is_barred;
use crate::error::RestoreError;

/// Everything that the users of one pass are made with.
pub(super) struct Crew<'a> {
    pub(super) maker: Maker<'a>,
    pub(super) memberships: MembershipTable,
    pub(super) circumstances: Circumstances<'a>,
    pub(super) options: &'a RestoreOptions,
    /// Groups that an existing pool lacked and that this restore made again.
    pub(super) groups_made: BTreeSet<String>,
}

/// What import jobs left behind.
pub(super) struct Imported<'a> {
    pub(super) users: &'a UserIndex,
    pub(super) header: &'a Header,
}

impl Crew<'_> {
    /// The first pass: makes the user, unless a sign-up or an import job is to do so.
    ///
    /// # Errors
    /// [`RestoreError`] when the restore cannot go on.
    pub(super) async fn make(&self, record: UserRecord) -> Result<Made, RestoreError> {
        if !self.is_chosen(&record) {
            return Ok(Made::of(UserCounts::default()));
        }
        match self.maker.identities.standing(&record) {
            Standing::Same(found) => return self.leave_as_is(&record, &found).await,
            Standing::Another => return Ok(self.displaced(&record)),
            Standing::Missing => {}
        }
        match decide(&record, &self.circumstances) {
            Decision::Federated => Ok(Made::of(UserCounts {
                federated: 1,
                ..UserCounts::default()
            })),
            Decision::Impossible(finding) => {
                let mut made = Made::of(UserCounts {
                    skipped: 1,
                    ..UserCounts::default()
                });
                made.findings.push(finding);
                Ok(made)
            }
            Decision::Make(plan) if plan.way == Way::SignUp => Ok(Made {
                left_to_sign_up: true,
                ..Made::default()
            }),
            Decision::Make(plan) if plan.way.is_import() => Ok(Made {
                left_to_import: true,
                ..Made::default()
            }),
            Decision::Make(plan) => self.make_by_calls(&record, &plan).await,
        }
    }

    /// The second pass: makes the users that the first left to sign-ups. Where sign-ups are not
    /// let in, these users come back too, and not as UNCONFIRMED.
    ///
    /// # Errors
    /// [`RestoreError`] when the restore cannot go on.
    pub(super) async fn sign_up(&self, record: UserRecord) -> Result<Made, RestoreError> {
        let Some(plan) = self.left_to(&record, |way| way == Way::SignUp) else {
            return Ok(Made::default());
        };
        match self.make_by_calls(&record, &plan).await {
            Err(RestoreError::Cognito(error)) if is_barred(&error) => {
                let without = Circumstances {
                    sign_up: false,
                    ..self.circumstances
                };
                match decide(&record, &without) {
                    Decision::Make(plan) => self.make_by_calls(&record, &plan).await,
                    Decision::Federated | Decision::Impossible(_) => Err(error.into()),
                }
            }
            made => made,
        }
    }

    /// The plan of a user that the first pass left to import jobs; `None` for all others.
    pub(super) fn left_to_import(&self, record: &UserRecord) -> Option<Box<UserPlan>> {
        self.left_to(record, Way::is_import)
    }

    fn left_to(&self, record: &UserRecord, to: fn(Way) -> bool) -> Option<Box<UserPlan>> {
        let standing = || self.maker.identities.standing(record);
        if !self.is_chosen(record) || standing() != Standing::Missing {
            return None;
        }
        match decide(record, &self.circumstances) {
            Decision::Make(plan) if to(plan.way) => Some(plan),
            _ => None,
        }
    }

    /// The last pass: adds what a job cannot carry, and makes by calls whom no job made.
    ///
    /// # Errors
    /// [`RestoreError`] when the restore cannot go on.
    pub(super) async fn finish(
        &self,
        record: UserRecord,
        imported: &Imported<'_>,
    ) -> Result<Made, RestoreError> {
        let Some(mut plan) = self.left_to_import(&record) else {
            return Ok(Made::default());
        };
        let pool = self.circumstances.pool;
        let Some(found) = imported.users.by_name(&plan.sign_in, pool) else {
            let by_calls = Circumstances {
                import_by: &[],
                ..self.circumstances
            };
            return match decide(&record, &by_calls) {
                Decision::Make(plan) => self.make_by_calls(&record, &plan).await,
                Decision::Federated | Decision::Impossible(_) => Ok(Made::default()),
            };
        };
        if plan.way == Way::ImportReset && found.status != FoundStatus::ResetRequired {
            let mut news = UserNews::about(&record);
            news.degraded(
                "UserStatus",
                "the import job did not make the user RESET_REQUIRED",
            );
            plan.findings.append(&mut news.findings);
        }
        let mut missing = Attributes::default();
        for (name, value) in plan.attributes.iter() {
            if !imported.header.carries(name) {
                missing.insert(name, value);
            }
        }
        let user = NewUser {
            missing,
            confirmed: found.status == FoundStatus::Confirmed,
            ..self.found(&record, &found)
        };
        let groups = self.memberships.of(&record.username);
        self.maker.follow_up(&record, &plan, &user, groups).await
    }

    pub(super) async fn make_by_calls(
        &self,
        record: &UserRecord,
        plan: &UserPlan,
    ) -> Result<Made, RestoreError> {
        match self.maker.create(record, plan).await? {
            Creation::There(user) => {
                let groups = self.memberships.of(&record.username);
                self.maker.follow_up(record, plan, &user, groups).await
            }
            Creation::NotMade(finding) => Ok(Made::not_made(finding)),
        }
    }

    /// Whether the operator asked for this user.
    fn is_chosen(&self, record: &UserRecord) -> bool {
        match &self.options.select {
            Some(Selection::Group(group)) => self
                .memberships
                .of(&record.username)
                .any(|of_user| of_user == group),
            _ => self
                .options
                .selects_user(record.username.as_str(), record.sub().as_ref()),
        }
    }

    /// Existing users are never changed. But groups that were made again get them back as
    /// members, and so does a group that is restored by name: that is what is asked for.
    async fn leave_as_is(
        &self,
        record: &UserRecord,
        found: &FoundUser,
    ) -> Result<Made, RestoreError> {
        let mut made = Made::of(UserCounts {
            already_there: 1,
            ..UserCounts::default()
        });
        let mut news = UserNews::about(record);
        let user = self.found(record, found);
        for group in self.groups_refilled(record) {
            let joined = self.maker.join(&user, group, &mut news).await?;
            made.counts.memberships += u64::from(joined);
        }
        made.findings = news.findings;
        Ok(made)
    }

    /// The groups of a user whom the pool has that it gets again.
    fn groups_refilled(&self, record: &UserRecord) -> impl Iterator<Item = &str> {
        self.memberships.of(&record.username).filter(|group| {
            let asked_for =
                matches!(&self.options.select, Some(Selection::Group(name)) if name == group);
            asked_for || self.groups_made.contains(*group)
        })
    }

    /// Somebody else has the user's name: neither the user is back nor its memberships.
    fn displaced(&self, record: &UserRecord) -> Made {
        let kind = FindingKind::Failed;
        let sub = old_sub(record);
        let mut finding = UserNews::not_made(&sub, kind, NAME_IS_TAKEN);
        for group in self.memberships.of(&record.username) {
            let path = format!("{}/{sub}", token(group));
            finding = finding.announcing(Section::GroupMemberships, &path);
        }
        Made::not_made(finding)
    }

    /// A user of the pool by its username: its own, or the `sub` where Cognito makes them (facts
    /// C.1).
    fn found(&self, record: &UserRecord, found: &FoundUser) -> NewUser {
        let own_name = self.circumstances.pool.username_attributes.is_empty();
        NewUser {
            username: if own_name {
                record.username.as_str()
            } else {
                found.sub.as_str()
            }
            .to_owned(),
            sub: found.sub.clone(),
            ..NewUser::default()
        }
    }
}

impl Made {
    /// One user who was dealt with, and came to these counts.
    fn of(counts: UserCounts) -> Self {
        Self {
            counts: UserCounts { seen: 1, ..counts },
            ..Self::default()
        }
    }

    /// A user who should have come back and did not.
    fn not_made(finding: Finding) -> Self {
        let counts = UserCounts {
            failed: 1,
            ..UserCounts::default()
        };
        Self {
            findings: vec![finding],
            ..Self::of(counts)
        }
    }
}
