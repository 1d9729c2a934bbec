//! `cognito-dr` on the local stack, beside the Lambda functions and their buckets.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use cognito::{Cognito, Operation, Pace};
use end_to_end::clients::{DR_REGION, PRIMARY_REGION};
use end_to_end::environment::Environment;
use end_to_end::pools::{MEMBERS, members};
use end_to_end::stack::output;
use end_to_end::story;
use end_to_end::terminal::Terminal;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_lambda_functions_left_is_seen_from_a_terminal() {
    let Some(environment) = Environment::ready("the command on the local stack") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let keys = story::back_up(&stack, &deployment, &json!({}))
        .await
        .unwrap();
    let key = keys[0].as_str();
    story::wait_for_replica(&stack, &deployment, key)
        .await
        .unwrap();

    // At home, with the primary bucket.
    let mut terminal = Terminal::new(&environment, &stack, PRIMARY_REGION).unwrap();
    let bucket = output(&deployment.primary, "BackupBucketName").unwrap();
    terminal.set("COGNITO_DR_VAULT", format!("s3://{bucket}"));
    let pools = terminal.json(&["pools"], 0).unwrap();
    assert_eq!(pools["pools"][0]["id"], MEMBERS);
    assert_eq!(pools["pools"][0]["newest_backup"]["key"], key);
    let unchanged = terminal.json(&["diff", key], 0).unwrap();
    assert_eq!(
        (&unchanged["same"], &unchanged["users"]["in_first"]),
        (&json!(true), &unchanged["users"]["in_second"])
    );
    let verified = terminal.json(&["verify", key, MEMBERS], 0).unwrap();
    assert_eq!(verified["verified_user_pool_id"], MEMBERS);

    // On the bad day, with the replica in the other Region.
    let mut terminal = Terminal::new(&environment, &stack, DR_REGION).unwrap();
    let bucket = output(&deployment.dr, "DRBucketName").unwrap();
    terminal.set("COGNITO_DR_VAULT", format!("s3://{bucket}"));
    let listed = terminal.json(&["backups", MEMBERS], 0).unwrap();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    assert_eq!(listed["backups"][0]["key"], key);
    let shown = terminal
        .json(&["show", "latest", "--pool", MEMBERS], 0)
        .unwrap();
    assert_eq!(shown["pool_id"], MEMBERS);
    let users = &shown["users"];
    let by_status = users["by_status"].as_object().unwrap().values();
    let counted: u64 = by_status.filter_map(|count| count.as_u64()).sum();
    assert!(counted > 0 && users["total"] == counted, "{users}");
    let checked = terminal.json(&["check", "--all"], 0).unwrap();
    assert_eq!(
        (&checked["whole"], &checked["not_whole"]),
        (&json!(1), &json!(0))
    );

    let users = [
        "users",
        "export",
        "latest",
        "--pool",
        MEMBERS,
        "--csv",
        "users.csv",
    ];
    let exported = terminal.json(&[&users[..], &["--columns", "sub"]].concat(), 0);
    assert_eq!(exported.unwrap()["users"], counted);

    // One byte too few, and it is noticed.
    let object = stack.dr.s3.get_object().bucket(bucket).key(key);
    let body = object.send().await.unwrap().body.collect().await.unwrap();
    let body = body.to_vec();
    let cut_off = body[..body.len() - 1].to_vec();
    let put = stack.dr.s3.put_object().bucket(bucket).key(key);
    put.body(cut_off.into()).send().await.unwrap();
    let checked = terminal.json(&["check", key], 2);
    assert!(
        checked.is_err(),
        "a backup that cannot be opened is an error"
    );
    let checked = terminal.json(&["check", "--all"], 1).unwrap();
    assert_eq!(checked["not_whole"], 1);
}

/// From the loss of a pool to the page that says what is left to do, and its errors.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_the_stack_is_started_followed_and_handed_over_from_a_terminal() {
    let Some(environment) = Environment::ready("trigger, watch and handover") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    story::back_up_and_replicate(&stack, &deployment)
        .await
        .unwrap();
    let terminal = Terminal::new(&environment, &stack, DR_REGION).unwrap();

    // Everything is checked, and the result is waited for.
    let checked = terminal
        .json(
            &["trigger", MEMBERS, "--dry-run", "--watch", "--every", "1"],
            3,
        )
        .unwrap();
    assert_eq!(checked["new_user_pool_id"], Value::Null);
    assert_eq!(checked["result"], "SUCCESS_WITH_LOSSES");

    let started = terminal
        .json(&["trigger", MEMBERS, "--users-engine", "api"], 0)
        .unwrap();
    let (execution, restore) = (&started["execution_arn"], &started["restore_id"]);
    let (execution, restore) = (execution.as_str().unwrap(), restore.as_str().unwrap());
    let watch = terminal
        .run(&[
            "watch",
            execution,
            "--every",
            "1",
            "--json",
            "--progress",
            "json",
        ])
        .unwrap();
    assert_eq!(watch.status.code(), Some(3));
    let watched: Value = serde_json::from_slice(&watch.stdout).unwrap();
    let report = story::report(&stack, &deployment, restore).await.unwrap();
    assert_eq!(watched["result"], report.status.as_str());
    assert_eq!(watched["restore_id"], restore);
    assert_eq!(watched["user_pool_id"], MEMBERS);
    assert_eq!(
        watched["new_user_pool_id"],
        report.new_user_pool_id.unwrap().as_str()
    );
    assert_eq!(watched["users"]["done"], report.users.seen);
    assert!(watched["invocations"].as_u64() >= Some(1), "{watched}");
    // It is over, and looking again tells the same; the execution has the name of the restore.
    let again = terminal.json(&["watch", restore], 3).unwrap();
    assert_eq!(again, watched);

    let fetched = terminal.json(&["handover", restore, "--all"], 0).unwrap();
    let page = terminal.folder().join(fetched["page"].as_str().unwrap());
    assert!(std::fs::read_to_string(&page).unwrap().contains(restore));
    let names = [
        "handover.html",
        "report.json",
        "id-map.json",
        "user-map.csv",
    ];
    let expected = names.map(|name| format!("{restore}/{name}"));
    assert_eq!(fetched["files"], json!(expected));
    let mode = std::os::unix::fs::PermissionsExt::mode(&page.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "it names users");
    let said = terminal.fails(&["handover", restore, "--all"]).unwrap();
    assert!(said.contains("Nothing is overwritten"), "{said}");

    // Who was invited and never signed in is invited again, by the command that the page names.
    let steps = report.manual_steps.iter();
    let mut commands = steps.filter_map(|step| step.command.as_deref());
    let command = commands.find(|command| command.starts_with("cognito-dr users invite"));
    let mut invite: Vec<&str> = command.unwrap().split_whitespace().skip(1).collect();
    invite.push("--yes");
    assert_eq!(stack.simulator.evidence().messages_sent, 0);
    let invited = terminal.json(&invite, 0).unwrap();
    let sent = invited["emails"].as_u64().unwrap() + invited["text_messages"].as_u64().unwrap();
    assert!(sent > 0, "{invited}");
    assert_eq!(stack.simulator.evidence().messages_sent, sent);
    assert_eq!(terminal.json(&invite, 0).unwrap()["sent_before"], sent);

    // Another stack, another Region, another pool: what is wrong and what to do.
    for (arguments, expected) in [
        (
            &["trigger", MEMBERS, "--environment", "test"][..],
            "--environment",
        ),
        (
            &["trigger", MEMBERS, "--region", PRIMARY_REGION],
            "Name the recovery Region",
        ),
        (&["trigger", MEMBERS, "--into", "us-west-2_Other"], "--yes"),
        (
            &["watch", "arn:aws:states:us-west-2:1:stateMachine:m"],
            "is not the ARN of an execution",
        ),
        (
            &["handover", "dr-restore-other"],
            "cognito-dr watch dr-restore-other",
        ),
    ] {
        let said = terminal.fails(arguments).unwrap();
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }

    // A restore that fails: of a pool that nobody backed up.
    let failed = terminal
        .json(
            &["trigger", "us-east-1_Other", "--watch", "--every", "1"],
            2,
        )
        .unwrap();
    assert_eq!(
        (&failed["result"], &failed["error"]),
        (&json!("FAILED"), &json!("BackupNotFound"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_functions_a_pool_is_backed_up_and_restored_from_a_terminal() {
    let Some(environment) = Environment::ready("backup and restore from a terminal") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let mut terminal = Terminal::new(&environment, &stack, PRIMARY_REGION).unwrap();
    let bucket = output(&deployment.primary, "BackupBucketName").unwrap();
    let vault = format!("s3://{bucket}");
    terminal.set("COGNITO_DR_VAULT", &vault);
    terminal.set("COGNITO_DR_VAULT_REGION", PRIMARY_REGION);

    let backed_up = terminal
        .json(&["backup", MEMBERS, "--to", &vault], 0)
        .unwrap();
    let users = &backed_up["backups"][0]["users"];
    assert!(users.as_u64() > Some(100), "{backed_up}");

    let restore = [
        "restore", "latest", "--pool", MEMBERS, "--region", DR_REGION,
    ];
    let report = terminal.json(&restore, 3).unwrap();
    assert_eq!(report["status"], "SUCCESS_WITH_LOSSES");
    let new = report["new_user_pool_id"].as_str().unwrap();
    assert!(new.starts_with(DR_REGION), "{new}");

    // Its users go, after a backup that holds them, and come back from the file.
    let export = ["users", "export", new, "--csv", "members.csv"];
    let exported = terminal.json(&export, 0).unwrap();
    let clean = [
        "users",
        "clean",
        new,
        "--yes",
        "--confirm",
        new,
        "--despite-protection",
    ];
    terminal.json(&clean, 0).unwrap();
    let left = stack.simulator.pool(DR_REGION, new).unwrap().users.len();
    assert_eq!(left, 0);
    let listed = terminal.json(&["backups", new], 0).unwrap();
    assert_eq!(listed["backups"].as_array().unwrap().len(), 1);
    let import = ["users", "import", "members.csv", "--into", new, "--yes"];
    let imported = terminal.json(&import, 0).unwrap();
    assert_eq!(imported["made"], exported["users"], "{imported}");
    assert_eq!(imported["differences"], 0, "{imported}");
    assert_eq!(stack.simulator.evidence().messages_sent, 0);
}

/// Somebody disables users; the next backup sees it, and an undo enables them again. Then one of them
/// asks to be erased.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistake_in_a_live_pool_is_seen_undone_and_a_user_is_forgotten_from_a_terminal() {
    let Some(environment) = Environment::ready("history, diff, undo, rehearse and forget") else {
        return;
    };
    let (stack, deployment) = environment.with_pool(&members()).await.unwrap();
    let backed_up = story::back_up(&stack, &deployment, &json!({})).await;
    let point = &backed_up.unwrap()[0];
    let mut terminal = Terminal::new(&environment, &stack, PRIMARY_REGION).unwrap();
    let bucket = output(&deployment.primary, "BackupBucketName").unwrap();
    terminal.set("COGNITO_DR_VAULT", format!("s3://{bucket}"));
    terminal.set("COGNITO_DR_VAULT_REGION", PRIMARY_REGION);
    let users = || stack.simulator.pool(PRIMARY_REGION, MEMBERS).unwrap().users;
    let disabled = || {
        let users = users().into_iter().filter(|user| !user.enabled);
        users.map(|user| user.username).collect::<BTreeSet<_>>()
    };

    let before = disabled();
    let config = stack.primary.config.to_builder();
    let config = config.endpoint_url(stack.simulator.endpoint()).build();
    let anybody = Cognito::new(&config, Pace::unlimited());
    let enabled = users().into_iter().filter(|user| user.enabled);
    let victims: Vec<_> = enabled.take(3).collect();
    for victim in &victims {
        let user = json!({"UserPoolId": MEMBERS, "Username": victim.username});
        let disable = anybody.call(Operation::AdminDisableUser, &user);
        disable.await.unwrap();
    }
    story::back_up(&stack, &deployment, &json!({}))
        .await
        .unwrap();

    let history = terminal.json(&["history", MEMBERS], 0).unwrap();
    let change = &history["backups"][0]["change"]["since"];
    assert_eq!(change["previous"], point.as_str(), "{history}");
    assert_eq!(change["users"]["disabled"], 3, "{history}");
    let seen = terminal.json(&["diff", point], 1).unwrap();
    assert_eq!(seen["users"]["changed"], 3, "{seen}");
    let undo = ["undo", MEMBERS, "--to", point.as_str()];
    let planned = terminal.json(&[&undo[..], &["--dry-run"]].concat(), 1);
    assert_eq!(planned.unwrap()["plan"]["users"]["put_back"], 3);
    let undone = terminal.json(&[&undo[..], &["--yes"]].concat(), 0).unwrap();
    assert_eq!(undone["report"]["not_reverted_total"], 0, "{undone}");
    assert_eq!(disabled(), before);
    assert_eq!(terminal.json(&["diff", point], 0).unwrap()["same"], true);

    let sub = victims[0].sub.as_deref().unwrap();
    let total = |shown: Value| shown["users"]["total"].as_u64().unwrap();
    let all = total(terminal.json(&["show", point], 0).unwrap());
    let forgotten = terminal.json(&["forget", MEMBERS, sub, "--yes"], 0);
    assert_eq!(forgotten.unwrap()["changed"], 1);
    let shown = terminal.json(&["show", point], 0).unwrap();
    assert_eq!(shown["users"]["forgotten"], 1, "{shown}");
    assert_eq!(total(shown), all - 1);
    let rehearsed = terminal.json(&["rehearse", point, "--region", DR_REGION], 3);
    // One more has no address to sign in by: no new pool takes it.
    assert_eq!(rehearsed.unwrap()["users"], all - 2);
    assert_eq!(stack.simulator.pool_ids(), [MEMBERS]);
    assert_eq!(stack.simulator.evidence().messages_sent, 0);
}
