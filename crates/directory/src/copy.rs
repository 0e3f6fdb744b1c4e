//! A directory's content as rows, for a server that joins. Where directories are replicated this is what a new
//! copy is seeded with.

use std::ops::ControlFlow;

use base::Fault;
use engine::Read;

use crate::{Directory, DirectoryError, Options};

/// A key and its value, as they are stored.
pub type Row = (Vec<u8>, Vec<u8>);

/// Rows written in one transaction.
const BATCH: usize = 1000;

impl Directory {
    /// All rows, as they are at one moment.
    pub fn rows(&self) -> Result<Vec<Row>, Fault> {
        let mut rows = Vec::new();
        let read = self.database().view(|records| {
            records.scan_prefix(b"", &mut |key, value| {
                rows.push((key.to_vec(), value.to_vec()));
                ControlFlow::Continue(())
            })
        });
        read.map_err(DirectoryError::from)?;
        Ok(rows)
    }
}

/// An empty directory that is being filled with the rows of another one.
pub struct Copy(engine::Database);

impl Copy {
    /// Makes it; one that holds anything already is refused.
    pub fn begin(options: Options) -> Result<Self, DirectoryError> {
        let database = engine::Database::open(options.engine)?;
        let mut empty = true;
        database.view(|records| {
            records.scan_prefix(b"", &mut |_, _| {
                empty = false;
                ControlFlow::Break(())
            })
        })?;
        if !empty {
            database.close()?;
            return Err(DirectoryError::Invalid("The directory isn't empty.".into()));
        }
        Ok(Self(database))
    }

    /// Takes rows; durable when it returns.
    pub fn add(&self, mut rows: Vec<Row>) -> Result<(), DirectoryError> {
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(BATCH));
            let commit = self.0.commit(move |txn| {
                rows.iter().for_each(|(key, value)| txn.put(key, value));
                Ok::<(), DirectoryError>(())
            });
            commit.wait()??;
            rows = rest;
        }
        Ok(())
    }

    /// Everything is there.
    pub fn finish(self) -> Result<(), DirectoryError> {
        Ok(self.0.close()?)
    }
}
