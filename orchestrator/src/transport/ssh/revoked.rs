//! Files of revoked host keys (`ssh_config(5)`, `RevokedHostKeys`): public keys, or a key revocation list.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use russh::keys::{PublicKey, PublicKeyOrCertificate};

/// How a key revocation list begins (PROTOCOL.krl of OpenSSH).
const LIST: &[u8] = b"SSHKRL\n\0";

/// Whether a file lets a key pass; `Err`: it is revoked, or the file cannot be read, and why.
pub(super) async fn check(file: &Path, shown: &PublicKeyOrCertificate) -> Result<(), String> {
    let bytes = fs_err::read(file).map_err(|error| error.to_string())?;
    if bytes.starts_with(LIST) {
        return by_ssh_keygen(file, shown).await;
    }
    let of_shown: Vec<PublicKey> = match shown {
        PublicKeyOrCertificate::PublicKey { key, .. } => vec![key.clone()],
        PublicKeyOrCertificate::Certificate(certificate) => {
            [certificate.public_key(), certificate.signature_key()].map(|key| key.clone().into()).into()
        }
    };
    for line in String::from_utf8_lossy(&bytes).lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = PublicKey::from_openssh(line).map_err(|_| "a line of it is no public key".to_owned())?;
        if of_shown.iter().any(|shown| shown.key_data() == key.key_data()) {
            return Err("it is revoked there".to_owned());
        }
    }
    Ok(())
}

/// Asks `ssh-keygen`, which reads these lists.
async fn by_ssh_keygen(file: &Path, shown: &PublicKeyOrCertificate) -> Result<(), String> {
    let text = match shown {
        PublicKeyOrCertificate::PublicKey { key, .. } => key.to_openssh(),
        PublicKeyOrCertificate::Certificate(certificate) => certificate.to_openssh(),
    };
    let text = text.map_err(|error| error.to_string())?;
    let write = || -> std::io::Result<_> {
        let mut key = tempfile::NamedTempFile::new()?;
        key.write_all(text.as_bytes())?;
        Ok(key)
    };
    let key = write().map_err(|error| error.to_string())?;
    let mut command = tokio::process::Command::new("ssh-keygen");
    command.args(["-Q", "-f"]).arg(file).arg(key.path()).stdin(Stdio::null());
    match command.output().await {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("REVOKED") => {
            Err("it is revoked there".to_owned())
        }
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("ssh-keygen, which reads it, cannot be started: {error}")),
    }
}
