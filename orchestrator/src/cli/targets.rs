//! From inventory to connection targets: paths, users and jump hosts made final.

use std::path::{Path, PathBuf};

use ixporch_inventory::{Host, Inventory};

use super::settings::Settings;
use crate::transport::{Agent, Endpoint, Keys, Target};

/// OpenSSH's usual names of keys, where the inventory names none.
pub(super) const USUAL_KEYS: [&str; 3] = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/// The settings that say which keys are offered.
const KEY_SETTINGS: [&str; 4] = ["identity_files", "certificate_files", "identities_only", "identity_agent"];

/// How to reach a host.
pub(super) fn target(
    settings: &Settings,
    file: &Path,
    inventory: &Inventory,
    host: &Host,
    accept_new: bool,
) -> Target {
    let places = Places { settings, file };
    let endpoint = places.endpoint(host);
    // A circle was refused when the inventory was read.
    let route = inventory.route(host).unwrap_or_default();
    let jumps = route.into_iter().map(|jump| match inventory.host(&jump.name) {
        Some(known) => places.endpoint(known),
        None => places.jump(jump, host, &endpoint),
    });
    Target {
        jumps: jumps.collect(),
        endpoint,
        accept_new,
        keepalive: host.time("keepalive").unwrap_or_default(),
        reconnect_for: host.time("reconnect_for").unwrap_or_default(),
    }
}

/// Where the paths of an inventory lead.
struct Places<'a> {
    settings: &'a Settings,
    file: &'a Path,
}

impl Places<'_> {
    fn endpoint(&self, host: &Host) -> Endpoint {
        Endpoint {
            name: host.name.clone(),
            address: host.address().to_owned(),
            port: host.port(),
            user: host.user().unwrap_or(&self.settings.user).to_owned(),
            keys: self.keys(host),
            known_hosts: self.paths(host.list("known_hosts")),
            host_key_alias: host.text("host_key_alias").map(str::to_owned),
            proxy_command: host.proxy_command(&self.settings.user),
            connect_timeout: host.time("connect_timeout").unwrap_or_default(),
        }
    }

    /// A jump host. If the inventory names it and nothing else about it, what the inventory says of the host behind it
    /// counts for it, too.
    fn jump(&self, jump: &Host, behind: &Host, its: &Endpoint) -> Endpoint {
        let inherits = |keys: &[&str]| {
            behind.is_set_by_inventory("jump")
                && !keys.iter().any(|key| jump.sets(key))
                && keys.iter().any(|key| behind.is_set_by_inventory(key))
        };
        let mut endpoint = self.endpoint(jump);
        if inherits(&["user"]) {
            endpoint.user.clone_from(&its.user);
        }
        if inherits(&KEY_SETTINGS) {
            endpoint.keys.clone_from(&its.keys);
        }
        if inherits(&["known_hosts"]) {
            endpoint.known_hosts.clone_from(&its.known_hosts);
        }
        if inherits(&["connect_timeout"]) {
            endpoint.connect_timeout = its.connect_timeout;
        }
        endpoint
    }

    fn keys(&self, host: &Host) -> Keys {
        let named = host.list("identity_files");
        let files = match named {
            [] => self.paths(&USUAL_KEYS.map(str::to_owned)),
            named => self.paths(named),
        };
        Keys {
            files,
            certificates: self.paths(host.list("certificate_files")),
            named: !named.is_empty(),
            only: host.flag("identities_only"),
            agent: self.agent(host.text("identity_agent")),
        }
    }

    /// The agent that is meant (`ssh_config(5)`, `IdentityAgent`): a socket, a variable that names one, or none.
    fn agent(&self, text: Option<&str>) -> Agent {
        match text {
            None | Some("SSH_AUTH_SOCK") => Agent::Environment,
            Some("none") => Agent::None,
            Some(text) => match text.strip_prefix('$') {
                Some(name) => {
                    let name = name.trim_start_matches('{').trim_end_matches('}');
                    std::env::var_os(name).map_or(Agent::None, |path| Agent::Socket(path.into()))
                }
                None => Agent::Socket(self.settings.local_path(self.file, text)),
            },
        }
    }

    /// Paths of the inventory; `none` names no file (`ssh_config(5)`).
    fn paths(&self, texts: &[String]) -> Vec<PathBuf> {
        let texts = texts.iter().filter(|text| *text != "none");
        texts.map(|text| self.settings.local_path(self.file, text)).collect()
    }
}
