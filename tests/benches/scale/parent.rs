//! Hosts Cognito and S3, starts the process with the library under test, and counts.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cognito::{Category, Operation};
use jiff::SignedDuration;
use model::request::UsersEngine;
use model::{BackupKey, UserPoolId};
use serde_json::json;
use simulator::{Config, Evidence, Latency, Quotas, Simulator, SimulatorHandle};
use vault::Vault;
use vault::testing::MemoryS3;

use crate::content::Content;
use crate::protocol::{BUCKET, Figures, Job, LOST, Line, Phase, Task, peak_bytes};

/// How often calls are counted to see when a category begins and ends.
const TICK: Duration = Duration::from_millis(50);

/// What a run goes by.
pub(crate) struct Circumstances {
    /// The share of the quotas; `None`: neither the library nor the simulator has quotas.
    pub(crate) share: Option<f64>,
    pub(crate) latency_milliseconds: Option<u64>,
    pub(crate) time_limit: Duration,
    /// Whether a backup lists users by `sub` prefix.
    pub(crate) by_prefix: bool,
    pub(crate) verify: bool,
}

/// What one phase of a run took.
pub(crate) struct Measured {
    pub(crate) phase: Phase,
    pub(crate) seconds: f64,
    pub(crate) peak_bytes: u64,
    pub(crate) invocations: u32,
    pub(crate) calls: BTreeMap<String, u64>,
    pub(crate) throttles: u64,
    /// Only where there are quotas.
    pub(crate) rates: BTreeMap<Category, Rate>,
    /// False where time was up before.
    pub(crate) ended: bool,
}

/// The calls of a category, from its first to its last.
pub(crate) struct Rate {
    pub(crate) calls: u64,
    pub(crate) per_second: f64,
}

/// A pool to be backed up.
pub(crate) struct Stage {
    simulator: SimulatorHandle,
    s3: MemoryS3,
    pool: UserPoolId,
}

/// A backup to be restored.
pub(crate) struct BackedUp {
    s3: MemoryS3,
    key: BackupKey,
}

impl Stage {
    pub(crate) fn with_pool(content: &Content) -> Result<Self> {
        let simulator = start()?;
        let pool = simulator.generate(LOST, &content.generator())?;
        if content.is_changed() {
            let mut document = simulator.pool(LOST, &pool)?;
            content.change(&mut document);
            simulator.plant(LOST, document)?;
        }
        let s3 = MemoryS3::start(BUCKET);
        s3.answer(
            "AWSStepFunctions.StartExecution",
            200,
            json!({"executionArn": "arn:aws:states:execution", "startDate": 1.0}),
        );
        Ok(Self {
            simulator,
            s3,
            pool: pool.parse()?,
        })
    }

    /// Backs the pool up.
    pub(crate) fn backup(&self, circumstances: &Circumstances) -> Result<Measured> {
        let task = Task::Backup {
            pool: self.pool.clone(),
            by_prefix: circumstances.by_prefix,
        };
        let mut measured = run(&self.simulator, &self.s3, task, circumstances)?;
        measured.pop().context("a backup has a phase")
    }

    /// Changes one user of a hundred, so that the next backup is a difference.
    pub(crate) fn change(&self) -> Result<()> {
        let mut document = self.simulator.pool(LOST, self.pool.as_str())?;
        for user in document.users.iter_mut().step_by(100) {
            user.enabled = !user.enabled;
        }
        self.simulator.plant(LOST, document)?;
        // A backup has the second in its name.
        std::thread::sleep(Duration::from_secs(1));
        Ok(())
    }

    /// Makes the only backup one of a week ago and one of yesterday, with which the first of a day is
    /// compared.
    pub(crate) fn age(&self) -> Result<()> {
        let keys = self.s3.keys(BUCKET).into_iter();
        let keys = keys.filter_map(|key| key.parse::<BackupKey>().ok());
        let key = keys.max_by_key(BackupKey::began);
        let key = key.context("there is no backup")?;
        let bytes = self.s3.get(BUCKET, &key.to_string());
        let bytes = bytes.context("there is no backup")?;
        for days in [1, 7] {
            let began = key.began() - SignedDuration::from_hours(24 * days);
            let key = BackupKey::new(key.pool(), began);
            self.s3.put(BUCKET, &key.to_string(), bytes.clone());
        }
        self.s3.remove(BUCKET, &key.to_string());
        Ok(())
    }

    /// Enters the first users of the pool into the list of those forgotten; gives the seconds.
    pub(crate) fn forget(&self, users: usize) -> Result<f64> {
        let document = self.simulator.pool(LOST, self.pool.as_str())?;
        let subs = document.users.iter().take(users);
        let subs = subs.filter_map(|user| user.sub.as_deref()?.parse().ok());
        let subs = subs.collect();
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let vault = Vault::in_bucket(&self.s3.config().await, BUCKET);
            let began = Instant::now();
            vault.forget(&self.pool, &subs).await?;
            Ok(began.elapsed().as_secs_f64())
        })
    }

    /// The newest backup, without the simulator and its memory.
    pub(crate) fn without_pool(self) -> Result<BackedUp> {
        let keys = self.s3.keys(BUCKET).into_iter();
        let keys = keys.filter_map(|key| key.parse::<BackupKey>().ok());
        let key = keys.max_by_key(BackupKey::began);
        Ok(BackedUp {
            key: key.context("there is no backup")?,
            s3: self.s3,
        })
    }

    /// Whether the newest backup is a difference.
    pub(crate) fn has_difference(&self) -> bool {
        let is_difference = |key: &String| {
            let tags = self.s3.tags(BUCKET, key);
            tags.is_some_and(|tags| tags.contains("difference"))
        };
        self.s3.keys(BUCKET).iter().any(is_difference)
    }

    /// A backup of the pool, made as fast as can be.
    pub(crate) fn into_backup(self) -> Result<BackedUp> {
        self.backup(&Circumstances {
            share: None,
            latency_milliseconds: None,
            time_limit: Duration::from_secs(600),
            by_prefix: false,
            verify: false,
        })?;
        self.without_pool()
    }
}

impl BackedUp {
    /// Restores the backup into an empty Cognito, and verifies if that is wanted.
    pub(crate) fn restore(
        &self,
        engine: UsersEngine,
        circumstances: &Circumstances,
    ) -> Result<Vec<Measured>> {
        let simulator = start()?;
        let task = Task::Restore {
            key: self.key.clone(),
            engine,
            verify: circumstances.verify,
        };
        run(&simulator, &self.s3, task, circumstances)
    }
}

fn start() -> Result<SimulatorHandle> {
    let config = Config {
        worker_threads: 2,
        seed: Some(1),
        ..Config::default()
    };
    Simulator::start(config).context("the simulator")
}

/// Runs the process to its end, or to the time limit.
fn run(
    simulator: &SimulatorHandle,
    s3: &MemoryS3,
    task: Task,
    circumstances: &Circumstances,
) -> Result<Vec<Measured>> {
    let unfinished = match task {
        Task::Backup { .. } => Phase::Backup,
        Task::Restore { .. } => Phase::Restore,
    };
    let paced = circumstances.share.is_some();
    simulator.set_quotas(if paced {
        Quotas::Scaled(1.0)
    } else {
        Quotas::Off
    });
    simulator.set_latency(
        circumstances
            .latency_milliseconds
            .map_or(Latency::None, Latency::Fixed),
    );
    simulator.reset_evidence();
    let job = Job {
        cognito: simulator.endpoint(),
        aws: s3.endpoint(),
        share: circumstances.share,
        task,
    };
    let mut child = Command::new(std::env::current_exe()?)
        .arg("--child")
        .arg(serde_json::to_string(&job)?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let result = follow(&mut child, simulator, circumstances, unfinished);
    if result.is_err() {
        // It may have ended by itself.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let measured = result?;
    if !status.success() && measured.iter().all(|measured| measured.ended) {
        bail!("the process under test ended with {status}");
    }
    Ok(measured)
}

fn follow(
    child: &mut Child,
    simulator: &SimulatorHandle,
    circumstances: &Circumstances,
    unfinished: Phase,
) -> Result<Vec<Measured>> {
    let mut input = child.stdin.take().context("standard input")?;
    let output = BufReader::new(child.stdout.take().context("standard output")?);
    let (sender, lines) = mpsc::channel();
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let began = Instant::now();
    let mut clock = RateClock::default();
    let mut done: Vec<Measured> = Vec::new();
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                match serde_json::from_str(&line).with_context(|| line.clone())? {
                    Line::Waiting { seconds } => {
                        simulator.advance_clock(Duration::from_secs(seconds.into()));
                    }
                    Line::Ended(figures) => {
                        let evidence = simulator.evidence();
                        clock.tick(&evidence);
                        simulator.reset_evidence();
                        let clock = std::mem::take(&mut clock);
                        done.push(Measured::new(figures, evidence, clock, true));
                    }
                }
                writeln!(input)?;
            }
            Err(RecvTimeoutError::Timeout) if circumstances.share.is_some() => {
                clock.tick(&simulator.evidence());
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(done),
        }
        if began.elapsed() > circumstances.time_limit {
            let figures = Figures {
                phase: match done.last() {
                    Some(_) => Phase::Verify,
                    None => unfinished,
                },
                seconds: began.elapsed().as_secs_f64(),
                peak_bytes: peak_bytes(&child.id().to_string()),
                invocations: 0,
            };
            child.kill()?;
            done.push(Measured::new(figures, simulator.evidence(), clock, false));
            return Ok(done);
        }
    }
}

impl Measured {
    fn new(figures: Figures, evidence: Evidence, clock: RateClock, ended: bool) -> Self {
        Self {
            phase: figures.phase,
            seconds: figures.seconds,
            peak_bytes: figures.peak_bytes,
            invocations: figures.invocations,
            throttles: evidence.throttles.values().sum(),
            calls: evidence.calls,
            rates: clock.rates(),
            ended,
        }
    }
}

/// When the calls of each category began and ended.
#[derive(Default)]
struct RateClock {
    categories: BTreeMap<Category, Span>,
    last_tick: Option<Instant>,
}

struct Span {
    /// The last time at which there was no call.
    from: Instant,
    /// The first time at which there were all calls.
    to: Instant,
    calls: u64,
}

impl RateClock {
    fn tick(&mut self, evidence: &Evidence) {
        let now = Instant::now();
        let before = self.last_tick.replace(now).unwrap_or(now);
        let mut counts: BTreeMap<Category, u64> = BTreeMap::new();
        for operation in Operation::ALL {
            let calls = evidence.calls.get(operation.name());
            *counts.entry(operation.category()).or_default() += calls.copied().unwrap_or_default();
        }
        for (category, calls) in counts.into_iter().filter(|(_, calls)| *calls > 0) {
            let span = self.categories.entry(category).or_insert(Span {
                from: before,
                to: now,
                calls: 0,
            });
            if span.calls != calls {
                span.to = now;
                span.calls = calls;
            }
        }
    }

    fn rates(&self) -> BTreeMap<Category, Rate> {
        let rate = |span: &Span| Rate {
            calls: span.calls,
            per_second: span.calls as f64
                / (span.to - span.from).as_secs_f64().max(TICK.as_secs_f64()),
        };
        self.categories
            .iter()
            .map(|(category, span)| (*category, rate(span)))
            .collect()
    }
}
