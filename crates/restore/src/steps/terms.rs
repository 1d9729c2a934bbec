//! Terms documents.

use cognito::{CognitoError, ErrorKind, Operation};
use model::inventory::Section;
use model::restore::{Finding, FindingKind, RestoreState};

use super::create::concerns_every_item;
use super::{about, new_client};
use crate::context::{Existing, Restore};
use crate::document::{member, object, remove, token};
use crate::error::RestoreError;
use crate::once::{self, Second};
use crate::relocation::tell_if_missing;
use crate::step::{News, StepProgress, StepResult};

/// Creates terms documents, which belong to clients. Where what is there [is
/// changed](Existing::IsChanged), a document with an id is one that is there.
///
/// Runs after the clients, whose new ids go into them (facts A.13). A client has one document of
/// each name: one that is there already was made by this restore.
///
/// # Errors
/// Errors of Cognito itself; a document that is refused is a finding.
pub async fn terms(
    restore: &Restore<'_>,
    state: &mut RestoreState,
) -> Result<StepProgress, RestoreError> {
    let head = restore.head();
    let mut news = News::default();
    tell_if_missing(head, Section::Terms, &mut news);
    let documents = head.list(Section::Terms);
    if documents.is_empty() {
        return Ok(StepResult::nothing_to_do().telling(news).into());
    }
    let pool = restore.target(state)?;
    let mut made = 0;
    for document in documents {
        let mut request = object(document);
        let old = member(&request, "ClientId").unwrap_or_default().to_owned();
        let name = member(&request, "TermsName").unwrap_or_default().to_owned();
        let Some(client) = new_client(state, Section::Terms, &old, &mut news) else {
            continue;
        };
        let there = request
            .shift_remove("TermsId")
            .filter(|_| restore.existing == Existing::IsChanged);
        remove(
            &mut request,
            &["UserPoolId", "CreationDate", "LastModifiedDate"],
        );
        request.insert("ClientId".into(), client.into());
        let mut request = about(pool, request);
        // The second call is the look: it is refused as there.
        let look = async || Ok::<_, CognitoError>(None);
        let operation = Operation::CreateTerms;
        let result = match there {
            Some(id) => {
                request["TermsId"] = id;
                let operation = Operation::UpdateTerms;
                restore.cognito.call(operation, &request).await
            }
            None => once::create(restore, operation, &request, Second::Refuses, look).await,
        };
        match result {
            Ok(_) => made += 1,
            Err(error) if error.is(ErrorKind::AlreadyExists) => made += 1,
            Err(error) if concerns_every_item(&error) && !error.is(ErrorKind::Quota) => {
                return Err(error.into());
            }
            Err(error) => {
                let path = format!("{}/{}", token(&old), token(&name));
                news.finding(
                    Finding::new(
                        FindingKind::Failed,
                        format!("{name} of client {old}"),
                        error.to_string(),
                    )
                    .announcing(Section::Terms, &path),
                );
            }
        }
    }
    let result = if made > 0 {
        StepResult::restored(made)
    } else {
        StepResult::failed("no terms document came back")
    };
    Ok(result.telling(news).into())
}
