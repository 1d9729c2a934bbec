//! Mail, SMS and encryption of the pool: settings that are bound to a Region or an account
//! (facts A.1, A.5). Each is translated, or tried as it is where only Cognito can judge, and left
//! out and told otherwise.

use model::inventory::Section;
use model::restore::{Finding, FindingKind, ManualStep};
use serde_json::{Value, json};

use crate::commands;
use crate::document::{Arn, Document, change, member, text};
use crate::relocation::Relocation;
use crate::step::News;
use crate::translate::ArnKind;

/// Where the SES identity stands.
const SES_IDENTITY: &str = "EmailConfiguration/SourceArn";
/// How the title begins of what is to be looked at where the pool came back with one.
const SEE_TO_MAIL: &str = "See that mail can leave through SES in";
/// The first factor that needs SMS, and where it stands.
const SMS_CODES: &str = "SMS_OTP";
const FACTORS: &str = "Policies/SignInPolicy/AllowedFirstAuthFactors";

/// The SES identity is translated or tried as it is: which Regions Cognito allows depends on the
/// pool's (facts A.5). What the map does not name is left to the operator to look at.
pub(super) fn email(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    change(request, "EmailConfiguration", |email| {
        let Some(old) = member(email, "SourceArn").map(str::to_owned) else {
            return;
        };
        let kind = ArnKind::SesIdentity;
        let is_mapped = relocation.translations.arn(kind, &old).is_some();
        let new = relocation.ses_identity(&old);
        if new != old {
            let reason = relocation.why_translated(kind, &old);
            news.finding(
                Finding::new(FindingKind::Expected, SES_IDENTITY, reason)
                    .announcing(Section::UserPoolConfig, SES_IDENTITY),
            );
            email.insert("SourceArn".into(), new.as_str().into());
        }
        let region = Arn::read(&new).map_or("", |arn| arn.region());
        if !is_mapped && (new != old || region != relocation.region) {
            news.manual(ManualStep::new(
                format!("{SEE_TO_MAIL} {region}"),
                format!("The pool sends by the SES identity {new}: the operator's map has no other for {old}. See that it is verified and out of the sandbox there; if {region} is down, give the pool one in another Region."),
            ).with_command(commands::change_pool(
                relocation.region,
                relocation.pool,
                ".EmailConfiguration.SourceArn = \"SES_IDENTITY_ARN\"",
            )));
        }
    });
}

/// SMS leaves through SNS or End User Messaging in the pool's own Region, by a role of its own
/// account (facts A.5).
pub(super) fn sms(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    let Some(Value::Object(mut sms)) = request.get("SmsConfiguration").cloned() else {
        return;
    };
    let nested = sms.contains_key("EumsSms");
    let role = if nested {
        change(&mut sms, "EumsSms", |eums| {
            place_sms_role(eums, "CallerArn", "EumsSms/", relocation, news)
        })
        .unwrap_or(true)
    } else {
        place_sms_role(&mut sms, "SnsCallerArn", "", relocation, news)
    };
    if !role {
        without_sms(
            request,
            "its role belongs to another account than the new pool, and the operator's map has no other",
            relocation,
            news,
        );
        return;
    }
    if !relocation.stays_in_region() {
        // Left out, it is the Region that Cognito uses for the pool's own.
        if sms.shift_remove("SnsRegion").is_some() {
            moved_region("SmsConfiguration/SnsRegion", news);
        }
        change(&mut sms, "EumsSms", |eums| {
            if eums.contains_key("Region") {
                eums.insert("Region".into(), relocation.region.into());
                moved_region("SmsConfiguration/EumsSms/Region", news);
            }
            let old = member(eums, "OriginationIdentity");
            if let Some(moved) = old.and_then(|old| relocation.same_name(old)) {
                eums.insert("OriginationIdentity".into(), moved.into());
                moved_region("SmsConfiguration/EumsSms/OriginationIdentity", news);
            }
        });
    }
    request.insert("SmsConfiguration".into(), Value::Object(sms));
}

fn moved_region(path: &str, news: &mut News) {
    let reason = "it names the pool's Region, which is another now";
    news.finding(
        Finding::new(FindingKind::Expected, path, reason).announcing(Section::UserPoolConfig, path),
    );
}

/// Whether the role can be used.
fn place_sms_role(
    sms: &mut Document,
    name: &str,
    path: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) -> bool {
    let Some(old) = member(sms, name).map(str::to_owned) else {
        return true;
    };
    let Some(role) = relocation.sms_role(&old) else {
        return false;
    };
    let path = format!("SmsConfiguration/{path}");
    let mut finding = Finding::new(
        FindingKind::Expected,
        format!("{path}{name}"),
        match relocation.translations.sms_role(&old) {
            Some(_) => "translated by the operator's map",
            None => "the one of the same name in the account of the new pool",
        },
    );
    if role.role_arn != old {
        finding = finding.announcing(Section::UserPoolConfig, &format!("{path}{name}"));
        sms.insert(name.into(), role.role_arn.into());
    }
    if let Some(external_id) = role.external_id {
        finding = finding.announcing(Section::UserPoolConfig, &format!("{path}ExternalId"));
        sms.insert("ExternalId".into(), external_id.into());
    }
    if !finding.announces.is_empty() {
        news.finding(finding);
    }
    true
}

/// Whether users may sign in by codes in SMS, without a password.
pub(in crate::steps) fn allows_codes_by_sms(request: &Document) -> bool {
    request
        .get("Policies")
        .and_then(|policies| policies["SignInPolicy"]["AllowedFirstAuthFactors"].as_array())
        .is_some_and(|factors| factors.iter().any(|factor| factor == SMS_CODES))
}

/// Leaves SMS out of the request, with the sign-in that needs it (facts 0.1), and says so.
pub(in crate::steps) fn without_sms(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let codes = allows_codes_by_sms(request);
    let old = request.shift_remove("SmsConfiguration");
    if old.is_none() && !codes {
        return;
    }
    let old = old.unwrap_or_default();
    let path = "SmsConfiguration";
    news.retract(path);
    news.finding(
        Finding::new(
            FindingKind::Degraded,
            path,
            format!("the pool sends no SMS: {why}"),
        )
        .announcing(Section::UserPoolConfig, path),
    );
    let external_id = text(&old, "/ExternalId").unwrap_or("EXTERNAL_ID");
    let mut change = format!(
        ".SmsConfiguration = {{SnsCallerArn: \"ROLE_ARN\", ExternalId: {}}}",
        commands::jq_text(external_id)
    );
    if codes {
        without_codes_by_sms(request, news);
        change.push_str(&format!(
            " | .{} += {}",
            FACTORS.replace('/', "."),
            json!([SMS_CODES])
        ));
    }
    news.manual(
        ManualStep::new(
            "Give the pool a role to send SMS by",
            format!("{why}. The role's trust policy must let cognito-idp.amazonaws.com assume it for the new pool, with the external id."),
        )
        .with_command(commands::change_pool(relocation.region, relocation.pool, &change)),
    );
}

fn without_codes_by_sms(request: &mut Document, news: &mut News) {
    change(request, "Policies", |policies| {
        change(policies, "SignInPolicy", |policy| {
            if let Some(Value::Array(factors)) = policy.get_mut("AllowedFirstAuthFactors") {
                factors.retain(|factor| factor != SMS_CODES);
            }
        })
    });
    let reason = "users cannot sign in by a code in an SMS: the pool sends none";
    news.finding(
        Finding::new(FindingKind::Degraded, FACTORS, reason)
            .announcing(Section::UserPoolConfig, FACTORS),
    );
}

/// Lets the pool send with Cognito's default sender, and says so.
pub(in crate::steps) fn without_ses(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    let Some(Value::Object(email)) = request.get_mut("EmailConfiguration") else {
        return;
    };
    let old = email.clone();
    news.retract(SES_IDENTITY);
    news.manual_steps
        .retain(|step| !step.title.starts_with(SEE_TO_MAIL));
    let mut finding = Finding::new(
        FindingKind::Degraded,
        "EmailConfiguration",
        format!("the pool sends with Cognito's default sender, 50 mails a day: {why}"),
    );
    for name in [
        "SourceArn",
        "From",
        "ConfigurationSet",
        "EmailSendingAccount",
    ] {
        if email.shift_remove(name).is_some() {
            finding = finding.announcing(
                Section::UserPoolConfig,
                &format!("EmailConfiguration/{name}"),
            );
        }
    }
    email.insert("EmailSendingAccount".into(), "COGNITO_DEFAULT".into());
    news.finding(finding);
    let mut wanted = old;
    wanted.insert("SourceArn".into(), "SES_IDENTITY_ARN".into());
    wanted.insert("EmailSendingAccount".into(), "DEVELOPER".into());
    let change = format!(".EmailConfiguration = {}", Value::Object(wanted));
    news.manual(
        ManualStep::new(
            "Give the pool an SES identity",
            format!("{why}. Users need mail to set new passwords."),
        )
        .with_command(commands::change_pool(
            relocation.region,
            relocation.pool,
            &change,
        )),
    );
}

/// A customer's key lives in one Region, unless it is a multi-Region key: its replica has the
/// same id, and is tried.
pub(super) fn key(request: &mut Document, relocation: &Relocation<'_>, news: &mut News) {
    let configuration = request.get("KeyConfiguration").cloned().unwrap_or_default();
    let Some(old) = text(&configuration, "/KmsKeyArn") else {
        return;
    };
    let path = "KeyConfiguration/KmsKeyArn";
    match key_in_target(old, relocation) {
        Some(new) if new == old => {}
        Some(new) => {
            news.finding(
                Finding::new(
                    FindingKind::Expected,
                    path,
                    "its counterpart in the target Region",
                )
                .announcing(Section::UserPoolConfig, path),
            );
            change(request, "KeyConfiguration", |key| {
                key.insert("KmsKeyArn".into(), new.into())
            });
        }
        None => without_key(
            request,
            "the key is in another Region or account, and the operator's map has no other",
            relocation,
            news,
        ),
    }
}

/// The key's counterpart: by the map, or the replica of a multi-Region key, which is in the
/// account of the key.
pub(in crate::steps) fn key_in_target(old: &str, relocation: &Relocation<'_>) -> Option<String> {
    relocation.arn(ArnKind::KmsKey, old).or_else(|| {
        let is_multi_region = Arn::read(old)?.resource().starts_with("key/mrk-");
        let has_replica = is_multi_region && !relocation.is_left_behind(old);
        relocation.same_name(old).filter(|_| has_replica)
    })
}

/// Lets AWS encrypt the pool with a key of its own, and says so.
pub(in crate::steps) fn without_key(
    request: &mut Document,
    why: &str,
    relocation: &Relocation<'_>,
    news: &mut News,
) {
    if request.shift_remove("KeyConfiguration").is_none() {
        return;
    }
    let path = "KeyConfiguration";
    news.retract(path);
    news.finding(
        Finding::new(
            FindingKind::Degraded,
            path,
            format!("the pool is encrypted with a key that AWS owns: {why}"),
        )
        .announcing(Section::UserPoolConfig, path),
    );
    news.manual(
        ManualStep::new("Give the pool its customer-managed key", format!("{why}.")).with_command(
            commands::change_pool(
                relocation.region,
                relocation.pool,
                ".KeyConfiguration = {KeyType: \"CUSTOMER_MANAGED_KEY\", KmsKeyArn: \"KEY_ARN\"}",
            ),
        ),
    );
}
