//! Backups whose secrets are encrypted: every command that reads works without their key.

use std::fs;

use serde_json::{Value, json};
use simulator::GeneratorConfig;
use vault::testing::{MemoryS3, content};

use crate::support::{Account, REGION, says};
use crate::vault::BUCKET;

const KEY: &str = "arn:aws:kms:us-west-2:444455556666:key/1a2b";
const SECRET: &str = "secretOfTheClient0123456789abcdefghij";
const FILE: &str = "backup.json.zst";

struct Encrypted {
    account: Account,
    s3: MemoryS3,
    pool: String,
}

/// A pool with a client that has a secret, and its backup in a file.
fn encrypted() -> Encrypted {
    let s3 = MemoryS3::start(BUCKET);
    let mut account = Account::new();
    for service in [
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL_WAFV2",
        "AWS_ENDPOINT_URL_LAMBDA",
        "AWS_ENDPOINT_URL_KMS",
    ] {
        account.set(service, &s3.endpoint());
    }
    account.set("COGNITO_DR_SECRETS_KEY", KEY);
    // Described as Cognito describes a pool, with all defaults.
    let pool = account
        .simulator
        .generate(REGION, &GeneratorConfig::plain(0));
    let mut pool = account.simulator.dump(REGION, &pool.unwrap()).unwrap();
    pool["Clients"] = json!([{
        "UserPoolClient": {"ClientId": "client1", "ClientName": "web", "ClientSecret": SECRET,
            "ExplicitAuthFlows": ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH"]},
        "Secrets": [{"ClientSecretId": "client1--1", "ClientSecretValue": SECRET, "ClientSecretCreateDate": 1.0}],
    }]);
    pool["Users"] = json!([{"Username": "ann", "Attributes": {"email": "ann@example.com"}}]);
    let pool = account.simulator.seed(REGION, &pool).unwrap();
    account.prints(&["backup", &pool, "--to", FILE]);
    Encrypted { account, s3, pool }
}

impl Encrypted {
    fn deny(&self) {
        let answer = json!({"__type": "AccessDeniedException", "message": "not for you"});
        self.s3.answer("TrentService.Decrypt", 400, answer);
    }

    /// The report of a restore, whatever it lost.
    fn restores(&self, more: &[&str]) -> Value {
        let restore = ["restore", FILE, "--region", "us-west-2", "--json"];
        let mut command = self.account.command(&[&restore[..], more].concat());
        serde_json::from_slice(&command.assert().get_output().stdout).unwrap()
    }

    /// What the command says that fails.
    fn fails(&self, arguments: &[&str]) -> String {
        says(self.account.command(arguments).assert().failure())
    }
}

#[test]
fn backups_are_shown_checked_compared_and_exported_without_the_key() {
    let encrypted = encrypted();
    let (account, pool) = (&encrypted.account, &encrypted.pool);
    encrypted.deny();
    let stored = content(&fs::read(account.path(FILE)).unwrap());
    assert!(!String::from_utf8(stored).unwrap().contains(SECRET));
    account.prints(&["check", FILE]);
    assert!(account.prints(&["show", FILE]).contains("web (client1)"));
    let shown = account.prints(&["show", FILE, "--section", "app_clients"]);
    assert!(shown.contains("(hidden)"), "{shown}");
    let users = account.prints(&["users", "export", FILE, "--csv", "-"]);
    assert!(users.contains("ann@example.com"), "{users}");
    account.prints(&["backup", pool, "--to", "later.json.zst"]);
    for other in ["later.json.zst", pool] {
        let printed = account.prints(&["diff", FILE, other]);
        assert!(printed.contains("Both are the same"), "{printed}");
        assert!(printed.contains("encrypts them: 1 secrets"), "{printed}");
        let answer = account.json(&["diff", FILE, other]);
        assert_eq!(answer["settings"]["secrets_not_compared"], 1);
    }
    assert_eq!(
        encrypted.s3.calls("TrentService.Decrypt"),
        Vec::<Value>::new()
    );
}

#[test]
fn what_needs_a_secret_asks_the_key_and_names_it_where_it_may_not() {
    let encrypted = encrypted();
    let (account, pool) = (&encrypted.account, &encrypted.pool);
    let secrets = ["show", FILE, "--section", "app_clients", "--secrets"];
    assert!(account.prints(&secrets).contains(SECRET));
    let restored = encrypted.restores(&[]);
    let new = restored["new_user_pool_id"].as_str().unwrap();
    let new = account.simulator.dump("us-west-2", new).unwrap();
    assert!(new["Clients"].to_string().contains(SECRET), "{new:#}");
    // What is backed up before an undo is encrypted as well.
    account.prints(&["undo", pool, "--to", FILE, "--yes"]);

    encrypted.deny();
    let restore = ["restore", FILE, "--region", "us-west-2"];
    let undo = ["undo", pool, "--to", FILE, "--yes"];
    for (arguments, named) in [
        (&secrets[..], KEY),
        (&restore[..], "--without-secrets"),
        (&undo[..], KEY),
    ] {
        let said = encrypted.fails(arguments);
        assert!(said.contains(KEY) && said.contains(named), "{said}");
    }
    let report = encrypted.restores(&["--without-secrets"]);
    assert_eq!(report["status"], "SUCCESS_WITH_LOSSES", "{report:#}");
}
