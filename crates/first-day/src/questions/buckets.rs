//! S3: conditional writes and replicas, as the vault leans on them.

use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart,
    DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleFilter, ReplicationRuleStatus,
};
use serde_json::json;
use tokio::time::Instant;

use crate::account::Side;
use crate::cost::Unit;
use crate::question::{Need, Observed, Question};
use crate::scratch::{Refusal, Scratch, Trouble};
use crate::services::{Bucket, accepted, answered};

/// The object that is written.
const KEY: &str = "first-day";
/// How long a replica may take.
const REPLICATED_WITHIN: Duration = Duration::from_secs(15 * 60);

pub(super) fn questions() -> Vec<Question> {
    let questions = [
        Question::new(
            "buckets.if-none-match",
            "Does PutObject with If-None-Match do with s3:PutObject and s3:GetObject alone, and refuse a second object?",
            "design",
            "accepted, then PreconditionFailed",
            |scratch| Box::pin(if_none_match(scratch)),
        ),
        Question::new(
            "buckets.if-match",
            "Does PutObject with If-Match do with the same permissions, and refuse an old ETag?",
            "design",
            "accepted, then PreconditionFailed",
            |scratch| Box::pin(if_match(scratch)),
        ),
        Question::new(
            "buckets.multipart-if-none-match",
            "Is If-None-Match honoured on CompleteMultipartUpload, with replication?",
            "design",
            "accepted, then PreconditionFailed",
            |scratch| Box::pin(multipart_if_none_match(scratch)),
        ),
        Question::new(
            "buckets.replica-version",
            "Has a replica its source's version?",
            "G.3",
            "the source's",
            |scratch| Box::pin(replica(scratch, |object| object.version_id.clone())),
        ),
        Question::new(
            "buckets.replica-checksum",
            "Has a replica its source's checksum?",
            "G.3",
            "the source's",
            |scratch| Box::pin(replica(scratch, |object| object.checksum_sha256.clone())),
        ),
        Question::new(
            "buckets.replica-last-modified",
            "Is a replica's Last-Modified that of its source?",
            "G.3",
            "the source's",
            |scratch| {
                Box::pin(replica(scratch, |object| {
                    object.last_modified.map(|time| time.secs().to_string())
                }))
            },
        ),
        Question::new(
            "buckets.other-region",
            "How does S3 refuse a bucket of another Region?",
            "design",
            "PermanentRedirect",
            |scratch| Box::pin(other_region(scratch)),
        ),
    ];
    let questions = questions.into_iter().map(|question| {
        let question = question.within(REPLICATED_WITHIN + Duration::from_secs(120));
        question
            .needs(Need::OtherServices)
            .needs(Need::Iam)
            .costs(Unit::BucketRequests, 1)
    });
    questions.collect()
}

/// `accepted`, or the code.
fn code<T>(answer: &Result<T, Refusal>) -> String {
    match answer {
        Ok(_) => "accepted".to_owned(),
        Err(refusal) => refusal.code.clone(),
    }
}

/// A bucket, and a client that may put and get its objects and nothing else.
async fn restricted(scratch: &Scratch) -> Result<(Bucket, Client), Trouble> {
    let bucket = scratch.bucket(Side::Primary).await?;
    let objects = format!("{}/*", bucket.arn());
    let allowed = json!([{"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": objects}]);
    let restricted = scratch.restricted(allowed).await?;
    Ok((bucket, restricted.s3))
}

async fn if_none_match(scratch: &Scratch) -> Observed {
    let (bucket, s3) = restricted(scratch).await?;
    let put = async || {
        let request = s3
            .put_object()
            .bucket(&bucket.name)
            .key(KEY)
            .if_none_match("*");
        answered(
            "PutObject",
            request.body(ByteStream::from_static(b"first")).send().await,
        )
    };
    let first = scratch.until_iam_knows(&put).await?;
    Ok(format!("{}, then {}", code(&first), code(&put().await?)))
}

async fn if_match(scratch: &Scratch) -> Observed {
    let (bucket, s3) = restricted(scratch).await?;
    let put = async |etag: Option<String>, text: &'static [u8]| {
        let request = s3
            .put_object()
            .bucket(&bucket.name)
            .key(KEY)
            .set_if_match(etag);
        answered(
            "PutObject",
            request.body(ByteStream::from_static(text)).send().await,
        )
    };
    let first = scratch
        .until_iam_knows(async || put(None, b"first").await)
        .await?;
    let etag = first
        .map_err(|refusal| Trouble::Refused {
            operation: "PutObject".to_owned(),
            refusal,
        })?
        .e_tag;
    let second = put(etag.clone(), b"second").await?;
    Ok(format!(
        "{}, then {}",
        code(&second),
        code(&put(etag, b"third").await?)
    ))
}

async fn multipart_if_none_match(scratch: &Scratch) -> Observed {
    let (source, _) = replicating(scratch).await?;
    let s3 = &scratch.on(source.side).s3;
    let first = upload(s3, &source).await?;
    Ok(format!(
        "{}, then {}",
        code(&first),
        code(&upload(s3, &source).await?)
    ))
}

async fn upload(s3: &Client, bucket: &Bucket) -> Result<Result<(), Refusal>, Trouble> {
    let (bucket, operation) = (&bucket.name, "CreateMultipartUpload");
    let begun = accepted(
        operation,
        s3.create_multipart_upload()
            .bucket(bucket)
            .key(KEY)
            .send()
            .await,
    )?;
    let id = begun.upload_id.unwrap_or_default();
    let part = s3
        .upload_part()
        .bucket(bucket)
        .key(KEY)
        .upload_id(&id)
        .part_number(1);
    let part = accepted(
        "UploadPart",
        part.body(ByteStream::from_static(b"part")).send().await,
    )?;
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(part.e_tag)
        .build();
    let parts = CompletedMultipartUpload::builder().parts(part).build();
    let completed = s3
        .complete_multipart_upload()
        .bucket(bucket)
        .key(KEY)
        .upload_id(&id)
        .if_none_match("*");
    let completed = completed.multipart_upload(parts).send().await;
    Ok(answered("CompleteMultipartUpload", completed)?.map(|_| ()))
}

/// Two buckets, the second of which gets what is written to the first.
async fn replicating(scratch: &Scratch) -> Result<(Bucket, Bucket), Trouble> {
    let (source, replica) = (
        scratch.bucket(Side::Primary).await?,
        scratch.bucket(Side::Dr).await?,
    );
    let objects = |bucket: &Bucket| format!("{}/*", bucket.arn());
    let role = scratch.role("s3.amazonaws.com", json!([
        {"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"], "Resource": source.arn()},
        {"Effect": "Allow", "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"], "Resource": objects(&source)},
        {"Effect": "Allow", "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], "Resource": objects(&replica)},
    ])).await?;
    let invalid = || Trouble::Unexpected {
        operation: "PutBucketReplication".to_owned(),
        lacks: "a rule",
    };
    let destination = Destination::builder()
        .bucket(replica.arn())
        .build()
        .map_err(|_| invalid())?;
    let no_markers = DeleteMarkerReplication::builder()
        .status(DeleteMarkerReplicationStatus::Disabled)
        .build();
    let rule = ReplicationRule::builder()
        .id(KEY)
        .priority(1)
        .status(ReplicationRuleStatus::Enabled)
        .filter(ReplicationRuleFilter::builder().prefix("").build())
        .delete_marker_replication(no_markers)
        .destination(destination)
        .build()
        .map_err(|_| invalid())?;
    let configuration = ReplicationConfiguration::builder()
        .role(role)
        .rules(rule)
        .build()
        .map_err(|_| invalid())?;
    let s3 = &scratch.on(source.side).s3;
    let put = scratch.until_iam_knows(async || {
        let put = s3
            .put_bucket_replication()
            .bucket(&source.name)
            .replication_configuration(configuration.clone())
            .send()
            .await;
        answered("PutBucketReplication", put)
    });
    put.await?.map_err(|refusal| Trouble::Refused {
        operation: "PutBucketReplication".to_owned(),
        refusal,
    })?;
    Ok((source, replica))
}

async fn replica(scratch: &Scratch, member: fn(&HeadObjectOutput) -> Option<String>) -> Observed {
    let (source, replica) = replicating(scratch).await?;
    let put = scratch
        .on(source.side)
        .s3
        .put_object()
        .bucket(&source.name)
        .key(KEY)
        .checksum_algorithm(ChecksumAlgorithm::Sha256);
    accepted(
        "PutObject",
        put.body(ByteStream::from_static(b"first")).send().await,
    )?;
    let head = async |bucket: &Bucket| {
        let request = scratch
            .on(bucket.side)
            .s3
            .head_object()
            .bucket(&bucket.name)
            .key(KEY);
        answered(
            "HeadObject",
            request.checksum_mode(ChecksumMode::Enabled).send().await,
        )
    };
    let began = Instant::now();
    let copy = loop {
        match head(&replica).await? {
            Ok(copy) => break copy,
            Err(_) if began.elapsed() > REPLICATED_WITHIN => {
                return Err(Trouble::TooLong("replication".to_owned()));
            }
            Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    };
    scratch.note("seconds until replicated", began.elapsed().as_secs());
    let original = head(&source).await?.map_err(|refusal| Trouble::Refused {
        operation: "HeadObject".to_owned(),
        refusal,
    })?;
    Ok(match (member(&original), member(&copy)) {
        (None, _) => "none at the source",
        (_, None) => "none at the replica",
        (original, copy) if original == copy => "the source's",
        _ => "its own",
    }
    .to_owned())
}

async fn other_region(scratch: &Scratch) -> Observed {
    let bucket = scratch.bucket(Side::Dr).await?;
    let listed = scratch
        .on(Side::Primary)
        .s3
        .list_objects_v2()
        .bucket(&bucket.name)
        .send()
        .await;
    Ok(code(&answered("ListObjectsV2", listed)?))
}
