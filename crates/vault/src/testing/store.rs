//! The objects, and the requests of S3 that the vault sends.

use std::collections::{BTreeMap, HashMap};

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crc_fast::CrcAlgorithm;

use super::Reply;

/// All parts of an upload but the last are at least this large.
const SMALLEST_PART: usize = 5 * 1024 * 1024;
const METADATA: &str = "x-amz-meta-";
/// Tags are kept beside the metadata.
const TAGS: &str = "tags";

#[derive(Debug)]
pub(super) struct Store {
    buckets: HashMap<String, BTreeMap<String, Vec<Version>>>,
    uploads: HashMap<String, Upload>,
    numbers: u64,
    pub(super) page_size: usize,
    /// Whether the next upload that is completed has a byte changed in it.
    pub(super) corrupts: bool,
}

#[derive(Debug)]
struct Version {
    id: String,
    bytes: Bytes,
    metadata: HashMap<String, String>,
    /// As the header says it; none for an object whose time does not matter.
    last_modified: Option<String>,
    /// As the header says it; none where no rule replicates the object.
    replication_status: Option<String>,
}

#[derive(Debug)]
struct Upload {
    bucket: String,
    key: String,
    metadata: HashMap<String, String>,
    tags: Option<String>,
    parts: BTreeMap<u32, Bytes>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            buckets: HashMap::new(),
            uploads: HashMap::new(),
            numbers: 0,
            page_size: 1000,
            corrupts: false,
        }
    }
}

impl Version {
    fn etag(&self) -> String {
        format!("\"{:016x}\"", sum(&self.bytes))
    }
}

fn sum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes)
}

impl Store {
    pub(super) fn add_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    /// Removes an object with all its versions.
    pub(super) fn remove(&mut self, bucket: &str, key: &str) {
        if let Some(objects) = self.buckets.get_mut(bucket) {
            objects.remove(key);
        }
    }

    pub(super) fn put(
        &mut self,
        bucket: &str,
        key: &str,
        bytes: Bytes,
        metadata: HashMap<String, String>,
    ) -> String {
        self.numbers += 1;
        let id = format!("version-{}", self.numbers);
        let objects = self.buckets.entry(bucket.to_owned()).or_default();
        objects.entry(key.to_owned()).or_default().push(Version {
            id: id.clone(),
            bytes,
            metadata,
            last_modified: None,
            replication_status: None,
        });
        id
    }

    /// Sets what became of the replica of an object's newest version.
    pub(super) fn set_replication_status(&mut self, bucket: &str, key: &str, status: &str) {
        if let Some(version) = self.newest_version(bucket, key) {
            version.replication_status = Some(status.to_owned());
        }
    }

    fn newest_version(&mut self, bucket: &str, key: &str) -> Option<&mut Version> {
        self.buckets.get_mut(bucket)?.get_mut(key)?.last_mut()
    }

    /// How many versions an object has.
    pub(super) fn versions(&self, bucket: &str, key: &str) -> usize {
        let objects = self.buckets.get(bucket);
        let versions = objects.and_then(|objects| objects.get(key));
        versions.map_or(0, Vec::len)
    }

    /// Sets the time of an object's newest version.
    pub(super) fn set_last_modified(&mut self, bucket: &str, key: &str, time: &str) {
        if let Some(version) = self.newest_version(bucket, key) {
            version.last_modified = Some(time.to_owned());
        }
    }

    pub(super) fn newest(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.version(bucket, key, None)
            .map(|version| version.bytes.clone())
    }

    pub(super) fn tags(&self, bucket: &str, key: &str) -> Option<String> {
        self.version(bucket, key, None)?.metadata.get(TAGS).cloned()
    }

    pub(super) fn keys(&self, bucket: &str) -> Vec<String> {
        self.buckets
            .get(bucket)
            .map(|objects| objects.keys().cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn open_uploads(&self) -> usize {
        self.uploads.len()
    }

    fn version(&self, bucket: &str, key: &str, id: Option<&str>) -> Option<&Version> {
        let versions = self.buckets.get(bucket)?.get(key)?;
        match id {
            None => versions.last(),
            Some(id) => versions.iter().find(|version| version.id == id),
        }
    }

    pub(super) fn reply(
        &mut self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Reply {
        let path = uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = Query::<HashMap<String, String>>::try_from_uri(uri)
            .map(|query| query.0)
            .unwrap_or_default();
        if !self.buckets.contains_key(bucket) {
            return Reply::error(404, "NoSuchBucket");
        }
        if headers.contains_key("x-amz-trailer") {
            return Reply::error(501, "NotImplemented");
        }
        let upload = query.get("uploadId");
        match (method.as_str(), upload) {
            ("GET", None) if key.is_empty() => self.list(bucket, &query),
            ("GET" | "HEAD", None) => self.get(method, bucket, key, &query, headers),
            ("PUT", None) => self.put_object(bucket, key, headers, body),
            ("PUT", Some(upload)) => self.part(upload, &query, headers, body),
            ("POST", None) if query.contains_key("uploads") => self.begin(bucket, key, headers),
            ("POST", Some(upload)) => self.complete(upload, headers, body),
            ("DELETE", None) => {
                let id = query.get("versionId").map(String::as_str);
                let objects = self.buckets.get_mut(bucket);
                if let Some(objects) = objects
                    && let Some(versions) = objects.get_mut(key)
                {
                    versions.retain(|version| id.is_some_and(|id| id != version.id));
                    if versions.is_empty() {
                        objects.remove(key);
                    }
                }
                Reply::new(204)
            }
            ("DELETE", Some(upload)) => match self.uploads.remove(upload) {
                Some(_) => Reply::new(204),
                None => Reply::error(404, "NoSuchUpload"),
            },
            _ => Reply::error(405, "MethodNotAllowed"),
        }
    }

    fn list(&self, bucket: &str, query: &HashMap<String, String>) -> Reply {
        let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        let (prefix, delimiter) = (text("prefix"), text("delimiter"));
        let after = text("continuation-token");
        // Folders and keys in one order, as S3 counts and pages them.
        let mut entries: BTreeMap<String, Option<usize>> = BTreeMap::new();
        for (key, versions) in self.buckets.get(bucket).into_iter().flatten() {
            let Some(rest) = key.strip_prefix(prefix) else {
                continue;
            };
            let folder = match rest.find(delimiter) {
                Some(at) if !delimiter.is_empty() => Some(&rest[..at + delimiter.len()]),
                _ => None,
            };
            match folder {
                Some(folder) => entries.insert(format!("{prefix}{folder}"), None),
                None => entries.insert(
                    key.clone(),
                    versions.last().map(|version| version.bytes.len()),
                ),
            };
        }
        let mut left = entries
            .into_iter()
            .filter(|(name, _)| name.as_str() > after);
        let page: Vec<_> = left.by_ref().take(self.page_size).collect();
        let mut xml = String::from("<ListBucketResult>");
        for (name, size) in &page {
            xml.push_str(&match size {
                Some(size) => {
                    format!("<Contents><Key>{name}</Key><Size>{size}</Size></Contents>")
                }
                None => format!("<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            });
        }
        let more = left.next().is_some();
        xml.push_str(&format!("<IsTruncated>{more}</IsTruncated>"));
        if let (true, Some((last, _))) = (more, page.last()) {
            xml.push_str(&format!(
                "<NextContinuationToken>{last}</NextContinuationToken>"
            ));
        }
        xml.push_str("</ListBucketResult>");
        Reply::new(200)
            .with("content-type", "application/xml")
            .body(xml)
    }

    fn get(
        &self,
        method: &Method,
        bucket: &str,
        key: &str,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
    ) -> Reply {
        let id = query.get("versionId").map(String::as_str);
        let Some(version) = self.version(bucket, key, id) else {
            return Reply::error(404, "NoSuchKey");
        };
        if header(headers, "if-match").is_some_and(|etag| etag != version.etag()) {
            return Reply::error(412, "PreconditionFailed");
        }
        let mut reply = Reply::new(200)
            .with("etag", version.etag())
            .with("x-amz-version-id", &version.id);
        for (name, value) in &version.metadata {
            match name.as_str() {
                "backup-upload" => reply = reply.with("x-amz-meta-backup-upload", value),
                "copied-again" => reply = reply.with("x-amz-meta-copied-again", value),
                _ => {}
            }
        }
        if let Some(status) = &version.replication_status {
            reply = reply.with("x-amz-replication-status", status);
        }
        if let Some(time) = &version.last_modified {
            reply = reply.with("last-modified", time);
        }
        if method == Method::HEAD {
            return reply;
        }
        let size = version.bytes.len();
        let Some(range) = header(headers, "range") else {
            return reply.body(version.bytes.clone());
        };
        let Some((from, to)) = parse_range(range, size) else {
            return Reply::error(416, "InvalidRange");
        };
        reply.status = 206;
        reply
            .with("content-range", format!("bytes {from}-{}/{size}", to - 1))
            .body(version.bytes.slice(from..to))
    }

    fn put_object(&mut self, bucket: &str, key: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        if header(headers, "if-none-match") == Some("*")
            && self.version(bucket, key, None).is_some()
        {
            return Reply::error(412, "PreconditionFailed");
        }
        if let Some(expected) = header(headers, "if-match") {
            match self.version(bucket, key, None) {
                None => return Reply::error(404, "NoSuchKey"),
                Some(version) if version.etag() != expected => {
                    return Reply::error(412, "PreconditionFailed");
                }
                Some(_) => {}
            }
        }
        if let Some(source) = header(headers, "x-amz-copy-source") {
            return self.copy(source, bucket, key, headers);
        }
        let id = self.put(bucket, key, body.clone(), metadata(headers));
        Reply::new(200)
            .with("etag", format!("\"{:016x}\"", sum(body)))
            .with("x-amz-version-id", id)
    }

    /// The copy of an object, with its tags and with metadata of the request, without which S3
    /// copies no object onto itself.
    fn copy(&mut self, source: &str, bucket: &str, key: &str, headers: &HeaderMap) -> Reply {
        let (from, old) = source.split_once('/').unwrap_or_default();
        let Some(version) = self.version(from, old, None) else {
            return Reply::error(404, "NoSuchKey");
        };
        let wanted = header(headers, "x-amz-copy-source-if-match");
        if wanted.is_some_and(|etag| etag != version.etag()) {
            return Reply::error(412, "PreconditionFailed");
        }
        if (from, old) == (bucket, key)
            && header(headers, "x-amz-metadata-directive") != Some("REPLACE")
        {
            return Reply::error(400, "InvalidRequest");
        }
        let mut metadata = metadata(headers);
        let tags = version.metadata.get(TAGS).cloned();
        metadata.extend(tags.map(|tags| (TAGS.to_owned(), tags)));
        let (bytes, etag) = (version.bytes.clone(), version.etag());
        let id = self.put(bucket, key, bytes, metadata);
        let xml = format!("<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>");
        Reply::new(200)
            .with("content-type", "application/xml")
            .with("x-amz-version-id", id)
            .body(xml)
    }

    fn begin(&mut self, bucket: &str, key: &str, headers: &HeaderMap) -> Reply {
        self.numbers += 1;
        let id = format!("upload-{}", self.numbers);
        self.uploads.insert(
            id.clone(),
            Upload {
                bucket: bucket.to_owned(),
                key: key.to_owned(),
                metadata: metadata(headers),
                tags: header(headers, "x-amz-tagging").map(str::to_owned),
                parts: BTreeMap::new(),
            },
        );
        let xml = format!(
            "<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"
        );
        Reply::new(200)
            .with("content-type", "application/xml")
            .body(xml)
    }

    fn part(
        &mut self,
        upload: &str,
        query: &HashMap<String, String>,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Reply {
        let number = query
            .get("partNumber")
            .and_then(|number| number.parse().ok());
        let Some(upload) = self.uploads.get_mut(upload) else {
            return Reply::error(404, "NoSuchUpload");
        };
        let Some(number @ 1..=10_000) = number else {
            return Reply::error(400, "InvalidArgument");
        };
        if !sum_fits(headers, body) {
            return Reply::error(400, "BadDigest");
        }
        upload.parts.insert(number, body.clone());
        Reply::new(200).with("etag", format!("\"{:016x}\"", sum(body)))
    }

    fn complete(&mut self, id: &str, headers: &HeaderMap, body: &Bytes) -> Reply {
        let Some(upload) = self.uploads.get(id) else {
            return Reply::error(404, "NoSuchUpload");
        };
        let taken = self.version(&upload.bucket, &upload.key, None).is_some();
        if header(headers, "if-none-match") == Some("*") && taken {
            return Reply::error(412, "PreconditionFailed");
        }
        let listed = String::from_utf8_lossy(body)
            .matches("<PartNumber>")
            .count();
        let parts: Vec<&Bytes> = upload.parts.values().take(listed).collect();
        if listed == 0 || parts.len() != listed {
            return Reply::error(400, "InvalidPart");
        }
        if parts[..listed - 1]
            .iter()
            .any(|part| part.len() < SMALLEST_PART)
        {
            return Reply::error(400, "EntityTooSmall");
        }
        let parts: Vec<&[u8]> = parts.into_iter().map(|part| &part[..]).collect();
        let mut whole = parts.concat();
        if std::mem::take(&mut self.corrupts) {
            let middle = whole.len() / 2;
            whole[middle] ^= 1;
        }
        let whole: Bytes = whole.into();
        let size = header(headers, "x-amz-mp-object-size");
        if size.is_some_and(|size| size != whole.len().to_string()) {
            return Reply::error(400, "InvalidRequest");
        }
        let Some(upload) = self.uploads.remove(id) else {
            return Reply::error(404, "NoSuchUpload");
        };
        let mut metadata = upload.metadata;
        metadata.extend(upload.tags.map(|tags| (TAGS.to_owned(), tags)));
        let version = self.put(&upload.bucket, &upload.key, whole, metadata);
        let xml = "<CompleteMultipartUploadResult></CompleteMultipartUploadResult>";
        Reply::new(200)
            .with("content-type", "application/xml")
            .with("x-amz-version-id", version)
            .body(xml)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn metadata(headers: &HeaderMap) -> HashMap<String, String> {
    let named = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(METADATA)?;
        Some((name.to_owned(), value.to_str().ok()?.to_owned()))
    });
    named.collect()
}

/// Parts come with the CRC-32 that the SDK takes of them.
fn sum_fits(headers: &HeaderMap, bytes: &[u8]) -> bool {
    let sum = crc_fast::checksum(CrcAlgorithm::Crc32IsoHdlc, bytes);
    let sum = u32::try_from(sum).unwrap_or_default();
    header(headers, "x-amz-checksum-crc32") == Some(&BASE64_STANDARD.encode(sum.to_be_bytes()))
}

fn parse_range(range: &str, size: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (from.parse().ok(), to.parse::<usize>().ok()) {
        (Some(from), Some(to)) => (from, size.min(to + 1)),
        (Some(from), None) => (from, size),
        (None, Some(last)) => (size.saturating_sub(last), size),
        (None, None) => return None,
    };
    (from < to).then_some((from, to))
}
