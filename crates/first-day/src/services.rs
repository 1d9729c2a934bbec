//! Things outside Cognito: roles and users of IAM, buckets, web ACLs. How each is made and removed.

use aws_sdk_iam::types::Tag as IamTag;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, Delete,
    ObjectIdentifier, Tag, Tagging, VersioningConfiguration,
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

/// Removing them; what is not there is as good as removed.
pub(crate) mod remove {
    use super::*;
    use crate::account::{Account, Region};
    use crate::clean_up::{PREFIX, RemovalError};

    fn gone<T, E>(
        operation: &str,
        result: Result<T, SdkError<E>>,
    ) -> Result<Option<T>, RemovalError>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        const MISSING: [&str; 5] = [
            "NoSuchEntity",
            "NoSuchBucket",
            "NotFound",
            "NoSuchTagSet",
            "WAFNonexistentItemException",
        ];
        match answered(operation, result)? {
            Ok(answer) => Ok(Some(answer)),
            Err(refusal) if MISSING.contains(&refusal.code.as_str()) => Ok(None),
            Err(refusal) => Err(RemovalError::Other(Trouble::Refused {
                operation: operation.to_owned(),
                refusal,
            })),
        }
    }

    pub(crate) async fn role(account: &Account, name: &str) -> Result<(), RemovalError> {
        let iam = &account.iam;
        gone(
            "DeleteRolePolicy",
            iam.delete_role_policy()
                .role_name(name)
                .policy_name(POLICY)
                .send()
                .await,
        )?;
        gone("DeleteRole", iam.delete_role().role_name(name).send().await)?;
        Ok(())
    }

    pub(crate) async fn user(account: &Account, name: &str) -> Result<(), RemovalError> {
        let iam = &account.iam;
        let keys = gone(
            "ListAccessKeys",
            iam.list_access_keys().user_name(name).send().await,
        )?;
        for key in keys.into_iter().flat_map(|keys| keys.access_key_metadata) {
            let deleted = iam
                .delete_access_key()
                .user_name(name)
                .set_access_key_id(key.access_key_id)
                .send()
                .await;
            gone("DeleteAccessKey", deleted)?;
        }
        gone(
            "DeleteUserPolicy",
            iam.delete_user_policy()
                .user_name(name)
                .policy_name(POLICY)
                .send()
                .await,
        )?;
        gone("DeleteUser", iam.delete_user().user_name(name).send().await)?;
        Ok(())
    }

    /// Empties a bucket of all versions and unfinished uploads, and removes it.
    pub(crate) async fn bucket(region: &Region, name: &str) -> Result<(), RemovalError> {
        let s3 = &region.s3;
        loop {
            let listed = s3
                .list_object_versions()
                .bucket(name)
                .max_keys(1000)
                .send()
                .await;
            let Some(listed) = gone("ListObjectVersions", listed)? else {
                return Ok(());
            };
            let versions = listed
                .versions()
                .iter()
                .map(|version| (version.key(), version.version_id()));
            let markers = listed
                .delete_markers()
                .iter()
                .map(|marker| (marker.key(), marker.version_id()));
            let objects: Vec<ObjectIdentifier> = versions
                .chain(markers)
                .filter_map(|(key, version)| {
                    ObjectIdentifier::builder()
                        .key(key?)
                        .set_version_id(version.map(str::to_owned))
                        .build()
                        .ok()
                })
                .collect();
            if objects.is_empty() {
                break;
            }
            let Ok(delete) = Delete::builder()
                .set_objects(Some(objects))
                .quiet(true)
                .build()
            else {
                break;
            };
            gone(
                "DeleteObjects",
                s3.delete_objects().bucket(name).delete(delete).send().await,
            )?;
        }
        let uploads = gone(
            "ListMultipartUploads",
            s3.list_multipart_uploads().bucket(name).send().await,
        )?;
        for upload in uploads
            .into_iter()
            .flat_map(|listed| listed.uploads.unwrap_or_default())
        {
            let aborted = s3
                .abort_multipart_upload()
                .bucket(name)
                .set_key(upload.key)
                .set_upload_id(upload.upload_id)
                .send()
                .await;
            gone("AbortMultipartUpload", aborted)?;
        }
        gone("DeleteBucket", s3.delete_bucket().bucket(name).send().await)?;
        Ok(())
    }

    /// A web ACL of that name; a pool that it protected goes before it.
    pub(crate) async fn web_acl(region: &Region, name: &str) -> Result<(), RemovalError> {
        let waf = &region.waf;
        let listed = gone(
            "ListWebACLs",
            waf.list_web_acls()
                .scope(Scope::Regional)
                .limit(100)
                .send()
                .await,
        )?;
        let acls = listed
            .into_iter()
            .flat_map(|listed| listed.web_acls.unwrap_or_default());
        for acl in acls.filter(|acl| acl.name() == Some(name)) {
            let deleted = waf
                .delete_web_acl()
                .name(name)
                .scope(Scope::Regional)
                .set_id(acl.id)
                .set_lock_token(acl.lock_token)
                .send()
                .await;
            gone("DeleteWebACL", deleted)?;
        }
        Ok(())
    }

    /// Everything of ours, whatever run made it; returns how much that was.
    pub(crate) async fn all(account: &Account) -> Result<usize, RemovalError> {
        let iam = &account.iam;
        let mut removed = 0;
        let roles = gone("ListRoles", iam.list_roles().path_prefix(PATH).send().await)?;
        for listed in roles.into_iter().flat_map(|listed| listed.roles) {
            role(account, &listed.role_name).await?;
            removed += 1;
        }
        let users = gone("ListUsers", iam.list_users().path_prefix(PATH).send().await)?;
        for listed in users.into_iter().flat_map(|listed| listed.users) {
            user(account, &listed.user_name).await?;
            removed += 1;
        }
        for region in [&account.primary, &account.dr] {
            let listed = gone(
                "ListBuckets",
                region
                    .s3
                    .list_buckets()
                    .prefix(PREFIX)
                    .bucket_region(&region.name)
                    .send()
                    .await,
            )?;
            let names = listed
                .into_iter()
                .flat_map(|listed| listed.buckets.unwrap_or_default());
            for name in names
                .filter_map(|bucket| bucket.name)
                .filter(|name| name.starts_with(PREFIX))
            {
                let tags = gone(
                    "GetBucketTagging",
                    region.s3.get_bucket_tagging().bucket(&name).send().await,
                )?;
                let tags = tags.into_iter().flat_map(|tags| tags.tag_set);
                if tags
                    .into_iter()
                    .any(|tag| tag.key == TAG && name.starts_with(&tag.value))
                {
                    bucket(region, &name).await?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}
