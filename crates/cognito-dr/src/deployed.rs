//! The stack in the recovery Region: its functions, the executions of its state machine, and its
//! bucket, by the names that `template-dr.yaml` gives them.

use std::collections::HashMap;
use std::str::FromStr;

use aws_config::SdkConfig;
use aws_sdk_lambda::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use clap::Args;
use model::RestoreId;

use crate::arguments::Location;
use crate::context::Context;
use crate::error::Error;

/// Which stack is meant.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Deployed stack")]
pub(crate) struct StackOptions {
    /// The parameter Environment of the stack in the recovery Region (--region)
    #[arg(
        long,
        value_name = "NAME",
        default_value = "prod",
        env = "COGNITO_DR_ENVIRONMENT",
        hide_env_values = true
    )]
    pub(crate) environment: String,
}

impl StackOptions {
    /// The function that starts restores.
    pub(crate) fn trigger(&self) -> String {
        format!("cognito-manual-dr-trigger-{}", self.environment)
    }

    /// The function that says whether the bad day could come.
    pub(crate) fn ready(&self) -> String {
        format!("cognito-dr-ready-{}", self.environment)
    }

    /// The function of the stack in a primary Region.
    pub(crate) fn backup(&self) -> String {
        format!("cognito-backup-{}", self.environment)
    }

    fn restore(&self) -> String {
        format!("cognito-restore-{}", self.environment)
    }

    /// An execution: by its ARN, or by its name, which is the id of the restore that it began.
    pub(crate) async fn execution(
        &self,
        context: &Context,
        named: &str,
    ) -> Result<Execution, Error> {
        if named.starts_with("arn:") {
            return named.parse();
        }
        let machine = variable(context, &self.trigger(), "STATE_MACHINE_ARN").await?;
        format!(
            "{}:{named}",
            machine.replace(":stateMachine:", ":execution:")
        )
        .parse()
    }

    /// The bucket of backups and restores: the vault that was named, else that of the stack.
    pub(crate) async fn bucket(&self, context: &Context) -> Result<Bucket, Error> {
        let name = match &context.options.vault {
            Some(Location::Bucket(bucket)) => bucket.clone(),
            Some(Location::Folder(_)) => {
                return Err(Error::new(
                    "the deployed stack keeps restores in its bucket, not in a folder",
                )
                .hint("Leave out --vault, or name the bucket of the stack."));
            }
            None => variable(context, &self.restore(), "SOURCE_BUCKET")
                .await
                .map_err(|error| error.hint("Or name the bucket by --vault s3://BUCKET."))?,
        };
        let aws = match (&context.options.vault, &context.options.vault_region) {
            (Some(_), Some(region)) => context.aws_in(region).await,
            _ => context.aws().await?,
        };
        Ok(Bucket::new(&aws, name))
    }
}

/// What the stack set in the environment of one of its functions.
async fn variable(context: &Context, function: &str, variable: &str) -> Result<String, Error> {
    let set = variables(&context.aws().await?, function).await?;
    set.get(variable).cloned().ok_or_else(|| {
        Error::new(format!(
            "the function {function} has no {variable}: it is not of this system"
        ))
    })
}

/// All that a stack set in the environment of one of its functions.
pub(crate) async fn variables(
    aws: &SdkConfig,
    function: &str,
) -> Result<HashMap<String, String>, Error> {
    let request = aws_sdk_lambda::Client::new(aws)
        .get_function_configuration()
        .function_name(function);
    let configuration = request
        .send()
        .await
        .map_err(|error| about_function(function, aws, error))?;
    let variables = configuration.environment().and_then(|set| set.variables());
    Ok(variables.cloned().unwrap_or_default())
}

/// What Lambda said about a function.
pub(crate) fn about_function<E>(function: &str, aws: &SdkConfig, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    if error.code() == Some("ResourceNotFoundException") {
        let region = aws.region().map(ToString::to_string).unwrap_or_default();
        return Error::new(format!("there is no function {function} in {region}")).hint(
            "Name the recovery Region by --region, and the stack's Environment by --environment.",
        );
    }
    failed(&format!("cannot use the function {function}"), error)
}

/// What a service said that did not do what it was asked.
pub(crate) fn failed<E>(what: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let failure = match error.code() {
        Some(code) if code.contains("AccessDenied") || code.contains("Token") => {
            model::Failure::NotAuthorized
        }
        Some(_) => model::Failure::Refused,
        None => model::Failure::ServiceUnavailable,
    };
    Error::new(format!("{what}: {}", DisplayErrorContext(error))).with_hint_for(failure)
}

/// An execution of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Execution {
    /// Its ARN.
    pub(crate) arn: String,
    /// The Region that it runs in.
    pub(crate) region: String,
    /// Its name.
    pub(crate) name: String,
    account: String,
    machine: String,
}

impl Execution {
    /// The bucket of its stack: the vault that was named, else by the name that the stack gives it.
    pub(crate) async fn bucket(&self, context: &Context) -> Option<Bucket> {
        if let Some(Location::Bucket(name)) = &context.options.vault {
            let region = context.options.vault_region.as_deref();
            let aws = context.aws_in(region.unwrap_or(&self.region)).await;
            return Some(Bucket::new(&aws, name.clone()));
        }
        let environment = self.machine.strip_prefix("cognito-dr-orchestration-")?;
        let name = format!("cognito-backup-dr-{environment}-{}", self.account);
        Some(Bucket::new(&context.aws_in(&self.region).await, name))
    }
}

impl FromStr for Execution {
    type Err = Error;

    fn from_str(arn: &str) -> Result<Self, Error> {
        let parts: Vec<&str> = arn.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "states", region, account, "execution", machine, name] => Ok(Self {
                arn: arn.to_owned(),
                region: (*region).to_owned(),
                account: (*account).to_owned(),
                machine: (*machine).to_owned(),
                name: (*name).to_owned(),
            }),
            _ => Err(Error::new(format!("{arn} is not the ARN of an execution")).hint(
                "It is arn:aws:states:REGION:ACCOUNT:execution:STATE-MACHINE:NAME, as `cognito-dr trigger` prints it.",
            )),
        }
    }
}

/// The bucket in which restores leave their reports.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    s3: aws_sdk_s3::Client,
    name: String,
}

impl Bucket {
    fn new(aws: &SdkConfig, name: String) -> Self {
        let s3 = aws_sdk_s3::Client::new(aws);
        Self { s3, name }
    }

    /// The place of an object that a restore left.
    pub(crate) fn place(&self, restore: &RestoreId, object: &str) -> String {
        format!("s3://{}/{}", self.name, restore.object_key(object))
    }

    /// An object that a restore left; none where it is not there.
    pub(crate) async fn object(
        &self,
        restore: &RestoreId,
        object: &str,
    ) -> Result<Option<ByteStream>, Error> {
        let request = self.s3.get_object().bucket(&self.name);
        match request.key(restore.object_key(object)).send().await {
            Ok(found) => Ok(Some(found.body)),
            Err(error) if error.code() == Some("NoSuchKey") => Ok(None),
            Err(error) => {
                let what = format!("cannot read {}", self.place(restore, object));
                Err(failed(&what, error))
            }
        }
    }

    /// The content of a small object.
    pub(crate) async fn content(
        &self,
        restore: &RestoreId,
        object: &str,
    ) -> Result<Option<Vec<u8>>, Error> {
        let Some(body) = self.object(restore, object).await? else {
            return Ok(None);
        };
        let bytes = body.collect().await.map_err(|error| {
            Error::new(format!("cannot read {}", self.place(restore, object))).because_of(&error)
        })?;
        Ok(Some(bytes.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_is_named_by_its_arn() {
        let arn =
            "arn:aws:states:us-west-2:111122223333:execution:cognito-dr-orchestration-prod:r-1";
        let execution: Execution = arn.parse().unwrap();
        assert_eq!(execution.region, "us-west-2");
        assert_eq!(
            (execution.name.as_str(), execution.arn.as_str()),
            ("r-1", arn)
        );
        for other in ["r-1", "arn:aws:states:us-west-2:1:stateMachine:m", ""] {
            assert!(other.parse::<Execution>().is_err(), "{other}");
        }
    }
}
