//! The brake: how a run is asked to stop.

use tokio::sync::watch;

/// How hard the brake is pressed. It is never released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BrakeState {
    /// Continue.
    Go,
    /// Start nothing new. Steps in flight go on to their end.
    Drain,
    /// Wait for nothing. Steps in flight go on on the hosts; their results stay unknown.
    Detach,
}

/// A brake that all lanes watch.
#[derive(Debug, Clone)]
pub struct Brake {
    sender: watch::Sender<BrakeState>,
}

impl Default for Brake {
    fn default() -> Self {
        Self { sender: watch::Sender::new(BrakeState::Go) }
    }
}

impl Brake {
    /// Presses the brake at least this hard.
    pub fn press(&self, wanted: BrakeState) {
        self.sender.send_if_modified(|state| {
            let changes = wanted > *state;
            *state = wanted.max(*state);
            changes
        });
    }

    /// Presses the brake one level harder, as each Ctrl-C does.
    pub fn press_harder(&self) {
        self.press(match self.state() {
            BrakeState::Go => BrakeState::Drain,
            BrakeState::Drain | BrakeState::Detach => BrakeState::Detach,
        });
    }

    /// How hard it is pressed.
    pub fn state(&self) -> BrakeState {
        *self.sender.borrow()
    }

    /// Waits until it is pressed at least this hard.
    pub async fn reaches(&self, wanted: BrakeState) {
        let mut receiver = self.sender.subscribe();
        // The sender is held by `self`, so this ends only when the brake is pressed.
        let _ = receiver.wait_for(|state| *state >= wanted).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brake_is_only_ever_pressed_harder() {
        let brake = Brake::default();
        brake.press_harder();
        assert_eq!(brake.state(), BrakeState::Drain);
        brake.press_harder();
        brake.press(BrakeState::Drain);
        assert_eq!(brake.state(), BrakeState::Detach);
    }
}
