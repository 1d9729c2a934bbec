//! What ninety days of hourly backups take, and what one difference takes to write and to read.
//!
//! The documents are generated, not read from Cognito: rows of some 460 bytes with a random `sub`,
//! name and address. The vault is a folder on the local disk.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};
use model::document::{BackupHead, DocumentEncoder};
use model::inventory::Section;
use model::{BackupKey, UserPoolId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use vault::Vault;

use crate::protocol::peak_bytes;

const STAGED: &str = "cognito-backup-state/whole.json.zst";
const DAYS: f64 = 90.0;
/// The hours of the day at which differences are measured; between two of them their size is taken
/// to grow evenly.
const HOURS: [i64; 3] = [1, 12, 23];

/// What a process of its own does, whose memory is measured.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    folder: String,
    key: BackupKey,
    /// The difference is written, from what was staged; else it is read, all of it.
    writes: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct Figures {
    seconds: f64,
    peak_bytes: u64,
    /// The size of the difference.
    bytes: u64,
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    Ok(runtime.enable_all().build()?)
}

/// In a process of its own.
pub(crate) fn child(task: &str) -> Result<()> {
    let task: Task = serde_json::from_str(task).context("the task")?;
    runtime()?.block_on(Box::pin(async {
        let vault = Vault::in_folder(Path::new(&task.folder))?;
        let began = Instant::now();
        let bytes = match task.writes {
            true => {
                let base = Box::pin(vault.base_for(&task.key)).await?;
                let base = base.context("no base")?;
                let whole = Box::pin(vault.open_staged(&task.key, STAGED)).await?;
                let changes = Box::pin(vault.changes(&base, &whole)).await?;
                let changes = changes.context("the base is too large")?;
                let written = vault.write_difference(&task.key, &base, &whole, &changes, None);
                let written = Box::pin(written).await?;
                written.context("it is written whole")?.0.bytes
            }
            false => {
                let backup = Box::pin(vault.open(&task.key, None)).await?;
                backup.check_whole().await?;
                backup.bytes
            }
        };
        let figures = Figures {
            seconds: began.elapsed().as_secs_f64(),
            peak_bytes: peak_bytes("self"),
            bytes,
        };
        println!("{}", serde_json::to_string(&figures)?);
        Ok(())
    }))
}

fn measure(folder: &Path, key: &BackupKey, writes: bool) -> Result<Figures> {
    let task = Task {
        folder: folder.display().to_string(),
        key: key.clone(),
        writes,
    };
    let output = Command::new(std::env::current_exe()?)
        .args(["--history-task", &serde_json::to_string(&task)?])
        .stderr(Stdio::inherit())
        .output()?;
    serde_json::from_slice(&output.stdout).context("the process gave no figures")
}

/// Numbers that only look random: the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

fn row(user: u64, changed: u64) -> Vec<u8> {
    let mut numbers = Numbers(user);
    let (a, b, c) = (numbers.next(), numbers.next(), numbers.next());
    let mut id = format!("{a:016x}{b:016x}");
    for dash in [8, 13, 18, 23] {
        id.insert(dash, '-');
    }
    let created = 1_700_000_000 + c % 60_000_000;
    let modified = created + changed * 977;
    format!(
        r#"{{"Username":"{id}","Attributes":[{{"Name":"sub","Value":"{id}"}},{{"Name":"email","Value":"user.{c:x}@example.com"}},{{"Name":"email_verified","Value":"true"}},{{"Name":"phone_number","Value":"+49{}"}},{{"Name":"name","Value":"User {}"}},{{"Name":"custom:plan","Value":"{}"}}],"UserCreateDate":{created}.{:03},"UserLastModifiedDate":{modified}.{:03},"Enabled":true,"UserStatus":"CONFIRMED"}}"#,
        c % 10_000_000_000,
        a % 100_000 + changed,
        ["free", "team", "company"][(b % 3) as usize],
        a % 1000,
        b % 1000,
    )
    .into_bytes()
}

/// Writes a whole backup, each user in one of three groups; gives the length of its content.
async fn write(
    vault: &Vault,
    key: &BackupKey,
    staged: bool,
    users: u64,
    changed: &HashMap<u64, u64>,
) -> Result<u64> {
    let mut head = BackupHead::new(key.pool().clone(), key.began());
    head.set(Section::UserPoolConfig, json!({"Name": "large"}));
    let mut upload = match staged {
        true => vault.begin_staged(key, STAGED).await?,
        false => vault.begin(key).await?,
    };
    let mut out = Vec::new();
    let mut encoder = DocumentEncoder::begin(&head, &mut out);
    for user in 0..users {
        let row = row(user, changed.get(&user).copied().unwrap_or(0));
        encoder.user_as_written(&row, &mut out);
        if out.len() > 100_000 {
            upload.write(&out).await?;
            out.clear();
        }
    }
    encoder.begin_memberships(&mut out);
    for group in 0..3 {
        encoder.begin_group(&format!("group-{group}"), &mut out);
        for user in (group..users).step_by(3) {
            let id = row(user, 0);
            let name = String::from_utf8_lossy(&id[13..49]).into_owned();
            encoder.member(&name, &mut out);
            if out.len() > 100_000 {
                upload.write(&out).await?;
                out.clear();
            }
        }
        encoder.end_group(&mut out);
    }
    let trailer = encoder.finish(key.began(), &mut out);
    upload.write(&out).await?;
    upload.finish().await?;
    Ok(trailer.bytes)
}

/// The size of a whole backup, of differences through a day, and of ninety days of both.
pub(crate) fn measure_all(users: u64, missed: &mut Vec<String>) -> Result<()> {
    println!("\nHistory: {users} users, hourly backups, in a folder\n");
    println!(
        "| changed an hour | plain JSON | base | difference at 1 h, 12 h, 23 h | 90 days, plain | 90 days | share |"
    );
    println!("|---|---|---|---|---|---|---|");
    let pool: UserPoolId = "us-east-1_Large".parse()?;
    let midnight: Timestamp = "2026-03-07T00:00:00Z".parse()?;
    let key = |hour| BackupKey::new(&pool, midnight + SignedDuration::from_hours(hour));
    let runtime = runtime()?;
    let mut figures = Vec::new();
    for (rate, most) in [(0.0015, 0.01), (0.01, 0.03)] {
        let folder = tempfile::TempDir::new()?;
        let vault = Vault::in_folder(folder.path())?;
        let mut changed = HashMap::new();
        let plain = runtime.block_on(write(&vault, &key(0), false, users, &changed))?;
        let base = folder.path().join(key(0).to_string()).metadata()?.len();
        let mut numbers = Numbers(7);
        let mut sizes = vec![(0, 0)];
        for hour in 1..=23 {
            for _ in 0..(users as f64 * rate) as u64 {
                *changed.entry(numbers.next() % users).or_insert(0) += 1;
            }
            if !HOURS.contains(&hour) {
                continue;
            }
            runtime.block_on(write(&vault, &key(hour), true, users, &changed))?;
            let written = measure(folder.path(), &key(hour), true)?;
            std::fs::remove_file(folder.path().join(STAGED))?;
            sizes.push((hour, written.bytes));
            if hour == 23 {
                let read = measure(folder.path(), &key(hour), false)?;
                figures.push((rate, written, read));
            }
        }
        // Evenly between two that were measured.
        let of_day: f64 = (1..=23)
            .map(|hour| {
                let after = sizes
                    .partition_point(|(at, _)| *at < hour)
                    .min(sizes.len() - 1);
                let ((from, small), (to, large)) = (sizes[after - 1], sizes[after]);
                let share = (hour - from) as f64 / (to - from) as f64;
                small as f64 + (large as f64 - small as f64) * share
            })
            .sum();
        let (whole, all) = (plain as f64 * 24.0 * DAYS, (base as f64 + of_day) * DAYS);
        let share = all / whole;
        let megabytes = |bytes: f64| format!("{:.1} MB", bytes / 1e6);
        let differences = sizes
            .iter()
            .skip(1)
            .map(|(_, bytes)| megabytes(*bytes as f64));
        println!(
            "| {} % | {} | {} | {} | {:.0} GB | {:.1} GB | {:.2} % |",
            rate * 100.0,
            megabytes(plain as f64),
            megabytes(base as f64),
            differences.collect::<Vec<_>>().join(", "),
            whole / 1e9,
            all / 1e9,
            share * 100.0
        );
        std::io::stdout().flush()?;
        if share > most {
            missed.push(format!("{} % of plain JSON at {rate}", share * 100.0));
        }
    }
    println!("\n| changed an hour | the difference at 23 h | seconds | peak memory |");
    println!("|---|---|---|---|");
    for (rate, written, read) in figures {
        for (what, figures) in [
            ("written and read back", written),
            ("read and checked", read),
        ] {
            let peak = figures.peak_bytes;
            println!(
                "| {} % | {what} | {:.1} | {:.1} MB |",
                rate * 100.0,
                figures.seconds,
                peak as f64 / 1e6
            );
            if users <= crate::LARGE_POOL && peak > crate::MOST_MEMORY {
                missed.push(format!("a difference {what} takes {peak} bytes of memory"));
            }
        }
    }
    Ok(())
}
