//! Whether Lambda's runtime `provided.al2023` can start a binary, and whether any Linux can.
//!
//! Lambda's runtime is Amazon Linux 2023 with glibc 2.34. A binary takes from glibc the newest version
//! of each symbol that its linker saw, so what was linked on a newer Linux may ask for symbols that
//! Lambda has not: it is deployed without an error and dies at its first start.

use anyhow::{Result, bail, ensure};
use object::LittleEndian;
use object::elf::{DT_NEEDED, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader, SectionTable};

use crate::architecture::Architecture;

/// The glibc of Amazon Linux 2023, major and minor.
pub const GLIBC: (u32, u32) = (2, 34);

/// The libraries that a program may ask for: glibc's own, and that of the compiler.
const LIBRARIES: [&str; 8] = [
    "ld-linux-aarch64.so.1",
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
];

type Header = FileHeader64<LittleEndian>;

/// Checks that `provided.al2023` on this processor can start the binary.
///
/// # Errors
/// When it is no program for that processor, asks for a newer glibc, or for a library that the
/// runtime has not: says for which.
pub fn check(binary: &[u8], architecture: Architecture) -> Result<()> {
    let sections = sections(program(binary, architecture)?, binary)?;
    for library in libraries(&sections, binary)? {
        ensure!(
            LIBRARIES.contains(&library.as_str()),
            "it needs {library}, which provided.al2023 has not"
        );
    }
    check_versions(&sections, binary)
}

/// Checks that every Linux on this processor can start the binary, whatever is installed there.
///
/// # Errors
/// When it is no program for that processor, or asks for a loader or a library.
pub fn check_static(binary: &[u8], architecture: Architecture) -> Result<()> {
    let header = program(binary, architecture)?;
    let segments = header.program_headers(LittleEndian, binary)?;
    ensure!(
        segments
            .iter()
            .all(|segment| segment.p_type(LittleEndian) != PT_INTERP),
        "it needs a loader of shared libraries"
    );
    if let Some(library) = libraries(&sections(header, binary)?, binary)?.first() {
        bail!("it needs {library}");
    }
    Ok(())
}

fn program(binary: &[u8], architecture: Architecture) -> Result<&Header> {
    let Ok(header) = Header::parse(binary) else {
        bail!("it is not a 64-bit ELF binary");
    };
    let endian = header.endian()?;
    ensure!(
        header.e_machine(endian) == architecture.machine(),
        "it is not built for {}",
        architecture.name()
    );
    Ok(header)
}

fn sections<'a>(header: &Header, binary: &'a [u8]) -> Result<SectionTable<'a, Header>> {
    let sections = header.sections(LittleEndian, binary)?;
    // Without section headers no library would be found.
    ensure!(!sections.is_empty(), "it has no section headers");
    Ok(sections)
}

/// The shared libraries that it asks for.
fn libraries(sections: &SectionTable<'_, Header>, binary: &[u8]) -> Result<Vec<String>> {
    let dynamic = sections.dynamic_table(LittleEndian, binary)?;
    let needed = dynamic.iter().filter(|entry| entry.tag == DT_NEEDED);
    let names =
        needed.map(|entry| Ok(String::from_utf8_lossy(dynamic.string(entry)?).into_owned()));
    names.collect()
}

fn check_versions(sections: &SectionTable<'_, Header>, binary: &[u8]) -> Result<()> {
    let Some((mut libraries, link)) = sections.gnu_verneed(LittleEndian, binary)? else {
        return Ok(());
    };
    let strings = sections.strings(LittleEndian, binary, link)?;
    while let Some((library, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(LittleEndian, strings)?);
            ensure!(
                is_there(&name),
                "it needs {name} of {}; provided.al2023 has glibc {}.{}",
                String::from_utf8_lossy(library.file(LittleEndian, strings)?),
                GLIBC.0,
                GLIBC.1
            );
        }
    }
    Ok(())
}

/// Whether glibc 2.34 has symbols of that version. Versions without a number are glibc's private
/// ones, and promises about the loader that came later (`GLIBC_ABI_DT_RELR` with 2.36).
fn is_there(version: &str) -> bool {
    let Some(number) = version.strip_prefix("GLIBC_") else {
        return true;
    };
    let mut parts = number.split('.').map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) <= GLIBC,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_of_glibc_up_to_2_34_are_there() {
        for (version, expected) in [
            ("GLIBC_2.2.5", true),
            ("GLIBC_2.17", true),
            ("GLIBC_2.34", true),
            ("GLIBC_2.35", false),
            ("GLIBC_2.38", false),
            ("GLIBC_3.0", false),
            ("GLIBC_ABI_DT_RELR", false),
            ("GLIBC_PRIVATE", false),
            ("GCC_3.0", true),
        ] {
            assert_eq!(is_there(version), expected, "{version}");
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"\x7fELF"] {
            let error = check(bytes, Architecture::X86).unwrap_err();
            assert_eq!(error.to_string(), "it is not a 64-bit ELF binary");
        }
    }

    /// Of a real program: that of this test, whose names of versions and libraries are changed.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    mod planted {
        use object::elf::{DT_DEBUG, PT_NULL};
        use object::read::elf::SectionHeader as _;

        use super::*;

        /// How long an entry of the program headers is, and one of the dynamic section.
        const SEGMENT: usize = 56;
        const DYNAMIC: usize = 16;

        #[test]
        fn a_program_for_the_processor_and_glibc_of_lambda_is_accepted() {
            check(&as_for_lambda(), Architecture::of_this_machine()).unwrap();
        }

        #[test]
        fn a_newer_glibc_is_refused() {
            let mut program = as_for_lambda();
            for older in 10..=34 {
                rename(&mut program, &format!("GLIBC_2.{older}"), "GLIBC_2.38");
            }
            let refusal = refusal(&program);
            assert!(refusal.starts_with("it needs GLIBC_2.38 of l"), "{refusal}");
            assert!(
                refusal.ends_with("; provided.al2023 has glibc 2.34"),
                "{refusal}"
            );
        }

        #[test]
        fn a_library_that_lambda_has_not_is_refused() {
            let mut program = as_for_lambda();
            rename(&mut program, "libc.so.6", "libx.so.6");
            assert_eq!(
                refusal(&program),
                "it needs libx.so.6, which provided.al2023 has not"
            );
        }

        #[test]
        fn a_program_for_the_other_processor_is_refused() {
            let (other, text) = match Architecture::of_this_machine() {
                Architecture::Arm => (Architecture::X86, "it is not built for x86_64"),
                Architecture::X86 => (Architecture::Arm, "it is not built for arm64"),
            };
            let error = check(&as_for_lambda(), other).unwrap_err();
            assert_eq!(error.to_string(), text);
        }

        #[test]
        fn a_program_whose_section_headers_were_taken_off_is_refused() {
            let mut program = as_for_lambda();
            // e_shoff, and e_shnum with e_shstrndx.
            program[0x28..0x30].fill(0);
            program[0x3c..0x40].fill(0);
            assert_eq!(refusal(&program), "it has no section headers");
        }

        #[test]
        fn a_program_that_needs_a_loader_or_a_library_is_not_static() {
            let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            let check = |program: &[u8]| check_static(program, Architecture::of_this_machine());
            let refused = |program: &[u8]| check(program).unwrap_err().to_string();
            assert_eq!(refused(&program), "it needs a loader of shared libraries");
            change_segments(&mut program, PT_INTERP.0, PT_NULL.0);
            let refusal = refused(&program);
            assert!(refusal.starts_with("it needs lib"), "{refusal}");
            change_tags(&mut program, DT_NEEDED.0 as u64, DT_DEBUG.0 as u64);
            check(&program).unwrap();
        }

        fn refusal(program: &[u8]) -> String {
            check(program, Architecture::of_this_machine())
                .unwrap_err()
                .to_string()
        }

        /// This program, as if it had been linked against glibc 2.34 at most.
        fn as_for_lambda() -> Vec<u8> {
            let mut program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
            for newer in 35..100 {
                rename(&mut program, &format!("GLIBC_2.{newer}"), "GLIBC_2.34");
            }
            program
        }

        /// Every program header of this type gets another.
        fn change_segments(program: &mut [u8], from: u32, to: u32) {
            let header = Header::parse(&*program).unwrap();
            let start = header.e_phoff(LittleEndian) as usize;
            let count = header.e_phnum(LittleEndian) as usize;
            for entry in program[start..].chunks_exact_mut(SEGMENT).take(count) {
                if entry[..4] == from.to_le_bytes() {
                    entry[..4].copy_from_slice(&to.to_le_bytes());
                }
            }
        }

        /// Every entry of the dynamic section with this tag gets another.
        fn change_tags(program: &mut [u8], from: u64, to: u64) {
            let header = Header::parse(&*program).unwrap();
            let sections = header.sections(LittleEndian, &*program).unwrap();
            let (_, dynamic) = sections.section_by_name(LittleEndian, b".dynamic").unwrap();
            let (start, length) = dynamic.file_range(LittleEndian).unwrap();
            let table = &mut program[start as usize..(start + length) as usize];
            for entry in table.chunks_exact_mut(DYNAMIC) {
                if entry[..8] == from.to_le_bytes() {
                    entry[..8].copy_from_slice(&to.to_le_bytes());
                }
            }
        }

        /// Changes a name in the table of strings, in place.
        fn rename(program: &mut [u8], from: &str, to: &str) {
            assert_eq!(from.len(), to.len());
            let header = Header::parse(&*program).unwrap();
            let sections = header.sections(LittleEndian, &*program).unwrap();
            let (_, strings) = sections.section_by_name(LittleEndian, b".dynstr").unwrap();
            let (start, length) = strings.file_range(LittleEndian).unwrap();
            let table = &mut program[start as usize..(start + length) as usize];
            let name = [b"\0", from.as_bytes(), b"\0"].concat();
            while let Some(at) = table.windows(name.len()).position(|window| window == name) {
                table[at + 1..at + 1 + to.len()].copy_from_slice(to.as_bytes());
            }
        }
    }
}
