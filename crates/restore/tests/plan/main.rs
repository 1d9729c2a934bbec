//! The whole plan of a restore against the strict simulator: what comes back, what is told, and
//! that an invocation may die at any call.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up may panic")]

mod door;
mod living;
mod lost;
mod outage;
mod resumed;
mod stage;

use std::collections::BTreeMap;

use model::request::{RestoreOptions, Selection};
use model::restore::{Outcome, RestoreState, Step, StepRecord};
use serde_json::{Value, json};
use simulator::{Fault, FaultRule, Faults, When};

use lost::{full, map, small};
use stage::{BUCKET, NEW, Stage};

/// Tests that try every place try every fifth without this environment variable.
fn every() -> usize {
    if std::env::var_os("RESTORE_EXHAUSTIVE_TESTS").is_some() {
        1
    } else {
        5
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_the_map_covers_comes_back_and_verifies() {
    let stage = Stage::new(full()).await;
    stage.put_map(&map());
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    for record in &state.steps {
        assert!(
            !matches!(record.outcome, Outcome::Failed { .. }),
            "{record:#?}"
        );
    }
    for (step, count) in [
        (Step::UserPool, 1),
        (Step::CustomAttributes, 1),
        (Step::ResourceServers, 1),
        (Step::IdentityProviders, 4),
        (Step::Groups, 2),
        (Step::AppClients, 3),
        (Step::Domains, 1),
        (Step::MfaConfiguration, 1),
        (Step::UiCustomization, 2),
        (Step::ManagedLoginBranding, 1),
        (Step::Terms, 1),
        (Step::RiskConfiguration, 2),
        (Step::LogDelivery, 1),
        (Step::WebAcl, 1),
        (Step::FinalSettings, 1),
        (Step::Passkeys, 1),
        (Step::SelfSignUp, 1),
    ] {
        assert_eq!(
            state.restored(step),
            count,
            "{step}: {:#?}",
            state.record(step)
        );
    }
    let evidence = stage.simulator.evidence();
    assert_eq!(evidence.messages_sent, 0, "{:?}", evidence.messages);
    assert_eq!(evidence.refused, [], "nothing was tried in vain");
    assert!(evidence.trigger_invocations.is_empty());
    let new = stage.new_pool(&state);
    assert_eq!(new.user_pool["DeletionProtection"], "ACTIVE");
    assert_eq!(
        new.user_pool["AutoVerifiedAttributes"],
        json!(["email", "phone_number"])
    );
    assert_eq!(
        new.user_pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        true
    );
    assert_eq!(new.user_pool["BrandNewSetting"], json!({"Kept": [1, 2]}));
    assert!(
        new.user_pool["LambdaConfig"]["PreSignUp"]
            .as_str()
            .unwrap()
            .contains("us-west-2")
    );
    assert_eq!(stage.s3.calls("AWSWAF_20190729.AssociateWebACL").len(), 1);
    stage.protect_new_pool();
    let verification = stage.verify(&state).await;
    assert_passed(&verification);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_map_what_is_bound_to_its_region_is_left_out_and_told() {
    let stage = Stage::new(full()).await;
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let steps: Vec<&str> = state
        .steps
        .iter()
        .flat_map(|record| &record.manual_steps)
        .map(|step| step.title.as_str())
        .collect();
    for expected in [
        "Create the identity provider SignInWithApple",
        "use SignInWithApple",
        "Deliver the pool's logs",
        "Attach the triggers",
        "Add the other secret",
        "Move the custom domain",
    ] {
        assert!(
            steps.iter().any(|step| step.contains(expected)),
            "{expected}: {steps:#?}"
        );
    }
    let commands = state
        .steps
        .iter()
        .flat_map(|record| &record.manual_steps)
        .filter_map(|step| step.command.as_deref());
    for command in commands {
        assert!(!command.contains("NEW_USER_POOL_ID"), "{command}");
    }
    stage.protect_new_pool();
    let verification = stage.verify(&state).await;
    assert_passed(&verification);
    assert!(verification.announced > 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn senders_that_cognito_refuses_cost_mail_and_sms_and_not_the_restore() {
    let mut pool = full();
    pool["UserPool"]["SmsConfiguration"]["SnsCallerArn"] =
        json!("arn:aws:iam::000000000000:role/untrusted");
    pool["UserPool"]["EmailConfiguration"]["SourceArn"] =
        json!("arn:aws:ses:ap-south-1:000000000000:identity/example.com");
    let stage = Stage::new(pool).await;
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let new = stage.new_pool(&state);
    assert_eq!(
        new.user_pool["EmailConfiguration"]["EmailSendingAccount"],
        "COGNITO_DEFAULT"
    );
    assert!(!new.user_pool.contains_key("SmsConfiguration"));
    assert_eq!(new.user_pool["AutoVerifiedAttributes"], json!(["email"]));
    assert_eq!(
        new.user_pool["MfaConfiguration"], "OPTIONAL",
        "an authenticator is left"
    );
    stage.protect_new_pool();
    let verification = stage.verify(&state).await;
    assert_passed(&verification);
}

/// What two restores of one pool must have in common.
async fn essence(stage: &Stage) -> Value {
    let mut pools = stage.new_pools().await;
    assert_eq!(pools.len(), 1, "exactly one pool");
    let pool = pools.remove(0);
    let names = |documents: &[serde_json::Map<String, Value>], member: &str| {
        let mut names: Vec<String> = documents
            .iter()
            .map(|document| document[member].as_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let mut clients: Vec<Value> = pool
        .clients
        .iter()
        .map(|client| {
            let document = &client.user_pool_client;
            json!([
                document["ClientName"],
                document.get("CallbackURLs"),
                client.secrets.len()
            ])
        })
        .collect();
    clients.sort_by_key(Value::to_string);
    let mut settings = pool.user_pool.clone();
    for member in ["Id", "Arn", "CreationDate", "LastModifiedDate"] {
        settings.remove(member);
    }
    let styles: Vec<&Value> = pool
        .managed_login_brandings
        .iter()
        .map(|style| &style["Settings"])
        .collect();
    json!({
        "settings": settings,
        "mfa": pool.mfa_configuration,
        "clients": clients,
        "groups": names(&pool.groups, "GroupName"),
        "providers": names(&pool.identity_providers, "ProviderName"),
        "servers": names(&pool.resource_servers, "Identifier"),
        "domains": names(&pool.domains, "Domain"),
        "styles": styles,
        "terms": names(&pool.terms, "TermsName"),
        "users": pool.users.iter().map(|user| (user.username.clone(), format!("{:?} {}", user.user_status, user.enabled))).collect::<BTreeMap<_, _>>(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_may_die_at_any_call_and_nothing_is_made_twice() {
    let calm = Stage::new(small()).await;
    let calm_state = calm.restore(RestoreOptions::default()).await.unwrap();
    let expected = essence(&calm).await;
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    assert!(calls > 40, "{calls}");
    for nth in (1..=calls).step_by(every()) {
        let stage = Stage::new(small()).await;
        stage.die_at(nth).await;
        let state = stage.restore(RestoreOptions::default()).await.unwrap();
        let kept: Vec<Step> = state.steps.iter().map(|record| record.step).collect();
        assert_eq!(kept, Step::ALL, "call {nth}");
        assert_eq!(essence(&stage).await, expected, "call {nth}");
        assert_eq!(told(&state), told(&calm_state), "call {nth}");
        assert_eq!(stage.simulator.evidence().messages_sent, 0);
    }
}

/// What the steps of the settings told, whatever the ids.
fn told(state: &RestoreState) -> Vec<(Step, Outcome, Vec<Vec<String>>)> {
    let announced = |record: &StepRecord| {
        let findings = record.findings.iter();
        findings.map(|finding| finding.announces.clone()).collect()
    };
    state
        .steps
        .iter()
        .map(|record| (record.step, record.outcome.clone(), announced(record)))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_may_die_at_any_call_of_the_bucket() {
    let calm = Stage::new(small()).await;
    let before = calm.s3.requests();
    calm.restore(RestoreOptions::default()).await.unwrap();
    let expected = essence(&calm).await;
    let requests = calm.s3.requests() - before;
    assert!(requests > 20, "{requests}");
    for nth in (1..=requests).step_by(every()) {
        for fault in [vault::testing::Fault::Before, vault::testing::Fault::After] {
            let stage = Stage::new(small()).await;
            stage.s3.die_at(nth, fault);
            // What it says does not matter: nobody is there to hear it.
            let _died = stage.invoke(RestoreOptions::default()).await;
            stage.s3.revive();
            stage.restore(RestoreOptions::default()).await.unwrap();
            assert_eq!(essence(&stage).await, expected, "request {nth} {fault:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_looked_after_at_every_call() {
    let calm = Stage::new(small()).await;
    calm.restore(RestoreOptions::default()).await.unwrap();
    let expected = essence(&calm).await;
    let calls: u64 = calm.simulator.evidence().calls.values().sum();
    for nth in (1..=calls).step_by(every()) {
        let stage = Stage::new(small()).await;
        stage.simulator.set_faults(Faults {
            seed: 0,
            rules: vec![FaultRule {
                operation: None,
                when: When::Nth(nth),
                fault: Fault::AnswerLost,
            }],
        });
        stage.restore(RestoreOptions::default()).await.unwrap();
        assert_eq!(essence(&stage).await, expected, "call {nth}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_tells_and_changes_nothing() {
    let stage = Stage::new(full()).await;
    let options = RestoreOptions {
        dry_run: true,
        ..RestoreOptions::default()
    };
    let state = stage.restore(options).await.unwrap();
    assert!(stage.new_pools().await.is_empty());
    assert_eq!(state.new_user_pool_id, None);
    let kept: Vec<Step> = state.steps.iter().map(|record| record.step).collect();
    assert_eq!(kept, Step::ALL);
    for record in &state.steps[1..] {
        assert!(
            matches!(
                record.outcome,
                Outcome::Skipped { .. } | Outcome::NothingToDo
            ),
            "{record:?}"
        );
    }
    let foreseen = state.users.foreseen.as_ref().unwrap();
    assert_eq!((foreseen.come_back(), foreseen.seen), (2, 3));
    let steps = state.steps.iter().flat_map(|record| &record.manual_steps);
    let titles: Vec<&str> = steps.map(|step| step.title.as_str()).collect();
    assert!(
        titles.iter().any(|title| title.contains("SignInWithApple")),
        "{titles:?}"
    );
    let calls = stage.simulator.evidence().calls;
    for (operation, _) in calls {
        let reads = ["Describe", "List", "Get"]
            .iter()
            .any(|verb| operation.starts_with(verb));
        assert!(reads, "{operation}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn into_an_existing_pool_go_only_the_groups_and_users_that_it_lacks() {
    let stage = Stage::new(small()).await;
    let first = stage.restore(RestoreOptions::default()).await.unwrap();
    let target = first.new_user_pool_id.clone().unwrap();
    let before = stage.new_pool(&first);
    stage.begin_another();
    let options = RestoreOptions {
        target_user_pool_id: Some(target.clone()),
        select: Some(Selection::MissingGroupsAndUsers),
        ..RestoreOptions::default()
    };
    let state = stage.restore(options).await.unwrap();
    assert_eq!(state.new_user_pool_id, Some(target));
    let skipped = state
        .steps
        .iter()
        .filter(|record| matches!(record.outcome, Outcome::Skipped { .. }))
        .count();
    assert!(skipped >= Step::ALL.len() - 3, "{skipped}");
    let after = stage.new_pool(&state);
    assert_eq!(
        after.user_pool, before.user_pool,
        "settings are never changed"
    );
    assert_eq!(after.users.len(), before.users.len());
    assert_eq!(state.users.counts.failed, 0, "{:?}", state.users.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_stack_does_not_allow_costs_that_item_and_names_the_parameter() {
    let stage = Stage::new(full()).await;
    let mut map = map();
    map["custom_domains"] = json!({"auth.example.com": {"domain": "auth-dr.example.com"}});
    stage.put_map(&map);
    let denied = |operation: &str, when| FaultRule {
        operation: Some(operation.into()),
        when,
        fault: Fault::Error {
            code: "AccessDeniedException".into(),
            message: "is not authorized to perform that".into(),
            status: 400,
        },
    };
    stage.simulator.set_faults(Faults {
        seed: 0,
        rules: vec![
            // The prefix domain comes first.
            denied(
                "CreateUserPoolDomain",
                When::Burst {
                    from: 2,
                    count: u64::MAX / 2,
                },
            ),
            denied("SetLogDeliveryConfiguration", When::Rate(1.0)),
        ],
    });
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    assert_eq!(state.restored(Step::Domains), 1);
    let told = serde_json::to_string(&state.steps).unwrap();
    for parameter in ["RestoreCustomDomains=true", "RestoreLogDelivery=true"] {
        assert!(told.contains(parameter), "{parameter}");
    }
}

/// The role may write into no pool without the tag, and what makes it count may lag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_pools_tag_is_there_to_the_end_and_waited_for_until_it_counts() {
    let stage = Stage::new(small()).await;
    let denied = Fault::Error {
        code: "AccessDeniedException".into(),
        message: "is not authorized to perform: cognito-idp:TagResource".into(),
        status: 400,
    };
    let twice = When::Burst { from: 1, count: 2 };
    stage
        .simulator
        .set_faults(Faults::one("TagResource", twice, denied));
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    let pool = stage.new_pool(&state);
    let tag = &pool.user_pool["UserPoolTags"][restore::RESTORE_TAG];
    assert_eq!(*tag, "r-1");
    assert_eq!(stage.simulator.evidence().calls["TagResource"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_no_restore_made_is_written_into_only_where_the_stack_allows_it() {
    let mut stage = Stage::new(small()).await;
    let standby = json!({"UserPool": {"Id": "us-west-2_Standby", "Name": "standby"}});
    stage.simulator.seed(NEW, &standby).unwrap();
    let options = |dry_run| RestoreOptions {
        target_user_pool_id: Some("us-west-2_Standby".parse().unwrap()),
        select: Some(Selection::MissingGroupsAndUsers),
        dry_run,
        ..RestoreOptions::default()
    };
    for other in ["", "us-west-2_Another"] {
        stage.allow_existing(other);
        for dry_run in [true, false] {
            let error = stage.restore(options(dry_run)).await.unwrap_err();
            assert_eq!(error.failure().name(), "PreflightFailed");
            let text = error.to_string();
            assert!(
                text.contains("ExistingUserPoolIds=us-west-2_Standby"),
                "{text}"
            );
        }
    }
    for allowed in ["us-west-2_Another,us-west-2_Standby", "*"] {
        stage.allow_existing(allowed);
        stage.begin_another();
        stage.restore(options(false)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_map_or_a_missing_target_ends_the_restore_before_anything_is_made() {
    let stage = Stage::new(small()).await;
    stage.put_map(&json!({"function": {}}));
    let error = stage.restore(RestoreOptions::default()).await.unwrap_err();
    assert_eq!(error.failure().name(), "PreflightFailed");
    assert!(error.to_string().contains("function"), "{error}");
    let stage = Stage::new(small()).await;
    let options = RestoreOptions {
        target_user_pool_id: Some("us-west-2_Nowhere".parse().unwrap()),
        ..RestoreOptions::default()
    };
    let error = stage.restore(options).await.unwrap_err();
    assert_eq!(error.failure().name(), "UserPoolNotFound");
    assert!(stage.new_pools().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_belongs_to_one_backup_for_its_whole_life() {
    let stage = Stage::new(small()).await;
    stage.restore(RestoreOptions::default()).await.unwrap();
    let mut request = stage.request(RestoreOptions::default());
    let pool = &request.user_pool_id;
    let other = format!("cognito-backup/2026/03/08/{pool}-000000.json");
    let own = request.s3_key.take().unwrap().to_string();
    let document = stage.s3.get(BUCKET, &own).unwrap();
    stage.s3.put(BUCKET, &other, document);
    request.s3_key = Some(other.parse().unwrap());
    let error = stage.call(&request).await.unwrap_err();
    assert_eq!(error.failure().name(), "BadRequest");
    let request = stage.request(RestoreOptions::default());
    stage.call(&request).await.unwrap();
    assert_eq!(stage.new_pools().await.len(), 1);
}

fn assert_passed(verification: &model::restore::Verification) {
    let unannounced: Vec<&model::restore::Difference> = verification
        .differences
        .iter()
        .filter(|difference| difference.announced_by.is_none())
        .collect();
    assert!(verification.passed(), "{unannounced:#?}");
}
