//! An undo through the deployed stack: asked for at the trigger, driven by the state machine, with
//! backups that the stack of the primary Region makes.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use cognito::{Cognito, Operation, Pace};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, PLANTED, members};
use end_to_end::stack::{Deployment, Stack, is_safety_net};
use end_to_end::story::{self, Execution};
use restore::undo::{Plan, UndoReport};
use serde_json::{Value, json};

/// A stack whose pool is backed up.
struct Live {
    stack: Stack,
    deployment: Deployment,
    cognito: Cognito,
}

impl Live {
    async fn call(&self, operation: Operation, mut request: Value) -> Value {
        request["UserPoolId"] = json!(MEMBERS);
        self.cognito.call(operation, &request).await.unwrap()
    }

    /// Disables five users, and makes a group the most important one.
    async fn make_mistakes(&self) {
        let users = self.call(Operation::ListUsers, json!({})).await;
        let users = users["Users"].as_array().unwrap().iter();
        for user in users.filter(|user| user["Enabled"] == true).take(5) {
            let user = json!({"Username": user["Username"]});
            self.call(Operation::AdminDisableUser, user).await;
        }
        self.set_precedence(0).await;
    }

    async fn set_precedence(&self, precedence: u64) {
        let groups = self.call(Operation::ListGroups, json!({})).await;
        let mut group = groups["Groups"][0].clone();
        let members = group.as_object_mut().unwrap();
        members.retain(|name, _| ["GroupName", "Description", "RoleArn"].contains(&name.as_str()));
        group["Precedence"] = json!(precedence);
        self.call(Operation::UpdateGroup, group).await;
    }

    /// The pool without dates.
    async fn seen(&self) -> Value {
        let groups = self.call(Operation::ListGroups, json!({})).await;
        let groups = groups["Groups"].as_array().unwrap().iter();
        let groups: Vec<_> = groups
            .map(|group| [&group["GroupName"], &group["Precedence"]])
            .collect();
        let users = self.call(Operation::ListUsers, json!({})).await;
        let users = users["Users"].as_array().unwrap().iter();
        let users: BTreeMap<_, _> = users
            .map(|user| (user["Username"].to_string(), &user["Enabled"]))
            .collect();
        json!({"groups": groups, "users": users})
    }

    async fn undo(&self, undo: Value) -> Execution {
        let request = json!({"user_pool_id": MEMBERS, "undo": undo});
        let (stack, deployment) = (&self.stack, &self.deployment);
        let arn = story::trigger(stack, deployment, &request).await.unwrap();
        story::follow(stack, &arn, |_| ()).await.unwrap()
    }

    async fn object(&self, execution: &Execution, name: &str) -> Vec<u8> {
        let key = format!("cognito-restore/{}/{name}", execution.name);
        story::read(&self.stack, &self.deployment, &key)
            .await
            .unwrap()
    }

    /// What subscribers were told since the last call, but for executions that failed.
    async fn mails(&self) -> Vec<Value> {
        let mut mails = self.stack.notifications(&self.deployment).await.unwrap();
        mails.retain(|mail| !is_safety_net(mail));
        mails
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_shown_carried_out_by_its_fingerprint_and_verified() {
    let Some(environment) = Environment::ready("an undo") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let config = stack.primary.config.to_builder();
    let config = config.endpoint_url(stack.simulator.endpoint()).build();
    let live = Live {
        cognito: Cognito::new(&config, Pace::unlimited()),
        stack,
        deployment,
    };
    let before = live.seen().await;
    live.make_mistakes().await;
    let mistaken = live.seen().await;
    assert_ne!(mistaken, before);

    // The plan changes nothing and needs no permission on the pool.
    let planned = live.undo(json!({"to": "latest"})).await;
    assert!(planned.succeeded, "{:?} {:?}", planned.error, planned.cause);
    assert_eq!(live.seen().await, mistaken);
    let plan = live.object(&planned, Plan::OBJECT).await;
    let plan: Plan = serde_json::from_slice(&plan).unwrap();
    assert_eq!(
        (plan.users.put_back, plan.actions.len()),
        (5, 1),
        "{plan:#?}"
    );
    let page = String::from_utf8(live.object(&planned, "undo.html").await).unwrap();
    assert!(page.contains(&plan.fingerprint), "{page}");
    let told = live.mails().await;
    assert_eq!(told[0]["dry_run"], true, "{told:#?}");
    assert_eq!(told[0]["plan"], plan.fingerprint.as_str());

    // To carry it out the stack has to name the pool.
    let carry_out = json!({"to": plan.point, "plan": plan.fingerprint});
    let refused = live.undo(carry_out.clone()).await;
    let cause = refused.cause.unwrap_or_default();
    assert!(
        !refused.succeeded && cause.contains("ExistingUserPoolIds"),
        "{cause}"
    );
    assert_eq!(live.seen().await, mistaken);
    let named = [("ExistingUserPoolIds", MEMBERS.to_owned())];
    live.stack
        .deploy_dr(&environment.binaries, &named)
        .await
        .unwrap();

    // Another mistake between plan and yes.
    live.set_precedence(7).await;
    let outdated = live.undo(carry_out.clone()).await;
    assert_eq!(outdated.error.as_deref(), Some("BadRequest"));
    let cause = outdated.cause.unwrap_or_default();
    assert!(cause.contains("has changed since"), "{cause}");
    live.set_precedence(0).await;
    assert_eq!(live.seen().await, mistaken);
    live.mails().await;

    let undone = live.undo(carry_out).await;
    assert!(undone.succeeded, "{:?} {:?}", undone.error, undone.cause);
    assert_eq!(live.seen().await, before);
    let report = live.object(&undone, UndoReport::OBJECT).await;
    let report: UndoReport = serde_json::from_slice(&report).unwrap();
    assert!(report.is_whole(), "{report:#?}");
    assert_eq!((report.reverted, report.people.users), (1, 5));
    let page = String::from_utf8(live.object(&undone, "undo.html").await).unwrap();
    assert!(page.contains("<h1>Undone</h1>"), "{page}");
    let told = live.mails().await;
    assert_eq!(told[0]["status"], "SUCCESS", "{told:#?}");
    // An undo of the undo: to the backup that was taken first.
    let taken = report.before.rsplit_once("/cognito-backup/").unwrap().1;
    let again = json!({"to": format!("cognito-backup/{taken}"), "dry_run": false});
    let again = live.undo(again).await;
    assert!(again.succeeded, "{:?} {:?}", again.error, again.cause);
    assert_eq!(live.seen().await, mistaken);

    assert_eq!(live.stack.simulator.evidence().messages_sent, 0);
    let executions = [planned, undone, again];
    let traces = story::traces(&live.stack, &executions).await.unwrap();
    let told = format!("{told:?}{:?}", live.mails().await);
    for planted in PLANTED {
        assert!(
            !traces.contains(planted) && !told.contains(planted),
            "{planted}"
        );
    }
}
