//! A pool's schema: the documents that Describe returns, and what attribute values are checked against (facts A.2).

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::call::Document;

/// The type of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DataType {
    String,
    Number,
    DateTime,
    Boolean,
}

/// What the values of one attribute must satisfy.
#[derive(Debug, Clone)]
pub(crate) struct AttributeRule {
    /// The full name: `email`, `custom:x`, `dev:custom:x`. Shared by all users that have the attribute.
    pub(crate) name: Arc<str>,
    pub(crate) data_type: DataType,
    pub(crate) mutable: bool,
    pub(crate) required: bool,
    /// Length of a text, value of a number.
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
}

/// A pool's schema.
#[derive(Debug, Clone)]
pub(crate) struct Schema {
    documents: Vec<Document>,
    rules: HashMap<Arc<str>, AttributeRule>,
}

/// Name, type, mutable, minimum, maximum of the standard attributes, in Describe's order (facts A.2).
const STANDARD: &[(&str, &str, bool, &str, &str)] = &[
    ("sub", "String", false, "1", "2048"),
    ("name", "String", true, "0", "2048"),
    ("given_name", "String", true, "0", "2048"),
    ("family_name", "String", true, "0", "2048"),
    ("middle_name", "String", true, "0", "2048"),
    ("nickname", "String", true, "0", "2048"),
    ("preferred_username", "String", true, "0", "2048"),
    ("profile", "String", true, "0", "2048"),
    ("picture", "String", true, "0", "2048"),
    ("website", "String", true, "0", "2048"),
    ("email", "String", true, "0", "2048"),
    ("email_verified", "Boolean", true, "", ""),
    ("gender", "String", true, "0", "2048"),
    ("birthdate", "String", true, "10", "10"),
    ("zoneinfo", "String", true, "0", "2048"),
    ("locale", "String", true, "0", "2048"),
    ("phone_number", "String", true, "0", "2048"),
    ("phone_number_verified", "Boolean", true, "", ""),
    ("address", "String", true, "0", "2048"),
    ("updated_at", "Number", true, "0", ""),
];

/// The default document of a standard attribute, or `None` if the name is not one (facts A.2).
pub(crate) fn standard_attribute(name: &str) -> Option<Document> {
    let (name, data_type, mutable, min, max) = STANDARD.iter().find(|row| row.0 == name)?;
    let mut document = Document::new();
    document.insert("Name".to_owned(), json!(name));
    document.insert("AttributeDataType".to_owned(), json!(data_type));
    document.insert("DeveloperOnlyAttribute".to_owned(), json!(false));
    document.insert("Mutable".to_owned(), json!(mutable));
    document.insert("Required".to_owned(), json!(*name == "sub"));
    match *data_type {
        "String" => {
            document.insert(
                "StringAttributeConstraints".to_owned(),
                json!({"MinLength": min, "MaxLength": max}),
            );
        }
        "Number" => {
            document.insert(
                "NumberAttributeConstraints".to_owned(),
                json!({"MinValue": min}),
            );
        }
        _ => {}
    }
    Some(document)
}

/// What identities of other providers a user has. It cannot be asked for: a schema entry of that name becomes
/// `custom:identities` (facts A.2).
fn identities() -> Document {
    let mut document = Document::new();
    document.insert("Name".to_owned(), json!("identities"));
    document.insert("AttributeDataType".to_owned(), json!("String"));
    document.insert("DeveloperOnlyAttribute".to_owned(), json!(false));
    document.insert("Mutable".to_owned(), json!(true));
    document.insert("Required".to_owned(), json!(false));
    document.insert("StringAttributeConstraints".to_owned(), json!({}));
    document
}

impl Schema {
    /// What every pool has: the standard attributes with their defaults, and `identities`, whether or not there is
    /// an identity provider (facts 0.1: 21 attributes).
    pub(crate) fn standard() -> Self {
        let standard = STANDARD.iter().filter_map(|row| standard_attribute(row.0));
        Self::from_documents(standard.chain([identities()]).collect())
    }

    /// A schema of given documents, e.g. those of a seed.
    pub(crate) fn from_documents(documents: Vec<Document>) -> Self {
        let mut schema = Self {
            documents: Vec::with_capacity(documents.len()),
            rules: HashMap::new(),
        };
        for document in documents {
            schema.put(document);
        }
        schema
    }

    /// Adds an attribute under its full name, or replaces the one of that name in its place.
    pub(crate) fn put(&mut self, document: Document) {
        let text = |member: &str| document.get(member).and_then(Value::as_str);
        let flag = |member: &str, default| {
            document
                .get(member)
                .and_then(Value::as_bool)
                .unwrap_or(default)
        };
        let limit = |constraints: &str, member: &str| {
            document
                .get(constraints)?
                .get(member)?
                .as_str()?
                .parse::<i64>()
                .ok()
        };
        let Some(name) = text("Name") else { return };
        let name: Arc<str> = Arc::from(name);
        let data_type = match text("AttributeDataType") {
            Some("Number") => DataType::Number,
            Some("DateTime") => DataType::DateTime,
            Some("Boolean") => DataType::Boolean,
            _ => DataType::String,
        };
        let (min, max) = match data_type {
            DataType::String => (
                limit("StringAttributeConstraints", "MinLength"),
                limit("StringAttributeConstraints", "MaxLength"),
            ),
            DataType::Number => (
                limit("NumberAttributeConstraints", "MinValue"),
                limit("NumberAttributeConstraints", "MaxValue"),
            ),
            DataType::DateTime | DataType::Boolean => (None, None),
        };
        let rule = AttributeRule {
            name: Arc::clone(&name),
            data_type,
            mutable: flag("Mutable", true),
            required: flag("Required", false),
            min,
            max,
        };
        self.rules.insert(Arc::clone(&name), rule);
        match self
            .documents
            .iter_mut()
            .find(|other| other.get("Name").and_then(Value::as_str) == Some(&name))
        {
            Some(place) => *place = document,
            None => self.documents.push(document),
        }
    }

    /// `SchemaAttributes` as Describe returns them: all standard attributes and the customs.
    pub(crate) fn documents(&self) -> &[Document] {
        &self.documents
    }

    /// The rule of an attribute by full name.
    pub(crate) fn rule(&self, name: &str) -> Option<&AttributeRule> {
        self.rules.get(name)
    }

    /// The rules of all attributes, in no order.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &AttributeRule> {
        self.rules.values()
    }

    /// How many custom attributes there are; 50 at most (facts A.2).
    pub(crate) fn custom_count(&self) -> usize {
        self.rules
            .keys()
            .filter(|name| name.starts_with("custom:") || name.starts_with("dev:"))
            .count()
    }
}
