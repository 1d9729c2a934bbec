//! Secrets that are encrypted within a document, under a key of their own.
//!
//! Each secret of the head stands there as an [`EncryptedSecret`], and the head says by a
//! [`SecretsEncryption`] how the key of the document is had. All else can be read and compared
//! without that key.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DocumentError;
use super::head::BackupHead;
use crate::identifiers::KmsKeyArn;
use crate::pointer::token;
use crate::secret::is_encrypted_member;

/// The member of a head that says how its secrets are encrypted.
const MEMBER: &str = "secrets_encryption";

/// Members by which the elements of a list are told apart.
const NAMES: [&str; 2] = ["ClientId", "ProviderName"];

/// How the secrets of a document are encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretsEncryption {
    /// By what.
    pub scheme: Scheme,
    /// The key of AWS KMS that encrypts the key of the document.
    pub kms_key: KmsKeyArn,
    /// The key of the document, which only who may use `kms_key` can decrypt; base64.
    pub data_key: String,
}

/// By what each secret is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scheme {
    /// AES-256 in Galois/Counter Mode.
    #[serde(rename = "AES-256-GCM")]
    Aes256Gcm,
}

/// What stands in a document in the place of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptedSecret {
    /// The nonce, 12 bytes, the encrypted JSON text of the secret, and the tag, 16 bytes; base64.
    pub encrypted: String,
    /// `ID-MAC`, both hexadecimal: the MAC of the secret under a key of the pool that the ID tells
    /// from others. Those of one key are equal where the secrets are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
}

impl EncryptedSecret {
    /// The encrypted secret that stands there, if one does.
    pub fn of(value: &Value) -> Option<Self> {
        value.get("encrypted")?;
        Self::deserialize(value).ok()
    }

    /// Whether both are of one secret; `None` where only who decrypts them can tell.
    pub fn is_same(&self, other: &Self) -> Option<bool> {
        let (own, others) = (self.fingerprint.as_ref()?, other.fingerprint.as_ref()?);
        let key = |fingerprint: &str| fingerprint.split_once('-').map(|(id, _)| id.to_owned());
        (key(own)? == key(others)?).then_some(own == others)
    }
}

impl BackupHead {
    /// How the secrets are encrypted; `None` where they are not.
    ///
    /// # Errors
    /// [`DocumentError::NotADocument`] when the member cannot be read, such as one of a newer
    /// version.
    pub fn secrets_encryption(&self) -> Result<Option<SecretsEncryption>, DocumentError> {
        let Some(encryption) = self.member(MEMBER) else {
            return Ok(None);
        };
        let read = SecretsEncryption::deserialize(encryption).map(Some);
        read.map_err(|_| {
            DocumentError::NotADocument(
                "this version does not know how its secrets are encrypted".into(),
            )
        })
    }

    /// Whether the secrets are encrypted, in whatever way.
    pub fn has_encrypted_secrets(&self) -> bool {
        self.member(MEMBER).is_some()
    }

    /// Records how the secrets are encrypted; `None` when they no longer are.
    pub fn set_secrets_encryption(&mut self, encryption: Option<&SecretsEncryption>) {
        let encryption = encryption.and_then(|encryption| serde_json::to_value(encryption).ok());
        self.set_member(MEMBER, encryption);
    }

    /// Calls `change` with each secret, and with the names that lead to it:
    /// `app_clients/{client id}/ClientSecret`.
    ///
    /// # Errors
    /// The first of `change`, which is then not called again.
    pub fn change_secrets<E>(
        &mut self,
        mut change: impl FnMut(&str, &mut Value) -> Result<(), E>,
    ) -> Result<(), E> {
        for (name, value) in self.members_of_sections() {
            each_secret(&token(name), value, &mut change)?;
        }
        Ok(())
    }
}

fn each_secret<E>(
    path: &str,
    value: &mut Value,
    change: &mut impl FnMut(&str, &mut Value) -> Result<(), E>,
) -> Result<(), E> {
    match value {
        Value::Array(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                let name = NAMES.iter().find_map(|name| element.get(name)?.as_str());
                let name = name.map_or_else(|| index.to_string(), token);
                each_secret(&format!("{path}/{name}"), element, change)?;
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let path = format!("{path}/{}", token(name));
                match is_encrypted_member(name) && !member.is_null() {
                    true => change(&path, member)?,
                    false => each_secret(&path, member, change)?,
                }
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Section;
    use serde_json::json;

    fn head() -> BackupHead {
        let mut head = BackupHead::new(
            "us-east-1_A".parse().unwrap(),
            "2026-03-07T09:05:02Z".parse().unwrap(),
        );
        head.set(
            Section::AppClients,
            json!([
                {"ClientId": "a", "ClientSecret": "one"},
                {"ClientId": "b", "ClientSecret": null},
                {"ClientId": "c"},
            ]),
        );
        head.set(
            Section::IdentityProviders,
            json!([
                {"ProviderName": "x/y", "ProviderDetails": {"client_id": "i", "client_secret": "two"}},
                {"ProviderName": "saml", "ProviderDetails": {"MetadataFile": "<xml/>"}},
            ]),
        );
        head
    }

    #[test]
    fn each_secret_is_named_by_what_it_belongs_to() {
        let mut named = Vec::new();
        let mut head = head();
        let changed = head.change_secrets(|path, value| {
            named.push(path.to_owned());
            *value = "changed".into();
            Ok::<(), ()>(())
        });
        assert_eq!(changed, Ok(()));
        assert_eq!(
            named,
            [
                "app_clients/a/ClientSecret",
                "identity_providers/x~1y/ProviderDetails/client_secret"
            ]
        );
        assert_eq!(head.list(Section::AppClients)[0]["ClientSecret"], "changed");
    }

    #[test]
    fn equal_fingerprints_of_one_key_are_those_of_one_secret() {
        let secret = |fingerprint: Option<&str>| EncryptedSecret {
            encrypted: "AA==".into(),
            fingerprint: fingerprint.map(str::to_owned),
        };
        for (one, other, same) in [
            (Some("k1-aa"), Some("k1-aa"), Some(true)),
            (Some("k1-aa"), Some("k1-bb"), Some(false)),
            (Some("k1-aa"), Some("k2-bb"), None),
            (Some("k1-aa"), None, None),
            (None, None, None),
            (Some("aa"), Some("aa"), None),
        ] {
            assert_eq!(
                secret(one).is_same(&secret(other)),
                same,
                "{one:?} {other:?}"
            );
        }
    }

    #[test]
    fn a_way_of_encrypting_that_is_not_known_is_never_taken_for_none() {
        let mut head = head();
        assert_eq!(head.secrets_encryption(), Ok(None));
        head.set_member(MEMBER, Some(json!({"scheme": "of next year"})));
        assert!(head.has_encrypted_secrets());
        assert!(head.secrets_encryption().is_err());
    }
}
