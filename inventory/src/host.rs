//! A host with its settings, each knowing where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::policy::{Become, FailurePolicy, SchemaApproval};
use crate::setting::{self, Layer, SPECS, Set, Value};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "from", content = "name")]
pub enum Source {
    /// The host's own table.
    Host,
    /// The group of this name.
    Group(String),
    /// `[defaults]`.
    Defaults,
    /// ixporch itself.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Defaults => f.write_str("defaults"),
            Self::BuiltIn => f.write_str("built-in"),
        }
    }
}

/// Where the inventory sets a value.
enum Place<'h> {
    Host,
    Group(&'h str),
    Defaults,
}

/// A value with its provenance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The value that counts.
    pub value: Value,
    /// Who set it.
    #[serde(flatten)]
    pub source: Source,
    /// The line of the inventory (from 1), where a line set it.
    pub line: Option<usize>,
}

/// One IXP Manager installation reached over SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the inventory.
    pub name: String,
    /// Its groups, in the order in which they were given.
    pub groups: Vec<String>,
    /// Where its name stands in the inventory.
    pub span: Range<usize>,
    own: Layer,
    /// What its groups set, in their order; hosts of a group share it.
    of_groups: Vec<Arc<Layer>>,
    defaults: Arc<Layer>,
}

impl Host {
    /// A host with the places that may set its values.
    pub(crate) fn new(
        name: String,
        span: Range<usize>,
        own: Layer,
        groups: Vec<(String, Arc<Layer>)>,
        defaults: Arc<Layer>,
    ) -> Self {
        let (groups, of_groups) = groups.into_iter().unzip();
        Self { name, groups, span, own, of_groups, defaults }
    }

    /// All values with their provenance, by key; settings without any value are absent.
    pub fn values(&self) -> BTreeMap<&'static str, Resolved> {
        SPECS.iter().filter_map(|spec| Some((spec.key, self.resolve(spec.key)?))).collect()
    }

    fn resolve(&self, key: &str) -> Option<Resolved> {
        if let Some((set, source)) = self.set(key) {
            let source = match source {
                Place::Host => Source::Host,
                Place::Group(name) => Source::Group(name.to_owned()),
                Place::Defaults => Source::Defaults,
            };
            return Some(Resolved { value: set.value.clone(), source, line: Some(set.line) });
        }
        let value = setting::built_in(key)?.clone();
        Some(Resolved { value, source: Source::BuiltIn, line: None })
    }

    /// The value that the inventory sets: host > later group > earlier group > defaults.
    fn set(&self, key: &str) -> Option<(&Set, Place<'_>)> {
        let groups = self.groups.iter().map(|name| Place::Group(name)).zip(&self.of_groups);
        std::iter::once((Place::Host, &self.own))
            .chain(groups.rev().map(|(place, layer)| (place, layer.as_ref())))
            .chain(std::iter::once((Place::Defaults, self.defaults.as_ref())))
            .find_map(|(place, layer)| Some((layer.get(key)?, place)))
    }

    /// Where to connect to: `address`, else the host's name.
    pub fn address(&self) -> &str {
        self.text("address").unwrap_or(&self.name)
    }

    /// The port of the SSH server.
    pub fn port(&self) -> u16 {
        match self.value("port") {
            Some(Value::Number(port)) => u16::try_from(*port).unwrap_or(22),
            _ => 22,
        }
    }

    /// Who logs in; `None` means the user who runs ixporch.
    pub fn user(&self) -> Option<&str> {
        self.text("user")
    }

    /// A setting that is a single text, where it has a value.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.value(key) {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// A setting that is a list; empty where it has no value.
    pub fn list(&self, key: &str) -> &[String] {
        match self.value(key) {
            Some(Value::List(items)) => items,
            _ => &[],
        }
    }

    /// A setting that is a length of time.
    pub fn time(&self, key: &str) -> Option<Duration> {
        match self.value(key) {
            Some(Value::Time(time)) => Some(*time),
            _ => None,
        }
    }

    /// A setting that is a number.
    pub fn number(&self, key: &str) -> Option<u32> {
        match self.value(key) {
            Some(Value::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// The folder of its own backups on the host.
    pub fn backup_dir(&self) -> String {
        format!("{}/{}", self.text("backup_dir").unwrap_or_default().trim_end_matches('/'), self.name)
    }

    /// How a step is run as another user.
    pub fn become_method(&self) -> Become {
        if self.text("become") == Some("none") { Become::None } else { Become::Sudo }
    }

    /// Whether it is an installation for developing or testing IXP Manager.
    pub fn is_development(&self) -> bool {
        matches!(self.value("development"), Some(Value::Flag(true)))
    }

    /// What happens after a failed step.
    pub fn on_failure(&self) -> FailurePolicy {
        self.text("on_failure").map_or(FailurePolicy::WhileClosed, FailurePolicy::of_word)
    }

    /// Who lets pending schema changes through.
    pub fn schema_approval(&self) -> SchemaApproval {
        match self.text("schema_approval") {
            Some("any") => SchemaApproval::Any,
            Some("additive") => SchemaApproval::Additive,
            _ => SchemaApproval::Review,
        }
    }

    fn value(&self, key: &str) -> Option<&Value> {
        self.set(key).map(|(set, _)| &set.value).or_else(|| setting::built_in(key))
    }
}
