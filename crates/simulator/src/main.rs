//! The simulator as a program: `cargo run -p simulator -- --port 9229`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use simulator::{Config, Quotas, Region, Simulator, Unmeasured};

/// A strict Amazon Cognito user pools service in memory, for tests.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Loopback port; 0 takes a free one.
    #[arg(long, default_value_t = 9229)]
    port: u16,
    /// Region of seeds, and of unsigned calls that no app client places.
    #[arg(long, default_value_t = Region::default())]
    region: Region,
    /// Account of callers whose access key is not twelve digits.
    #[arg(long, default_value = "000000000000")]
    account_id: String,
    /// Pool document to put in at start; may be given several times.
    #[arg(long)]
    seed_file: Vec<PathBuf>,
    /// Factor on Cognito's request rates.
    #[arg(long, default_value_t = 1.0, conflicts_with = "no_quotas")]
    quota_scale: f64,
    /// Do not limit request rates.
    #[arg(long)]
    no_quotas: bool,
    /// Drop request members that Amazon's model does not know, as AWS does, instead of storing them.
    #[arg(long)]
    drop_unknown_members: bool,
    /// Members that an update leaves out are kept where it is not measured what becomes of them, instead of reset.
    #[arg(long)]
    keep_omitted_members: bool,
    /// Seed of ids and secrets.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let region = arguments.region.clone();
    let quotas = if arguments.no_quotas {
        Quotas::Off
    } else {
        Quotas::Scaled(arguments.quota_scale)
    };
    let simulator = Simulator::start(Config {
        port: arguments.port,
        account_id: arguments.account_id,
        default_region: arguments.region,
        keep_unknown_members: !arguments.drop_unknown_members,
        unmeasured: Unmeasured {
            omitted_members_are_kept: arguments.keep_omitted_members,
            ..Unmeasured::default()
        },
        quotas,
        seed: arguments.seed,
        worker_threads: 2,
        ..Config::default()
    })?;
    for path in &arguments.seed_file {
        let text = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let document = serde_json::from_slice(&text)
            .with_context(|| format!("{} is not JSON", path.display()))?;
        let pool = simulator
            .seed(region.as_str(), &document)
            .with_context(|| format!("putting in {}", path.display()))?;
        println!("{pool}");
    }
    println!("{}", simulator.endpoint());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime
        .block_on(tokio::signal::ctrl_c())
        .context("waiting for the signal to stop")
}
