//! The help of all commands, and `docs/command-line.md`, which is made from the same definition.
//!
//! `INSTA_UPDATE=always cargo test -p cognito-dr --test documents` writes both anew.

#![allow(clippy::unwrap_used, missing_docs)]

use std::fmt::Write as _;

use clap::Command;

#[test]
fn the_page_says_what_the_help_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command-line.md");
    let page = cognito_dr::page();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, &page).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == page,
        "docs/command-line.md is not what the commands say: INSTA_UPDATE=always cargo test -p cognito-dr --test documents"
    );
}

#[test]
fn the_help_of_all_commands() {
    let mut help = String::new();
    let mut root = cognito_dr::command().term_width(100);
    root.build();
    write_help(&mut help, &mut root);
    insta::assert_snapshot!(help);
}

fn write_help(help: &mut String, command: &mut Command) {
    let name = command.get_bin_name().unwrap_or("cognito-dr").to_owned();
    let of_command = command.render_long_help().to_string();
    write!(
        help,
        "== {name} --help\n{}\n\n",
        shared_options_left_out(&name, &of_command)
    )
    .unwrap();
    for command in command.get_subcommands_mut() {
        write_help(help, command);
    }
}

/// The options of all commands are shown once.
fn shared_options_left_out(name: &str, help: &str) -> String {
    let lines = help.lines().map(str::trim_end);
    if name == "cognito-dr" {
        return lines.collect::<Vec<_>>().join("\n");
    }
    let mut kept = Vec::new();
    let mut shared = false;
    for line in lines {
        if !line.starts_with(' ') && !line.is_empty() {
            shared = line == "Global options:";
        }
        if !shared {
            kept.push(line);
        }
    }
    kept.join("\n").trim_end().to_owned()
}
