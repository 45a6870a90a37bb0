//! The stage: every host plays a part, nothing leaves the process.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ixporch_inventory::value::Amount;
use jiff::Timestamp;

use crate::engine::{
    Answer, Approvals, Brake, BrakeState, Dispatched, Job, Limits, Operator, Reporter, ReviewQuestion,
    SiteLook, SiteProber, run,
};
use crate::event::{Envelope, HostOutcome, RunHeader};
use crate::facts::SiteTrouble;
use crate::journal::Store;
use crate::plan::{PlannedWave, sample};
use crate::transport::{
    ConnectError, Endpoint, Keys, LinkLost, NotStarted, Process, ProcessEvent, Session, Slots, Target,
    Transport,
};

/// What a host does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Good,
    Down,
    FailsSecondStep,
    /// The connection is lost in its second step, and can be made again; the step has ended meanwhile.
    LosesLinkInSecondStep,
    /// It is lost, and cannot be made again.
    VanishesInSecondStep,
    /// The process of its second step disappears without reporting a result.
    KillsSecondStep,
    Garbage,
    Panics,
    HangsInSecondStep,
    /// The same, and an earlier session has its lock.
    WasLeft,
    /// The same; what was let go by an earlier session it never began.
    NeverBegan,
    /// Somebody presses Ctrl-C while its health is looked at.
    IsLeftWhileWatched,
    /// It is upgraded, and is not well afterwards.
    IsUnwell,
    /// Its first step finds out that a schema change is pending.
    HasPendingSchemaChanges,
    /// The same, of another change.
    HasOtherSchemaChanges,
    /// Somebody presses Ctrl-C twice while its second step is under way.
    IsLeftInSecondStep,
}

pub(super) const PARTS: [Part; 9] = [
    Part::Good,
    Part::Down,
    Part::FailsSecondStep,
    Part::LosesLinkInSecondStep,
    Part::VanishesInSecondStep,
    Part::KillsSecondStep,
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

/// A host's shell, as far as a runner sees it.
pub(super) struct Actor {
    host: String,
    part: Part,
    journal: PathBuf,
    heard: Arc<Mutex<Vec<(String, usize, String)>>>,
    brake: Brake,
    nonce: String,
    /// What it is about to say; `None` ends the connection.
    says: VecDeque<Option<ProcessEvent>>,
}

impl Transport for Stage {
    fn connect<'a>(
        &'a self,
        target: &'a Target,
        _: &'a Slots,
    ) -> BoxFuture<'a, Result<Box<dyn Session>, ConnectError>> {
        async move {
            let part = self.parts[target.host()];
            let heard = self.heard.lock().unwrap().iter().filter(|(host, ..)| host == target.host()).count();
            if part == Part::Down || (part == Part::VanishesInSecondStep && heard > 0) {
                let (address, why) = (target.endpoint.address.clone(), "connection refused".to_owned());
                return Err(ConnectError::Tcp { address, port: 22, why, refused: true });
            }
            let session: Box<dyn Session> = Box::new(Actor {
                host: target.host().to_owned(),
                part,
                journal: self.journal.clone(),
                heard: Arc::clone(&self.heard),
                brake: self.brake.clone(),
                nonce: String::new(),
                says: VecDeque::new(),
            });
            Ok(session)
        }
        .boxed()
    }
}

impl Session for Actor {
    fn start<'a>(&'a mut self, _: &'a str) -> BoxFuture<'a, Result<Box<dyn Process>, NotStarted>> {
        let actor = Self {
            host: self.host.clone(),
            part: self.part,
            journal: self.journal.clone(),
            heard: Arc::clone(&self.heard),
            brake: self.brake.clone(),
            nonce: String::new(),
            says: VecDeque::new(),
        };
        async move { Ok(Box::new(actor) as Box<dyn Process>) }.boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

impl Actor {
    fn print(&mut self, text: &str) {
        self.says.push_back(Some(ProcessEvent::Stdout(text.as_bytes().to_vec())));
    }

    fn say(&mut self, words: &str) {
        let line = format!("{} {words}\n", self.nonce);
        self.print(&line);
    }

    fn hear(&mut self, script: &str) {
        if let Some(rest) = script.strip_prefix("unset nonce; nonce=") {
            self.nonce = rest.lines().next().unwrap().to_owned();
            if self.part == Part::Garbage {
                self.print(&"\u{1b}[2Jgarbage\n".repeat(3));
                self.says.push_back(Some(ProcessEvent::Exit(1)));
                self.says.push_back(None);
            }
            self.says.push_back(Some(ProcessEvent::Stderr(format!("{}\n", self.nonce).into_bytes())));
            self.say("ready boot setsid");
        } else if script.starts_with("ask ") {
            if script.contains("ixporch.lock") && script.contains("ln ") {
                let is_ours = matches!(self.part, Part::WasLeft | Part::NeverBegan);
                self.print(if is_ours { "ours\n" } else { "taken\n" });
            }
            if self.part == Part::IsLeftWhileWatched && script.contains("look/") {
                self.brake.press(BrakeState::Drain);
                return;
            }
            let never_began = self.part == Part::NeverBegan && script.contains("/begun ] ||");
            let unwell = never_began || self.part == Part::IsUnwell && script.contains("look/");
            self.say(if unwell { "end 1" } else { "end 0" });
        } else {
            self.step(script.split(' ').nth(1).unwrap());
        }
    }

    /// Steps are known by their folders: the second one of every host is `01-work`.
    fn step(&mut self, folder: &str) {
        let journal = std::fs::read_to_string(&self.journal).unwrap_or_default();
        let mut heard = self.heard.lock().unwrap();
        let again =
            heard.iter().filter(|(host, _, what)| *host == self.host && what.ends_with(folder)).count() > 0;
        let number = heard.iter().filter(|(host, ..)| *host == self.host).count() + usize::from(!again);
        if !again {
            heard.push((self.host.clone(), number, format!("{journal}{folder}")));
        }
        drop(heard);
        let end = |exit: u8| format!("end {exit} none 5 4 0 whole setsid");
        let second = folder.ends_with("-work");
        self.print(if again { "" } else { "out\n" });
        match self.part {
            Part::FailsSecondStep if second => self.say(&end(1)),
            Part::KillsSecondStep if second => self.say("end 0 vanished-none 0 4 0 whole setsid"),
            Part::LosesLinkInSecondStep if second && !again => self.says.push_back(None),
            Part::VanishesInSecondStep if second => self.says.push_back(None),
            Part::HangsInSecondStep if second => {}
            Part::IsLeftInSecondStep if second => self.brake.press(BrakeState::Detach),
            Part::HasPendingSchemaChanges
            | Part::HasOtherSchemaChanges
            | Part::NeverBegan
            | Part::WasLeft => {
                let other = self.part != Part::HasPendingSchemaChanges;
                let sql = if other { "ALTER TABLE a ADD b INT" } else { "DROP INDEX x" };
                self.print(&format!(
                    "Checking if database connected to default entity manager needs updating...\n     {sql}"
                ));
                self.say(&end(0));
            }
            Part::Panics if second => panic!("the actor forgot its lines"),
            _ => self.say(&end(0)),
        }
    }
}

impl Process for Actor {
    fn send(&mut self, line: Vec<u8>) -> BoxFuture<'_, Result<(), LinkLost>> {
        async move {
            self.hear(&crate::ledger::script_of(&line));
            Ok(())
        }
        .boxed()
    }

    fn next(&mut self) -> BoxFuture<'_, Option<ProcessEvent>> {
        async move {
            match self.says.pop_front() {
                Some(event) => event,
                None => futures::future::pending().await,
            }
        }
        .boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, ()> {
        async {}.boxed()
    }
}

pub(super) struct Nobody;

impl Operator for Nobody {
    fn is_present(&self) -> bool {
        false
    }

    fn review<'a>(&'a self, _: &'a ReviewQuestion) -> BoxFuture<'a, Option<Answer>> {
        async { None }.boxed()
    }

    fn start_wave<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Option<Answer>> {
        async { None }.boxed()
    }
}

/// Nobody answers.
pub(super) struct NoSites;

impl SiteProber for NoSites {
    fn look<'a>(&'a self, _: &'a str, _: Option<&'a str>) -> BoxFuture<'a, SiteLook> {
        async { SiteLook::Unreachable(SiteTrouble::NoAnswer) }.boxed()
    }
}

pub(super) fn target(host: &str) -> Target {
    let endpoint = Endpoint {
        name: host.to_owned(),
        address: host.to_owned(),
        port: 22,
        user: "ops".to_owned(),
        keys: Keys::default(),
        known_hosts: Vec::new(),
        record_in: None,
        revoked_host_keys: None,
        host_key_alias: None,
        password_command: None,
        proxy_command: None,
        connect_timeout: Duration::from_secs(1),
    };
    Target {
        endpoint,
        jumps: Vec::new(),
        accept_new: false,
        keepalive: Duration::from_secs(1),
        reconnect_for: Duration::from_secs(60),
        refusal: None,
        openssh: None,
        trace: None,
        root: None,
    }
}

pub(super) fn job(waves: Vec<PlannedWave>, stage: Stage, operator: Arc<dyn Operator>, brake: Brake) -> Job {
    Job {
        header: RunHeader { plan: sample::plan(waves), ..crate::event::sample::header("run", &[]) },
        evidence: Vec::new(),
        approvals: Approvals::default(),
        late_approvals: None,
        late_plans: None,
        resumed: None,
        lock_wait: Duration::ZERO,
        live: None,
        refused: BTreeMap::new(),
        targets: stage.parts.keys().map(|name| (name.clone(), target(name))).collect(),
        transport: Arc::new(stage),
        operator,
        prober: Arc::new(NoSites),
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
pub(super) async fn play(waves: &[Vec<Part>], brake: Brake, change: impl FnOnce(&mut Job)) -> Played {
    let change = |job: &mut Job| {
        change(job);
        Vec::new()
    };
    play_reported(waves, brake, change).await
}

/// The same; `change` gives those that hear of every event.
pub(super) async fn play_reported(
    waves: &[Vec<Part>],
    brake: Brake,
    change: impl FnOnce(&mut Job) -> Vec<Box<dyn Reporter>>,
) -> Played {
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
    let mut job = job(planned, stage, Arc::new(Nobody), brake);
    // As many hosts may fail as there are, where a test says nothing else.
    for wave in &mut job.header.plan.waves {
        wave.max_failures = Amount::Percent(100);
    }
    let reporters = change(&mut job);
    let dispatched = run(job, journal, reporters, || Timestamp::UNIX_EPOCH).await.unwrap();
    let events = store.load("run").map(|run| run.events).unwrap_or_default();
    let heard = heard.lock().unwrap().clone();
    Played { dispatched, events, heard }
}

pub(super) fn play_now(waves: &[Vec<Part>]) -> Played {
    play_planned(waves, |_| {})
}

pub(super) fn play_planned(waves: &[Vec<Part>], change: impl FnOnce(&mut Job)) -> Played {
    runtime().block_on(play(waves, Brake::default(), change))
}

/// A runtime with a clock that jumps when nothing else happens.
pub(super) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}
