//! A pool that is kept like another one: a standby in another Region, a copy in another
//! environment. The calls are those of an undo. Its ids stay its own; what is bound to a Region is
//! translated as a restore translates it; what no restore could bring there stays as it is.

use compare::announced::Announcements;
use jiff::Timestamp;
use model::document::BackupHead;
use model::inventory::Section;
use model::request::RestoreOptions;
use model::restore::{RestoreState, Step};
use model::{RestoreId, RunKind};
use serde_json::Value;

use super::Undo;
use super::heads::Terms;
use crate::document::object;
use crate::error::RestoreError;
use crate::folder::Folder;
use crate::relocation::Relocation;
use crate::steps::{pool_document, preview};
use crate::translate::Translations;
use crate::verify::expectation;

/// What the pool is, where it is another one than that of the point in time.
#[derive(Debug, Clone, Default)]
pub struct Counterpart {
    /// The restore that made it of the other pool: its maps say who is who. None where none did:
    /// clients are known by secret and name, and no user is known.
    pub made_by: Option<RestoreId>,
    /// The operator's map.
    pub translations: Translations,
    /// Settings that stay as they are, such as `user_pool_config/LambdaConfig`; everything below
    /// is meant too.
    pub stays: Vec<String>,
}

impl Counterpart {
    /// The settings that are expected, and what may differ from them: what any restore of the
    /// point in time into the Region would have to change.
    pub(super) async fn terms(
        &self,
        undo: &Undo<'_>,
        live: &BackupHead,
    ) -> Result<Terms, RestoreError> {
        let now = Timestamp::now();
        let id = RestoreId::new(RunKind::Check, undo.pool, now.as_second(), 0);
        let folder = Folder::unread(&undo.clients.workspace, &id);
        let stop = cognito::Stop::never();
        let restore = undo.restore(&folder, undo.point, &self.translations, &stop);
        let options = RestoreOptions {
            verify: Some(live.user_pool_id.clone()),
            ..RestoreOptions::default()
        };
        let (from, name) = (&undo.point.head.user_pool_id, &undo.point.name);
        let state = RestoreState::new(id, from.clone(), name.clone(), options, now);
        let mut announced = Announcements::default();
        for step in Step::ALL.iter().copied() {
            let foreseen = Box::pin(preview::settings(step, &restore, &state)).await?;
            announced.extend(&foreseen.findings);
        }
        // What Cognito refused the restore that made it stays out: else it would refuse all else of
        // the same call, too.
        if let Some(made_by) = &self.made_by {
            let made = Folder::look(&undo.clients.workspace, made_by).await?;
            for step in made.iter().flat_map(|made| &made.steps) {
                announced.extend(&step.findings);
            }
        }
        let mut expected = expectation(&undo.point.head, &self.translations);
        // Sent whole where the pool has none: with the Region of this pool.
        let relocation = Relocation::of(&restore, None);
        let mut created =
            pool_document::creation(restore.head(), &relocation, &state.restore_id, None);
        let mut pool = object(expected.user_pool());
        match created.request.shift_remove("SmsConfiguration") {
            Some(sms) => pool.insert("SmsConfiguration".into(), sms),
            None => pool.shift_remove("SmsConfiguration"),
        };
        expected.set(Section::UserPoolConfig, Value::Object(pool));
        Ok(Terms {
            expected,
            announced,
            stays: self.stays.clone(),
            legacy_sub_attribute: undo.settings.legacy_sub_attribute.clone(),
        })
    }
}
