//! COMPRESS (RFC 4978).

use super::{
    reply::{Failure, Outcome, done, no},
    session::Session,
};

impl Session {
    pub(super) async fn compress(&mut self, tag: &str, mechanism: &str) -> Outcome {
        if mechanism != "DEFLATE" {
            return Err(Failure::Bad("Unknown compression mechanism".into()));
        }
        if self.link.is_compressed() {
            return Err(no("COMPRESSIONACTIVE", "DEFLATE is active already"));
        }
        self.link.say(&format!("{tag} OK DEFLATE active\r\n"));
        self.link.compress().await?;
        done("")
    }
}
