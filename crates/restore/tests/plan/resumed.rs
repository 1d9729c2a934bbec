//! A restore that was reported is resumed: what failed, or was left out for want of a
//! translation, is tried again, and nothing else.

use model::request::RestoreOptions;
use model::restore::{FindingKind, Outcome, Report, ReportStatus, RestoreState, Step};
use serde_json::{Value, json};
use simulator::{Fault, Faults, PoolDocument, When};

use crate::lost::{ACL, full, map, small};
use crate::stage::{LOST, NEW, Stage};

async fn restored(stage: &Stage) -> RestoreState {
    stage.begin_execution();
    stage.restore(RestoreOptions::default()).await.unwrap();
    stage.protect_new_pool();
    stage.finish().await;
    stage.state()
}

/// The small pool with nothing in it that Cognito never gives back.
fn without_losses() -> Value {
    let mut pool = small();
    for client in pool["Clients"].as_array_mut().unwrap() {
        client.as_object_mut().unwrap().remove("Secrets");
    }
    pool
}

fn refused(operation: &str, when: When) -> Faults {
    let fault = Fault::Error {
        code: "InvalidParameterException".into(),
        message: "no".into(),
        status: 400,
    };
    Faults::one(operation, when, fault)
}

fn user<'p>(pool: &'p PoolDocument, name: &str) -> Option<&'p simulator::UserDocument> {
    pool.users.iter().find(|user| user.username == name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_had_no_translation_comes_back_when_the_map_is_filled() {
    let stage = Stage::new(full()).await;
    let first = restored(&stage).await;
    assert_eq!(stage.new_pool(&first).identity_providers.len(), 3);
    let mut filled = map();
    // The domain is there already, under its own name.
    filled.as_object_mut().unwrap().remove("domain_prefixes");
    stage.put_map(&filled);
    let state = restored(&stage).await;
    let pool = stage.new_pool(&state);
    assert_eq!(stage.new_pools().await.len(), 1);
    assert_eq!(state.new_user_pool_id, first.new_user_pool_id);
    assert_eq!(state.app_clients, first.app_clients);
    assert_eq!(pool.identity_providers.len(), 4);
    let web = pool
        .clients
        .iter()
        .find(|client| client.user_pool_client["ClientName"] == "web")
        .unwrap();
    let providers = web.user_pool_client["SupportedIdentityProviders"].as_array();
    assert!(providers.unwrap().contains(&json!("SignInWithApple")));
    let config = &pool.user_pool["LambdaConfig"];
    assert!(config["PreSignUp"].as_str().unwrap().contains(NEW));
    let sender = pool.user_pool["EmailConfiguration"]["SourceArn"].as_str();
    assert!(sender.unwrap().contains(NEW), "{sender:?}");
    assert_eq!(state.restored(Step::LogDelivery), 1);
    assert_eq!(pool.users.len(), 2);
    assert_eq!(stage.simulator.evidence().messages_sent, 0);
    let verification = state.verification.as_ref().unwrap();
    assert!(verification.passed(), "{:#?}", verification.differences);
    let kept: Vec<Step> = state.steps.iter().map(|record| record.step).collect();
    assert_eq!(kept, Step::ALL);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_ses_identity_is_mended_by_the_map_to_a_whole_success() {
    let identity = "arn:aws:ses:ap-south-1:000000000000:identity/example.com";
    let mut pool = without_losses();
    pool["UserPool"]["EmailConfiguration"]["SourceArn"] = json!(identity);
    let stage = Stage::new(pool).await;
    stage.put_map(&map());
    let first = restored(&stage).await;
    assert_eq!(
        Report::status_of(&first, None),
        ReportStatus::SuccessWithLosses
    );
    let there = stage.new_pool(&first);
    assert!(
        !there
            .mfa_configuration
            .contains_key("EmailMfaConfiguration")
    );

    let mut filled = map();
    filled["ses_identities"] = json!({identity: identity.replace("ap-south-1", NEW)});
    stage.put_map(&filled);
    let state = restored(&stage).await;
    let there = stage.new_pool(&state);
    assert_eq!(
        there.user_pool["EmailConfiguration"]["EmailSendingAccount"],
        "DEVELOPER"
    );
    assert!(
        there
            .mfa_configuration
            .contains_key("EmailMfaConfiguration")
    );
    let losses: Vec<_> = state
        .steps
        .iter()
        .flat_map(|record| &record.findings)
        .filter(|finding| finding.kind.is_loss())
        .collect();
    assert_eq!(
        Report::status_of(&state, None),
        ReportStatus::Success,
        "{losses:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn self_sign_up_opens_when_its_guard_is_mapped() {
    let mut pool = without_losses();
    pool["UserPool"]["AdminCreateUserConfig"] = json!({"AllowAdminCreateUserOnly": false});
    let stage = Stage::new(pool).await;
    let closed = |state: &RestoreState| {
        stage.new_pool(state).user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"].clone()
    };
    assert_eq!(closed(&restored(&stage).await), true);
    stage.put_map(&map());
    assert_eq!(closed(&restored(&stage).await), false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_web_acl_and_a_role_that_are_there_by_now_are_used() {
    let theirs = "arn:aws:iam::999988887777:role/theirs";
    let mut pool = without_losses();
    pool["Groups"][0]["RoleArn"] = json!(theirs);
    let stage = Stage::new(pool).await;
    let acls = |listed: Value| {
        let target = "AWSWAF_20190729.ListWebACLs";
        stage.s3.answer(target, 200, json!({"WebACLs": listed}));
    };
    acls(json!([]));
    stage.put_map(&map());
    let first = restored(&stage).await;
    let web_acl = |state: &RestoreState| state.record(Step::WebAcl).unwrap().outcome.clone();
    assert!(matches!(web_acl(&first), Outcome::Failed { .. }));
    assert!(!stage.new_pool(&first).groups[0].contains_key("RoleArn"));

    acls(json!([{"Name": "login", "Id": "2", "ARN": ACL.replace(LOST, NEW)}]));
    let ours = "arn:aws:iam::000000000000:role/ours";
    let mut filled = map();
    filled["roles"] = json!({theirs: ours});
    stage.put_map(&filled);
    let state = restored(&stage).await;
    assert_eq!(web_acl(&state), Outcome::Restored { count: 1 });
    let admins = &stage.new_pool(&state).groups[0];
    assert_eq!(admins["RoleArn"], ours);
    assert_eq!(admins["Description"], "d", "and keeps the rest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_domain_that_was_taken_comes_back_under_the_name_that_the_map_gives() {
    let stage = Stage::new(without_losses()).await;
    let other = json!({"UserPool": {"Name": "other"}, "Domains": [{"Domain": "full-app"}]});
    stage.simulator.seed(NEW, &other).unwrap();
    let mut without = map();
    without.as_object_mut().unwrap().remove("domain_prefixes");
    stage.put_map(&without);
    let first = restored(&stage).await;
    let failed = |state: &RestoreState, step| {
        matches!(state.record(step).unwrap().outcome, Outcome::Failed { .. })
    };
    assert!(failed(&first, Step::Domains) && failed(&first, Step::UiCustomization));

    stage.put_map(&map());
    let state = restored(&stage).await;
    assert_eq!(stage.new_pool(&state).domains[0]["Domain"], "full-app-dr");
    assert_eq!(state.restored(Step::UiCustomization), 2);
    assert_eq!(Report::status_of(&state, None), ReportStatus::Success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_did_not_come_back_is_tried_again() {
    let stage = Stage::new(without_losses()).await;
    stage.put_map(&map());
    stage
        .simulator
        .set_faults(refused("AdminCreateUser", When::Rate(1.0)));
    let first = restored(&stage).await;
    assert_eq!(first.users.counts.failed, 1);
    assert!(user(&stage.new_pool(&first), "ann").is_none());

    stage.simulator.set_faults(Faults::default());
    let state = restored(&stage).await;
    let pool = stage.new_pool(&state);
    assert_eq!(user(&pool, "ann").unwrap().groups, ["admins", "staff"]);
    assert_eq!(pool.users.len(), 2);
    let counts = &state.users.counts;
    assert_eq!((counts.failed, counts.restored), (0, 2));
    assert_eq!(counts.seen, first.users.counts.seen);
    assert_eq!(state.users.finding_counts.failed, 0);
    assert_eq!(Report::status_of(&state, None), ReportStatus::Success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_comes_late_gets_its_members() {
    let stage = Stage::new(without_losses()).await;
    stage.put_map(&map());
    stage
        .simulator
        .set_faults(refused("CreateGroup", When::Nth(2)));
    let first = restored(&stage).await;
    assert_eq!(
        user(&stage.new_pool(&first), "ann").unwrap().groups,
        ["admins"]
    );

    stage.simulator.set_faults(Faults::default());
    let state = restored(&stage).await;
    let ann = stage.new_pool(&state);
    let ann = user(&ann, "ann").unwrap();
    assert_eq!(ann.groups, ["admins", "staff"]);
    assert_eq!(Report::status_of(&state, None), ReportStatus::Success);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_that_comes_again_in_the_same_execution_tries_nothing_again() {
    let stage = Stage::new(without_losses()).await;
    stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = |state: &RestoreState| serde_json::to_value(stage.new_pool(state)).unwrap();
    let state = stage.state();
    let before = pool(&state);
    // Its own report is none that it resumes.
    for _ in 0..2 {
        stage.finish().await;
        let again = stage.state();
        assert_eq!(again.steps, state.steps);
        assert_eq!((again.ended, again.resumed), (state.ended, None));
        assert_eq!(pool(&state), before);
    }
}

fn pass_role_denied(operation: &str) -> Faults {
    let fault = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "User: arn:aws:sts::000000000000:assumed-role/restore/restore is not authorized to perform: iam:PassRole on resource: arn:aws:iam::000000000000:role/r because no identity-based policy allows the iam:PassRole action".into(),
        status: 400,
    };
    Faults::one(operation, When::Nth(1), fault)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_that_may_not_be_passed_costs_that_role_and_not_the_restore() {
    for (operation, step, lost) in [
        ("CreateGroup", Step::Groups, "groups/admins/RoleArn"),
        (
            "CreateUserPool",
            Step::UserPool,
            "user_pool_config/SmsConfiguration",
        ),
        (
            "SetUserPoolMfaConfig",
            Step::MfaConfiguration,
            "mfa_configuration/SmsMfaConfiguration",
        ),
    ] {
        let stage = Stage::new(without_losses()).await;
        stage.put_map(&map());
        stage.simulator.set_faults(pass_role_denied(operation));
        let first = restored(&stage).await;
        let findings = &first.record(step).unwrap().findings;
        let told = findings.iter().find(|finding| {
            finding.kind == FindingKind::Degraded
                && finding.announces.iter().any(|path| path == lost)
        });
        assert!(told.is_some(), "{operation}: {findings:#?}");
        assert_eq!(stage.new_pool(&first).groups.len(), 2);
        assert_eq!(stage.new_pool(&first).users.len(), 2);
        let verification = first.verification.as_ref().unwrap();
        assert!(verification.passed(), "{:#?}", verification.differences);

        // The role's policy is mended.
        stage.simulator.set_faults(Faults::default());
        let state = restored(&stage).await;
        assert_eq!(
            Report::status_of(&state, None),
            ReportStatus::Success,
            "{operation}"
        );
    }
}
