//! Checks the web sites of hosts over HTTP, from the controller.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, Timeout};

use crate::engine::{SiteLook, SiteProber};
use crate::facts::{self, SITE_PATHS, SiteAnswer, SiteTrouble};
use crate::text::RemoteText;

/// The timeout of one request.
const ANSWER: Duration = Duration::from_secs(20);

/// The timeout of resolving and connecting.
const CONNECTING: Duration = Duration::from_secs(10);

/// How much of a page is read.
const LONGEST_PAGE: u64 = 4 * 1024 * 1024;

/// Requests pages; TLS certificates are verified by the machine's trust store.
pub(super) struct Sites {
    agent: Agent,
}

impl Sites {
    pub(super) fn new() -> Self {
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::PlatformVerifier)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(ANSWER))
            .timeout_resolve(Some(CONNECTING))
            .timeout_connect(Some(CONNECTING))
            .max_redirects(5)
            .tls_config(tls)
            .user_agent("ixporch")
            .build();
        Self { agent: config.into() }
    }
}

impl SiteProber for Sites {
    fn look<'a>(&'a self, url: &'a str, version: Option<&'a str>) -> BoxFuture<'a, SiteLook> {
        let (agent, url, version) = (self.agent.clone(), url.to_owned(), version.map(str::to_owned));
        let looking = tokio::task::spawn_blocking(move || look(&agent, &url, version.as_deref()));
        async move {
            looking
                .await
                .unwrap_or_else(|_| SiteLook::Unwell(failed("the query crashed: this is a bug in ixporch")))
        }
        .boxed()
    }
}

fn look(agent: &Agent, url: &str, version: Option<&str>) -> SiteLook {
    let mut answers = Vec::new();
    for path in SITE_PATHS {
        match ask(agent, &format!("{}{path}", url.trim_end_matches('/'))) {
            Ok(answer) => answers.push(answer),
            Err(error) if is_out_of_reach(&error) => {
                return SiteLook::Unreachable(failed(&error.to_string()));
            }
            Err(error) => return SiteLook::Unwell(failed(&error.to_string())),
        }
    }
    match facts::read_site(&answers, version) {
        Ok(()) => SiteLook::Well,
        Err(trouble) => SiteLook::Unwell(trouble),
    }
}

fn failed(failure: &str) -> SiteTrouble {
    SiteTrouble::RequestFailed { failure: RemoteText::from(failure) }
}

fn ask(agent: &Agent, url: &str) -> Result<SiteAnswer, Error> {
    let mut response =
        agent.get(url).header("Cache-Control", "no-cache").header("Pragma", "no-cache").call()?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(LONGEST_PAGE).lossy_utf8(true).read_to_string()?;
    Ok(SiteAnswer { status, body })
}

/// Whether the site could not be reached at all: then it may be closed to this controller. A site with a bad
/// certificate or a broken answer was reached.
fn is_out_of_reach(error: &Error) -> bool {
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => true,
        Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionRefused
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkUnreachable
                | ErrorKind::AddrNotAvailable
                | ErrorKind::TimedOut
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_was_not_reached_may_be_left_out() {
        let io = |kind: ErrorKind| is_out_of_reach(&Error::Io(kind.into()));
        assert!(io(ErrorKind::ConnectionRefused) && io(ErrorKind::HostUnreachable));
        assert!(
            !io(ErrorKind::InvalidData) && !io(ErrorKind::ConnectionReset) && !io(ErrorKind::UnexpectedEof)
        );
        assert!(is_out_of_reach(&Error::HostNotFound) && is_out_of_reach(&Error::Timeout(Timeout::Connect)));
        assert!(
            !is_out_of_reach(&Error::Timeout(Timeout::Global)) && !is_out_of_reach(&Error::TooManyRedirects)
        );
    }
}
