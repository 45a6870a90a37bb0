//! The cable between the controller and a host: a TCP relay that can be cut, one way or both, reset, and mended.
//!
//! What is cut off is held back and arrives when the cable is mended, as TCP's own retransmissions would.

use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::embedded::EmbeddedFleet;

/// What the cable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It carries everything.
    Whole,
    /// Nothing reaches the host.
    ToHostCut,
    /// Nothing reaches the controller.
    FromHostCut,
    /// Nothing passes, and nobody is told.
    Cut,
    /// Connections are reset, and new ones refused.
    Refused,
}

impl State {
    fn lets_through(self, to_host: bool) -> bool {
        match self {
            Self::Whole => true,
            Self::ToHostCut => !to_host,
            Self::FromHostCut => to_host,
            Self::Cut | Self::Refused => false,
        }
    }
}

/// A cable; it ends with its runtime.
pub struct Wire {
    /// The port to connect to instead of the host's.
    pub port: u16,
    state: watch::Sender<State>,
    /// Counts the resets.
    resets: watch::Sender<u32>,
}

impl Wire {
    /// Lays a cable to a port on loopback.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback can be listened on");
        let near = listener.local_addr().expect("a bound socket has an address").port();
        let (state, resets) = (watch::Sender::new(State::Whole), watch::Sender::new(0));
        let (seen, reset) = (state.subscribe(), resets.subscribe());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if *seen.borrow() == State::Refused {
                    let _ = stream.set_zero_linger();
                    continue;
                }
                tokio::spawn(carry_connection(stream, port, seen.clone(), reset.clone()));
            }
        });
        Self { port: near, state, resets }
    }

    /// Changes what it does.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
        if state == State::Refused {
            self.reset();
        }
    }

    /// Resets every connection; new ones are made as the state allows.
    pub fn reset(&self) {
        self.resets.send_modify(|resets| *resets += 1);
    }
}

async fn carry_connection(
    near: TcpStream,
    to: u16,
    state: watch::Receiver<State>,
    mut reset: watch::Receiver<u32>,
) {
    reset.mark_unchanged();
    let Ok(far) = TcpStream::connect(("127.0.0.1", to)).await else { return };
    near.set_nodelay(true).expect("TCP can be told not to wait");
    far.set_nodelay(true).expect("TCP can be told not to wait");
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let there = carry(near_read, far_write, state.clone(), true);
    let back = carry(far_read, near_write, state, false);
    tokio::select! {
        ((near_read, far_write), (far_read, near_write)) = async { tokio::join!(there, back) } => {
            drop((near_read, far_write, far_read, near_write));
        }
        // Dropping both with bytes unread resets them.
        _ = reset.changed() => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<State>,
    to_host: bool,
) -> (OwnedReadHalf, OwnedWriteHalf) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        // Held back until the cable is mended; the test may have ended by then.
        if state.wait_for(|state| state.lets_through(to_host)).await.is_err() {
            break;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    // An end is not told through a cut cable either.
    let _ = state.wait_for(|state| state.lets_through(to_host)).await;
    let _ = to.shutdown().await;
    (from, to)
}

/// Lays a cable to every host of a fleet, and lets the inventory and `known_hosts` beside it lead through them.
pub async fn lay(fleet: &EmbeddedFleet, inventory: &Path) -> Vec<Wire> {
    let known_hosts = inventory.with_file_name("known_hosts");
    let read = |path: &Path| std::fs::read_to_string(path).expect("it was written");
    let (mut text, mut known) = (read(inventory), read(&known_hosts));
    let mut wires = Vec::new();
    for host in &fleet.hosts {
        let wire = Wire::to(host.port).await;
        text = text.replace(&format!("port = {}\n", host.port), &format!("port = {}\n", wire.port));
        known = known.replace(&format!("]:{} ", host.port), &format!("]:{} ", wire.port));
        wires.push(wire);
    }
    std::fs::write(inventory, text).expect("the inventory can be written");
    std::fs::write(known_hosts, known).expect("known_hosts can be written");
    wires
}

/// Waits until something holds; looks again every few milliseconds, and gives up after three minutes: two cores play many hosts.
pub async fn until(what: &str, holds: impl FnMut() -> bool) {
    assert!(comes(holds).await, "never came: {what}");
}

/// Waits as [`until`] does; tells whether it came.
pub async fn comes(mut holds: impl FnMut() -> bool) -> bool {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(180), waiting).await.is_ok()
}
