//! The yardstick: an actix route that answers a constant, under the same settings of the HTTP server as the product.
//! It is this executable again, in another role.

use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, ContentType};
use actix_web::{App, HttpResponse, HttpServer, web};

use crate::server::Server;

/// The variable that turns this executable into the server; its value is the address to serve on.
pub(crate) const ROLE: &str = "CHAVEIRO_BENCH_CONSTANT_ROUTE";

/// As long as the answer to a credential read.
const ANSWER: &str = r#"{"code":200,"response":{"status":200,"message":"Credential 1","error":false,"error_code":0,"detail":"","mensagem":"Credential 1","erro":false,"cod_erro":0},"credential":{"id":"1","tag":"load-1","identifier":"load-1","username":"user-1","password":"0123456789abcdef0123456789abcdef","content":"0123456789abcdef0123456789abcdef","hostname":"load","parent_credential_cod":null,"parent_credential":null,"additional":"","domain":"","ip":"10.0.0.1","port":"","model":"12","expiration_time":null}}"#;

/// Starts the server as a child.
pub(crate) fn start() -> Server {
    let mut command = Command::new(std::env::current_exe().expect("a running program has a path"));
    Server::start(&mut command, |command, address| {
        command.env(ROLE, address.to_string());
    })
}

/// Is the server.
pub(crate) fn serve() {
    let address = std::env::var(ROLE).expect("the role has an address");
    let address: SocketAddr = address.parse().expect("the role's value is an address");
    let listener = TcpListener::bind(address).expect("the address is free");
    let app = || App::new().default_service(web::to(answer));
    let server = HttpServer::new(app).client_request_timeout(Duration::from_secs(10)).shutdown_timeout(1);
    let server = server.listen(listener).expect("the listener works").run();
    actix_web::rt::System::new().block_on(server).expect("the server ends well");
}

async fn answer() -> HttpResponse {
    HttpResponse::Ok().insert_header(ContentType::json()).insert_header((CACHE_CONTROL, "no-store")).body(ANSWER)
}
