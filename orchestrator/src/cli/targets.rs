//! From inventory to connection targets: paths, users and jump hosts made final.

use std::path::{Path, PathBuf};

use ixporch_inventory::{Host, Inventory, Leg};

use super::settings::Settings;
use super::ssh_arguments;
use crate::transport::{Agent, Endpoint, Keys, Root, Target};

/// OpenSSH's usual names of keys, where the inventory names none.
pub(super) const USUAL_KEYS: [&str; 3] = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/// How to reach a host.
pub(super) fn target(
    settings: &Settings,
    file: &Path,
    inventory: &Inventory,
    host: &Host,
    accept_new: bool,
) -> Target {
    let places = Places { settings, file };
    // Without a route nothing is tried.
    let route = inventory.route(host).unwrap_or_default();
    let is_by_openssh = host.text("transport") == Some("openssh");
    let openssh = is_by_openssh.then(|| ssh_arguments::arguments(&places, host, &route, accept_new));
    let jumps = route.into_iter().map(|leg| places.jump(&leg, inventory.host(&leg.jump.name).is_some()));
    Target {
        jumps: jumps.collect(),
        endpoint: places.endpoint(host),
        accept_new,
        keepalive: host.time("keepalive").unwrap_or_default(),
        reconnect_for: host.time("reconnect_for").unwrap_or_default(),
        refusal: inventory.refusal(host),
        openssh,
        trace: None,
        root: places.root(host),
    }
}

/// Where the paths of an inventory lead.
pub(super) struct Places<'a> {
    pub(super) settings: &'a Settings,
    pub(super) file: &'a Path,
}

impl Places<'_> {
    fn endpoint(&self, host: &Host) -> Endpoint {
        self.of(host, |_| host)
    }

    /// A jump host. What neither the inventory nor OpenSSH's settings say of it, the inventory says of the host that it
    /// serves; but a host of the inventory has a login of its own.
    fn jump(&self, leg: &Leg<'_>, is_host: bool) -> Endpoint {
        let Leg { jump, serves } = leg;
        let has_own = |key: &str| jump.sets(key) || (is_host && key == "user");
        let giver = |key: &str| serves.filter(|host| !has_own(key) && host.is_set_by_inventory(key));
        self.of(jump, |key| giver(key).unwrap_or(jump))
    }

    /// The server of `host`; `who` gives the host from which the value of a setting is taken.
    fn of<'h>(&self, host: &Host, who: impl Fn(&str) -> &'h Host) -> Endpoint {
        let known_hosts = who("known_hosts").list("known_hosts");
        let first = known_hosts.first().filter(|file| *file != "none");
        Endpoint {
            name: host.name.clone(),
            address: host.address().to_owned(),
            port: host.port(),
            user: who("user").user().unwrap_or(&self.settings.user).to_owned(),
            keys: self.keys(&who),
            known_hosts: self.paths(known_hosts),
            record_in: first.map(|file| self.settings.local_path(self.file, file)),
            revoked_host_keys: self.paths(who("revoked_host_keys").text("revoked_host_keys")).pop(),
            host_key_alias: host.text("host_key_alias").map(str::to_owned),
            // A password is told only to whom it belongs: a jump host gets none of another host.
            password_command: self.command(host, "password_command"),
            proxy_command: host.proxy_command(&self.settings.user),
            connect_timeout: who("connect_timeout").time("connect_timeout").unwrap_or_default(),
        }
    }

    /// How the login becomes root.
    fn root(&self, host: &Host) -> Option<Root> {
        let by = host.root_by(&self.settings.user)?;
        Some(Root { by, password_command: self.command(host, "become_password_command") })
    }

    /// A command that is run here for a host.
    fn command(&self, host: &Host, key: &str) -> Option<String> {
        host.local_command(key, host.user().unwrap_or(&self.settings.user))
    }

    fn keys<'h>(&self, who: &impl Fn(&str) -> &'h Host) -> Keys {
        let owner = who("identity_files");
        let named = owner.list("identity_files");
        let files = match named {
            [] => self.paths(USUAL_KEYS),
            named => self.paths(named),
        };
        Keys {
            files,
            certificates: self.paths(who("certificate_files").list("certificate_files")),
            named: !named.is_empty(),
            may_ask: owner.is_set_by_inventory("identity_files"),
            only: who("identities_only").flag("identities_only"),
            agent: self.agent(who("identity_agent").text("identity_agent")),
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
    fn paths<T: AsRef<str>>(&self, texts: impl IntoIterator<Item = T>) -> Vec<PathBuf> {
        let local = |text: T| {
            let text = text.as_ref();
            (text != "none").then(|| self.settings.local_path(self.file, text))
        };
        texts.into_iter().filter_map(local).collect()
    }
}
