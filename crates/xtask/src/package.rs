//! Deployable packages.

use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::{Context, Result};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// What a package is for, which decides whether it is worth being small.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To be uploaded to AWS.
    Deployment,
    /// To be copied on this machine, where compressing takes longer than copying.
    LocalStack,
}

/// A package that Lambda takes: a zip with the binary as `bootstrap`, executable. The same
/// binary makes the same package.
///
/// # Errors
/// When the binary cannot be read.
pub fn package(binary: &Path, purpose: Purpose) -> Result<Vec<u8>> {
    let bytes =
        std::fs::read(binary).with_context(|| format!("{} cannot be read", binary.display()))?;
    let mut zip = ZipWriter::new(Cursor::new(Vec::with_capacity(bytes.len())));
    let options = SimpleFileOptions::default()
        .compression_method(match purpose {
            Purpose::Deployment => CompressionMethod::Deflated,
            Purpose::LocalStack => CompressionMethod::Stored,
        })
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)?;
    zip.write_all(&bytes)?;
    Ok(zip.finish()?.into_inner())
}
