//! Standard output and standard error as descriptors: every byte arrives, or it is known why it did not.
//!
//! Owns how bytes are written and what became of standard output. Must not know what is printed. The standard library's
//! own writers are not used: they take a descriptor that cannot be written to for one that was written to.

use std::fmt;
use std::io::{IsTerminal, stderr, stdout};
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, OFlags};
use rustix::io::Errno;

/// Why standard output could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Whoever read it does not want the rest: a closed pipe or connection, a terminal that is gone.
    Unread,
    /// The program was started with it closed; or its caller discards it in the way that looks the same.
    Closed,
    /// The system says why.
    Write(Errno),
    /// The result cannot be written as JSON.
    Encode(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unread => f.write_str("its reader is gone"),
            Self::Closed => f.write_str("it is closed"),
            Self::Write(why) => why.fmt(f),
            Self::Encode(why) => f.write_str(why),
        }
    }
}

/// Standard output. There is one of it, so its first failure is the process's.
#[derive(Debug)]
pub(super) struct Output {
    was_terminal: bool,
    has_written: AtomicBool,
    failure: OnceLock<Failure>,
    recorded: OnceLock<String>,
}

impl Output {
    pub(super) fn new() -> Self {
        Self {
            was_terminal: stdout().is_terminal(),
            has_written: AtomicBool::new(false),
            failure: OnceLock::new(),
            recorded: OnceLock::new(),
        }
    }

    /// Writes all of `bytes`. After the first failure nothing more is written: what has arrived is a beginning without gaps.
    pub(super) fn write(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.failure.get().is_some() {
            return;
        }
        if !self.has_written.swap(true, Ordering::AcqRel) && is_closed() {
            self.fail(Failure::Closed);
            return;
        }
        if let Err(why) = write_whole(stdout().lock(), bytes) {
            self.fail(reason(why, self.was_terminal));
        }
    }

    /// Remembers a failure, if it is the first.
    pub(super) fn fail(&self, failure: Failure) {
        // A later failure follows from the first, or would be one even without it.
        let _ = self.failure.set(failure);
    }

    /// Remembers that a run is recorded, whatever becomes of the output, and the command which shows it.
    pub(super) fn recorded(&self, command: String) {
        let _ = self.recorded.set(command);
    }

    /// The command that shows what is recorded.
    pub(super) fn record(&self) -> Option<&str> {
        self.recorded.get().map(String::as_str)
    }

    /// What became of everything that was written. Some file systems tell only now that there is no room.
    pub(super) fn finish(&self) -> Option<&Failure> {
        if self.has_written.load(Ordering::Acquire)
            && self.failure.get().is_none()
            && let Err(why) = store(stdout())
        {
            self.fail(reason(why, self.was_terminal));
        }
        self.failure.get()
    }
}

/// Writes to standard error. If that fails there is nobody to tell.
pub(super) fn write_error(bytes: &[u8]) {
    let _ = write_whole(stderr().lock(), bytes);
}

fn reason(why: Errno, was_terminal: bool) -> Failure {
    match why {
        Errno::PIPE | Errno::CONNRESET => Failure::Unread,
        Errno::IO if was_terminal => Failure::Unread,
        why => Failure::Write(why),
    }
}

/// Whether standard output was closed when the program was started: Rust's runtime opens `/dev/null` for reading and
/// writing in its place. A daemon has all three that way on purpose.
fn is_closed() -> bool {
    is_null_both_ways(stdout()) && !is_null_both_ways(stderr())
}

fn is_null_both_ways(descriptor: impl AsFd) -> bool {
    let Ok(null) = rustix::fs::stat("/dev/null") else { return false };
    let Ok(found) = rustix::fs::fstat(&descriptor) else { return false };
    let both_ways = rustix::fs::fcntl_getfl(&descriptor).map(|flags| flags & OFlags::RWMODE == OFlags::RDWR);
    FileType::from_raw_mode(found.st_mode) == FileType::CharacterDevice
        && found.st_rdev == null.st_rdev
        && both_ways.unwrap_or(false)
}

/// Writes everything, also to a pipe that another process made non-blocking.
fn write_whole(to: impl AsFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(&to, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&to, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(why) => return Err(why),
            },
            Err(why) => return Err(why),
        }
    }
    Ok(())
}

/// Has a file's data stored: over a network, a full disk or a quota shows only here. Nothing else can be asked for that.
fn store(file: impl AsFd) -> Result<(), Errno> {
    let is_file = rustix::fs::fstat(&file)
        .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::RegularFile);
    if !is_file {
        return Ok(());
    }
    match rustix::fs::fdatasync(&file) {
        Err(why @ (Errno::IO | Errno::NOSPC | Errno::DQUOT | Errno::FBIG)) => Err(why),
        // Others say that such a file cannot be asked.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, OpenOptions};
    use std::io::Read;
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure_of_the_output_and_a_full_disk_is() {
        assert_eq!(reason(Errno::PIPE, false), Failure::Unread);
        assert_eq!(reason(Errno::CONNRESET, false), Failure::Unread);
        assert_eq!(reason(Errno::IO, true), Failure::Unread);
        assert_eq!(reason(Errno::IO, false), Failure::Write(Errno::IO));
        assert_eq!(reason(Errno::NOSPC, true), Failure::Write(Errno::NOSPC));
    }

    #[test]
    fn a_descriptor_that_cannot_be_written_to_is_a_failure() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        assert!(full.metadata().unwrap().file_type().is_char_device());
        assert_eq!(write_whole(&full, b"text"), Err(Errno::NOSPC));
        assert_eq!(write_whole(File::open("/dev/null").unwrap(), b"text"), Err(Errno::BADF));
        assert_eq!(write_whole(&full, b""), Ok(()));
    }

    #[test]
    fn the_null_device_is_told_by_how_it_was_opened() {
        let open = |path: &str, reads| OpenOptions::new().read(reads).write(true).open(path).unwrap();
        assert!(is_null_both_ways(open("/dev/null", true)));
        assert!(!is_null_both_ways(open("/dev/null", false)));
        assert!(!is_null_both_ways(open("/dev/full", true)));
    }

    #[test]
    fn everything_arrives_in_a_pipe_that_does_not_block() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        rustix::fs::fcntl_setfl(&writer, flags | OFlags::NONBLOCK).unwrap();
        let text = vec![b'x'; 300_000];
        let length = text.len();
        let writing = std::thread::spawn(move || write_whole(writer, &text));
        let mut arrived = Vec::new();
        reader.read_to_end(&mut arrived).unwrap();
        assert_eq!(writing.join().unwrap(), Ok(()));
        assert_eq!(arrived.len(), length);
    }

    #[test]
    fn nothing_is_written_after_the_first_failure() {
        let output = Output::new();
        output.fail(Failure::Write(Errno::NOSPC));
        output.fail(Failure::Unread);
        output.write(b"this would be seen in the middle of the tests' own output\n");
        assert!(!output.has_written.load(Ordering::Acquire));
        assert_eq!(output.finish(), Some(&Failure::Write(Errno::NOSPC)));
    }
}
