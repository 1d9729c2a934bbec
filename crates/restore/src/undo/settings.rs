//! Settings, clients, groups and all else at the head: the restore's own steps, which change what
//! is there instead of leaving it.

use std::time::Duration;

use cognito::{CognitoError, Operation};
use futures::future::LocalBoxFuture;
use model::UserPoolId;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, Outcome, RestoreState};
use serde_json::{Map, Value, json};

use super::heads::Heads;
use super::plan::{Action, What};
use crate::context::Restore;
use crate::document::text;
use crate::error::{RestoreError, is_passing};
use crate::step::{News, StepProgress, StepResult};
use crate::steps;
use crate::steps::pool_document;

type Running<'a> = LocalBoxFuture<'a, Result<StepProgress, RestoreError>>;

/// A step of the restore, and the sections that it brings.
type Step = (
    &'static [Section],
    for<'a> fn(&'a Restore<'_>, &'a mut RestoreState) -> Running<'a>,
);

/// The steps, in an order in which everything finds what it depends on. Those that need users are
/// no exception: the pool has them.
const STEPS: &[Step] = &[
    (&[Section::ResourceServers], |restore, state| {
        Box::pin(steps::resource_servers::resource_servers(restore, state))
    }),
    (&[Section::IdentityProviders], |restore, state| {
        Box::pin(steps::identity_providers::identity_providers(
            restore, state,
        ))
    }),
    (&[Section::Groups], |restore, state| {
        Box::pin(steps::groups::groups(restore, state))
    }),
    (&[Section::AppClients], |restore, state| {
        Box::pin(steps::app_clients::app_clients(restore, state))
    }),
    (
        &[Section::UserPoolDomain, Section::CustomDomain],
        |restore, state| Box::pin(steps::domains::domains(restore, state)),
    ),
    (&[Section::MfaConfiguration], |restore, state| {
        Box::pin(steps::mfa_configuration::mfa_configuration(restore, state))
    }),
    (&[Section::ManagedLoginBranding], |restore, state| {
        Box::pin(steps::managed_login_branding::managed_login_branding(
            restore, state,
        ))
    }),
    (&[Section::Terms], |restore, state| {
        Box::pin(steps::terms::terms(restore, state))
    }),
    (
        &[
            Section::RiskConfiguration,
            Section::ClientRiskConfigurations,
        ],
        |restore, state| {
            Box::pin(steps::risk_configuration::risk_configuration(
                restore, state,
            ))
        },
    ),
    (&[Section::LogDeliveryConfiguration], |restore, state| {
        Box::pin(steps::log_delivery::log_delivery(restore, state))
    }),
    (
        &[
            Section::SessionConfiguration,
            Section::ClientSessionConfigurations,
        ],
        |restore, state| {
            Box::pin(steps::session_configuration::session_configuration(
                restore, state,
            ))
        },
    ),
    (&[Section::WafConfiguration], |restore, state| {
        Box::pin(steps::web_acl::web_acl(restore, state))
    }),
    (
        &[
            Section::UiCustomization,
            Section::ClientUiCustomizations,
            Section::UiImages,
        ],
        |restore, state| Box::pin(steps::ui_customization::ui_customization(restore, state)),
    ),
];

/// Carries out what the actions say, once: `restore` has what is wanted as its backup. `None` when
/// the stop came first.
pub(super) async fn carry_out(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    heads: &Heads,
    actions: &[Action],
) -> Result<Option<News>, RestoreError> {
    let pool = restore.target(state)?.clone();
    let mut news = News::default();
    let of = |sections: &[Section]| {
        actions.iter().any(|action| {
            sections.contains(&action.section)
                && matches!(action.what, What::PutBack | What::MakeAgain)
        })
    };
    if lacks_attributes(actions) {
        let added = steps::custom_attributes::custom_attributes(restore, state).await;
        let added = match added {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into_cognito()?),
        };
        tell(added, Section::UserPoolConfig, &mut news)?;
    }
    if of(&[Section::UserPoolConfig]) {
        tell(user_pool(restore).await, Section::UserPoolConfig, &mut news)?;
    }
    if actions.iter().any(|action| action.section == Section::Tags) {
        tell(
            tags(restore, heads, actions).await,
            Section::Tags,
            &mut news,
        )?;
    }
    for (sections, step) in STEPS {
        if !of(sections) {
            continue;
        }
        match finish(restore, state, *step).await {
            Ok(Some(result)) => {
                if let Outcome::Failed { error } | Outcome::Skipped { reason: error } =
                    &result.outcome
                {
                    news.finding(refused(sections[0], error));
                }
                news.findings.extend(result.findings);
                news.manual_steps.extend(result.manual_steps);
            }
            Ok(None) => return Ok(None),
            Err(error) => {
                let error = error.into_cognito()?;
                tell(Err(error), sections[0], &mut news)?;
            }
        }
    }
    for action in actions.iter().filter(|action| action.what == What::Remove) {
        if restore.stop.is_requested() {
            return Ok(None);
        }
        let removed = remove(restore, &pool, heads, action).await;
        tell(removed, action.section, &mut news)?;
    }
    Ok(Some(news))
}

/// Whether attributes are added to the schema: of another pool that has got more since.
fn lacks_attributes(actions: &[Action]) -> bool {
    let members = actions
        .iter()
        .filter(|action| action.what == What::PutBack)
        .flat_map(|action| &action.members);
    members
        .map(|member| &member.path)
        .any(|path| path.get(1).is_some_and(|name| name == "SchemaAttributes"))
}

/// What is refused is told, and the rest goes on; what may pass ends it for now.
fn tell(
    result: Result<(), CognitoError>,
    section: Section,
    news: &mut News,
) -> Result<(), RestoreError> {
    match result {
        Ok(()) => Ok(()),
        Err(error) if is_passing(&error) => Err(error.into()),
        Err(error) => {
            news.finding(refused(section, &error.to_string()));
            Ok(())
        }
    }
}

fn refused(section: Section, why: &str) -> Finding {
    Finding::new(FindingKind::Failed, section.member(), why).announcing(section, "")
}

/// Runs a step to its end; `None` when the stop came first.
async fn finish(
    restore: &Restore<'_>,
    state: &mut RestoreState,
    step: for<'a> fn(&'a Restore<'_>, &'a mut RestoreState) -> Running<'a>,
) -> Result<Option<StepResult>, RestoreError> {
    loop {
        match step(restore, state).await? {
            StepProgress::Done(result) => return Ok(Some(result)),
            StepProgress::InProgress => return Ok(None),
            StepProgress::Waiting { seconds } => {
                if !restore
                    .stop
                    .sleep(Duration::from_secs(seconds.into()))
                    .await
                {
                    return Ok(None);
                }
            }
        }
    }
}

/// The pool itself. MFA stays as it is here: it has a call of its own.
async fn user_pool(restore: &Restore<'_>) -> Result<(), CognitoError> {
    let mut request = pool_document::update(restore.head().user_pool());
    pool_document::send_update(restore, &mut request).await
}

/// Tags that are put back, and those that are removed.
async fn tags(
    restore: &Restore<'_>,
    heads: &Heads,
    actions: &[Action],
) -> Result<(), CognitoError> {
    let arn = text(heads.live.user_pool(), "/Arn").unwrap_or_default();
    let of_tags = |what: What| {
        let actions = actions.iter();
        let actions =
            actions.filter(move |action| (action.section, action.what) == (Section::Tags, what));
        actions.flat_map(|action| &action.members)
    };
    let then = heads.point.section(Section::Tags);
    let tags: Map<String, Value> = of_tags(What::PutBack)
        .filter_map(|member| {
            let key = member.path.last()?;
            Some((key.clone(), then.get(key)?.clone()))
        })
        .collect();
    if !tags.is_empty() {
        let request = json!({"ResourceArn": arn, "Tags": tags});
        let operation = Operation::TagResource;
        restore.cognito.call(operation, &request).await?;
    }
    let keys: Vec<&String> = of_tags(What::Remove)
        .filter_map(|member| member.path.last())
        .collect();
    if !keys.is_empty() {
        let request = json!({"ResourceArn": arn, "TagKeys": keys});
        let operation = Operation::UntagResource;
        restore.cognito.call(operation, &request).await?;
    }
    Ok(())
}

/// Removes a thing that was added since.
async fn remove(
    restore: &Restore<'_>,
    pool: &UserPoolId,
    heads: &Heads,
    action: &Action,
) -> Result<(), CognitoError> {
    let target = action.target.as_deref().unwrap_or_default();
    let id = |section: Section, member: &str| {
        let list = heads.live.list(section).iter();
        let mut named =
            list.filter(|one| compare::settings::name_of(section, one, str::to_owned) == target);
        named
            .next()
            .map(|one| one[member].clone())
            .unwrap_or_default()
    };
    let (operation, member, value) = match action.section {
        Section::Groups => (Operation::DeleteGroup, "GroupName", json!(target)),
        Section::AppClients => (Operation::DeleteUserPoolClient, "ClientId", json!(target)),
        Section::IdentityProviders => {
            let operation = Operation::DeleteIdentityProvider;
            (operation, "ProviderName", json!(target))
        }
        Section::ResourceServers => {
            let operation = Operation::DeleteResourceServer;
            (operation, "Identifier", json!(target))
        }
        Section::ManagedLoginBranding => {
            let member = "ManagedLoginBrandingId";
            let operation = Operation::DeleteManagedLoginBranding;
            (operation, member, id(action.section, member))
        }
        Section::Terms => {
            let member = "TermsId";
            (Operation::DeleteTerms, member, id(action.section, member))
        }
        // Tags are removed together; the table removes nothing else.
        _ => return Ok(()),
    };
    let mut request = json!({"UserPoolId": pool.as_str()});
    request[member] = value;
    match restore.cognito.call(operation, &request).await {
        // It went with what it belonged to, or an answer was lost.
        Err(error) if error.is(cognito::ErrorKind::Missing) => Ok(()),
        result => result.map(drop),
    }
}
