//! From TOML to an [`Inventory`]: every mistake is found, then all are told.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::document::{self, Fields, Located};
use crate::evidence::EvidenceRules;
use crate::host::Host;
use crate::hosts::Hosts;
use crate::lines::LineIndex;
use crate::openssh::{Answer, Question, Surroundings};
use crate::problem::{Problem, Problems};
use crate::route::{JUMP_KEYS, Jumps, Leg, RouteError};
use crate::selector::{Selector, SelectorError};
use crate::setting::Layer;
use crate::suggest::Suggestions;
use crate::value;
use crate::wave::{GateKind, RawWave, Wave};

/// A validated inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inventory {
    /// All hosts, in the order of the file.
    pub hosts: Hosts,
    /// The names of the declared groups, in the order of the file.
    pub groups: Vec<String>,
    /// The jump hosts that are no hosts of the inventory.
    pub jumps: Jumps,
    /// The waves in their order; empty where the file declares none.
    pub waves: Vec<Wave>,
    /// What counts as evidence.
    pub evidence: EvidenceRules,
}

impl Inventory {
    /// Parses and validates the text of an inventory; `origin` names it in messages.
    ///
    /// # Errors
    /// All mistakes of the text at once, each with its place.
    pub fn parse(origin: &str, source: &str) -> Result<Self, Problems> {
        let document = document::parse(origin, source)?;
        let mut problems = Vec::new();
        let span = document.span();
        let mut fields = Fields::new(document.get_ref(), span, "the inventory");
        document::format_version(&mut fields, &mut problems);
        let raw = Raw::read(fields, &LineIndex::new(source), &mut problems);
        let inventory = raw.validate(&mut problems);
        if problems.is_empty() { Ok(inventory) } else { Err(Problems::new(origin, source, problems)) }
    }

    /// The host of this name.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.named(name)
    }

    /// The jump hosts before `host`, the one nearest to the controller first.
    ///
    /// # Errors
    /// There is no route.
    pub fn route<'a>(&'a self, host: &'a Host) -> Result<Vec<Leg<'a>>, RouteError> {
        self.jumps.route(host, &self.hosts)
    }

    /// Why a host must not be reached: nobody knows how `ssh` would reach it, or one of its jump hosts.
    pub fn refusal(&self, host: &Host) -> Option<String> {
        let route = match self.route(host) {
            Ok(route) => route,
            Err(error) => return Some(error.to_string()),
        };
        let mut on_the_way = std::iter::once(host).chain(route.iter().map(|leg| leg.jump));
        on_the_way.find_map(Host::refusal).map(str::to_owned)
    }

    /// What OpenSSH's client is still to be asked about the hosts that are meant, and about their jump hosts. Answers may
    /// name further jump hosts: it is complete when nothing is left to ask.
    pub fn open_questions(&mut self, is_meant: impl Fn(&Host) -> bool) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut reached: Vec<Host> = self.hosts.iter().filter(|host| is_meant(host)).cloned().collect();
        while let Some(host) = reached.pop() {
            if !seen.insert((host.text("ssh_config").map(str::to_owned), host.name.clone())) {
                continue;
            }
            let open = host.open_questions();
            if !open.is_empty() {
                questions.extend(open);
                continue;
            }
            self.jumps.learn(&host, &self.hosts);
            let jumps = host.jumps().iter().filter_map(|text| self.jumps.get(&host, text, &self.hosts));
            reached.extend(jumps.cloned().collect::<Vec<_>>());
        }
        questions
    }

    /// Takes what OpenSSH's client answered; the inventory's own values come before it.
    pub fn answer(&mut self, answers: &BTreeMap<Question, Answer>, surroundings: Surroundings<'_>) {
        let all = self.hosts.all_mut().chain(self.jumps.all_mut());
        all.for_each(|host| host.answered(answers, surroundings));
    }

    /// Hosts that are one and the same installation, of those that are meant.
    pub fn same_installations(&self, is_meant: impl Fn(&Host) -> bool) -> Vec<SameInstallation> {
        let same = same_installations(self.hosts.iter().filter(|host| is_meant(host)));
        let name = |host: &Host| host.name.clone();
        same.map(|(host, first)| SameInstallation { host: name(host), first: name(first) }).collect()
    }

    /// The hosts a selector means, in the order of the file.
    pub fn select(&self, selector: &Selector) -> Result<Vec<&Host>, SelectorError> {
        selector.choose(&self.hosts)
    }

    /// The declared waves, or a single wave of all hosts where none is declared.
    pub fn waves_or_all(&self) -> Vec<Wave> {
        if !self.waves.is_empty() {
            return self.waves.clone();
        }
        vec![Wave {
            name: "all".to_owned(),
            hosts: self.hosts.iter().map(|host| host.name.clone()).collect(),
            gate: GateKind::Auto,
            parallel: None,
            max_failures: value::Amount::Count(0),
            soak: None,
            requires: None,
            on_failure: None,
        }]
    }
}

/// Two hosts that are one installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SameInstallation {
    /// The second one.
    pub host: String,
    /// The first one, in the order of the file.
    pub first: String,
}

struct RawHost {
    name: Located<String>,
    groups: Vec<Located<String>>,
    settings: Layer,
}

type Groups<'r> = BTreeMap<&'r str, &'r Arc<Layer>>;

struct Raw {
    defaults: Layer,
    groups: Vec<(Located<String>, Arc<Layer>)>,
    hosts: Vec<RawHost>,
    jumps: Vec<(Located<String>, Layer)>,
    waves: Vec<RawWave>,
    evidence: EvidenceRules,
    /// Names of waves that could not be read: what refers to them is no mistake of its own.
    broken_waves: BTreeSet<String>,
}

impl Raw {
    fn read(mut fields: Fields<'_, '_>, lines: &LineIndex, problems: &mut Vec<Problem>) -> Self {
        let defaults = fields
            .table("defaults", problems)
            .map(|table| read_settings(table, lines, problems))
            .unwrap_or_default();
        let mut groups = Vec::new();
        for (name, table) in fields.named_tables("groups", "group", problems) {
            check_name("group", &name, problems);
            groups.push((name, Arc::new(read_settings(table, lines, problems))));
        }
        let mut hosts = Vec::new();
        for (name, mut table) in fields.named_tables("hosts", "host", problems) {
            check_name("host", &name, problems);
            let in_groups = table.texts("groups", problems).map(|groups| groups.value).unwrap_or_default();
            hosts.push(RawHost { name, groups: in_groups, settings: read_settings(table, lines, problems) });
        }
        let mut jumps = Vec::new();
        for (name, mut table) in fields.named_tables("jumps", "jump host", problems) {
            check_name("jump host", &name, problems);
            let settings = Layer::read_only(JUMP_KEYS, &mut table, lines, problems);
            table.finish(problems);
            jumps.push((name, settings));
        }
        let mut waves = Vec::new();
        let mut broken_waves = BTreeSet::new();
        for table in fields.list_of_tables("waves", "a wave", problems) {
            match RawWave::read(table, problems) {
                Ok(wave) => waves.push(wave),
                Err(name) => broken_waves.extend(name),
            }
        }
        let evidence = fields
            .table("evidence", problems)
            .map(|table| EvidenceRules::read(table, problems))
            .unwrap_or_default();
        let place = match fields.span_of("hosts") {
            None => Some(0..0),
            Some(span) if hosts.is_empty() && problems.is_empty() => Some(span),
            Some(_) => None,
        };
        fields.finish(problems);
        if let Some(span) = place {
            problems.push(
                Problem::new(span, "the inventory has no hosts")
                    .help("add one: `[hosts.\"ixp1.example.net\"]`"),
            );
        }
        Self { defaults, groups, hosts, jumps, waves, evidence, broken_waves }
    }

    fn validate(self, problems: &mut Vec<Problem>) -> Inventory {
        let suggestions = Suggestions::new();
        let group_names: Vec<String> = self.groups.iter().map(|(name, _)| name.value.clone()).collect();
        let groups: Groups<'_> =
            self.groups.iter().map(|(name, layer)| (name.value.as_str(), layer)).collect();
        let defaults = Arc::new(self.defaults);
        let mut hosts = Vec::new();
        for raw in self.hosts {
            check_address(&raw, problems);
            let of_groups = layers(&raw, &groups, &suggestions, problems);
            let jump = raw.settings.get("jump").map(|jump| jump.span.clone());
            let host =
                Host::new(raw.name.value, raw.name.span, raw.settings, of_groups, Arc::clone(&defaults));
            jumps_over_itself(&host, jump, problems);
            hosts.push(host);
        }
        duplicate_addresses(&hosts, problems);
        check_requires(&self.waves, &self.broken_waves, &suggestions, problems);
        let hosts = Hosts::new(hosts, &group_names);
        let jumps = read_jumps(self.jumps, &defaults, &hosts, problems);
        let waves = place_hosts(&self.waves, &hosts, &suggestions, problems);
        Inventory { hosts, groups: group_names, jumps, waves, evidence: self.evidence }
    }
}

/// The settings of a host's groups, by the names that it gives.
fn layers(
    raw: &RawHost,
    known: &Groups<'_>,
    suggestions: &Suggestions,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Arc<Layer>)> {
    let mut named: BTreeMap<&str, &Located<String>> = BTreeMap::new();
    let mut layers = Vec::new();
    for group in &raw.groups {
        if let Some(first) = named.get(group.value.as_str()) {
            problems.push(
                Problem::new(group.span.clone(), format!("`{}` is named twice", group.value))
                    .related(first.span.clone(), "first time")
                    .help("remove one of them"),
            );
            continue;
        }
        named.insert(&group.value, group);
        match known.get(group.value.as_str()) {
            Some(layer) => layers.push((group.value.clone(), Arc::clone(layer))),
            None => problems.push(undefined_group(group, known, suggestions)),
        }
    }
    layers
}

fn check_address(raw: &RawHost, problems: &mut Vec<Problem>) {
    let name = &raw.name;
    if raw.settings.get("address").is_none()
        && value::name(&name.value).is_ok()
        && let Err(refusal) = value::address(&name.value)
    {
        let message = format!("`{}` has no `address`, and its name {}", name.value, refusal.why);
        problems.push(Problem::new(name.span.clone(), message).maybe_help(refusal.help));
    }
}

fn read_settings(mut table: Fields<'_, '_>, lines: &LineIndex, problems: &mut Vec<Problem>) -> Layer {
    let layer = Layer::read(&mut table, lines, problems);
    table.finish(problems);
    layer
}

fn check_name(what: &str, name: &Located<String>, problems: &mut Vec<Problem>) {
    if let Err(refusal) = value::name(&name.value) {
        let message = format!("{what} `{}` {}", name.value.escape_debug(), refusal.why);
        problems.push(Problem::new(name.span.clone(), message).maybe_help(refusal.help));
    }
}

fn undefined_group(group: &Located<String>, known: &Groups<'_>, suggestions: &Suggestions) -> Problem {
    let nearest = suggestions.nearest(&group.value, known.keys().copied());
    Problem::new(group.span.clone(), format!("there is no group `{}`", group.value))
        .label("undefined group")
        .help(format!("declare it: `[groups.{}]`", group.value))
        .maybe_help(nearest.map(|name| format!("did you mean `{name}`?")))
}

/// A host cannot be its own way. `jump` is where the host itself names its jump hosts.
fn jumps_over_itself(host: &Host, jump: Option<Range<usize>>, problems: &mut Vec<Problem>) {
    if host.list("jump").contains(&host.name) {
        problems.push(
            Problem::new(
                jump.unwrap_or_else(|| host.span.clone()),
                format!("`{}` is its own jump host", host.name),
            )
            .help("name the hosts in front of it, the first one nearest to the controller"),
        );
    }
}

/// Addresses that are written in different ways may be the same.
fn canonical(address: &str) -> String {
    address
        .parse::<std::net::IpAddr>()
        .map_or_else(|_| address.to_ascii_lowercase(), |address| address.to_string())
}

/// The jump hosts, if each name means one thing and none leads back to itself.
fn read_jumps(
    raws: Vec<(Located<String>, Layer)>,
    defaults: &Layer,
    hosts: &Hosts,
    problems: &mut Vec<Problem>,
) -> Jumps {
    let defaults = Arc::new(defaults.only(&["ssh_config"]));
    let mut named = Vec::new();
    for (name, layer) in raws {
        if let Some(host) = hosts.named(&name.value) {
            problems.push(
                Problem::new(name.span.clone(), format!("`{}` is a host and a jump host", name.value))
                    .label("second meaning of the name")
                    .related(host.span.clone(), "the host")
                    .help("remove it here: a host can be a jump host of other hosts"),
            );
        }
        named.push(Host::of_jump(name.value, name.span, layer, Arc::clone(&defaults)));
    }
    let mut jumps = Jumps::new(named);
    let mut circles = BTreeSet::new();
    for host in hosts {
        jumps.learn(host, hosts);
        if host.list("jump").contains(&host.name) {
            continue;
        }
        if let Err(error) = jumps.route(host, hosts) {
            // All hosts behind one circle have the same mistake.
            let mut members = match &error {
                RouteError::Circle(circle) => circle.clone(),
                RouteError::Unreadable(text) => vec![text.clone()],
            };
            members.sort_unstable();
            members.dedup();
            members.retain(|name| *name != host.name);
            if circles.insert(members) {
                problems.push(
                    Problem::new(host.span.clone(), error.to_string())
                        .help("a jump host is reached directly, or through others that are not behind it"),
                );
            }
        }
    }
    jumps
}

/// Hosts that have the address, port, route and folder of an earlier one; each with that one.
fn same_installations<'h>(
    hosts: impl Iterator<Item = &'h Host>,
) -> impl Iterator<Item = (&'h Host, &'h Host)> {
    let mut seen: BTreeMap<_, &Host> = BTreeMap::new();
    hosts.filter_map(move |host| {
        let route = (host.jumps(), host.proxy_command(""));
        let key = (canonical(host.address()), host.port(), route, host.text("ixp_root"));
        if let Some(first) = seen.get(&key) {
            return Some((host, *first));
        }
        seen.insert(key, host);
        None
    })
}

/// Two names for one installation would be upgraded twice at the same time.
fn duplicate_addresses(hosts: &[Host], problems: &mut Vec<Problem>) {
    for (host, first) in same_installations(hosts.iter()) {
        let (address, port) = (canonical(host.address()), host.port());
        problems.push(
            Problem::new(
                host.span.clone(),
                format!("`{}` has the same address as `{}`: {address}, port {port}", host.name, first.name),
            )
            .label("second name for one host")
            .related(first.span.clone(), "first one")
            .help("remove one of them, or give them different addresses"),
        );
    }
}

fn place_hosts(
    raws: &[RawWave],
    hosts: &Hosts,
    suggestions: &Suggestions,
    problems: &mut Vec<Problem>,
) -> Vec<Wave> {
    let mut names: BTreeMap<&str, &RawWave> = BTreeMap::new();
    let mut placed: BTreeSet<&str> = BTreeSet::new();
    let mut waves: Vec<Wave> = Vec::new();
    for raw in raws {
        let name = &raw.name.value;
        if let Some(first) = names.get(name.as_str()) {
            problems.push(
                Problem::new(raw.name.span.clone(), format!("there are two waves named `{name}`"))
                    .related(first.name.span.clone(), "first one"),
            );
        } else {
            names.insert(name, raw);
        }
        let chosen = match raw.selector.choose_all(hosts, suggestions) {
            Ok(chosen) => chosen,
            Err(errors) => {
                problems.extend(errors.into_iter().map(|error| {
                    Problem::new(raw.hosts.span.clone(), error.message)
                        .help("a selector is made of `name`, `glob-*`, `@group` and `!not-this`")
                        .maybe_help(error.help)
                }));
                continue;
            }
        };
        let mut free: Vec<&str> =
            chosen.iter().map(|host| host.name.as_str()).filter(|name| !placed.contains(name)).collect();
        if free.is_empty() {
            problems.push(
                Problem::new(raw.hosts.span.clone(), format!("wave `{name}` has no hosts left"))
                    .label("all of these are in earlier waves")
                    .help("remove the wave, or take hosts out of an earlier one"),
            );
            continue;
        }
        if let Some(size) = &raw.size {
            free.truncate(size.value.of(free.len()).max(1));
        }
        placed.extend(&free);
        waves.push(raw.with_hosts(&free));
    }
    waves
}

/// A wave requires an earlier one.
fn check_requires(
    raws: &[RawWave],
    broken: &BTreeSet<String>,
    suggestions: &Suggestions,
    problems: &mut Vec<Problem>,
) {
    let names: Vec<&str> = raws.iter().map(|raw| raw.name.value.as_str()).collect();
    let mut earlier: BTreeSet<&str> = BTreeSet::new();
    for (index, raw) in raws.iter().enumerate() {
        if let Some(requires) = &raw.requires
            && !earlier.contains(requires.value.as_str())
            && !broken.contains(&requires.value)
        {
            problems.push(
                Problem::new(
                    requires.span.clone(),
                    format!(
                        "wave `{}` requires `{}`, which is no earlier wave",
                        raw.name.value, requires.value
                    ),
                )
                .label("no wave of this name comes before")
                .help("declare that wave before this one")
                .maybe_help(suggestions.help(&requires.value, names.iter().take(index).copied())),
            );
        }
        earlier.insert(&raw.name.value);
    }
}
