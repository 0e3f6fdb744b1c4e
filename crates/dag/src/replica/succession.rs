//! Taking over at once from an active copy whose server is seen to be gone, rather than after its silence.

use std::{sync::atomic::Ordering, time::Duration};

use super::{Group, types::ServerId};

/// The copies that are left stand one after the other, so that they do not split the votes: this much apart.
const TURN: Duration = Duration::from_millis(150);
/// How often a copy asks whether it would be elected. It is refused, and nothing has happened, for as long as the copy
/// that is gone may still believe that it is the active one.
const ASKING: Duration = Duration::from_millis(75);
/// Then the usual silence decides.
const TIMES: u32 = 16;

impl Group {
    /// The server of the active copy seems to be gone. Where that is wrong nothing happens: whoever is heard, by this
    /// copy or by a majority, stays.
    pub async fn succeed(&self, gone: ServerId) {
        let before = self.standing();
        let mut heirs = before.voters.iter().filter(|voter| **voter != gone);
        let Some(place) = heirs.position(|voter| *voter == self.me()) else { return };
        tokio::time::sleep(TURN * u32::try_from(place).unwrap_or(u32::MAX)).await;
        for _ in 0..TIMES {
            let now = self.standing();
            let stands = self.stands.load(Ordering::Acquire);
            if now.active != Some(gone) || now.term != before.term || !stands {
                return;
            }
            if let Err(error) = self.raft.trigger().elect(true).await {
                tracing::debug!(%error, "a copy that is stopped does not stand");
                return;
            }
            tokio::time::sleep(ASKING).await;
        }
    }
}
