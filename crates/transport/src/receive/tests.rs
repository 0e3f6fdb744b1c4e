//! Sessions as transcripts.
