//! The content of a file: chunks of 64 KiB, each with an authentication tag, the last one marked as such.

use std::io::{self, Read, Write};

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use zeroize::Zeroizing;

use super::{FileKey, derived};

pub(super) const NONCE_LENGTH: usize = 16;
const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;

/// The cipher of the chunks, and the number of the next one.
struct Chunks {
    cipher: ChaCha20Poly1305,
    number: u64,
}

impl Chunks {
    fn new(file_key: &FileKey, nonce: &[u8; NONCE_LENGTH]) -> Self {
        let key = derived(file_key.as_slice(), nonce, b"payload");
        Self { cipher: ChaCha20Poly1305::new(&Key::from(*key)), number: 0 }
    }

    /// Returns the nonce of the next chunk: 11 bytes of its number, and whether it is the last one.
    fn next_nonce(&mut self, is_last: bool) -> io::Result<Nonce> {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.number.to_be_bytes());
        nonce[11] = u8::from(is_last);
        self.number = self.number.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(Nonce::from(nonce))
    }
}

/// Encrypts what is written to it. A file without [`Encryptor::finish`] does not open.
pub struct Encryptor<W> {
    output: W,
    chunks: Chunks,
    buffer: Zeroizing<Vec<u8>>,
}

impl<W: Write> Encryptor<W> {
    pub(super) fn new(output: W, file_key: &FileKey, nonce: &[u8; NONCE_LENGTH]) -> Self {
        // As large as a chunk gets with its tag, so that it never moves and leaves a copy behind.
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Self { output, chunks: Chunks::new(file_key, nonce), buffer }
    }

    /// Writes the last chunk, and returns the output.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_chunk(true)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn write_chunk(&mut self, is_last: bool) -> io::Result<()> {
        let nonce = self.chunks.next_nonce(is_last)?;
        let sealed = self.chunks.cipher.encrypt_in_place(&nonce, &[], &mut *self.buffer);
        sealed.map_err(|_| io::ErrorKind::InvalidInput)?;
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

impl<W: Write> Write for Encryptor<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for the next byte, because it may be the last one.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.write_chunk(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

/// Decrypts what is read from it. Every byte that it returns is authentic; the end of the reader is the end of the file.
pub struct Decryptor<R> {
    input: R,
    chunks: Chunks,
    buffer: Zeroizing<Vec<u8>>,
    position: usize,
    is_done: bool,
    is_failed: bool,
    /// The byte after the last chunk that was read, which tells that another chunk follows.
    ahead: Option<u8>,
}

impl<R: Read> Decryptor<R> {
    pub(super) fn new(input: R, file_key: &FileKey, nonce: &[u8; NONCE_LENGTH]) -> Self {
        let buffer = Zeroizing::new(Vec::with_capacity(CHUNK + TAG));
        Self {
            input,
            chunks: Chunks::new(file_key, nonce),
            buffer,
            position: 0,
            is_done: false,
            is_failed: false,
            ahead: None,
        }
    }

    /// Reads and decrypts the next chunk.
    fn next_chunk(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.position = 0;
        self.buffer.extend(self.ahead.take());
        let missing = u64::try_from(CHUNK + TAG - self.buffer.len()).unwrap_or(0);
        self.input.by_ref().take(missing).read_to_end(&mut self.buffer)?;
        let mut byte = [0];
        let is_last = loop {
            match self.input.read(&mut byte) {
                Ok(0) => break true,
                Ok(_) => break false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        };
        self.ahead = (!is_last).then_some(byte[0]);
        let is_first = self.chunks.number == 0;
        if self.buffer.len() < TAG {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.open(is_last)?;
        // Only an empty file has an empty chunk.
        if self.buffer.is_empty() && !is_first {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.is_done = is_last;
        Ok(())
    }

    /// Decrypts the chunk in the buffer. A last chunk that is intact and not marked as such is the end of a file that was cut
    /// off.
    fn open(&mut self, is_last: bool) -> io::Result<()> {
        let number = self.chunks.number;
        let nonce = self.chunks.next_nonce(is_last)?;
        // The tag is checked before a byte is changed, so the chunk can be tried again.
        if self.chunks.cipher.decrypt_in_place(&nonce, &[], &mut *self.buffer).is_ok() {
            return Ok(());
        }
        self.chunks.number = number;
        let nonce = self.chunks.next_nonce(false)?;
        let is_cut_off = is_last && self.chunks.cipher.decrypt_in_place(&nonce, &[], &mut *self.buffer).is_ok();
        Err(if is_cut_off { io::ErrorKind::UnexpectedEof } else { io::ErrorKind::InvalidData }.into())
    }
}

impl<R: Read> Read for Decryptor<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        if self.is_failed {
            return Err(io::ErrorKind::InvalidData.into());
        }
        while self.position == self.buffer.len() {
            if self.is_done {
                return Ok(0);
            }
            if let Err(error) = self.next_chunk() {
                // What is in the buffer is not authentic, and nothing follows it.
                self.buffer.clear();
                self.is_failed = true;
                return Err(error);
            }
        }
        let taken = bytes.len().min(self.buffer.len() - self.position);
        bytes[..taken].copy_from_slice(&self.buffer[self.position..self.position + taken]);
        self.position += taken;
        Ok(taken)
    }
}
