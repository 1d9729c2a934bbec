//! The tables by which a panic would unwind, of which a package needs none.
//!
//! The release profile ends a program that panics, and nothing reads them then. The linker keeps
//! them all the same: with `lto = "fat"` all code becomes one module with that of Rust's standard
//! library, which was compiled with them, and `-Cforce-unwind-tables=no` changes nothing (seen with
//! Rust 1.95: each function had its entry). They are a tenth of a package.

use anyhow::Result;
use object::LittleEndian;
use object::elf::{FileHeader64, PT_GNU_EH_FRAME, PT_NULL};
use object::read::elf::{FileHeader, ProgramHeader as _, SectionHeader as _};

/// The sections that hold the tables, and the search in them.
const TABLES: [&[u8]; 2] = [b".eh_frame", b".eh_frame_hdr"];

/// Empties the tables of a program that ends when it panics. Nothing else moves, so the file is as
/// long as before, and compresses to less.
///
/// # Errors
/// When it is not a 64-bit ELF binary.
pub fn empty(program: &mut [u8]) -> Result<()> {
    let header = FileHeader64::<LittleEndian>::parse(&*program)?;
    let sections = header.sections(LittleEndian, &*program)?;
    let tables: Vec<_> = TABLES
        .iter()
        .filter_map(|name| sections.section_by_name(LittleEndian, name))
        .filter_map(|(_, section)| section.file_range(LittleEndian))
        .collect();
    // Whoever looks for the tables, as a backtrace does, is told that there are none.
    let first = header.e_phoff(LittleEndian) as usize;
    let size = usize::from(header.e_phentsize(LittleEndian));
    let told: Vec<_> = header
        .program_headers(LittleEndian, &*program)?
        .iter()
        .enumerate()
        .filter(|(_, segment)| segment.p_type(LittleEndian) == PT_GNU_EH_FRAME)
        .map(|(index, _)| first + index * size)
        .collect();
    for (from, length) in tables {
        program[from as usize..(from + length) as usize].fill(0);
    }
    for from in told {
        program[from..from + 4].copy_from_slice(&PT_NULL.0.to_le_bytes());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(empty(&mut b"#!/bin/sh\n".to_vec()).is_err());
    }

    /// Of this program, which does not panic when it lists its tests.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_program_without_its_tables_runs_and_has_none() {
        use std::os::unix::fs::PermissionsExt as _;

        let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let length = program.len();
        empty(&mut program).unwrap();
        assert_eq!(program.len(), length);
        let header = FileHeader64::<LittleEndian>::parse(&*program).unwrap();
        let sections = header.sections(LittleEndian, &*program).unwrap();
        for name in TABLES {
            let (_, table) = sections.section_by_name(LittleEndian, name).unwrap();
            let bytes = table.data(LittleEndian, &*program).unwrap();
            assert!(!bytes.is_empty() && bytes.iter().all(|byte| *byte == 0));
        }
        let segments = header.program_headers(LittleEndian, &*program).unwrap();
        let mut types = segments.iter().map(|segment| segment.p_type(LittleEndian));
        assert!(types.all(|kind| kind != PT_GNU_EH_FRAME));

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("program");
        std::fs::write(&path, &program).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let listed = Command::new(&path).arg("--list").output().unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert!(
            listed.contains("a_program_without_its_tables_runs"),
            "{listed}"
        );
    }
}
