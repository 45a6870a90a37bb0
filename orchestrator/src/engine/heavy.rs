//! Work that may take longer than a task of the runtime may: reading what a host printed, or what a file says of hosts.

use std::panic;

/// Runs `work` on a thread of its own, so that the other hosts' tasks go on; a panic in it is the caller's.
pub(super) async fn heavy<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panicked) => panic::resume_unwind(panicked),
            // The runtime ends, and with it whoever asked.
            Err(_) => futures::future::pending().await,
        },
    }
}
