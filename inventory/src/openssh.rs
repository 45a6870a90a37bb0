//! The settings of OpenSSH's client: what it is asked, and what its answer means (`ssh -G`, `ssh_config(5)`).
//!
//! Owns the meaning of the answer, which is no parser of `ssh_config`: OpenSSH reads its own files. `ssh -G` prints every
//! value, its own defaults too; what is set is what differs from the answer without any file. It expands the tokens of some
//! values only: the others are expanded here.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::setting::{Layer, Value};

/// The shortest `ConnectTimeout` that counts, in seconds.
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

/// A name that no pattern but `*` is for (RFC 2606): what OpenSSH's settings say of it, they say of every host.
const ANY_HOST: &str = "any-host.invalid";

impl Question {
    /// What is asked to learn what a file says of every host; `None`: the files of OpenSSH itself.
    pub fn of_any_host(config: Option<String>) -> Self {
        Self { host: ANY_HOST.to_owned(), config, ..Self::default() }
    }

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

/// What the answers cannot say: where and for whom they were given.
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

/// What an answer says, by key.
type Lines = BTreeMap<String, Vec<String>>;

fn lines_of(text: &str) -> Lines {
    let mut lines = Lines::new();
    for (key, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        lines.entry(key.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
    }
    lines
}

/// The settings that OpenSSH's files have for what was asked, as `ssh -G` prints them.
#[derive(Debug, Clone, Default)]
pub struct OpenSshSettings {
    /// The files, for people.
    files: String,
    /// The address that connections go to.
    address: Option<String>,
    /// What the files say of this host.
    own: Lines,
    /// What they say of every host.
    general: Lines,
    /// Whether they say of every host how it is reached, and not of this one.
    is_direct: bool,
    /// What OpenSSH says without any file.
    built_in: Lines,
}

impl OpenSshSettings {
    /// Reads an answer. `of_any_host` is the answer to [`Question::of_any_host`], `without_files` one that reads no file;
    /// `files` is what people are shown as the source.
    pub fn read(answer: &str, of_any_host: &str, without_files: &str, files: &str) -> Self {
        let (mut own, built_in, any) = (lines_of(answer), lines_of(without_files), lines_of(of_any_host));
        let address = own.remove("hostname").and_then(|lines| lines.into_iter().next());
        own.retain(|key, lines| built_in.get(key) != Some(lines));
        let has_route = |lines: &Lines| ROUTE.iter().any(|key| lines.contains_key(*key));
        let is_direct = has_route(&any) && !has_route(&own);
        let mut general = own.clone();
        general.retain(|key, lines| any.get(key) == Some(lines));
        own.retain(|key, _| !general.contains_key(key));
        Self { files: files.to_owned(), address, own, general, is_direct, built_in }
    }
}

/// The keys that say how a host is reached: the first one excludes the other (`ssh_config(5)`, `ProxyJump`).
const ROUTE: [&str; 2] = ["proxyjump", "proxycommand"];

/// What the inventory says of a host that is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// What OpenSSH's client calls it.
    pub(crate) called: &'a str,
    /// The address, port and login that the inventory sets.
    pub(crate) address: Option<&'a str>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<&'a str>,
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
    /// The answers about a host by its name, and by its address if that was asked for, too. What the files say of the name
    /// comes first, then what they say of the address, then what they say of every host.
    pub(crate) fn of(answers: &[&Answer], asked: Asked<'_>, surroundings: Surroundings<'_>) -> Self {
        let read: Result<Vec<&OpenSshSettings>, &String> =
            answers.iter().map(|answer| answer.as_ref()).collect();
        let settings = match read {
            Ok(settings) => settings,
            Err(why) => return Self { refusal: Some(why.clone()), ..Self::default() },
        };
        let Some(by_name) = settings.first() else { return Self::default() };
        let by_address = settings.get(1);
        let differs = |found: &&String, from: &str| !found.eq_ignore_ascii_case(from);
        let resolved = match (asked.address, by_address) {
            (Some(address), Some(answer)) => answer.address.as_ref().filter(|found| differs(found, address)),
            _ => None,
        };
        let alias =
            by_name.address.as_ref().filter(|found| differs(found, asked.address.unwrap_or(asked.called)));
        let reader =
            Reader { by_name, by_address: by_address.copied(), asked, resolved, alias, surroundings };
        Self {
            files: by_name.files.clone(),
            values: Layer::of(reader.values()),
            address: resolved.cloned(),
            refusal: None,
        }
    }
}

struct Reader<'a> {
    by_name: &'a OpenSshSettings,
    by_address: Option<&'a OpenSshSettings>,
    asked: Asked<'a>,
    /// The address that OpenSSH knows for the inventory's.
    resolved: Option<&'a String>,
    /// The address that it knows for the name.
    alias: Option<&'a String>,
    surroundings: Surroundings<'a>,
}

impl<'a> Reader<'a> {
    fn values(&self) -> Vec<(&'static str, Value)> {
        let known_hosts = ["userknownhostsfile", "globalknownhostsfile"].map(|key| self.set(key));
        let (jumps, command) = self.route();
        let values = [
            ("address", self.alias.map(|address| text(address))),
            ("port", self.set("port").and_then(|port| Some(Value::Number(port.parse().ok()?)))),
            ("user", self.set("user").map(text)),
            (
                "jump",
                jumps.map(|jumps| Value::List(jumps.split(',').map(|jump| self.expand(jump)).collect())),
            ),
            // Variables in it are for the shell that runs it.
            ("proxy_command", command.map(|command| Value::Text(self.expand(command)))),
            ("identity_files", self.paths("identityfile")),
            ("certificate_files", self.paths("certificatefile")),
            ("identities_only", self.set("identitiesonly").map(|only| Value::Flag(only == "yes"))),
            ("identity_agent", self.set("identityagent").map(|agent| Value::Text(self.agent(agent)))),
            ("known_hosts", known_hosts.iter().any(Option::is_some).then(|| Value::List(self.known_hosts()))),
            ("host_key_alias", self.set("hostkeyalias").map(text)),
            ("revoked_host_keys", self.set("revokedhostkeys").map(|path| Value::Text(self.path(path)))),
            ("connect_timeout", self.connect_timeout()),
        ];
        values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }

    /// All places that may say something, in the order of their precedence.
    fn places(&self) -> impl Iterator<Item = &'a Lines> {
        let of_address = self.by_address.map(|settings| &settings.own);
        std::iter::once(&self.by_name.own).chain(of_address).chain(std::iter::once(&self.by_name.general))
    }

    fn all(&self, key: &str) -> Option<&'a [String]> {
        self.places().find_map(|lines| lines.get(key)).map(Vec::as_slice)
    }

    /// The value of `key`, if a file sets it.
    fn set(&self, key: &str) -> Option<&'a str> {
        self.all(key)?.first().map(String::as_str)
    }

    /// The jump hosts or the proxy command: of the first place that says either.
    fn route(&self) -> (Option<&'a str>, Option<&'a str>) {
        let one = |lines: &'a Lines, key| {
            let value = lines.get(key).and_then(|lines| lines.first()).map(String::as_str);
            value.filter(|value| *value != "none")
        };
        if self.by_name.is_direct {
            return (None, None);
        }
        let [jump, command] = ROUTE;
        let found = self.places().find(|lines| ROUTE.iter().any(|key| lines.contains_key(*key)));
        found.map_or((None, None), |lines| (one(lines, jump), one(lines, command)))
    }

    /// OpenSSH's limit does not bound the login, as `connect_timeout` does: a shorter one would end logins that succeed.
    fn connect_timeout(&self) -> Option<Value> {
        let seconds =
            self.set("connecttimeout")?.parse().ok().filter(|seconds| *seconds >= SHORTEST_TIMEOUT)?;
        Some(Value::Time(Duration::from_secs(seconds)))
    }

    fn paths(&self, key: &str) -> Option<Value> {
        let paths = self.all(key)?.iter().map(|path| self.path(&self.expand(&self.with_variables(path))));
        Some(Value::List(paths.collect()))
    }

    fn agent(&self, agent: &str) -> String {
        // The name of a variable, and `SSH_AUTH_SOCK` itself, are no paths.
        let is_variable = agent.starts_with('$') && !agent.starts_with("${");
        if agent == "none" || agent == "SSH_AUTH_SOCK" || is_variable {
            return agent.to_owned();
        }
        self.path(&self.expand(&self.with_variables(agent)))
    }

    /// The user's files, and then those of the system; their tokens are expanded. `none` at the beginning: the user has none,
    /// so that no new key is recorded.
    fn known_hosts(&self) -> Vec<String> {
        let files = |key: &str| {
            let built_in = || self.by_name.built_in.get(key)?.first().map(String::as_str);
            self.with_blanks(self.set(key).or_else(built_in).unwrap_or_default())
        };
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

    /// Expands the tokens of `ssh_config(5)`, section TOKENS, that can be told before a connection, with the values that are
    /// used in the end. `~` stays, and so does a token that is not known.
    fn expand(&self, text: &str) -> String {
        let Asked { called, address, port, user } = self.asked;
        let local = self.surroundings.user;
        expand(text, |token| match token {
            'h' => {
                let found = self.resolved.map(String::as_str).or(address).or(self.alias.map(String::as_str));
                Some(found.unwrap_or(called).to_owned())
            }
            'n' => Some(called.to_owned()),
            'p' => {
                let port = port.map(|port| port.to_string()).or_else(|| self.set("port").map(str::to_owned));
                Some(port.unwrap_or_else(|| "22".to_owned()))
            }
            'r' => Some(user.or_else(|| self.set("user")).unwrap_or(local).to_owned()),
            'u' => Some(local.to_owned()),
            'd' => Some(self.surroundings.home.display().to_string()),
            'k' => Some(self.set("hostkeyalias").unwrap_or(called).to_owned()),
            _ => None,
        })
    }

    /// Expands `${NAME}`, where `ssh_config(5)` says that it is expanded; what is not set stays.
    fn with_variables(&self, text: &str) -> String {
        let mut expanded = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = rest.split_once("${").and_then(|(before, rest)| {
            let (name, after) = rest.split_once('}')?;
            Some((before, name, after))
        }) {
            expanded.push_str(before);
            let value = (self.surroundings.variable)(name);
            expanded.push_str(&value.unwrap_or_else(|| format!("${{{name}}}")));
            rest = after;
        }
        expanded + rest
    }
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

    const ASKED: Asked<'_> = Asked { called: "h", address: None, port: None, user: None };

    fn surroundings() -> Surroundings<'static> {
        Surroundings {
            home: Path::new("/home/me"),
            user: "me",
            folder: Path::new("/here"),
            variable: |name| (name == "KEYS").then(|| "/my/keys".to_owned()),
            exists: |path| path == Path::new("/root/known hosts"),
        }
    }

    fn answer(text: &str, of_any_host: &str) -> OpenSshSettings {
        OpenSshSettings::read(text, of_any_host, PLAIN, "config")
    }

    fn merged(settings: &[OpenSshSettings], asked: Asked<'_>) -> BTreeMap<&'static str, String> {
        let answers: Vec<Answer> = settings.iter().cloned().map(Ok).collect();
        let answered = Answered::of(&answers.iter().collect::<Vec<_>>(), asked, surroundings());
        let resolved = answered.address.map(|address| ("resolved", address));
        let values = answered.values.shown().into_iter().map(|(key, value)| (key, value.to_toml()));
        values.chain(resolved).collect()
    }

    fn shown(text: &str) -> BTreeMap<&'static str, String> {
        merged(&[answer(text, PLAIN)], ASKED)
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
            globalknownhostsfile none\nproxyjump %r@bastion:2200,last\nconnecttimeout 70\n\
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
    fn the_name_comes_before_the_address_and_what_is_for_every_host_last() {
        let line = |lines: &str| format!("{PLAIN}{lines}").replace("user me\n", "").replace("port 22\n", "");
        let any = line("user ops\nport 22\nidentityfile all\n");
        let by_name = answer(&line("user ops\nport 2222\nhostname h\n"), &any);
        let proxy = "proxycommand nc %h %p %r \"${KEYS}\"\n";
        let by_address = answer(
            &line(&format!("user special\nport 22\n{proxy}")).replace("hostname h", "hostname 192.0.2.7"),
            &any,
        );
        let asked = Asked { address: Some("place"), ..ASKED };
        let shown = merged(&[by_name, by_address], asked);
        assert_eq!(shown["user"], "\"special\"");
        assert_eq!(shown["port"], "2222");
        // Tokens have the values that are used, and variables are for the shell.
        assert_eq!(shown["proxy_command"], "\"nc 192.0.2.7 2222 special \\\"${KEYS}\\\"\"");
        assert_eq!(shown["resolved"], "192.0.2.7");
    }

    #[test]
    fn a_route_for_every_host_is_not_for_one_that_is_direct() {
        let any = format!("{PLAIN}proxyjump gateway\n");
        assert_eq!(merged(&[answer(PLAIN, &any)], ASKED), BTreeMap::new());
        assert_eq!(merged(&[answer(&any, &any)], ASKED)["jump"], "[\"gateway\"]");
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
