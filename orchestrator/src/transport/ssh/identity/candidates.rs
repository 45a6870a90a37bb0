//! The keys that are offered to one server, in their order, made ready before it is connected to.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, PrivateKey, PublicKey};

use super::agent::{self, Held};
use super::key_files::{self, KeyFile, KeyFiles, beside};
use crate::transport::Keys;

/// A key that is offered.
#[derive(Clone)]
pub(super) struct Candidate {
    /// What messages call it.
    pub(super) shown: String,
    /// What proves that we hold it.
    pub(super) proof: Proof,
    /// The certificate that is offered in its place.
    pub(super) certificate: Option<Certificate>,
}

/// What signs.
#[derive(Clone)]
pub(super) enum Proof {
    /// A key out of a file.
    File(Arc<PrivateKey>),
    /// A key of the agent.
    Agent(PublicKey),
    /// A certificate of the agent.
    AgentCertificate(Box<Certificate>),
}

/// All keys for one server.
#[derive(Default)]
pub(in crate::transport::ssh) struct Credentials {
    pub(super) candidates: Vec<Candidate>,
    /// Why some keys are not among them.
    pub(super) problems: Vec<String>,
    pub(super) agent: Option<agent::Client>,
}

impl Credentials {
    /// Makes the keys ready. A person may have to type a passphrase: no connection waits for that.
    pub(in crate::transport::ssh) async fn gather(keys: &Keys, files: &KeyFiles) -> Self {
        let held = Held::ask(&keys.agent).await;
        let problems = held.problem.clone().into_iter().collect();
        let credentials = Self { problems, ..Self::default() };
        let mut gathered = Gathered { held, files, keys, certificates: Vec::new(), credentials };
        gathered.certificates();
        if keys.named {
            gathered.files().await;
            gathered.agent().await;
        } else {
            gathered.agent().await;
            gathered.files().await;
        }
        let Self { mut candidates, problems, .. } = gathered.credentials;
        once_each(&mut candidates);
        Self { candidates, problems, agent: gathered.held.client }
    }
}

struct Gathered<'a> {
    held: Held,
    files: &'a KeyFiles,
    keys: &'a Keys,
    /// The certificates that were named, and those beside the key files.
    certificates: Vec<(PathBuf, Certificate)>,
    credentials: Credentials,
}

impl Gathered<'_> {
    /// The keys of the files: of what the agent holds, no passphrase is asked.
    async fn files(&mut self) {
        for path in &self.keys.files {
            let mut file = self.files.peek(path).await;
            let held = file.public().is_some_and(|key| self.held.holds(key));
            if held && !self.keys.named {
                // It was offered with the agent's keys.
                continue;
            }
            // With an agent, a person is asked only for files that the inventory names.
            if !held && matches!(file, KeyFile::Locked(_)) {
                if !self.keys.may_ask && self.held.client.is_some() {
                    if self.keys.named {
                        self.problem(format!(
                            "{}: it has a passphrase, and the agent does not hold it",
                            path.display()
                        ));
                    }
                    continue;
                }
                file = self.files.unlocked(path).await;
            }
            self.file(path, &file, held);
        }
    }

    fn file(&mut self, path: &Path, file: &KeyFile, held: bool) {
        let proof = match file {
            KeyFile::Private(key) if !held => Proof::File(Arc::clone(key)),
            KeyFile::Private(_) | KeyFile::Locked(_) | KeyFile::Public(_) | KeyFile::Unusable(..) if held => {
                let Some(public) = file.public() else { return };
                Proof::Agent(public.clone())
            }
            KeyFile::Missing if !self.keys.named => return,
            KeyFile::Missing => return self.problem(format!("{}: no such file", path.display())),
            KeyFile::Unusable(why, _) => return self.problem(why.clone()),
            _ => return self.problem(format!("{}: the SSH agent does not hold this key", path.display())),
        };
        let Some(public) = file.public() else { return };
        let shown = path.display().to_string();
        let offered = with_certificates(&self.certificates, public, &proof, shown);
        self.credentials.candidates.extend(offered);
    }

    /// The agent's keys that are not offered as those of files.
    async fn agent(&mut self) {
        let mut of_files = Vec::new();
        for path in &self.keys.files {
            of_files.extend(self.files.peek(path).await.public().map(|key| key.key_data().clone()));
        }
        // Certificates first: a server that knows only the authority counts the key as refused.
        let is_certificate =
            |identity: &&AgentIdentity| matches!(identity, AgentIdentity::Certificate { .. });
        let identities = &self.held.identities;
        let plain = identities.iter().filter(|identity| !is_certificate(identity));
        for identity in identities.iter().filter(is_certificate).chain(plain) {
            match identity {
                AgentIdentity::PublicKey { key, comment } => {
                    let is_of_file = of_files.contains(key.key_data());
                    if (self.keys.only && !is_of_file) || (self.keys.named && is_of_file) {
                        continue;
                    }
                    let (shown, proof) = (agent::name_of(key, comment), Proof::Agent(key.clone()));
                    let offered = with_certificates(&self.certificates, key, &proof, shown);
                    self.credentials.candidates.extend(offered);
                }
                AgentIdentity::Certificate { certificate, comment } => {
                    if self.keys.only && !of_files.contains(certificate.public_key()) {
                        continue;
                    }
                    let proof = Proof::AgentCertificate(Box::new(certificate.clone()));
                    let shown = format!("certificate {comment} of the agent");
                    self.credentials.candidates.push(Candidate { shown, proof, certificate: None });
                }
            }
        }
    }

    /// Reads the certificates that were named, and those beside the key files (`ssh(1)`: `-cert.pub`).
    fn certificates(&mut self) {
        let named = self.keys.certificates.iter().map(|path| (path.clone(), true));
        let beside = self.keys.files.iter().map(|path| (beside(path, "-cert.pub"), false));
        for (path, is_named) in named.chain(beside) {
            match key_files::certificate(&path) {
                Some(Ok(certificate)) => self.certificates.push((path, certificate)),
                Some(Err(why)) => self.problem(why),
                None if is_named => self.problem(format!("{}: no such file", path.display())),
                None => {}
            }
        }
    }

    fn problem(&mut self, problem: String) {
        self.credentials.problems.push(problem);
    }
}

/// Offers nothing twice: a server counts each refusal.
fn once_each(candidates: &mut Vec<Candidate>) {
    let mut offered: Vec<(KeyData, Option<Vec<u8>>)> = Vec::new();
    candidates.retain(|candidate| {
        let certificate = match &candidate.proof {
            Proof::AgentCertificate(certificate) => Some(certificate.as_ref()),
            Proof::File(_) | Proof::Agent(_) => candidate.certificate.as_ref(),
        };
        let key = match &candidate.proof {
            Proof::File(key) => key.public_key().key_data().clone(),
            Proof::Agent(key) => key.key_data().clone(),
            Proof::AgentCertificate(certificate) => certificate.public_key().clone(),
        };
        let what = (key, certificate.and_then(|certificate| certificate.to_bytes().ok()));
        let is_new = !offered.contains(&what);
        if is_new {
            offered.push(what);
        }
        is_new
    });
}

/// A key with its certificates before it: a server that knows only the authority counts the key as refused.
fn with_certificates(
    certificates: &[(PathBuf, Certificate)],
    key: &PublicKey,
    proof: &Proof,
    shown: String,
) -> Vec<Candidate> {
    let of_key = certificates.iter().filter(|(_, certificate)| certificate.public_key() == key.key_data());
    let certified = of_key.map(|(path, certificate)| Candidate {
        shown: path.display().to_string(),
        proof: proof.clone(),
        certificate: Some(certificate.clone()),
    });
    certified.chain([Candidate { shown, proof: proof.clone(), certificate: None }]).collect()
}
