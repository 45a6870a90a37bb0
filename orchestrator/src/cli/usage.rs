//! What the argument parser could not read, as this program's own help and errors.
//!
//! Owns the translation. The format of an error is looked up in the raw words: parsing them has failed.

use std::ffi::OsString;

use clap::ValueEnum;
use clap::error::ErrorKind;

use super::args::{Format, When};
use super::error::CliError;
use super::printer::Printer;
use crate::state::ExitCode;

/// Ends a program whose arguments were not parsed: help and version are results, everything else is an error.
pub(super) fn end(error: &clap::Error, words: impl Iterator<Item = OsString>) -> ExitCode {
    let printer = Printer::new(wanted_format(words), When::Auto);
    let text = error.render().to_string();
    if !error.use_stderr() {
        printer.result(&text);
        // Scripts discard the version to learn whether the program is there.
        return printer.end(Ok(ExitCode::Success), false);
    }
    if printer.format == Format::Human {
        printer.say(&text);
        return ExitCode::Usage;
    }
    printer.end(Err(as_error(error.kind(), &text)), false)
}

/// The format that the command line asks for, as far as it can be read.
fn wanted_format(words: impl Iterator<Item = OsString>) -> Format {
    let words: Vec<String> =
        words.map(|word| word.to_string_lossy().into_owned()).take_while(|word| word != "--").collect();
    let after = words.iter().skip_while(|word| *word != "--format").nth(1).map(String::as_str);
    let joined = words.iter().find_map(|word| word.strip_prefix("--format="));
    joined.or(after).and_then(|name| Format::from_str(name, false).ok()).unwrap_or(Format::Human)
}

/// The parser's text as an error: its first paragraph is the message, a tip or the usage is the help.
fn as_error(kind: ErrorKind, text: &str) -> CliError {
    if kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return CliError::usage("a command is missing").help("ixporch --help");
    }
    let mut paragraphs = text.split("\n\n").map(|paragraph| {
        paragraph.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
    });
    let first = paragraphs.next().unwrap_or_default();
    let error = CliError::usage(first.strip_prefix("error: ").unwrap_or(&first));
    let rest: Vec<String> = paragraphs.collect();
    let tip = rest.iter().find_map(|paragraph| paragraph.strip_prefix("tip: "));
    let usage = rest.iter().find(|paragraph| paragraph.starts_with("Usage: ")).map(String::as_str);
    error.help(tip.or(usage).unwrap_or("ixporch --help"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::command_line::Arguments;

    fn format_of(line: &str) -> Format {
        wanted_format(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn the_format_is_found_in_words_that_are_no_command_line() {
        assert_eq!(format_of("ixporch --format json reprot"), Format::Json);
        assert_eq!(format_of("ixporch reprot --format=jsonl"), Format::Jsonl);
        assert_eq!(format_of("ixporch --format xml reprot"), Format::Human);
        assert_eq!(format_of("ixporch reprot --format"), Format::Human);
        assert_eq!(format_of("ixporch exec --wrong -- tool --format json"), Format::Human);
    }

    #[test]
    fn the_parsers_words_become_a_message_and_a_help() {
        let shown = |line: &str| {
            let error = Arguments::try_parse_from(line.split_whitespace()).unwrap_err();
            let error = as_error(error.kind(), &error.render().to_string());
            (error.message(), error.help.unwrap_or_default())
        };
        assert_eq!(
            shown("ixporch reprot"),
            ("unrecognized subcommand 'reprot'".into(), "a similar subcommand exists: 'report'".into())
        );
        assert_eq!(
            shown("ixporch report a b"),
            ("unexpected argument 'b' found".into(), "Usage: ixporch report [OPTIONS] [RUN]".into())
        );
        assert_eq!(
            shown("ixporch --format xml runs"),
            (
                "invalid value 'xml' for '--format <FORMAT>' [possible values: human, json, jsonl]".into(),
                "ixporch --help".into()
            )
        );
        assert_eq!(shown("ixporch"), ("a command is missing".into(), "ixporch --help".into()));
    }
}
