//! The backup Lambda.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BadRequest, ForgetRequest};
use crate::backup_key::BackupKey;
use crate::identifiers::UserPoolId;
use crate::users_listing::UsersListing;

/// What the backup Lambda is asked to do.
#[derive(Debug, Clone, PartialEq)]
pub enum BackupRequest {
    /// Back these pools up, each on its own, beginning now: something was changed.
    Pools(Vec<UserPoolId>),
    /// Back these pools up because it is time to: a backup that is under way is as good.
    Scheduled(Vec<UserPoolId>),
    /// Go on with a backup that an earlier invocation began. Only the library that wrote the
    /// cursor knows what is in it.
    Continue(Value),
    /// Tell how old the newest backup of each configured pool is, and back up nothing.
    CheckAges,
    /// Enter users into the list of those who must not come back, and back up nothing.
    Forget(ForgetRequest),
    /// Copy again what of the newest backups S3 could not replicate, and back up nothing.
    CheckReplicas,
    /// The event asks for nothing: a failed call, or a pool that is not configured.
    Nothing {
        /// Why, for the log.
        reason: String,
    },
}

impl BackupRequest {
    /// Reads any event that the backup Lambda gets.
    ///
    /// - the schedule's event: all configured pools, because it is time to;
    /// - no input, or `{}`: all configured pools;
    /// - `{"user_pool_id": "..."}`: that pool, which must be configured;
    /// - `{"continue": {...}}`: from the continuation state machine;
    /// - `{"action": "check_ages"}`: from the rule that watches the age of the backups;
    /// - `{"action": "forget", "user_pool_id": "...", "subs": [...]}`: [`ForgetRequest`];
    /// - `{"action": "check_replicas"}`: from the rule that watches their replication;
    /// - a CloudTrail event (facts F): the pool that a successful call names, if configured;
    /// - SQS records that carry any of these: each pool once. The queue gets a message for every
    ///   pool of the account, so one that is not configured asks for nothing here.
    ///
    /// # Errors
    /// [`BadRequest`] for anything else.
    pub fn from_event(event: &Value, configured: &[UserPoolId]) -> Result<Self, BadRequest> {
        if let Some(records) = event.get("Records").and_then(Value::as_array) {
            return from_records(records, configured);
        }
        if let Some(cursor) = event.get("continue") {
            return Ok(BackupRequest::Continue(cursor.clone()));
        }
        match event.get("action").and_then(Value::as_str) {
            Some("check_ages") => return Ok(BackupRequest::CheckAges),
            Some("check_replicas") => return Ok(BackupRequest::CheckReplicas),
            _ => {}
        }
        if ForgetRequest::is_asked_for(event) {
            return ForgetRequest::from_event(event).map(BackupRequest::Forget);
        }
        if let Some(id) = event.get("user_pool_id") {
            return manual(id, configured);
        }
        if let Some(detail) = event
            .get("detail")
            .filter(|detail| detail.get("eventName").is_some())
        {
            return Ok(from_cloudtrail(detail, configured));
        }
        let is_schedule = event.get("source").and_then(Value::as_str) == Some("aws.events")
            || event.get("detail-type").and_then(Value::as_str) == Some("Scheduled Event");
        if is_schedule {
            return Ok(BackupRequest::Scheduled(configured.to_vec()));
        }
        if event.is_null() || event.as_object().is_some_and(serde_json::Map::is_empty) {
            return Ok(BackupRequest::Pools(configured.to_vec()));
        }
        Err(BadRequest(
            r#"backup takes no input, {"user_pool_id": "..."}, a schedule event or a CloudTrail event of cognito-idp"#.into(),
        ))
    }
}

fn manual(id: &Value, configured: &[UserPoolId]) -> Result<BackupRequest, BadRequest> {
    let text = id
        .as_str()
        .ok_or_else(|| BadRequest::member("user_pool_id", "must be a string"))?;
    let pool: UserPoolId = text
        .parse()
        .map_err(|error| BadRequest::member("user_pool_id", error))?;
    if configured.contains(&pool) {
        Ok(BackupRequest::Pools(vec![pool]))
    } else {
        let known: Vec<&str> = configured.iter().map(UserPoolId::as_str).collect();
        let problem = format!(
            "{pool} is not among the configured pools ({})",
            known.join(", ")
        );
        Err(BadRequest::member("user_pool_id", problem))
    }
}

fn from_cloudtrail(detail: &Value, configured: &[UserPoolId]) -> BackupRequest {
    let nothing = |reason: String| BackupRequest::Nothing { reason };
    let call = detail
        .get("eventName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    // Failed calls make events too, with an errorCode (facts F).
    if let Some(code) = detail.get("errorCode").and_then(Value::as_str) {
        return nothing(format!("the {call} call failed with {code}"));
    }
    let named = detail
        .pointer("/requestParameters/userPoolId")
        .or_else(|| detail.pointer("/additionalEventData/userPoolId"))
        .and_then(Value::as_str)
        .and_then(|id| id.parse::<UserPoolId>().ok());
    match named {
        Some(pool) => of_pool(pool, configured),
        None => nothing(format!("the {call} event names no user pool")),
    }
}

/// What an event of any pool of the account asks for.
fn of_pool(pool: UserPoolId, configured: &[UserPoolId]) -> BackupRequest {
    if configured.contains(&pool) {
        BackupRequest::Pools(vec![pool])
    } else {
        let reason = format!("{pool} is not configured");
        BackupRequest::Nothing { reason }
    }
}

fn from_records(records: &[Value], configured: &[UserPoolId]) -> Result<BackupRequest, BadRequest> {
    let mut pools = Vec::new();
    let mut reasons = Vec::new();
    for record in records {
        let body = record
            .get("body")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let event: Value = serde_json::from_str(body)
            .map_err(|_| BadRequest::member("Records", "the body of a message is not JSON"))?;
        let named = event.get("user_pool_id").and_then(Value::as_str);
        let named = named.filter(|_| event.get("action").is_none());
        let request = match named.and_then(|id| id.parse::<UserPoolId>().ok()) {
            Some(pool) => of_pool(pool, configured),
            None => BackupRequest::from_event(&event, configured)?,
        };
        match request {
            BackupRequest::Pools(named) | BackupRequest::Scheduled(named) => pools.extend(named),
            BackupRequest::Nothing { reason } => reasons.push(reason),
            BackupRequest::Continue(_)
            | BackupRequest::CheckAges
            | BackupRequest::CheckReplicas
            | BackupRequest::Forget(_) => {
                return Err(BadRequest::member(
                    "Records",
                    "only backups can be queued, to begin now",
                ));
            }
        }
    }
    pools.sort();
    pools.dedup();
    if pools.is_empty() {
        Ok(BackupRequest::Nothing {
            reason: reasons.join("; "),
        })
    } else {
        Ok(BackupRequest::Pools(pools))
    }
}

/// One pool's line in the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BackedUpPool {
    /// The pool.
    pub user_pool_id: UserPoolId,
    /// Where its backup lies.
    pub s3_key: BackupKey,
    /// How many users it holds.
    pub user_count: u64,
    /// Sections that could not be read; the backup is complete but for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_sections: Vec<String>,
    /// True when another invocation goes on with it; the object is not there yet.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub continues: bool,
    /// How the users were listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_listing: Option<UsersListing>,
}

/// The answer of a backup in which no pool failed, in the reference's form.
#[derive(Debug, Clone, PartialEq)]
pub struct BackupAnswer {
    /// The pools, in the order in which they were backed up.
    pub backups: Vec<BackedUpPool>,
    /// Why there was nothing to do, if so.
    pub nothing: Option<String>,
}

impl BackupAnswer {
    /// `{"statusCode": 200, "body": "{\"message\": ..., \"backups\": [...]}"}`.
    pub fn to_json(&self) -> Value {
        let message = match &self.nothing {
            Some(reason) => format!("Nothing to back up: {reason}"),
            None => format!("Successfully backed up {} user pools", self.backups.len()),
        };
        json!({"statusCode": 200, "body": json!({"message": message, "backups": self.backups}).to_string()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configured() -> Vec<UserPoolId> {
        vec![
            "us-east-1_A".parse().unwrap(),
            "us-east-1_B".parse().unwrap(),
        ]
    }

    fn pools(ids: &[&str]) -> Result<BackupRequest, BadRequest> {
        Ok(BackupRequest::Pools(
            ids.iter().map(|id| id.parse().unwrap()).collect(),
        ))
    }

    #[test]
    fn each_kind_of_event_asks_for_its_pools() {
        let created = |pool: &str| json!({"detail": {"eventName": "AdminCreateUser", "requestParameters": {"userPoolId": pool}}});
        let queued = json!({"Records": [
            {"body": created("us-east-1_B").to_string()},
            {"body": created("us-east-1_B").to_string()},
            {"body": created("us-east-1_Z").to_string()},
        ]});
        for (event, expected) in [
            (Value::Null, pools(&["us-east-1_A", "us-east-1_B"])),
            (json!({}), pools(&["us-east-1_A", "us-east-1_B"])),
            (
                json!({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}),
                Ok(BackupRequest::Scheduled(configured())),
            ),
            (
                json!({"user_pool_id": "us-east-1_B"}),
                pools(&["us-east-1_B"]),
            ),
            (created("us-east-1_A"), pools(&["us-east-1_A"])),
            (
                json!({"action": "check_ages"}),
                Ok(BackupRequest::CheckAges),
            ),
            (
                json!({"action": "check_replicas"}),
                Ok(BackupRequest::CheckReplicas),
            ),
            (queued, pools(&["us-east-1_B"])),
        ] {
            assert_eq!(
                BackupRequest::from_event(&event, &configured()),
                expected,
                "{event}"
            );
        }
    }

    #[test]
    fn failed_calls_and_foreign_pools_ask_for_nothing() {
        for detail in [
            json!({"eventName": "AdminCreateUser", "errorCode": "UsernameExistsException", "requestParameters": {"userPoolId": "us-east-1_A"}}),
            json!({"eventName": "AdminCreateUser", "requestParameters": {"userPoolId": "us-east-1_Z"}}),
            json!({"eventName": "AdminCreateUser", "requestParameters": null}),
        ] {
            let request =
                BackupRequest::from_event(&json!({"detail": detail}), &configured()).unwrap();
            assert!(matches!(request, BackupRequest::Nothing { .. }), "{detail}");
        }
    }

    #[test]
    fn messages_of_foreign_pools_are_passed_over_beside_those_of_configured_ones() {
        let message = |pool: &str| json!({"body": json!({"user_pool_id": pool}).to_string()});
        let foreign = json!({"Records": [message("us-east-1_Y"), message("us-east-1_Z")]});
        let request = BackupRequest::from_event(&foreign, &configured()).unwrap();
        let BackupRequest::Nothing { reason } = request else {
            panic!("{request:?}")
        };
        assert_eq!(
            reason,
            "us-east-1_Y is not configured; us-east-1_Z is not configured"
        );
        let mixed = json!({"Records": [message("us-east-1_Y"), message("us-east-1_A")]});
        let request = BackupRequest::from_event(&mixed, &configured());
        assert_eq!(request, pools(&["us-east-1_A"]));
    }

    #[test]
    fn anything_else_is_refused_by_name() {
        for (event, named) in [
            (
                json!({"user_pool_id": "us-east-1_Z"}),
                "not among the configured pools",
            ),
            (
                json!({"user_pool_id": "nonsense"}),
                "not a valid user pool id",
            ),
            (json!({"user_pool_id": 7}), "must be a string"),
            (json!({"pool": "us-east-1_A"}), "backup takes"),
            (json!("text"), "backup takes"),
            (json!({"Records": [{"body": "{"}]}), "not JSON"),
        ] {
            let error = BackupRequest::from_event(&event, &configured())
                .unwrap_err()
                .to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_answer_has_the_form_of_the_reference() {
        let answer = BackupAnswer {
            backups: vec![],
            nothing: None,
        }
        .to_json();
        assert_eq!(answer["statusCode"], 200);
        let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            body,
            json!({"message": "Successfully backed up 0 user pools", "backups": []})
        );
    }
}
