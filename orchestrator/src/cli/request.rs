//! What a person asks to be run on hosts: one form of it, whichever command it came by.

use std::time::Duration;

use super::args::{Approvals, Connecting, Relying, RunOptions, Selection, Waves, Work};
use super::error::CliError;
use super::load;
use crate::event::RunKind;
use crate::plan::{Options, WaveSelection};
use crate::procedure::Procedure;

/// A request for a new run.
#[derive(Debug)]
pub(super) struct Request {
    /// Which hosts.
    pub(super) selection: Selection,
    /// How they are reached.
    pub(super) connecting: Connecting,
    /// What is run.
    pub(super) procedure: Procedure,
    /// How the procedure was named: a built-in one, or a file.
    pub(super) named: String,
    /// What the plan depends on besides.
    pub(super) options: Options,
    /// Whether it starts without a question.
    pub(super) yes: bool,
    /// How it is carried out.
    pub(super) run: RunOptions,
    /// What is approved beforehand.
    pub(super) approvals: Approvals,
    /// What it demands of other runs.
    pub(super) relying: Relying,
    /// How long another run's lock on a host is waited for.
    pub(super) lock_wait: Duration,
}

impl Request {
    /// A request to run a procedure on hosts, with nothing else asked for.
    pub(super) fn new(
        procedure: Procedure,
        named: &str,
        selection: &Selection,
        connecting: &Connecting,
    ) -> Result<Self, CliError> {
        let limit = load::selector(selection)?;
        Ok(Self {
            selection: selection.clone(),
            connecting: connecting.clone(),
            procedure,
            named: named.to_owned(),
            options: Options { limit, ..Options::default() },
            yes: false,
            run: RunOptions::default(),
            approvals: Approvals::default(),
            relying: Relying::default(),
            lock_wait: Duration::ZERO,
        })
    }

    /// The request that `plan`, `check` and `upgrade` share.
    pub(super) fn of_work(work: &Work) -> Result<Self, CliError> {
        let procedure = load::procedure(&work.procedure)?;
        let mut request = Self::new(procedure, &work.procedure, &work.selection, &work.connecting)?;
        request.options.target.clone_from(&work.to);
        Ok(request.in_waves(&work.waves))
    }

    /// The same, for these waves. What changes nothing needs no waves.
    #[must_use]
    pub(super) fn in_waves(mut self, waves: &Waves) -> Self {
        self.options.waves = match wave_selection(waves) {
            WaveSelection::All if !self.changes() => WaveSelection::Ignored,
            chosen => chosen,
        };
        self
    }

    /// Whether anything is changed: then it is asked about, and waves and gates stand before it.
    pub(super) fn changes(&self) -> bool {
        self.procedure.changes(self.options.restart_memcached)
    }

    /// What the run would be for.
    pub(super) fn kind(&self) -> RunKind {
        RunKind::of(&self.procedure, self.changes())
    }
}

fn wave_selection(waves: &Waves) -> WaveSelection {
    match (&waves.wave, &waves.from_wave, &waves.until_wave) {
        (Some(only), ..) => WaveSelection::Only(only.clone()),
        (None, None, None) => WaveSelection::All,
        (None, from, until) => WaveSelection::Range(from.clone(), until.clone()),
    }
}
