//! The SAM templates as JSON: tags such as `!Sub` become `Fn::Sub`.

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum as _;
use saphyr::{LoadableYamlNode, ScalarOwned, YamlOwned};
use serde_json::{Map, Value, json};

use crate::architecture::Architecture;
use crate::workspace;

/// The template of the primary Region.
pub const PRIMARY: &str = "template-primary.yaml";
/// The template of the DR Region.
pub const DR: &str = "template-dr.yaml";
/// The type of a function in a template.
pub const FUNCTION: &str = "AWS::Serverless::Function";

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

/// The binary that a function of a template is built from.
pub fn binary(function: &Value) -> Option<&str> {
    function
        .pointer("/Metadata/BuildProperties/Binary")
        .and_then(Value::as_str)
}

/// The processor that a template's functions are for: the one place that says so, which the build
/// and the deployment read alike.
///
/// # Errors
/// When its functions name none, or not the same, or by a reference.
pub fn architecture(template: &Value) -> Result<Architecture> {
    let mut found = None;
    for (name, function) in resources(template, FUNCTION) {
        let own = &function["Properties"]["Architectures"];
        let of_all = &template["Globals"]["Function"]["Architectures"];
        let named = if own.is_null() { of_all } else { own };
        let architecture = Architecture::value_variants()
            .iter()
            .find(|architecture| *named == json!([architecture.name()]))
            .ok_or_else(|| anyhow!("{name} names no processor, but {named}"))?;
        if *found.get_or_insert(*architecture) != *architecture {
            bail!("{name} is for another processor than the functions before it");
        }
    }
    found.ok_or_else(|| anyhow!("the template has no functions"))
}

/// The template with built packages, as `sam build` leaves it and `sam deploy` takes it: `package`
/// gives the place of the package for each binary, and `architecture` is what they were built for.
///
/// # Errors
/// When a function says not what it is built from.
pub fn packaged(
    mut template: Value,
    architecture: Architecture,
    package: impl Fn(&str) -> String,
) -> Result<Value> {
    if let Some(defaults) = template
        .pointer_mut("/Globals/Function")
        .and_then(Value::as_object_mut)
    {
        defaults.remove("CodeUri");
        defaults.remove("Architectures");
    }
    let resources = template["Resources"]
        .as_object_mut()
        .ok_or_else(|| anyhow!("the template has no resources"))?;
    for (name, resource) in resources {
        if resource["Type"] == FUNCTION {
            let place = binary(resource)
                .map(&package)
                .ok_or_else(|| anyhow!("{name} names no binary"))?;
            resource["Properties"]["CodeUri"] = json!(place);
            resource["Properties"]["Architectures"] = json!([architecture.name()]);
        }
    }
    Ok(template)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A parameter of the stack would keep its value at the next deployment, whatever was built
    /// meanwhile; and a value on the command line replaces all of those in `samconfig.toml`.
    #[test]
    fn for_which_processor_the_code_is_stands_once_in_a_template_and_nowhere_else() {
        let text = |file: &str| std::fs::read_to_string(workspace::root().join(file)).unwrap();
        for name in [PRIMARY, DR] {
            let template = read(name).unwrap();
            architecture(&template).unwrap();
            assert_eq!(text(name).matches("Architectures:").count(), 1, "{name}");
            for parameter in template["Parameters"].as_object().unwrap().keys() {
                assert!(!parameter.contains("rchitecture"), "{name} {parameter}");
            }
        }
        for file in ["samconfig.toml", "README.md"] {
            assert!(!text(file).contains("Architecture="), "{file}");
        }
        let [primary, dr] = [PRIMARY, DR].map(|name| architecture(&read(name).unwrap()).unwrap());
        assert_eq!(primary, dr);
    }

    #[test]
    fn a_processor_that_is_not_the_same_for_all_or_comes_from_elsewhere_is_an_error() {
        let with = |architectures: &[Value]| {
            let functions: Map<String, Value> = architectures
                .iter()
                .enumerate()
                .map(|(index, named)| {
                    let function =
                        json!({"Type": FUNCTION, "Properties": {"Architectures": named}});
                    (format!("Function{index}"), function)
                })
                .collect();
            architecture(&json!({"Resources": functions}))
        };
        assert_eq!(with(&[json!(["arm64"])]).unwrap(), Architecture::Arm);
        for wrong in [
            vec![],
            vec![json!(["arm64"]), json!(["x86_64"])],
            vec![json!([{"Ref": "Architecture"}])],
            vec![Value::Null],
        ] {
            assert!(with(&wrong).is_err(), "{wrong:?}");
        }
    }

    /// What is deployed is what was tested, but for where the code is and for which processor.
    #[test]
    fn a_packaged_template_differs_only_in_its_code() {
        for name in [PRIMARY, DR] {
            for architecture in Architecture::value_variants() {
                let template = read(name).unwrap();
                let place = |binary: &str| format!("{binary}.zip");
                let packaged = packaged(template.clone(), *architecture, place).unwrap();
                assert_eq!(super::architecture(&packaged).unwrap(), *architecture);
                for (id, function) in resources(&packaged, FUNCTION) {
                    let expected = place(binary(function).unwrap());
                    assert_eq!(function["Properties"]["CodeUri"], json!(expected), "{id}");
                }
                assert_eq!(without_code(packaged), without_code(template), "{name}");
            }
        }
    }

    fn without_code(mut template: Value) -> Value {
        let functions: Vec<String> = resources(&template, FUNCTION)
            .map(|(name, _)| format!("/Resources/{name}/Properties"))
            .collect();
        for place in functions
            .iter()
            .map(String::as_str)
            .chain(["/Globals/Function"])
        {
            if let Some(members) = template.pointer_mut(place).and_then(Value::as_object_mut) {
                members.remove("CodeUri");
                members.remove("Architectures");
            }
        }
        template
    }

    #[test]
    fn sam_deploys_what_was_packaged() {
        let text = std::fs::read_to_string(workspace::root().join("samconfig.toml")).unwrap();
        let samconfig: toml::Table = toml::from_str(&text).unwrap();
        for (environment, name) in [("primary", PRIMARY), ("dr", DR)] {
            let environment = &samconfig[environment];
            let file = environment["deploy"]["parameters"]["template_file"].as_str();
            let packaged = std::path::Path::new("target/package").join(name);
            assert_eq!(file, packaged.with_extension("json").to_str());
            // `sam build` would leave its own template elsewhere, and this one would be deployed.
            assert!(environment.get("build").is_none());
        }
    }
}
