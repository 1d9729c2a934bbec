//! Removing what is outside Cognito. What is not there is as good as removed.

use std::time::Duration;

use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use aws_sdk_wafv2::types::Scope;

use super::{PATH, POLICY, answered};
use crate::account::{Account, Region};
use crate::clean_up::{PREFIX, RemovalError};
use crate::scratch::{TAG, Trouble};

fn gone<T, E>(operation: &str, result: Result<T, SdkError<E>>) -> Result<Option<T>, RemovalError>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    const MISSING: [&str; 6] = [
        "ResourceNotFoundException",
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

/// How long a stack may take to go.
const STACK_GOES_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Removes a stack and waits until it is gone: what it leaves goes after it.
pub(crate) async fn stack(region: &Region, name: &str) -> Result<(), RemovalError> {
    let cloudformation = &region.cloudformation;
    gone(
        "DeleteStack",
        cloudformation.delete_stack().stack_name(name).send().await,
    )?;
    let began = tokio::time::Instant::now();
    loop {
        let described = answered(
            "DescribeStacks",
            cloudformation
                .describe_stacks()
                .stack_name(name)
                .send()
                .await,
        )?;
        // A stack that is gone is not described by its name.
        let Ok(described) = described else {
            return Ok(());
        };
        let status = described
            .stacks()
            .first()
            .and_then(|stack| stack.stack_status());
        match status.map(|status| status.as_str()) {
            None | Some("DELETE_COMPLETE") => return Ok(()),
            Some("DELETE_FAILED") => {
                return Err(RemovalError::Other(Trouble::TooLong(format!(
                    "the removal of {name} failed, which"
                ))));
            }
            Some(_) if began.elapsed() > STACK_GOES_WITHIN => {
                return Err(RemovalError::Other(Trouble::TooLong(format!(
                    "the removal of {name}"
                ))));
            }
            Some(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
}

/// Removes a table that its stack left.
pub(crate) async fn table(region: &Region, name: &str) -> Result<(), RemovalError> {
    gone(
        "DeleteTable",
        region.dynamodb.delete_table().table_name(name).send().await,
    )?;
    Ok(())
}

/// Stacks that carry the scratch tag, and the tables that they leave; their buckets are
/// tagged like them.
async fn stacks(region: &Region) -> Result<usize, RemovalError> {
    let mut removed = 0;
    let described = gone(
        "DescribeStacks",
        region.cloudformation.describe_stacks().send().await,
    )?;
    for listed in described
        .into_iter()
        .flat_map(|described| described.stacks.unwrap_or_default())
    {
        let is_ours = listed.tags().iter().any(|tag| tag.key() == Some(TAG));
        if let Some(name) = listed
            .stack_name()
            .filter(|name| is_ours && name.starts_with(PREFIX))
        {
            let resources = region
                .cloudformation
                .list_stack_resources()
                .stack_name(name)
                .send()
                .await;
            let resources = gone("ListStackResources", resources)?;
            let resources = resources
                .into_iter()
                .flat_map(|listed| listed.stack_resource_summaries.unwrap_or_default());
            let tables: Vec<String> = resources
                .filter(|resource| resource.resource_type() == Some("AWS::DynamoDB::Table"))
                .filter_map(|resource| resource.physical_resource_id)
                .collect();
            stack(region, name).await?;
            for left in tables {
                table(region, &left).await?;
            }
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a bucket may be ours, made by a question or by a stack.
fn is_scratch(name: &str) -> bool {
    name.starts_with(PREFIX) || name.starts_with("cognito-backup-")
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
        removed += stacks(region).await?;
        let listed = gone(
            "ListBuckets",
            region
                .s3
                .list_buckets()
                .bucket_region(&region.name)
                .send()
                .await,
        )?;
        let names = listed
            .into_iter()
            .flat_map(|listed| listed.buckets.unwrap_or_default());
        for name in names
            .filter_map(|bucket| bucket.name)
            .filter(|name| is_scratch(name))
        {
            let tags = gone(
                "GetBucketTagging",
                region.s3.get_bucket_tagging().bucket(&name).send().await,
            )?;
            let tags = tags.into_iter().flat_map(|tags| tags.tag_set);
            if tags
                .into_iter()
                .any(|tag| tag.key == TAG && tag.value.starts_with(PREFIX))
            {
                bucket(region, &name).await?;
                removed += 1;
            }
        }
    }
    Ok(removed)
}
