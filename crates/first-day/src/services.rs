//! Things outside Cognito: roles and users of IAM, buckets, web ACLs. How each is made and removed.

pub(crate) mod remove;

use aws_sdk_iam::types::Tag as IamTag;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Tag, Tagging,
    VersioningConfiguration,
};
use aws_sdk_wafv2::types::{BlockAction, DefaultAction, Scope, VisibilityConfig};
use serde_json::{Value, json};

use crate::account::{Restricted, Side};
use crate::journal::Kind;
use crate::scratch::{Refusal, Scratch, TAG, Trouble};

/// The path of all roles and users in IAM: nothing else is under it.
pub const PATH: &str = "/cognito-backup-first-day/";
/// The one inline policy of a role or user.
pub(crate) const POLICY: &str = "first-day";

/// What a client of the SDK answered: a refusal is an answer.
///
/// # Errors
/// When no answer came.
pub(crate) fn answered<T, E>(
    operation: &str,
    result: Result<T, SdkError<E>>,
) -> Result<Result<T, Refusal>, Trouble>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match result {
        Ok(answer) => Ok(Ok(answer)),
        Err(SdkError::ServiceError(error)) if error.raw().status().as_u16() < 500 => {
            let (status, error) = (error.raw().status().as_u16(), error.err());
            Ok(Err(Refusal {
                code: error
                    .code()
                    .map_or_else(|| format!("Http{status}"), str::to_owned),
                text: error.message().unwrap_or_default().to_owned(),
            }))
        }
        Err(error) => Err(Trouble::NoAnswer {
            operation: operation.to_owned(),
            cause: model::failure::with_causes(&error),
        }),
    }
}

/// As [`answered`], for what has to be accepted.
///
/// # Errors
/// When it is refused, or no answer came.
pub(crate) fn accepted<T, E>(operation: &str, result: Result<T, SdkError<E>>) -> Result<T, Trouble>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    answered(operation, result)?.map_err(|refusal| Trouble::Refused {
        operation: operation.to_owned(),
        refusal,
    })
}

fn lacks(operation: &str, lacks: &'static str) -> Trouble {
    Trouble::Unexpected {
        operation: operation.to_owned(),
        lacks,
    }
}

fn must<T>(operation: &str, made: Result<T, Refusal>) -> Result<T, Trouble> {
    made.map_err(|refusal| Trouble::Refused {
        operation: operation.to_owned(),
        refusal,
    })
}

fn policy(statements: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// A bucket that was made for a question.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) side: Side,
}

impl Bucket {
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:s3:::{}", self.name)
    }
}

impl Scratch {
    /// Makes a role that `service` may assume, with these statements as its policy; returns its
    /// ARN.
    pub(crate) async fn role(&self, service: &str, statements: Value) -> Result<String, Trouble> {
        let trust = policy(
            json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}}]),
        );
        let iam = self.iam();
        let made = self.make(Kind::Role, Side::Primary, async |thing| {
            let tag = IamTag::builder()
                .key(TAG)
                .value(self.run())
                .build()
                .map_err(|_| lacks("CreateRole", "a tag"))?;
            let created = iam
                .create_role()
                .role_name(&thing.name)
                .path(PATH)
                .assume_role_policy_document(trust)
                .tags(tag)
                .send()
                .await;
            let created = match answered("CreateRole", created)? {
                Ok(created) => created,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let arn = created
                .role
                .map(|role| role.arn)
                .ok_or_else(|| lacks("CreateRole", "a role"))?;
            Ok(Ok((thing.name.clone(), (thing.name.clone(), arn))))
        });
        let (name, arn) = must("CreateRole", made.await?)?;
        let put = iam
            .put_role_policy()
            .role_name(name)
            .policy_name(POLICY)
            .policy_document(policy(statements))
            .send()
            .await;
        accepted("PutRolePolicy", put)?;
        Ok(arn)
    }

    /// Makes a user of IAM who may do what the statements say and nothing else; returns clients
    /// with the user's key, which is written down nowhere.
    pub(crate) async fn restricted(&self, statements: Value) -> Result<Restricted, Trouble> {
        let iam = self.iam();
        let made = self.make(Kind::IamUser, Side::Primary, async |thing| {
            let tag = IamTag::builder()
                .key(TAG)
                .value(self.run())
                .build()
                .map_err(|_| lacks("CreateUser", "a tag"))?;
            let created = iam
                .create_user()
                .user_name(&thing.name)
                .path(PATH)
                .tags(tag)
                .send()
                .await;
            Ok(answered("CreateUser", created)?.map(|_| (thing.name.clone(), thing.name.clone())))
        });
        let name = must("CreateUser", made.await?)?;
        let put = iam
            .put_user_policy()
            .user_name(&name)
            .policy_name(POLICY)
            .policy_document(policy(statements))
            .send()
            .await;
        accepted("PutUserPolicy", put)?;
        let key = accepted(
            "CreateAccessKey",
            iam.create_access_key().user_name(&name).send().await,
        )?;
        let key = key
            .access_key
            .ok_or_else(|| lacks("CreateAccessKey", "a key"))?;
        Ok(self
            .on(Side::Primary)
            .restricted(&key.access_key_id, &key.secret_access_key))
    }

    /// Makes a versioned bucket.
    pub(crate) async fn bucket(&self, side: Side) -> Result<Bucket, Trouble> {
        let region = self.on(side);
        let made = self.make(Kind::Bucket, side, async |thing| {
            let mut request = region.s3.create_bucket().bucket(&thing.name);
            if region.name != "us-east-1" {
                let location = BucketLocationConstraint::from(region.name.as_str());
                request = request.create_bucket_configuration(
                    CreateBucketConfiguration::builder()
                        .location_constraint(location)
                        .build(),
                );
            }
            Ok(answered("CreateBucket", request.send().await)?
                .map(|_| (thing.name.clone(), thing.name.clone())))
        });
        let name = must("CreateBucket", made.await?)?;
        let tag = Tag::builder()
            .key(TAG)
            .value(self.run())
            .build()
            .map_err(|_| lacks("PutBucketTagging", "a tag"))?;
        let tagging = Tagging::builder()
            .tag_set(tag)
            .build()
            .map_err(|_| lacks("PutBucketTagging", "a tag"))?;
        accepted(
            "PutBucketTagging",
            region
                .s3
                .put_bucket_tagging()
                .bucket(&name)
                .tagging(tagging)
                .send()
                .await,
        )?;
        let versioned = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        accepted(
            "PutBucketVersioning",
            region
                .s3
                .put_bucket_versioning()
                .bucket(&name)
                .versioning_configuration(versioned)
                .send()
                .await,
        )?;
        Ok(Bucket { name, side })
    }

    /// Makes a web ACL that blocks everything; returns its ARN.
    pub(crate) async fn blocking_web_acl(&self) -> Result<String, Trouble> {
        let visibility = VisibilityConfig::builder()
            .sampled_requests_enabled(false)
            .cloud_watch_metrics_enabled(false)
            .metric_name("first-day")
            .build();
        let visibility = visibility.map_err(|_| lacks("CreateWebACL", "its visibility"))?;
        let block = DefaultAction::builder()
            .block(BlockAction::builder().build())
            .build();
        let made = self.make(Kind::WebAcl, Side::Primary, async |thing| {
            let waf = &self.on(Side::Primary).waf;
            let created = waf
                .create_web_acl()
                .name(&thing.name)
                .scope(Scope::Regional)
                .default_action(block)
                .visibility_config(visibility)
                .send()
                .await;
            let created = match answered("CreateWebACL", created)? {
                Ok(created) => created,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let summary = created
                .summary
                .ok_or_else(|| lacks("CreateWebACL", "a summary"))?;
            let id = summary.id.ok_or_else(|| lacks("CreateWebACL", "an id"))?;
            let arn = summary.arn.ok_or_else(|| lacks("CreateWebACL", "an ARN"))?;
            Ok(Ok((id, arn)))
        });
        must("CreateWebACL", made.await?)
    }
}
