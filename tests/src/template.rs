//! The SAM templates as JSON: tags such as `!Sub` become `Fn::Sub`.

use anyhow::{Context, Result, anyhow, bail};
use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value, json};

use xtask::workspace;

/// The template of the primary Region.
pub const PRIMARY: &str = "template-primary.yaml";
/// The template of the DR Region.
pub const DR: &str = "template-dr.yaml";

/// One of the two templates.
///
/// # Errors
/// When it cannot be read or is not YAML.
pub fn read(name: &str) -> Result<Value> {
    let path = workspace::root().join(name);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    let documents =
        YamlOwned::load_from_str(&text).with_context(|| format!("{name} is not YAML"))?;
    let document = documents
        .first()
        .ok_or_else(|| anyhow!("{name} is empty"))?;
    to_json(document).with_context(|| format!("{name} is not a template"))
}

fn to_json(node: &YamlOwned) -> Result<Value> {
    Ok(match node {
        YamlOwned::Value(ScalarOwned::Null) => Value::Null,
        YamlOwned::Value(ScalarOwned::Boolean(value)) => json!(value),
        YamlOwned::Value(ScalarOwned::Integer(value)) => json!(value),
        YamlOwned::Value(ScalarOwned::FloatingPoint(value)) => json!(value.into_inner()),
        YamlOwned::Value(ScalarOwned::String(value)) => json!(value),
        YamlOwned::Sequence(values) => {
            Value::Array(values.iter().map(to_json).collect::<Result<_>>()?)
        }
        YamlOwned::Mapping(members) => {
            let mut object = Map::new();
            for (key, value) in members {
                let Value::String(key) = to_json(key)? else {
                    bail!("a key is not a text")
                };
                object.insert(key, to_json(value)?);
            }
            Value::Object(object)
        }
        YamlOwned::Tagged(tag, value) => intrinsic(&tag.suffix, to_json(value)?)?,
        other => bail!("{other:?} has no place in a template"),
    })
}

/// The long form of CloudFormation's short forms.
fn intrinsic(name: &str, value: Value) -> Result<Value> {
    Ok(match (name, &value) {
        ("Ref" | "Condition", _) => json!({name: value}),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text
                .split_once('.')
                .ok_or_else(|| anyhow!("!GetAtt {text} names no attribute"))?;
            json!({"Fn::GetAtt": [resource, attribute]})
        }
        _ => json!({format!("Fn::{name}"): value}),
    })
}

/// The resources of a template with that type, by logical id.
pub fn resources<'a>(
    template: &'a Value,
    kind: &'a str,
) -> impl Iterator<Item = (&'a str, &'a Value)> {
    template["Resources"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(move |(_, resource)| resource["Type"] == kind)
        .map(|(name, resource)| (name.as_str(), resource))
}

/// The statements of a role's own policies, those behind a condition of the template included.
///
/// # Panics
/// When there is no such role.
pub fn statements<'a>(template: &'a Value, role: &str) -> Vec<&'a Value> {
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies
        .as_array()
        .unwrap_or_else(|| panic!("{role} has no policies"));
    policies
        .iter()
        .filter_map(|policy| policy["PolicyDocument"]["Statement"].as_array())
        .flatten()
        .map(|statement| statement.pointer("/Fn::If/1").unwrap_or(statement))
        .collect()
}

/// The actions that a statement names.
pub fn actions(statement: &Value) -> Vec<&str> {
    match &statement["Action"] {
        Value::String(action) => vec![action],
        Value::Array(actions) => actions.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The binary that a function of a template is built from.
pub fn binary(function: &Value) -> Option<&str> {
    function
        .pointer("/Metadata/BuildProperties/Binary")
        .and_then(Value::as_str)
}

/// The template as `sam deploy` hands it to CloudFormation: `package` gives the address of the
/// uploaded package for each binary.
///
/// # Errors
/// When a function says not what it is built from.
pub fn packaged(mut template: Value, package: impl Fn(&str) -> String) -> Result<Value> {
    if let Some(defaults) = template
        .pointer_mut("/Globals/Function")
        .and_then(Value::as_object_mut)
    {
        defaults.remove("CodeUri");
    }
    let resources = template["Resources"]
        .as_object_mut()
        .ok_or_else(|| anyhow!("the template has no resources"))?;
    for (name, resource) in resources {
        if resource["Type"] == "AWS::Serverless::Function" {
            let address = binary(resource)
                .map(&package)
                .ok_or_else(|| anyhow!("{name} names no binary"))?;
            resource["Properties"]["CodeUri"] = json!(address);
        }
    }
    Ok(template)
}
