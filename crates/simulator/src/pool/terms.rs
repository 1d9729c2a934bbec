//! Terms documents (facts A.13).

use serde_json::{Value, json};

use super::access::{self, text_at};
use super::page;
use crate::call::{Answer, Call, Document, Reply};
use crate::error::ServiceError;
use crate::state::{Pool, State, Sub};

/// Terms documents of a pool (facts A.13 [DOC quotas]).
const DOCUMENTS: usize = 40;
/// The longest page [MODEL].
const PAGE: usize = 60;

pub(crate) fn create(call: &Call<'_>, state: &mut State) -> Answer {
    let (pool, rng) = access::writable_and_rng(call, state)?;
    let client_id = call.required("ClientId")?;
    access::client(pool, client_id)?;
    // The request's shape does not require links, the answer's has one at least [MODEL]; that none are refused is
    // [INF], the text unverified.
    if call.document("Links").is_none() {
        return Err(ServiceError::invalid_parameter("Links are required."));
    }
    if find(pool, client_id, call.required("TermsName")?).is_some() {
        return Err(exists());
    }
    if pool.terms.len() >= DOCUMENTS {
        return Err(access::limit_exceeded("terms documents", DOCUMENTS));
    }
    let id = Sub::random(rng).to_string();
    let mut terms = call.request.clone();
    terms.insert("TermsId".to_owned(), json!(id));
    terms.insert("CreationDate".to_owned(), call.now.into());
    terms.insert("LastModifiedDate".to_owned(), call.now.into());
    let answer = json!({"Terms": terms});
    pool.terms.insert(id, terms);
    Ok(answer.into())
}

pub(crate) fn describe(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let terms = pool
        .terms
        .get(call.required("TermsId")?)
        .ok_or_else(not_found)?;
    Ok(json!({"Terms": terms}).into())
}

pub(crate) fn describe_by_client(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = state.pool(call)?;
    let client_id = call.required("ClientId")?;
    access::client(pool, client_id)?;
    let terms = find(pool, client_id, call.required("TermsName")?).ok_or_else(not_found)?;
    Ok(json!({"Terms": terms}).into())
}

/// Members that the request leaves out stay: UpdateTerms is not among the full replacements (facts B.1).
pub(crate) fn update(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    let id = call.required("TermsId")?;
    let current = pool.terms.get(id).ok_or_else(not_found)?;
    let client_id = text_at(current, &["ClientId"]).unwrap_or_default();
    if let Some(name) = call.text("TermsName")
        && find(pool, client_id, name).is_some_and(|other| text_at(other, &["TermsId"]) != Some(id))
    {
        return Err(exists());
    }
    let terms = pool.terms.get_mut(id).ok_or_else(not_found)?;
    access::overlay(terms, call.request, &["ClientId", "CreationDate"]);
    terms.insert("LastModifiedDate".to_owned(), call.now.into());
    Ok(json!({"Terms": terms}).into())
}

pub(crate) fn delete(call: &Call<'_>, state: &mut State) -> Answer {
    let pool = access::writable(call, state)?;
    match pool.terms.remove(call.required("TermsId")?) {
        Some(_) => Ok(Reply::empty()),
        None => Err(not_found()),
    }
}

/// Summaries: without client and links (facts A.13 [MODEL]).
pub(crate) fn list(call: &Call<'_>, state: &mut State) -> Answer {
    let token_key = state.token_key;
    let terms = &state.pool(call)?.terms;
    let items = terms.iter().map(|(id, terms)| {
        let members = [
            "TermsId",
            "TermsName",
            "Enforcement",
            "CreationDate",
            "LastModifiedDate",
        ];
        let summary: Document = members
            .into_iter()
            .filter_map(|member| Some((member.to_owned(), terms.get(member)?.clone())))
            .collect();
        (id.as_str(), Value::Object(summary))
    });
    let page = page::page(call, &token_key, "MaxResults", PAGE, items)?;
    Ok(page::answer("Terms", page).into())
}

fn find<'p>(pool: &'p Pool, client_id: &str, name: &str) -> Option<&'p Document> {
    pool.terms.values().find(|terms| {
        text_at(terms, &["ClientId"]) == Some(client_id)
            && text_at(terms, &["TermsName"]) == Some(name)
    })
}

/// Facts Appendix 1 [MODEL]; the text is unverified.
fn exists() -> ServiceError {
    ServiceError::terms_exists("Terms of this name already exist for the app client.")
}

/// The text is unverified.
fn not_found() -> ServiceError {
    ServiceError::resource_not_found("Terms do not exist.")
}
