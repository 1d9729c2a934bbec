//! What a command works with: AWS in a Region, the vault, the terminal.

use aws_config::{Region, SdkConfig};
use cognito::{Cognito, Stop};
use model::UserPoolId;
use tokio::sync::OnceCell;
use vault::Vault;

use crate::arguments::{GlobalOptions, Location, PaceOptions};
use crate::aws;
use crate::error::Error;
use crate::interrupt;
use crate::regions;
use crate::terminal::Terminal;

/// What a command works with. Made for one command; everything in it is made when it is needed.
#[derive(Debug)]
pub(crate) struct Context {
    /// The options that every command takes.
    pub(crate) options: GlobalOptions,
    /// Answers, messages and questions.
    pub(crate) terminal: Terminal,
    region: OnceCell<String>,
    aws: OnceCell<SdkConfig>,
}

impl Context {
    pub(crate) fn new(options: GlobalOptions) -> Self {
        Self {
            terminal: Terminal::new(&options),
            options,
            region: OnceCell::new(),
            aws: OnceCell::new(),
        }
    }

    /// When work is to stop: the first Ctrl-C asks for it, the second ends the command. To be
    /// called once, by commands that can go on later.
    pub(crate) fn stop(&self) -> Stop {
        interrupt::stop_on_ctrl_c(&self.terminal)
    }

    /// The Region to work in where no pool's id tells: argument, environment, profile; else a
    /// person is asked; else the machine.
    pub(crate) async fn region(&self) -> Result<&str, Error> {
        let region = self.region.get_or_try_init(|| async {
            if let Some(region) = aws::named_region(&self.options).await {
                return Ok(region);
            }
            if self.terminal.can_ask() {
                let regions = regions::of_the_partition_of(None);
                let chosen = self.terminal.choose("Region", regions).await?;
                return Ok(regions[chosen].to_owned());
            }
            let region = aws::region_of_this_machine().await;
            region.ok_or_else(|| Error::missing("the Region", "--region, AWS_REGION or a profile"))
        });
        region.await.map(String::as_str)
    }

    /// What clients of AWS in `region` are made of. All share connections and credentials.
    pub(crate) async fn aws_in(&self, region: &str) -> SdkConfig {
        let aws = self
            .aws
            .get_or_init(|| aws::sdk_config(&self.options, region.to_owned()))
            .await;
        let region = Region::new(region.to_owned());
        aws.to_builder().region(region).build()
    }

    /// What clients of AWS in the Region to work in are made of.
    pub(crate) async fn aws(&self) -> Result<SdkConfig, Error> {
        Ok(self.aws_in(self.region().await?).await)
    }

    /// What clients of AWS for a pool are made of: in the Region that was named by argument (a
    /// replica has the id of its primary pool), else in the one that the pool's id names.
    pub(crate) async fn aws_of(&self, pool: &UserPoolId) -> SdkConfig {
        let named = self.options.region.as_deref();
        self.aws_in(named.unwrap_or(pool.region())).await
    }

    /// Cognito in a Region, at the pace that was asked for.
    pub(crate) fn cognito(&self, aws: &SdkConfig, pace: &PaceOptions) -> Result<Cognito, Error> {
        let pace = pace
            .pace()
            .map_err(|error| Error::new("--quota is not understood").because_of(&error))?;
        Ok(Cognito::new(aws, pace))
    }

    /// The vault that was named.
    ///
    /// # Errors
    /// An error that names the option where none was.
    pub(crate) async fn vault(&self) -> Result<Vault, Error> {
        let vault = self.vault_if_named().await?;
        vault.ok_or_else(|| Error::missing("the vault", "--vault or COGNITO_DR_VAULT"))
    }

    /// The vault, where one was named.
    pub(crate) async fn vault_if_named(&self) -> Result<Option<Vault>, Error> {
        match &self.options.vault {
            Some(location) => Ok(Some(self.vault_at(location).await?)),
            None => Ok(None),
        }
    }

    /// What clients of the vault's bucket are made of.
    pub(crate) async fn aws_of_vault(&self) -> Result<SdkConfig, Error> {
        match &self.options.vault_region {
            Some(region) => Ok(self.aws_in(region).await),
            None => self.aws().await,
        }
    }

    /// The vault at a place.
    pub(crate) async fn vault_at(&self, location: &Location) -> Result<Vault, Error> {
        match location {
            Location::Bucket(bucket) => Ok(Vault::in_bucket(&self.aws_of_vault().await?, bucket)),
            Location::Folder(folder) => Ok(Vault::in_folder(folder)?),
        }
    }
}
