//! `cognito-dr show`: what is in a backup.

use std::collections::BTreeMap;
use std::io::{self, Write};

use clap::Args;
use indicatif::HumanBytes;
use jiff::Timestamp;
use model::change::Change;
use model::checklist::{self, ChecklistRow};
use model::document::{BackupHead, SectionStatus};
use model::inventory::Section;
use model::secret;
use model::{BackupKey, UserPoolId};
use serde::Serialize;
use serde_json::Value;
use vault::Backup;

use crate::backup_reference::BackupArguments;
use crate::context::Context;
use crate::error::Error;
use crate::exit::Exit;
use crate::interrupt::or_interrupted;
use crate::terminal::Table;

/// Show what is in a backup
///
/// Shows when it was made, how the reading of each section went, how many users it has by status,
/// and the names of clients, groups and providers. No secrets, and nothing about single users.
#[derive(Debug, Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Arguments {
    #[command(flatten)]
    backup: BackupArguments,
    /// Print one section as it stands in the backup, as JSON, with secrets hidden
    #[arg(long, value_name = "NAME", value_parser = section)]
    section: Option<Section>,
    /// Print the section's secrets as well
    #[arg(long, requires = "section")]
    secrets: bool,
    /// Do not read the users: shows how many there are, without their status
    #[arg(long, conflicts_with = "section")]
    no_statuses: bool,
}

const JSON: &str = "\
With --json:
  pool_id, pool_name, began, ended, format_version, bytes, location
  base                  the whole backup that this one differs from and needs; null if it needs none
  users                 total, without forgotten ones; by_status and disabled (null with
                        --no-statuses); forgotten (null where no list was asked)
  memberships           how many there are
  change                what changed since the backup before, as `history` gives it; null where it
                        was not recorded
  sections[]            name, status (complete, empty, failed, not_read or unknown), count, reason
  checklist[]           check, answer (yes, no, not_applicable or cannot_be_told), holds, detail
  app_clients[]         id, name
  groups[], identity_providers[], resource_servers[], domains[]   names";

#[derive(Debug, Serialize)]
struct Answer<'a> {
    pool_id: &'a UserPoolId,
    pool_name: &'a str,
    began: Timestamp,
    ended: Timestamp,
    format_version: u64,
    bytes: u64,
    location: String,
    base: Option<&'a BackupKey>,
    users: Users,
    memberships: u64,
    change: Option<&'a Change>,
    sections: Vec<SectionOfBackup<'a>>,
    checklist: Vec<ChecklistRow>,
    app_clients: Vec<Client<'a>>,
    groups: Vec<&'a str>,
    identity_providers: Vec<&'a str>,
    resource_servers: Vec<&'a str>,
    domains: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct Users {
    total: u64,
    by_status: Option<BTreeMap<String, u64>>,
    disabled: Option<u64>,
    forgotten: Option<u64>,
}

#[derive(Debug, Serialize)]
struct SectionOfBackup<'a> {
    name: &'static str,
    status: &'static str,
    count: Option<u64>,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Client<'a> {
    id: &'a str,
    name: &'a str,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Result<Exit, Error> {
    or_interrupted(show(context, &arguments)).await
}

async fn show(context: &Context, arguments: &Arguments) -> Result<Exit, Error> {
    let mut opened = arguments.backup.open(context).await?;
    if arguments.secrets {
        opened.decrypt_secrets(context).await?;
    }
    let backup = &opened.backup;
    if let Some(section) = arguments.section {
        print_section(backup, section, arguments.secrets).await?;
        return Ok(Exit::Done);
    }
    let users = users(context, backup, arguments.no_statuses).await?;
    let answer = answer(backup, opened.address(), users);
    context
        .terminal
        .answer(&answer, |out| write_text(out, &answer))?;
    Ok(Exit::Done)
}

async fn users(context: &Context, backup: &Backup, without_statuses: bool) -> Result<Users, Error> {
    let total = backup.trailer.users;
    let forgotten = backup.forgotten().map(|left_out| left_out.users);
    if without_statuses {
        return Ok(Users {
            total,
            by_status: None,
            disabled: None,
            forgotten,
        });
    }
    let mut by_status = BTreeMap::new();
    let mut disabled = 0;
    let progress = context.terminal.progress();
    progress.begin("users", Some(total));
    let mut users = backup.users(None).await?;
    while let Some(user) = users.next().await? {
        progress.one_done();
        let status = user.record.status.as_str();
        match by_status.get_mut(status) {
            Some(count) => *count += 1,
            None => drop(by_status.insert(status.to_owned(), 1)),
        }
        disabled += u64::from(!user.record.enabled);
    }
    Ok(Users {
        total,
        by_status: Some(by_status),
        disabled: Some(disabled),
        forgotten,
    })
}

fn answer(backup: &Backup, location: String, users: Users) -> Answer<'_> {
    let head = &backup.head;
    let names = |section, member| names(head, section, member);
    let domains = [Section::UserPoolDomain, Section::CustomDomain]
        .into_iter()
        .filter_map(|section| head.section(section)["Domain"].as_str());
    let clients = head.list(Section::AppClients).iter().map(|client| Client {
        id: client["ClientId"].as_str().unwrap_or_default(),
        name: client["ClientName"].as_str().unwrap_or_default(),
    });
    Answer {
        pool_id: &head.user_pool_id,
        pool_name: head.user_pool()["Name"].as_str().unwrap_or_default(),
        began: head.timestamp,
        ended: backup.trailer.reading_ended,
        format_version: head.format_version,
        bytes: backup.bytes,
        location,
        base: backup.base(),
        users,
        memberships: backup.trailer.memberships,
        change: backup.trailer.change.as_ref(),
        sections: Section::ALL
            .iter()
            .map(|section| section_of(backup, *section))
            .collect(),
        checklist: checklist::of_backup(head, &backup.stored_trailer()),
        app_clients: clients.collect(),
        groups: names(Section::Groups, "GroupName"),
        identity_providers: names(Section::IdentityProviders, "ProviderName"),
        resource_servers: names(Section::ResourceServers, "Identifier"),
        domains: domains.collect(),
    }
}

fn names<'a>(head: &'a BackupHead, section: Section, member: &str) -> Vec<&'a str> {
    let elements = head.list(section).iter();
    elements
        .filter_map(|element| element[member].as_str())
        .collect()
}

fn section_of(backup: &Backup, section: Section) -> SectionOfBackup<'_> {
    let streamed = match section {
        Section::Users => Some(backup.trailer.users),
        Section::GroupMemberships => Some(backup.trailer.memberships),
        _ => None,
    };
    let (status, count, reason) = match (streamed, backup.head.status(section)) {
        (Some(0), _) | (None, SectionStatus::Empty) => ("empty", Some(0), None),
        (Some(count), _) => ("complete", Some(count), None),
        (None, SectionStatus::Complete { count }) => ("complete", Some(*count), None),
        (None, SectionStatus::Failed { error }) => ("failed", None, Some(error.as_str())),
        (None, SectionStatus::NotRead { reason }) => ("not_read", None, Some(reason.as_str())),
        (None, SectionStatus::Unknown) => ("unknown", None, None),
    };
    SectionOfBackup {
        name: section.member(),
        status,
        count,
        reason,
    }
}

fn write_text(out: &mut dyn Write, answer: &Answer<'_>) -> io::Result<()> {
    writeln!(out, "Pool      {} ({})", answer.pool_id, answer.pool_name)?;
    writeln!(out, "Read      {} to {}", answer.began, answer.ended)?;
    let (bytes, version) = (HumanBytes(answer.bytes), answer.format_version);
    writeln!(out, "Size      {bytes}, format version {version}")?;
    writeln!(out, "In        {}", answer.location)?;
    if let Some(base) = answer.base {
        writeln!(out, "Base      {base}: this one holds what differs from it")?;
    }
    write!(out, "Users     {}", answer.users.total)?;
    for (status, count) in answer.users.by_status.iter().flatten() {
        write!(out, ", {count} {status}")?;
    }
    if let Some(disabled @ 1..) = answer.users.disabled {
        write!(out, "; {disabled} of them disabled")?;
    }
    if let Some(forgotten @ 1..) = answer.users.forgotten {
        write!(out, "; {forgotten} more are forgotten")?;
    }
    writeln!(out)?;
    match answer.change {
        None => {}
        Some(Change::NotCompared(why)) => writeln!(out, "Changes   {}", why.in_words())?,
        Some(Change::Since(summary)) => {
            let (previous, counts) = (summary.previous.began(), summary.in_words());
            writeln!(out, "Changes   since {previous}: {counts}")?;
            if let Some(kept) = &summary.kept {
                writeln!(out, "Kept      {kept}, for the pool shrank")?;
            }
        }
    }
    let clients: Vec<String> = answer
        .app_clients
        .iter()
        .map(|client| format!("{} ({})", client.name, client.id))
        .collect();
    let clients: Vec<&str> = clients.iter().map(String::as_str).collect();
    for (label, names) in [
        ("Clients", &clients),
        ("Groups", &answer.groups),
        ("Providers", &answer.identity_providers),
        ("Servers", &answer.resource_servers),
        ("Domains", &answer.domains),
    ] {
        if !names.is_empty() {
            writeln!(out, "{label:<9} {}", names.join(", "))?;
        }
    }
    let mut table = Table::new(["SECTION", "STATUS", "COUNT", "REASON"]);
    for section in &answer.sections {
        let count = section
            .count
            .map_or_else(|| "-".to_owned(), |count| count.to_string());
        let reason = section.reason.unwrap_or_default();
        table.row([
            section.name.to_owned(),
            section.status.to_owned(),
            count,
            reason.to_owned(),
        ]);
    }
    write!(out, "\n{table}")?;
    let mut table = Table::new(["CHECK", "ANSWER", "FIGURES"]);
    for row in &answer.checklist {
        let (check, figures) = (row.check.clone(), row.detail.clone());
        table.row([check, row.answer.in_words().to_owned(), figures]);
    }
    write!(out, "\n{table}")
}

/// Prints a section; users and memberships element by element, however many there are.
async fn print_section(backup: &Backup, section: Section, secrets: bool) -> Result<(), Error> {
    let mut out = io::BufWriter::new(io::stdout());
    match section {
        Section::Users => {
            let mut users = backup.users(None).await?;
            let mut elements = Elements::begin(&mut out)?;
            while let Some(user) = users.next().await? {
                elements.element(&user.record)?;
            }
            elements.end()?;
        }
        Section::GroupMemberships => {
            let mut memberships = backup.memberships().await?;
            let mut elements = Elements::begin(&mut out)?;
            while let Some(membership) = memberships.next().await? {
                elements.element(&serde_json::json!({
                    "GroupName": &*membership.group,
                    "Username": membership.username,
                }))?;
            }
            elements.end()?;
        }
        _ => {
            let mut value = backup.head.section(section).clone();
            if !secrets {
                secret::hide_members(&mut value);
            }
            write_json(&mut out, &value)?;
        }
    }
    Ok(out.flush()?)
}

fn write_json(out: &mut impl Write, value: &Value) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, value)?;
    writeln!(out)
}

/// A JSON array with one element to a line.
struct Elements<'a, W: Write> {
    out: &'a mut W,
    is_first: bool,
}

impl<'a, W: Write> Elements<'a, W> {
    fn begin(out: &'a mut W) -> io::Result<Self> {
        write!(out, "[")?;
        Ok(Self {
            out,
            is_first: true,
        })
    }

    fn element(&mut self, element: &impl Serialize) -> io::Result<()> {
        let separator = if self.is_first { "\n" } else { ",\n" };
        self.is_first = false;
        write!(self.out, "{separator}")?;
        Ok(serde_json::to_writer(&mut *self.out, element)?)
    }

    fn end(self) -> io::Result<()> {
        writeln!(self.out, "\n]")
    }
}

fn section(name: &str) -> Result<Section, String> {
    Section::of_member(name).ok_or_else(|| {
        let names: Vec<&str> = Section::ALL
            .iter()
            .map(|section| section.member())
            .collect();
        format!("the sections are {}", names.join(", "))
    })
}
