//! The fuzz target of what a runner says, and of its frames.

use super::Ended;
use super::frame::{Decoder, Gate, Piece};

/// Bytes on both streams. The first one says in how large pieces they arrive; what is read does not depend on that.
pub(crate) fn frames(bytes: &[u8]) {
    let Some((size, bytes)) = bytes.split_first() else { return };
    let size = usize::from(*size).max(1);
    let whole = decoded(bytes, bytes.len().max(1));
    assert_eq!(whole, decoded(bytes, size));
    assert_eq!(passed(bytes, bytes.len().max(1)), passed(bytes, size));
    for said in whole.1 {
        if let Ok(ended) = Ended::read(&said) {
            let _ = ended.meaning();
        }
    }
}

fn decoded(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<String>) {
    let mut decoder = Decoder::new("N0NCE");
    let (mut output, mut said) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(size).flat_map(|chunk| decoder.push(chunk)) {
        match piece {
            Piece::Bytes(more) => output.extend(more),
            Piece::Said(words) => said.push(words),
        }
    }
    (output, said)
}

fn passed(bytes: &[u8], size: usize) -> (Vec<u8>, u64) {
    let mut gate = Gate::new("N0NCE");
    let mut passed: Vec<u8> = bytes.chunks(size).flat_map(|chunk| gate.pass(chunk)).collect();
    passed.extend(gate.flush());
    (passed, gate.marks())
}
