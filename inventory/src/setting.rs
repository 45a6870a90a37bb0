//! The settings of a host: which there are, what each may hold, and what it is by default.
//!
//! Owns the one table of settings (`SPECS`); reading, defaults, `explain` and the JSON Schema all
//! come from it, so that a setting cannot exist in one and be forgotten in another.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;
use std::time::Duration;

use serde::Serialize;
use toml::Spanned;
use toml::de::DeValue;

use crate::document::{self, Fields, Located};
use crate::lines::LineIndex;
use crate::policy::FailurePolicy;
use crate::problem::Problem;
use crate::value;

/// What a setting may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A login name as `useradd` accepts it.
    UserName,
    /// A host name or an address.
    Address,
    /// A TCP port.
    Port,
    /// How many, at least one.
    Count,
    /// An absolute path on the host.
    RemotePath,
    /// Paths on the controller; `~` is the home folder, a relative path starts at the inventory.
    LocalPaths,
    /// Names of jump hosts, from the controller outwards.
    Names,
    /// A program with its arguments: a string that is split as a shell would, or a list.
    Words,
    /// A git branch name.
    Branch,
    /// A systemd unit name, or `none`.
    Unit,
    /// `host:port`.
    SocketAddress,
    /// An http or https URL.
    Url,
    /// A length of time such as `10s` or `1h30m`.
    Time,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Flag,
}

/// One setting: its key, its kind, its default and what it is for.
#[derive(Debug)]
pub struct Spec {
    /// The TOML key; a dot means a table (`memcached.restart`).
    pub key: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// The built-in value, as it would be written in TOML; `None` where there is none.
    pub built_in: Option<&'static str>,
    /// What it is for: one sentence, used in the JSON Schema and in the book.
    pub doc: &'static str,
}

/// Every setting of a host.
pub const SPECS: &[Spec] = &[
    Spec {
        key: "address",
        kind: Kind::Address,
        built_in: None,
        doc: "Where to connect to. Default: the host's name.",
    },
    Spec { key: "port", kind: Kind::Port, built_in: Some("22"), doc: "The port of the host's SSH server." },
    Spec {
        key: "user",
        kind: Kind::UserName,
        built_in: None,
        doc: "Login user. Default: the user who runs ixporch.",
    },
    Spec {
        key: "jump",
        kind: Kind::Names,
        built_in: Some("[]"),
        doc: "Jump hosts to go through, the first one nearest to the controller.",
    },
    Spec {
        key: "identity_files",
        kind: Kind::LocalPaths,
        built_in: Some("[]"),
        doc: "Private key files, besides those of the SSH agent. Default: OpenSSH's usual names.",
    },
    Spec {
        key: "known_hosts",
        kind: Kind::LocalPaths,
        built_in: Some("[\"~/.ssh/known_hosts\"]"),
        doc: "Files that hold the host keys to trust; `--accept-new` adds to the first one.",
    },
    Spec {
        key: "connect_timeout",
        kind: Kind::Time,
        built_in: Some("10s"),
        doc: "How long connecting may take, and how long key exchange and authentication may take after it.",
    },
    Spec {
        key: "keepalive",
        kind: Kind::Time,
        built_in: Some("15s"),
        doc: "After this much silence the host is asked for a reply; three missing replies end the connection.",
    },
    Spec {
        key: "reconnect_for",
        kind: Kind::Time,
        built_in: Some("15m"),
        doc: "How long a connection that was lost in a run is tried again; running steps continue on the host.",
    },
    Spec {
        key: "state_dir",
        kind: Kind::RemotePath,
        built_in: None,
        doc: "The folder on the host for the ledgers of runs. Default: `.ixporch` in the login's home folder.",
    },
    Spec {
        key: "become",
        kind: Kind::Choice(&["sudo", "none"]),
        built_in: Some("sudo"),
        doc: "How a step runs as another user than the login user. A root login needs neither.",
    },
    Spec {
        key: "ixp_root",
        kind: Kind::RemotePath,
        built_in: Some("/srv/ixpmanager"),
        doc: "The folder of the IXP Manager installation.",
    },
    Spec {
        key: "web_user",
        kind: Kind::UserName,
        built_in: Some("www-data"),
        doc: "The user of the web server; artisan, composer and bower run as this user.",
    },
    Spec { key: "php", kind: Kind::Words, built_in: Some("php"), doc: "The PHP command-line program." },
    Spec {
        key: "composer",
        kind: Kind::Words,
        built_in: Some("composer"),
        doc: "The composer program, for instance `php7.0 ./composer.phar`.",
    },
    Spec { key: "bower", kind: Kind::Words, built_in: Some("bower"), doc: "The bower program." },
    Spec {
        key: "branch",
        kind: Kind::Branch,
        built_in: Some("master"),
        doc: "The branch that is pulled if there is no `--to`.",
    },
    Spec {
        key: "memcached.restart",
        kind: Kind::Words,
        built_in: Some("systemctl restart memcached.service"),
        doc: "The command that restarts memcached; it is run as root.",
    },
    Spec {
        key: "memcached.service",
        kind: Kind::Unit,
        built_in: Some("memcached.service"),
        doc: "The systemd unit whose start time proves the restart; `none` asks memcached itself.",
    },
    Spec {
        key: "memcached.address",
        kind: Kind::SocketAddress,
        built_in: Some("127.0.0.1:11211"),
        doc: "Where memcached listens on the host, to ask its uptime.",
    },
    Spec {
        key: "writers.stop",
        kind: Kind::Words,
        built_in: None,
        doc: "The command that stops services which write to the database while the site is closed, such as sflow handlers; it is run as root.",
    },
    Spec {
        key: "writers.start",
        kind: Kind::Words,
        built_in: None,
        doc: "The command that starts them again, after the upgrade or during a rollback; it is run as root.",
    },
    Spec {
        key: "quiet_timeout",
        kind: Kind::Time,
        built_in: Some("30m"),
        doc: "How long is waited, with the site closed, for artisan processes that were running before; then it is rolled back.",
    },
    Spec {
        key: "schema_approval",
        kind: Kind::Choice(&["review", "additive", "any"]),
        built_in: Some("review"),
        doc: "Who must approve schema changes: `review` a person; `additive` a person, except additions; `any` nobody.",
    },
    Spec {
        key: "review_timeout",
        kind: Kind::Time,
        built_in: Some("30m"),
        doc: "How long a host waits in maintenance for the schema review; then it is rolled back.",
    },
    Spec {
        key: "schema_never_converges",
        kind: Kind::Choice(&["fail", "accept"]),
        built_in: Some("fail"),
        doc: "What happens if column changes that were executed stay pending, as with MariaDB: `fail` the host fails; `accept` it continues, and the report says so.",
    },
    Spec {
        key: "development",
        kind: Kind::Flag,
        built_in: Some("false"),
        doc: "Whether it is an installation for developing or testing IXP Manager: only there can entities be regenerated.",
    },
    Spec {
        key: "on_failure",
        kind: Kind::Choice(FailurePolicy::WORDS),
        built_in: None,
        doc: "What happens on a host after a failed step: `rollback` restores its state before the run, `stop` leaves it as it is and reports its open steps. Default: `rollback` until its site is opened again, then `stop`. A wave's own `on_failure` comes first.",
    },
    Spec {
        key: "backup_dir",
        kind: Kind::RemotePath,
        built_in: Some("/var/backups/ixporch"),
        doc: "The folder on the host for backups, which the web server must not serve; each host of the inventory has a folder in it.",
    },
    Spec {
        key: "backup_keep",
        kind: Kind::Count,
        built_in: Some("5"),
        doc: "How many backups of the host are kept; the oldest ones beyond that are removed when a new one is complete.",
    },
    Spec {
        key: "url",
        kind: Kind::Url,
        built_in: None,
        doc: "The address of the web site; ixporch checks there that it is closed, and that it is healthy.",
    },
    Spec {
        key: "health_timeout",
        kind: Kind::Time,
        built_in: Some("2m"),
        doc: "How long the web site may take to become healthy after it was opened; then it is closed again.",
    },
    Spec {
        key: "health_successes",
        kind: Kind::Count,
        built_in: Some("3"),
        doc: "How often in a row, a second apart, a check must find that the web site is healthy.",
    },
];

/// The settings that one place of the inventory sets (a host, a group, the defaults).
///
/// A list, because most hosts set a few of them and there may be many hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Layer {
    values: Vec<(&'static str, Set)>,
}

/// A value that the inventory sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Set {
    pub(crate) value: Value,
    /// Where the value stands.
    pub(crate) span: Range<usize>,
    /// The line (from 1) of its beginning.
    pub(crate) line: usize,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// A single word or line.
    Text(String),
    /// A list of words, names or paths.
    List(Vec<String>),
    /// A number.
    Number(u32),
    /// Yes or no.
    Flag(bool),
    /// A length of time, shown in its shortest form.
    #[serde(serialize_with = "value::serialize_time")]
    Time(Duration),
}

impl Value {
    /// The value as it would be written in TOML.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::List(items) => {
                format!("[{}]", items.iter().map(|item| format!("{item:?}")).collect::<Vec<_>>().join(", "))
            }
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Time(time) => format!("{:?}", value::show_time(*time)),
        }
    }
}

impl Layer {
    /// The value of `key` here, if this layer sets it.
    pub(crate) fn get(&self, key: &str) -> Option<&Set> {
        self.values.iter().find_map(|(known, set)| (*known == key).then_some(set))
    }

    /// Reads the settings out of `fields`; other keys are left for the caller.
    pub(crate) fn read(fields: &mut Fields<'_, '_>, lines: &LineIndex, problems: &mut Vec<Problem>) -> Self {
        let mut layer = Self::default();
        for spec in SPECS.iter().filter(|spec| !spec.key.contains('.')) {
            if let Some(raw) = fields.raw(spec.key) {
                layer.put(spec, raw, lines, problems);
            }
        }
        for name in ["memcached", "writers"] {
            let Some(mut table) = fields.table(name, problems) else { continue };
            let span = table.span.clone();
            for spec in SPECS {
                let Some(key) = spec.key.strip_prefix(name).and_then(|key| key.strip_prefix('.')) else {
                    continue;
                };
                if let Some(raw) = table.raw(key) {
                    layer.put(spec, raw, lines, problems);
                }
            }
            table.finish(problems);
            if layer.get("writers.stop").is_some() != layer.get("writers.start").is_some() {
                problems.push(Problem::new(span, "`writers` has both `stop` and `start`, or neither").help(
                    "what is stopped must be started again: writers = { stop = \"…\", start = \"…\" }",
                ));
            }
        }
        layer.values.shrink_to_fit();
        layer
    }

    fn put(
        &mut self,
        spec: &'static Spec,
        raw: &Spanned<DeValue<'_>>,
        lines: &LineIndex,
        problems: &mut Vec<Problem>,
    ) {
        if let Some(Located { value, span }) = read_value(spec, raw, problems) {
            let line = lines.line(span.start);
            self.values.push((spec.key, Set { value, span, line }));
        }
    }
}

/// The built-in value of a setting; all hosts share it.
pub(crate) fn built_in(key: &str) -> Option<&'static Value> {
    static ALL: LazyLock<BTreeMap<&str, Value>> =
        LazyLock::new(|| SPECS.iter().filter_map(|spec| Some((spec.key, read_built_in(spec)?))).collect());
    ALL.get(key)
}

fn read_built_in(spec: &Spec) -> Option<Value> {
    let text = spec.built_in?;
    Some(match spec.kind {
        Kind::Port | Kind::Count => Value::Number(text.parse().ok()?),
        Kind::Flag => Value::Flag(text.parse().ok()?),
        Kind::Time => Value::Time(value::parse_time(text).ok()?),
        Kind::Words => Value::List(shlex::split(text)?),
        Kind::LocalPaths | Kind::Names => Value::List(serde_json::from_str(text).ok()?),
        _ => Value::Text(text.to_owned()),
    })
}

fn read_value(
    spec: &Spec,
    raw: &Spanned<DeValue<'_>>,
    problems: &mut Vec<Problem>,
) -> Option<Located<Value>> {
    let key = spec.key.rsplit('.').next().unwrap_or(spec.key);
    match spec.kind {
        Kind::Port => Some(document::number(raw, key, 1..=u32::from(u16::MAX), problems)?.map(Value::Number)),
        Kind::Count => Some(document::number(raw, key, 1..=1000, problems)?.map(Value::Number)),
        Kind::Flag => Some(document::flag(raw, key, problems)?.map(Value::Flag)),
        Kind::Words => read_words(key, raw, problems),
        Kind::LocalPaths | Kind::Names => {
            let items = document::texts(raw, key, problems)?;
            let mut good = true;
            for item in &items.value {
                good &= check_text(spec, key, &item.value, &item.span, problems);
            }
            good.then(|| items.map(|items| Value::List(items.into_iter().map(|item| item.value).collect())))
        }
        Kind::Time => {
            let text = document::text(raw, key, problems)?;
            match value::parse_time(&text.value) {
                Ok(time) => Some(Located::new(Value::Time(time), text.span)),
                Err(why) => {
                    problems.push(
                        Problem::new(text.span, format!("`{key}` is not a length of time: {why}"))
                            .help("write it like `30s`, `10m` or `1h30m`"),
                    );
                    None
                }
            }
        }
        _ => {
            let text = document::text(raw, key, problems)?;
            check_text(spec, key, &text.value, &text.span, problems).then(|| text.map(Value::Text))
        }
    }
}

fn read_words(key: &str, raw: &Spanned<DeValue<'_>>, problems: &mut Vec<Problem>) -> Option<Located<Value>> {
    let words = match raw.get_ref() {
        DeValue::String(text) => {
            let Some(words) = shlex::split(text) else {
                problems.push(
                    Problem::new(raw.span(), format!("`{key}` has an open quote"))
                        .help(format!("close it, or write a list: `{key} = [\"…\", \"…\"]`")),
                );
                return None;
            };
            words
        }
        DeValue::Array(_) => {
            document::texts(raw, key, problems)?.value.into_iter().map(|word| word.value).collect()
        }
        other => {
            problems.push(document::wrong_type(
                raw.span(),
                key,
                "a command (a string or a list of strings)",
                other,
            ));
            return None;
        }
    };
    if words.is_empty() || words.iter().any(std::string::String::is_empty) {
        problems
            .push(Problem::new(raw.span(), format!("`{key}` is an empty command")).label("nothing to run"));
        return None;
    }
    if let Err(why) = words.iter().try_for_each(|word| value::single_line(word)) {
        problems.push(Problem::new(raw.span(), format!("`{key}` {why}")).help("write it on one line"));
        return None;
    }
    Some(Located::new(Value::List(words), raw.span()))
}

/// Checks one text of a setting; says what is wrong with it.
fn check_text(spec: &Spec, key: &str, text: &str, span: &Range<usize>, problems: &mut Vec<Problem>) -> bool {
    let verdict = value::single_line(text).and_then(|()| match spec.kind {
        Kind::UserName => value::user_name(text),
        Kind::Address | Kind::Names => value::address(text),
        Kind::RemotePath => value::absolute_path(text),
        Kind::Branch => value::branch(text),
        Kind::Unit => value::unit(text),
        Kind::SocketAddress => value::socket_address(text),
        Kind::Url => value::url(text),
        Kind::Choice(choices) => value::choice(text, choices),
        Kind::LocalPaths if text.is_empty() => Err(value::Refusal::new("is an empty path")),
        _ => Ok(()),
    });
    match verdict {
        Ok(()) => true,
        Err(refusal) => {
            problems.push(
                Problem::new(span.clone(), format!("`{key}` {}", refusal.why)).maybe_help(refusal.help),
            );
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_value_is_one_that_the_inventory_would_accept() {
        for spec in SPECS {
            let Some(value) = read_built_in(spec) else {
                assert!(spec.built_in.is_none(), "the built-in value of `{}` cannot be read", spec.key);
                continue;
            };
            let key = spec.key.rsplit('.').next().unwrap();
            let source = format!("{key} = {}", value.to_toml());
            let document = document::parse("test", &source).unwrap();
            let mut problems = Vec::new();
            let raw = document.get_ref().get(key).unwrap();
            let read = read_value(spec, raw, &mut problems);
            assert_eq!(problems, Vec::new(), "{source}");
            assert_eq!(read.unwrap().value, value, "{source}");
        }
    }
}
