//! A connection that is lost at one moment: after a request has reached the server, and before its answer comes back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::Tested;

impl Tested {
    /// Puts a proxy between, which loses the answer to the first request with these bytes.
    pub(crate) fn losing_the_answer_to(&self, request: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut between = self.clone();
        let server = between.account.port.replace(listener.local_addr().unwrap().port()).unwrap();
        // Ends with the process.
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                thread::spawn(move || carry(client, server, request));
            }
        });
        between
    }
}

fn carry(mut client: TcpStream, mut server: TcpStream, request: &'static str) {
    let is_lost = Arc::new(AtomicBool::new(false));
    let (mut answers, mut to_client, is_to_be_lost) =
        (server.try_clone().unwrap(), client.try_clone().unwrap(), is_lost.clone());
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = answers.read(&mut bytes) {
            if is_to_be_lost.load(Ordering::SeqCst) || to_client.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        let _ = (to_client.shutdown(Shutdown::Both), answers.shutdown(Shutdown::Both));
    });
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = client.read(&mut bytes) {
        let found = bytes[..length].windows(request.len()).any(|part| part == request.as_bytes());
        is_lost.fetch_or(found, Ordering::SeqCst);
        if server.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Write);
}
