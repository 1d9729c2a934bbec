//! Whether an alarm of a template goes off, by CloudWatch's rules (Amazon CloudWatch user guide,
//! "Evaluating an alarm" and "Configuring how alarms treat missing data").
//!
//! The local stack judges an alarm by all values of its metric's name, whatever their dimensions,
//! and knows no missing data: so it cannot tell.

use std::collections::BTreeMap;

use serde_json::Value;

/// Dimensions of a metric.
pub type Dimensions = BTreeMap<String, String>;

/// A value of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    /// Such as `AWS/Lambda`.
    pub namespace: String,
    /// Such as `Errors`.
    pub metric: String,
    /// All of them: CloudWatch adds up no two sets.
    pub dimensions: Dimensions,
    /// When, in seconds.
    pub at: i64,
    /// What.
    pub value: f64,
}

/// What an alarm says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Ok,
    /// It goes off.
    Alarm,
}

/// What a period without values counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// As one that breaches the threshold.
    Breaching,
    /// As one that does not.
    NotBreaching,
}

/// An alarm on one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// Its logical id.
    pub id: String,
    /// The metric's namespace.
    pub namespace: String,
    /// Its name.
    pub metric: String,
    /// Its dimensions.
    pub dimensions: Dimensions,
    /// `Sum`, `Maximum`.
    pub statistic: String,
    /// In seconds.
    pub period: i64,
    /// How many of the last periods are looked at.
    pub periods: usize,
    /// How many of them must breach.
    pub to_alarm: usize,
    /// What is to be passed.
    pub threshold: f64,
    /// What a period without values counts as.
    pub missing: Missing,
}

/// The alarms among the resources of a template, as [`crate::evaluate::resources`] gives them.
///
/// # Panics
/// When one is of a form that the templates do not use.
pub fn alarms(resources: &Value) -> Vec<Alarm> {
    let all = resources.as_object().into_iter().flatten();
    let alarms = all.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms
        .map(|(id, resource)| alarm(id, &resource["Properties"]))
        .collect()
}

fn alarm(id: &str, properties: &Value) -> Alarm {
    let text = |name: &str| {
        let text = properties[name].as_str();
        text.unwrap_or_else(|| panic!("{id} has no {name}"))
            .to_owned()
    };
    let number = |value: &Value| {
        // A parameter is a text.
        let number = value.as_f64();
        number.or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    let needed = |name: &str| {
        number(&properties[name]).unwrap_or_else(|| panic!("{id} has no number {name}"))
    };
    assert_eq!(
        text("ComparisonOperator"),
        "GreaterThanThreshold",
        "{id}: another comparison is to be taught to this evaluation"
    );
    let periods = needed("EvaluationPeriods") as usize;
    Alarm {
        id: id.to_owned(),
        namespace: text("Namespace"),
        metric: text("MetricName"),
        dimensions: dimensions(&properties["Dimensions"]),
        statistic: text("Statistic"),
        period: needed("Period") as i64,
        periods,
        to_alarm: number(&properties["DatapointsToAlarm"]).map_or(periods, |count| count as usize),
        threshold: needed("Threshold"),
        missing: match text("TreatMissingData").as_str() {
            "breaching" => Missing::Breaching,
            "notBreaching" => Missing::NotBreaching,
            other => panic!("{id}: {other} is to be taught to this evaluation"),
        },
    }
}

/// The dimensions of an alarm: a list of names and values.
pub fn dimensions(list: &Value) -> Dimensions {
    let list = list.as_array().into_iter().flatten();
    list.map(|dimension| {
        let text = |name: &str| dimension[name].as_str().unwrap_or_default().to_owned();
        (text("Name"), text("Value"))
    })
    .collect()
}

impl Alarm {
    /// What it says at `now`, in seconds. CloudWatch looks back `further` periods more than the
    /// alarm asks for, and takes what it finds there in place of what is missing; how many, it
    /// does not say.
    pub fn state(&self, data: &[Datum], now: i64, further: usize) -> State {
        let newest = now.div_euclid(self.period);
        let range = (self.periods + further) as i64;
        let values = (newest - range..newest).rev().filter_map(|period| {
            let begin = period * self.period;
            self.value(data, begin, begin + self.period)
        });
        let values: Vec<f64> = values.take(self.periods).collect();
        let breaching = values.iter().filter(|value| **value > self.threshold);
        let missing = match self.missing {
            Missing::Breaching => self.periods - values.len(),
            Missing::NotBreaching => 0,
        };
        if breaching.count() + missing >= self.to_alarm {
            State::Alarm
        } else {
            State::Ok
        }
    }

    /// Whether a value is one of its metric.
    pub fn is_about(&self, datum: &Datum) -> bool {
        datum.namespace == self.namespace
            && datum.metric == self.metric
            && datum.dimensions == self.dimensions
    }

    fn value(&self, data: &[Datum], begin: i64, end: i64) -> Option<f64> {
        let within = |datum: &&Datum| (begin..end).contains(&datum.at) && self.is_about(datum);
        let of_metric = data.iter().filter(within);
        let values = of_metric.map(|datum| datum.value);
        match self.statistic.as_str() {
            "Sum" => values.reduce(|a, b| a + b),
            "Maximum" => values.reduce(f64::max),
            other => panic!("{}: {other} is to be taught to this evaluation", self.id),
        }
    }
}

/// What CloudWatch makes of a line in its embedded metric format, at `at` in place of its own time.
///
/// # Panics
/// When the line is not of that format.
pub fn embedded(line: &Value, at: i64) -> Vec<Datum> {
    let directives = line["_aws"]["CloudWatchMetrics"]
        .as_array()
        .expect("a line of metrics");
    let mut data = Vec::new();
    for directive in directives {
        let sets = directive["Dimensions"].as_array().into_iter().flatten();
        for set in sets {
            let names = set.as_array().into_iter().flatten();
            let dimensions: Dimensions = names
                .map(|name| {
                    let name = name.as_str().unwrap_or_default();
                    let value = line[name].as_str().unwrap_or_default();
                    (name.to_owned(), value.to_owned())
                })
                .collect();
            for metric in directive["Metrics"].as_array().into_iter().flatten() {
                let name = metric["Name"].as_str().unwrap_or_default();
                data.push(Datum {
                    namespace: directive["Namespace"].as_str().unwrap_or_default().into(),
                    metric: name.into(),
                    dimensions: dimensions.clone(),
                    at,
                    value: line[name].as_f64().expect("a value"),
                });
            }
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn alarm(periods: usize, to_alarm: usize, missing: &str) -> Alarm {
        let resources = json!({"A": {"Type": "AWS::CloudWatch::Alarm", "Properties": {
            "Namespace": "N", "MetricName": "M", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": periods, "DatapointsToAlarm": to_alarm, "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
            "Dimensions": [{"Name": "D", "Value": "one"}],
        }}});
        alarms(&resources).remove(0)
    }

    fn datum(minute: i64, value: f64, dimension: &str) -> Datum {
        Datum {
            namespace: "N".into(),
            metric: "M".into(),
            dimensions: [("D".to_owned(), dimension.to_owned())].into(),
            at: minute * 60 + 30,
            value,
        }
    }

    /// Values of the minutes 0, 1, 2 ..., where there are any; then it is asked.
    fn state(alarm: &Alarm, minutes: &[Option<f64>], further: usize) -> State {
        let data: Vec<Datum> = (0..)
            .zip(minutes)
            .filter_map(|(minute, value)| Some(datum(minute, (*value)?, "one")))
            .collect();
        alarm.state(&data, minutes.len() as i64 * 60 + 5, further)
    }

    #[test]
    fn so_many_of_the_last_periods_must_breach_and_the_one_under_way_does_not_count() {
        let (bad, good) = (Some(1.0), Some(0.0));
        let two_of_three = alarm(3, 2, "notBreaching");
        for (minutes, expected) in [
            (&[good, bad, bad] as &[_], State::Alarm),
            (&[bad, good, bad], State::Alarm),
            (&[bad, good, good], State::Ok),
            (&[bad, bad, bad, good, good], State::Ok),
            (&[good, None, bad], State::Ok),
        ] {
            assert_eq!(state(&two_of_three, minutes, 0), expected, "{minutes:?}");
        }
        let one = alarm(1, 1, "notBreaching");
        let under_way = [datum(3, 1.0, "one")];
        assert_eq!(one.state(&under_way, 3 * 60 + 45, 0), State::Ok);
        assert_eq!(one.state(&under_way, 4 * 60, 0), State::Alarm);
    }

    #[test]
    fn silence_counts_as_it_is_said_and_older_values_stand_in_for_it() {
        let (bad, good) = (Some(1.0), Some(0.0));
        for (missing, minutes, further, expected) in [
            ("breaching", &[None, None] as &[_], 0, State::Alarm),
            ("notBreaching", &[None, None], 0, State::Ok),
            ("breaching", &[good, None], 0, State::Alarm),
            ("breaching", &[good, None], 1, State::Ok),
            ("breaching", &[good, None, None], 1, State::Alarm),
            ("notBreaching", &[bad, None], 1, State::Alarm),
        ] {
            let alarm = alarm(1, 1, missing);
            let what = format!("{missing} {minutes:?} {further}");
            assert_eq!(state(&alarm, minutes, further), expected, "{what}");
        }
    }

    #[test]
    fn values_of_other_dimensions_are_another_metric() {
        let alarm = alarm(1, 1, "notBreaching");
        assert_eq!(alarm.state(&[datum(0, 1.0, "one")], 60, 0), State::Alarm);
        assert_eq!(alarm.state(&[datum(0, 1.0, "two")], 60, 0), State::Ok);
    }

    #[test]
    fn a_line_of_the_embedded_format_is_a_value_for_each_of_its_metrics() {
        let line = json!({
            "_aws": {"Timestamp": 1, "CloudWatchMetrics": [{
                "Namespace": "N", "Dimensions": [["D"]], "Metrics": [{"Name": "M"}],
            }]},
            "D": "one", "M": 2.0,
        });
        assert_eq!(embedded(&line, 30), [datum(0, 2.0, "one")]);
    }
}
