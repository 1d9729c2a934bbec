//! Pages of configuration lists and their tokens.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::call::{Call, Document};
use crate::error::ServiceError;

/// Bytes of the digest that signs a token.
const DIGEST_BYTES: usize = 16;

/// A page of `items`, which stand in order of their keys: those after the call's `NextToken`, at most as many as the
/// member `limit_member` says, else `most`.
///
/// # Errors
/// `InvalidParameterException` for a token that this list did not give out (the text is unverified).
pub(super) fn page<'k>(
    call: &Call<'_>,
    token_key: &[u8; 16],
    limit_member: &str,
    most: usize,
    items: impl Iterator<Item = (&'k str, Value)>,
) -> Result<(Vec<Value>, Option<String>), ServiceError> {
    let limit = call
        .integer(limit_member)
        .and_then(|limit| usize::try_from(limit).ok())
        // Where the model allows 0, it means the default (facts D, of ListUsers).
        .filter(|limit| *limit > 0)
        .map_or(most, |limit| limit.min(most));
    let after = call
        .text("NextToken")
        .map(|token| opened(call, token_key, token))
        .transpose()?;
    let mut items = items
        .filter(|(key, _)| after.as_deref().is_none_or(|after| *key > after))
        .peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit
        && let Some((key, item)) = items.next()
    {
        page.push(item);
        last = Some(key);
    }
    let token = match (items.peek(), last) {
        (Some(_), Some(last)) => Some(sealed(call, token_key, last)),
        _ => None,
    };
    Ok((page, token))
}

/// The answer of a list operation: the items under their member, the token if there is more.
pub(super) fn answer(member: &str, (items, token): (Vec<Value>, Option<String>)) -> Value {
    let mut answer = Document::new();
    answer.insert(member.to_owned(), Value::Array(items));
    if let Some(token) = token {
        answer.insert("NextToken".to_owned(), Value::String(token));
    }
    Value::Object(answer)
}

fn digest(call: &Call<'_>, token_key: &[u8; 16], last: &str) -> [u8; DIGEST_BYTES] {
    let mut hash = Sha256::new();
    for part in [
        call.operation.as_bytes(),
        call.account.as_str().as_bytes(),
        call.region.as_str().as_bytes(),
        call.text("UserPoolId").unwrap_or_default().as_bytes(),
        last.as_bytes(),
    ] {
        hash.update(token_key);
        hash.update(part);
    }
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&hash.finalize()[..DIGEST_BYTES]);
    digest
}

fn sealed(call: &Call<'_>, token_key: &[u8; 16], last: &str) -> String {
    let mut bytes = digest(call, token_key, last).to_vec();
    bytes.extend_from_slice(last.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn opened(call: &Call<'_>, token_key: &[u8; 16], token: &str) -> Result<String, ServiceError> {
    let opened = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (seal, last) = bytes.split_at_checked(DIGEST_BYTES)?;
        let last = std::str::from_utf8(last).ok()?;
        (digest(call, token_key, last) == *seal).then(|| last.to_owned())
    });
    opened.ok_or_else(|| ServiceError::invalid_parameter("Invalid pagination token."))
}
