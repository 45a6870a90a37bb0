//! Host keys: who is trusted, by OpenSSH's `known_hosts` files (sshd(8), "`SSH_KNOWN_HOSTS` FILE FORMAT").
//!
//! The format's parser for single lines is ssh-key's; the matching is ours, since russh's accepts
//! revoked keys and knows neither patterns nor negation (docs/decisions/0003-known-hosts.md).

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod shared;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};
use sha1::Sha1;

pub(crate) use self::shared::SharedKnownHosts;
use crate::transport::{ConnectError, Endpoint, HostKeyRefusal};

/// All lines of some `known_hosts` files.
#[derive(Debug, Default)]
pub(crate) struct KnownHosts {
    lines: Vec<Line>,
    /// The places of the lines that hold nothing but names, by name.
    named: HashMap<String, Vec<usize>>,
    /// The places of the other lines, with patterns or hashes: each has to be compared.
    compared: Vec<usize>,
    files: Vec<PathBuf>,
}

#[derive(Debug)]
struct Line {
    file: usize,
    number: usize,
    entry: Entry,
}

/// What the files say of a key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Trusted,
    Refused(HostKeyRefusal),
}

/// The names under which a server's key may be known.
#[derive(Debug)]
pub(crate) struct Names {
    /// The one that is looked for, and recorded: with the port if that is not 22.
    own: String,
    /// The bare one: it counts if no key is known for the port (`ssh(1)` does the same).
    without_port: Option<String>,
    /// The one that a certificate must be for.
    principal: String,
}

impl Names {
    /// The names of a server. An alias takes the place of the address, and has no port.
    pub(crate) fn of(server: &Endpoint) -> Self {
        if let Some(alias) = &server.host_key_alias {
            let alias = alias.to_ascii_lowercase();
            return Self { own: alias.clone(), without_port: None, principal: alias };
        }
        Self::of_address(&server.address, server.port)
    }

    fn of_address(address: &str, port: u16) -> Self {
        let address = address.to_ascii_lowercase();
        let own = lookup_name(&address, port);
        Self { without_port: (own != address).then(|| address.clone()), own, principal: address }
    }

    /// The one under which a new key is recorded.
    pub(crate) fn own(&self) -> &str {
        &self.own
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.own.as_str()).chain(self.without_port.as_deref())
    }
}

/// The name under which a host stands in `known_hosts`: with its port where that is not 22.
fn lookup_name(address: &str, port: u16) -> String {
    if port == 22 { address.to_owned() } else { format!("[{address}]:{port}") }
}

impl KnownHosts {
    /// Reads the files. One that does not exist is empty. One that cannot be read is an error if it is the first, or if new
    /// keys are recorded: a key that is known there would look new. Lines that cannot be read are skipped.
    pub(crate) fn read(files: &[PathBuf], accept_new: bool) -> Result<Self, ConnectError> {
        // What is not there is not shown as looked into, except the first one, which is where a key belongs.
        let files: Vec<PathBuf> = files
            .iter()
            .enumerate()
            .filter(|(index, path)| *index == 0 || path.exists())
            .map(|(_, path)| path.clone())
            .collect();
        let mut known = Self { files, ..Self::default() };
        for (index, path) in known.files.clone().iter().enumerate() {
            match fs_err::read(path) {
                Ok(bytes) => known.add(index, &String::from_utf8_lossy(&bytes)),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(_) if index > 0 && !accept_new => {}
                Err(error) => return Err(ConnectError::File(error.to_string())),
            }
        }
        Ok(known)
    }

    fn add(&mut self, file: usize, text: &str) {
        for (index, line) in text.lines().enumerate() {
            // The parser wants single blanks between the fields.
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Ok(entry) = line.parse::<Entry>() {
                self.push(Line { file, number: index + 1, entry });
            }
        }
    }

    fn push(&mut self, line: Line) {
        let place = self.lines.len();
        match line.entry.host_patterns() {
            HostPatterns::Patterns(names) if !names.iter().any(|name| name.contains(['*', '?', '!'])) => {
                for name in names {
                    self.named.entry(name.to_ascii_lowercase()).or_default().push(place);
                }
            }
            _ => self.compared.push(place),
        }
        self.lines.push(line);
    }

    fn path(&self, line: &Line) -> PathBuf {
        self.files.get(line.file).cloned().unwrap_or_default()
    }

    fn matching<'a>(&'a self, name: &'a str, marker: Option<Marker>) -> impl Iterator<Item = &'a Line> {
        let mut places: Vec<usize> =
            self.named.get(name).into_iter().flatten().chain(&self.compared).copied().collect();
        // The first line that fits counts; a line may name a host twice.
        places.sort_unstable();
        places.dedup();
        places
            .into_iter()
            .filter_map(|place| self.lines.get(place))
            .filter(move |line| line.entry.marker().copied() == marker)
            .filter(move |line| patterns_match(line.entry.host_patterns(), name))
    }

    /// The key types that are known for a server: those are asked for first.
    pub(crate) fn key_types(&self, names: &Names) -> Vec<Algorithm> {
        let types = |name| -> Vec<Algorithm> {
            self.matching(name, None).map(|line| line.entry.public_key().algorithm()).collect()
        };
        names.all().map(types).find(|types| !types.is_empty()).unwrap_or_default()
    }

    /// Whether any certificate authority is named for a server.
    pub(crate) fn has_authority(&self, names: &Names) -> bool {
        names.all().any(|name| self.matching(name, Some(Marker::CertAuthority)).next().is_some())
    }

    /// What the files say of a server that shows `key`.
    pub(crate) fn judge(&self, names: &Names, key: &PublicKey) -> Verdict {
        judged(names, |name| self.verdict(name, key))
    }

    /// What the files say of a server that shows a certificate.
    pub(crate) fn judge_certificate(&self, names: &Names, certificate: &Certificate) -> Verdict {
        judged(names, |name| self.certificate_verdict(name, &names.principal, certificate))
    }

    fn verdict(&self, name: &str, key: &PublicKey) -> Verdict {
        if let Some(line) = self.revoked(name, key) {
            return Verdict::Refused(HostKeyRefusal::Revoked {
                shown: describe(key),
                file: self.path(line),
                line: line.number,
            });
        }
        let mut other = None;
        for line in self.matching(name, None) {
            if line.entry.public_key().key_data() == key.key_data() {
                return Verdict::Trusted;
            }
            // A line of the same type says most clearly what has changed.
            let same_type = line.entry.public_key().algorithm() == key.algorithm();
            if other.is_none() || same_type {
                other = Some(line);
            }
        }
        Verdict::Refused(match other {
            Some(line) => HostKeyRefusal::Changed {
                shown: describe(key),
                known: describe(line.entry.public_key()),
                file: self.path(line),
                line: line.number,
                name: name.into(),
            },
            None => HostKeyRefusal::Unknown {
                shown: describe(key),
                name: name.to_owned(),
                files: self.files.clone(),
            },
        })
    }

    fn revoked<'a>(&'a self, name: &'a str, key: &PublicKey) -> Option<&'a Line> {
        self.matching(name, Some(Marker::Revoked))
            .find(|line| line.entry.public_key().key_data() == key.key_data())
    }

    /// The same of a certificate; `principal` is whom it must be for.
    fn certificate_verdict(&self, name: &str, principal: &str, certificate: &Certificate) -> Verdict {
        let plain = PublicKey::from(certificate.public_key().clone());
        let authority = PublicKey::from(certificate.signature_key().clone());
        for key in [&plain, &authority] {
            if let Some(line) = self.revoked(name, key) {
                let (shown, file, line) = (describe(key), self.path(line), line.number);
                return Verdict::Refused(HostKeyRefusal::Revoked { shown, file, line });
            }
        }
        let Some(line) = self
            .matching(name, Some(Marker::CertAuthority))
            .find(|line| line.entry.public_key().key_data() == authority.key_data())
        else {
            // As OpenSSH does: a certificate of nobody we trust is a plain key.
            return self.verdict(name, &plain);
        };
        match check_certificate(certificate, &authority, principal) {
            Ok(()) => Verdict::Trusted,
            Err(why) => Verdict::Refused(HostKeyRefusal::Certificate {
                why,
                file: self.path(line),
                line: line.number,
            }),
        }
    }
}

/// The verdict by the server's own name; if that is not known, what is known under its bare name.
fn judged(names: &Names, verdict: impl Fn(&str) -> Verdict) -> Verdict {
    let own = verdict(&names.own);
    let Some(bare) = &names.without_port else { return own };
    if !matches!(own, Verdict::Refused(HostKeyRefusal::Unknown { .. })) {
        return own;
    }
    match verdict(bare) {
        // Another key of that name is one of another port.
        Verdict::Refused(HostKeyRefusal::Changed { .. } | HostKeyRefusal::Unknown { .. }) => own,
        known => known,
    }
}

fn check_certificate(
    certificate: &Certificate,
    authority: &PublicKey,
    principal: &str,
) -> Result<(), String> {
    if certificate.cert_type() != CertType::Host {
        return Err("it is a user's certificate".to_owned());
    }
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_err(|_| "the controller's clock is before 1970".to_owned())?;
    let fingerprint = authority.fingerprint(HashAlg::Sha256);
    certificate
        .validate_at(now.as_secs(), [&fingerprint])
        .map_err(|_| "its signature is wrong, or this is not the time that it is valid in".to_owned())?;
    if certificate.signature().algorithm() == (Algorithm::Rsa { hash: None }) {
        return Err("its signature is by SHA-1".to_owned());
    }
    if !certificate.critical_options().is_empty() {
        return Err("it has critical options, and a host certificate has none".to_owned());
    }
    let named = certificate.valid_principals();
    // One that names nobody is for every host (PROTOCOL.certkeys of OpenSSH).
    if named.is_empty() || named.iter().any(|named| named.eq_ignore_ascii_case(principal)) {
        return Ok(());
    }
    Err(format!("it is for {}, not for {principal}", named.join(", ")))
}

/// What a server shows, as [`describe`].
pub(crate) fn describe_shown(shown: &PublicKeyOrCertificate) -> String {
    match shown {
        PublicKeyOrCertificate::PublicKey { key, .. } => describe(key),
        PublicKeyOrCertificate::Certificate(certificate) => {
            describe(&PublicKey::from(certificate.public_key().clone()))
        }
    }
}

/// Type and SHA-256 fingerprint of a key, as `ssh-keygen -l` shows them.
fn describe(key: &PublicKey) -> String {
    format!("{} {}", key.algorithm().as_str(), key.fingerprint(HashAlg::Sha256))
}

/// Appends a key to a `known_hosts` file, on a line of its own.
pub(crate) fn record(file: &Path, name: &str, key: &PublicKey) -> Result<(), ConnectError> {
    use std::io::Write;

    use fs_err::os::unix::fs::OpenOptionsExt;
    let problem = |error: &dyn std::fmt::Display| ConnectError::File(error.to_string());
    if let Some(folder) = file.parent()
        && !folder.exists()
    {
        fs_err::create_dir_all(folder).map_err(|error| problem(&error))?;
    }
    let mut bare = key.clone();
    bare.set_comment("");
    let key = bare.to_openssh().map_err(|error| problem(&error))?;
    let unfinished = fs_err::read(file).is_ok_and(|text| text.last().is_some_and(|byte| *byte != b'\n'));
    let line = format!("{}{name} {}\n", if unfinished { "\n" } else { "" }, key.trim_end());
    let mut file = fs_err::OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(file)
        .map_err(|error| problem(&error))?;
    file.write_all(line.as_bytes()).map_err(|error| problem(&error))
}

fn patterns_match(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return false };
            mac.update(name.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut matched = false;
            for pattern in patterns {
                let pattern = pattern.to_ascii_lowercase();
                if let Some(negated) = pattern.strip_prefix('!') {
                    if glob(negated, name) {
                        return false;
                    }
                } else {
                    matched |= glob(&pattern, name);
                }
            }
            matched
        }
    }
}

/// OpenSSH's patterns: `*` is any text, `?` any character, everything else is itself (`[` too).
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while let Some(c) = text.get(t) {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || wanted == c => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests;
