//! A stand-in for AWS KMS: data keys and MACs of keys that need not be made first.

use std::collections::{BTreeSet, HashMap};

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

/// The beginning of the `X-Amz-Target` of KMS.
const SERVICE: &str = "TrentService.";

#[derive(Debug, Default)]
pub(super) struct Kms {
    /// The data keys by what stands for them encrypted, each with its KMS key and its context.
    data_keys: HashMap<String, (Value, Value, String)>,
    /// Keys that may not be used.
    pub(super) disabled: BTreeSet<String>,
}

impl Kms {
    /// Carries out a request; `None` when it is not one of KMS.
    pub(super) fn reply(
        &mut self,
        target: &str,
        headers: &HeaderMap,
        request: &Value,
    ) -> Option<(u16, Value)> {
        let operation = target.strip_prefix(SERVICE)?;
        let key = &request["KeyId"];
        let region = key.as_str().and_then(|arn| arn.split(':').nth(3));
        let signed = headers.get("authorization");
        let signed = signed.and_then(|signed| signed.to_str().ok());
        let is_of_region = region
            .is_some_and(|region| signed.is_some_and(|s| s.contains(&format!("/{region}/kms/"))));
        if !is_of_region {
            return Some(refused("NotFoundException", "the key is of another Region"));
        }
        if key.as_str().is_some_and(|arn| self.disabled.contains(arn)) {
            return Some(refused("DisabledException", "the key is disabled"));
        }
        Some(match operation {
            "GenerateDataKey" => {
                let (plain, encrypted) = (random(), random());
                let context = request["EncryptionContext"].clone();
                let data_key = (key.clone(), context, plain.clone());
                self.data_keys.insert(encrypted.clone(), data_key);
                (
                    200,
                    json!({"Plaintext": plain, "CiphertextBlob": encrypted, "KeyId": key}),
                )
            }
            "Decrypt" => {
                let blob = request["CiphertextBlob"].as_str().unwrap_or_default();
                match self.data_keys.get(blob) {
                    Some((of, context, plain))
                        if of == key && *context == request["EncryptionContext"] =>
                    {
                        (200, json!({"Plaintext": plain, "KeyId": key}))
                    }
                    _ => refused("InvalidCiphertextException", "not of this key and context"),
                }
            }
            "GenerateMac" => {
                let of = hmac::Key::new(hmac::HMAC_SHA256, key.to_string().as_bytes());
                let message = request["Message"].as_str().unwrap_or_default();
                let mac = hmac::sign(&of, message.as_bytes());
                (
                    200,
                    json!({"Mac": BASE64_STANDARD.encode(mac), "KeyId": key}),
                )
            }
            _ => refused("UnsupportedOperationException", operation),
        })
    }
}

fn random() -> String {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("random numbers");
    BASE64_STANDARD.encode(bytes)
}

fn refused(code: &str, message: &str) -> (u16, Value) {
    (400, json!({"__type": code, "message": message}))
}
