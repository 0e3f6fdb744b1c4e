//! Turns what was typed into typed parameters.
