//! What another server took while the queue's own database could not note it: kept in memory and written before
//! anything else is done. Sent again instead, a message would reach its recipients every few seconds for as long
//! as the disk is full. Only the end of the process forgets it; then the message is sent once more.

use std::collections::VecDeque;

use tokio::sync::Mutex;

use crate::{
    TransportError,
    core::Core,
    settle::{Settled, Settlement},
};

/// Settlements to be written, oldest first. Nothing new begins before they are, so there are never more of
/// them than jobs were under way. Locked while they are written: none is written twice.
#[derive(Default)]
pub(crate) struct Unsettled(Mutex<VecDeque<Settled>>);

impl Core {
    /// Makes a settlement durable, or keeps it until the database writes again. The error is the database's.
    pub(crate) async fn commit_or_keep(&self, settlement: Settlement<'_>) -> Result<(), TransportError> {
        let settled = settlement.prepare()?;
        match self.write(settled.clone()).await {
            Err(error) if error.is_of_the_database() => {
                tracing::warn!(id = settled.id(), %error, "a message was sent, but that could not be noted yet");
                self.unsettled.0.lock().await.push_back(settled);
                Err(error)
            }
            written => written.map(|_| ()),
        }
    }

    /// Writes what was kept. While this fails the queue can note nothing, and nothing may be sent.
    pub(crate) async fn write_unsettled(&self) -> Result<(), TransportError> {
        let mut waiting = self.unsettled.0.lock().await;
        while let Some(settled) = waiting.front().cloned() {
            let id = settled.id();
            match self.write(settled).await {
                Err(error) if error.is_of_the_database() => return Err(error),
                // The message has gone some other way, or its rows are broken: this will never be written.
                Err(error) => tracing::warn!(id, %error, "what became of a message could not be noted"),
                Ok(_) => tracing::info!(id, "what became of a message is noted at last"),
            }
            waiting.pop_front();
        }
        Ok(())
    }
}
