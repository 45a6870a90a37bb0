//! Which machine and which installation a host is.
//!
//! Owns the one comparison that tells whether two runs, or a run and an inventory, mean the same installation. How one
//! logs in, and through which jump hosts, is no part of that.

use std::fmt;

use ixporch_inventory::Host;
use serde::{Deserialize, Serialize};

/// The identity of a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostId {
    /// Its name in the inventory.
    pub name: String,
    /// The address that connections go to.
    pub address: String,
    /// The port that connections go to.
    pub port: u16,
    /// The folder of the installation.
    pub ixp_root: String,
}

/// A host under an identity that it had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Former {
    /// That identity.
    pub host: HostId,
    /// The last run that changed anything there.
    pub run: String,
}

/// OpenSSH's port, where no other is named.
const SSH_PORT: u16 = 22;

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` at {} port {}", self.name, self.address, self.port)
    }
}

impl HostId {
    /// The identity of a host of an inventory.
    pub fn of(host: &Host) -> Self {
        Self {
            name: host.name.clone(),
            address: host.address().to_owned(),
            port: host.port(),
            ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
        }
    }
}

/// The address and port out of a login as journals of format 1 have it: `[-J jumps] [-p port] user@address`.
pub(crate) fn address_of_login(login: &str) -> (String, u16) {
    let mut words = login.split_whitespace();
    let mut port = SSH_PORT;
    let mut address = "";
    while let Some(word) = words.next() {
        match word {
            "-J" => {
                words.next();
            }
            "-p" => port = words.next().and_then(|port| port.parse().ok()).unwrap_or(SSH_PORT),
            target => address = target.rsplit_once('@').map_or(target, |(_, address)| address),
        }
    }
    (address.to_owned(), port)
}

#[cfg(test)]
mod tests {
    use ixporch_inventory::Inventory;

    use super::*;

    fn host(settings: &str) -> Host {
        let text = format!("format = 1\n[hosts.a]\n{settings}");
        Inventory::parse("test", &text).unwrap().hosts[0].clone()
    }

    #[test]
    fn a_login_of_an_old_journal_gives_the_address_and_port() {
        assert_eq!(address_of_login("ops@192.0.2.1"), ("192.0.2.1".to_owned(), 22));
        assert_eq!(address_of_login("-J b,c -p 2222 ops@192.0.2.1"), ("192.0.2.1".to_owned(), 2222));
        assert_eq!(address_of_login("ops@2001:db8::1"), ("2001:db8::1".to_owned(), 22));
    }

    #[test]
    fn a_host_is_another_one_by_address_port_or_installation_and_by_no_login_or_jump() {
        let same = host("address = \"192.0.2.1\"\nuser = \"ops\"\njump = [\"b\"]");
        let known = HostId::of(&host("address = \"192.0.2.1\"\nuser = \"root\""));
        assert_eq!(HostId::of(&same), known);
        for other in [
            "address = \"192.0.2.2\"",
            "address = \"192.0.2.1\"\nport = 2222",
            "address = \"192.0.2.1\"\nixp_root = \"/opt/ixp\"",
        ] {
            assert_ne!(HostId::of(&host(other)), known, "{other}");
        }
    }
}
