//! Waves as the inventory declares them: which hosts, in which order, behind which gate.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::document::{Fields, Located};
use crate::policy::FailurePolicy;
use crate::problem::Problem;
use crate::selector::Selector;
use crate::value::{self, Amount};

/// What stands before a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateKind {
    /// It starts when the wave before it has ended well enough.
    #[default]
    Auto,
    /// A person is asked.
    Confirm,
    /// It never starts by itself.
    Hold,
}

/// A wave: the hosts that may be upgraded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// Its name.
    pub name: String,
    /// Names of its hosts, in the inventory's order.
    pub hosts: Vec<String>,
    /// Gate before it.
    pub gate: GateKind,
    /// How many of its hosts may run at once; `None`: as many as `--forks` allows.
    pub parallel: Option<u32>,
    /// How many of its hosts may fail before nothing further starts.
    pub max_failures: Amount,
    /// How long its upgraded hosts are watched before the next wave may start.
    pub soak: Option<Duration>,
    /// The earlier wave whose evidence it demands.
    pub requires: Option<String>,
    /// What happens on its hosts after a failed step; `None`: what each host says.
    pub on_failure: Option<FailurePolicy>,
}

/// A wave as it was read, before its hosts are known.
#[derive(Debug)]
pub(crate) struct RawWave {
    pub(crate) name: Located<String>,
    pub(crate) hosts: Located<String>,
    pub(crate) selector: Selector,
    pub(crate) size: Option<Located<Amount>>,
    pub(crate) gate: GateKind,
    pub(crate) parallel: Option<u32>,
    pub(crate) max_failures: Amount,
    pub(crate) soak: Option<Duration>,
    pub(crate) requires: Option<Located<String>>,
    pub(crate) on_failure: Option<FailurePolicy>,
}

/// The keys of a wave with what each is for, for the JSON Schema and the book.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("name", "The wave's name."),
    ("hosts", "A selector: `name`, `glob-*`, `@group`, `!not-this`, between commas."),
    ("count", "Only so many of the selected hosts that are not yet in an earlier wave."),
    ("percent", "Only this percentage of them, at least one host."),
    ("parallel", "How many hosts of the wave may run at once."),
    (
        "max_failures",
        "How many hosts may fail (a number, or a share such as \"10%\") before nothing further starts.",
    ),
    (
        "gate",
        "What the wave needs to start: `auto` nothing, `confirm` a person who confirms it, `hold` an approval.",
    ),
    ("soak", "How long the upgraded hosts are watched before the next wave."),
    ("requires", "The earlier wave; this wave requires its evidence."),
    (
        "on_failure",
        "What happens on its hosts after a failed step, whatever their own settings say: `rollback` or `stop`.",
    ),
];

impl RawWave {
    /// Reads a wave; one that cannot be read gives its name, where it has one.
    pub(crate) fn read(
        mut fields: Fields<'_, '_>,
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Option<String>> {
        let name = fields.required_text("name", problems).filter(|name| match value::name(&name.value) {
            Ok(()) => true,
            Err(refusal) => {
                let message = format!("wave `{}` {}", name.value.escape_debug(), refusal.why);
                problems.push(Problem::new(name.span.clone(), message).maybe_help(refusal.help));
                false
            }
        });
        let hosts = fields.required_text("hosts", problems);
        let selector = hosts.as_ref().and_then(|hosts| match Selector::parse(&hosts.value) {
            Ok(selector) => Some(selector),
            Err(error) => {
                problems.push(Problem::new(hosts.span.clone(), error.message).maybe_help(error.help));
                None
            }
        });
        let size = read_size(&mut fields, problems);
        let parallel = fields.number("parallel", 1..=u32::MAX, problems).map(|parallel| parallel.value);
        let max_failures = read_max_failures(&mut fields, problems);
        let gate = read_gate(&mut fields, problems);
        let soak = fields.text("soak", problems).and_then(|soak| match value::parse_time(&soak.value) {
            Ok(time) => Some(time),
            Err(refusal) => {
                problems.push(
                    Problem::new(soak.span, format!("`soak` is not a length of time: {refusal}"))
                        .help("write it like `10m`"),
                );
                None
            }
        });
        let requires = fields.text("requires", problems);
        let on_failure = read_on_failure(&mut fields, problems);
        fields.finish(problems);
        let (Some(name), Some(hosts), Some(selector)) = (name.clone(), hosts, selector) else {
            return Err(name.map(|name| name.value));
        };
        Ok(Self { name, hosts, selector, size, gate, parallel, max_failures, soak, requires, on_failure })
    }

    /// The wave, once its hosts are known.
    pub(crate) fn with_hosts(&self, hosts: &[&str]) -> Wave {
        Wave {
            name: self.name.value.clone(),
            hosts: hosts.iter().map(|name| (*name).to_owned()).collect(),
            gate: self.gate,
            parallel: self.parallel,
            max_failures: self.max_failures,
            soak: self.soak,
            requires: self.requires.as_ref().map(|requires| requires.value.clone()),
            on_failure: self.on_failure,
        }
    }
}

fn read_size(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<Located<Amount>> {
    let count = fields.number("count", 1..=u32::MAX, problems);
    let percent = fields.number("percent", 1..=100, problems);
    match (count, percent) {
        (Some(count), Some(percent)) => {
            problems.push(
                Problem::new(percent.span, "a wave has either `count` or `percent`")
                    .related(count.span, "`count` is here")
                    .help("remove one of them"),
            );
            None
        }
        (Some(count), None) => Some(count.map(Amount::Count)),
        (None, Some(percent)) => Some(percent.map(Amount::Percent)),
        (None, None) => None,
    }
}

fn read_max_failures(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Amount {
    let none = Amount::Count(0);
    let Some(raw) = fields.raw("max_failures") else { return none };
    if raw.get_ref().is_str() {
        let Some(text) = fields.text("max_failures", problems) else { return none };
        return match value::parse_percent(&text.value) {
            Ok(percent) => Amount::Percent(percent),
            Err(refusal) => {
                let message = format!("`max_failures` {}", refusal.why);
                problems.push(Problem::new(text.span, message).maybe_help(refusal.help));
                none
            }
        };
    }
    fields.number("max_failures", 0..=u32::MAX, problems).map_or(none, |count| Amount::Count(count.value))
}

fn read_on_failure(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> Option<FailurePolicy> {
    let word = fields.text("on_failure", problems)?;
    if let Err(refusal) = value::choice(&word.value, FailurePolicy::WORDS) {
        let message = format!("`on_failure` {}", refusal.why);
        problems.push(Problem::new(word.span, message).maybe_help(refusal.help));
        return None;
    }
    Some(FailurePolicy::of_word(&word.value))
}

fn read_gate(fields: &mut Fields<'_, '_>, problems: &mut Vec<Problem>) -> GateKind {
    let Some(gate) = fields.text("gate", problems) else { return GateKind::Auto };
    match gate.value.as_str() {
        "auto" => GateKind::Auto,
        "confirm" => GateKind::Confirm,
        "hold" => GateKind::Hold,
        other => {
            if let Err(refusal) = value::choice(other, &["auto", "confirm", "hold"]) {
                problems.push(
                    Problem::new(gate.span, format!("`gate` {}", refusal.why)).maybe_help(refusal.help),
                );
            }
            GateKind::Auto
        }
    }
}
