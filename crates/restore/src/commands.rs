//! Ready commands for what is left to the operator: they can be pasted into a shell that has the
//! AWS CLI, and `jq` where a whole configuration has to be sent back.
//!
//! All of them are made here, and every value in them is quoted here: names, addresses and
//! domains come from the backup, and who could write there must not write commands.

use model::restore::RestoreState;
use serde_json::Value;

use crate::context::RestoreSettings;
use crate::steps::pool_document::explicit_defaults;

/// `aws {command} --region ... {arguments}`, such as `wafv2 associate-web-acl`.
pub fn aws(command: &str, region: &str, arguments: &[(&str, &str)]) -> String {
    let mut line = format!("aws {command} --region {}", quote(region));
    for (name, value) in arguments {
        line.push_str(&format!(" --{name} {}", quote(value)));
    }
    line
}

/// `aws cognito-idp {command} --region ... --user-pool-id ... {arguments}`.
pub(crate) fn cognito(
    region: &str,
    pool: &str,
    command: &str,
    arguments: &[(&str, &str)],
) -> String {
    let arguments = [&[("user-pool-id", pool)], arguments].concat();
    aws(&format!("cognito-idp {command}"), region, &arguments)
}

/// Starts a restore of the same pool anew, or goes on with this one: in the way in which it was
/// started, by the deployed function or from a terminal.
pub(crate) fn restore(settings: &RestoreSettings, state: &RestoreState, goes_on: bool) -> String {
    let (region, function) = (&settings.region, &settings.trigger_function);
    let (pool, id) = (&state.user_pool_id, &state.restore_id);
    if function.is_empty() {
        let backup = quote(&state.s3_key.to_string());
        let resume = goes_on.then(|| format!(" --resume {id}"));
        let resume = resume.unwrap_or_default();
        return format!("cognito-dr restore {backup} --region {region}{resume}");
    }
    let resume = goes_on.then(|| format!(r#", "resume": "{id}""#));
    let payload = format!(
        r#"{{"user_pool_id": "{pool}"{}}}"#,
        resume.unwrap_or_default()
    );
    let payload = quote(&payload);
    format!(
        "aws lambda invoke --region {region} --function-name {function} --cli-binary-format raw-in-base64-out --payload {payload} response.json"
    )
}

/// Copies the object or the file of an address to `to`.
pub(crate) fn copy(address: &str, to: &str) -> String {
    let copy = match address.starts_with("s3://") {
        true => "aws s3 cp",
        false => "cp",
    };
    format!("{copy} {} {to}", quote(address))
}

/// A command that changes the pool by the jq filter `change`. An update keeps some of what it
/// leaves out and resets other (facts 0.1), so the command says all that the pool has, and the
/// defaults of what it does not show.
pub(crate) fn change_pool(region: &str, pool: &str, change: &str) -> String {
    let strip = "del(.Arn,.CreationDate,.CustomDomain,.Domain,.EmailConfigurationFailure,\
                 .EstimatedNumberOfUsers,.Id,.LastModifiedDate,.SchemaAttributes,\
                 .SmsConfigurationFailure,.Status,.AliasAttributes,.UsernameAttributes,\
                 .UsernameConfiguration,.SmsVerificationMessage,.EmailVerificationMessage,\
                 .EmailVerificationSubject,.AdminCreateUserConfig.UnusedAccountValidityDays)";
    let name = ".PoolName = .Name | del(.Name)";
    // Default names need a feature plan (facts A.1).
    let levels = ".AcrConfiguration |= with_entries(select(.value.AcrValue | startswith(\"urn:cognito:loa:\") | not))";
    let levels = format!(
        "if .AcrConfiguration then {levels} else . end | if .AcrConfiguration == {{}} then del(.AcrConfiguration) else . end"
    );
    let defaults = explicit_defaults();
    let filter = format!(
        "{defaults} * .UserPool | {strip} | {name} | {levels} | .UserPoolId = \"{pool}\" | {change}"
    );
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

/// Sends invitations to the users of a list, and goes on where it stopped.
pub(crate) fn invite(region: &str, pool: &str, list: &str) -> String {
    let [region, pool, list] = [region, pool, list].map(quote);
    format!("cognito-dr users invite {pool} --region {region} --from {list}")
}

/// A text within a jq filter.
pub(crate) fn jq_text(text: &str) -> String {
    Value::from(text).to_string()
}

/// A JSON value as an argument.
pub(crate) fn json(value: &Value) -> String {
    value.to_string()
}

/// A text as one word of a shell.
pub fn quote(text: &str) -> String {
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

    /// The code of this crate, file by file, without its tests.
    fn sources(folder: &std::path::Path, found: &mut Vec<(std::path::PathBuf, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if !path.to_string_lossy().contains("tests") {
                let source = std::fs::read_to_string(&path).unwrap();
                let code = source.split("#[cfg(test)]").next().unwrap_or_default();
                found.push((path, code.to_owned()));
            }
        }
    }

    #[test]
    fn commands_are_made_in_one_place_and_nothing_is_put_between_quotes_of_ones_own() {
        let mut found = Vec::new();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        sources(&folder, &mut found);
        assert!(found.len() > 50);
        for (path, code) in found {
            if !path.ends_with("commands.rs") {
                assert!(!code.contains("\"aws "), "{path:?} makes a command");
                assert!(!code.contains("\\\"{"), "{path:?} quotes a value");
            }
        }
    }

    #[test]
    fn a_domain_of_the_backup_cannot_write_a_command() {
        let hostile = "x.example.com; rm -rf $HOME 'y'";
        let command = aws(
            "cognito-idp describe-user-pool-domain",
            "us-west-2",
            &[("domain", hostile)],
        );
        assert!(
            command.ends_with(r"--domain 'x.example.com; rm -rf $HOME '\''y'\'''"),
            "{command}"
        );
        assert_eq!(jq_text("a\"; b"), r#""a\"; b""#);
        assert_eq!(copy("s3://dr/a b", "."), "aws s3 cp 's3://dr/a b' .");
        assert_eq!(copy("/dr/a b", "."), "cp '/dr/a b' .");
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

    #[test]
    fn a_change_of_the_pool_says_every_member_as_the_restore_does() {
        use std::io::Write;
        use std::process::{Command, Stdio};

        use serde_json::json;

        let described = json!({
            "Id": "us-west-2_A", "Name": "it's a pool", "Arn": "arn", "SchemaAttributes": [{"Name": "sub"}],
            "EmailVerificationMessage": "m {####}", "VerificationMessageTemplate": {"EmailMessage": "m {####}"},
            "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": true, "UnusedAccountValidityDays": 7},
            "Policies": {"PasswordPolicy": {"MinimumLength": 9}}, "UserPoolTags": {"a": "b"},
            "AcrConfiguration": {"Level1": {"AcrValue": "urn:cognito:loa:1"}, "Level2": {"AcrValue": "two"}},
        });
        let command = change_pool(
            "us-west-2",
            "us-west-2_A",
            ".DeletionProtection = \"ACTIVE\"",
        );
        let (_, command) = command.split_once(" | ").unwrap();
        let (filter, _) = command.split_once(" > pool.json").unwrap();
        let mut shell = Command::new("sh")
            .args(["-c", filter])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answer = json!({"UserPool": described}).to_string();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(answer.as_bytes())
            .unwrap();
        let output = shell.wait_with_output().unwrap();
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut expected = crate::steps::pool_document::update(&described);
        expected.insert("DeletionProtection".into(), "ACTIVE".into());
        assert_eq!(found, Value::Object(expected));
    }
}
