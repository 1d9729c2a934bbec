//! Licences of all dependencies against the list in `deny.toml`.
//!
//! `cargo deny` does this and more (advisories, bans, sources) and is taken where it is installed.

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};
use xtask::python::is_on_path;
use xtask::workspace;

use super::passes;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    /// None for our own.
    source: Option<String>,
}

/// Checks them; returns what was checked.
pub(crate) fn check() -> Result<String> {
    if is_on_path("cargo-deny") {
        let mut command = workspace::cargo();
        command.args(["deny", "--workspace", "check"]);
        passes(&mut command)?;
        return Ok("by cargo deny".to_owned());
    }
    let text = std::fs::read_to_string(workspace::root().join("deny.toml")).context("deny.toml")?;
    let allowed = toml::from_str::<Deny>(&text)
        .context("deny.toml")?
        .licenses
        .allow;
    let packages = dependencies()?;
    let refused: Vec<String> = packages
        .iter()
        .filter(|package| !is_allowed(package.license.as_deref(), &allowed))
        .map(|package| {
            let license = package.license.as_deref().unwrap_or("no licence named");
            format!("{} {} ({license})", package.name, package.version)
        })
        .collect();
    if !refused.is_empty() {
        bail!(
            "not under a licence that deny.toml allows: {}",
            refused.join(", ")
        );
    }
    Ok(format!(
        "{} packages; advisories need cargo deny, which is not installed",
        packages.len()
    ))
}

fn dependencies() -> Result<Vec<Package>> {
    let mut command: Command = workspace::cargo();
    let output = command
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .context("cargo metadata does not start")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok(metadata
        .packages
        .into_iter()
        .filter(|package| package.source.is_some())
        .collect())
}

/// Whether the expression can be met with allowed licences alone.
fn is_allowed(license: Option<&str>, allowed: &BTreeSet<String>) -> bool {
    let Some(license) = license else { return false };
    // Old packages write `MIT/Apache-2.0`.
    let Ok(expression) = Expression::parse_mode(license, ParseMode::LAX) else {
        return false;
    };
    expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_allowed_if_some_choice_is() {
        let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]);
        for (license, expected) in [
            (Some("MIT"), true),
            (Some("MIT OR GPL-3.0-only"), true),
            (Some("MIT/Apache-2.0"), true),
            (Some("MIT AND GPL-3.0-only"), false),
            (Some("Apache-2.0 WITH LLVM-exception"), false),
            (Some("GPL-3.0-only"), false),
            (Some("no such thing"), false),
            (None, false),
        ] {
            assert_eq!(is_allowed(license, &allowed), expected, "{license:?}");
        }
    }
}
