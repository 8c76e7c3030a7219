//! JSON bodies in chunks of bounded size. A single buffer is copied whenever it grows, and held twice meanwhile.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::header::ContentType;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

/// The maximum size of a chunk, in bytes, unless one piece of JSON is larger.
const CHUNK_BYTES: usize = 64 * 1024;
/// The first capacity of a body, in bytes: nearly all with one object are smaller, and grow no more.
const OBJECT_BYTES: usize = 1024;

/// Completes a response with a JSON body; 500 for a value that cannot be serialized.
pub(crate) fn respond(mut builder: HttpResponseBuilder, value: &impl Serialize) -> HttpResponse {
    let mut chunks = Chunks::new();
    if serde_json::to_writer(&mut chunks, value).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    builder.content_type(ContentType::json());
    if chunks.full.is_empty() { builder.body(chunks.last) } else { builder.body(chunks.into_body()) }
}

/// A writer into chunks.
struct Chunks {
    full: VecDeque<Bytes>,
    last: Vec<u8>,
}

impl Chunks {
    fn new() -> Self {
        Self { full: VecDeque::new(), last: Vec::with_capacity(OBJECT_BYTES) }
    }

    fn end_chunk(&mut self, capacity: usize) {
        let chunk = std::mem::replace(&mut self.last, Vec::with_capacity(capacity));
        self.full.push_back(chunk.into());
    }

    fn into_body(mut self) -> ChunkedBody {
        self.end_chunk(0);
        let size = self.full.iter().map(|chunk| chunk.len() as u64).sum();
        ChunkedBody { chunks: self.full, size }
    }
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    /// Without the loop that every piece of JSON, some of one byte, would go through by default.
    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.last.len() + bytes.len() > CHUNK_BYTES && !self.last.is_empty() {
            self.end_chunk(CHUNK_BYTES);
        }
        self.last.extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A body of known size whose chunks are freed as they are sent.
struct ChunkedBody {
    chunks: VecDeque<Bytes>,
    size: u64,
}

impl MessageBody for ChunkedBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.size)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        Poll::Ready(self.get_mut().chunks.pop_front().map(Ok))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::json;

    use super::*;

    #[actix_web::test]
    async fn a_body_is_the_json_of_its_value_in_chunks_of_bounded_size() {
        for rows in [0, 1, 1000, 20_000] {
            let value = json!(vec!["0123456789"; rows]);
            let response = respond(HttpResponse::Ok(), &value);
            let expected = serde_json::to_vec(&value).unwrap();
            assert_eq!(response.headers().get("content-type").unwrap(), "application/json");
            assert_eq!(response.body().size(), BodySize::Sized(expected.len() as u64));
            assert_eq!(to_bytes(response.into_body()).await.unwrap(), expected);

            let mut chunks = Chunks::new();
            serde_json::to_writer(&mut chunks, &value).unwrap();
            let body = chunks.into_body();
            assert!(body.chunks.iter().all(|chunk| chunk.len() <= CHUNK_BYTES));
        }
    }

    #[actix_web::test]
    async fn a_piece_that_is_larger_than_a_chunk_is_one_chunk() {
        let value = json!(["a", "b".repeat(3 * CHUNK_BYTES)]);
        let body = to_bytes(respond(HttpResponse::Ok(), &value).into_body()).await.unwrap();
        assert_eq!(body, serde_json::to_vec(&value).unwrap());
    }
}
