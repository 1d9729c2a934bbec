//! An execution of the deployed stack, as Step Functions tells of it.

use serde_json::{Value, json};
use vault::testing::MemoryS3;

use crate::pseudo_terminal::{code, typed};
use crate::support::{Account, says};

const EXECUTION: &str =
    "arn:aws:states:us-west-2:111122223333:execution:cognito-dr-orchestration-prod:dr-restore-1";

/// An account in which a restore has this status, and its function has answered this last.
fn account(status: &str, answer: &Value) -> (Account, MemoryS3) {
    let aws = MemoryS3::start("another-bucket");
    let mut account = Account::new();
    account.set("AWS_ENDPOINT_URL", &aws.endpoint());
    let mut described = json!({
        "executionArn": EXECUTION, "stateMachineArn": "machine", "name": "dr-restore-1", "status": status,
        "startDate": 1.0, "input": json!({"user_pool_id": "us-east-1_A"}).to_string(),
    });
    if status != "RUNNING" {
        described["stopDate"] = json!(63.0);
    }
    aws.answer("AWSStepFunctions.DescribeExecution", 200, described);
    let event = json!({
        "id": 1, "type": "LambdaFunctionSucceeded", "timestamp": 2.0,
        "lambdaFunctionSucceededEventDetails": {"output": answer.to_string()},
    });
    aws.answer(
        "AWSStepFunctions.GetExecutionHistory",
        200,
        json!({"events": [event]}),
    );
    (account, aws)
}

fn answer(status: &str) -> Value {
    json!({"status": status, "wait_seconds": 0, "step": "users", "users_done": 7, "users_total": 9})
}

#[test]
fn the_exit_code_tells_how_the_restore_ended() {
    for (execution, answered, result, code) in [
        ("SUCCEEDED", "SUCCESS", "SUCCESS", 0),
        ("SUCCEEDED", "SUCCESS_WITH_LOSSES", "SUCCESS_WITH_LOSSES", 3),
        ("FAILED", "FAILED", "FAILED", 2),
        ("ABORTED", "IN_PROGRESS", "ABORTED", 2),
        ("TIMED_OUT", "WAITING", "TIMED_OUT", 2),
    ] {
        let (account, _aws) = account(execution, &answer(answered));
        let ended = account
            .command(&["watch", EXECUTION, "--json"])
            .assert()
            .code(code);
        let ended: Value = serde_json::from_slice(&ended.get_output().stdout).unwrap();
        assert_eq!(ended["result"], result);
        assert_eq!(ended["users"], json!({"done": 7, "total": 9}));
        assert_eq!(
            (&ended["invocations"], &ended["user_pool_id"]),
            (&json!(1), &json!("us-east-1_A"))
        );
    }
}

/// What each invocation answered is shown where the bucket cannot be read.
#[test]
fn ctrl_c_ends_the_watching_and_not_the_restore() {
    let (account, aws) = account("RUNNING", &answer("IN_PROGRESS"));
    let mut session = typed(&account, &["watch", EXECUTION, "--every", "3600"], &[]);
    session
        .exp_string("Invocation 1: Users, 7 of 9 users done")
        .unwrap();
    session
        .exp_string("cannot read s3://cognito-backup-dr-prod-111122223333/")
        .unwrap();
    session.exp_string("7 of 9").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("The restore goes on.").unwrap();
    assert_eq!(code(session), 130);
    assert!(aws.calls("AWSStepFunctions.StopExecution").is_empty());
}

#[test]
fn an_execution_that_is_not_there_is_an_error() {
    let (account, aws) = account("RUNNING", &answer("IN_PROGRESS"));
    let missing = json!({"__type": "ExecutionDoesNotExist", "message": "Execution Does Not Exist"});
    aws.answer("AWSStepFunctions.DescribeExecution", 400, missing);
    let said = says(account.command(&["watch", EXECUTION]).assert().code(2));
    assert!(said.contains("cannot look at the execution"), "{said}");
}
