//! The templates: as they are written by `sam validate --lint`, and as CloudFormation gets them by
//! `checkov`. A finding that stays is answered in one line: in the resource's metadata, or in
//! `checkov.yaml` where it is about all of a kind.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use xtask::python::Python;
use xtask::template::{DR, PRIMARY};
use xtask::workspace;

use super::passes;

/// Checks the templates, which stand expanded in `folder`.
pub(crate) fn check(folder: &Path) -> Result<()> {
    let python = Python::with_checkov()?;
    let mut checkov = Command::new(python.program("checkov"));
    checkov
        .arg("--config-file")
        .arg(workspace::root().join("crates/xtask/checkov.yaml"));
    for template in [PRIMARY, DR] {
        let expanded = folder.join(template).with_extension("json");
        checkov.arg("--file").arg(expanded);
    }
    passes(&mut checkov)?;
    let python = Python::with_sam()?;
    for template in [PRIMARY, DR] {
        let mut sam = Command::new(python.program("sam"));
        // It neither asks AWS nor tells anybody.
        sam.env("SAM_CLI_TELEMETRY", "0")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(["validate", "--lint", "--region", "us-east-1", "--template"])
            .arg(workspace::root().join(template));
        passes(&mut sam)?;
    }
    Ok(())
}
