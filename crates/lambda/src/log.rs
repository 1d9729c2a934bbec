//! Log lines, as Lambda's advanced logging controls ask for them.

use std::str::FromStr as _;

use tracing_subscriber::filter::LevelFilter;

use crate::variable;

/// Sends log lines to the standard output: JSON where `AWS_LAMBDA_LOG_FORMAT` says so, from the
/// level in `AWS_LAMBDA_LOG_LEVEL`, else `RUST_LOG`, else INFO. To be called once.
///
/// `lambda_runtime`'s own does the same by an `EnvFilter`, whose regular expressions nobody
/// writes here.
pub fn log_to_stdout() {
    let lines = tracing_subscriber::fmt()
        .with_max_level(level(variable))
        .with_target(false)
        .with_ansi(false)
        .without_time();
    match variable("AWS_LAMBDA_LOG_FORMAT") {
        Some(format) if format.eq_ignore_ascii_case("json") => lines.json().init(),
        _ => lines.init(),
    }
}

/// Lambda knows one level more than `tracing`: FATAL shows nothing but errors.
fn level(variable: impl Fn(&str) -> Option<String>) -> LevelFilter {
    let name = variable("AWS_LAMBDA_LOG_LEVEL").or_else(|| variable("RUST_LOG"));
    match name.as_deref() {
        Some(name) if name.eq_ignore_ascii_case("fatal") => LevelFilter::ERROR,
        Some(name) => LevelFilter::from_str(name).unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lambdas_level_goes_before_that_of_rust_and_what_is_no_level_is_info() {
        for (lambda, rust, expected) in [
            (None, None, LevelFilter::INFO),
            (Some("WARN"), Some("trace"), LevelFilter::WARN),
            (Some("FATAL"), None, LevelFilter::ERROR),
            (None, Some("debug"), LevelFilter::DEBUG),
            (None, Some("restore=debug"), LevelFilter::INFO),
        ] {
            let read = |name: &str| match name {
                "AWS_LAMBDA_LOG_LEVEL" => lambda.map(str::to_owned),
                "RUST_LOG" => rust.map(str::to_owned),
                _ => None,
            };
            assert_eq!(level(read), expected, "{lambda:?} {rust:?}");
        }
    }
}
