//! From the start of a Lambda function's process to its first poll of the runtime API, and how
//! large its package is.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use xtask::package::{Purpose, package};
use xtask::workspace::{self, LAMBDAS};

const RUNS: usize = 31;
/// Longer than any start takes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where `cargo xtask package` leaves the binaries for this processor.
pub(crate) fn default_folder() -> PathBuf {
    let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    workspace::target().join(triple).join("release")
}

/// Measures and prints each function.
pub(crate) fn measure(folder: &Path) -> Result<()> {
    println!("\nStart: {RUNS} starts each, with a runtime API that only listens\n");
    println!("| function | median | fastest | slowest | binary | package (zip) |");
    println!("|---|---|---|---|---|---|");
    for name in LAMBDAS {
        let binary = folder.join(name);
        if !binary.is_file() {
            bail!("{} is missing: cargo xtask package", binary.display());
        }
        let size = binary.metadata()?.len();
        let zip = package(&binary, Purpose::Deployment)?.len();
        // The first start reads the binary from the disk.
        start(&binary)?;
        let mut times = (0..RUNS)
            .map(|_| start(&binary))
            .collect::<Result<Vec<_>>>()?;
        times.sort_unstable();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        println!(
            "| {name} | {:.1} ms | {:.1} ms | {:.1} ms | {:.2} MB | {:.2} MB |",
            milliseconds(times[RUNS / 2]),
            milliseconds(times[0]),
            milliseconds(times[RUNS - 1]),
            size as f64 / 1e6,
            zip as f64 / 1e6,
        );
    }
    Ok(())
}

/// One start, ended as soon as it asks for the first event.
fn start(binary: &Path) -> Result<Duration> {
    let api = TcpListener::bind(("127.0.0.1", 0))?;
    api.set_nonblocking(true)?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for (name, value) in ENVIRONMENT {
        command.env(name, value);
    }
    // One file of certificates in place of all that this machine has.
    if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
        command.env("SSL_CERT_FILE", file);
    }
    let began = Instant::now();
    let mut child = command.spawn()?;
    let polled = first_poll(&api, began);
    child.kill()?;
    child.wait()?;
    polled.with_context(|| binary.display().to_string())
}

fn first_poll(api: &TcpListener, began: Instant) -> Result<Duration> {
    loop {
        match api.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                let mut line = String::new();
                BufReader::new(stream).read_line(&mut line)?;
                let elapsed = began.elapsed();
                if line.starts_with("GET /2018-06-01/runtime/invocation/next ") {
                    return Ok(elapsed);
                }
                bail!("the function asked for {line:?}");
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if began.elapsed() > PATIENCE {
                    bail!("it does not ask for events");
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What Lambda and the templates set.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
    ("USER_POOL_IDS", "us-east-1_Abcdefghi"),
    ("BACKUP_BUCKET", "bucket"),
    ("BACKUP_TABLE", "table"),
    ("SOURCE_BUCKET", "bucket"),
    ("SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:topic"),
    ("TRIGGER_FUNCTION", "trigger"),
    (
        "STATE_MACHINE_ARN",
        "arn:aws:states:us-east-1:000000000000:stateMachine:machine",
    ),
];
