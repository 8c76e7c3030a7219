#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaveiro::fuzz::key_set(data));
