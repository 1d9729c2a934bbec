//! A standby pool through the deployed stack: made by the trigger, and brought to each backup that
//! arrives by the rule that hears of it.
//!
//! The local stack tells EventBridge of objects that are written, and not of replicas: the test
//! writes a replica again. That AWS tells of replicas stands in `docs/first-day-on-aws.md`.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use aws_sdk_s3::types::MetadataDirective;
use cognito::{Cognito, Operation, Pace};
use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::{Deployment, Stack, output};
use end_to_end::story;
use restore::standby::Standby;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// How long a rule and what it starts may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// Two stacks, and the standby pool of one pool.
struct Followed {
    stack: Stack,
    deployment: Deployment,
    standby: String,
}

impl Followed {
    /// A call in the pool that is followed.
    async fn call(&self, operation: Operation, members: Value) {
        let config = self.stack.primary.config.to_builder();
        let config = config.endpoint_url(self.stack.simulator.endpoint());
        let cognito = Cognito::new(&config.build(), Pace::unlimited());
        let mut request = members;
        request["UserPoolId"] = json!(MEMBERS);
        cognito.call(operation, &request).await.unwrap();
    }

    /// Backs the pool up, and waits until the standby pool equals the backup.
    async fn back_up_and_wait(&self) -> Standby {
        let (stack, deployment) = (&self.stack, &self.deployment);
        let keys = story::back_up_and_replicate(stack, deployment).await;
        let key = keys.unwrap().remove(0);
        let bucket = output(&deployment.dr, "DRBucketName").unwrap();
        let arrives = stack.dr.s3.copy_object().bucket(bucket).key(&key);
        let arrives = arrives
            .copy_source(format!("{bucket}/{key}"))
            .metadata_directive(MetadataDirective::Replace);
        arrives.send().await.unwrap();
        let began = Instant::now();
        loop {
            let of = Standby::key(&MEMBERS.parse().unwrap());
            if let Ok(known) = story::read_json(stack, deployment, &of).await {
                let known: Standby = serde_json::from_value(known).unwrap();
                if known.equals.backup.to_string() == key {
                    return known;
                }
            }
            assert!(began.elapsed() < PATIENCE, "the standby does not follow");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// A user, by the e-mail address.
    fn user(&self, region: &str, pool: &str, name: &str) -> Option<Value> {
        let pool = self.stack.simulator.dump(region, pool).unwrap();
        let mut users = pool["Users"].as_array().unwrap().iter();
        let email = email(name);
        let user = users.find(|user| user["Attributes"]["email"] == email);
        user.cloned()
    }

    /// Whether a user of the standby pool is enabled.
    fn enabled(&self, name: &str) -> Option<bool> {
        let user = self.user(DR_REGION, &self.standby, name);
        user.and_then(|user| user["Enabled"].as_bool())
    }

    /// Names a user of the pool that is followed.
    fn named(&self, name: &str) -> Value {
        let user = self.user(PRIMARY_REGION, MEMBERS, name).unwrap();
        json!({"Username": user["Username"]})
    }
}

fn email(name: &str) -> String {
    format!("{name}.planted-7f3a9c@example.com")
}

async fn followed(environment: &Environment) -> Followed {
    let (stack, mut deployment) = environment.with_pool(&members()).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let made = json!({"user_pool_id": MEMBERS, "standby": {}});
    let (done, report) = story::restore(&stack, &deployment, &made).await.unwrap();
    assert!(done.succeeded, "{:?} {:?}", done.error, done.cause);
    let standby = report.new_user_pool_id.unwrap().to_string();
    let follows = [("StandbyPools", format!("{MEMBERS}={standby}"))];
    deployment.dr = stack
        .deploy_dr(&environment.binaries, &follows)
        .await
        .unwrap();
    stack.simulator.reset_evidence();
    Followed {
        stack,
        deployment,
        standby,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_pool_follows_two_backups_as_they_arrive() {
    let Some(environment) = Environment::ready("a standby pool") else {
        return;
    };
    let followed = followed(&environment).await;
    let zoe = followed.named("zoe");
    followed
        .call(Operation::AdminDisableUser, zoe.clone())
        .await;
    let group = json!({"GroupName": "bronze"});
    followed.call(Operation::CreateGroup, group).await;
    let new = json!({
        "Username": email("ulf"), "MessageAction": "SUPPRESS",
        "UserAttributes": [{"Name": "email_verified", "Value": "true"}],
    });
    followed.call(Operation::AdminCreateUser, new).await;
    let known = followed.back_up_and_wait().await;
    assert_eq!((known.left, known.under_way), (0, None));
    assert_eq!(known.user_pool_id.as_str(), followed.standby);
    assert_eq!(followed.enabled("zoe"), Some(false));
    assert_eq!(followed.enabled("ulf"), Some(true));
    let standby = followed.stack.simulator.dump(DR_REGION, &followed.standby);
    let groups = standby.unwrap()["Groups"].clone();
    assert!(groups.to_string().contains("bronze"), "{groups}");

    followed.call(Operation::AdminEnableUser, zoe).await;
    let xia = followed.named("xia");
    followed.call(Operation::AdminDeleteUser, xia).await;
    let known = followed.back_up_and_wait().await;
    assert_eq!((known.left, known.gone.len()), (0, 1));
    assert_eq!(followed.enabled("zoe"), Some(true));
    assert_eq!(followed.enabled("xia"), Some(false));

    assert_eq!(followed.stack.simulator.evidence().messages_sent, 0);
    let mails = followed.stack.notifications(&followed.deployment).await;
    let of_syncs = |mail: &&Value| mail.to_string().contains("standby-sync");
    // A standby pool that follows is no news.
    assert_eq!(mails.unwrap().iter().find(of_syncs), None);
}
