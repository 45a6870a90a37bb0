//! Text that came from a host, as a type.
//!
//! A host's output may hold anything: escape sequences that rewrite the screen, bidirectional
//! overrides that reorder it. [`RemoteText`] keeps what was said and shows only what is harmless.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Text from a host. Displays without control bytes, whatever it holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemoteText(String);

impl RemoteText {
    /// Takes bytes as the host sent them; what is not UTF-8 is replaced.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The text as it was sent, for parsers only; never for a terminal.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The last `count` lines that are not blank, harmless.
    pub fn last_lines(&self, count: usize) -> Vec<String> {
        let shown = self.to_string();
        let lines: Vec<&str> = shown.lines().filter(|line| !line.trim().is_empty()).collect();
        let skip = lines.len().saturating_sub(count);
        lines.into_iter().skip(skip).map(|line| line.trim_end().to_owned()).collect()
    }
}

impl From<&str> for RemoteText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for RemoteText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in console::strip_ansi_codes(&self.0).chars() {
            match c {
                '\n' | '\t' => write!(f, "{c}")?,
                '\r' => {}
                c if is_harmful(c) => f.write_str("\u{FFFD}")?,
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

/// One line of text that somebody else wrote, harmless: control characters and line breaks are marked.
pub fn harmless_line(text: &str) -> String {
    text.chars().map(|c| if is_harmful(c) { '\u{FFFD}' } else { c }).collect()
}

/// A text with colours as it may go to a terminal, whatever is in it: of control characters only line breaks, tabs and
/// colours (SGR of ECMA-48, `ESC [ … m`) remain. Each text that is shown goes through this at the end, also what has been made
/// harmless before: names in a journal or a file are somebody's words, too.
pub fn harmless_shown(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour = rest.strip_prefix("\u{1b}[").and_then(|after| {
            let end = after.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            after.get(end..)?.starts_with('m').then_some("\u{1b}[".len() + end + 1)
        });
        let length = colour.unwrap_or(c.len_utf8());
        match rest.split_at_checked(length) {
            Some((taken, after)) => {
                let is_bad = colour.is_none() && c != '\n' && c != '\t' && is_harmful(c);
                shown.push_str(if is_bad { "\u{FFFD}" } else { taken });
                rest = after;
            }
            // There is always so much.
            None => break,
        }
    }
    shown
}

/// How much is shown of a text from an unverified server, in characters.
const STRANGER: usize = 200;

/// A text of a server that has not been verified, or before anybody has logged in: one line, harmless, and no longer than
/// 200 characters, so that it cannot forge a report.
pub fn stranger_line(text: &str) -> String {
    let mut line = harmless_line(&text.trim().chars().take(STRANGER).collect::<String>());
    if text.trim().chars().nth(STRANGER).is_some() {
        line.push('…');
    }
    line
}

/// A text with as many bytes, in which every control character but line breaks and tabs is a `?`, so that
/// places in it stay where they are.
pub fn harmless_source(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && c != '\t' && is_harmful(c) {
            harmless.extend(std::iter::repeat_n('?', c.len_utf8()));
        } else {
            harmless.push(c);
        }
    }
    harmless
}

/// A JSON text in which characters that could harm a terminal are escaped; it means the same.
pub fn harmless_json(json: &str) -> String {
    use std::fmt::Write;
    json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
        if c != '\n' && is_harmful(c) {
            // All of them are in the basic plane; a text has no error to give.
            let _ = write!(text, "\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
        text
    })
}

/// Control characters, and the bidirectional controls that can make a line read as another one.
pub(crate) fn is_harmful(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn of_what_is_shown_only_colours_can_act() {
        let text = "\u{1b}[1;31mx\u{1b}[0m\n\t\u{1b}[2J\u{1b}[31\u{1b}]0;t\u{7}\u{7f}\u{202e}é\u{1b}[38;5;9mz\u{1b}[";
        let shown = "\u{1b}[1;31mx\u{1b}[0m\n\t\u{FFFD}[2J\u{FFFD}[31\u{FFFD}]0;t\u{FFFD}\u{FFFD}\u{FFFD}é\u{1b}[38;5;9mz\u{FFFD}[";
        assert_eq!(harmless_shown(text), shown);
        assert_eq!(harmless_shown(shown), shown);
    }

    #[test]
    fn colours_vanish_and_other_control_bytes_are_marked() {
        let text = RemoteText::from_bytes(b"\x1b[32mok\x1b[0m\r\n\x1b]0;title\x07bell\x07 \x9b2J");
        assert_eq!(text.to_string(), "ok\nbell\u{FFFD} \u{FFFD}2J");
    }

    proptest! {
        #[test]
        fn a_harmless_source_keeps_every_place(text in any::<String>()) {
            let harmless = harmless_source(&text);
            prop_assert_eq!(harmless.len(), text.len());
            prop_assert!(harmless.chars().all(|c| c == '\n' || c == '\t' || !is_harmful(c)));
        }

        #[test]
        fn no_control_byte_is_ever_shown(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let shown = RemoteText::from_bytes(&bytes).to_string();
            prop_assert!(shown.chars().all(|c| c == '\n' || c == '\t' || !is_harmful(c)));
        }
    }
}
