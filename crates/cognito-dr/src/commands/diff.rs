//! `cognito-dr diff`: what differs between any two of backups and live pools.

mod page;

use std::io::{self, Write};
use std::path::PathBuf;
use std::pin::pin;

use clap::Args;
use compare::diff::{
    ChangeKind, Counts, Diff, MatchedBy, MemberDifference, Options, SectionNotCompared,
    SettingDifference, SettingsDiff, Side as _, UserDifference, UsersDiff, diff,
};
use model::UserPoolId;
use serde::Serialize;
use serde_json::Value;

use crate::arguments::PaceOptions;
use crate::backup_reference::BackupOrPool;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::new_file;
use crate::sides::{Described, OneSide};
use crate::terminal::printable;

/// The longest value of a setting that is printed, in characters.
const LONGEST_VALUE: usize = 200;

/// Show what differs between two of backups and live pools
///
/// Shows what must be added (+), removed (-) and changed (~) to make the second of the first: the
/// settings one by one, users and memberships counted by kind of change. Two backups or live pools
/// of one pool are compared in everything. Otherwise the second counts as restored from the first:
/// users are matched by what they sign in with, and what every restore changes, such as ids and
/// dates, is no difference. Of secrets it shows only that they changed.
///
/// Ends with 0 if both are the same, with 1 if they differ.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    /// A backup (a file, an S3 key, `latest`, `latest~N` or a time) or the id of a live pool
    #[arg(value_name = "A")]
    first: BackupOrPool,
    /// The same; without it, the live pool that A is a backup of
    #[arg(value_name = "B")]
    second: Option<BackupOrPool>,
    /// The pool whose backups `latest` and times are about; else the live pool, if one is named
    #[arg(long, value_name = "POOL_ID")]
    pool: Option<UserPoolId>,
    /// Name the users that differ, with what differs. This prints personal data
    #[arg(long)]
    users: bool,
    /// How many users and memberships of each kind of change --users names
    #[arg(long, value_name = "N", default_value_t = 100, requires = "users")]
    limit: usize,
    /// Do not ask for the MFA preferences of live users: one call for each that may have one
    #[arg(long)]
    no_mfa_preferences: bool,
    /// Write the differences as a page, too: a file that is not there yet
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    #[command(flatten)]
    pace: PaceOptions,
}

const JSON: &str = "\
With --json:
  first, second        kind (backup or pool), pool_id, pool_name, began, location, key
  same                 whether nothing differs
  matched_by           sub (one pool) or sign_in_name (two pools)
  settings             compared, differences[], not_compared[], secrets_not_compared (absent if 0)
  settings.differences[]   path[], change (added, removed, changed or unreadable), first, second,
                           secret (then without values)
  settings.not_compared[]  section, missing_in_first, missing_in_second
  users                in_first, in_second, added, removed, changed, recreated, disabled, enabled,
                       members, without_mfa_preference, named[]
  users.members        by attribute, UserStatus, Enabled, UserMFASettingList, PreferredMfaSetting:
                       added, removed, changed, of users that both have
  users.named[]        change, name, username, sub, members[] (member, first, second)
  memberships          compared, added, removed, groups (the same by group), named[]
  memberships.named[]  change, group, name, username, sub";

#[derive(Debug, Serialize)]
struct Answer {
    first: Described,
    second: Described,
    #[serde(flatten)]
    diff: Diff,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(compare(context, &arguments)).await
}

async fn compare(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let pool = arguments
        .pool
        .as_ref()
        .or(match (&arguments.first, &arguments.second) {
            (_, Some(BackupOrPool::Pool(pool))) | (BackupOrPool::Pool(pool), _) => Some(pool),
            _ => None,
        });
    let open = async |named: &BackupOrPool| {
        let with_preferences = !arguments.no_mfa_preferences;
        OneSide::open(context, named, pool, &arguments.pace, with_preferences).await
    };
    let first = open(&arguments.first).await?;
    let second = match &arguments.second {
        Some(second) => open(second).await?,
        None if first.is_stored() => {
            open(&BackupOrPool::Pool(first.head().user_pool_id.clone())).await?
        }
        None => {
            return Err(Error::missing(
                "what to compare the pool with",
                "the argument B",
            ));
        }
    };
    let options = Options {
        names: if arguments.users { arguments.limit } else { 0 },
        ..Options::default()
    };
    let diff = pin!(diff(&first, &second, options)).await?;
    let exit = if diff.same {
        Exit::Done
    } else {
        Exit::Differences
    };
    first.end_progress();
    second.end_progress();
    let answer = Answer {
        first: first.described(),
        second: second.described(),
        diff,
    };
    if let Some(file) = &arguments.page {
        let page = page::page(&answer, arguments.users)
            .map_err(|error| Error::new("cannot make the page").because_of(&error))?;
        new_file::write(file, &page)?;
    }
    context
        .terminal
        .answer(&answer, |out| write_text(out, &answer, arguments.users))?;
    Ok(exit)
}

fn write_text(out: &mut dyn Write, answer: &Answer, named: bool) -> io::Result<()> {
    let diff = &answer.diff;
    writeln!(out, "A  {}", printable(&answer.first.in_words()))?;
    writeln!(out, "B  {}", printable(&answer.second.in_words()))?;
    writeln!(out)?;
    write_counts(out, diff)?;
    write_settings(out, &diff.settings)?;
    write_users(out, diff, named)?;
    write_memberships(out, diff, named)?;
    if diff.same {
        writeln!(out, "\nBoth are the same.")?;
    }
    Ok(())
}

fn write_counts(out: &mut dyn Write, diff: &Diff) -> io::Result<()> {
    let (settings, users, memberships) = (&diff.settings, &diff.users, &diff.memberships);
    let of_settings = of_settings(settings);
    writeln!(
        out,
        "Settings     {} added, {} removed, {} changed; {} compared",
        of_settings.added, of_settings.removed, of_settings.changed, settings.compared
    )?;
    write!(
        out,
        "Users        {} added, {} removed, {} changed",
        users.added, users.removed, users.changed
    )?;
    if users.recreated > 0 {
        write!(out, ", {} deleted and created again", users.recreated)?;
    }
    let by = match diff.matched_by {
        MatchedBy::Sub => "",
        MatchedBy::SignInName => ", matched by what they sign in with",
    };
    writeln!(
        out,
        "; {} in A, {} in B{by}",
        users.in_first, users.in_second
    )?;
    writeln!(
        out,
        "Memberships  {} added, {} removed; {} compared",
        memberships.added, memberships.removed, memberships.compared
    )?;
    for line in not_compared(diff) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// The differences of the settings, by kind.
fn of_settings(settings: &SettingsDiff) -> Counts {
    let of = |kind: ChangeKind| {
        let found = settings.differences.iter();
        found.filter(|found| found.change == kind).count() as u64
    };
    Counts {
        added: of(ChangeKind::Added),
        removed: of(ChangeKind::Removed),
        changed: of(ChangeKind::Changed) + of(ChangeKind::Unreadable),
    }
}

/// What was not compared, and why.
fn not_compared(diff: &Diff) -> Vec<String> {
    let mut lines = Vec::new();
    for (in_first, in_second, who) in [
        (true, true, "A and B do"),
        (true, false, "A does"),
        (false, true, "B does"),
    ] {
        let of_kind = |section: &&SectionNotCompared| {
            (section.missing_in_first, section.missing_in_second) == (in_first, in_second)
        };
        let sections = diff.settings.not_compared.iter().filter(of_kind);
        let sections: Vec<&str> = sections.map(|left| left.section.member()).collect();
        if !sections.is_empty() {
            let sections = sections.join(", ");
            lines.push(format!("Not compared, since {who} not hold it: {sections}"));
        }
    }
    let secrets = diff.settings.secrets_not_compared;
    if secrets > 0 {
        lines.push(format!(
            "Not compared, since a backup encrypts them: {secrets} secrets"
        ));
    }
    let users = diff.users.without_mfa_preference;
    if users > 0 {
        lines.push(format!(
            "Not compared, since one side does not hold it: the MFA preference of {users} users"
        ));
    }
    lines
}

fn sign(kind: ChangeKind) -> char {
    match kind {
        ChangeKind::Added => '+',
        ChangeKind::Removed => '-',
        ChangeKind::Changed | ChangeKind::Recreated => '~',
        ChangeKind::Unreadable => '?',
    }
}

fn write_settings(out: &mut dyn Write, settings: &SettingsDiff) -> io::Result<()> {
    if !settings.differences.is_empty() {
        writeln!(out, "\nSettings")?;
    }
    for found in &settings.differences {
        let path = printable(&found.path.join("/"));
        let values = shown_values(found);
        let colon = if values.is_empty() { "" } else { ": " };
        writeln!(out, "  {} {path}{colon}{values}", sign(found.change))?;
    }
    Ok(())
}

/// What both sides have, but for secrets.
fn shown_values(found: &SettingDifference) -> String {
    let shown = |value: &Option<Value>| value.as_ref().map(value_in_words);
    match (shown(&found.first), shown(&found.second)) {
        _ if found.secret => "a secret".to_owned(),
        _ if found.change == ChangeKind::Unreadable => "B could not be read".to_owned(),
        (Some(first), Some(second)) => format!("{first} -> {second}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => String::new(),
    }
}

fn value_in_words(value: &Value) -> String {
    let text = printable(&value.to_string());
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The kinds of change of users, with their counts.
fn kinds_of_users(users: &UsersDiff) -> [(ChangeKind, u64, &'static str); 4] {
    [
        (ChangeKind::Added, users.added, "only in B"),
        (ChangeKind::Removed, users.removed, "only in A"),
        (ChangeKind::Changed, users.changed, "changed"),
        (
            ChangeKind::Recreated,
            users.recreated,
            "deleted and created again",
        ),
    ]
}

fn write_users(out: &mut dyn Write, diff: &Diff, named: bool) -> io::Result<()> {
    let users = &diff.users;
    let kinds = kinds_of_users(users);
    if kinds.iter().any(|(_, count, _)| *count > 0) {
        writeln!(out, "\nUsers")?;
    }
    for (kind, count, what) in kinds.into_iter().filter(|(_, count, _)| *count > 0) {
        writeln!(out, "  {} {count} {what}", sign(kind))?;
        if kind == ChangeKind::Changed {
            for (member, counts) in &users.members {
                writeln!(
                    out,
                    "      {}: {}",
                    printable(member),
                    counts_in_words(counts)
                )?;
            }
        }
        let of_kind = users.named.iter().filter(|user| user.change == kind);
        let mut left = count;
        for user in of_kind {
            left -= 1;
            write_user(out, user)?;
        }
        if named && left > 0 {
            writeln!(out, "    ... and {left} more (--limit)")?;
        }
    }
    Ok(())
}

fn counts_in_words(counts: &Counts) -> String {
    let kinds = [
        (counts.added, "added"),
        (counts.removed, "removed"),
        (counts.changed, "changed"),
    ];
    let said = kinds.into_iter().filter(|(count, _)| *count > 0);
    let said: Vec<String> = said
        .map(|(count, kind)| format!("{count} {kind}"))
        .collect();
    said.join(", ")
}

fn write_user(out: &mut dyn Write, user: &UserDifference) -> io::Result<()> {
    writeln!(
        out,
        "    {} {}",
        sign(user.change),
        label(&user.name, &user.username)
    )?;
    for MemberDifference {
        member,
        first,
        second,
    } in &user.members
    {
        let member = printable(member);
        let quoted = |text: &Option<String>| text.as_deref().map(|text| format!("{text:?}"));
        match (quoted(first), quoted(second)) {
            (Some(first), Some(second)) => {
                writeln!(out, "        ~ {member}: {first} -> {second}")?
            }
            (Some(first), None) => writeln!(out, "        - {member}: {first}")?,
            (None, second) => writeln!(out, "        + {member}: {}", second.unwrap_or_default())?,
        }
    }
    Ok(())
}

/// A user by what it signs in with, and the username where that is another.
fn label(name: &str, username: &str) -> String {
    match name == username {
        true => printable(name),
        false => format!("{} ({})", printable(name), printable(username)),
    }
}

fn write_memberships(out: &mut dyn Write, diff: &Diff, named: bool) -> io::Result<()> {
    let memberships = &diff.memberships;
    if !memberships.groups.is_empty() {
        writeln!(out, "\nMemberships")?;
    }
    for (group, counts) in &memberships.groups {
        writeln!(out, "  {}: {}", printable(group), counts_in_words(counts))?;
        let mut left = counts.added + counts.removed;
        for member in memberships
            .named
            .iter()
            .filter(|member| member.group == *group)
        {
            left -= 1;
            let label = label(&member.name, &member.username);
            writeln!(out, "    {} {label}", sign(member.change))?;
        }
        if named && left > 0 {
            writeln!(out, "    ... and {left} more (--limit)")?;
        }
    }
    Ok(())
}
