//! The fuzz target of `known_hosts` files.

use russh::keys::PublicKey;

use super::{KnownHosts, Line, Names, Verdict};

/// The key that the server shows.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// A file, judged for some names. A key that it does not hold is not trusted.
pub(crate) fn known_hosts(bytes: &[u8]) {
    let mut known = KnownHosts::default();
    known.add(0, &String::from_utf8_lossy(bytes));
    let Ok(key) = PublicKey::from_openssh(KEY) else { return };
    for (address, port) in
        [("ixp.example.net", 22), ("ixp.example.net", 2222), ("192.0.2.1", 22), ("2001:db8::1", 22)]
    {
        let names = Names::of_address(address, port);
        let _ = (known.key_types(&names), known.has_authority(&names));
        if known.judge(&names, &key) == Verdict::Trusted {
            let is_it = |line: &Line| line.entry.public_key().key_data() == key.key_data();
            assert!(known.lines.iter().any(is_it), "no line has the key");
        }
    }
}
