//! Colours by meaning, not by name; none at all where the output is no terminal.

use console::Style;

/// Paints words, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    colours: bool,
}

impl Paint {
    /// Paints where `colours` says so.
    pub fn new(colours: bool) -> Self {
        Self { colours }
    }

    fn apply(self, style: Style, text: &str) -> String {
        style.force_styling(self.colours).apply_to(text).to_string()
    }

    /// Something that went as it should.
    pub fn good(self, text: &str) -> String {
        self.apply(Style::new().green(), text)
    }

    /// Something that went wrong.
    pub fn bad(self, text: &str) -> String {
        self.apply(Style::new().red().bold(), text)
    }

    /// Something that wants a look.
    pub fn warn(self, text: &str) -> String {
        self.apply(Style::new().yellow(), text)
    }

    /// Something that is in the background.
    pub fn dim(self, text: &str) -> String {
        self.apply(Style::new().dim(), text)
    }

    /// A heading.
    pub fn strong(self, text: &str) -> String {
        self.apply(Style::new().bold(), text)
    }
}
