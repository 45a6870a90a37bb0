//! Connecting with patience: bounded, and tried again where the other side was only busy.

use super::{ConnectError, Session, Slots, Target, Transport};
use backon::{BackoffBuilder, ExponentialBuilder};

/// How often a connection is tried that the other side cut before it had authenticated.
const TRIES: usize = 5;

/// The pauses between the tries to make a lost connection again: growing, with jitter, never more than this apart.
const LONGEST_PAUSE: std::time::Duration = std::time::Duration::from_secs(15);

/// The pauses between tries to make a lost connection again, without end: who waits knows how long.
pub fn reconnecting() -> impl Iterator<Item = std::time::Duration> {
    ExponentialBuilder::default()
        .with_min_delay(std::time::Duration::from_millis(200))
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Connects; what was cut before authentication is tried again after a pause with jitter. Connection tries are never step
/// tries (law 3).
pub async fn connect(
    transport: &dyn Transport,
    target: &Target,
    slots: &Slots,
) -> Result<Box<dyn Session>, ConnectError> {
    if let Some(why) = &target.refusal {
        return Err(ConnectError::NoRoute { why: why.clone() });
    }
    let mut pauses = ExponentialBuilder::default()
        .with_min_delay(std::time::Duration::from_millis(300))
        .with_jitter()
        .with_max_times(TRIES - 1)
        .build();
    loop {
        target.trace.iter().for_each(super::Trace::begin);
        match transport.connect(target, slots).await {
            Err(error) if error.is_transient() => match pauses.next() {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(error),
            },
            result => return result,
        }
    }
}
