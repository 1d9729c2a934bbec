//! Session configuration of the pool and its clients (facts A.18): new in 2026-11, for the
//! Essentials plan and above. Where it is not there, it is not read.

use model::inventory::Section;
use serde_json::Value;

use super::reading::{SectionRead, each, or_nothing, settle};
use super::{Pool, Readings};
use crate::operation::Operation;

pub(super) async fn sessions(pool: &Pool<'_>) -> Readings {
    let operation = Operation::GetUserPoolSessionConfiguration;
    let own = settle(pool.cognito.call(operation, &pool.request()).await);
    let of_clients = match &own {
        SectionRead::Found(_) => of_clients(pool).await,
        unavailable => unavailable.clone(),
    };
    vec![
        (Section::SessionConfiguration, own),
        (Section::ClientSessionConfigurations, of_clients),
    ]
}

async fn of_clients(pool: &Pool<'_>) -> SectionRead {
    let read = each(pool.client_ids(), async |client| {
        let operation = Operation::GetUserPoolClientSessionConfiguration;
        let request = pool.request_for_client(client);
        let mut answer = or_nothing(pool.cognito.call(operation, &request).await)?;
        if let Value::Object(members) = &mut answer {
            members
                .entry("ClientId")
                .or_insert_with(|| client.to_owned().into());
        }
        Ok(answer)
    });
    settle(read.await.map(Value::Array))
}
