//! Any bytes as a record of the transaction log.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| engine::fuzz_record(bytes));
