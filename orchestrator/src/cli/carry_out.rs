//! Carries out a plan, shows its progress, and reports; for all commands that start or resume a run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::access::Access;
use super::args::{Connecting, Format};
use super::error::{CliError, ErrorCode};
use super::live::Live;
use super::operator::{Screen, Terminal};
use super::printer::Printer;
use super::settings::Settings;
use super::signals;
use super::site::Sites;
use crate::engine::{
    self, ApprovalSubject, Approvals, Brake, Dispatched, Job, LateApproval, Limits, LiveOutput, Reporter,
};
use crate::event::{Envelope, LeftOut, RunEvent, RunHeader};
use crate::journal::{Inbox, Writer};
use crate::plan::Plan;
use crate::report::{self, Names};
use crate::state::{ExitCode, GivenEvidence, RunState};
use crate::transport::{Target, Transport};

/// A run that is about to start or to be resumed.
pub(super) struct Execution<'a> {
    pub(super) header: RunHeader,
    pub(super) approvals: Approvals,
    /// Evidence of other runs, as far as this one relies on it.
    pub(super) evidence: Vec<GivenEvidence>,
    /// The plans of hosts that answer late.
    pub(super) late_plans: Option<mpsc::Receiver<Plan>>,
    pub(super) resumed: Option<RunState>,
    /// Hosts on which nothing is done, and why.
    pub(super) refused: BTreeMap<String, LeftOut>,
    pub(super) targets: BTreeMap<String, Target>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) journal: Writer,
    pub(super) connecting: &'a Connecting,
    pub(super) lock_wait: Duration,
    /// Whether the output of steps is shown live.
    pub(super) live: bool,
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn broken(error: std::io::Error) -> CliError {
    CliError::internal(format!("the run broke down: {error}"))
}

impl<'a> Execution<'a> {
    /// A run whose plan comes from the journal of another one: it has no approvals, and relies on no evidence.
    pub(super) fn of_journal(header: RunHeader, access: Access<'a>, journal: Writer) -> Self {
        Self {
            targets: access.targets_of(&header.plan),
            header,
            approvals: Approvals::default(),
            evidence: Vec::new(),
            late_plans: None,
            resumed: None,
            refused: BTreeMap::new(),
            connecting: access.connecting,
            transport: access.transport,
            journal,
            lock_wait: Duration::ZERO,
            live: false,
        }
    }
}

impl Execution<'_> {
    /// Carries out the run; returns the exit code.
    pub(super) async fn run(self, settings: &Settings, printer: Printer) -> Result<ExitCode, CliError> {
        let folder = self.journal.folder().to_owned();
        let id = self.header.run.clone();
        let run = settings.shorten(&id);
        let brake = Brake::default();
        let screen = Screen::default();
        let resume = self.header.kind.changes().then(|| format!("{} resume {run}", settings.program));
        let watching = tokio::spawn(signals::watch(brake.clone(), printer, resume));
        let (sender, late_approvals) = mpsc::channel(1);
        let carrying = tokio::spawn(carry(Inbox::of(&folder), sender));
        let live = self.live.then(|| Live::start(printer, screen.clone())).transpose().map_err(broken)?;
        let job = Job {
            header: self.header,
            approvals: self.approvals,
            evidence: self.evidence,
            late_approvals: Some(late_approvals),
            late_plans: self.late_plans,
            resumed: self.resumed,
            lock_wait: self.lock_wait,
            refused: self.refused,
            targets: self.targets,
            transport: self.transport,
            operator: Arc::new(Terminal::new(&settings.user, printer, screen.clone())),
            prober: Arc::new(Sites::new()),
            limits: Limits {
                forks: usize::try_from(self.connecting.forks).unwrap_or(1),
                connecting: usize::try_from(self.connecting.connecting).unwrap_or(1),
            },
            live: live.map(|live| Arc::new(live) as Arc<dyn LiveOutput>),
            brake,
        };
        let reporters: Vec<Box<dyn Reporter>> = vec![Box::new(Progress { printer, screen })];
        let dispatched = engine::run(job, self.journal, reporters, Timestamp::now).await.map_err(broken)?;
        watching.abort();
        carrying.abort();
        if dispatched.journal_failure.is_none() {
            settings.store.summarize(&id, &dispatched.state, dispatched.journal_bytes);
        }
        let names = Names {
            program: settings.program.clone(),
            run,
            going_on: false,
            now: Timestamp::now(),
            since: BTreeMap::new(),
        };
        show(&dispatched.state, &names, printer);
        end(&dispatched, &folder, &names)
    }
}

/// How often the inbox is checked.
const LOOK: Duration = Duration::from_millis(500);

/// Passes approvals from the inbox to the run, and removes those that are in its journal.
async fn carry(inbox: Inbox, run: mpsc::Sender<LateApproval>) {
    loop {
        tokio::time::sleep(LOOK).await;
        for letter in inbox.letters() {
            for event in &letter.events {
                let (subject, approval) = match event.clone() {
                    RunEvent::WaveApproved { wave, approval } => (ApprovalSubject::Wave(wave), approval),
                    RunEvent::SchemaApproved { fingerprint, approval } => {
                        (ApprovalSubject::Schema(fingerprint), approval)
                    }
                    _ => continue,
                };
                let (recorded, is_recorded) = oneshot::channel();
                let late = LateApproval { subject, approval, recorded };
                if run.send(late).await.is_err() || is_recorded.await.is_err() {
                    return;
                }
            }
            letter.taken();
        }
    }
}

/// Shows the report of a run.
pub(super) fn show(state: &RunState, names: &Names, printer: Printer) {
    printer.recorded(format!("{} report {}", names.program, names.run));
    match printer.format {
        Format::Human => printer.result(&format!("\n{}", report::summary(printer.out, names, state))),
        Format::Json => printer.json(&report::document(names, state)),
        // The events themselves were the result.
        Format::Jsonl => {}
    }
}

fn end(dispatched: &Dispatched, folder: &std::path::Path, names: &Names) -> Result<ExitCode, CliError> {
    match &dispatched.journal_failure {
        None => Ok(dispatched.state.exit()),
        Some(why) => {
            let message = format!("the journal could not be written: {why}");
            Err(CliError::internal(message).coded(ErrorCode::JournalUnusable).help(format!(
                "no new step was started; free space for {}, or make it writable, then: {} resume {}",
                folder.display(),
                names.program,
                names.run
            )))
        }
    }
}

/// Shows progress on standard error; with `--format jsonl`, prints the events on standard output.
struct Progress {
    printer: Printer,
    screen: Screen,
}

impl Reporter for Progress {
    fn on_event(&mut self, state: &RunState, envelope: &Envelope) {
        if self.printer.format == Format::Jsonl {
            self.printer.json(envelope);
        }
        if let Some(line) = report::line(self.printer.err, state, envelope) {
            self.screen.show(self.printer, line);
        }
    }
}
