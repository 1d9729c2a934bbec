//! Deployable packages.

use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, ZipArchive};

use crate::architecture::Architecture;
use crate::{binary, unwind_tables};

/// What Lambda starts: the name of the file in a package, at its top.
pub const BOOTSTRAP: &str = "bootstrap";
/// Readable and executable by everybody, for the function's user does not own it.
const MODE: u32 = 0o755;

/// What a package is for, which decides whether it is worth being small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be uploaded to AWS.
    Deployment,
    /// To be copied on this machine, where compressing takes longer than copying.
    LocalStack,
}

/// Above 9 the zip crate compresses with zopfli: 15 rounds, as zopfli does by itself.
const THOROUGH: i64 = 24;

/// A package that Lambda takes: a zip with the binary as `bootstrap`, executable, for
/// [`Purpose::Deployment`] without [unwind tables](unwind_tables). The same binary makes the same
/// package.
///
/// # Errors
/// When the binary cannot be read, or is none where its tables are to go.
pub fn package(binary: &Path, purpose: Purpose) -> Result<Vec<u8>> {
    let mut bytes =
        std::fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))?;
    if purpose == Purpose::Deployment {
        unwind_tables::empty(&mut bytes).with_context(|| binary.display().to_string())?;
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(bytes.len())));
    let options = SimpleFileOptions::default()
        .compression_method(match purpose {
            Purpose::Deployment => CompressionMethod::Deflated,
            Purpose::LocalStack => CompressionMethod::Stored,
        })
        .compression_level(match purpose {
            Purpose::Deployment => Some(THOROUGH),
            Purpose::LocalStack => None,
        })
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(MODE);
    zip.start_file(BOOTSTRAP, options)?;
    zip.write_all(&bytes)?;
    Ok(zip.finish()?.into_inner())
}

/// Checks that Lambda on this processor can start a package, whatever built it.
///
/// # Errors
/// When it has no `bootstrap`, or one that cannot be started: see [`check_mode`] and
/// [`binary::check`].
pub fn check(package: &[u8], architecture: Architecture) -> Result<()> {
    let mut zip = ZipArchive::new(Cursor::new(package)).context("it is not a zip")?;
    let mut file = zip
        .by_name(BOOTSTRAP)
        .with_context(|| format!("it has no {BOOTSTRAP} at its top"))?;
    check_mode(file.unix_mode().unwrap_or_default())?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    binary::check(&bytes, architecture)
}

/// Checks the permissions of a `bootstrap`.
///
/// # Errors
/// When not everybody may read and execute it.
pub fn check_mode(mode: u32) -> Result<()> {
    ensure!(
        mode & 0o555 == 0o555,
        "{BOOTSTRAP} is not executable by everybody (mode {:o})",
        mode & 0o777
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip(name: &str, mode: u32, bytes: &[u8]) -> Vec<u8> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().unix_permissions(mode);
        zip.start_file(name, options).unwrap();
        zip.write_all(bytes).unwrap();
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_package_that_lambda_could_not_start_is_refused() {
        for (package, expected) in [
            (b"no zip".to_vec(), "it is not a zip"),
            (zip("restore", MODE, b""), "it has no bootstrap at its top"),
            (
                zip("bin/bootstrap", MODE, b""),
                "it has no bootstrap at its top",
            ),
            (
                zip(BOOTSTRAP, 0o644, b""),
                "bootstrap is not executable by everybody (mode 644)",
            ),
            (
                zip(BOOTSTRAP, 0o700, b""),
                "bootstrap is not executable by everybody (mode 700)",
            ),
            (
                zip(BOOTSTRAP, MODE, b"#!/bin/sh"),
                "it is not a 64-bit ELF binary",
            ),
        ] {
            let error = check(&package, Architecture::Arm).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    /// What is packed here is this test, which runs on this machine's glibc: only its name and mode
    /// are of interest.
    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_packed_is_found_again() {
        let program = std::env::current_exe().unwrap();
        for purpose in [Purpose::Deployment, Purpose::LocalStack] {
            let package = package(&program, purpose).unwrap();
            if let Err(error) = check(&package, Architecture::of_this_machine()) {
                let text = error.to_string();
                assert!(text.starts_with("it needs GLIBC_"), "{text}");
            }
        }
    }
}
