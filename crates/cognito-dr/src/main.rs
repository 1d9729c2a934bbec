//! `cognito-dr`: back up, restore and compare Amazon Cognito user pools from a terminal.

use std::process::ExitCode;

fn main() -> ExitCode {
    cognito_dr::main()
}
