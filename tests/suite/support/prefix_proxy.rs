//! A reverse proxy that serves a vault below a path, which it removes before it forwards a request.

use std::net::{SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use reqwest::redirect::Policy;

/// The path below which the vault is served.
const PREFIX: &str = "/vault";

/// A proxy on a free port. Stopped when dropped.
pub(crate) struct PrefixProxy {
    listener: Option<TcpListener>,
    server: Option<ServerHandle>,
    address: SocketAddr,
}

impl PrefixProxy {
    /// Binds the port, so that the vault can be told its URL before it is started.
    pub(crate) fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self { address: listener.local_addr().unwrap(), listener: Some(listener), server: None }
    }

    /// The URL of the vault as clients see it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{PREFIX}", self.address)
    }

    /// Forwards requests to the vault.
    pub(crate) fn forward_to(&mut self, vault: SocketAddr) {
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        let app = move || {
            let http = http.clone();
            App::new().default_service(web::to(move |request, body| forward(http.clone(), vault, request, body)))
        };
        let server = HttpServer::new(app).workers(1).listen(self.listener.take().unwrap()).unwrap().run();
        self.server = Some(server.handle());
        actix_web::rt::spawn(server);
    }
}

async fn forward(http: reqwest::Client, vault: SocketAddr, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let sent = request.uri().to_string();
    let Some(path) = sent.strip_prefix(PREFIX).filter(|path| path.starts_with('/')) else {
        return HttpResponse::NotFound().finish();
    };
    let method = reqwest::Method::from_bytes(request.method().as_str().as_bytes()).unwrap();
    let mut forwarded = http.request(method, format!("http://{vault}{path}")).body(body.to_vec());
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
        forwarded = forwarded.header(name.as_str(), value.as_bytes());
    }
    let answer = forwarded.send().await.unwrap();
    let mut response = HttpResponse::build(answer.status().as_u16().try_into().unwrap());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "content-length") {
        response.append_header((name.as_str(), value.as_bytes()));
    }
    response.body(answer.bytes().await.unwrap().to_vec())
}

impl Drop for PrefixProxy {
    fn drop(&mut self) {
        // Not waited for: the runtime of the test ends with it.
        if let Some(server) = self.server.take() {
            drop(server.stop(false));
        }
    }
}
