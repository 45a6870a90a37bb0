//! A host with its settings, each knowing where it came from.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::openssh::{Answer, Answered, Asked, Question, Surroundings, expand};
use crate::policy::{Become, FailurePolicy, RootBy, SchemaApproval};
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
    /// The settings of OpenSSH's client, in these files.
    OpenSsh(String),
    /// ixporch itself.
    BuiltIn,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("host"),
            Self::Group(name) => write!(f, "group {name}"),
            Self::Defaults => f.write_str("defaults"),
            Self::OpenSsh(files) => f.write_str(files),
            Self::BuiltIn => f.write_str("built-in"),
        }
    }
}

/// Where the inventory sets a value.
enum Place<'h> {
    Host,
    Group(&'h str),
    Defaults,
    OpenSsh(&'h str),
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
    /// What OpenSSH's client calls it, if that is not its name.
    called: Option<String>,
    openssh: Option<Arc<Answered>>,
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
        Self { name, groups, span, own, of_groups, defaults, called: None, openssh: None }
    }

    /// A jump host: it has no groups.
    pub(crate) fn of_jump(name: String, span: Range<usize>, own: Layer, defaults: Arc<Layer>) -> Self {
        Self::new(name, span, own, Vec::new(), defaults)
    }

    /// The same host by another name for OpenSSH's client.
    pub(crate) fn called(self, called: String) -> Self {
        Self { called: Some(called), ..self }
    }

    /// What OpenSSH's client is to be asked about it; nothing if it was asked, or must not be. It is asked by the name, and
    /// by the address that the inventory has: people type either.
    pub(crate) fn open_questions(&self) -> Vec<Question> {
        let config = self.text("ssh_config");
        if self.openssh.is_some() || config == Some("none") {
            return Vec::new();
        }
        let by_name = Question {
            host: self.called.clone().unwrap_or_else(|| self.name.clone()),
            config: config.map(str::to_owned),
            address: self.text("address").map(str::to_owned),
            port: self.sets("port").then(|| self.port()),
            user: self.user().map(str::to_owned),
        };
        let other = by_name.address.clone().filter(|address| !address.eq_ignore_ascii_case(&by_name.host));
        let by_address = other.map(|host| Question { host, address: None, ..by_name.clone() });
        std::iter::once(by_name).chain(by_address).collect()
    }

    /// Takes what OpenSSH's client answered, if all questions were asked; the inventory's own values come before it.
    pub(crate) fn answered(&mut self, answers: &BTreeMap<Question, Answer>, surroundings: Surroundings<'_>) {
        let questions = self.open_questions();
        let answers: Option<Vec<&Answer>> = questions.iter().map(|question| answers.get(question)).collect();
        if let (Some(answers), Some(by_name)) = (answers, questions.first()) {
            let asked = Asked {
                called: &by_name.host,
                address: by_name.address.as_deref(),
                port: by_name.port,
                user: by_name.user.as_deref(),
            };
            self.openssh = Some(Arc::new(Answered::of(&answers, asked, surroundings)));
        }
    }

    /// Whether all is known that says where it is; OpenSSH's client may not have been asked about it.
    pub fn is_complete(&self) -> bool {
        self.open_questions().is_empty()
    }

    /// Why OpenSSH's client did not tell its settings.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.openssh.as_ref()?.refusal.as_deref()
    }

    /// Whether the inventory or OpenSSH's settings have a value for `key`.
    pub fn sets(&self, key: &str) -> bool {
        self.set(key).is_some()
    }

    /// Whether the inventory has a value for `key`.
    pub fn is_set_by_inventory(&self, key: &str) -> bool {
        self.set(key).is_some_and(|(_, place)| !matches!(place, Place::OpenSsh(_)))
    }

    /// The jump hosts before it, as they are written; none if `proxy_command` is set by a place that comes first.
    pub fn jumps(&self) -> &[String] {
        if self.rank("proxy_command") < self.rank("jump") { &[] } else { self.list("jump") }
    }

    /// The command that leads to its SSH server, unless `jump` is set by a place that comes first, or by the same one.
    /// `local_user` is who runs ixporch.
    pub fn proxy_command(&self, local_user: &str) -> Option<String> {
        let (set, place) = self.set("proxy_command")?;
        let Value::Text(command) = &set.value else { return None };
        if command == "none" || self.rank("jump") <= self.rank("proxy_command") {
            return None;
        }
        // OpenSSH's settings come with their tokens expanded.
        if matches!(place, Place::OpenSsh(_)) {
            return Some(command.clone());
        }
        Some(expand(command, |token| match token {
            'h' => Some(self.address().to_owned()),
            'n' => Some(self.name.clone()),
            'p' => Some(self.port().to_string()),
            'r' => Some(self.user().unwrap_or(local_user).to_owned()),
            'u' => Some(local_user.to_owned()),
            _ => None,
        }))
    }

    /// How early the place comes that sets `key`; what is not set comes last.
    fn rank(&self, key: &str) -> usize {
        self.places().position(|(_, layer)| layer.get(key).is_some()).unwrap_or(usize::MAX)
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
                Place::OpenSsh(files) => Source::OpenSsh(files.to_owned()),
            };
            let line = (set.line > 0).then_some(set.line);
            return Some(Resolved { value: set.value.clone(), source, line });
        }
        let value = setting::built_in(key)?.clone();
        Some(Resolved { value, source: Source::BuiltIn, line: None })
    }

    /// The value that is set: host > later group > earlier group > defaults > OpenSSH's settings.
    fn set(&self, key: &str) -> Option<(&Set, Place<'_>)> {
        self.places().find_map(|(place, layer)| Some((layer.get(key)?, place)))
    }

    /// All places that may set values, in the order of their precedence.
    fn places(&self) -> impl Iterator<Item = (Place<'_>, &Layer)> {
        let groups = self.groups.iter().map(|name| Place::Group(name)).zip(&self.of_groups);
        std::iter::once((Place::Host, &self.own))
            .chain(groups.rev().map(|(place, layer)| (place, layer.as_ref())))
            .chain(std::iter::once((Place::Defaults, self.defaults.as_ref())))
            .chain(self.openssh.iter().map(|settings| (Place::OpenSsh(&settings.files), &settings.values)))
    }

    /// Where to connect to: `address`, else the host's name.
    pub fn address(&self) -> &str {
        // An address may be a name for which OpenSSH knows another one.
        let resolved = self.openssh.as_ref().and_then(|settings| settings.address.as_deref());
        resolved.or_else(|| self.text("address")).or(self.called.as_deref()).unwrap_or(&self.name)
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

    /// A setting that is `true` or `false`.
    pub fn flag(&self, key: &str) -> bool {
        matches!(self.value(key), Some(Value::Flag(true)))
    }

    /// The variables that programs on this host are given.
    pub fn environment(&self) -> impl Iterator<Item = (&str, &str)> {
        let variables = match self.value("environment") {
            Some(Value::Variables(variables)) => Some(variables),
            _ => None,
        };
        variables.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How a step is run as another user.
    pub fn become_method(&self) -> Become {
        let has_password =
            self.text("become_password") == Some("ask") || self.text("become_password_command").is_some();
        match self.text("become") {
            Some("none") => Become::None,
            Some("doas") => Become::Root(RootBy::Doas),
            Some("su") => Become::Root(RootBy::Su),
            _ if has_password => Become::Root(RootBy::Sudo),
            _ => Become::Sudo,
        }
    }

    /// What gives a root shell for each connection, if that is how steps run as another user. `local_user` is who runs
    /// ixporch.
    pub fn root_by(&self, local_user: &str) -> Option<RootBy> {
        match self.become_method() {
            Become::Root(by) if self.user().unwrap_or(local_user) != "root" => Some(by),
            _ => None,
        }
    }

    /// A command that is run on the controller for this host; `login` is who logs in there.
    pub fn local_command(&self, key: &str, login: &str) -> Option<String> {
        Some(expand(self.text(key)?, |token| match token {
            'n' => Some(self.name.clone()),
            'h' => Some(self.address().to_owned()),
            'r' => Some(login.to_owned()),
            _ => None,
        }))
    }

    /// Whether it is an installation for developing or testing IXP Manager.
    pub fn is_development(&self) -> bool {
        self.flag("development")
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
