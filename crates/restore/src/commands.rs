//! Ready commands for what is left to the operator: they can be pasted into a shell that has the
//! AWS CLI, and `jq` where a whole configuration has to be sent back.

use serde_json::Value;

/// `aws cognito-idp {command} --region ... --user-pool-id ... {arguments}`.
pub(crate) fn cognito(
    region: &str,
    pool: &str,
    command: &str,
    arguments: &[(&str, &str)],
) -> String {
    let mut line = format!(
        "aws cognito-idp {command} --region {region} --user-pool-id {}",
        quote(pool)
    );
    for (name, value) in arguments {
        line.push_str(&format!(" --{name} {}", quote(value)));
    }
    line
}

/// A command that changes the pool by the jq filter `change`. An update replaces the whole
/// configuration (facts B.1), so the command sends all of it back.
pub(crate) fn change_pool(region: &str, pool: &str, change: &str) -> String {
    let strip = "del(.Arn,.CreationDate,.CustomDomain,.Domain,.EmailConfigurationFailure,\
                 .EstimatedNumberOfUsers,.Id,.LastModifiedDate,.Name,.SchemaAttributes,\
                 .SmsConfigurationFailure,.Status,.AliasAttributes,.UsernameAttributes,\
                 .UsernameConfiguration,.SmsVerificationMessage,.EmailVerificationMessage,\
                 .EmailVerificationSubject,.AcrConfiguration,\
                 .AdminCreateUserConfig.UnusedAccountValidityDays)";
    let filter = format!(".UserPool | {strip} | .UserPoolId = \"{pool}\" | {change}");
    format!(
        "{describe} | jq {filter} > pool.json && \
         aws cognito-idp update-user-pool --region {region} --cli-input-json file://pool.json",
        describe = cognito(region, pool, "describe-user-pool", &[]),
        filter = quote(&filter),
    )
}

/// A command that changes an app client by the jq filter `change`.
pub(crate) fn change_client(region: &str, pool: &str, client: &str, change: &str) -> String {
    let strip = "del(.ClientSecret,.CreationDate,.LastModifiedDate,.ClientType)";
    let filter = format!(".UserPoolClient | {strip} | {change}");
    format!(
        "{describe} | jq {filter} > client.json && \
         aws cognito-idp update-user-pool-client --region {region} --cli-input-json file://client.json",
        describe = cognito(
            region,
            pool,
            "describe-user-pool-client",
            &[("client-id", client)]
        ),
        filter = quote(&filter),
    )
}

/// A JSON value as an argument.
pub(crate) fn json(value: &Value) -> String {
    value.to_string()
}

/// A text as one word of a shell.
pub(crate) fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_quoted_for_a_shell() {
        assert_eq!(quote("us-west-2_Ab"), "us-west-2_Ab");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quote(""), "''");
        assert_eq!(
            cognito(
                "us-west-2",
                "us-west-2_A",
                "create-group",
                &[("group-name", "my group")]
            ),
            "aws cognito-idp create-group --region us-west-2 --user-pool-id us-west-2_A --group-name 'my group'"
        );
    }

    #[test]
    fn a_change_of_the_pool_sends_the_whole_configuration_back() {
        let command = change_pool(
            "us-west-2",
            "us-west-2_A",
            ".DeletionProtection = \"ACTIVE\"",
        );
        assert!(command.starts_with("aws cognito-idp describe-user-pool"));
        assert!(command.contains("update-user-pool"), "{command}");
        assert!(!command.contains('\n'));
    }
}
