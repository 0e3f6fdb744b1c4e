//! How everything in the server learns that it is to stop.

use tokio::sync::watch;

/// Waits until the server is to stop, or nobody is left to say so.
pub(crate) async fn requested(stop: &mut watch::Receiver<bool>) {
    stop.wait_for(|stop| *stop).await.ok();
}
