//! By what the new pool would send mail and SMS.

use model::document::BackupHead;
use restore::aws_command;
use restore::needs::Need;

use crate::Target;
use crate::ask::{ask, ask_for, in_region, judged};
use crate::counterparts::unmapped;
use crate::outcome::{Check, Outcome, Subject};
use crate::roles::role_for_cognito;

/// What may be spent on SMS in a month unless it was raised, in US dollars (SNS documentation,
/// "Requesting increases to your monthly SMS spending quota").
const DEFAULT_SPEND: f64 = 1.0;

/// The identity, and the sandbox of its Region.
pub(crate) async fn ses(target: &Target, head: &BackupHead, need: &Need) -> Vec<Check> {
    let arn = need.becomes.as_deref().unwrap_or(&need.old);
    let region = arn.split(':').nth(3).unwrap_or_default().to_owned();
    let name = arn.split_once(":identity/").map_or(arn, |(_, name)| name);
    let client = aws_sdk_sesv2::Client::new(&in_region(&target.aws, &region));
    if region == head.user_pool_id.region() && region != target.region {
        let why = "mail would leave through the Region that is lost";
        let outcome = unmapped(target, need, why);
        return vec![Check::new(Subject::SesIdentity, arn, outcome)];
    }
    let request = client.get_email_identity().email_identity(name);
    let found = ask(
        "ses:GetEmailIdentity",
        &["NotFoundException"],
        request.send(),
    )
    .await;
    let identity = judged(found, |found| match found {
        Some(identity) if identity.verified_for_sending_status() => Outcome::yes("verified"),
        Some(_) => {
            let arguments = [("email-identity", name), ("query", "DkimAttributes.Tokens")];
            let command = aws_command("sesv2 get-email-identity", &region, &arguments);
            Outcome::no("not verified yet", command)
        }
        None => {
            let arguments = [("email-identity", name)];
            let command = aws_command("sesv2 create-email-identity", &region, &arguments);
            Outcome::no("not there", command)
        }
    });
    let account = ask_for("ses:GetAccount", client.get_account().send()).await;
    let sandbox = judged(account, |account| {
        if account.production_access_enabled() && account.sending_enabled() {
            return Outcome::yes("out of the sandbox, and sending");
        }
        let why = if account.production_access_enabled() {
            "sending is paused"
        } else {
            "in the sandbox: mail goes to verified addresses alone"
        };
        let command = aws_command(
            "sesv2 put-account-details --production-access-enabled",
            &region,
            &[("mail-type", "TRANSACTIONAL"), ("website-url", "URL")],
        );
        Outcome::no(why, command)
    });
    vec![
        Check::new(Subject::SesIdentity, arn, identity),
        Check::new(Subject::SesSandbox, region.as_str(), sandbox),
    ]
}

/// The role, and what SNS says of SMS.
pub(crate) async fn sms(
    target: &Target,
    need: &Need,
    external_id: Option<&str>,
    by_end_user_messaging: bool,
) -> Vec<Check> {
    let Some(role) = &need.becomes else {
        let why = "it belongs to another account: the new pool would send no SMS";
        let outcome = unmapped(target, need, why);
        return vec![Check::new(Subject::Role, need.old.clone(), outcome)];
    };
    let role = role_for_cognito(target, role, external_id).await;
    if by_end_user_messaging {
        let why = "the pool sends through End User Messaging, which is not asked";
        let sandbox = Outcome::cannot_be_told(why);
        return vec![
            role,
            Check::new(Subject::SmsSandbox, target.region.clone(), sandbox),
        ];
    }
    let region = &target.region;
    let sns = aws_sdk_sns::Client::new(&target.aws);
    let asked = sns.get_sms_sandbox_account_status().send();
    let sandbox = ask_for("sns:GetSMSSandboxAccountStatus", asked).await;
    let sandbox = judged(sandbox, |sandbox| {
        if !sandbox.is_in_sandbox() {
            return Outcome::yes("out of the sandbox");
        }
        let subject = format!("Move Amazon SNS SMS out of the sandbox in {region}");
        let command = aws_command(
            "support create-case",
            "us-east-1",
            &[("subject", &subject), ("communication-body", "REASON")],
        );
        let why = "in the sandbox: SMS go to verified numbers alone";
        Outcome::no(why, command)
    });
    let asked = sns
        .get_sms_attributes()
        .attributes("MonthlySpendLimit")
        .send();
    let spend = ask_for("sns:GetSMSAttributes", asked).await;
    let spend = judged(spend, |answer| {
        let limit = answer
            .attributes()
            .and_then(|set| set.get("MonthlySpendLimit"));
        let limit = limit
            .and_then(|limit| limit.parse().ok())
            .unwrap_or(DEFAULT_SPEND);
        if limit > DEFAULT_SPEND {
            return Outcome::yes(format!("{limit} USD a month"));
        }
        let command = aws_command(
            "sns set-sms-attributes",
            region,
            &[("attributes", "MonthlySpendLimit=USD")],
        );
        let why = format!("{limit} USD a month, the default: some dozens of SMS use it up");
        Outcome::no(why, command)
    });
    vec![
        role,
        Check::new(Subject::SmsSandbox, region.clone(), sandbox),
        Check::new(Subject::SmsSpend, region.clone(), spend),
    ]
}
