//! Changes and verifies secrets on the systems that they are for.
