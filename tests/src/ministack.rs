//! The embedded AWS: one `ministack` process.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;

use xtask::python::Python;

/// How long it may take until it answers: under a second on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long it may take to stop by itself.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// How an embedded AWS is started.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// Whether IAM policies are enforced, those of the Lambda functions' roles included.
    pub enforce_iam: bool,
    /// The endpoint of Cognito for the Lambda functions, which inherit the environment.
    pub cognito_endpoint: String,
}

/// A running `ministack`; dropping it stops it.
///
/// It also stops by itself when this process ends in any way: its standard input is a pipe
/// from here, and it runs until that ends.
#[derive(Debug)]
pub struct Ministack {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Ministack {
    /// Starts it and waits until it answers.
    ///
    /// # Errors
    /// In one line: the port is taken, or it does not answer in time.
    pub async fn start(python: &Python, options: &Options) -> Result<Self> {
        let port = free_port(options.port)?;
        let endpoint = format!("http://127.0.0.1:{port}");
        let folder = tempfile::Builder::new()
            .prefix("cognito-dr-stack-")
            .tempdir()?;
        let log = std::fs::File::create(folder.path().join("ministack.log"))?;
        let mut command = python.script("ministack_until_eof.py");
        command
            .env_clear()
            .envs(
                ["PATH", "HOME", "LANG"]
                    .iter()
                    .filter_map(|name| Some((*name, std::env::var_os(name)?))),
            )
            .env("TMPDIR", folder.path())
            // The default would listen on all interfaces.
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env(
                "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER",
                &options.cognito_endpoint,
            )
            // A second of a state machine's Wait or retry interval takes 50 ms.
            .env("SFN_WAIT_SCALE", "0.05")
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log);
        if options.enforce_iam {
            command.env("AUTH", "true");
        }
        let process = command.spawn().context("ministack does not start")?;
        let mut ministack = Self {
            process,
            port,
            folder,
        };
        ministack.wait_until_it_answers().await?;
        Ok(ministack)
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("ministack ended at once ({status}): {}", self.last_line());
            }
            if TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
                .await
                .is_ok()
            {
                return Ok(());
            }
            if began.elapsed() > START_LIMIT {
                bail!(
                    "ministack does not answer on port {} after {} s",
                    self.port,
                    START_LIMIT.as_secs()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn last_line(&self) -> String {
        let text = self.log();
        text.lines().last().unwrap_or("its log is empty").to_owned()
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("ministack.log")).unwrap_or_default()
    }

    /// The endpoint of every service but Cognito.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A folder that lives as long as it does.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // The end of its input is the signal to stop: it then stops its functions too.
        drop(self.process.stdin.take());
        let began = Instant::now();
        while began.elapsed() < STOP_LIMIT {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        // Nobody is left to tell if even that fails.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn free_port(wanted: u16) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).with_context(|| {
        format!(
            "port {wanted} on 127.0.0.1 is taken: stop what uses it or choose another by --port"
        )
    })?;
    Ok(listener.local_addr()?.port())
}
