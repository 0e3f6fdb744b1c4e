//! The administrator's verb-nouns, one file per noun.
