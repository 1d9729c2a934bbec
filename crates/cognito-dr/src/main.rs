//! `cognito-dr`: back up, restore and compare Amazon Cognito user pools from a terminal.

fn main() {}
