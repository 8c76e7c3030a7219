//! Packets of the MySQL protocol, and the values in them.

use std::pin::Pin;

use chaveiro_rotation::TargetError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zeroize::Zeroizing;

use crate::failure::{self, LOST};

/// Bytes that are read from one packet.
const LIMIT: usize = 1 << 16;

/// A connection in plain text or with TLS.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Reads and writes packets, which are numbered from 0 for each command.
pub(super) struct Packets {
    stream: Pin<Box<dyn Stream>>,
    number: u8,
}

impl Packets {
    /// Begins with the next packet of a conversation.
    pub(super) fn new(stream: impl Stream + 'static, number: u8) -> Self {
        Self { stream: Box::pin(stream), number }
    }

    /// Begins a command.
    pub(super) fn restart(&mut self) {
        self.number = 0;
    }

    pub(super) async fn read(&mut self) -> Result<Zeroizing<Vec<u8>>, TargetError> {
        let (payload, number) = read(&mut self.stream).await?;
        self.number = number.wrapping_add(1);
        Ok(payload)
    }

    pub(super) async fn write(&mut self, payload: &[u8]) -> Result<(), TargetError> {
        write(&mut self.stream, self.number, payload).await
    }
}

/// Reads a packet, with its number.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<(Zeroizing<Vec<u8>>, u8), TargetError> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.map_err(|_| failure::unreachable(LOST))?;
    let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
    if length > LIMIT {
        return Err(failure::unreachable("the server does not speak the protocol of MySQL, or sends too much"));
    }
    let mut payload = Zeroizing::new(vec![0; length]);
    stream.read_exact(&mut payload).await.map_err(|_| failure::unreachable(LOST))?;
    Ok((payload, header[3]))
}

/// Writes a packet.
pub(super) async fn write(
    stream: &mut (impl AsyncWrite + Unpin),
    number: u8,
    payload: &[u8],
) -> Result<(), TargetError> {
    let too_long = |_| failure::misconfigured("a name or password is too long");
    let length = u16::try_from(payload.len()).map_err(too_long)?.to_le_bytes();
    let mut packet = Zeroizing::new(vec![length[0], length[1], 0, number]);
    packet.extend_from_slice(payload);
    let written = async {
        stream.write_all(&packet).await?;
        stream.flush().await
    };
    written.await.map_err(|_| failure::unreachable(LOST))
}

/// Takes values from the front of a packet.
pub(super) struct Values<'a>(pub(super) &'a [u8]);

impl<'a> Values<'a> {
    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        Some(self.take(1)?[0])
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().map(u16::from_le_bytes).ok()
    }

    /// Takes text up to a NUL, or to the end.
    pub(super) fn terminated(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let text = &self.0[..end];
        self.0 = self.0.get(end + 1..).unwrap_or_default();
        text
    }

    /// Takes text with its length before it; `None` at the end, `Some(None)` for NULL.
    pub(super) fn text(&mut self) -> Option<Option<&'a [u8]>> {
        let length = match self.u8()? {
            0xfb => return Some(None),
            0xfc => usize::from(self.u16()?),
            // Longer ones do not fit into a packet that is read.
            0xfd.. => return None,
            length => usize::from(length),
        };
        self.take(length).map(Some)
    }
}
