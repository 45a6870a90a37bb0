//! What a failed step itself says of its failure, in one line.
//!
//! Owns which of the last lines of a step that is: programs print progress, usage and remedies beside their errors. It knows
//! the forms of git, PHP, the MySQL clients, Symfony's console (artisan and composer) and the procedures' own scripts.
//! It must not know how a line is shown.

use super::StepEnd;
use crate::facts::SCRIPT_REASON_MARK;
use crate::text::RemoteText;

/// A longer line is cut, in characters.
const LONGEST: usize = 200;

/// How a line begins that says what failed.
const BEGINNINGS: [&str; 11] = [
    "fatal: ",
    "error: ",
    "ERROR ",
    "Error: ",
    "PHP Fatal error:",
    "PHP Parse error:",
    "Fatal error:",
    "Parse error:",
    "SQLSTATE[",
    "mysqldump: ",
    "sudo: ",
];

impl StepEnd {
    /// The line of the step's last output that says why it failed; none if it printed nothing.
    pub fn own_words(&self) -> Option<RemoteText> {
        let stream = if self.stderr.tail.is_blank() { &self.stdout } else { &self.stderr };
        let shown = stream.tail.to_string();
        let lines: Vec<&str> = shown.lines().filter(|line| !line.starts_with(SCRIPT_REASON_MARK)).collect();
        let words = marked(&lines).or_else(|| exception(&lines)).or_else(|| last(&lines))?;
        Some(RemoteText::from(shortened(&words).as_str()))
    }
}

/// The first line that begins as errors do.
fn marked(lines: &[&str]) -> Option<String> {
    let at =
        lines.iter().position(|line| BEGINNINGS.iter().any(|word| line.trim_start().starts_with(word)))?;
    with_list(lines.get(at..)?)
}

/// The message of an exception as Symfony's console prints it: below `In Kernel.php line 12:` or `[RuntimeException]`.
fn exception(lines: &[&str]) -> Option<String> {
    let is_head = |line: &str| {
        let line = line.trim();
        let is_place = line.starts_with("In ") && line.contains(".php line ") && line.ends_with(':');
        let name = line.strip_prefix('[').and_then(|line| line.strip_suffix(']'));
        is_place || name.is_some_and(|name| name.ends_with("Exception") || name.ends_with("Error"))
    };
    let at = lines.iter().position(|line| is_head(line))?;
    let message: Vec<&str> = lines
        .iter()
        .skip(at + 1)
        .map(|line| line.trim())
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect();
    (!message.is_empty()).then(|| message.join(" "))
}

/// The last line; if that is one of a list, the line above the list, too.
fn last(lines: &[&str]) -> Option<String> {
    let end = lines.iter().rposition(|line| !line.trim().is_empty())?;
    let said = lines.get(..=end)?;
    let first = said.iter().rposition(|line| line.trim().is_empty()).map_or(0, |blank| blank + 1);
    let paragraph = said.get(first..)?;
    match paragraph.iter().rposition(|line| line.trim_end().ends_with(':')) {
        Some(head) => with_list(paragraph.get(head..)?),
        None => paragraph.last().map(|line| line.trim().to_owned()),
    }
}

/// The first line; if a list follows it, the first of it and how many more there are, too.
fn with_list(lines: &[&str]) -> Option<String> {
    let head = lines.first()?.trim();
    let items = lines.iter().skip(1).take_while(|line| !line.trim().is_empty());
    let mut items = items.map(|line| line.trim());
    Some(match items.next().filter(|_| head.ends_with(':')) {
        Some(first) => match items.count() {
            0 => format!("{head} {first}"),
            more => format!("{head} {first} (and {more} more lines)"),
        },
        None => head.to_owned(),
    })
}

fn shortened(words: &str) -> String {
    let mut short: String = words.chars().take(LONGEST).collect();
    if words.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::StepOutcome;

    fn words(stderr: &str) -> Option<String> {
        let mut end = StepEnd::without_output(StepOutcome::Failed, None);
        end.stderr.tail = RemoteText::from(stderr);
        end.own_words().map(|words| words.raw().to_owned())
    }

    #[test]
    fn the_line_that_says_why_is_found_among_progress_usage_and_lists() {
        for (printed, wanted) in [
            (
                "Loading composer repositories\nCloning into x\nfatal: unable to access 'https://x/': no\n\nrequire [--dev]\n",
                "fatal: unable to access 'https://x/': no",
            ),
            (
                "error: Your local changes to the following files would be overwritten by merge:\n\tREADME.md\n\tVERSION\nPlease commit\n\nAborting\n",
                "error: Your local changes to the following files would be overwritten by merge: README.md (and 2 more lines)",
            ),
            (
                "\nIn Connection.php line 647:\n                                 \n  SQLSTATE is what  \n  it says  \n\ndoctrine:schema:update [--sql]\n",
                "SQLSTATE is what it says",
            ),
            (
                "  [RuntimeException]                 \n  Could not delete vendor/x: \n\ninstall [--prefer-source]\n",
                "Could not delete vendor/x:",
            ),
            ("  [ErrorException]\n  No space left on device\n", "No space left on device"),
            (
                "PHP Fatal error:  Uncaught Error: x in y.php:3\nStack trace:\n#0 {main}\n",
                "PHP Fatal error:  Uncaught Error: x in y.php:3",
            ),
            ("mysqldump: Got error: 1045\n", "mysqldump: Got error: 1045"),
            ("reading\nthese cannot be restored:\n  a\n", "these cannot be restored: a"),
            ("one\ntwo\n\n", "two"),
            ("why\nixporch-reason {\"code\":\"x\"}\n", "why"),
            ("\u{1b}[31mred\u{1b}[0m\u{202e}\n", "red\u{fffd}"),
        ] {
            assert_eq!(words(printed).as_deref(), Some(wanted), "{printed}");
        }
        assert_eq!(words(" \n"), None);
        assert_eq!(words(&"x".repeat(300)).map(|words| words.chars().count()), Some(201));
    }

    #[test]
    fn standard_output_counts_where_nothing_is_on_standard_error() {
        let mut end = StepEnd::without_output(StepOutcome::Failed, None);
        end.stdout.tail = RemoteText::from("no room\n");
        assert_eq!(end.own_words(), Some(RemoteText::from("no room")));
    }
}
