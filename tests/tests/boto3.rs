//! The simulator answers boto3 as it answers the Rust SDK.

#![allow(clippy::unwrap_used)]

use simulator::{Config, Simulator};
use xtask::python::Python;

#[test]
fn boto3_talks_to_the_simulator() {
    let Some(python) = Python::existing() else {
        assert!(
            std::env::var("LOCAL_STACK").is_err(),
            "`cargo xtask test` makes the Python environment"
        );
        eprintln!(
            "SKIPPED boto3: run `cargo xtask test`, which makes the Python environment that it needs"
        );
        return;
    };
    let simulator = Simulator::start(Config::default()).unwrap();
    let output = python
        .script("boto3_simulator.py")
        .arg(simulator.endpoint())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(simulator.evidence().calls["AdminCreateUser"] >= 70);
}
