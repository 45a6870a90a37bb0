//! Files of revoked host keys (`ssh_config(5)`, `RevokedHostKeys`): public keys, or a key revocation list.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use russh::keys::{PublicKey, PublicKeyOrCertificate};

/// How a key revocation list begins (PROTOCOL.krl of OpenSSH).
const LIST: &[u8] = b"SSHKRL\n\0";

/// Whether a file revokes a key; `Err`: why that cannot be told.
pub(super) async fn is_revoked(file: &Path, shown: &PublicKeyOrCertificate) -> Result<bool, String> {
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
    for (number, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
        // The parser wants single blanks between the fields.
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = PublicKey::from_openssh(&line)
            .map_err(|_| format!("line {} of {} is no public key", number + 1, file.display()))?;
        if of_shown.iter().any(|shown| shown.key_data() == key.key_data()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Asks `ssh-keygen`, which reads these lists.
async fn by_ssh_keygen(file: &Path, shown: &PublicKeyOrCertificate) -> Result<bool, String> {
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
        Ok(output) if output.status.success() => Ok(false),
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("REVOKED") => Ok(true),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(format!("ssh-keygen, which reads it, cannot be started: {error}")),
    }
}
