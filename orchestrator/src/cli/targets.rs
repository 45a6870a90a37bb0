//! From inventory to connection targets: paths, users and jump hosts made final.

use std::path::{Path, PathBuf};

use ixporch_inventory::{Host, Inventory};

use super::settings::Settings;
use crate::transport::{JumpTarget, Target};

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
    let paths = |texts: &[String]| -> Vec<PathBuf> {
        texts.iter().map(|text| settings.local_path(file, text)).collect()
    };
    let named = host.list("identity_files");
    let identity_files = if named.is_empty() { paths(&USUAL_KEYS.map(str::to_owned)) } else { paths(named) };
    Target {
        host: host.name.clone(),
        address: host.address().to_owned(),
        port: host.port(),
        user: host.user().unwrap_or(&settings.user).to_owned(),
        jump: host.list("jump").iter().map(|name| jump(settings, inventory, host, name)).collect(),
        identity_files,
        identity_files_named: !named.is_empty(),
        known_hosts: paths(host.list("known_hosts")),
        accept_new,
        connect_timeout: host.time("connect_timeout").unwrap_or_default(),
        keepalive: host.time("keepalive").unwrap_or_default(),
        reconnect_for: host.time("reconnect_for").unwrap_or_default(),
    }
}

/// A jump host has the settings of the inventory's host of this name; else the host's own user and port 22.
fn jump(settings: &Settings, inventory: &Inventory, host: &Host, name: &str) -> JumpTarget {
    let user = |of: &Host| of.user().unwrap_or(&settings.user).to_owned();
    match inventory.host(name) {
        Some(known) => {
            JumpTarget { address: known.address().to_owned(), port: known.port(), user: user(known) }
        }
        None => JumpTarget { address: name.to_owned(), port: 22, user: user(host) },
    }
}
