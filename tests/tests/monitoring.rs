//! Every metric is put out by one function and used; every alarm and every panel is about a
//! metric that exists, with its dimensions; whoever is to hear of an alarm can.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use end_to_end::cloudwatch::{self, Dimensions};
use end_to_end::evaluate::{self, Place, deployed};
use end_to_end::template;
use lambda::metrics::{DIMENSION, Metric, NAMESPACE, Watch};
use serde_json::{Value, json};
use xtask::workspace::root;

/// The metrics of AWS that are used: their namespace, names and dimensions, and the page of AWS's
/// documentation that lists them.
const OF_AWS: &[(&str, &[&str], &[&str], &str)] = &[
    (
        "AWS/Lambda",
        &["Duration", "Errors", "Throttles"],
        &["FunctionName"],
        "lambda/latest/dg/monitoring-metrics-types.html",
    ),
    (
        "AWS/SQS",
        &[
            "ApproximateAgeOfOldestMessage",
            "ApproximateNumberOfMessagesVisible",
        ],
        &["QueueName"],
        "AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html",
    ),
    (
        "AWS/States",
        &[
            "ExecutionsAborted",
            "ExecutionsFailed",
            "ExecutionsStarted",
            "ExecutionsSucceeded",
            "ExecutionsTimedOut",
        ],
        &["StateMachineArn"],
        "step-functions/latest/dg/procedure-cw-metrics.html",
    ),
    (
        "AWS/S3",
        &[
            "OperationsFailedReplication",
            "OperationsPendingReplication",
            "ReplicationLatency",
        ],
        &["DestinationBucket", "RuleId", "SourceBucket"],
        "AmazonS3/latest/userguide/metrics-dimensions.html",
    ),
    (
        "AWS/DynamoDB",
        &["WriteThrottleEvents"],
        &["TableName"],
        "amazondynamodb/latest/developerguide/metrics-dimensions.html",
    ),
];

const TEMPLATES: [&str; 2] = [template::PRIMARY, template::DR];

fn of_type<'a>(resources: &'a Value, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    let all = resources.as_object().unwrap().iter();
    all.filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
}

/// A panel of a dashboard: its title, and what it shows.
struct Panel {
    title: String,
    metrics: Vec<(String, String, Dimensions)>,
}

fn widgets(resources: &Value) -> Vec<Value> {
    let dashboards: Vec<_> = of_type(resources, "AWS::CloudWatch::Dashboard").collect();
    assert_eq!(dashboards.len(), 1);
    let body = dashboards[0].1["DashboardBody"].as_str().unwrap();
    let body: Value = serde_json::from_str(body).unwrap();
    body["widgets"].as_array().unwrap().clone()
}

fn panels(resources: &Value) -> Vec<Panel> {
    let widgets = widgets(resources).into_iter();
    let graphs = widgets.filter(|widget| widget["type"] == "metric");
    graphs
        .map(|widget| {
            let properties = &widget["properties"];
            assert!(properties["region"].is_string(), "{widget}");
            let metrics = properties["metrics"].as_array().unwrap().iter();
            Panel {
                title: properties["title"].as_str().unwrap().to_owned(),
                metrics: metrics.map(shown).collect(),
            }
        })
        .collect()
}

/// A line of a panel: namespace, name, and then dimensions in pairs, and perhaps how to draw it.
fn shown(line: &Value) -> (String, String, Dimensions) {
    let texts: Vec<String> = line
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|part| part.as_str().map(str::to_owned))
        .collect();
    let [namespace, metric, dimensions @ ..] = texts.as_slice() else {
        panic!("{line}")
    };
    let pairs = dimensions.chunks(2);
    let pairs = pairs.map(|pair| (pair[0].clone(), pair[1].clone()));
    (namespace.clone(), metric.clone(), pairs.collect())
}

/// The metric of ours of that name, or nothing for one of AWS that exists.
fn metric(namespace: &str, name: &str, dimensions: &Dimensions, place: &str) -> Option<Metric> {
    if namespace == NAMESPACE {
        let all = Metric::ALL.iter();
        let found = all.copied().find(|metric| metric.name() == name);
        let found = found.unwrap_or_else(|| panic!("{place}: there is no metric {name}"));
        let names: Vec<&str> = dimensions.keys().map(String::as_str).collect();
        assert_eq!(names, [DIMENSION], "{place}: {name}");
        let function = &dimensions[DIMENSION];
        let producer = found.producer().function();
        assert!(function.contains(producer), "{place}: {name} of {function}");
        return Some(found);
    }
    let known = OF_AWS.iter().find(|(known, ..)| *known == namespace);
    let (_, names, expected, page) =
        known.unwrap_or_else(|| panic!("{place}: nobody knows {namespace}"));
    assert!(names.contains(&name), "{place}: {name} is not in {page}");
    let given: Vec<&str> = dimensions.keys().map(String::as_str).collect();
    assert_eq!(given, *expected, "{place}: see {page}");
    None
}

/// What the templates watch, in the form of the table of metrics.
fn watched() -> BTreeMap<(&'static str, &'static str), BTreeSet<String>> {
    let mut watched: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for name in TEMPLATES {
        let resources = deployed(name, &[]);
        for alarm in cloudwatch::alarms(&resources) {
            let found = metric(
                &alarm.namespace,
                &alarm.metric,
                &alarm.dimensions,
                &alarm.id,
            );
            if let Some(found) = found {
                let by = format!("{:?}", Watch::Alarm(leaked(&alarm.id)));
                watched.entry((name, found.name())).or_default().insert(by);
            }
        }
        for panel in panels(&resources) {
            for (namespace, metric_name, dimensions) in &panel.metrics {
                let found = metric(namespace, metric_name, dimensions, &panel.title);
                if let Some(found) = found {
                    let by = format!("{:?}", Watch::Panel(leaked(&panel.title)));
                    watched.entry((name, found.name())).or_default().insert(by);
                }
            }
        }
    }
    watched
}

fn leaked(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

#[test]
fn every_metric_is_used_as_its_definition_says_and_every_alarm_and_panel_knows_its_metric() {
    let mut defined: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for metric in Metric::ALL {
        let function = metric.producer().function();
        let of_function = TEMPLATES.into_iter().filter(|name| {
            let template = template::read(name).unwrap();
            template["Resources"][function]["Type"] == template::FUNCTION
        });
        let of_function: Vec<_> = of_function.collect();
        assert_eq!(of_function.len(), 1, "{function} is in one template");
        let watches = metric.watched_by().iter();
        let watches = watches.map(|watch| format!("{watch:?}")).collect();
        defined.insert((of_function[0], metric.name()), watches);
    }
    assert_eq!(watched(), defined);
}

#[test]
fn every_alarm_says_what_to_do_and_tells_somebody_that_it_began_and_that_it_ended() {
    for name in TEMPLATES {
        let resources = deployed(name, &[]);
        let alarms = cloudwatch::alarms(&resources);
        assert!(alarms.len() >= 9, "{name}");
        for alarm in &alarms {
            let properties = &resources[&alarm.id]["Properties"];
            let description = properties["AlarmDescription"].as_str().unwrap();
            assert!(description.len() > 60, "{}: {description}", alarm.id);
            // Longer ones are refused (PutMetricAlarm).
            assert!(description.len() <= 1024, "{}", alarm.id);
            let actions = &properties["AlarmActions"];
            assert_eq!(actions.as_array().unwrap().len(), 1, "{}", alarm.id);
            assert_eq!(&properties["OKActions"], actions, "{}", alarm.id);
            assert!(properties["TreatMissingData"].is_string(), "{}", alarm.id);
            // A day at most, or a week for periods of an hour and longer (PutMetricAlarm).
            let longest = if alarm.period < 3600 { 86_400 } else { 604_800 };
            assert!(
                alarm.period * alarm.periods as i64 <= longest,
                "{}",
                alarm.id
            );
            assert!(
                (1..=alarm.periods).contains(&alarm.to_alarm),
                "{}",
                alarm.id
            );
            // Alarms on these ignore missing data, whatever they say.
            assert_ne!(alarm.namespace, "AWS/DynamoDB", "{}", alarm.id);
        }
        let widgets = widgets(&resources);
        let of_alarms = widgets.iter().find(|widget| widget["type"] == "alarm");
        let of_alarms = of_alarms.unwrap()["properties"]["alarms"]
            .as_array()
            .unwrap();
        assert_eq!(
            of_alarms.len(),
            alarms.len(),
            "{name}: the dashboard shows all alarms"
        );
        for alarm in &alarms {
            let shown = |arn: &&Value| arn.as_str().unwrap().contains(&format!("-{}-", alarm.id));
            assert_eq!(of_alarms.iter().filter(shown).count(), 1, "{}", alarm.id);
        }
    }
}

/// Who may publish to a topic by the policies of its template.
fn publishers(resources: &Value, topic: &str) -> Vec<String> {
    let policies = of_type(resources, "AWS::SNS::TopicPolicy");
    let policies = policies.filter(|(_, policy)| {
        let topics = policy["Topics"].as_array().unwrap().iter();
        topics.into_iter().any(|arn| arn.as_str().unwrap() == topic)
    });
    policies
        .flat_map(|(_, policy)| policy["PolicyDocument"]["Statement"].as_array().unwrap())
        .filter_map(|statement| statement["Principal"]["Service"].as_str())
        .map(str::to_owned)
        .collect()
}

#[test]
fn alarms_reach_the_topic_of_their_stack_and_the_address_that_was_given() {
    for (name, topic) in [
        (template::PRIMARY, "CognitoBackupAlarmTopic"),
        (template::DR, "CognitoDRNotificationTopic"),
    ] {
        let with_address = [("NotificationEmail", "you@example.com")];
        let resources = deployed(name, &with_address);
        let subscription = &resources[topic]["Properties"]["Subscription"];
        assert_eq!(
            subscription,
            &json!([{"Protocol": "email", "Endpoint": "you@example.com"}])
        );
        let without = deployed(name, &[]);
        assert!(without[topic]["Properties"]["Subscription"].is_null());
        for alarm in cloudwatch::alarms(&resources) {
            let action = &resources[&alarm.id]["Properties"]["AlarmActions"][0];
            let action = action.as_str().unwrap();
            assert!(action.contains(topic), "{}", alarm.id);
            let publishers = publishers(&resources, action);
            assert!(
                publishers
                    .iter()
                    .any(|who| who == "cloudwatch.amazonaws.com")
            );
        }
        // SNS encrypts by a key that CloudWatch may use, or not at all.
        assert!(resources[topic]["Properties"]["KmsMasterKeyId"].is_null());
    }
    let elsewhere = "arn:aws:sns:us-east-1:111122223333:pager";
    let resources = deployed(template::PRIMARY, &[("AlarmTopicArn", elsewhere)]);
    for alarm in cloudwatch::alarms(&resources) {
        let action = &resources[&alarm.id]["Properties"]["AlarmActions"];
        assert_eq!(action, &json!([elsewhere]), "{}", alarm.id);
    }
}

#[test]
fn what_eventbridge_cannot_deliver_is_kept_and_heard_of() {
    for name in TEMPLATES {
        let resources = deployed(name, &[]);
        let alarms = cloudwatch::alarms(&resources);
        let template = template::read(name).unwrap();
        let rules = of_type(&resources, "AWS::Events::Rule");
        let rules = rules.filter(|(id, _)| evaluate::is_made(&template, &Place::with(&[]), id));
        let rules: Vec<_> = rules.collect();
        assert!(!rules.is_empty());
        for (rule, properties) in rules {
            for target in properties["Targets"].as_array().unwrap() {
                let queue = target["DeadLetterConfig"]["Arn"].as_str();
                let queue = queue.unwrap_or_else(|| panic!("{rule} keeps nothing"));
                let (id, properties) = of_type(&resources, "AWS::SQS::Queue")
                    .find(|(id, _)| queue.contains(&format!("-{id}-")))
                    .unwrap();
                assert!(properties["FifoQueue"].is_null(), "{id}");
                let policies = of_type(&resources, "AWS::SQS::QueuePolicy");
                let allowed = policies
                    .filter(|(_, policy)| policy["Queues"][0] == queue)
                    .flat_map(|(_, policy)| {
                        policy["PolicyDocument"]["Statement"].as_array().unwrap()
                    })
                    .any(|statement| {
                        let named = &statement["Condition"]["ArnEquals"]["aws:SourceArn"];
                        statement["Principal"]["Service"] == "events.amazonaws.com"
                            && named.to_string().contains(&format!("-{rule}-"))
                    });
                assert!(allowed, "{rule} may not put anything into {id}");
                let heard = alarms.iter().any(|alarm| {
                    alarm.metric == "ApproximateNumberOfMessagesVisible"
                        && alarm.dimensions["QueueName"].contains(&format!("-{id}-"))
                });
                assert!(heard, "{id} has no alarm");
            }
        }
    }
}

#[test]
fn state_machines_log_their_errors_without_data_and_trace_where_a_parameter_says_so() {
    for name in TEMPLATES {
        for (traces, functions) in [("true", "Active"), ("false", "PassThrough")] {
            let resources = deployed(name, &[("XRayTracing", traces)]);
            for (id, machine) in of_type(&resources, "AWS::StepFunctions::StateMachine") {
                let logging = &machine["LoggingConfiguration"];
                assert_eq!(logging["Level"], "ERROR", "{id}");
                assert_eq!(logging["IncludeExecutionData"], false, "{id}");
                let enabled = machine["TracingConfiguration"]["Enabled"].as_bool();
                assert_eq!(enabled, Some(traces == "true"), "{id}");
            }
            let of_all = &template::read(name).unwrap()["Globals"]["Function"]["Tracing"];
            for (id, function) in of_type(&resources, template::FUNCTION) {
                let own = &function["Tracing"];
                let is_traced = *own == functions
                    || own.is_null()
                        && *of_all == json!({"Fn::If": ["TracesCalls", "Active", "PassThrough"]});
                assert!(is_traced, "{id}");
                let role = &function["Role"];
                let (_, role) = of_type(&resources, "AWS::IAM::Role")
                    .find(|(id, _)| role.as_str().unwrap().contains(&format!("-{id}-")))
                    .unwrap();
                let may = role["ManagedPolicyArns"].to_string();
                assert_eq!(
                    may.contains("AWSXRayDaemonWriteAccess"),
                    traces == "true",
                    "{id}"
                );
            }
        }
    }
}

/// CloudFormation quotas.
#[test]
fn the_templates_keep_to_the_limits_of_cloudformation() {
    for name in TEMPLATES {
        let template = template::read(name).unwrap();
        assert!(template.to_string().len() < 1_000_000, "{name}");
        for (part, limit) in [("Resources", 500), ("Outputs", 200), ("Parameters", 200)] {
            let count = template[part].as_object().unwrap().len();
            assert!(count <= limit, "{name}: {count} {part}");
        }
    }
}

/// An alarm goes off at its own metric, and at no other: those of AWS are not made here, so they
/// come as AWS documents them.
#[test]
fn each_alarm_goes_off_at_its_own_metric_and_at_no_other() {
    const NOW: i64 = 100 * 3600;
    for name in TEMPLATES {
        let alarms = cloudwatch::alarms(&deployed(name, &[]));
        let data = |of: &cloudwatch::Alarm, value: f64| {
            let times = (NOW - 8 * 3600..NOW).step_by(60);
            times
                .map(|at| cloudwatch::Datum {
                    namespace: of.namespace.clone(),
                    metric: of.metric.clone(),
                    dimensions: of.dimensions.clone(),
                    at,
                    value,
                })
                .collect::<Vec<_>>()
        };
        let calm: Vec<_> = alarms.iter().flat_map(|alarm| data(alarm, 0.0)).collect();
        for alarm in &alarms {
            let mut all = calm.clone();
            all.extend(data(alarm, alarm.threshold + 1.0));
            let on = alarms
                .iter()
                .filter(|other| other.state(&all, NOW, 0) == cloudwatch::State::Alarm);
            let on: Vec<&str> = on.map(|other| other.id.as_str()).collect();
            assert_eq!(on, [alarm.id.as_str()], "{name}");
        }
    }
}

/// The source of a function, in one text.
fn source(binary: &str) -> String {
    let folder = root().join("crates/lambda/src/bin").join(binary);
    let files = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
        Err(_) => vec![folder.with_extension("rs")],
    };
    let texts = files
        .iter()
        .map(|file| std::fs::read_to_string(file).unwrap());
    texts.collect()
}

#[test]
fn every_metric_is_put_out_by_the_function_of_its_definition_and_by_no_other() {
    let templates = TEMPLATES.map(|name| template::read(name).unwrap());
    let functions = templates
        .iter()
        .flat_map(|template| template::resources(template, template::FUNCTION));
    let sources: Vec<(&str, String)> = functions
        .map(|(id, function)| (id, source(template::binary(function).unwrap())))
        .collect();
    for metric in Metric::ALL {
        let named = format!("Metric::{}", metric.name());
        let names_it = |source: &str| {
            source
                .split(&named)
                .skip(1)
                .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
        };
        let by: Vec<&str> = sources
            .iter()
            .filter(|(_, source)| names_it(source))
            .map(|(id, _)| *id)
            .collect();
        assert_eq!(by, [metric.producer().function()], "{named}");
    }
}
