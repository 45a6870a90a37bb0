//! The stage: every host plays a part, nothing leaves the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::engine::{About, Answer, Attendant, Brake, BrakeState, Dispatched, Job, Limits, run};
use crate::event::{Envelope, HostOutcome};
use crate::journal::Store;
use crate::plan::{PlannedWave, sample};
use crate::transport::{ConnectError, NotStarted, Process, ProcessEvent, Session, Target, Transport};

/// What a host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Good,
    Down,
    FailsSecondStep,
    LosesLinkInSecondStep,
    Garbage,
    Panics,
    HangsInSecondStep,
    /// Its first step finds out that a schema change is pending.
    HasPendingSchemaChanges,
    /// Somebody presses Ctrl-C twice while its second step is under way.
    IsLeftInSecondStep,
}

pub(super) const PARTS: [Part; 7] = [
    Part::Good,
    Part::Down,
    Part::FailsSecondStep,
    Part::LosesLinkInSecondStep,
    Part::Garbage,
    Part::Panics,
    Part::HangsInSecondStep,
];

pub(super) struct Stage {
    pub(super) parts: BTreeMap<String, Part>,
    /// Checked whenever a host hears of a step: what the journal held at that moment.
    pub(super) journal: PathBuf,
    pub(super) heard: Arc<Mutex<Vec<(String, usize, String)>>>,
    pub(super) brake: Brake,
}

pub(super) struct Actor {
    host: String,
    part: Part,
    journal: PathBuf,
    heard: Arc<Mutex<Vec<(String, usize, String)>>>,
    brake: Brake,
    steps: usize,
}

pub(super) struct Play(std::vec::IntoIter<ProcessEvent>, bool);

impl Transport for Stage {
    fn connect<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        async move {
            let part = self.parts[&target.host];
            if part == Part::Down {
                let (address, why) = (target.address.clone(), "connection refused".to_owned());
                return Err(ConnectError::Tcp { address, port: 22, why, refused: true });
            }
            let (journal, heard) = (self.journal.clone(), Arc::clone(&self.heard));
            let brake = self.brake.clone();
            let actor = Actor { host: target.host.clone(), part, journal, heard, brake, steps: 0 };
            let session: Box<dyn Session> = Box::new(actor);
            Ok(session)
        }
        .boxed()
    }
}

impl Session for Actor {
    fn start<'a>(&'a mut self, program: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        async move {
            self.steps += 1;
            let journal = std::fs::read_to_string(&self.journal).unwrap_or_default();
            self.heard.lock().unwrap().push((self.host.clone(), self.steps, journal));
            let text = crate::ledger::script_of(program);
            let nonce =
                text.split("printf '%s begin\\n' ").nth(1).unwrap().split(';').next().unwrap().to_owned();
            let begin = format!("{nonce} begin\n");
            let end = |exit: u8| format!("{begin}out\n{nonce} end {exit} none\n");
            let both = |text: String| {
                vec![ProcessEvent::Stdout(text.clone().into_bytes()), ProcessEvent::Stderr(text.into_bytes())]
            };
            let second = self.steps == 2;
            let (events, hangs) = match self.part {
                Part::FailsSecondStep if second => (both(end(1)), false),
                Part::LosesLinkInSecondStep if second => (both(begin), false),
                Part::HangsInSecondStep if second => (both(begin), true),
                Part::IsLeftInSecondStep if second => {
                    self.brake.press(BrakeState::Detach);
                    (both(begin), true)
                }
                Part::HasPendingSchemaChanges => {
                    let pending = "Checking if database connected to default entity manager needs updating...\n     DROP INDEX x";
                    (both(format!("{begin}{pending}\n{nonce} end 0 none\n")), false)
                }
                Part::Garbage => (both("\u{1b}[2Jgarbage\n".repeat(3)), false),
                Part::Panics if second => panic!("the actor forgot its lines"),
                _ => (both(end(0)), false),
            };
            let process: Box<dyn Process> = Box::new(Play(events.into_iter(), hangs));
            Ok(process)
        }
        .boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

impl Process for Play {
    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
        async move {
            match self.0.next() {
                Some(event) => Some(event),
                None if self.1 => futures::future::pending().await,
                None => None,
            }
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

pub(super) struct Nobody;

impl Attendant for Nobody {
    fn is_attended(&self) -> bool {
        false
    }

    fn review<'a>(&'a self, _: &'a str, _: &'a [String]) -> BoxFuture<'a, Option<Answer>> {
        async { None }.boxed()
    }

    fn start_wave<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Answer>> {
        async { None }.boxed()
    }
}

pub(super) fn target(host: &str) -> Target {
    Target {
        host: host.to_owned(),
        address: host.to_owned(),
        port: 22,
        user: "ops".to_owned(),
        jump: Vec::new(),
        identity_files: Vec::new(),
        identity_files_named: false,
        known_hosts: Vec::new(),
        accept_new: false,
        connect_timeout: Duration::from_secs(1),
        keepalive: Duration::from_secs(1),
    }
}

pub(super) fn job(waves: Vec<PlannedWave>, stage: Stage, attendant: Arc<dyn Attendant>, brake: Brake) -> Job {
    Job {
        plan: sample::plan(waves),
        about: About {
            run: "run".to_owned(),
            operator: "me".to_owned(),
            inventory: "i".to_owned(),
            procedure: "p".to_owned(),
        },
        targets: stage.parts.keys().map(|name| (name.clone(), target(name))).collect(),
        transport: Arc::new(stage),
        attendant,
        limits: Limits { forks: 3, connecting: 2 },
        brake,
    }
}

pub(super) struct Played {
    pub(super) dispatched: Dispatched,
    pub(super) events: Vec<Envelope>,
    pub(super) heard: Vec<(String, usize, String)>,
}

impl Played {
    pub(super) fn outcome(&self, host: &str) -> HostOutcome {
        self.dispatched.state.hosts[host].outcome.unwrap()
    }
}

/// Plays waves of hosts, given as their parts; hosts are called `w0h0`, `w0h1`, …
pub(super) async fn play(waves: &[Vec<Part>], brake: Brake) -> Played {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let journal = store.create("run").unwrap();
    let path = folder.path().join("runs/run/journal.jsonl");
    let mut parts = BTreeMap::new();
    let mut planned = Vec::new();
    for (index, wave_parts) in waves.iter().enumerate() {
        let names: Vec<String> = (0..wave_parts.len()).map(|host| format!("w{index}h{host}")).collect();
        parts.extend(names.iter().cloned().zip(wave_parts.iter().copied()));
        planned.push(sample::wave(&format!("w{index}"), names.iter().map(String::as_str)));
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let stage = Stage { parts, journal: path.clone(), heard: Arc::clone(&heard), brake: brake.clone() };
    let job = job(planned, stage, Arc::new(Nobody), brake);
    let dispatched = run(job, journal, Vec::new(), || Timestamp::UNIX_EPOCH).await.unwrap();
    let events = store.load("run").map(|run| run.events).unwrap_or_default();
    let heard = heard.lock().unwrap().clone();
    Played { dispatched, events, heard }
}

pub(super) fn play_now(waves: &[Vec<Part>]) -> Played {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(waves, Brake::default()))
}
