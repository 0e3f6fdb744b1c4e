//! What is decided, from plain values, without clock or I/O: truncation, activation, copy status.
