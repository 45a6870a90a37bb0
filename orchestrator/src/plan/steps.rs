//! The steps of one host: those of the procedure that are part of its upgrade, with every value filled in.
//!
//! Owns what conditions and placeholders mean for a host. Must not know waves or other hosts.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::{Become, Host};

use super::build::root_by;
use super::request::Request;
use super::{Argument, Command, PlannedProof, PlannedStep, SiteProbe, Switch, whole_seconds};
use crate::facts::Facts;
use crate::procedure::{Action, BuiltInScript, Condition, Placeholder, Proof, Reads, Step, Template};
use crate::release::{self, Upgrade};
use crate::script::Script;

/// Fills in the steps of a host.
pub(super) struct HostBuilder<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) host: &'a Host,
    pub(super) facts: &'a Facts,
    pub(super) user: &'a str,
    /// Whether the site was closed by somebody else.
    pub(super) was_closed: bool,
    /// Whether it is closed by ixporch.
    pub(super) ours: bool,
    /// What earlier runs still owe it.
    pub(super) owed: &'a BTreeSet<String>,
    /// Whether an earlier run broke off there.
    pub(super) unfinished: bool,
}

impl HostBuilder<'_> {
    pub(super) fn steps(&self) -> Vec<PlannedStep> {
        self.select(&self.request.procedure.steps, 1).collect()
    }

    /// Those steps that are part of this host's upgrade, numbered from `first`.
    pub(super) fn select<'s>(
        &'s self,
        steps: &'s [Step],
        first: u32,
    ) -> impl Iterator<Item = PlannedStep> + 's {
        (first..)
            .zip(steps)
            .filter(|(_, step)| self.takes(step))
            .map(|(number, step)| self.step(number, step))
    }

    /// The way back; where it opens the site by no step of its own, it ends with the one that does so on the way there.
    pub(super) fn back(&self, steps: &[PlannedStep]) -> Vec<PlannedStep> {
        let procedure = self.request.procedure;
        let (Ok(first), Some(_)) = (u32::try_from(procedure.steps.len() + 1), procedure.back.first()) else {
            return Vec::new();
        };
        let back = self.select(&procedure.back, first);
        let opening = procedure
            .opening()
            .filter(|_| !procedure.opens_on_the_way_back())
            .map(|opening| opening.id.as_str());
        let opening = steps.iter().find(|step| Some(step.id.as_str()) == opening);
        back.chain(opening.cloned()).collect()
    }

    /// The releases that it goes through.
    fn upgrade(&self) -> Upgrade {
        let target = self.request.options.target.as_deref();
        Upgrade::new(self.facts.names(), target.or(self.facts.remote_release.as_deref()))
    }

    /// Whether a step is part of this host's upgrade.
    fn takes(&self, step: &Step) -> bool {
        let upgrade = self.upgrade();
        let is_due = match &step.action {
            Action::Release(action) => {
                upgrade.takes_steps_of(&action.release)
                    && (action.tells_later || !upgrade.has_installed(&action.release))
            }
            _ => true,
        };
        is_due && step.when.iter().all(|condition| self.holds(*condition))
    }

    /// Conditions that only the run can decide hold here.
    fn holds(&self, condition: Condition) -> bool {
        match condition {
            Condition::Target => self.request.options.target.is_some(),
            Condition::NoTarget => self.request.options.target.is_none(),
            Condition::OpenBefore | Condition::OpenAfter => !self.was_closed,
            // Where it is not known, the step itself finds out, and is refused on a closed site.
            Condition::OpenNow => self.facts.maintenance.map_or(!self.ours, |closed| !closed),
            Condition::SchemaPending => true,
            Condition::Writers => !self.host.list("writers.stop").is_empty(),
            Condition::Url => self.host.text("url").is_some(),
            Condition::RestartMemcached => self.request.options.restart_memcached,
            Condition::LocalFiles => self.host.text("local_files") == Some("keep"),
            Condition::ReleaseChecks => self.upgrade().checks().next().is_some(),
        }
    }

    fn step(&self, number: u32, step: &Step) -> PlannedStep {
        // The debt of a step that is no part of this host's upgrade is not owed by it.
        let is_paid_here = |debt: &&String| {
            let payer = self.request.procedure.steps.iter().find(|other| other.id == **debt);
            payer.is_some_and(|payer| self.takes(payer))
        };
        PlannedStep {
            number,
            id: step.id.clone(),
            title: step.title.clone(),
            effect: step.effect,
            command: self.command(step),
            proof: step.proof.as_ref().map(|proof| self.proof(proof)),
            debts: step.debts.iter().filter(is_paid_here).cloned().collect(),
            undo: step.undo.clone(),
            alone: step.alone,
            completes: step.completes.clone(),
            when_exists: step.when_exists.as_ref().map(|path| self.fill(path)),
            unless_exists: step.unless_exists.as_ref().map(|path| self.fill(path)),
            when_schema_pending: step.when.contains(&Condition::SchemaPending),
            schema_review: step.schema_review.then(|| self.host.schema_approval()),
            reads: step.reads,
            may_never_converge: step.reads == Some(Reads::DoctrineConverged)
                && self.host.text("schema_never_converges") == Some("accept"),
            capture: step.capture.clone(),
            show: step.show,
            tells_health: step.when.contains(&Condition::OpenAfter),
            release: step.release().map(str::to_owned),
            probe: (step.action == Action::Probe).then(|| SiteProbe {
                url: self.value(Placeholder::Url),
                timeout_seconds: self.host.time("health_timeout").map_or(0, whole_seconds),
                successes: self.host.number("health_successes").unwrap_or(1),
            }),
        }
    }

    fn command(&self, step: &Step) -> Command {
        let own = self.host.environment().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let mut environment: BTreeMap<String, String> = own.collect();
        let argv = match &step.action {
            Action::Run(arguments) => {
                arguments.iter().flat_map(|argument| self.words(argument)).map(Argument::from).collect()
            }
            Action::Script(script) => {
                environment.extend(self.variables(|name| script.contains(name)));
                vec![Argument::from("sh"), Argument::from("-c"), Argument::from(script.clone())]
            }
            // What a person would do by hand.
            Action::Probe => {
                ["curl", "--fail", "--location", &self.value(Placeholder::Url)].map(Argument::from).to_vec()
            }
            Action::BuiltIn(script) => {
                let text = script.text();
                environment.extend(self.variables(|name| text.contains(&format!("getenv('{name}')"))));
                self.php(text)
            }
            Action::Release(action) => {
                environment.insert("ROWS".to_owned(), action.rows.clone());
                if action.sql.is_empty() {
                    let php = self.host.list("php").iter().map(String::as_str);
                    let words: Vec<&str> =
                        php.chain(["artisan"]).chain(action.artisan.iter().map(String::as_str)).collect();
                    let words = serde_json::to_string(&words).unwrap_or_default();
                    environment.insert("COMMAND".to_owned(), words);
                } else {
                    environment.insert("STATEMENT".to_owned(), action.sql.clone());
                }
                self.php(BuiltInScript::ReleaseStep.text())
            }
        };
        environment.extend(step.environment.iter().map(|(name, value)| (name.clone(), self.fill(value))));
        let user = step.user.as_ref().map(|user| self.fill(user)).filter(|user| !user.is_empty());
        // What runs as the login does so beneath a root shell, too.
        let user = user.or_else(|| root_by(self.request, self.host).map(|_| self.user.to_owned()));
        let switch = self.switch(user.as_deref());
        let timeout_seconds = whole_seconds(step.timeout);
        Command {
            argv,
            environment,
            cwd: step.cwd.as_ref().map(|cwd| self.fill(cwd)),
            user,
            switch,
            timeout_seconds,
        }
    }

    fn php(&self, text: Script) -> Vec<Argument> {
        let php = self.host.list("php").iter().cloned().map(Argument::from);
        php.chain([Argument::from("-r"), Argument::from(text)]).collect()
    }

    /// The values that a script asks for by the names of their variables. What it does not ask for it is not given: a person
    /// reads these.
    fn variables(&self, asks_for: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
        let all = Placeholder::ALL.into_iter().filter(|placeholder| !placeholder.is_words());
        let named = all.map(|placeholder| (placeholder, placeholder.name().to_ascii_uppercase()));
        named
            .filter(|(_, name)| asks_for(name))
            .map(|(placeholder, name)| (name, self.value(placeholder)))
            .collect()
    }

    fn switch(&self, wanted: Option<&str>) -> Switch {
        switch(self.host, self.facts, self.user, wanted)
    }

    fn proof(&self, proof: &Proof) -> PlannedProof {
        match proof {
            Proof::Exists(path) => PlannedProof::Exists(self.fill(path)),
            Proof::Absent(path) => PlannedProof::Absent(self.fill(path)),
            Proof::MemcachedRestarted => PlannedProof::MemcachedRestarted {
                unit: self.host.text("memcached.service").filter(|unit| *unit != "none").map(str::to_owned),
                address: self.host.text("memcached.address").unwrap_or_default().to_owned(),
                php: self.host.list("php").to_vec(),
            },
            Proof::NoRows(query) => {
                PlannedProof::NoRows { query: query.clone(), php: self.host.list("php").to_vec() }
            }
        }
    }

    fn words(&self, argument: &Template) -> Vec<String> {
        match argument.as_words() {
            Some(Placeholder::MemcachedRestart) => self.host.list("memcached.restart").to_vec(),
            Some(Placeholder::WritersStop) => self.host.list("writers.stop").to_vec(),
            Some(Placeholder::WritersStart) => self.host.list("writers.start").to_vec(),
            Some(placeholder) => self.host.list(placeholder.name()).to_vec(),
            None => vec![self.fill(argument)],
        }
    }

    fn fill(&self, template: &Template) -> String {
        template.fill(|placeholder| self.value(placeholder))
    }

    fn value(&self, placeholder: Placeholder) -> String {
        match placeholder {
            Placeholder::UpstreamCommit => self.facts.remote_commit.clone().unwrap_or_default(),
            Placeholder::Target => self.request.options.target.clone().unwrap_or_default(),
            Placeholder::InstalledCommit => self.facts.commit.clone().unwrap_or_default(),
            Placeholder::InstalledBranch => self.facts.branch.clone().unwrap_or_default(),
            Placeholder::Owed => self.owed.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
            Placeholder::TargetVersion => {
                let target = self.request.options.target.as_deref();
                target.and_then(release::reported_by).unwrap_or_default().to_owned()
            }
            Placeholder::ReleaseChecks => {
                let checks = self.upgrade().checks().map(|(release, check)| {
                    (release::name_of(release, &check.id), &check.rows, &check.what, &check.remedy)
                });
                serde_json::to_string(&checks.collect::<Vec<_>>()).unwrap_or_default()
            }
            Placeholder::UnaskedReleases => {
                let confirmed = &self.request.options.preflight_policy.confirmed;
                let is_open = |tag: &&str| !confirmed.iter().any(|known| known == tag);
                self.upgrade().unasked().filter(is_open).collect::<Vec<_>>().join(" ")
            }
            Placeholder::TreeOwner => self.facts.tree_owner.clone().unwrap_or_default(),
            Placeholder::MemcachedRestart => self.host.list("memcached.restart").join(" "),
            Placeholder::WritersStop => self.host.list("writers.stop").join(" "),
            Placeholder::WritersStart => self.host.list("writers.start").join(" "),
            Placeholder::Backup => self.request.options.backup.name.clone().unwrap_or_default(),
            Placeholder::Scratch => self.request.options.backup.scratch.clone().unwrap_or_default(),
            Placeholder::Keep => {
                let keep = self.request.options.backup.keep.or_else(|| self.host.number("backup_keep"));
                keep.unwrap_or(1).to_string()
            }
            Placeholder::LockWaitTimeout => {
                self.host.time("lock_wait_timeout").map_or(0, whole_seconds).to_string()
            }
            Placeholder::QuietTimeout => self.host.time("quiet_timeout").map_or(0, whole_seconds).to_string(),
            Placeholder::Php | Placeholder::Composer | Placeholder::Bower => {
                self.host.list(placeholder.name()).join(" ")
            }
            Placeholder::Url => self.host.text("url").unwrap_or_default().to_owned(),
            Placeholder::HealthTimeout => {
                self.host.time("health_timeout").map_or(0, whole_seconds).to_string()
            }
            Placeholder::HealthSuccesses => self.host.number("health_successes").unwrap_or(1).to_string(),
            Placeholder::Host => self.host.name.clone(),
            Placeholder::MemcachedAddress => {
                self.host.text("memcached.address").unwrap_or_default().to_owned()
            }
            Placeholder::BackupDir => self.host.text("backup_dir").unwrap_or_default().to_owned(),
            // A backup of what is half-way keeps no older one away: that may be the only way back.
            Placeholder::BackupKeep if self.unfinished || self.ours => "0".to_owned(),
            Placeholder::BackupKeep => self.host.number("backup_keep").unwrap_or(1).to_string(),
            Placeholder::IxpRoot | Placeholder::WebUser | Placeholder::Branch | Placeholder::LocalFiles => {
                self.host.text(placeholder.name()).unwrap_or_default().to_owned()
            }
        }
    }
}

/// How a login comes to run something as another user.
pub(super) fn switch(host: &Host, facts: &Facts, user: &str, wanted: Option<&str>) -> Switch {
    let login = facts.login_user.as_deref().unwrap_or(user);
    match wanted {
        None => Switch::None,
        Some(wanted) if wanted == login => Switch::None,
        Some(_) if login == "root" => Switch::Runuser,
        // Without sudo another user cannot be reached; sudo then says so in its own words.
        Some(_) => match host.become_method() {
            Become::Sudo => Switch::Sudo,
            Become::Root(_) | Become::None => Switch::None,
        },
    }
}
