//! Live output of steps (`--live`).
//!
//! Its own thread writes it, and drops what it cannot keep up with: a blocked terminal must not block a step. The run's
//! output
//! files have everything.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::operator::Screen;
use super::printer::Printer;
use crate::engine::LiveOutput;
use crate::event::Stream;
use crate::text::RemoteText;

/// How many pieces of output may be queued.
const WAITING: usize = 256;

/// The maximum length of a line; a longer one is broken.
const LONGEST: usize = 4096;

type Piece = (String, String, Stream, Vec<u8>);

/// Shows output, line by line.
pub(super) struct Live {
    sender: SyncSender<Piece>,
}

impl Live {
    pub(super) fn start(printer: Printer, screen: Screen) -> std::io::Result<Self> {
        let (sender, receiver) = sync_channel(WAITING);
        let name = "live output".to_owned();
        std::thread::Builder::new().name(name).spawn(move || show(&receiver, printer, &screen))?;
        Ok(Self { sender })
    }
}

impl LiveOutput for Live {
    fn output(&self, host: &str, step: &str, stream: Stream, bytes: &[u8]) {
        // Only the end fits on a terminal.
        let bytes = bytes.get(bytes.len().saturating_sub(LONGEST * 4)..).unwrap_or_default().to_vec();
        match self.sender.try_send((host.to_owned(), step.to_owned(), stream, bytes)) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }
}

fn show(pieces: &Receiver<Piece>, printer: Printer, screen: &Screen) {
    let mut unfinished: BTreeMap<(String, String, Stream), Vec<u8>> = BTreeMap::new();
    for (host, step, stream, bytes) in pieces {
        let mark = match stream {
            Stream::Stdout => "|",
            Stream::Stderr => "!",
        };
        let line = unfinished.entry((host.clone(), step.clone(), stream)).or_default();
        for byte in bytes {
            if byte != b'\n' && line.len() < LONGEST {
                line.push(byte);
                continue;
            }
            let text = RemoteText::from_bytes(line).to_string();
            let shown = format!("{host}  {} {}", printer.err.dim(&format!("{step} {mark}")), text.trim_end());
            screen.show(printer, shown);
            line.clear();
        }
    }
}
