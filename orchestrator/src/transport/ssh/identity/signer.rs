//! Signs for certificates: russh signs for plain keys itself.

use std::sync::Arc;

use russh::SendError;
use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey, PublicKey};

use super::agent;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error("the SSH agent did not sign: {0}")]
    Agent(#[from] russh::keys::Error),
    #[error("it cannot sign: {0}")]
    Key(String),
}

/// Signs with a key out of a file.
pub(super) struct FileSigner(pub(super) Arc<PrivateKey>);

impl Signer for FileSigner {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature = match self.0.key_data() {
            KeypairData::Rsa(key) => (key, hash).try_sign(&data),
            key => key.try_sign(&data),
        };
        let signature = signature.map_err(|error| SignError::Key(error.to_string()))?;
        let append = |data: &mut Vec<u8>| {
            let mut encoded = Vec::new();
            signature.encode(&mut encoded)?;
            encoded.as_slice().encode(data)
        };
        append(&mut data).map_err(|error| SignError::Key(error.to_string()))?;
        Ok(data)
    }
}

/// Has the agent sign. It may hold the key of a certificate that is in a file, and not the certificate itself.
pub(super) struct AgentSigner<'a> {
    pub(super) agent: &'a mut agent::Client,
    /// The key; `None`: the agent holds the certificate.
    pub(super) key: Option<PublicKey>,
}

impl Signer for AgentSigner<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        asked: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let held = self.key.clone().map(AgentIdentity::from);
        Ok(self.agent.sign_request(held.as_ref().unwrap_or(asked), hash, data).await?)
    }
}
