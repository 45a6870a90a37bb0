//! The SSH agent: which keys it holds.

use std::time::Duration;

use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::{HashAlg, PublicKey};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::transport::Agent;

/// A connection to the agent.
pub(super) type Client = AgentClient<UnixStream>;

/// How long an agent may take to list its keys: nobody is asked for that.
const ANSWER: Duration = Duration::from_secs(10);

/// What an agent holds.
#[derive(Default)]
pub(super) struct Held {
    pub(super) client: Option<Client>,
    pub(super) identities: Vec<AgentIdentity>,
    /// Why they cannot be told.
    pub(super) problem: Option<String>,
}

impl Held {
    /// Asks the agent for its keys. That the environment names none is no problem.
    pub(super) async fn ask(agent: &Agent) -> Self {
        let connected = match agent {
            Agent::None => return Self::default(),
            Agent::Environment => match AgentClient::connect_env().await {
                Ok(client) => client,
                Err(_) => return Self::default(),
            },
            Agent::Socket(path) => match AgentClient::connect_uds(path).await {
                Ok(client) => client,
                Err(error) => return Self::failed(format!("the SSH agent at {}: {error}", path.display())),
            },
        };
        let mut client = connected;
        match timeout(ANSWER, client.request_identities()).await {
            Ok(Ok(identities)) => Self { client: Some(client), identities, problem: None },
            Ok(Err(error)) => Self::failed(format!("the SSH agent: {error}")),
            Err(_) => Self::failed(format!("the SSH agent did not answer within {}s", ANSWER.as_secs())),
        }
    }

    fn failed(problem: String) -> Self {
        Self { problem: Some(problem), ..Self::default() }
    }

    /// Whether it holds this key itself, besides certificates.
    pub(super) fn holds(&self, key: &PublicKey) -> bool {
        self.plain().any(|(held, _)| held.key_data() == key.key_data())
    }

    /// Its keys with their comments.
    pub(super) fn plain(&self) -> impl Iterator<Item = (&PublicKey, &str)> {
        self.identities.iter().filter_map(|identity| match identity {
            AgentIdentity::PublicKey { key, comment } => Some((key, comment.as_str())),
            AgentIdentity::Certificate { .. } => None,
        })
    }
}

/// What messages call a key of the agent.
pub(super) fn name_of(key: &PublicKey, comment: &str) -> String {
    let name =
        if comment.is_empty() { key.fingerprint(HashAlg::Sha256).to_string() } else { comment.to_owned() };
    format!("{name} of the agent")
}
