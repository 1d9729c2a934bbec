//! The embedded model, read once.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;

const EMBEDDED: &str = include_str!("../../model/cognito-idp.json");

/// Shapes whose pattern the live service does not enforce: the model's pattern of domains has no dot, which every
/// custom domain has, and a bad prefix gets a text of its own (facts A.10 [BENCH]).
const NOT_ENFORCED: &[&str] = &["DomainType"];

/// Amazon's API model of the simulated operations.
#[derive(Debug)]
pub(crate) struct Model {
    operations: HashMap<String, OperationShape>,
    other_operations: HashSet<String>,
    shapes: HashMap<String, Shape>,
}

/// What the model says about an operation.
#[derive(Debug, Deserialize)]
pub(crate) struct OperationShape {
    /// The name of the request's shape.
    pub(crate) input: String,
    /// Whether `authtype` is `none`.
    #[serde(default)]
    pub(crate) unsigned: bool,
}

#[derive(Debug, Deserialize)]
struct RawModel {
    operations: HashMap<String, OperationShape>,
    other_operations: HashSet<String>,
    shapes: HashMap<String, RawShape>,
}

#[derive(Debug, Deserialize)]
struct RawShape {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    members: HashMap<String, String>,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    #[serde(default)]
    sensitive: bool,
    #[serde(default)]
    document: bool,
    member: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

/// A shape of the model.
#[derive(Debug)]
pub(crate) enum Shape {
    Structure {
        required: Vec<String>,
        members: HashMap<String, String>,
    },
    /// Any JSON.
    Document,
    Text {
        min: Option<i64>,
        max: Option<i64>,
        pattern: Option<Pattern>,
        values: Vec<String>,
        sensitive: bool,
    },
    Integer {
        min: Option<i64>,
        max: Option<i64>,
    },
    List {
        member: String,
        min: Option<i64>,
        max: Option<i64>,
    },
    Map {
        key: String,
        value: String,
        min: Option<i64>,
        max: Option<i64>,
    },
    Boolean,
    Blob {
        min: Option<i64>,
        max: Option<i64>,
    },
    Timestamp,
}

/// A pattern, compiled when it is first used: there are many, and most calls need few.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// As the model writes it, for messages.
    pub(crate) source: String,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Whether the whole text matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        // The one look-behind of the model, at the end of a relying party id: no final dot.
        if self.source.ends_with("(?<!\\.)$") && text.ends_with('.') {
            return false;
        }
        self.compiled
            .get_or_init(|| compile(&self.source))
            .as_ref()
            .is_none_or(|regex| regex.is_match(text))
    }
}

/// Java's classes are ASCII (`\w`, `\s`) and a pattern must match the whole value.
fn compile(source: &str) -> Option<Regex> {
    let ascii = source
        .replace("(?<!\\.)$", "")
        .replace("[\\S]", "[^ \\t\\n\\x0B\\x0C\\r]")
        .replace("[\\w]", "[0-9A-Za-z_]")
        .replace("\\w", "0-9A-Za-z_")
        .replace("\\s", " \\t\\n\\x0B\\x0C\\r");
    Regex::new(&format!("^(?:{ascii})$")).ok()
}

impl Model {
    /// The embedded model.
    ///
    /// # Errors
    /// When the data file does not read: a defect of the build, which a test excludes.
    pub(crate) fn embedded() -> Result<&'static Self, String> {
        static MODEL: OnceLock<Result<Model, String>> = OnceLock::new();
        MODEL
            .get_or_init(|| Self::parse(EMBEDDED))
            .as_ref()
            .map_err(Clone::clone)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let raw: RawModel = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut shapes = HashMap::with_capacity(raw.shapes.len());
        for (name, mut shape) in raw.shapes {
            if NOT_ENFORCED.contains(&name.as_str()) {
                shape.pattern = None;
            }
            let shape = Shape::from_raw(shape)
                .ok_or_else(|| format!("shape {name} is of no known type"))?;
            shapes.insert(name, shape);
        }
        Ok(Self {
            operations: raw.operations,
            other_operations: raw.other_operations,
            shapes,
        })
    }

    pub(crate) fn operation(&self, name: &str) -> Option<&OperationShape> {
        self.operations.get(name)
    }

    /// Whether Cognito has the operation and the simulator lacks it.
    pub(crate) fn is_other_operation(&self, name: &str) -> bool {
        self.other_operations.contains(name)
    }

    pub(crate) fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.get(name)
    }

    #[cfg(test)]
    pub(crate) fn operation_count(&self) -> usize {
        self.operations.len()
    }
}

impl Shape {
    fn from_raw(raw: RawShape) -> Option<Self> {
        let RawShape { min, max, .. } = raw;
        Some(match raw.kind.as_str() {
            "structure" if raw.document => Self::Document,
            "structure" => Self::Structure {
                required: raw.required,
                members: raw.members,
            },
            "string" => Self::Text {
                min,
                max,
                pattern: raw.pattern.map(|source| Pattern {
                    source,
                    compiled: OnceLock::new(),
                }),
                values: raw.values,
                sensitive: raw.sensitive,
            },
            "integer" | "long" => Self::Integer { min, max },
            "list" => Self::List {
                member: raw.member?,
                min,
                max,
            },
            "map" => Self::Map {
                key: raw.key?,
                value: raw.value?,
                min,
                max,
            },
            "boolean" => Self::Boolean,
            "blob" => Self::Blob { min, max },
            "timestamp" => Self::Timestamp,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_of_the_model_compiles() {
        for (name, shape) in &Model::embedded().expect("the model reads").shapes {
            if let Shape::Text {
                pattern: Some(pattern),
                ..
            } = shape
            {
                assert!(
                    compile(&pattern.source).is_some(),
                    "{name}: {}",
                    pattern.source
                );
            }
        }
    }

    #[test]
    fn a_pattern_matches_whole_values_with_javas_ascii_classes() {
        let pattern = |source: &str| Pattern {
            source: source.to_owned(),
            compiled: OnceLock::new(),
        };
        assert!(pattern("[\\w\\s+=,.@-]+").matches("My pool +1"));
        assert!(!pattern("[\\w\\s+=,.@-]+").matches("Pöol"));
        assert!(!pattern("[\\w\\s+=,.@-]+").matches("a!b"));
        let relying_party = pattern("^[0-9A-Za-z\\.\\-_]*(?<!\\.)$");
        assert!(relying_party.matches("example.com"));
        assert!(!relying_party.matches("example.com."));
    }
}
