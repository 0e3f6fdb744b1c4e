//! IDLE: what happens in the selected folder is told as it happens (RFC 2177).

use super::{
    reply::{Failure, Outcome, done},
    session::Session,
    view::View,
};

/// The longest line a client may end IDLE with, bytes.
const LINE_MAX: usize = 64;

impl Session {
    pub(super) async fn idle(&mut self) -> Outcome {
        self.link.say("+ idling\r\n");
        // Thousands may wait here: what can be read again is given back.
        self.tree = None;
        let patience = self.server.settings.idle_timeout;
        loop {
            if self.link.input.contains(&b'\n') || self.link.input.len() > LINE_MAX {
                let line = self.link.line(LINE_MAX, patience).await?;
                if line.eq_ignore_ascii_case("DONE") {
                    return done("Completed");
                }
                return Err(Failure::Bad("Expected DONE".into()));
            }
            self.tell_news(true).await?;
            self.link.flush().await?;
            self.link.shrink();
            let Session { link, view, watching, .. } = self;
            tokio::select! {
                filled = link.fill(0, patience) => filled?,
                () = changed(view) => {}
                () = watching.changed() => {}
            }
        }
    }
}

/// Waits until the selected folder changes; for ever where none is selected.
pub(super) async fn changed(view: &mut Option<View>) {
    match view {
        Some(view) => view.changed().await,
        None => std::future::pending().await,
    }
}
