//! The written form of a plan: every script once, in the table `scripts`, by its digest; every step once, in `steps`.
//!
//! Owns that form in both directions. Plans of older journals have no tables: their scripts stand in the steps.

use std::collections::{BTreeMap, HashMap};

use serde::ser::Error;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::step_table::{StepTable, read_wave};
use super::{Argument, HostAction, HostPlan, Plan, PlannedStep};
use crate::preflight::PreflightPolicy;
use crate::script::Script;

/// Why a plan cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum PlanFormError {
    /// A step refers to a script that the table does not have.
    #[error("step `{step}` of host `{host}` runs script {digest}, which the plan does not contain")]
    UnknownScript {
        /// The host.
        host: String,
        /// The step.
        step: String,
        /// The digest.
        digest: String,
    },
    /// A host refers to a step that the table does not have.
    #[error("the plan does not contain step `{name}`, which a host refers to")]
    UnknownStep {
        /// The name.
        name: String,
    },
    /// A wave is none.
    #[error(transparent)]
    Wave(#[from] serde_json::Error),
    /// A text is not the one that its digest is of.
    #[error("the text of script {digest} does not match its digest")]
    Altered {
        /// The digest in the table.
        digest: String,
    },
}

/// A plan as it is written.
#[derive(Serialize)]
struct Written<'p> {
    format: u32,
    procedure: &'p str,
    procedure_digest: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'p str>,
    preflight_policy: &'p PreflightPolicy,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    scripts: BTreeMap<&'p str, &'p str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    steps: BTreeMap<String, Value>,
    waves: Vec<Value>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unplaced: &'p [String],
}

/// A plan as it is read, with references instead of scripts and names instead of steps.
#[derive(Deserialize)]
pub(super) struct Read {
    format: u32,
    procedure: String,
    procedure_digest: String,
    target: Option<String>,
    // Plans of older journals call it `rigour`.
    #[serde(default, alias = "rigour")]
    preflight_policy: PreflightPolicy,
    #[serde(default)]
    scripts: BTreeMap<String, String>,
    #[serde(default)]
    steps: BTreeMap<String, Value>,
    waves: Vec<Value>,
    #[serde(default)]
    unplaced: Vec<String>,
}

impl Serialize for Plan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { format, procedure, procedure_digest, target, preflight_policy, waves, unplaced } = self;
        let mut table = StepTable::default();
        let waves: Result<Vec<Value>, _> = waves.iter().map(|wave| table.wave(wave)).collect();
        let written = Written {
            format: *format,
            procedure,
            procedure_digest,
            target: target.as_deref(),
            preflight_policy,
            scripts: self.hosts().flat_map(|(_, host)| host.scripts()).collect(),
            steps: table.into_steps(),
            waves: waves.map_err(S::Error::custom)?,
            unplaced,
        };
        written.serialize(serializer)
    }
}

impl TryFrom<Read> for Plan {
    type Error = PlanFormError;

    fn try_from(read: Read) -> Result<Self, PlanFormError> {
        let waves: Result<_, _> = read.waves.into_iter().map(|wave| read_wave(wave, &read.steps)).collect();
        let mut plan = Self {
            format: read.format,
            procedure: read.procedure,
            procedure_digest: read.procedure_digest,
            target: read.target,
            preflight_policy: read.preflight_policy,
            waves: waves?,
            unplaced: read.unplaced,
        };
        let mut table = Table::new(read.scripts)?;
        for host in plan.waves.iter_mut().flat_map(|wave| &mut wave.hosts) {
            table.resolve(host)?;
        }
        Ok(plan)
    }
}

impl HostPlan {
    /// The scripts that its steps refer to when it is written without its plan, by their digests.
    pub fn scripts(&self) -> BTreeMap<&str, &str> {
        let steps = self.steps().iter().chain(&self.back).chain(&self.health).chain(&self.payers);
        let arguments = steps.flat_map(|step| &step.command.argv);
        arguments.filter_map(Argument::as_script).map(|script| (script.digest(), script.text())).collect()
    }

    fn steps_mut(&mut self) -> impl Iterator<Item = &mut PlannedStep> {
        let steps: &mut [PlannedStep] = match &mut self.action {
            HostAction::Steps(steps) => steps,
            HostAction::Current | HostAction::Unreachable(_) | HostAction::PlannedLater => &mut [],
        };
        steps.iter_mut().chain(&mut self.back).chain(&mut self.health).chain(&mut self.payers)
    }
}

/// The scripts of a plan that is being read.
struct Table {
    by_digest: BTreeMap<String, Script>,
    /// Those that stood in steps.
    by_text: HashMap<String, Script>,
}

impl Table {
    fn new(scripts: BTreeMap<String, String>) -> Result<Self, PlanFormError> {
        let checked = scripts.into_iter().map(|(digest, text)| {
            let script = Script::new(text);
            if script.digest() == digest {
                Ok((digest, script))
            } else {
                Err(PlanFormError::Altered { digest })
            }
        });
        Ok(Self { by_digest: checked.collect::<Result<_, _>>()?, by_text: HashMap::new() })
    }

    /// Gives the steps of a host their scripts.
    fn resolve(&mut self, host: &mut HostPlan) -> Result<(), PlanFormError> {
        let name = host.host.clone();
        for step in host.steps_mut() {
            for argument in &mut step.command.argv {
                if let Some(digest) = argument.reference() {
                    let script = self.by_digest.get(digest).cloned();
                    *argument = script.map(Argument::from).ok_or_else(|| PlanFormError::UnknownScript {
                        host: name.clone(),
                        step: step.id.clone(),
                        digest: digest.to_owned(),
                    })?;
                } else if argument.is_to_be_shared() {
                    *argument = Argument::from(self.share(argument));
                }
            }
        }
        Ok(())
    }

    fn share(&mut self, text: &str) -> Script {
        if let Some(known) = self.by_text.get(text) {
            return known.clone();
        }
        let script = Script::new(text.to_owned());
        self.by_text.insert(text.to_owned(), script.clone());
        script
    }
}

#[cfg(test)]
mod tests;
