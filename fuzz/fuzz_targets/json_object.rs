#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| chaveiro::fuzz::json_object(data));
