//! Amazon Resource Names, as far as rules look into them.

/// The Region in an ARN; empty for global resources and for what is no ARN.
pub(super) fn region(arn: &str) -> &str {
    part(arn, 3)
}

/// The account in an ARN; empty where the service has none in its ARNs (S3) and for what is no ARN.
pub(super) fn account(arn: &str) -> &str {
    part(arn, 4)
}

/// What comes after the account: `role/name`, `function:name`.
pub(super) fn resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}

fn part(arn: &str, index: usize) -> &str {
    arn.splitn(6, ':').nth(index).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_an_arn_are_found_and_what_is_no_arn_has_none() {
        let function = "arn:aws:lambda:eu-west-1:111111111111:function:name:1";
        assert_eq!(region(function), "eu-west-1");
        assert_eq!(account(function), "111111111111");
        assert_eq!(resource(function), "function:name:1");
        assert_eq!(region("arn:aws:iam::111111111111:role/r"), "");
        assert_eq!(account("nothing"), "");
        assert_eq!(resource("nothing"), "");
    }
}
