//! What a program printed where a question got no answer, as one line.
//!
//! Owns which of its lines says why. Pure.

use crate::redact;
use crate::text::harmless_line;

/// More characters of a line are not shown.
const LONGEST: usize = 240;

/// Words that a line has which says why: of git, sh, sudo and PHP.
const TELLING: [&str; 7] =
    ["fatal:", "fatal error", "parse error", "not found", "no such file", "denied", "restriction in effect"];

/// The line that says why; `None`: nothing was printed. Passwords in URLs are left out.
pub(super) fn trouble(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let tells = |line: &str| {
        let line = line.to_lowercase();
        TELLING.iter().any(|words| line.contains(words))
    };
    let line = lines.clone().find(|line| tells(line)).or_else(|| lines.next_back())?;
    let words: Vec<String> = line.split(' ').map(without_credentials).collect();
    let line = harmless_line(&words.join(" "));
    Some(match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    })
}

/// A word in which a URL may stand, as git quotes one: `'https://user:token@host/…'`.
fn without_credentials(word: &str) -> String {
    let from = word.find(|c: char| c.is_ascii_alphanumeric()).unwrap_or(0);
    let (quote, url) = word.split_at(from);
    format!("{quote}{}", redact::url_without_credentials(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_why_is_found() {
        let dubious = "fatal: detected dubious ownership in repository at '/srv/ixp'\n\
            To add an exception for this directory, call:\n\n\tgit config --global --add safe.directory /srv/ixp\n";
        assert_eq!(
            trouble(dubious).as_deref(),
            Some("fatal: detected dubious ownership in repository at '/srv/ixp'")
        );
        let disabled = "PHP Fatal error:  Uncaught Error: Call to undefined function proc_open() in Command line code:5\n\
            Stack trace:\n#0 {main}\n  thrown in Command line code on line 5";
        assert!(trouble(disabled).unwrap().contains("proc_open"));
        assert_eq!(trouble("a\nb\n\n").as_deref(), Some("b"));
        assert_eq!(trouble(" \n"), None);
    }

    #[test]
    fn it_holds_no_password_and_no_control_character() {
        let told = trouble("fatal: unable to access 'https://me:tok@git.example.net/x.git/': \u{1b}[31mno\n")
            .unwrap();
        assert_eq!(told, "fatal: unable to access 'https://git.example.net/x.git/': \u{fffd}[31mno");
        assert_eq!(trouble(&"x".repeat(1000)).unwrap().chars().count(), LONGEST + 1);
    }
}
