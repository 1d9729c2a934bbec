//! A plan, and what came of it, in the terminal.

use std::io::{self, Write};

use restore::undo::{Action, MemberChange, Plan, UndoReport, What};
use serde_json::Value;

use crate::terminal::printable;

/// The longest value of a setting that is printed, in characters.
const LONGEST_VALUE: usize = 120;

pub(in crate::commands) fn write_plan(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    writeln!(out, "Pool   {}", plan.user_pool_id)?;
    writeln!(out, "Point  {}", printable(&plan.point.to_string()))?;
    writeln!(
        out,
        "\nSettings     {} put back, {} made again, {} removed, {} left alone, {} impossible",
        plan.count(What::PutBack),
        plan.count(What::MakeAgain),
        plan.count(What::Remove),
        plan.count(What::LeftAlone),
        plan.count(What::Impossible)
    )?;
    let users = &plan.users;
    writeln!(
        out,
        "Users        {} put back, {} made again, {} disabled, {} left alone, {} replaced by somebody else",
        users.put_back, users.make_again, users.disable, users.left_alone, users.replaced
    )?;
    let memberships = &plan.memberships;
    writeln!(
        out,
        "Memberships  {} made again, {} removed, {} left alone",
        memberships.make_again, memberships.remove, memberships.left_alone
    )?;
    if !plan.not_compared.is_empty() {
        let sections: Vec<&str> = plan.not_compared.iter().map(|left| left.member()).collect();
        let sections = sections.join(", ");
        writeln!(out, "Left, since one side does not tell it: {sections}")?;
    }
    write_actions(out, plan)?;
    if users.make_again > 0 {
        writeln!(out, "  + {} made again, with a new sub", users.make_again)?;
    }
    if users.forgotten > 0 {
        writeln!(out, "  ! {} forgotten, and not made again", users.forgotten)?;
    }
    if plan.is_empty() {
        writeln!(out, "\nThere is nothing to do.")?;
    }
    Ok(())
}

/// What is done about each thing, and about members of users.
pub(in crate::commands) fn write_actions(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let users = &plan.users;
    if !plan.actions.is_empty() {
        writeln!(out)?;
    }
    for action in &plan.actions {
        write_action(out, action)?;
    }
    let is_told = !plan.members_of_users.is_empty() || !plan.left_of_users.is_empty();
    if is_told || users.make_again + users.forgotten > 0 {
        writeln!(out, "\nUsers")?;
    }
    for (member, count) in &plan.members_of_users {
        writeln!(out, "  ~ {}: {count}", printable(member))?;
    }
    for (member, count) in &plan.left_of_users {
        writeln!(out, "  ! {}: {count} stay as they are", printable(member))?;
    }
    Ok(())
}

fn write_action(out: &mut dyn Write, action: &Action) -> io::Result<()> {
    let (sign, words) = match action.what {
        What::PutBack => ('~', ""),
        What::MakeAgain => ('+', " is made again"),
        What::Remove => ('-', " is removed"),
        What::LeftAlone => ('=', " is left alone"),
        What::Impossible => ('!', " stays as it is"),
    };
    write!(out, "  {sign} {}{words}", printable(&action.item()))?;
    if let Some(operation) = &action.operation {
        write!(out, " ({operation})")?;
    }
    if let Some(why) = &action.why {
        write!(out, ": {}", printable(why))?;
    }
    writeln!(out)?;
    if matches!(action.what, What::PutBack | What::Impossible) {
        for member in &action.members {
            write_member(out, action, member)?;
        }
    }
    Ok(())
}

fn write_member(out: &mut dyn Write, action: &Action, member: &MemberChange) -> io::Result<()> {
    let above = 1 + usize::from(action.target.is_some());
    let path = member.path.get(above..).unwrap_or_default().join("/");
    if path.is_empty() {
        return Ok(());
    }
    write!(out, "      {}", printable(&path))?;
    let shown = |value: &Option<Value>| value.as_ref().map(in_words);
    match (shown(&member.now), shown(&member.then)) {
        _ if member.secret => write!(out, ": a secret")?,
        (Some(now), Some(then)) => write!(out, ": {now} -> {then}")?,
        (Some(now), None) => write!(out, ": {now} -> nothing")?,
        (None, Some(then)) => write!(out, ": nothing -> {then}")?,
        (None, None) => {}
    }
    writeln!(out)
}

fn in_words(value: &Value) -> String {
    let text = printable(&value.to_string());
    match text.char_indices().nth(LONGEST_VALUE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

pub(super) fn write_report(out: &mut dyn Write, report: &UndoReport) -> io::Result<()> {
    let people = &report.people;
    writeln!(out, "Undo         {}", report.undo_id)?;
    writeln!(out, "Before       {}", printable(&report.before))?;
    writeln!(out, "Settings     {} as they were", report.reverted)?;
    write!(
        out,
        "Users        {} dealt with, {} made again",
        people.users, people.made_again
    )?;
    if people.forgotten > 0 {
        write!(out, "; {} forgotten, and not made again", people.forgotten)?;
    }
    writeln!(out)?;
    for (then, now) in &report.app_clients {
        writeln!(out, "Client       {then} is {now} now")?;
    }
    if let Some(map) = &report.user_map {
        writeln!(out, "User map     {}", printable(map))?;
    }
    for step in &report.manual_steps {
        writeln!(out, "To do        {}", printable(&step.title))?;
    }
    for left in &report.not_reverted {
        let (item, member) = (printable(&left.item), printable(&left.member));
        let why = printable(&left.why);
        writeln!(out, "NOT REVERTED {item} {member}: {why}")?;
    }
    let named = report.not_reverted.len() as u64;
    if report.not_reverted_total > named {
        let more = report.not_reverted_total - named;
        writeln!(out, "NOT REVERTED ... and {more} more")?;
    }
    Ok(())
}
