//! The answer as a person reads it.

use std::io::{self, Write};

use jiff::Timestamp;
use model::change::{Change, ChangeSummary};

use super::life::{Life, Moment};
use super::rows::{Answer, Entry};
use super::who::Who;
use crate::terminal::{Table, printable};

/// What a row says of a backup.
pub(super) const COLUMNS: [&str; 9] = [
    "BACKUP",
    "USERS",
    "MADE",
    "GONE",
    "CHANGED",
    "DISABLED",
    "ENABLED",
    "MEMBERSHIPS",
    "SETTINGS",
];

pub(super) fn write_rows(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    if answer.backups.is_empty() {
        return Ok(());
    }
    let mut table = Table::new(COLUMNS);
    for entry in &answer.backups {
        table.row(cells(entry));
    }
    write!(out, "{table}")?;
    for entry in &answer.backups {
        let lines = lines_of_entry(entry);
        if lines.is_empty() {
            continue;
        }
        let since = since(entry).map(|since| format!("  since {since}"));
        writeln!(out, "\n{}{}", entry.began, since.unwrap_or_default())?;
        for line in lines {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

pub(super) fn cells(entry: &Entry) -> [String; 9] {
    let some = |sign: &str, count: u64| match count {
        0 => "-".to_owned(),
        count => format!("{sign}{count}"),
    };
    let users = entry
        .users
        .map_or("?".to_owned(), |users| users.to_string());
    let began = entry.began.to_string();
    let Some(Change::Since(summary)) = &entry.change else {
        let unknown = || "?".to_owned();
        return std::array::from_fn(|at| match at {
            0 => began.clone(),
            1 => users.clone(),
            _ => unknown(),
        });
    };
    let (of_users, memberships) = (&summary.users, &summary.memberships);
    let memberships = match (memberships.made, memberships.gone) {
        (0, 0) => "-".to_owned(),
        (made, 0) => format!("+{made}"),
        (0, gone) => format!("-{gone}"),
        (made, gone) => format!("+{made} -{gone}"),
    };
    [
        began,
        users,
        some("+", of_users.made),
        some("-", of_users.gone),
        some("~", of_users.changed),
        some("", of_users.disabled),
        some("", of_users.enabled),
        memberships,
        some("~", summary.settings.count),
    ]
}

/// When the backup was made that a backup was compared with.
pub(super) fn since(entry: &Entry) -> Option<Timestamp> {
    match (&entry.change, &entry.problem) {
        (Some(Change::Since(summary)), None) => Some(summary.previous.began()),
        _ => None,
    }
}

/// What changed, a sign and a blank before each: `!` for what somebody should look at, `by` for who
/// did it.
pub(super) fn lines_of_entry(entry: &Entry) -> Vec<String> {
    let mut lines = Vec::new();
    match (&entry.change, &entry.problem) {
        (_, Some(problem)) => lines.push(format!("? {}", printable(problem))),
        (None, None) => lines.push("? what changed is not recorded".to_owned()),
        (Some(Change::NotCompared(why)), None) => lines.push(format!("? {}", why.in_words())),
        (Some(Change::Since(summary)), None) => lines.extend(details(summary)),
    }
    lines.extend(entry.who.iter().flat_map(who_in_words));
    lines
}

fn details(summary: &ChangeSummary) -> Vec<String> {
    let mut lines = Vec::new();
    let (users, critical, settings) = (&summary.users, &summary.critical, &summary.settings);
    if summary.shrunk {
        let kept = match &summary.kept {
            Some(object) => format!("; the last whole base is kept: {object}"),
            None => String::new(),
        };
        let (users, since) = match &summary.slow_loss {
            Some(loss) => (&loss.users, format!(" since {}", loss.since.began())),
            None => (users, String::new()),
        };
        let (lost, before) = (users.lost(), users.before);
        lines.push(format!(
            "! {lost} of {before} users are gone, made again or disabled{since}{kept}"
        ));
    }
    let named = critical.named.iter();
    lines.extend(named.map(|critical| format!("! {}", printable(&critical.to_string()))));
    lines.extend(more(critical.count, critical.named.len(), "!"));
    if users.recreated > 0 {
        let users = users.recreated;
        lines.push(format!("~ {users} users deleted and made again"));
    }
    let mut paths = 0;
    for (sign, list) in [
        ('+', &settings.added),
        ('-', &settings.removed),
        ('~', &settings.changed),
    ] {
        paths += list.len();
        lines.extend(
            list.iter()
                .map(|path| format!("{sign} {}", printable(path))),
        );
    }
    lines.extend(more(settings.count, paths, "~"));
    if !settings.not_compared.is_empty() {
        let sections = settings.not_compared.join(", ");
        lines.push(format!("? not compared: {sections}"));
    }
    lines
}

fn more(count: u64, named: usize, sign: &str) -> Option<String> {
    let left = count.saturating_sub(named as u64);
    (left > 0).then(|| format!("{sign} ... and {left} more"))
}

fn who_in_words(who: &Who) -> Vec<String> {
    if let Some(problem) = &who.problem {
        return vec![format!("by ? {}", printable(problem))];
    }
    let mut lines: Vec<String> = who
        .events
        .iter()
        .map(|caller| {
            let principal = printable(&caller.principal);
            let when = match caller.first == caller.last {
                true => format!("at {}", caller.first),
                false => format!("from {} to {}", caller.first, caller.last),
            };
            format!(
                "by {principal}: {} {} x, {when}",
                caller.event, caller.count
            )
        })
        .collect();
    if lines.is_empty() {
        lines.push("by ? CloudTrail shows no call that fits".to_owned());
    }
    if who.more {
        lines.push("by ... and others that were not read".to_owned());
    }
    lines
}

pub(super) fn write_life(out: &mut dyn Write, life: &Life) -> io::Result<()> {
    writeln!(out, "{}", printable(&life.object))?;
    for moment in &life.moments {
        writeln!(out, "{}  {}", moment.began, moment.what.in_words())?;
        for line in lines_of_moment(moment) {
            writeln!(out, "  {line}")?;
        }
    }
    Ok(())
}

/// What is new, a sign and a blank before each.
pub(super) fn lines_of_moment(moment: &Moment) -> Vec<String> {
    let shown = |value: &Option<String>| value.as_deref().map_or("-".to_owned(), printable);
    let members = moment.members.iter().map(|member| {
        let name = printable(&member.member);
        match (&member.before, &member.after) {
            (None, None) => format!("~ {name}"),
            (before, after) => format!("~ {name}: {} -> {}", shown(before), shown(after)),
        }
    });
    members
        .chain(moment.who.iter().flat_map(who_in_words))
        .collect()
}
