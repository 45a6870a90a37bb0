//! What is read of statements at the most, and the stack it is read on.
//!
//! A parsed statement is a tree, and the parser's own limit does not bound its depth: `1+1+1+…` and other chains lean to
//! the left and are as deep as they are long. Printing and dropping such a tree takes stack for each level, and a stack
//! that overflows ends the whole process. Statements come from hosts, journals and evidence files, so the text is limited
//! before it is parsed, and parsed on a stack that is large enough for every tree that such a text can be.

use std::panic;
use std::thread;

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The longest statement that is read, in bytes. The output of a step is kept up to this length.
const STATEMENT_BYTES: usize = 256 * 1024;

/// How deep the parser goes. It tries some beginnings twice at each level (`BINARY - BINARY - …`), so the time that a statement
/// takes doubles with each. What a schema tool prints needs a few.
pub(super) const RECURSION: usize = 16;

/// The most tokens of a statement that is read, without white space.
const STATEMENT_TOKENS: usize = 10_000;

/// The most statements that are read of one host.
const STATEMENTS: usize = 20_000;

/// The most bytes that are read of one host's statements.
const BYTES: usize = 4 * 1024 * 1024;

/// The deepest trees of that many tokens take 4 to 6 KiB a token in a build without optimisation (the test
/// `no_statement_is_too_deep_for_the_stack`). Only what is touched takes memory.
const STACK: usize = STATEMENT_TOKENS * 16 * 1024;

/// Whether tokens are few enough to be parsed.
pub(super) fn are_few(tokens: &[TokenWithSpan]) -> bool {
    tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).count() <= STATEMENT_TOKENS
}

/// Counts what one host's statements take.
#[derive(Default)]
pub(super) struct Budget {
    statements: usize,
    bytes: usize,
}

impl Budget {
    /// Whether the next statement may be read.
    pub(super) fn allows(&mut self, statement: &str) -> bool {
        self.statements = self.statements.saturating_add(1);
        self.bytes = self.bytes.saturating_add(statement.len());
        statement.len() <= STATEMENT_BYTES && self.statements <= STATEMENTS && self.bytes <= BYTES
    }
}

/// Runs `work` on that stack, and waits for it.
pub(super) fn with_a_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let spawned = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match spawned.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(done)) => done,
            // It is the caller's panic: what it does with one, it does with this one.
            Ok(Err(panicked)) => panic::resume_unwind(panicked),
            Err(error) => panic::resume_unwind(Box::new(format!("no thread can be started: {error}"))),
        }
    })
}
