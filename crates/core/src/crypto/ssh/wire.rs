//! The binary data types of SSH (RFC 4251, section 5).

/// Reads data types one after the other. `None` at the end of the data.
#[derive(Clone, Copy)]
pub(super) struct WireReader<'a>(pub(super) &'a [u8]);

impl<'a> WireReader<'a> {
    /// Reads `length` bytes.
    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Reads a number of 32 bits.
    pub(super) fn uint32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?))
    }

    /// Reads a string.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.uint32()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    /// Reads `count` strings.
    pub(super) fn strings(&mut self, count: usize) -> Option<Vec<&'a [u8]>> {
        (0..count).map(|_| self.string()).collect()
    }

    /// Reads a multiple precision integer that is not negative.
    pub(super) fn mpint(&mut self) -> Option<&'a [u8]> {
        self.string().filter(|bytes| bytes.first().is_none_or(|first| first.leading_zeros() > 0))
    }

    /// Reads several multiple precision integers.
    pub(super) fn mpints<const N: usize>(&mut self) -> Option<[&'a [u8]; N]> {
        let numbers: Option<Vec<_>> = (0..N).map(|_| self.mpint()).collect();
        numbers?.try_into().ok()
    }

    /// Whether everything is read.
    pub(super) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}

/// Appends a string.
pub(super) fn push_string(data: &mut Vec<u8>, string: &[u8]) -> Option<()> {
    data.extend(u32::try_from(string.len()).ok()?.to_be_bytes());
    data.extend(string);
    Some(())
}
