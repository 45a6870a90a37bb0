//! Checks the web sites of hosts over HTTP, from the controller.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Error, ResponseExt, Timeout};

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
            .save_redirect_history(true)
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
    // The first one is the request's own.
    let mut hosts = response.get_redirect_history().unwrap_or_default().iter().map(|uri| uri.host());
    let own = hosts.next().flatten();
    let elsewhere = hosts.flatten().find(|host| own.is_some_and(|own| !own.eq_ignore_ascii_case(host)));
    let elsewhere = elsewhere.map(str::to_owned);
    let body = response.body_mut().with_config().limit(LONGEST_PAGE).lossy_utf8(true).read_to_string()?;
    Ok(SiteAnswer { status, elsewhere, body })
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

    /// A web server that sends those who ask it by its address to its name.
    fn redirecting() -> (String, std::thread::JoinHandle<()>) {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            for _ in 0..2 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    request.extend(byte);
                }
                let by_address = String::from_utf8_lossy(&request).contains(&format!("127.0.0.1:{port}"));
                let head = if by_address {
                    format!("302 Found\r\nLocation: http://localhost:{port}/login")
                } else {
                    "200 OK".to_owned()
                };
                write!(stream, "HTTP/1.1 {head}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                    .unwrap();
            }
        });
        (format!("http://127.0.0.1:{port}/x"), server)
    }

    #[test]
    fn a_host_that_another_one_answers_for_is_told() {
        let (url, server) = redirecting();
        let answer = ask(&Sites::new().agent, &url).unwrap();
        assert_eq!((answer.status, answer.elsewhere.as_deref()), (200, Some("localhost")));
        server.join().unwrap();
    }

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
