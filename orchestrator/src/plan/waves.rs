//! Which of the inventory's waves a run is about.

use ixporch_inventory::value::Amount;
use ixporch_inventory::{GateKind, Inventory, Wave};

use super::PlanError;

/// Which waves are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WaveSelection {
    /// All of them.
    #[default]
    All,
    /// Waves do not matter: all hosts at once, and however many fail, the others go on. For what changes nothing.
    Ignored,
    /// Only this one.
    Only(String),
    /// From the first to the second, both among them.
    Range(Option<String>, Option<String>),
}

/// The waves that are meant, in the inventory's order.
///
/// # Errors
/// A wave is named that the inventory does not declare, or the last stands before the first.
pub fn waves(inventory: &Inventory, selection: &WaveSelection) -> Result<Vec<Wave>, PlanError> {
    let all = inventory.waves_or_all();
    let place = |name: &String| {
        let declared = !inventory.waves.is_empty();
        all.iter().position(|wave| declared && wave.name == *name).ok_or_else(|| PlanError::Wave {
            name: name.clone(),
            known: inventory.waves.iter().map(|wave| wave.name.clone()).collect(),
        })
    };
    let (first, last) = match selection {
        WaveSelection::All => return Ok(all),
        WaveSelection::Ignored => return Ok(vec![everybody(inventory)]),
        WaveSelection::Only(name) => {
            let place = place(name)?;
            (place, place)
        }
        WaveSelection::Range(from, until) => (
            from.as_ref().map_or(Ok(0), place)?,
            until.as_ref().map_or(Ok(all.len().saturating_sub(1)), place)?,
        ),
    };
    if first > last {
        let name = |selected: &Option<String>| selected.clone().unwrap_or_default();
        let WaveSelection::Range(from, until) = selection else { return Ok(Vec::new()) };
        return Err(PlanError::WavesBackwards { from: name(from), until: name(until) });
    }
    Ok(all.into_iter().skip(first).take(last - first + 1).collect())
}

/// All hosts in one wave.
fn everybody(inventory: &Inventory) -> Wave {
    Wave {
        name: "all".to_owned(),
        hosts: inventory.hosts.iter().map(|host| host.name.clone()).collect(),
        gate: GateKind::Auto,
        parallel: None,
        max_failures: Amount::Percent(100),
        soak: None,
        requires: None,
        on_failure: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(selection: &WaveSelection) -> Result<Vec<String>, PlanError> {
        let text = "format = 1\n[hosts.a]\n[hosts.b]\n[hosts.c]\n[[waves]]\nname = \"staging\"\nhosts = \"a\"\n\
                    [[waves]]\nname = \"canary\"\nhosts = \"b\"\n[[waves]]\nname = \"prod\"\nhosts = \"c\"\n";
        let inventory = Inventory::parse("test", text).unwrap();
        waves(&inventory, selection).map(|waves| waves.into_iter().map(|wave| wave.name).collect())
    }

    #[test]
    fn waves_are_chosen_by_name_or_by_their_ends() {
        let name = |name: &str| Some(name.to_owned());
        let names = |names: &[&str]| Ok(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(chosen(&WaveSelection::All), names(&["staging", "canary", "prod"]));
        assert_eq!(chosen(&WaveSelection::Only("canary".to_owned())), names(&["canary"]));
        assert_eq!(chosen(&WaveSelection::Range(name("canary"), None)), names(&["canary", "prod"]));
        assert_eq!(chosen(&WaveSelection::Range(None, name("canary"))), names(&["staging", "canary"]));
        assert!(matches!(chosen(&WaveSelection::Only("cnary".to_owned())), Err(PlanError::Wave { .. })));
        let backwards = chosen(&WaveSelection::Range(name("prod"), name("canary")));
        assert!(matches!(backwards, Err(PlanError::WavesBackwards { .. })));
    }
}
