//! Reads why a built-in script failed, where it tells that as data.

use serde::Deserialize;

use crate::text::RemoteText;

/// What stands before the data, on a line of its own on standard error.
pub const MARK: &str = "ixporch-reason ";

/// Why a built-in script failed, or what it left although it succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum ScriptReason {
    /// The database was written to after its backup.
    WritesSince {
        /// The run of the backup.
        run: String,
        /// When the backup was begun, in seconds since 1970.
        since: i64,
    },
    /// A restore of a backup was begun, and did not complete.
    RestoreIncomplete {
        /// The run of the backup.
        run: String,
    },
    /// memcached does not run, and the restart command did not start it.
    MemcachedDown,
}

/// Reads the standard error of a step that failed. What could not stand in a command is no reason.
pub fn read_script_reason(stderr: &RemoteText) -> Option<ScriptReason> {
    let data = stderr.raw().lines().rev().find_map(|line| line.strip_prefix(MARK))?;
    let reason: ScriptReason = serde_json::from_str(data).ok()?;
    let (ScriptReason::WritesSince { run, .. } | ScriptReason::RestoreIncomplete { run }) = &reason else {
        return Some(reason);
    };
    let is_id = !run.is_empty() && run.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    is_id.then_some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_the_last_marked_line_and_names_a_run() {
        let read = |text: &str| read_script_reason(&RemoteText::from(text));
        let told = "written since: cust\nixporch-reason {\"code\":\"writes-since\",\"run\":\"01a2-7f\",\"since\":1764000000}\n";
        let (run, since) = ("01a2-7f".to_owned(), 1_764_000_000);
        assert_eq!(read(told), Some(ScriptReason::WritesSince { run, since }));
        let down = "memcached does not run\nixporch-reason {\"code\":\"memcached-down\"}\n";
        assert_eq!(read(down), Some(ScriptReason::MemcachedDown));
        for other in [
            "",
            "exit",
            "ixporch-reason ",
            "ixporch-reason {\"code\":\"moon-rose\"}",
            "ixporch-reason {\"code\":\"restore-incomplete\",\"run\":\"$(reboot)\"}",
            "ixporch-reason {\"code\":\"restore-incomplete\",\"run\":\"\"}",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
