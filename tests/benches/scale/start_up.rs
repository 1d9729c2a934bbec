//! From the start of a Lambda function's process to its first poll of the runtime API, and how
//! large its package is; from the start of the command to its first call.

use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
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
        let times = times(|| start(&binary))?;
        println!(
            "| {name} | {times} | {:.2} MB | {:.2} MB |",
            size as f64 / 1e6,
            zip as f64 / 1e6,
        );
    }
    Ok(())
}

/// Measures and prints the command, which calls an endpoint that only listens. The first byte of
/// a call over TLS is sent once the system's certificates are read.
pub(crate) fn measure_command(binary: &Path) -> Result<()> {
    if !binary.is_file() {
        bail!("{} is missing: build it first", binary.display());
    }
    println!(
        "\nStart: {RUNS} starts of `cognito-dr pools` each, up to the first byte of its first call\n"
    );
    println!("| endpoint | median | fastest | slowest |");
    println!("|---|---|---|---|");
    for scheme in ["http", "https"] {
        println!("| {scheme} | {} |", times(|| first_call(binary, scheme))?);
    }
    Ok(())
}

/// Median, fastest and slowest, after a start that reads the binary from the disk.
fn times(start: impl Fn() -> Result<Duration>) -> Result<String> {
    start()?;
    let times = (0..RUNS).map(|_| start());
    let mut times = times.collect::<Result<Vec<_>>>()?;
    times.sort_unstable();
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    Ok([RUNS / 2, 0, RUNS - 1]
        .map(|place| milliseconds(times[place]))
        .join(" | "))
}

fn first_call(binary: &Path, scheme: &str) -> Result<Duration> {
    let endpoint = TcpListener::bind(("127.0.0.1", 0))?;
    endpoint.set_nonblocking(true)?;
    let url = format!("{scheme}://{}", endpoint.local_addr()?);
    let mut command = Command::new(binary);
    command
        .env_clear()
        .args(["pools", "--no-input", "--quiet", "--endpoint-url", &url]);
    for (name, value) in CREDENTIALS {
        command.env(name, value);
    }
    let read = |mut stream: TcpStream, began: Instant| {
        stream.read_exact(&mut [0])?;
        Ok(began.elapsed())
    };
    first_request(command, &endpoint, read)
}

/// One start, ended as soon as it asks for the first event.
fn start(binary: &Path) -> Result<Duration> {
    let api = TcpListener::bind(("127.0.0.1", 0))?;
    api.set_nonblocking(true)?;
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string());
    for (name, value) in CREDENTIALS.iter().chain(ENVIRONMENT) {
        command.env(name, value);
    }
    let read = |stream, began: Instant| {
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        if line.starts_with("GET /2018-06-01/runtime/invocation/next ") {
            return Ok(began.elapsed());
        }
        bail!("the function asked for {line:?}");
    };
    first_request(command, &api, read)
}

/// Starts a program, reads the beginning of its first request, and ends it.
fn first_request(
    mut command: Command,
    listener: &TcpListener,
    read: impl Fn(TcpStream, Instant) -> Result<Duration>,
) -> Result<Duration> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // One file of certificates in place of all that this machine has.
    if let Some(file) = std::env::var_os("SSL_CERT_FILE") {
        command.env("SSL_CERT_FILE", file);
    }
    let began = Instant::now();
    let mut child = command.spawn()?;
    let requested = accept(listener, began).and_then(|stream| read(stream, began));
    child.kill()?;
    child.wait()?;
    requested.with_context(|| format!("{}", command.get_program().display()))
}

fn accept(listener: &TcpListener, began: Instant) -> Result<TcpStream> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if began.elapsed() > PATIENCE {
                    bail!("it sends no request");
                }
                std::thread::sleep(Duration::from_micros(100));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What both have in their environment.
const CREDENTIALS: &[(&str, &str)] = &[
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "test"),
    ("AWS_SECRET_ACCESS_KEY", "test"),
];

/// What Lambda and the templates set.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("AWS_LAMBDA_FUNCTION_NAME", "function"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "group"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "stream"),
    ("USER_POOL_IDS", "us-east-1_Abcdefghi"),
    ("BACKUP_BUCKET", "bucket"),
    ("BACKUP_TABLE", "table"),
    ("SOURCE_BUCKET", "bucket"),
    ("SNS_TOPIC_ARN", "arn:aws:sns:us-east-1:000000000000:topic"),
    ("TRIGGER_FUNCTION", "trigger"),
    ("BACKUP_FUNCTION", "backup"),
    (
        "STATE_MACHINE_ARN",
        "arn:aws:states:us-east-1:000000000000:stateMachine:machine",
    ),
];
