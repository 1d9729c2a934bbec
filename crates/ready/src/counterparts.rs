//! What a restore of a pool takes in the target Region for what the backup names: whether it is
//! there, and as Cognito needs it.

use aws_sdk_acm::types::CertificateStatus;
use aws_sdk_kms::types::KeyState;
use model::document::BackupHead;
use restore::aws_command;
use restore::needs::{
    Need, Owner, Resource, domain_owner, function_is_there, needs, regional_web_acl,
};
use restore::translate::Translations;

use crate::ask::{CannotTell, ask, in_region, judged, refused};
use crate::outcome::{Check, Outcome, Subject};
use crate::roles::group_role;
use crate::senders::{ses, sms};
use crate::{PATIENCE, Target};

/// Checks everything that a restore of the backup needs.
pub(crate) async fn check(
    target: &Target,
    head: &BackupHead,
    translations: &Translations,
) -> Vec<Check> {
    let account = target.settings.account_id();
    let mut checks = Vec::new();
    for need in needs(head, translations, &target.region, account) {
        checks.extend(of_need(target, head, &need).await);
    }
    // Two identities of one Region have one sandbox.
    checks.sort_by(|a, b| (a.check, &a.item).cmp(&(b.check, &b.item)));
    checks.dedup();
    checks
}

async fn of_need(target: &Target, head: &BackupHead, need: &Need) -> Vec<Check> {
    match &need.resource {
        Resource::Function => vec![function(target, need).await],
        Resource::SmsRole {
            external_id,
            by_end_user_messaging,
        } => sms(target, need, external_id.as_deref(), *by_end_user_messaging).await,
        Resource::GroupRole => vec![group_role(target, need).await],
        Resource::SesIdentity => ses(target, head, need).await,
        Resource::KmsKey => vec![kms_key(target, need).await],
        Resource::WebAcl { name } => vec![web_acl(target, need, name.as_deref()).await],
        Resource::LogDestination => vec![mapped(target, need, Subject::LogDestination)],
        Resource::Domain | Resource::CustomDomain => vec![domain(target, need).await],
        Resource::Certificate => vec![certificate(target, need).await],
        Resource::ApplePrivateKey => vec![mapped(target, need, Subject::ApplePrivateKey)],
    }
}

/// Nothing is known to stand for it.
pub(crate) fn unmapped(target: &Target, need: &Need, why: &str) -> Outcome {
    Outcome::no(why, target.map_entry(need))
}

/// What only the map can say, and nobody can look up.
fn mapped(target: &Target, need: &Need, subject: Subject) -> Check {
    let outcome = match &need.becomes {
        Some(becomes) if *becomes == need.old => {
            Outcome::yes("the operator's map has it, or it needs none")
        }
        Some(becomes) => Outcome::yes(format!("the operator's map names {becomes}")),
        None => unmapped(
            target,
            need,
            "the operator's map has no counterpart: a restore would leave it out",
        ),
    };
    Check::new(subject, need.old.clone(), outcome)
}

async fn function(target: &Target, need: &Need) -> Check {
    let Some(arn) = &need.becomes else {
        let why = "it is no ARN of a function";
        return Check::new(
            Subject::Function,
            need.old.clone(),
            unmapped(target, need, why),
        );
    };
    let lambda = aws_sdk_lambda::Client::new(&target.aws);
    let found = function_is_there(&lambda, arn).await;
    let found = found.map_err(|code| refused("lambda:GetFunctionConcurrency", &code));
    let outcome = judged(found, |is_there| {
        if is_there {
            return Outcome::yes("there; a restore lets Cognito call it");
        }
        let why = "not there: a restore would leave its triggers out. Deploy it, or name another";
        unmapped(target, need, why)
    });
    Check::new(Subject::Function, arn.clone(), outcome)
}

async fn web_acl(target: &Target, need: &Need, name: Option<&str>) -> Check {
    let waf = aws_sdk_wafv2::Client::new(&target.aws);
    let mapped = need.becomes.as_deref();
    let found = regional_web_acl(&waf, |acl| match mapped {
        Some(arn) => acl.arn() == Some(arn),
        None => name.is_some() && acl.name() == name,
    });
    let outcome = judged(found.await.map_err(CannotTell), |found| match found {
        Some(_) => Outcome::yes("there"),
        None => {
            let why = "not there: the new pool would be without protection. Make one of the same name, or name another";
            unmapped(target, need, why)
        }
    });
    let item = mapped.or(name).unwrap_or(&need.old);
    Check::new(Subject::WebAcl, item, outcome)
}

async fn domain(target: &Target, need: &Need) -> Check {
    let Some(name) = &need.becomes else {
        let why = "a restore leaves it out unless the operator's map says what it becomes: the lost pool may still hold it";
        let outcome = unmapped(target, need, why);
        return Check::new(Subject::Domain, need.old.clone(), outcome);
    };
    let asked = tokio::time::timeout(PATIENCE, domain_owner(&target.cognito, name)).await;
    let owner = match asked {
        Ok(Ok(owner)) => Ok(owner),
        Ok(Err(error)) => Err(CannotTell(error.to_string())),
        Err(_) => Err(CannotTell(
            "DescribeUserPoolDomain got no answer".to_owned(),
        )),
    };
    let outcome = judged(owner, |owner| match owner {
        Owner::Nobody => Outcome::yes("no pool of this account and Region has it"),
        Owner::Somebody { pool, .. } => {
            let why = format!("the user pool {pool} has it");
            unmapped(target, need, &why)
        }
    });
    Check::new(Subject::Domain, name.clone(), outcome)
}

async fn kms_key(target: &Target, need: &Need) -> Check {
    let Some(arn) = &need.becomes else {
        let why = "it is in another Region or account, and the operator's map has no other";
        let outcome = unmapped(target, need, why);
        return Check::new(Subject::KmsKey, need.old.clone(), outcome);
    };
    let kms = aws_sdk_kms::Client::new(&target.aws);
    let request = kms.describe_key().key_id(arn);
    let found = ask("kms:DescribeKey", &["NotFoundException"], request.send()).await;
    let region = &target.region;
    let outcome = judged(found, |found| {
        match found.and_then(|found| found.key_metadata?.key_state) {
            Some(state) => of_key_state(&state, region, arn),
            // What was tried in place of an entry of the map is the replica.
            None if arn.contains(":key/mrk-") => {
                let from = need.old.split(':').nth(3).unwrap_or_default();
                let arguments = [("key-id", need.old.as_str()), ("replica-region", region)];
                let command = aws_command("kms replicate-key", from, &arguments);
                Outcome::no("the multi-Region key has no replica here", command)
            }
            None => unmapped(target, need, "not there"),
        }
    });
    Check::new(Subject::KmsKey, arn.clone(), outcome)
}

fn of_key_state(state: &KeyState, region: &str, arn: &str) -> Outcome {
    let id = [("key-id", arn)];
    match state {
        KeyState::Enabled => Outcome::yes("enabled"),
        KeyState::Disabled => Outcome::no("disabled", aws_command("kms enable-key", region, &id)),
        KeyState::PendingDeletion => Outcome::no(
            "it is going to be deleted",
            aws_command("kms cancel-key-deletion", region, &id),
        ),
        state => Outcome::no(
            format!("its state is {state}"),
            aws_command("kms describe-key", region, &id),
        ),
    }
}

/// Whether the key is there by which the secrets of a backup are encrypted, if they are. Whether
/// the restore may use it, a rehearsal shows.
pub(crate) async fn secrets_key(target: &Target, head: &BackupHead) -> Option<Check> {
    let subject = Subject::SecretsKey;
    let encryption = match head.secrets_encryption() {
        Ok(encryption) => encryption?,
        Err(error) => {
            let outcome = Outcome::cannot_be_told(error.to_string());
            return Some(Check::new(subject, "", outcome));
        }
    };
    let (arn, region) = (encryption.kms_key.as_str(), encryption.kms_key.region());
    let kms = aws_sdk_kms::Client::new(&in_region(&target.aws, region));
    let request = kms.describe_key().key_id(arn);
    let found = ask("kms:DescribeKey", &["NotFoundException"], request.send()).await;
    let mut outcome = judged(found, |found| {
        match found.and_then(|found| found.key_metadata?.key_state) {
            Some(state) => of_key_state(&state, region, arn),
            None => Outcome::no(
                "not there: without it no secret of this backup can be read",
                aws_command("kms describe-key", region, &[("key-id", arn)]),
            ),
        }
    });
    if region == head.user_pool_id.region() && region != target.region {
        let why = "it is in the Region that is lost: back up with a key of another";
        let command = aws_command("kms describe-key", region, &[("key-id", arn)]);
        outcome = Outcome::no(why, command);
    }
    Some(Check::new(subject, arn, outcome))
}

async fn certificate(target: &Target, need: &Need) -> Check {
    let Some(arn) = need.becomes.as_deref() else {
        let why = "it belongs to the account of the lost pool, and the operator's map has no other";
        let outcome = unmapped(target, need, why);
        return Check::new(Subject::Certificate, need.old.clone(), outcome);
    };
    let region = arn.split(':').nth(3).unwrap_or_default();
    let acm = aws_sdk_acm::Client::new(&in_region(&target.aws, region));
    let request = acm.describe_certificate().certificate_arn(arn);
    let missing = ["ResourceNotFoundException"];
    let found = ask("acm:DescribeCertificate", &missing, request.send()).await;
    let outcome = judged(found, |found| {
        let Some(certificate) = found.and_then(|found| found.certificate) else {
            return unmapped(target, need, "not there");
        };
        match certificate.status() {
            Some(CertificateStatus::Issued) => Outcome::yes("issued"),
            status => {
                let status = status.map_or("unknown", CertificateStatus::as_str);
                let command = aws_command(
                    "acm describe-certificate",
                    region,
                    &[
                        ("certificate-arn", arn),
                        ("query", "Certificate.DomainValidationOptions"),
                    ],
                );
                Outcome::no(format!("its status is {status}"), command)
            }
        }
    });
    Check::new(Subject::Certificate, arn, outcome)
}
