//! The settings of OpenSSH's client: what it is asked, and what its answer means (`ssh -G`, `ssh_config(5)`).
//!
//! Owns the meaning of the answer, which is no parser of `ssh_config`: OpenSSH reads its own files. `ssh -G` prints every
//! value, its own defaults too; what is set is what differs from the answer without any file. It expands the tokens of some
//! values only: the others are expanded here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::setting::{Layer, Value};

/// OpenSSH's limit does not bound the login, as `connect_timeout` does: a shorter one would end logins that succeed.
const SHORTEST_TIMEOUT: u64 = 10;

/// What OpenSSH's client is asked about a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// What it calls the host.
    pub host: String,
    /// The file that it is to read instead of its own.
    pub config: Option<String>,
    /// The address, port and login that the inventory sets.
    pub address: Option<String>,
    /// See `address`.
    pub port: Option<u16>,
    /// See `address`.
    pub user: Option<String>,
}

impl Question {
    /// The arguments of `ssh` that ask it, after the choice of the file.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-G".to_owned()];
        if let Some(user) = &self.user {
            arguments.extend(["-l".to_owned(), user.clone()]);
        }
        if let Some(port) = self.port {
            arguments.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(address) = &self.address {
            // The zone of an IPv6 address stands after a `%`, which begins a token there.
            arguments.extend(["-o".to_owned(), format!("HostName={}", address.replace('%', "%%"))]);
        }
        arguments.extend(["--".to_owned(), self.host.clone()]);
        arguments
    }
}

/// What the answer cannot say: where and for whom it was given.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// The home folder of the local user.
    pub home: &'a Path,
    /// The local user.
    pub user: &'a str,
    /// The folder in which relative paths begin.
    pub folder: &'a Path,
    /// The value of an environment variable.
    pub variable: fn(&str) -> Option<String>,
    /// Whether a file exists.
    pub exists: fn(&Path) -> bool,
}

/// The answer to a question, or why there is none.
pub type Answer = Result<OpenSshSettings, String>;

/// The settings of a host that OpenSSH's files set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenSshSettings {
    files: String,
    values: Vec<(&'static str, Value)>,
}

/// What OpenSSH's client answered to all questions about a host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// The files, for people.
    pub(crate) files: String,
    pub(crate) values: Layer,
    /// The address for which the inventory's one is only a name.
    pub(crate) address: Option<String>,
    /// Why a question was not answered.
    pub(crate) refusal: Option<String>,
}

impl Answered {
    /// The answers about a host by its name, and by its address if that was asked for, too: the former count first.
    pub(crate) fn of(answers: &[&Answer]) -> Self {
        let mut answered = Self::default();
        let mut values: Vec<(&'static str, Value)> = Vec::new();
        for (place, answer) in answers.iter().enumerate() {
            let settings = match answer {
                Ok(settings) => settings,
                Err(why) => return Self { refusal: Some(why.clone()), ..Self::default() },
            };
            answered.files.clone_from(&settings.files);
            let is_set = |values: &[(&str, Value)], key: &str| values.iter().any(|(known, _)| *known == key);
            // Either of them excludes the other (`ssh_config(5)`, `ProxyJump`).
            let has_way = is_set(&values, "jump") || is_set(&values, "proxy_command");
            for (key, value) in &settings.values {
                match (*key, value) {
                    ("address", Value::Text(address)) if place > 0 => {
                        answered.address = Some(address.clone());
                    }
                    ("jump" | "proxy_command", _) if has_way => {}
                    _ if is_set(&values, key) => {}
                    _ => values.push((key, value.clone())),
                }
            }
        }
        Self { values: Layer::of(values), ..answered }
    }
}

impl OpenSshSettings {
    /// Reads an answer. `without_files` is the answer to a question that reads no file; `files` is what people are shown
    /// as their source.
    pub fn read(
        question: &Question,
        answer: &str,
        without_files: &str,
        files: &str,
        surroundings: Surroundings<'_>,
    ) -> Self {
        let (answer, plain) = (Lines::of(answer), Lines::of(without_files));
        let reader = Reader { question, answer, plain, surroundings };
        Self { files: files.to_owned(), values: reader.values() }
    }
}

/// The lines of an answer by their keys.
struct Lines<'t>(BTreeMap<String, Vec<&'t str>>);

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut lines: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
            lines.entry(key.to_ascii_lowercase()).or_default().push(value.trim());
        }
        Self(lines)
    }

    fn all(&self, key: &str) -> &[&'t str] {
        self.0.get(key).map_or(&[], Vec::as_slice)
    }

    fn one(&self, key: &str) -> Option<&'t str> {
        self.all(key).first().copied()
    }
}

struct Reader<'a> {
    question: &'a Question,
    answer: Lines<'a>,
    plain: Lines<'a>,
    surroundings: Surroundings<'a>,
}

impl Reader<'_> {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let asked = self.question.address.as_deref().unwrap_or(&self.question.host);
        let address = self.answer.one("hostname").filter(|name| !name.eq_ignore_ascii_case(asked));
        let known_hosts = [self.set("userknownhostsfile"), self.set("globalknownhostsfile")];
        // OpenSSH takes the local user by the password database, and not by the environment.
        let user = self.answer.one("user").filter(|user| *user != self.surroundings.user);
        let jumps = self.set("proxyjump").filter(|jumps| *jumps != "none");
        let command = self.set("proxycommand").filter(|command| *command != "none");
        let values = [
            ("address", address.map(text)),
            ("port", self.set("port").and_then(|port| Some(Value::Number(port.parse().ok()?)))),
            ("user", user.map(text)),
            (
                "jump",
                jumps.map(|jumps| Value::List(jumps.split(',').map(|jump| self.expand(jump)).collect())),
            ),
            ("proxy_command", command.map(|command| Value::Text(self.expand(command)))),
            ("identity_files", self.paths("identityfile")),
            ("certificate_files", self.paths("certificatefile")),
            ("identities_only", self.set("identitiesonly").map(|only| Value::Flag(only == "yes"))),
            ("identity_agent", self.set("identityagent").map(|agent| Value::Text(self.agent(agent)))),
            ("known_hosts", known_hosts.iter().any(Option::is_some).then(|| Value::List(self.known_hosts()))),
            ("host_key_alias", self.set("hostkeyalias").map(text)),
            ("revoked_host_keys", self.set("revokedhostkeys").map(|path| Value::Text(self.path(path)))),
            ("connect_timeout", self.seconds("connecttimeout", SHORTEST_TIMEOUT)),
            ("keepalive", self.seconds("serveraliveinterval", 1)),
        ];
        values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// The value of `key`, if a file sets it.
    fn set(&self, key: &str) -> Option<&str> {
        let all = self.answer.all(key);
        (all != self.plain.all(key)).then(|| all.first().copied()).flatten()
    }

    fn seconds(&self, key: &str, at_least: u64) -> Option<Value> {
        let seconds = self.set(key)?.parse().ok().filter(|seconds| *seconds >= at_least)?;
        Some(Value::Time(Duration::from_secs(seconds)))
    }

    fn paths(&self, key: &str) -> Option<Value> {
        self.set(key)?;
        let paths = self.answer.all(key).iter().map(|path| self.path(&self.expand(path)));
        Some(Value::List(paths.collect()))
    }

    fn agent(&self, agent: &str) -> String {
        // The name of a variable, and `SSH_AUTH_SOCK` itself, are no paths.
        if agent == "none" || agent == "SSH_AUTH_SOCK" || (agent.starts_with('$') && !agent.starts_with("${"))
        {
            return agent.to_owned();
        }
        self.path(&self.expand(agent))
    }

    /// The user's files, and then those of the system; their tokens are expanded. `none` at the beginning: the user has none,
    /// so that no new key is recorded.
    fn known_hosts(&self) -> Vec<String> {
        let files = |key| self.with_blanks(self.answer.one(key).unwrap_or_default());
        let mut all = files("userknownhostsfile");
        all.extend(files("globalknownhostsfile").into_iter().filter(|file| file != "none"));
        all
    }

    /// Splits a line of paths: `ssh -G` prints them without quotes, and a path may have blanks. What is there as a whole is
    /// one path.
    fn with_blanks(&self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
        let mut paths = Vec::new();
        let mut from = 0;
        while from < words.len() {
            let joined = |to: usize| words.get(from..to).unwrap_or_default().join(" ");
            let there = (from + 1..=words.len()).rev().find(|to| {
                let path = self.path(&joined(*to));
                let home = path.strip_prefix("~/").map(|rest| self.surroundings.home.join(rest));
                (self.surroundings.exists)(&home.unwrap_or_else(|| path.clone().into()))
            });
            let to = there.unwrap_or(from + 1);
            paths.push(self.path(&joined(to)));
            from = to;
        }
        paths
    }

    /// `ssh` begins relative paths in its own folder, the inventory begins them in its.
    fn path(&self, path: &str) -> String {
        if path == "none" || path.starts_with('/') || path.starts_with("~/") {
            return path.to_owned();
        }
        self.surroundings.folder.join(path).display().to_string()
    }

    /// Expands the tokens of `ssh_config(5)`, section TOKENS, that can be told before a connection. `~` stays, and so does
    /// a token that is not known.
    fn expand(&self, text: &str) -> String {
        let text = &with_variables(text, self.surroundings.variable);
        let value = |key| self.answer.one(key).map(str::to_owned);
        expand(text, |token| match token {
            'h' => value("hostname"),
            'n' => Some(self.question.host.clone()),
            'p' => value("port"),
            'r' => value("user"),
            'u' => Some(self.surroundings.user.to_owned()),
            'd' => Some(self.surroundings.home.display().to_string()),
            'k' => value("hostkeyalias").or_else(|| Some(self.question.host.clone())),
            _ => None,
        })
    }
}

/// Expands `${NAME}`; what is not set stays.
fn with_variables(text: &str, variable: fn(&str) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, name, after)) = rest.split_once("${").and_then(|(before, rest)| {
        let (name, after) = rest.split_once('}')?;
        Some((before, name, after))
    }) {
        expanded.push_str(before);
        expanded.push_str(&variable(name).unwrap_or_else(|| format!("${{{name}}}")));
        rest = after;
    }
    expanded + rest
}

/// Expands the tokens of `ssh_config(5)` that have a value; others stay.
pub(crate) fn expand(text: &str, value: impl Fn(char) -> Option<String>) -> String {
    let mut expanded = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            expanded.push(character);
            continue;
        }
        match characters.next() {
            Some('%') | None => expanded.push('%'),
            Some(token) => match value(token) {
                Some(value) => expanded.push_str(&value),
                None => expanded.extend(['%', token]),
            },
        }
    }
    expanded
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "host h\nuser me\nhostname h\nport 22\nidentitiesonly no\nserveraliveinterval 0\n\
        identityfile ~/.ssh/id_rsa\nidentityfile ~/.ssh/id_ed25519\nconnecttimeout none\n\
        globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2\n\
        userknownhostsfile /root/.ssh/known_hosts /root/.ssh/known_hosts2\n";

    fn question() -> Question {
        Question { host: "h".to_owned(), config: None, address: None, port: None, user: None }
    }

    fn shown(answer: &str) -> BTreeMap<&'static str, String> {
        let surroundings = Surroundings {
            home: Path::new("/home/me"),
            user: "me",
            folder: Path::new("/here"),
            variable: |name| (name == "KEYS").then(|| "/my/keys".to_owned()),
            exists: |path| path == Path::new("/root/known hosts"),
        };
        let question = question();
        let (answer, plain) = (Lines::of(answer), Lines::of(PLAIN));
        let reader = Reader { question: &question, answer, plain, surroundings };
        reader.values().into_iter().map(|(key, value)| (key, value.to_toml())).collect()
    }

    #[test]
    fn what_is_as_without_files_is_not_set() {
        assert_eq!(shown(PLAIN), BTreeMap::new());
    }

    #[test]
    fn what_files_set_is_a_setting_with_its_tokens_expanded() {
        let answer = "user ops\nhostname 192.0.2.7\nport 2222\nidentitiesonly yes\nhostkeyalias foo\n\
            identityagent ${KEYS}/agent\nidentityfile ~/.ssh/%h_%r_%p_%n_%%\nidentityfile keys/%u\n\
            certificatefile %d/c-cert.pub\nuserknownhostsfile /root/known hosts /etc/x y\n\
            globalknownhostsfile none\nproxyjump %r@bastion:2200,last\nconnecttimeout 70\nserveraliveinterval 5\n\
            revokedhostkeys /etc/revoked\n";
        let expected = [
            ("address", "\"192.0.2.7\""),
            ("certificate_files", "[\"/home/me/c-cert.pub\"]"),
            ("connect_timeout", "\"1m 10s\""),
            ("host_key_alias", "\"foo\""),
            ("identities_only", "true"),
            ("identity_agent", "\"/my/keys/agent\""),
            ("identity_files", "[\"~/.ssh/192.0.2.7_ops_2222_h_%\", \"/here/keys/me\"]"),
            ("jump", "[\"ops@bastion:2200\", \"last\"]"),
            ("keepalive", "\"5s\""),
            ("known_hosts", "[\"/root/known hosts\", \"/etc/x\", \"/here/y\"]"),
            ("port", "2222"),
            ("revoked_host_keys", "\"/etc/revoked\""),
            ("user", "\"ops\""),
        ];
        let expected: BTreeMap<_, _> = expected.map(|(key, value)| (key, value.to_owned())).into();
        assert_eq!(shown(answer), expected);
    }

    #[test]
    fn a_proxy_command_and_an_agent_by_a_variable_are_kept_for_who_can_expand_them() {
        let answer = format!("{PLAIN}proxycommand nc -x proxy %h %p\nidentityagent $MY_AGENT\n");
        let shown = shown(&answer);
        assert_eq!(shown["proxy_command"], "\"nc -x proxy h 22\"");
        assert_eq!(shown["identity_agent"], "\"$MY_AGENT\"");
        assert_eq!(shown.len(), 2);
    }

    #[test]
    fn a_question_gives_what_the_inventory_sets() {
        let question = Question {
            address: Some("192.0.2.7".to_owned()),
            port: Some(2222),
            user: Some("ops".to_owned()),
            ..question()
        };
        let expected = ["-G", "-l", "ops", "-p", "2222", "-o", "HostName=192.0.2.7", "--", "h"];
        assert_eq!(question.arguments(), expected);
    }
}
