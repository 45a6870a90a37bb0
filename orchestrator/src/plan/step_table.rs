//! The table of steps in a written plan: every distinct step once, by a name, which the hosts refer to.
//!
//! Owns the names: the id of the step, and `ID.2`, `ID.3` for steps of one id which differ between hosts. An id has no dot.
//! Plans of older journals have no table; their steps stand in the hosts.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{PlanFormError, PlannedWave};

/// The fields of a host that are lists of steps, besides its action.
const LISTS: [&str; 3] = ["back", "health", "payers"];

/// The steps of a plan that is being written.
#[derive(Default)]
pub(super) struct StepTable {
    /// The names by the written step.
    names: HashMap<String, String>,
    /// How many steps there are of an id.
    variants: HashMap<String, usize>,
    steps: BTreeMap<String, Value>,
}

impl StepTable {
    /// Writes a wave with names instead of steps.
    pub(super) fn wave(&mut self, wave: &PlannedWave) -> Result<Value, serde_json::Error> {
        let mut written = serde_json::to_value(wave)?;
        for step in steps_of(&mut written) {
            let name = self.name(step.take());
            *step = Value::String(name);
        }
        Ok(written)
    }

    /// The table itself.
    pub(super) fn into_steps(self) -> BTreeMap<String, Value> {
        self.steps
    }

    fn name(&mut self, step: Value) -> String {
        let written = step.to_string();
        if let Some(known) = self.names.get(&written) {
            return known.clone();
        }
        let id = step.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let variant = self.variants.entry(id.clone()).or_default();
        *variant += 1;
        let name = if *variant == 1 { id } else { format!("{id}.{variant}") };
        self.names.insert(written, name.clone());
        self.steps.insert(name.clone(), step);
        name
    }
}

/// Reads a wave, with steps of the table wherever it has names.
pub(super) fn read_wave(
    mut wave: Value,
    table: &BTreeMap<String, Value>,
) -> Result<PlannedWave, PlanFormError> {
    for step in steps_of(&mut wave) {
        if let Value::String(name) = step {
            let known = table.get(name).cloned();
            *step = known.ok_or_else(|| PlanFormError::UnknownStep { name: name.clone() })?;
        }
    }
    Ok(serde_json::from_value(wave)?)
}

/// The steps in a written wave, or the names in their places.
fn steps_of(wave: &mut Value) -> impl Iterator<Item = &mut Value> {
    let hosts = wave.get_mut("hosts").and_then(Value::as_array_mut).into_iter().flatten();
    let fields = hosts.filter_map(Value::as_object_mut).flat_map(Map::iter_mut);
    let lists = fields.filter_map(|(field, value)| match field.as_str() {
        "action" => value.get_mut("steps"),
        field => LISTS.contains(&field).then_some(value),
    });
    lists.filter_map(Value::as_array_mut).flatten()
}
