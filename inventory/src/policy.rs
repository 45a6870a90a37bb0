//! The settings that are a choice of policies, as types: how a step changes user, who approves, what a failure does.

use serde::{Deserialize, Serialize};

/// How a step is run as another user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Become {
    /// By `sudo -n`, in front of each command.
    Sudo,
    /// Everything runs beneath one root shell for each connection.
    Root(RootBy),
    /// Not at all: only a root login can change user.
    None,
}

/// What gives a root shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RootBy {
    /// sudo(8), with the login's password.
    Sudo,
    /// doas(1), which must not ask for a password.
    Doas,
    /// su(1), with root's password.
    Su,
}

impl RootBy {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sudo => "sudo",
            Self::Doas => "doas",
            Self::Su => "su",
        }
    }
}

/// Who lets pending schema changes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchemaApproval {
    /// A person looks at the pending SQL.
    Review,
    /// A person, unless the changes only add something.
    Additive,
    /// Everything passes.
    Any,
}

/// What happens on a host after a failed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailurePolicy {
    /// It is left as it is, and its debts are named.
    #[default]
    Stop,
    /// It is rolled back as long as its site was not opened again; then it is left as it is.
    WhileClosed,
    /// It is rolled back, also when its site was opened again, as long as nothing was written since.
    RollBack,
}

impl FailurePolicy {
    /// The words of `on_failure`.
    pub(crate) const WORDS: &'static [&'static str] = &["rollback", "stop"];

    /// What a word of `on_failure` means.
    pub(crate) fn of_word(word: &str) -> Self {
        if word == "rollback" { Self::RollBack } else { Self::Stop }
    }
}
