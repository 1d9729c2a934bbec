//! The templates, with what the tests ask of their roles.

use serde_json::Value;
pub use xtask::template::*;

/// The type of a policy that stands apart from its roles.
pub const MANAGED_POLICY: &str = "AWS::IAM::ManagedPolicy";

/// The statements of a role's own policies and of the managed ones that the template gives it, those
/// behind a condition of the template included.
///
/// # Panics
/// When there is no such role.
pub fn statements<'a>(template: &'a Value, role: &str) -> Vec<&'a Value> {
    let policies = &template["Resources"][role]["Properties"]["Policies"];
    let policies = policies
        .as_array()
        .unwrap_or_else(|| panic!("{role} has no policies"));
    let managed = resources(template, MANAGED_POLICY).map(|(_, policy)| &policy["Properties"]);
    let managed = managed.filter(|policy| policy["Roles"].to_string().contains(role));
    policies
        .iter()
        .chain(managed)
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
