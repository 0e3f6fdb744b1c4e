//! Moves one message from A to B.
