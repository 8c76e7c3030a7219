//! The application data of handlers.

use std::sync::Arc;

use actix_web::{HttpRequest, web};

use super::metrics::Metrics;
use crate::vault::Vault;

/// The vault and the metrics.
#[derive(Clone)]
pub struct Service {
    /// The vault.
    pub vault: Vault,
    /// The metrics of `/metrics`.
    pub metrics: Arc<Metrics>,
}

impl Service {
    /// Returns the service of a request; `None` outside of a server.
    pub(crate) fn from_request(request: &HttpRequest) -> Option<&web::Data<Service>> {
        request.app_data()
    }
}
