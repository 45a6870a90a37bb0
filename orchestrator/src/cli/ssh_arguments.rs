//! What OpenSSH's client is told of a host that it is to connect to (`transport = "openssh"`).
//!
//! Owns which settings of the inventory become options of `ssh`. What the inventory does not set, `ssh` finds in its own
//! files: nothing of what they say is repeated here.

use ixporch_inventory::{Host, Leg};

use super::targets::Places;
use crate::plan::quote;

/// The arguments of `ssh` before the command that it runs.
pub(super) fn arguments(
    places: &Places<'_>,
    host: &Host,
    route: &[Leg<'_>],
    accept_new: bool,
) -> Vec<String> {
    // Nobody is asked at the terminal: several of them would ask at once.
    let batch = if places.settings.askpass.is_some() { "no" } else { "yes" };
    let mut arguments: Vec<String> =
        ["-T", "-o", &format!("BatchMode={batch}"), "-o", "ServerAliveCountMax=3"]
            .map(str::to_owned)
            .to_vec();
    let keepalive = host.time("keepalive").map_or(0, |time| time.as_secs());
    arguments.extend(["-o".to_owned(), format!("ServerAliveInterval={keepalive}")]);
    arguments.extend(options(places, host, |_| host, accept_new));
    // Jump hosts of OpenSSH's own settings are its own business.
    if host.is_set_by_inventory("jump") && host.proxy_command("").is_none() {
        let command = through(places, host, route, accept_new).unwrap_or_else(|| "none".to_owned());
        arguments.extend(["-o".to_owned(), format!("ProxyCommand={command}")]);
    } else if host.is_set_by_inventory("proxy_command")
        && let Some(command) = host.proxy_command(&places.settings.user)
    {
        arguments.extend(["-o".to_owned(), format!("ProxyCommand={}", command.replace('%', "%%"))]);
    }
    arguments.extend(["--".to_owned(), host.name.clone()]);
    arguments
}

/// The command that leads through jump hosts. `-J` could not be told the keys of each.
fn through(places: &Places<'_>, host: &Host, route: &[Leg<'_>], accept_new: bool) -> Option<String> {
    let (last, before) = route.split_last()?;
    let mut words: Vec<String> = ["ssh", "-o", "BatchMode=yes"].map(str::to_owned).to_vec();
    let serves = last.serves.unwrap_or(host);
    let who = |key: &str| if last.jump.is_set_by_inventory(key) { last.jump } else { serves };
    words.extend(options(places, last.jump, who, accept_new));
    if let Some(command) = through(places, host, before, accept_new) {
        words.extend(["-o".to_owned(), format!("ProxyCommand={command}")]);
    }
    let mut line: Vec<String> = words.iter().map(|word| quote(word).replace('%', "%%")).collect();
    let name = last.jump.address().replace('%', "%%");
    line.extend(["-W".to_owned(), "%h:%p".to_owned(), "--".to_owned(), quote(&name)]);
    Some(line.join(" "))
}

/// The options that the inventory asks for; `who` gives the host from which the value of a setting is taken.
fn options<'h>(
    places: &Places<'_>,
    host: &Host,
    who: impl Fn(&str) -> &'h Host,
    accept_new: bool,
) -> Vec<String> {
    let mut options = Vec::new();
    let mut option = |name: &str, value: String| options.extend(["-o".to_owned(), format!("{name}={value}")]);
    let set = |key: &str| Some(who(key)).filter(|host| host.is_set_by_inventory(key));
    option("StrictHostKeyChecking", if accept_new { "accept-new" } else { "yes" }.to_owned());
    // Whatever says so: what ssh's files have for the inventory's `address` counts, too.
    option("HostName", host.address().replace('%', "%%"));
    option("NumberOfPasswordPrompts", "1".to_owned());
    option("Port", host.port().to_string());
    if let Some(user) = who("user").user() {
        option("User", user.to_owned());
    }
    let file = |path: &str| match path {
        "none" => path.to_owned(),
        path => quoted(&places.settings.local_path(places.file, path).display().to_string()),
    };
    let files = |key: &str| -> Vec<String> {
        set(key).map(|host| host.list(key).iter().map(|path| file(path)).collect()).unwrap_or_default()
    };
    for path in files("identity_files") {
        option("IdentityFile", path);
    }
    for path in files("certificate_files") {
        option("CertificateFile", path);
    }
    if set("identities_only").is_some_and(|host| host.flag("identities_only")) {
        option("IdentitiesOnly", "yes".to_owned());
    }
    for (key, name) in [("identity_agent", "IdentityAgent"), ("revoked_host_keys", "RevokedHostKeys")] {
        if let Some(path) = set(key).and_then(|host| host.text(key)) {
            // A variable is a name for ssh, too.
            let is_name = path == "SSH_AUTH_SOCK" || path.starts_with('$');
            option(name, if is_name { path.to_owned() } else { file(path) });
        }
    }
    let known = files("known_hosts");
    if !known.is_empty() {
        option("UserKnownHostsFile", known.join(" "));
        option("GlobalKnownHostsFile", "none".to_owned());
    }
    if let Some(alias) = set("host_key_alias").and_then(|host| host.text("host_key_alias")) {
        option("HostKeyAlias", alias.to_owned());
    }
    let seconds = who("connect_timeout").time("connect_timeout").map_or(10, |time| time.as_secs().max(1));
    option("ConnectTimeout", seconds.to_string());
    if let Some(config) = set("ssh_config").and_then(|host| host.text("ssh_config")) {
        let path = if config == "none" {
            "none".to_owned()
        } else {
            places.settings.local_path(places.file, config).display().to_string()
        };
        options.splice(0..0, ["-F".to_owned(), path]);
    }
    options
}

/// A path as `ssh_config(5)` reads it: in quotes, since it may have blanks, and with no token in it.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%"))
}
