//! The jump hosts of an inventory, and the route to a host through them.
//!
//! Owns what `jump` means: names of `[jumps]` or of `[hosts]`, or `user@host:port`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::host::Host;
use crate::hosts::Hosts;
use crate::jump::Jump;
use crate::setting::{Layer, Value};

/// The settings that a jump host may have: all that say how it is reached.
pub const JUMP_KEYS: &[&str] = &[
    "address",
    "port",
    "user",
    "jump",
    "proxy_command",
    "ssh_config",
    "identity_files",
    "certificate_files",
    "identities_only",
    "identity_agent",
    "password_command",
    "known_hosts",
    "revoked_host_keys",
    "host_key_alias",
    "connect_timeout",
];

/// The jump hosts of `[jumps]`, and those that are written where they are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jumps {
    named: BTreeMap<String, Host>,
    /// By the file of OpenSSH's settings that counts for them, and by how they are written.
    written: BTreeMap<(Option<String>, String), Host>,
}

/// A jump host with nothing but what is written.
fn written(jump: Jump, text: &str, ssh_config: Option<&str>) -> Host {
    let user = jump.user.map(|user| ("user", Value::Text(user)));
    let port = jump.port.map(|port| ("port", Value::Number(port.into())));
    let config = ssh_config.map(|config| ("ssh_config", Value::Text(config.to_owned())));
    let own = Layer::of(user.into_iter().chain(port).chain(config).collect());
    Host::of_jump(text.to_owned(), 0..0, own, Arc::default()).called(jump.host)
}

/// One jump host of a route.
#[derive(Debug, Clone, Copy)]
pub struct Leg<'a> {
    /// The jump host.
    pub jump: &'a Host,
    /// The host of the inventory for which the inventory names it: what the inventory says of that one counts where nothing
    /// is said of the jump host. `None`: OpenSSH's settings name it.
    pub serves: Option<&'a Host>,
}

/// Why there is no route to a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteError {
    /// Its jump hosts lead back to one of them: each of these to the next.
    Circle(Vec<String>),
    /// What is named as a jump host is none.
    Unreadable(String),
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Circle(names) => write!(f, "the jump hosts go in a circle: {}", names.join(" → ")),
            Self::Unreadable(text) => write!(f, "`{text}` is no jump host: write `user@host:port`"),
        }
    }
}

impl Jumps {
    /// The jump hosts of `[jumps]`.
    pub(crate) fn new(named: impl IntoIterator<Item = Host>) -> Self {
        let named = named.into_iter().map(|host| (host.name.clone(), host)).collect();
        Self { named, written: BTreeMap::new() }
    }

    /// The names of `[jumps]`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.named.keys().map(String::as_str)
    }

    /// Makes the jump hosts known that `host` names and that stand nowhere else.
    pub(crate) fn learn(&mut self, host: &Host, hosts: &Hosts) {
        for text in host.jumps() {
            if self.named.contains_key(text) || hosts.named(text).is_some() {
                continue;
            }
            let config = host.text("ssh_config");
            // What is no jump host is told when the route is needed.
            if let Ok(jump) = Jump::parse(text) {
                let key = (config.map(str::to_owned), text.clone());
                self.written.entry(key).or_insert_with(|| written(jump, text, config));
            }
        }
    }

    /// The jump host that `host` calls `text`.
    pub(crate) fn get<'a>(&'a self, host: &Host, text: &str, hosts: &'a Hosts) -> Option<&'a Host> {
        let key = (host.text("ssh_config").map(str::to_owned), text.to_owned());
        self.named.get(text).or_else(|| hosts.named(text)).or_else(|| self.written.get(&key))
    }

    /// All jump hosts that are no hosts of the inventory.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Host> {
        self.named.values_mut().chain(self.written.values_mut())
    }

    /// The jump hosts before `host`, the one nearest to the controller first. The first one of a list may have its own.
    pub(crate) fn route<'a>(&'a self, host: &'a Host, hosts: &'a Hosts) -> Result<Vec<Leg<'a>>, RouteError> {
        let mut route: Vec<Leg<'a>> = Vec::new();
        let mut passed = vec![host.name.clone()];
        let mut named_by = host;
        let mut serves = Some(host);
        loop {
            serves = serves.filter(|_| named_by.is_set_by_inventory("jump"));
            let leg = |text: &String| match self.get(named_by, text, hosts) {
                Some(jump) => Ok(Leg { jump, serves }),
                // Without it another machine might be reached.
                None => Err(RouteError::Unreadable(text.clone())),
            };
            let list: Vec<Leg<'a>> = named_by.jumps().iter().map(leg).collect::<Result<_, _>>()?;
            let Some(first) = list.first().map(|leg| leg.jump) else { return Ok(route) };
            passed.push(first.name.clone());
            if passed.iter().filter(|name| **name == first.name).count() > 1 {
                return Err(RouteError::Circle(passed));
            }
            route.splice(0..0, list);
            named_by = first;
            // A host that is a jump host has jump hosts for itself.
            serves = hosts.named(&first.name).or(serves);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::validate::Inventory;

    #[test]
    fn the_first_jump_host_may_have_jump_hosts_of_its_own() {
        let inventory = Inventory::parse(
            "test",
            "format = 1\n[jumps.outer]\n[jumps.inner]\njump = [\"outer\"]\nport = 2200\n\
             [hosts.a]\njump = [\"inner\", \"ops@last:2222\"]\n[hosts.b]\njump = [\"a\"]\n",
        )
        .unwrap();
        let route = |host: &str| {
            let jumps = inventory.route(inventory.host(host).unwrap()).unwrap();
            jumps
                .iter()
                .map(|leg| leg.jump)
                .map(|jump| format!("{} {} {}", jump.name, jump.address(), jump.port()))
                .collect::<Vec<_>>()
        };
        let to_a = ["outer outer 22", "inner inner 2200", "ops@last:2222 last 2222"];
        assert_eq!(route("a"), to_a);
        assert_eq!(route("b"), [to_a.as_slice(), &["a a 22"]].concat());
    }

    #[test]
    fn jump_hosts_in_a_circle_are_refused() {
        let text =
            "format = 1\n[jumps.x]\njump = [\"y\"]\n[jumps.y]\njump = [\"x\"]\n[hosts.a]\njump = [\"x\"]\n";
        let problems = Inventory::parse("test", text).unwrap_err();
        assert!(problems.problems[0].message.contains("a → x → y → x"), "{problems:?}");
    }
}
