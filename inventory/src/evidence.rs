//! What the inventory says about evidence: how old it may be, and whose signature it must have.

use std::time::Duration;

use crate::document::Fields;
use crate::problem::Problem;
use crate::value;

/// How old evidence may be where the inventory does not say.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// The rules for evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceRules {
    /// How old it may be when a wave starts that demands it.
    pub max_age: Duration,
    /// A file of OpenSSH's format `allowed_signers`: evidence of another controller must be signed by one of these.
    pub allowed_signers: Option<String>,
}

impl Default for EvidenceRules {
    fn default() -> Self {
        Self { max_age: MAX_AGE, allowed_signers: None }
    }
}

/// The keys of `[evidence]` with what each is for, for the JSON Schema and the book.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("max_age", "How old evidence may be when a wave starts that demands it. Built in: `7d`."),
    (
        "allowed_signers",
        "A file of OpenSSH's format `allowed_signers`: evidence of another controller must be signed by one of these.",
    ),
];

impl EvidenceRules {
    pub(crate) fn read(mut fields: Fields<'_, '_>, problems: &mut Vec<Problem>) -> Self {
        let mut rules = Self::default();
        if let Some(text) = fields.text("max_age", problems) {
            match value::parse_time(&text.value) {
                Ok(time) => rules.max_age = time,
                Err(refusal) => problems.push(
                    Problem::new(text.span, format!("`max_age` is not a length of time: {refusal}"))
                        .help("write it like `7d`"),
                ),
            }
        }
        if let Some(path) = fields.text("allowed_signers", problems) {
            match value::single_line(&path.value) {
                Ok(()) if !path.value.is_empty() => rules.allowed_signers = Some(path.value),
                Ok(()) => problems.push(
                    Problem::new(path.span, "`allowed_signers` is empty")
                        .help("name a file; a relative path starts at the inventory"),
                ),
                Err(refusal) => {
                    let message = format!("`allowed_signers` {}", refusal.why);
                    problems.push(Problem::new(path.span, message).maybe_help(refusal.help));
                }
            }
        }
        fields.finish(problems);
        rules
    }
}
