//! What the simulator holds and how fast it is: `cargo bench -p simulator`.
//!
//! Figures: memory of a pool of a million users, pages a second of ListUsers, users a second of AdminCreateUser, all
//! over HTTP from this process, so callers and simulator share the machine. The environment variable
//! `SIMULATOR_BENCH_USERS` changes the size of the pool. It fails when a figure misses what the simulator promises.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use simulator::{Config, GeneratorConfig, Simulator, SimulatorHandle};

const REGION: &str = "eu-central-1";
/// Connections that call at the same time.
const CALLERS: usize = 2;
/// How long each rate is measured.
const MEASURED: Duration = Duration::from_secs(5);

const MAX_BYTES_FOR_A_MILLION: u64 = 3 * 1024 * 1024 * 1024;
const MIN_PAGES: f64 = 1_000.0;
const MIN_CREATIONS: f64 = 3_000.0;

fn main() -> ExitCode {
    // `cargo test --benches` runs this too, and wants no measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return ExitCode::SUCCESS;
    }
    let users: usize = std::env::var("SIMULATOR_BENCH_USERS")
        .ok()
        .and_then(|users| users.parse().ok())
        .unwrap_or(1_000_000);
    let simulator = Simulator::start(Config {
        worker_threads: 2,
        ..Config::default()
    })
    .expect("a free port");
    let empty = resident_bytes();
    let start = Instant::now();
    let pool = simulator
        .generate(REGION, &GeneratorConfig::plain(users))
        .expect("a pool");
    let generated = start.elapsed();
    let bytes = resident_bytes();
    println!(
        "{users} users: {:.0} MiB resident ({:.0} bytes a user), generated in {:.1} s",
        bytes as f64 / f64::from(1 << 20),
        bytes.saturating_sub(empty) as f64 / users as f64,
        generated.as_secs_f64()
    );
    let pages = rate(&simulator, |caller, connection| {
        list_pages(connection, &pool, caller)
    });
    println!("ListUsers: {pages:.0} pages of 60 users a second");
    let creations = rate(&simulator, |caller, connection| {
        create_users(connection, &pool, caller)
    });
    println!("AdminCreateUser: {creations:.0} users a second");
    println!(
        "peak resident memory: {:.0} MiB",
        peak_bytes() as f64 / f64::from(1 << 20)
    );
    let fits = peak_bytes() * 1_000_000 / (users as u64).max(1_000_000) <= MAX_BYTES_FOR_A_MILLION;
    if fits && pages >= MIN_PAGES && creations >= MIN_CREATIONS {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Calls a second over all callers. `work` calls once per invocation until time is up.
fn rate(simulator: &SimulatorHandle, work: impl Fn(usize, &mut Connection) -> u64 + Sync) -> f64 {
    let start = Instant::now();
    let calls: u64 = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let work = &work;
                scope.spawn(move || work(caller, &mut Connection::open(simulator)))
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("a caller"))
            .sum()
    });
    calls as f64 / start.elapsed().as_secs_f64()
}

fn list_pages(connection: &mut Connection, pool: &str, _caller: usize) -> u64 {
    let start = Instant::now();
    let (mut pages, mut token) = (0, None);
    while start.elapsed() < MEASURED {
        let answer = connection.call(
            "ListUsers",
            &json!({"UserPoolId": pool, "PaginationToken": token}),
        );
        // Reading all of a page would measure the reader.
        token = token_of(&answer);
        pages += 1;
    }
    pages
}

fn create_users(connection: &mut Connection, pool: &str, caller: usize) -> u64 {
    let start = Instant::now();
    let mut created = 0;
    while start.elapsed() < MEASURED {
        let name = format!("bench-{caller}-{created}");
        let answer = connection.call(
            "AdminCreateUser",
            &json!({
                "UserPoolId": pool,
                "Username": name,
                "MessageAction": "SUPPRESS",
                "TemporaryPassword": "Str0ng!password",
                "UserAttributes": [
                    {"Name": "email", "Value": format!("{name}@example.com")},
                    {"Name": "email_verified", "Value": "true"},
                    {"Name": "given_name", "Value": "Ada"},
                    {"Name": "family_name", "Value": "Lovelace"},
                ],
            }),
        );
        assert!(answer.starts_with(b"{\"User\""), "a refusal");
        created += 1;
    }
    created
}

fn token_of(answer: &[u8]) -> Option<Value> {
    let tail = &answer[answer.len().saturating_sub(400)..];
    let text = String::from_utf8_lossy(tail);
    let start = text.find("\"PaginationToken\":\"")? + "\"PaginationToken\":\"".len();
    let end = text[start..].find('"')?;
    Some(json!(text[start..start + end]))
}

/// A connection that is kept.
struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(simulator: &SimulatorHandle) -> Self {
        let address = simulator
            .endpoint()
            .trim_start_matches("http://")
            .to_owned();
        let stream = TcpStream::connect(address).expect("the simulator listens");
        stream.set_nodelay(true).expect("an option");
        Self {
            stream: BufReader::new(stream),
        }
    }

    fn call(&mut self, operation: &str, request: &Value) -> Vec<u8> {
        let body = request.to_string();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-amz-target: AWSCognitoIdentityProviderService.{operation}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261121/{REGION}/cognito-idp/aws4_request, \
             SignedHeaders=host, Signature=0\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream
            .get_mut()
            .write_all(head.as_bytes())
            .expect("the request goes out");
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a header");
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("a body");
        answer
    }
}

fn resident_bytes() -> u64 {
    status_bytes("VmRSS:")
}

fn peak_bytes() -> u64 {
    status_bytes("VmHWM:")
}

/// A figure of this process from the kernel; 0 where there is none.
fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap_or_default();
    line.split_whitespace()
        .nth(1)
        .and_then(|figure| figure.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}
