//! The processors that Lambda offers.

use object::elf::{EM_AARCH64, EM_X86_64, Machine};

/// A processor, by the name that Lambda and the templates give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Architecture {
    /// AWS Graviton, which costs less.
    #[value(name = "arm64")]
    Arm,
    /// Intel and AMD.
    #[value(name = "x86_64")]
    X86,
}

impl Architecture {
    /// That of this machine, where Lambda offers it.
    pub fn of_this_machine() -> Self {
        if cfg!(target_arch = "aarch64") {
            Self::Arm
        } else {
            Self::X86
        }
    }

    /// As a function's `Architectures` names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Arm => "arm64",
            Self::X86 => "x86_64",
        }
    }

    /// As Rust names it, with glibc.
    pub fn triple(self) -> &'static str {
        match self {
            Self::Arm => "aarch64-unknown-linux-gnu",
            Self::X86 => "x86_64-unknown-linux-gnu",
        }
    }

    /// As Rust names it, with a libc that programs are linked to statically.
    pub fn static_triple(self) -> &'static str {
        match self {
            Self::Arm => "aarch64-unknown-linux-musl",
            Self::X86 => "x86_64-unknown-linux-musl",
        }
    }

    /// As an ELF header names it.
    pub(crate) fn machine(self) -> Machine {
        match self {
            Self::Arm => EM_AARCH64,
            Self::X86 => EM_X86_64,
        }
    }
}
