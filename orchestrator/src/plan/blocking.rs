//! Why a host is not started although it has steps, as data.
//!
//! Owns what can block a host before the run. `report` words it, once.

use serde::{Deserialize, Serialize};

use crate::preflight::{Finding, PreflightPolicy};
use crate::text::RemoteText;
use crate::told::Told;

/// Why a host is not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Blocking {
    /// Findings of the preflight.
    Preflight {
        /// Their ids; the findings themselves are in the host's plan.
        findings: Vec<String>,
    },
    /// The journal of a run cannot be read, and that run may have changed the host.
    JournalUnreadable {
        /// The run.
        run: String,
    },
    /// A run began a step that is done once, and it is not known that it did all or nothing of it.
    ReleaseStepBegun {
        /// The step.
        step: String,
        /// The run.
        run: String,
        /// The host, as it is named.
        host: String,
    },
    /// What an earlier version wrote.
    Told {
        /// The text.
        text: RemoteText,
    },
    /// A reason that this version does not know.
    #[serde(other)]
    Unknown,
}

impl Blocking {
    /// The findings that keep a host from being started, if there are any; `counts`: which of them matter, by their ids.
    pub(super) fn of_findings(
        findings: &[Finding],
        policy: &PreflightPolicy,
        counts: impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let against = findings.iter().filter(|finding| finding.blocks(policy) && counts(&finding.id));
        let mut findings: Vec<String> = against.map(|finding| finding.id.clone()).collect();
        findings.dedup();
        (!findings.is_empty()).then_some(Self::Preflight { findings })
    }
}

impl Told for Blocking {
    fn told(text: RemoteText) -> Self {
        Self::Told { text }
    }
}
