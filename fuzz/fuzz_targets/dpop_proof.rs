#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaveiro::fuzz::dpop_proof(data));
