//! Who and what exists, and how it is set.
