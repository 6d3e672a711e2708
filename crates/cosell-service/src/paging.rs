//! What all lists share: filters on lists of values, the page size, and the rendering of a page.

use bytes::Bytes;
use cosell_model::ApiError;
use cosell_store::{Filter, Query, Value};

use crate::answer::read_failed;
use crate::page_token::Binding;
use crate::service::Service;

/// The page size where a request names none (design section 6).
const DEFAULT_PAGE: usize = 20;

/// The rows of a page: as asked for (the shape check has bounded it), else the default.
pub(crate) fn limit(asked: Option<i32>) -> usize {
    asked
        .and_then(|limit| usize::try_from(limit).ok())
        .unwrap_or(DEFAULT_PAGE)
}

/// Adds a filter on a list of values. An empty list filters nothing: clients send one for "any".
pub(crate) fn among(filters: &mut Vec<Filter>, column: &'static str, values: Option<Vec<String>>) {
    if let Some(values) = values.filter(|values| !values.is_empty()) {
        filters.push(Filter::In(column, values.into_iter().map(Into::into).collect()));
    }
}

/// Adds a filter on a list of identifiers, each of which may be sent as an ARN; `id` reads them. An empty list filters
/// nothing, but an ARN of another catalog or kind names nothing, so it adds nothing to what is looked for.
pub(crate) fn meant<'a>(
    filters: &mut Vec<Filter>,
    column: &'static str,
    sent: Option<&'a [String]>,
    id: impl Fn(&'a str) -> Option<&'a str>,
) {
    if let Some(sent) = sent.filter(|sent| !sent.is_empty()) {
        let ids = sent.iter().filter_map(|sent| id(sent));
        filters.push(Filter::In(column, ids.map(Value::from).collect()));
    }
}

/// Adds a filter on a single value, if there is one.
pub(crate) fn exactly(filters: &mut Vec<Filter>, column: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        filters.push(Filter::In(column, vec![value.into()]));
    }
}

/// Adds a filter on a range. Both ends are included: AWS says "on or after" of the lower one.
pub(crate) fn range<T: Into<Value>>(
    filters: &mut Vec<Filter>,
    column: &'static str,
    from: Option<T>,
    to: Option<T>,
) {
    if from.is_some() || to.is_some() {
        filters.push(Filter::Range {
            column,
            from: from.map(Into::into),
            to: to.map(Into::into),
        });
    }
}

/// Runs a query and renders its page: the stored summaries, joined, and the token of the next page.
pub(crate) async fn page(
    service: &Service,
    member: &str,
    mut query: Query,
    token: Option<&str>,
    binding: &Binding,
) -> Result<Bytes, ApiError> {
    let now = service.now();
    query.after = token
        .map(|token| service.tokens.open(token, binding, now))
        .transpose()?;
    let page = service.store.query(&query).await.map_err(read_failed)?;
    let size: usize = page.items.iter().map(|item| item.summary.len() + 1).sum();
    let mut out = Vec::with_capacity(size + 256);
    out.extend_from_slice(b"{\"");
    out.extend_from_slice(member.as_bytes());
    out.extend_from_slice(b"\":[");
    for (place, item) in page.items.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&item.summary);
    }
    out.push(b']');
    if let Some(cursor) = page.next {
        // A token is base64, so it needs no escaping.
        out.extend_from_slice(b",\"NextToken\":\"");
        out.extend_from_slice(service.tokens.seal(cursor, binding, now)?.as_bytes());
        out.push(b'"');
    }
    out.push(b'}');
    Ok(Bytes::from(out))
}
