//! What the clock said at a moment, by which a later start tells whether it was set meanwhile.

/// What the clock said at a moment, which is known by the time since the machine was started too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockMark {
    /// A number of this start of the machine.
    pub boot: i64,
    /// Microseconds since that start, including sleep.
    pub since_boot: i64,
    /// The time, in microseconds since 1970.
    pub at: i64,
}

impl ClockMark {
    /// Returns by how much the clock was set ahead between this mark and a later one, in microseconds. `None` when the machine was
    /// started again meanwhile.
    pub fn jump_until(self, later: Self) -> Option<i64> {
        let passed = later.since_boot.saturating_sub(self.since_boot);
        (self.boot == later.boot && passed >= 0).then(|| later.at.saturating_sub(self.at).saturating_sub(passed))
    }

    /// Returns the mark as bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.boot, self.since_boot, self.at].iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// Reads a mark from its bytes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<8>() else { return None };
        let [boot, since_boot, at] = numbers else { return None };
        let [boot, since_boot, at] = [boot, since_boot, at].map(|number| i64::from_be_bytes(*number));
        Some(Self { boot, since_boot, at })
    }
}

/// A number of this start of the machine, from the kernel's random id of it; `None` where there is none.
pub(super) fn boot() -> Option<i64> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let (number, _) = uuid::Uuid::parse_str(id.trim()).ok()?.as_u64_pair();
    Some(number.cast_signed())
}
