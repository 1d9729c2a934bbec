//! What all pools have in common: the operator's map, who hears, the quota of user pools, the
//! role of import jobs.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use aws_sdk_cloudwatch::types::AlarmType;
use cognito::{Operation, Pages};
use model::UserPoolId;
use model::backup_key::BACKUP_FOLDER;
use model::document::BackupHead;
use model::inventory::Section;
use restore::needs::POOLS;
use restore::translate::{MapEntry, Translations};
use restore::{aws_command, quote};
use serde_json::{Value, json};

use crate::ask::{CannotTell, Observed, ask, ask_for, in_region, judged};
use crate::outcome::{Check, Outcome, Subject};
use crate::roles::role_for_cognito;
use crate::{PATIENCE, Target};

/// Pages of a hundred alarms or subscriptions: no stack has that many.
const MOST_PAGES: usize = 20;
/// How the names of both stacks' alarms begin.
const ALARMS: &str = "cognito-";

/// The operator's map as it lies in the bucket.
pub(crate) enum Map {
    /// There is none.
    None,
    /// It can be used.
    Good(Box<Translations>),
    /// What is wrong with it.
    Wrong(Vec<String>),
}

pub(crate) async fn read_map(target: &Target) -> Observed<Map> {
    let reading = target.vault.workspace().read(Translations::KEY);
    let read = tokio::time::timeout(PATIENCE, reading).await;
    let read = read.map_err(|_| CannotTell("the bucket gave no answer".to_owned()))?;
    let bytes = read.map_err(|error| CannotTell(error.to_string()))?;
    Ok(match bytes {
        None => Map::None,
        Some(bytes) => match Translations::parse(&bytes, &target.region) {
            Ok(map) => Map::Good(Box::new(map)),
            Err(problems) => Map::Wrong(problems),
        },
    })
}

pub(crate) fn map_is_good(map: &Observed<Map>, target: &Target) -> Check {
    let address = target.map_address();
    let outcome = match map {
        Err(why) => why.clone().into(),
        Ok(Map::None) => Outcome::yes("there is none: restores go without"),
        Ok(Map::Good(map)) => {
            Outcome::yes(format!("it can be read; {} entries", map.entries().len()))
        }
        Ok(Map::Wrong(problems)) => {
            let command = format!(
                "aws s3 cp {0} translations.json && ${{EDITOR:-vi}} translations.json && aws s3 cp translations.json {0}",
                quote(&address)
            );
            let problems = problems.join("; ");
            Outcome::no(format!("a restore would end at once: {problems}"), command)
        }
    };
    Check::new(Subject::Map, address, outcome)
}

/// A bucket without any replica; unless all pools were retired, that is no reason to be calm.
pub(crate) fn no_replicas(target: &Target, pools: &[UserPoolId]) -> Option<Check> {
    if !pools.is_empty() || !target.settings.retired.is_empty() {
        return None;
    }
    let bucket = &target.settings.bucket;
    let address = target.vault.workspace().address(BACKUP_FOLDER);
    let command = format!("aws s3 ls {} --recursive", quote(&address));
    let outcome = Outcome::no("no pool has a replica", command);
    Some(Check::new(Subject::NewestReplica, bucket.clone(), outcome))
}

/// Whether each entry of the map translates something of one of the pools.
pub(crate) fn map_entries(map: &Translations, heads: &[&BackupHead], target: &Target) -> Check {
    let mut texts = BTreeSet::new();
    for head in heads {
        for section in Section::ALL {
            gather(head.section(*section), &mut texts);
        }
    }
    let used = |entry: &MapEntry<'_>| texts.iter().any(|text| entry.translates(text));
    let unused: Vec<_> = map
        .entries()
        .into_iter()
        .filter(|entry| !used(entry))
        .collect();
    let address = target.map_address();
    let outcome = if unused.is_empty() {
        Outcome::yes("each translates something that a pool has")
    } else {
        let named = unused
            .iter()
            .map(|entry| format!("{} of {}", entry.old, entry.member));
        let named: Vec<_> = named.collect();
        let why = format!(
            "no pool has {}: mistyped, or no longer there",
            named.join(", ")
        );
        let paths = unused
            .iter()
            .map(|entry| format!(".{}[{}]", entry.member, json!(entry.old)));
        let filter = format!("del({})", paths.collect::<Vec<_>>().join(", "));
        Outcome::no(why, target.change_map(&filter))
    };
    Check::new(Subject::MapEntries, address, outcome)
}

fn gather(value: &Value, texts: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            texts.insert(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, texts)),
        Value::Object(members) => members.values().for_each(|value| gather(value, texts)),
        _ => {}
    }
}

/// Whether the account has room for another pool.
pub(crate) async fn room_for_a_pool(target: &Target) -> Check {
    let counted = tokio::time::timeout(PATIENCE, async {
        let pages = Pages::new(&target.cognito, Operation::ListUserPools, json!({}))?;
        Ok::<_, cognito::CognitoError>(pages.all().await?.len())
    });
    let counted = match counted.await {
        Ok(Ok(pools)) => Ok(pools),
        Ok(Err(error)) => Err(CannotTell(error.to_string())),
        Err(_) => Err(CannotTell("ListUserPools got no answer".to_owned())),
    };
    let outcome = judged(counted, |pools| {
        if pools < POOLS {
            return Outcome::yes(format!("{pools} of {POOLS} by default are there"));
        }
        let command = aws_command(
            "service-quotas list-service-quotas",
            &target.region,
            &[("service-code", "cognito-idp")],
        );
        let why =
            format!("{pools} are there, and an account has {POOLS} unless the quota was raised");
        Outcome::no(why, command)
    });
    Check::new(Subject::UserPools, target.region.clone(), outcome)
}

/// Whether import jobs can write their log.
pub(crate) async fn import_role(target: &Target) -> Check {
    let role = &target.settings.import_role_arn;
    role_for_cognito(target, role, None).await
}

/// An alarm of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Alarm {
    name: String,
    is_on: bool,
    actions: Vec<String>,
}

/// The alarms of the stack in the Region of `aws`, and who hears them: those that `also` names
/// and the topics of the alarms.
pub(crate) async fn alarms_and_topics(
    aws: &SdkConfig,
    region: &str,
    environment: &str,
    also: Option<&str>,
) -> Vec<Check> {
    let mut topics: BTreeSet<String> = also.map(str::to_owned).into_iter().collect();
    let alarms = alarms(aws, environment).await;
    if let Ok(alarms) = &alarms {
        let actions = alarms.iter().flat_map(|alarm| &alarm.actions);
        topics.extend(actions.filter(|arn| arn.contains(":sns:")).cloned());
    }
    let mut checks = match alarms {
        Err(why) => vec![Check::new(Subject::Alarms, region, why.into())],
        Ok(alarms) => judge_alarms(&alarms, region, environment),
    };
    for topic in topics {
        let outcome = judged(subscriptions(aws, &topic).await, |found| {
            judge_subscriptions(found.as_ref(), &topic, region)
        });
        checks.push(Check::new(Subject::Subscriptions, topic, outcome));
    }
    checks
}

async fn alarms(aws: &SdkConfig, environment: &str) -> Observed<Vec<Alarm>> {
    let client = aws_sdk_cloudwatch::Client::new(aws);
    let of_stack = format!("-{environment}");
    let mut alarms = Vec::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let request = client
            .describe_alarms()
            .alarm_name_prefix(ALARMS)
            .alarm_types(AlarmType::MetricAlarm)
            .max_records(100)
            .set_next_token(next);
        let page = ask_for("cloudwatch:DescribeAlarms", request.send()).await?;
        let found = page.metric_alarms().iter().filter_map(|alarm| {
            Some(Alarm {
                name: alarm.alarm_name()?.to_owned(),
                is_on: alarm.actions_enabled().unwrap_or(true),
                actions: alarm.alarm_actions().to_vec(),
            })
        });
        alarms.extend(found.filter(|alarm| alarm.name.ends_with(&of_stack)));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    Ok(alarms)
}

fn judge_alarms(alarms: &[Alarm], region: &str, environment: &str) -> Vec<Check> {
    let subject = Subject::Alarms;
    if alarms.is_empty() {
        let why = format!("the stack of {environment} has none here");
        let command = aws_command("cloudformation describe-stacks", region, &[]);
        return vec![Check::new(subject, region, Outcome::no(why, command))];
    }
    let mute: Vec<Check> = alarms
        .iter()
        .filter_map(|alarm| {
            let outcome = if alarm.actions.is_empty() {
                // A parameter of the stack, which an update of the alarm would only hide.
                let command = aws_command(
                    "cloudformation update-stack",
                    region,
                    &[
                        ("stack-name", "STACK"),
                        ("use-previous-template", ""),
                        (
                            "parameters",
                            "ParameterKey=NotificationEmail,ParameterValue=ADDRESS",
                        ),
                        ("capabilities", "CAPABILITY_IAM"),
                    ],
                );
                Outcome::no("it tells nobody", command.replace(" ''", ""))
            } else if !alarm.is_on {
                let names = [("alarm-names", alarm.name.as_str())];
                let command = aws_command("cloudwatch enable-alarm-actions", region, &names);
                Outcome::no("its actions are switched off", command)
            } else {
                return None;
            };
            Some(Check::new(subject, alarm.name.clone(), outcome))
        })
        .collect();
    if mute.is_empty() {
        let what = format!("{}, each with somewhere to go", alarms.len());
        return vec![Check::new(subject, region, Outcome::yes(what))];
    }
    mute
}

/// How many subscriptions of each protocol there are, and how many of them wait for
/// confirmation. Addresses are nobody's business here.
type Subscriptions = BTreeMap<String, (usize, usize)>;

/// The subscriptions of a topic; none when the topic is not there.
async fn subscriptions(aws: &SdkConfig, topic: &str) -> Observed<Option<Subscriptions>> {
    let region = topic.split(':').nth(3).unwrap_or_default();
    let client = aws_sdk_sns::Client::new(&in_region(aws, region));
    let mut found = Subscriptions::new();
    let mut next = None;
    for _ in 0..MOST_PAGES {
        let request = client
            .list_subscriptions_by_topic()
            .topic_arn(topic)
            .set_next_token(next);
        let operation = "sns:ListSubscriptionsByTopic";
        let missing = ["NotFound", "NotFoundException"];
        let Some(page) = ask(operation, &missing, request.send()).await? else {
            return Ok(None);
        };
        for subscription in page.subscriptions() {
            let protocol = subscription.protocol().unwrap_or("unknown").to_owned();
            let is_confirmed = subscription
                .subscription_arn()
                .is_some_and(|arn| arn.starts_with("arn:"));
            let (confirmed, waiting) = found.entry(protocol).or_default();
            *if is_confirmed { confirmed } else { waiting } += 1;
        }
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    Ok(Some(found))
}

fn judge_subscriptions(found: Option<&Subscriptions>, topic: &str, region: &str) -> Outcome {
    let region = topic.split(':').nth(3).unwrap_or(region);
    let subscribe = aws_command(
        "sns subscribe",
        region,
        &[
            ("topic-arn", topic),
            ("protocol", "email"),
            ("notification-endpoint", "ADDRESS"),
        ],
    );
    let Some(found) = found else {
        let why = "the topic is not there";
        let name = topic.rsplit(':').next().unwrap_or_default();
        return Outcome::no(
            why,
            aws_command("sns create-topic", region, &[("name", name)]),
        );
    };
    let waiting: usize = found.values().map(|(_, waiting)| waiting).sum();
    let confirmed: usize = found.values().map(|(confirmed, _)| confirmed).sum();
    let protocols: Vec<&str> = found.keys().map(String::as_str).collect();
    let protocols = protocols.join(", ");
    match (confirmed, waiting) {
        (0, 0) => Outcome::no("nobody is subscribed", subscribe),
        (_, 0) => Outcome::yes(format!("{confirmed} confirmed ({protocols})")),
        // Subscribing again sends the mail again.
        (_, waiting) => Outcome::no(
            format!(
                "{waiting} of {} wait for confirmation ({protocols})",
                confirmed + waiting
            ),
            subscribe,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: &str = "arn:aws:sns:us-west-2:111122223333:t";

    fn subscriptions(confirmed: usize, waiting: usize) -> Outcome {
        let found = Subscriptions::from([("email".to_owned(), (confirmed, waiting))]);
        judge_subscriptions(Some(&found), TOPIC, "us-west-2")
    }

    #[test]
    fn somebody_hears_when_every_subscription_is_confirmed() {
        for (confirmed, waiting, hears) in [(1, 0, true), (0, 1, false), (1, 1, false)] {
            assert_eq!(subscriptions(confirmed, waiting).is_yes(), hears);
        }
        let nobody = judge_subscriptions(Some(&Subscriptions::new()), TOPIC, "us-west-2");
        assert_eq!(nobody.detail(), "nobody is subscribed");
        let gone = judge_subscriptions(None, TOPIC, "us-west-2");
        let create = "aws sns create-topic --region us-west-2 --name t";
        assert_eq!(gone.command(), Some(create));
    }

    #[test]
    fn an_alarm_has_somewhere_to_go_and_is_on() {
        let alarm = |actions: &[&str], is_on| Alarm {
            name: "cognito-a-prod".into(),
            is_on,
            actions: actions.iter().map(|action| (*action).to_owned()).collect(),
        };
        for (alarms, yes) in [
            (vec![], false),
            (vec![alarm(&[TOPIC], true)], true),
            (vec![alarm(&[TOPIC], false)], false),
            (vec![alarm(&[], true)], false),
        ] {
            let checks = judge_alarms(&alarms, "us-west-2", "prod");
            assert_eq!(checks.len(), 1);
            assert_eq!(checks[0].outcome.is_yes(), yes, "{alarms:?}");
        }
    }
}
