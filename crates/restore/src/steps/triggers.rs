//! Lambda triggers: which function in the target Region stands for which of the lost pool's
//! (facts A.4).

use std::collections::BTreeMap;

use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata};
use aws_sdk_lambda::operation::add_permission::AddPermissionError;
use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep};
use serde_json::{Value, json};

use super::pool_document::key_in_target;
use crate::commands;
use crate::context::Restore;
use crate::document::{Arn, Document, member, object, token};
use crate::relocation::Relocation;
use crate::step::News;
use crate::translate::ArnKind;

const SECTION: Section = Section::UserPoolConfig;
/// Custom senders need it (facts A.4).
const KEY: &str = "KMSKeyID";
const SENDERS: [&str; 2] = ["CustomSMSSender", "CustomEmailSender"];

/// What the functions of the lost pool become: the counterpart, or none.
pub(super) type Counterparts = BTreeMap<String, Option<String>>;

/// Finds the counterpart of each function that the triggers name: by the operator's map, or the
/// function of the same name in the target Region and account, if it is there.
///
/// Cognito takes any ARN of its Region without looking (facts A.4), so we look.
pub(super) async fn counterparts(
    restore: &Restore<'_>,
    config: &Document,
    relocation: &Relocation<'_>,
) -> Counterparts {
    let mut found = Counterparts::new();
    for old in functions(config) {
        let counterpart = match relocation.arn(ArnKind::Function, &old) {
            Some(known) => Some(known),
            None => same_named(restore, &old, relocation).await,
        };
        found.insert(old, counterpart);
    }
    found
}

async fn same_named(
    restore: &Restore<'_>,
    old: &str,
    relocation: &Relocation<'_>,
) -> Option<String> {
    let there = relocation.same_name(old)?;
    match function_is_there(restore.lambda, &there).await {
        Ok(true) => Some(there),
        Ok(false) => {
            tracing::info!(function = %there, "no counterpart of a trigger's function");
            None
        }
        Err(reason) => {
            tracing::info!(function = %there, reason, "a trigger's function could not be looked up");
            None
        }
    }
}

/// Looks whether a function, or the alias that its ARN names, is there.
///
/// Asked by calls that show neither code nor environment, as GetFunction and
/// GetFunctionConfiguration do, and that answer ResourceNotFoundException for what is not there
/// (Lambda API reference, GetFunctionConcurrency and GetAlias).
///
/// # Errors
/// Why it is not known whether it is there: the code of the error.
pub async fn function_is_there(lambda: &aws_sdk_lambda::Client, arn: &str) -> Result<bool, String> {
    let (function, qualifier) = qualified(arn);
    match qualifier {
        None | Some("$LATEST") => {
            let request = lambda.get_function_concurrency().function_name(function);
            is_there(request.send().await)
        }
        Some(version) if version.bytes().all(|digit| digit.is_ascii_digit()) => {
            Err("the number of a version says nothing about another Region".to_owned())
        }
        Some(alias) => {
            let request = lambda.get_alias().function_name(function).name(alias);
            is_there(request.send().await)
        }
    }
}

fn is_there<T>(answer: Result<T, impl ProvideErrorMetadata>) -> Result<bool, String> {
    match answer {
        Ok(_) => Ok(true),
        Err(error) => match error.code() {
            Some("ResourceNotFoundException") => Ok(false),
            Some(code) => Err(code.to_owned()),
            None => Err("Lambda gave no answer".to_owned()),
        },
    }
}

/// A function's ARN without its version or alias, and that: `arn:...:function:NAME:QUALIFIER`.
fn qualified(arn: &str) -> (&str, Option<&str>) {
    match arn.match_indices(':').nth(6) {
        Some((at, _)) => (&arn[..at], Some(&arn[at + 1..])),
        None => (arn, None),
    }
}

/// The functions that triggers name, each once.
pub(super) fn functions(config: &Document) -> Vec<String> {
    let mut functions: Vec<String> = config
        .iter()
        .filter(|(name, _)| *name != KEY)
        .filter_map(|(_, trigger)| function_of(trigger))
        .map(str::to_owned)
        .collect();
    functions.sort();
    functions.dedup();
    functions
}

/// A trigger is the function's ARN, or an object that has it.
fn function_of(trigger: &Value) -> Option<&str> {
    trigger
        .as_str()
        .or_else(|| trigger.get("LambdaArn").and_then(Value::as_str))
        .filter(|arn| !arn.is_empty())
}

/// The triggers of the lost pool.
pub(super) fn of_pool(pool: &Value) -> Document {
    object(&pool["LambdaConfig"])
}

/// The triggers with the functions of the target Region. What has no counterpart is left out,
/// and the operator is told how to attach it.
pub(super) fn placed(
    config: &Document,
    counterparts: &Counterparts,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> Document {
    let mut placed = Document::new();
    let mut left_out = Document::new();
    for (name, trigger) in config.iter().filter(|(name, _)| *name != KEY) {
        let Some(old) = function_of(trigger) else {
            continue;
        };
        match counterparts.get(old).and_then(Option::as_deref) {
            Some(new) => {
                placed.insert(name.clone(), with_function(trigger, new));
                if is_renamed(old, new) {
                    let why = relocation.why_translated(ArnKind::Function, old);
                    news.finding(told(
                        FindingKind::Expected,
                        name,
                        &format!("its function: {why}"),
                    ));
                }
            }
            None => {
                left_out.insert(name.clone(), with_function(trigger, "FUNCTION_ARN"));
                let reason = "its function has no counterpart in the target Region";
                news.finding(told(FindingKind::Degraded, name, reason));
            }
        }
    }
    senders_key(config, &mut placed, &mut left_out, relocation, news);
    if !left_out.is_empty() {
        news.manual(attach(&left_out, relocation));
    }
    placed
}

/// Whether the counterpart is more than the same function elsewhere.
fn is_renamed(old: &str, new: &str) -> bool {
    match (Arn::read(old), Arn::read(new)) {
        (Some(old), Some(new)) => {
            old.resource() != new.resource() || old.account() != new.account()
        }
        _ => old != new,
    }
}

/// Custom senders encrypt with a key in the pool's Region. Without one they are refused; without
/// them the key may be refused (facts A.4).
fn senders_key(
    config: &Document,
    placed: &mut Document,
    left_out: &mut Document,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let Some(old) = member(config, KEY) else {
        return;
    };
    let has_sender = SENDERS.iter().any(|sender| placed.contains_key(*sender));
    let new = key_in_target(old, relocation);
    match new {
        Some(new) if has_sender => {
            if new != old {
                news.finding(told(FindingKind::Expected, KEY, "the key's counterpart"));
            }
            placed.insert(KEY.into(), new.into());
        }
        _ => {
            let reason = if has_sender {
                "the key has no counterpart in the target Region, and custom senders need one"
            } else {
                "no custom sender needs it"
            };
            let mut gone = vec![KEY];
            for sender in SENDERS {
                if let Some(trigger) = placed.shift_remove(sender) {
                    left_out.insert(sender.into(), trigger);
                    gone.push(sender);
                }
            }
            if SENDERS.iter().any(|sender| left_out.contains_key(*sender)) {
                left_out.insert(KEY.into(), "KEY_ARN".into());
            }
            for name in gone {
                let kind = if name == KEY && !has_sender {
                    FindingKind::Skipped
                } else {
                    FindingKind::Degraded
                };
                news.finding(told(kind, name, reason));
            }
        }
    }
}

fn with_function(trigger: &Value, arn: &str) -> Value {
    match trigger {
        Value::Object(trigger) => {
            let mut trigger = trigger.clone();
            trigger.insert("LambdaArn".into(), arn.into());
            Value::Object(trigger)
        }
        _ => arn.into(),
    }
}

fn told(kind: FindingKind, trigger: &str, reason: &str) -> Finding {
    let path = format!("LambdaConfig/{}", token(trigger));
    Finding::new(kind, format!("trigger {trigger}"), reason).announcing(SECTION, &path)
}

/// How to attach triggers by hand.
pub(super) fn attach(triggers: &Document, relocation: &Relocation<'_>) -> ManualStep {
    let names: Vec<&str> = triggers
        .keys()
        .map(String::as_str)
        .filter(|name| *name != KEY)
        .collect();
    let change = format!(".LambdaConfig += {}", json!(triggers));
    let command = format!(
        "{} && {}",
        permission("FUNCTION_ARN", "ACCOUNT_ID", relocation),
        commands::change_pool(relocation.region, relocation.pool, &change)
    );
    ManualStep::new(
        format!("Attach the triggers {}", names.join(", ")),
        "Deploy the functions to the target Region, allow Cognito to call each, then attach them.",
    )
    .with_command(command)
}

/// The command by which Cognito may call a function for the new pool.
fn permission(function: &str, account: &str, relocation: &Relocation<'_>) -> String {
    let account = if relocation.account.is_empty() {
        account
    } else {
        relocation.account
    };
    let pool = format!(
        "arn:aws:cognito-idp:{}:{account}:userpool/{}",
        relocation.region, relocation.pool
    );
    commands::aws(
        "lambda add-permission",
        relocation.region,
        &[
            ("function-name", function),
            ("statement-id", &statement(relocation.pool)),
            ("action", "lambda:InvokeFunction"),
            ("principal", "cognito-idp.amazonaws.com"),
            ("source-arn", &pool),
        ],
    )
}

/// The same for every call, so that a repeated one finds it.
fn statement(pool: &str) -> String {
    format!("cognito-dr-{pool}")
}

/// Lets Cognito call the functions for the new pool: a missing permission shows only when a user
/// signs in (facts A.4). What cannot be done is left to the operator.
pub(super) async fn permit(
    restore: &Restore<'_>,
    placed: &Document,
    pool_arn: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    for function in functions(placed) {
        let request = restore
            .lambda
            .add_permission()
            .function_name(&function)
            .statement_id(statement(relocation.pool))
            .action("lambda:InvokeFunction")
            .principal("cognito-idp.amazonaws.com")
            .source_arn(pool_arn);
        let Err(error) = request.send().await else {
            continue;
        };
        if let Some(AddPermissionError::ResourceConflictException(_)) = error.as_service_error() {
            continue;
        }
        let text = DisplayErrorContext(&error).to_string();
        let text: String = text.chars().take(200).collect();
        tracing::warn!(%function, error = text, "no permission for a trigger");
        news.manual(
            ManualStep::new(
                format!("Allow Cognito to call {function}"),
                "The trigger is attached; without the permission sign-ins fail.",
            )
            .with_command(permission(&function, "ACCOUNT_ID", relocation)),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relocation::tests::Move;

    fn function(region: &str, name: &str) -> String {
        format!("arn:aws:lambda:{region}:111122223333:function:{name}")
    }

    fn place(config: Value, there: &[&str], map: Value) -> (Value, News) {
        let config = object(&config);
        let counterparts: Counterparts = functions(&config)
            .into_iter()
            .map(|old| {
                let moved = old.replace("us-east-1", "us-west-2");
                let is_there = there.iter().any(|name| old.ends_with(name));
                (old, is_there.then_some(moved))
            })
            .collect();
        let mut news = News::default();
        let moved = Move::with(&map);
        let placed = placed(&config, &counterparts, &moved.relocation(), &mut news);
        (Value::Object(placed), news)
    }

    #[test]
    fn triggers_are_attached_to_their_counterparts_and_the_others_left_to_the_operator() {
        let config = json!({
            "PreSignUp": function("us-east-1", "a"),
            "PreTokenGeneration": function("us-east-1", "b"),
            "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function("us-east-1", "b")},
            "FutureTrigger": {"LambdaVersion": "V9_0", "LambdaArn": function("us-east-1", "c"), "New": 1},
        });
        let (placed, news) = place(config, &["b", "c"], json!({}));
        assert_eq!(
            placed,
            json!({
                "PreTokenGeneration": function("us-west-2", "b"),
                "PreTokenGenerationConfig": {"LambdaVersion": "V2_0", "LambdaArn": function("us-west-2", "b")},
                "FutureTrigger": {"LambdaVersion": "V9_0", "LambdaArn": function("us-west-2", "c"), "New": 1},
            })
        );
        assert_eq!(
            news.findings[0].announces,
            ["user_pool_config/LambdaConfig/PreSignUp"]
        );
        let command = news.manual_steps[0].command.as_deref().unwrap();
        assert!(
            command.contains("aws lambda add-permission") && command.contains("PreSignUp"),
            "{command}"
        );
    }

    #[test]
    fn the_qualifier_of_a_function_is_what_follows_its_name() {
        let plain = function("us-west-2", "a");
        assert_eq!(qualified(&plain), (plain.as_str(), None));
        let alias = format!("{plain}:live");
        assert_eq!(qualified(&alias), (plain.as_str(), Some("live")));
    }

    #[test]
    fn custom_senders_come_back_with_their_key_or_not_at_all() {
        let key = "arn:aws:kms:us-east-1:111122223333:key/1";
        let config = json!({
            "CustomEmailSender": {"LambdaVersion": "V1_0", "LambdaArn": function("us-east-1", "mail")},
            "KMSKeyID": key,
        });
        let (placed, news) = place(config.clone(), &["mail"], json!({}));
        assert_eq!(placed, json!({}));
        assert_eq!(news.findings.len(), 2);
        let new = "arn:aws:kms:us-west-2:111122223333:key/2";
        let (placed, _) = place(config, &["mail"], json!({"kms_keys": {key: new}}));
        assert_eq!(placed["KMSKeyID"], new);
        let (placed, news) = place(json!({"KMSKeyID": key}), &[], json!({}));
        assert_eq!(placed, json!({}));
        assert_eq!(news.findings[0].kind, FindingKind::Skipped);
        assert!(news.manual_steps.is_empty());
    }
}
