//! A creation whose answer is lost, done once all the same.
//!
//! No creation of Cognito is idempotent: sent again it may make a second pool, client or job
//! (facts A.6, B.1). Lists lag behind what was made. So a lost answer is followed by a pause, a
//! look, more pauses and looks, and only then by the same call.

use std::time::Duration;

use cognito::{CognitoError, ErrorKind, Operation, Stop};
use serde_json::Value;

use crate::context::Restore;

/// How often the call is sent at most.
const SENDS: usize = 4;
/// The pauses before the looks: 15 seconds together. How long lists lag is not documented;
/// Terraform waits as long as that for a new pool.
const PAUSES: [Duration; SENDS] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
];

/// What Cognito does with the same creation a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Second {
    /// It makes another one: nothing but a look tells that the first was carried out.
    Makes,
    /// It refuses: a look too early costs nothing.
    Refuses,
}

impl Second {
    /// The pauses before the looks that follow a call, the first or a later one.
    fn pauses(self, sent: usize, refused: bool) -> &'static [Duration] {
        match self {
            Second::Refuses if !refused => &PAUSES[sent - 1..sent],
            Second::Refuses | Second::Makes => &PAUSES,
        }
    }
}

/// Calls a creation, and after a lost answer looks and calls again until it is known what became
/// of it. Gives the answer, or what `look` found in its place.
///
/// # Errors
/// The refusal, [`ErrorKind::AlreadyExists`] among them; those of `look`; [`ErrorKind::AnswerLost`] when the stop comes, or patience is
/// at its end: whoever comes next looks before it creates.
pub(crate) async fn create<E: From<CognitoError>>(
    restore: &Restore<'_>,
    operation: Operation,
    request: &Value,
    second: Second,
    look: impl AsyncFnMut() -> Result<Option<Value>, E>,
) -> Result<Value, E> {
    let send = async || restore.cognito.call(operation, request).await;
    settle(&restore.stop, second, send, look).await
}

async fn settle<E: From<CognitoError>>(
    stop: &Stop,
    second: Second,
    mut send: impl AsyncFnMut() -> Result<Value, CognitoError>,
    mut look: impl AsyncFnMut() -> Result<Option<Value>, E>,
) -> Result<Value, E> {
    let mut lost = false;
    let mut sent = 0;
    loop {
        sent += 1;
        let error = match send().await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let refused = !error.is(ErrorKind::AnswerLost);
        // After a lost answer it may be refused because it is there. Where Cognito says so, the
        // caller knows whose it is.
        if (refused && !lost) || error.is(ErrorKind::AlreadyExists) {
            return Err(error.into());
        }
        lost = true;
        tracing::info!(operation = %error.operation, code = error.code, sent, "an answer was lost; looking");
        for pause in second.pauses(sent, refused) {
            if !stop.sleep(*pause).await {
                return Err(error.into());
            }
            if let Some(there) = look().await? {
                return Ok(there);
            }
        }
        if refused || sent == SENDS {
            return Err(error.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use serde_json::json;
    use tokio::time::Instant;

    use super::*;

    /// A service that lists what was made only after a while.
    struct Service {
        second: Second,
        /// How long its list lags behind.
        lag: Duration,
        /// What happens to each call, in order; then all succeed.
        fates: RefCell<Vec<Fate>>,
        made: RefCell<Vec<Instant>>,
        calls: Cell<u32>,
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Fate {
        NotDone,
        AnswerLost,
        Refused,
    }

    fn error(kind: ErrorKind) -> CognitoError {
        CognitoError {
            operation: Operation::CreateUserPoolClient,
            kind,
            code: "Code".into(),
            message: String::new(),
        }
    }

    impl Service {
        fn new(second: Second, lag_seconds: u64, fates: &[Fate]) -> Self {
            Self {
                second,
                lag: Duration::from_secs(lag_seconds),
                fates: RefCell::new(fates.iter().rev().copied().collect()),
                made: RefCell::default(),
                calls: Cell::new(0),
            }
        }

        async fn create(&self, patience_seconds: u64) -> Result<Value, CognitoError> {
            let send = async || {
                self.calls.set(self.calls.get() + 1);
                let fate = self.fates.borrow_mut().pop();
                match fate {
                    Some(Fate::NotDone) => return Err(error(ErrorKind::AnswerLost)),
                    Some(Fate::Refused) => return Err(error(ErrorKind::Refused)),
                    _ => {}
                }
                if self.second == Second::Refuses && !self.made.borrow().is_empty() {
                    return Err(error(ErrorKind::Refused));
                }
                self.made.borrow_mut().push(Instant::now());
                if fate == Some(Fate::AnswerLost) {
                    return Err(error(ErrorKind::AnswerLost));
                }
                Ok(json!({"made": true}))
            };
            let look = async || {
                let made = self.made.borrow();
                let shown = made.iter().any(|made| made.elapsed() >= self.lag);
                Ok::<_, CognitoError>(shown.then(|| json!({"found": true})))
            };
            let stop = Stop::after(Duration::from_secs(patience_seconds));
            settle(&stop, self.second, send, look).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_lagging_list_does_not_show_yet_is_not_made_twice() {
        for second in [Second::Makes, Second::Refuses] {
            for lag in [0, 1, 3, 14] {
                let service = Service::new(second, lag, &[Fate::AnswerLost]);
                let there = service.create(900).await.unwrap();
                assert_eq!(there, json!({"found": true}), "{second:?} {lag}");
                assert_eq!(service.made.borrow().len(), 1, "{second:?} {lag}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_not_done_is_sent_again() {
        for second in [Second::Makes, Second::Refuses] {
            let service = Service::new(second, 0, &[Fate::NotDone, Fate::NotDone]);
            let there = service.create(900).await.unwrap();
            assert_eq!(there, json!({"made": true}));
            assert_eq!(service.calls.get(), 3);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_final_without_a_lost_answer_before_it() {
        let service = Service::new(Second::Makes, 0, &[Fate::Refused]);
        let began = Instant::now();
        let error = service.create(900).await.unwrap_err();
        assert!(error.is(ErrorKind::Refused));
        assert_eq!((service.calls.get(), began.elapsed()), (1, Duration::ZERO));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_looks_or_sends_for_ever_or_beyond_the_stop() {
        for second in [Second::Makes, Second::Refuses] {
            for patience in [0, 2, 20, 900] {
                let service = Service::new(second, 0, &[Fate::NotDone; 99]);
                let began = Instant::now();
                let error = service.create(patience).await.unwrap_err();
                assert!(error.is(ErrorKind::AnswerLost));
                assert!(began.elapsed() <= Duration::from_secs(patience));
                assert!(service.calls.get() <= SENDS as u32);
            }
        }
    }
}
