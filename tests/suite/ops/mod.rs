//! The routes of operation, and the service seen from outside: health, figures, the description of the API, request
//! ids, the access log, TLS.

mod connections;
mod head;
mod health;
mod hostile_text;
mod limits;
mod memory;
mod metrics;
mod openapi;
mod prefix;
mod requests;
mod schemathesis;
mod security_headers;
mod slow_bodies;
mod source;
mod tls;
mod unread_answers;
