use super::super::losses::known_losses;
use super::super::losses::tests::state;
use super::*;
use model::checklist::{ChecklistAnswer, ChecklistRow};
use model::restore::{Difference, Finding, Step, StepRecord};
use serde_json::json;

fn head() -> BackupHead {
    let mut head = BackupHead::new(
        "us-east-1_Old".parse().unwrap(),
        "2026-03-07T09:05:02Z".parse().unwrap(),
    );
    head.set(Section::UserPoolConfig, json!({"Name": "shop <b>customers</b>", "DeviceConfiguration": {"ChallengeRequiredOnNewDevice": true}}));
    head.set(
        Section::MfaConfiguration,
        json!({"MfaConfiguration": "OPTIONAL", "SoftwareTokenMfaConfiguration": {"Enabled": true}}),
    );
    head.set(
        Section::AppClients,
        json!([
            {"ClientId": "1example23456789oldweb", "ClientName": "web-shop", "ClientSecret": "verysecretclientsecret0123456789abcdefghijklmnopqrst"},
            {"ClientId": "1example23456789oldios", "ClientName": "ios-app"},
            {"ClientId": "1example23456789oldm2m", "ClientName": "warehouse-sync", "ClientSecret": "anothersecretvalue0123456789abcdefghijklmnopqrst"},
        ]),
    );
    head.set(
        Section::IdentityProviders,
        json!([{"ProviderName": "okta-workforce", "ProviderType": "SAML"}, {"ProviderName": "Google", "ProviderType": "Google"}]),
    );
    head.set(Section::CustomDomain, json!({"Domain": "auth.example.com"}));
    head
}

fn pool() -> NewPool {
    let settings = json!({"Arn": "arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_Kq3vXyZ9A", "Domain": "shop-dr", "CustomDomain": "auth.example.com"});
    let mut pool = NewPool::of(&"us-west-2_Kq3vXyZ9A".parse().unwrap(), &settings);
    pool.alias_target = Some("d1a2b3c4d5e6f7.cloudfront.net".into());
    pool
}

/// A restore on a bad day, with something of everything.
fn bad_day() -> RestoreState {
    let mut state = state();
    state.new_user_pool_id = Some("us-west-2_Kq3vXyZ9A".parse().unwrap());
    state.restore_id = "dr-restore-us-east-1_Old-1772874302-0a1b2c3d"
        .parse()
        .unwrap();
    state.app_clients = [
        ("1example23456789oldweb", "7newclient0123456789web0"),
        ("1example23456789oldios", "7newclient0123456789ios0"),
        ("1example23456789oldm2m", "7newclient0123456789m2m0"),
    ]
    .map(|(old, new)| (old.parse().unwrap(), new.parse().unwrap()))
    .into();
    state.users.counts = model::restore::UserCounts {
        seen: 1247,
        restored: 1240,
        can_reset_password: 1201,
        cannot_reset_password: 39,
        lost_totp: 118,
        federated: 5,
        failed: 2,
        disabled: 14,
        memberships: 2210,
        links: 31,
        mfa_preferences: 402,
        ..Default::default()
    };
    state.users.map_parts = 1;
    state.users.finding_parts = 1;
    state.users.tell(&[
        Finding::new(
            FindingKind::Failed,
            "87a42a58-6051-7076-aaaa-000000000001",
            "the user has no e-mail address, by which the pool signs in",
        )
        .announcing(Section::Users, "87a42a58-6051-7076-aaaa-000000000001"),
        Finding::new(
            FindingKind::Failed,
            "87a42a58-6051-7076-aaaa-000000000002",
            "another user holds the same e-mail address",
        )
        .announcing(Section::Users, "87a42a58-6051-7076-aaaa-000000000002"),
    ]);
    let record =
        |step, outcome, findings: Vec<Finding>, manual_steps: Vec<ManualStep>| StepRecord {
            step,
            outcome,
            findings,
            manual_steps,
            began: state.began,
            ended: state.began,
        };
    let trigger = "aws lambda add-permission --region us-west-2 --function-name shop-pre-token --statement-id cognito-us-west-2_Kq3vXyZ9A --action lambda:InvokeFunction --principal cognito-idp.amazonaws.com --source-arn arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_Kq3vXyZ9A";
    state.steps = vec![
        record(Step::Preflight, Outcome::Restored { count: 1 }, vec![], vec![]),
        record(Step::UserPool, Outcome::Restored { count: 1 }, vec![Finding::new(FindingKind::Degraded, "EmailConfiguration", "the SES identity is in us-east-1 and nothing stands for it: Cognito's own sender is used, 50 messages a day")], vec![ManualStep::new("Give the pool its SES identity", "Cognito's own sender stops after 50 messages a day.").with_command("aws cognito-idp describe-user-pool --region us-west-2 --user-pool-id us-west-2_Kq3vXyZ9A | jq '.UserPool | del(.Arn,.CreationDate,.Id) | .EmailConfiguration = {\"EmailSendingAccount\": \"DEVELOPER\", \"SourceArn\": \"YOUR_IDENTITY\"}' > pool.json && aws cognito-idp update-user-pool --region us-west-2 --cli-input-json file://pool.json")]),
        record(Step::ResourceServers, Outcome::Restored { count: 1 }, vec![], vec![]),
        record(Step::IdentityProviders, Outcome::Restored { count: 2 }, vec![], vec![]),
        record(Step::Groups, Outcome::Restored { count: 5 }, vec![Finding::new(FindingKind::Skipped, "us-east-1_Old_Google", "Cognito makes such a group for each identity provider")], vec![]),
        record(Step::AppClients, Outcome::Restored { count: 3 }, vec![], vec![]),
        record(Step::Domains, Outcome::Restored { count: 2 }, vec![], vec![]),
        record(Step::Terms, Outcome::NothingToDo, vec![], vec![]),
        record(Step::LogDelivery, Outcome::Failed { error: "SetLogDeliveryConfiguration failed: InvalidParameterException: ARN does not belong to current region".into() }, vec![], vec![]),
        record(Step::WebAcl, Outcome::Skipped { reason: "there is no web ACL named front-door in us-west-2".into() }, vec![Finding::new(FindingKind::Degraded, "front-door", "there is no web ACL of that name in us-west-2")], vec![ManualStep::new("Put the pool behind a web ACL", "There is none named front-door in us-west-2.").with_command("aws wafv2 associate-web-acl --region us-west-2 --web-acl-arn YOUR_ACL --resource-arn arn:aws:cognito-idp:us-west-2:111122223333:userpool/us-west-2_Kq3vXyZ9A")]),
        record(Step::Users, Outcome::Restored { count: 1240 }, vec![], vec![]),
        record(Step::FinalSettings, Outcome::Restored { count: 1 }, vec![], vec![ManualStep::new("Allow the pool to call the trigger shop-pre-token", "The restore may not change the permissions of functions.").with_command(trigger)]),
    ];
    state.verification = Some(Verification {
        users_compared: 1240,
        settings_compared: 412,
        announced: 4,
        unannounced: 0,
        differences: vec![Difference {
            path: "user_pool_config/EmailConfiguration/SourceArn".into(),
            change: "missing".into(),
            announced_by: Some("the SES identity is in us-east-1 and nothing stands for it".into()),
        }],
        rows: vec![
            ChecklistRow::new(
                "Post-restore: User pool created with correct name",
                ChecklistAnswer::Yes,
                "the pool is called \"shop\", as in the backup",
            ),
            ChecklistRow::new(
                "Post-restore: User count matches backup",
                ChecklistAnswer::No,
                "1242 users of the backup expected, 1240 found, 1240 users in the pool; 2 differences, announced in this report",
            ),
            ChecklistRow::new(
                "Post-restore: Threat protection active",
                ChecklistAnswer::NotApplicable,
                "0 threat protection settings in the backup",
            ),
        ],
        ..Verification::default()
    });
    state
}

/// Renders a page; with `HANDOVER_PAGES` set, also into that folder, to be looked at in a browser.
fn render(state: &RestoreState, error: Option<&str>) -> String {
    let head = head();
    // Nothing is made by a dry run or a comparison.
    let pool = state.new_user_pool_id.as_ref().map(|_| pool());
    let ended = "2026-03-07T09:13:34Z".parse().unwrap();
    let report = super::super::assemble(
        state,
        Some(&head),
        pool.as_ref(),
        error,
        ended,
        &crate::report::tests::settings(),
    );
    let page = Page::new(
        &report,
        state,
        Some(&head),
        pool.as_ref(),
        "cognito-backup-dr-prod-111122223333",
    )
    .render()
    .unwrap();
    if let Ok(folder) = std::env::var("HANDOVER_PAGES") {
        let name = match (error, state.options.dry_run, &state.options.verify) {
            (Some(_), ..) => "failed",
            (_, true, _) => "dry-run",
            (.., Some(_)) => "comparison",
            _ => "restored",
        };
        std::fs::write(format!("{folder}/{name}.html"), &page).unwrap();
    }
    page
}

#[test]
fn the_page_has_all_that_the_operator_needs() {
    let page = render(&bad_day(), None);
    for needed in [
        "us-west-2_Kq3vXyZ9A",
        "7newclient0123456789web0",
        "urn:amazon:cognito:sp:us-west-2_Kq3vXyZ9A",
        "https://auth.example.com/saml2/idpresponse",
        "https://auth.example.com/oauth2/idpresponse",
        "d1a2b3c4d5e6f7.cloudfront.net",
        "add-permission",
        "associate-web-acl",
        "aws-exports.js",
        "awsCognitoAuthPlugin",
        "Forgot password",
        "another user holds the same e-mail address",
        "user-map.csv",
        "Passwords",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_holds_no_secret() {
    let page = render(&bad_day(), None);
    for outside in [
        "src=",
        "<link",
        "@import",
        "url(",
        "verysecret",
        "anothersecret",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn names_from_the_pool_are_escaped() {
    let page = render(&bad_day(), None);
    assert!(!page.contains("<b>customers</b>"));
    assert!(page.contains("shop &#60;b&#62;customers") || page.contains("shop &lt;b&gt;customers"));
}

#[test]
fn a_failed_restore_shows_its_error_and_how_to_clear_up() {
    let mut state = bad_day();
    state.verification = None;
    state.steps.truncate(3);
    let page = render(
        &state,
        Some("QuotaReached: CreateUserPoolClient failed: LimitExceededException"),
    );
    for needed in [
        "Restore failed",
        "QuotaReached",
        "delete-user-pool --region us-west-2 --user-pool-id us-west-2_Kq3vXyZ9A",
    ] {
        assert!(page.contains(needed), "{needed}");
    }
    for misleading in ["aws-exports.js", "Forgot password", "idpresponse"] {
        assert!(!page.contains(misleading), "{misleading}");
    }
}

#[test]
fn known_losses_of_the_page_are_those_of_the_report() {
    let state = bad_day();
    let page = render(&state, None);
    for loss in known_losses(&state, Some(&head())) {
        let escaped = loss.what.replace('\'', "&#39;");
        assert!(page.contains(&escaped), "{}", loss.what);
    }
}

#[test]
fn a_check_that_does_not_hold_is_told_at_the_top() {
    let mut state = bad_day();
    state.verification.as_mut().unwrap().rows[0].holds = false;
    let page = render(&state, None);
    assert!(page.contains("1 check does not hold"));
    assert!(page.contains("Restore failed"));
}

#[test]
fn a_dry_run_and_a_comparison_do_not_speak_of_users_that_are_back() {
    let mut dry = bad_day();
    dry.options.dry_run = true;
    dry.new_user_pool_id = None;
    dry.verification = None;
    let page = render(&dry, None);
    assert!(page.contains("Dry run succeeded") && !page.contains("users are back"));

    let mut comparison = bad_day();
    comparison.options.verify = comparison.new_user_pool_id.take();
    comparison.steps.clear();
    comparison.users = Default::default();
    let page = render(&comparison, None);
    assert!(page.contains("The pool matches the backup") && page.contains("users compared"));
    assert!(!page.contains("never gives back"));
}

#[test]
fn a_comparisons_page_is_the_comparison_differences_first() {
    let mut comparison = bad_day();
    comparison.options.verify = comparison.new_user_pool_id.take();
    comparison.users = Default::default();
    let only = "the pool is only compared with the backup";
    for record in &mut comparison.steps {
        record.findings.clear();
        record.manual_steps.clear();
        record.outcome = Outcome::Skipped {
            reason: only.to_owned(),
        };
    }
    let verification = comparison.verification.as_mut().unwrap();
    verification.announcing_restore = Some("dr-restore-made-it".parse().unwrap());
    let page = render(&comparison, None);
    assert!(!page.contains(only) && !page.contains("id=\"losses\""));
    assert!(page.contains("announced by the restore dr-restore-made-it"));
    let place = |text: &str| page.find(text).unwrap();
    let first_check = place("User pool created with correct name");
    assert!(place("EmailConfiguration/SourceArn") < first_check);

    let verification = comparison.verification.as_mut().unwrap();
    verification.announcing_restore = None;
    assert!(render(&comparison, None).contains("carries no tag of a restore of this backup"));

    let verification = comparison.verification.as_mut().unwrap();
    verification.unannounced = 1;
    let page = render(&comparison, None);
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("id=\"verification\"") < place("id=\"todo\""));
}

#[test]
fn a_dry_run_says_how_many_users_would_come_back_how_and_in_how_many_hours() {
    let mut dry = bad_day();
    dry.options.dry_run = true;
    dry.new_user_pool_id = None;
    dry.verification = None;
    dry.users.foreseen = Some(model::restore::UsersForeseen {
        seen: 1_000_100,
        by_calls: 900_000,
        by_import: 100_000,
        federated: 90,
        impossible: 10,
        seconds: 40_000,
        calls_per_second: 23.75,
    });
    let page = render(&dry, None);
    for told in [
        "1000000 of 1000100 users would come back",
        "100000 by import jobs, whose speed Cognito does not tell, and 900000 call by call",
        "11.1 hours",
        "the slowest allows 23.8 calls a second",
        "10 users cannot be made",
    ] {
        assert!(page.contains(told), "{told}");
    }
}
