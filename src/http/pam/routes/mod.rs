//! The endpoint tables, by noun. Each row is served under `/iso` and under `/api`.

mod credential;
mod device;
mod history;
mod information;
mod item;
mod proxy_session;
mod rotation;
mod row;
mod ssh_key;

use row::Row;

use super::dialect::{PREFIXES, Renderings};
use crate::http::endpoint::Endpoint;

/// Returns every endpoint. The dialect of an endpoint comes from its prefix here, never from the path of a request.
pub(super) fn endpoints(renderings: Renderings) -> Vec<Endpoint> {
    let below =
        |prefix: &'static str| rows().into_iter().flat_map(move |row| row.endpoints(prefix, renderings.below(prefix)));
    let page = proxy_session::page(renderings.without_prefix());
    PREFIXES.into_iter().flat_map(below).chain([page]).collect()
}

fn rows() -> Vec<Row> {
    let nouns = [
        device::rows(),
        credential::rows(),
        rotation::rows(),
        information::rows(),
        ssh_key::rows(),
        history::rows(),
        history::entries(),
        item::rows(),
        proxy_session::rows(),
    ];
    nouns.into_iter().flatten().collect()
}
