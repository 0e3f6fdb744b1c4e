//! Any bytes as a compressed stream: unpacked to no more than is allowed, or refused; what is stored comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::xpress::{XpressError, store, unpack};

/// Two full chunks and a little.
const LIMIT: usize = (2 << 16) + 100;

fuzz_target!(|bytes: &[u8]| {
    let plain = unpack(bytes, LIMIT);
    if let Ok(plain) = &plain {
        assert!(plain.len() <= LIMIT);
        if let Some(less) = plain.len().checked_sub(1) {
            assert_eq!(unpack(bytes, less), Err(XpressError::TooLarge));
        }
    }
    assert_eq!(unpack(&store(bytes), bytes.len()).as_deref(), Ok(bytes));
});
