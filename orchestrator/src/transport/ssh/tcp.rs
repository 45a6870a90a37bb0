//! Names and TCP connections: the first address that answers.

use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustix::io::Errno;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::transport::{ConnectError, Endpoint};

/// How long an address may be silent before the next one is tried beside it (RFC 8305, "Connection Attempt Delay").
const NEXT_AFTER: Duration = Duration::from_millis(250);

/// Resolves the name and connects to the first address that answers.
pub(super) async fn connect(to: &Endpoint) -> Result<TcpStream, ConnectError> {
    let limit = to.connect_timeout;
    let no_name = |why: String| ConnectError::NameResolution { address: to.address.clone(), why };
    let addresses: Vec<_> =
        match timeout(limit, tokio::net::lookup_host((to.address.as_str(), to.port))).await {
            Ok(Ok(addresses)) => addresses.collect(),
            Ok(Err(error)) => return Err(no_name(error.to_string())),
            Err(_) => return Err(no_name(format!("no answer within {}s", limit.as_secs()))),
        };
    let mut addresses = addresses.into_iter();
    let mut tries = FuturesUnordered::new();
    let mut failure = no_name("it has no address".to_owned());
    tries.extend(addresses.next().map(|address| attempt(to, address)));
    while !tries.is_empty() {
        let more = addresses.len() > 0;
        tokio::select! {
            Some(result) = tries.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    failure = error;
                    tries.extend(addresses.next().map(|address| attempt(to, address)));
                }
            },
            () = sleep(NEXT_AFTER), if more => {
                tries.extend(addresses.next().map(|address| attempt(to, address)));
            }
        }
    }
    Err(failure)
}

async fn attempt(to: &Endpoint, address: SocketAddr) -> Result<TcpStream, ConnectError> {
    let limit = to.connect_timeout;
    let failed =
        |why, refused| ConnectError::Tcp { address: to.address.clone(), port: to.port, why, refused };
    match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => match stream.set_nodelay(true) {
            Ok(()) => Ok(stream),
            Err(error) => Err(failed(plain(&error), false)),
        },
        Ok(Err(error)) if error.raw_os_error() == Some(Errno::MFILE.raw_os_error()) => {
            Err(ConnectError::OpenFiles { address: to.address.clone() })
        }
        Ok(Err(error)) => Err(failed(plain(&error), error.kind() == std::io::ErrorKind::ConnectionRefused)),
        Err(_) => Err(failed(format!("no answer within {}s", limit.as_secs()), false)),
    }
}

/// What the system said, without the number of its error.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
