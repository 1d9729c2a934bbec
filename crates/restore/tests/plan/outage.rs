//! Cognito that does not answer: as a whole for a while, or one operation for ever.

use std::time::Duration;

use model::request::RestoreOptions;
use model::restore::{Outcome, Step};
use simulator::{Fault, FaultRule, Faults, When};

use crate::lost::full;
use crate::stage::Stage;

/// Of a step that the pool can do without.
const OPTIONAL: &str = "SetUICustomization";

fn no_answer(operation: Option<&str>) -> FaultRule {
    FaultRule {
        operation: operation.map(str::to_owned),
        when: When::Rate(1.0),
        fault: Fault::Error {
            code: "InternalErrorException".into(),
            message: "Something went wrong".into(),
            status: 500,
        },
    }
}

fn faults(rules: Vec<FaultRule>) -> Faults {
    Faults { seed: 0, rules }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_waited_for_and_costs_no_part_of_the_pool() {
    let stage = Stage::new(full()).await;
    stage
        .simulator
        .set_faults(faults(vec![no_answer(Some(OPTIONAL))]));
    let everything_fails_from_then_on = async {
        while !stage.simulator.evidence().calls.contains_key(OPTIONAL) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stage.simulator.set_faults(faults(vec![no_answer(None)]));
    };
    let (answer, ()) = tokio::join!(
        stage.restore(RestoreOptions::default()),
        everything_fails_from_then_on
    );
    assert_eq!(answer.unwrap_err().failure().name(), "CognitoUnavailable");

    stage.simulator.set_faults(Faults::default());
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    assert_eq!(state.restored(Step::UiCustomization), 2);
    assert_eq!(stage.new_pools().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_that_never_works_costs_its_own_step_only() {
    let stage = Stage::new(full()).await;
    stage
        .simulator
        .set_faults(faults(vec![no_answer(Some(OPTIONAL))]));
    let state = stage.restore(RestoreOptions::default()).await.unwrap();
    for record in &state.steps {
        let failed = matches!(record.outcome, Outcome::Failed { .. });
        assert_eq!(failed, record.step == Step::UiCustomization, "{record:#?}");
    }
}
