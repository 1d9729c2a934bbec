//! A template as CloudFormation makes it for given parameters: intrinsic functions replaced.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::template;

/// Where and with what a template is deployed.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// Its Region.
    pub region: &'a str,
    /// Parameters that are not left at their defaults.
    pub parameters: BTreeMap<&'a str, String>,
}

impl<'a> Place<'a> {
    /// Amazon's common partition, us-east-1, and these parameters.
    #[must_use]
    pub fn with(parameters: &[(&'a str, &str)]) -> Self {
        let parameters = parameters.iter();
        Self {
            partition: "aws",
            region: "us-east-1",
            parameters: parameters
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
        }
    }
}

/// The resources of the template in this file, as they are deployed with these parameters.
///
/// # Panics
/// When the template cannot be read, or its rules refuse the parameters.
pub fn deployed(file: &str, parameters: &[(&str, &str)]) -> Value {
    let template = template::read(file).expect("the template is read");
    let place = Place::with(parameters);
    let refused = refusals(&template, &place);
    assert!(refused.is_empty(), "{refused:?}");
    resources(&template, &place)
}

/// The resources of a template at a place, without those whose condition does not hold. A resource's name and attributes are not known before
/// it is made: in their place stand texts of the length that they usually have.
///
/// # Panics
/// When the template uses a function that nobody taught this.
pub fn resources(template: &Value, place: &Place<'_>) -> Value {
    let evaluation = Evaluation { template, place };
    let all = template["Resources"].as_object().into_iter().flatten();
    let is_made = |resource: &Value| match resource["Condition"].as_str() {
        Some(condition) => evaluation.holds(&template["Conditions"][condition]),
        None => true,
    };
    all.filter(|(_, resource)| is_made(resource))
        .filter_map(|(name, resource)| Some((name.clone(), evaluation.value(resource)?)))
        .collect()
}

/// Whether a resource is made at a place: its condition, if it has one, holds.
///
/// # Panics
/// When the condition uses a function that nobody taught this.
pub fn is_made(template: &Value, place: &Place<'_>, resource: &str) -> bool {
    let condition = &template["Resources"][resource]["Condition"];
    let evaluation = Evaluation { template, place };
    condition.is_null() || evaluation.holds(&json!({"Condition": condition}))
}

/// What the template's rules say against its parameters; nothing where it may be deployed.
pub fn refusals(template: &Value, place: &Place<'_>) -> Vec<String> {
    let evaluation = Evaluation { template, place };
    let rules = template["Rules"].as_object().into_iter().flatten();
    rules
        .filter(|(_, rule)| {
            let condition = &rule["RuleCondition"];
            condition.is_null() || evaluation.holds(condition)
        })
        .filter_map(|(_, rule)| rule["Assertions"].as_array())
        .flatten()
        .filter(|assertion| !evaluation.holds(&assertion["Assert"]))
        .map(|assertion| text_of(&assertion["AssertDescription"]))
        .collect()
}

struct Evaluation<'a> {
    template: &'a Value,
    place: &'a Place<'a>,
}

const ACCOUNT: &str = "111122223333";

impl Evaluation<'_> {
    /// The value, or nothing for `AWS::NoValue`.
    fn value(&self, value: &Value) -> Option<Value> {
        match value {
            Value::Array(values) => Some(
                values
                    .iter()
                    .filter_map(|value| self.value(value))
                    .collect(),
            ),
            Value::Object(members) => match function(members) {
                Some((name, argument)) => self.call(name, argument),
                None => Some(Value::Object(
                    members
                        .iter()
                        .filter_map(|(name, value)| Some((name.clone(), self.value(value)?)))
                        .collect(),
                )),
            },
            plain => Some(plain.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Option<Value> {
        let list = || argument.as_array().map(Vec::as_slice).unwrap_or_default();
        Some(match name {
            "Ref" => return self.reference(argument.as_str().unwrap_or_default()),
            "Fn::GetAtt" => json!(self.arn(&argument[0])),
            "Fn::Sub" => json!(self.substituted(argument)),
            "Fn::Join" => {
                let delimiter = literal(&list()[0], "the delimiter of Fn::Join");
                json!(texts(&self.value(&list()[1])?).join(delimiter))
            }
            "Fn::Split" => {
                let delimiter = literal(&list()[0], "the delimiter of Fn::Split");
                let text = self.value(&list()[1])?;
                json!(text.as_str()?.split(delimiter).collect::<Vec<_>>())
            }
            "Fn::Select" => {
                let index = argument[0].as_u64()? as usize;
                self.value(&argument[1])?.get(index)?.clone()
            }
            "Fn::FindInMap" => {
                let keys = texts(&self.value(argument)?);
                let [map, first, second] = &keys[..] else {
                    panic!("Fn::FindInMap takes three keys: {keys:?}");
                };
                let found = self.template["Mappings"][map][first].get(second);
                found
                    .unwrap_or_else(|| panic!("{map} has no {first} {second}"))
                    .clone()
            }
            "Fn::If" => {
                let holds = self.holds(&json!({"Condition": argument[0]}));
                return self.value(&argument[if holds { 1 } else { 2 }]);
            }
            other => panic!("nobody taught this evaluation {other}"),
        })
    }

    fn reference(&self, name: &str) -> Option<Value> {
        Some(match name {
            "AWS::NoValue" => return None,
            "AWS::Partition" => json!(self.place.partition),
            "AWS::Region" => json!(self.place.region),
            "AWS::AccountId" => json!(ACCOUNT),
            "AWS::URLSuffix" if self.place.partition == "aws-cn" => json!("amazonaws.com.cn"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::StackName" => json!("stack"),
            _ => match self.template["Parameters"].get(name) {
                Some(parameter) => {
                    let given = self.place.parameters.get(name).map(|given| json!(given));
                    let value = given.unwrap_or_else(|| parameter["Default"].clone());
                    match (parameter["Type"].as_str(), &value) {
                        (Some("CommaDelimitedList"), Value::String(text)) => {
                            json!(text.split(',').collect::<Vec<_>>())
                        }
                        _ => value,
                    }
                }
                None => json!(self.arn(&json!(name))),
            },
        })
    }

    fn arn(&self, resource: &Value) -> String {
        let Place {
            partition, region, ..
        } = self.place;
        let resource = resource.as_str().unwrap_or_default();
        format!("arn:{partition}:service:{region}:{ACCOUNT}:stack-{resource}-AbCdEfGhIjKl")
    }

    fn substituted(&self, argument: &Value) -> String {
        let (text, variables) = match argument {
            Value::Array(pair) => (&pair[0], Some(&pair[1])),
            text => (text, None),
        };
        let mut rest = literal(text, "the text of Fn::Sub");
        let mut whole = String::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            whole.push_str(before);
            let own = variables.and_then(|variables| variables.get(name));
            let value = match own {
                Some(own) => self.value(own),
                None => self.reference(name.split('.').next().unwrap_or(name)),
            };
            whole.push_str(&text_of(&value.unwrap_or_default()));
            rest = behind;
        }
        whole + rest
    }

    fn holds(&self, condition: &Value) -> bool {
        let Some((name, argument)) = condition.as_object().and_then(function) else {
            panic!("{condition} is no condition")
        };
        let mut each = argument.as_array().into_iter().flatten();
        match name {
            "Condition" => {
                let name = literal(argument, "a condition's name");
                self.holds(&self.template["Conditions"][name])
            }
            // CloudFormation compares texts: those of a number, too.
            "Fn::Equals" => {
                let text = |side: &Value| self.value(side).as_ref().map(text_of);
                text(&argument[0]) == text(&argument[1])
            }
            "Fn::Contains" => {
                let searched = self.value(&argument[1]).as_ref().map(text_of);
                searched.is_some_and(|text| texts(&argument[0]).contains(&text))
            }
            "Fn::Not" => !self.holds(&argument[0]),
            "Fn::And" => each.all(|one| self.holds(one)),
            "Fn::Or" => each.any(|one| self.holds(one)),
            other => panic!("nobody taught this evaluation {other}"),
        }
    }
}

/// The function that an object calls, if it is a call.
fn function(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    let is_call =
        members.len() == 1 && (name.starts_with("Fn::") || name == "Ref" || name == "Condition");
    // A policy's statement may have nothing but a condition; a reference is a text.
    (is_call && (name != "Condition" || argument.is_string())).then_some((name, argument))
}

/// CloudFormation takes no function there.
fn literal<'v>(value: &'v Value, what: &str) -> &'v str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{what} must be a text, and is {value}"))
}

fn texts(values: &Value) -> Vec<String> {
    values
        .as_array()
        .into_iter()
        .flatten()
        .map(text_of)
        .collect()
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
