//! `docs/command-line.md`, from the same definition as the help.

use std::fmt::Write as _;

use clap::{Arg, Command};

const START: &str = "\
# The command line

<!-- Made from the definition of the command: see crates/cognito-dr/tests/documents.rs. -->

`cognito-dr` is the engine of the Lambda functions, from a terminal: back up, look, restore and compare user pools on a
laptop or a build server. Install it by `cargo install --path crates/cognito-dr`.

Credentials, profile, Region and endpoints are taken as the AWS CLI takes them, single sign-on included. Where something
that a command needs is missing and a person is there, it asks, with lists to choose from; where the standard input is
no terminal, or with `--no-input`, it ends with an error that names the option.
";

/// The page: all commands in the order of a person's tasks, then what they have in common.
pub fn page() -> String {
    let mut root = crate::command();
    root.build();
    let mut page = START.to_owned();
    page.push_str("\n| command | what it does |\n|---|---|\n");
    for command in commands(&root) {
        let about = command.get_about().map(ToString::to_string);
        let about = about.unwrap_or_default();
        let (name, link) = (name(command), anchor(command));
        let _ = writeln!(page, "| [`{name}`](#{link}) | {about} |");
    }
    for command in commands(&root) {
        section(&mut page, command);
    }
    page.push_str("\n## Options of all commands\n\n");
    for option in root.get_arguments().filter(|option| option.is_global_set()) {
        item(&mut page, option);
    }
    page.push_str(NAMES);
    page.push_str("\n## Exit codes and output\n\n```text\n");
    page.push_str(crate::exit::HELP);
    page.push_str("\n```\n\n");
    page.push_str(OUTPUT);
    page
}

const NAMES: &str = "
## How a backup is named

| name | which backup |
|---|---|
| `./backup.json` | a file, whatever its name |
| `users.json`, `users.csv` | a file of [users alone](users.md) that another tool wrote; `--pool` says which pool they are from |
| `cognito-backup/2026/03/07/us-east-1_AbC-090502.json` | that key in the vault (`--vault`) |
| `s3://BUCKET/cognito-backup/...` | that key in another bucket |
| `latest` | the newest whole backup of a pool (`--pool`); damaged ones are passed over, with a warning |
| `latest~2` | the second one before it |
| `2026-03-07T09:00:00Z` | the newest whole backup of a pool whose reading had ended then |
| `us-east-1_AbC` | the live pool, where a command takes pools as well |
";

const OUTPUT: &str = "\
The standard output holds the answer and nothing else: a table, or one document with `--json`, whose members stand with
each command and stay. Members may be added. Progress, warnings, questions and errors go to the standard error; an error
says what failed (`Error:`), why (`Caused by:`) and what to do next (`Hint:`). Ctrl-C once stops cleanly and says how to
go on; twice ends at once.

`--progress json` writes one JSON object to a line on the standard error: `event` is `began` or `ended` (with
`activity`), `progress` (`of_what`, `done`, `total`), `import_job`, `waiting` (`reason`, `until`), `note`, `warning` or
`error` (`text`, `causes`, `hints`). None holds a secret or anything personal.
";

/// The commands that do something, groups of commands unfolded.
fn commands(command: &Command) -> Vec<&Command> {
    let below = command
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    below
        .flat_map(|command| match command.has_subcommands() {
            true => commands(command),
            false => vec![command],
        })
        .collect()
}

/// `users export`, without the name of the program.
fn name(command: &Command) -> &str {
    let name = command.get_bin_name().unwrap_or(command.get_name());
    name.strip_prefix("cognito-dr ").unwrap_or(name)
}

fn anchor(command: &Command) -> String {
    name(command).replace(' ', "-")
}

fn section(page: &mut String, command: &Command) {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    // A first line without a full stop is the title that the table of commands shows.
    let about = match about.split_once('\n') {
        Some((title, rest)) => format!("{title}.\n{rest}"),
        None => format!("{about}."),
    };
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let _ = write!(
        page,
        "\n## {}\n\n{about}\n\n```text\n{usage}\n```\n",
        name(command)
    );
    let own: Vec<&Arg> = command
        .get_arguments()
        .filter(|argument| !argument.is_global_set() && !argument.is_hide_set())
        .filter(|argument| argument.get_id() != "help" && argument.get_id() != "version")
        .collect();
    if !own.is_empty() {
        page.push('\n');
    }
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) = own
        .into_iter()
        .partition(|argument| argument.is_positional());
    for argument in positional.into_iter().chain(options) {
        item(page, argument);
    }
    if let Some(more) = command.get_after_long_help() {
        let _ = write!(page, "\n```text\n{more}\n```\n");
    }
}

/// One argument: how it is typed, what it says, its default.
fn item(page: &mut String, argument: &Arg) {
    let short = argument.get_short().map(|short| format!("-{short}, "));
    let typed = format!("{}{argument}", short.unwrap_or_default());
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let help = help.replace("\n\n", "\n  ");
    let mut notes = String::new();
    if let Some(variable) = argument.get_env() {
        let _ = write!(notes, "; environment: `{}`", variable.to_string_lossy());
    }
    let defaults = argument.get_default_values().iter();
    let defaults: Vec<String> = defaults
        .map(|value| value.to_string_lossy().into_owned())
        .collect();
    let takes_value = argument.get_action().takes_values();
    if takes_value && !defaults.is_empty() && !argument.is_hide_default_value_set() {
        let _ = write!(notes, "; default: `{}`", defaults.join(" "));
    }
    let values = argument.get_possible_values();
    let values: Vec<&str> = values.iter().map(|value| value.get_name()).collect();
    if takes_value && !values.is_empty() && !argument.is_hide_possible_values_set() {
        let _ = write!(notes, "; one of `{}`", values.join("`, `"));
    }
    let _ = writeln!(page, "- `{typed}`: {help}{notes}");
}
