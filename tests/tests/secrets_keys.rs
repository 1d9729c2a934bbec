//! The keys by which the secrets within backups are encrypted: who decrypts, and that nothing is
//! there unless a parameter asks for it.

#![allow(clippy::unwrap_used)]

use end_to_end::evaluate::deployed;
use end_to_end::template::{self, actions, statements};
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:us-west-2:444455556666:key/5e6f";
const BREAK_GLASS: &str = "arn:aws:iam::111122223333:role/break-glass";

/// The statements of a key's policy but for the administration, which uses nothing.
fn uses(resources: &Value, key: &str) -> Vec<Value> {
    let policy = &resources[key]["Properties"]["KeyPolicy"];
    let mut statements = policy["Statement"].as_array().unwrap().clone();
    let administration = statements.remove(0);
    assert_eq!(administration["Sid"], "AdministrationWithoutUse");
    for action in actions(&administration) {
        let of_use = [
            "Decrypt",
            "Encrypt",
            "Generate",
            "ReEncrypt",
            "CreateGrant",
            "*",
        ];
        assert!(!of_use.iter().any(|used| action.contains(used)), "{action}");
    }
    statements
}

/// Whether a statement is for data keys that are bound to a pool.
fn is_bound_to_a_pool(statement: &Value) -> bool {
    statement["Condition"] == json!({"StringLike": {"kms:EncryptionContext:user_pool_id": "*_*"}})
}

#[test]
fn without_the_parameters_there_is_no_such_key_and_nobody_asks_for_one() {
    for (name, key) in [
        (template::PRIMARY, "CognitoSecretsFingerprintKey"),
        (template::DR, "CognitoSecretsKey"),
    ] {
        let resources = deployed(name, &[]);
        assert!(resources[key].is_null());
        for asked in ["SECRETS_KEY_ARN", "kms:GenerateDataKey", "kms:GenerateMac"] {
            assert!(!resources.to_string().contains(asked), "{name}: {asked}");
        }
    }
}

#[test]
fn secrets_are_decrypted_by_the_restore_and_a_break_glass_role_alone() {
    let (create, other) = (
        ("CreateSecretsKey", "true"),
        ("PrimaryAccountId", "444455556666"),
    );
    let break_glass = ("BreakGlassRoleArn", BREAK_GLASS);
    for (parameters, decrypting, encrypting) in [
        (vec![create], 1, "111122223333:root"),
        (vec![create, break_glass], 2, "111122223333:root"),
        (vec![create, break_glass, other], 2, "444455556666:root"),
    ] {
        let statements = uses(&deployed(template::DR, &parameters), "CognitoSecretsKey");
        assert!(statements.iter().all(is_bound_to_a_pool), "{statements:#?}");
        let who = |action: &str| -> Vec<String> {
            let allowing = statements
                .iter()
                .filter(|one| actions(one).contains(&action));
            allowing
                .map(|one| one["Principal"]["AWS"].as_str().unwrap().to_owned())
                .collect()
        };
        let decrypt = who("kms:Decrypt");
        assert_eq!(decrypt.len(), decrypting, "{decrypt:?}");
        assert!(
            decrypt[0].contains("stack-CognitoRestoreLambdaRole-"),
            "{decrypt:?}"
        );
        assert!(decrypt[1..].iter().all(|role| role == BREAK_GLASS));
        assert!(who("kms:GenerateDataKey")[0].ends_with(encrypting));
        let used: Vec<&str> = statements.iter().flat_map(actions).collect();
        let known = ["kms:Decrypt", "kms:GenerateDataKey"];
        assert!(used.iter().all(|action| known.contains(action)), "{used:?}");
    }
}

#[test]
fn the_backup_gets_data_keys_and_decrypts_none() {
    let resources = deployed(template::PRIMARY, &[("SecretsKeyArn", KEY)]);
    let role = json!({"Resources": resources});
    let on_keys: Vec<&Value> = statements(&role, "CognitoBackupLambdaRole")
        .into_iter()
        .filter(|statement| {
            actions(statement)
                .iter()
                .any(|action| action.starts_with("kms:"))
        })
        .collect();
    assert_eq!(on_keys.len(), 1, "{on_keys:#?}");
    assert_eq!(actions(on_keys[0]), ["kms:GenerateDataKey"]);
    assert_eq!(on_keys[0]["Resource"], KEY);
    assert!(is_bound_to_a_pool(on_keys[0]));
    let environment = &resources["CognitoBackupLambda"]["Properties"]["Environment"]["Variables"];
    assert_eq!(environment["SECRETS_KEY_ARN"], KEY);
    let fingerprints = &environment["SECRETS_FINGERPRINT_KEY_ARN"];
    assert!(
        fingerprints
            .to_string()
            .contains("CognitoSecretsFingerprintKey"),
        "{fingerprints}"
    );
}

#[test]
fn only_the_backup_makes_fingerprints_and_their_key_stays_the_same() {
    let resources = deployed(template::PRIMARY, &[("SecretsKeyArn", KEY)]);
    let key = &resources["CognitoSecretsFingerprintKey"]["Properties"];
    assert_eq!(
        (&key["KeySpec"], &key["KeyUsage"]),
        (&json!("HMAC_256"), &json!("GENERATE_VERIFY_MAC"))
    );
    assert!(key["EnableKeyRotation"].is_null());
    let statements = uses(&resources, "CognitoSecretsFingerprintKey");
    assert_eq!(statements.len(), 1);
    assert_eq!(actions(&statements[0]), ["kms:GenerateMac"]);
    let who = statements[0]["Principal"]["AWS"].as_str().unwrap();
    assert!(who.contains("stack-CognitoBackupLambdaRole-"), "{who}");
}
