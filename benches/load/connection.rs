//! A keep-alive connection that knows just enough HTTP/1.1: a request out, a status and a body of known length in.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection with its buffer for answers.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// Where the parts of an answer are.
struct Head {
    status: u16,
    body: usize,
    length: usize,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends a request and waits for the whole of its answer: the status and the body.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).await.expect("the server takes the request");
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await.expect("the server answers");
            assert!(read > 0, "the server closed the connection");
            if let Some(Head { status, body, length }) = head(&self.received)
                && self.received.len() >= body + length
            {
                return (status, &self.received[body..body + length]);
            }
        }
    }
}

/// The head of an answer, once all of it has come.
fn head(received: &[u8]) -> Option<Head> {
    const END: &[u8] = b"\r\n\r\n";
    const LENGTH: &[u8] = b"content-length: ";
    let end = received.windows(END.len()).position(|window| window == END)?;
    let lines = &received[..end];
    let number = |digits: &[u8]| digits.iter().fold(0, |number, digit| number * 10 + usize::from(digit - b'0'));
    let at = lines.windows(LENGTH.len()).position(|window| window.eq_ignore_ascii_case(LENGTH));
    let length = at.map_or(0, |at| {
        let rest = &lines[at + LENGTH.len()..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        number(&rest[..digits])
    });
    let status = u16::try_from(number(lines.get(9..12)?)).ok()?;
    Some(Head { status, body: end + END.len(), length })
}
