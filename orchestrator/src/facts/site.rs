//! Judges the answers of a web site: is it healthy?

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::{RemoteText, harmless_line};

/// The answer of a web site to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAnswer {
    /// The HTTP status, after redirects.
    pub status: u16,
    /// The other host that answered, if the request was redirected to one.
    pub elsewhere: Option<String>,
    /// The beginning of the body.
    pub body: String,
}

/// What is wrong with a web site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum SiteTrouble {
    /// It did not answer.
    NoAnswer,
    /// A page has another HTTP status than 200.
    Status {
        /// The path of the page.
        path: String,
        /// The status.
        status: u16,
    },
    /// Another host answers for a page.
    Redirected {
        /// The path of the page.
        path: String,
        /// The other host.
        host: RemoteText,
    },
    /// `/api/v4/ping` is not there, and the installed release has it.
    PingMissing,
    /// `/api/v4/ping` answers, but not with JSON.
    PingUnreadable,
    /// `/api/v4/ping` tells another version than the installed one.
    OtherVersion {
        /// The version that it tells.
        answered: RemoteText,
        /// The installed one.
        installed: String,
    },
    /// Neither the login page nor the first page is there.
    NoPage,
    /// A page is empty.
    EmptyPage {
        /// The path of the page.
        path: String,
    },
    /// A page tells that the application failed ("Whoops").
    ApplicationFailed {
        /// The path of the page.
        path: String,
    },
    /// The request failed.
    RequestFailed {
        /// What the HTTP client says.
        failure: RemoteText,
    },
    /// It was healthy, but not as often in a row as required.
    Unsteady {
        /// How often in a row it was healthy.
        successes: u32,
    },
    /// A problem that this version does not know.
    #[serde(other)]
    Unknown,
}

impl fmt::Display for SiteTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no answer"),
            Self::Status { path, status } => write!(f, "{path}: HTTP status {status}"),
            Self::Redirected { path, host } => write!(
                f,
                "{path}: redirected to another host, {}: does `url` name this one?",
                harmless_line(host.raw())
            ),
            Self::PingMissing => f.write_str("/api/v4/ping: HTTP status 404, but this release has it"),
            Self::PingUnreadable => f.write_str("/api/v4/ping: HTTP status 200, but no JSON"),
            Self::OtherVersion { answered, installed } => {
                let answered = harmless_line(answered.raw());
                write!(f, "/api/v4/ping answers version {answered}, but {installed} is installed")
            }
            Self::NoPage => f.write_str("neither /login nor / is there"),
            Self::EmptyPage { path } => write!(f, "{path}: an empty page"),
            Self::ApplicationFailed { path } => write!(f, "{path}: the application failed (\"Whoops\")"),
            Self::RequestFailed { failure } => f.write_str(failure.raw()),
            Self::Unsteady { successes } => write!(f, "it was healthy only {successes} times in a row"),
            Self::Unknown => f.write_str("a problem that this version of ixporch does not know"),
        }
    }
}

/// The paths to request, in order: `/api/v4/ping` exists since v4.7.3; a page needs the whole application.
pub const SITE_PATHS: [&str; 3] = ["/api/v4/ping", "/login", "/"];

/// The release that added `/api/v4/ping`.
const PING_SINCE: (u32, u32, u32) = (4, 7, 3);

/// Reads the answers to [`SITE_PATHS`]; `version` is the installed one, if it is known.
///
/// # Errors
/// What is wrong with the site.
pub fn read_site(answers: &[SiteAnswer], version: Option<&str>) -> Result<(), SiteTrouble> {
    let [ping, pages @ ..] = answers else { return Err(SiteTrouble::NoAnswer) };
    let has_ping = version.and_then(|version| {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??) >= PING_SINCE)
    });
    is_at_home(SITE_PATHS[0], ping)?;
    if ping.status == 404 && has_ping == Some(true) {
        return Err(SiteTrouble::PingMissing);
    }
    if ping.status != 404 {
        read_ping(ping, version)?;
    }
    let (path, page) = std::iter::zip(&SITE_PATHS[1..], pages)
        .find(|(_, page)| page.status != 404)
        .ok_or(SiteTrouble::NoPage)?;
    is_at_home(path, page)?;
    let path = (*path).to_owned();
    if page.status != 200 {
        return Err(SiteTrouble::Status { path, status: page.status });
    }
    if page.body.trim().is_empty() {
        return Err(SiteTrouble::EmptyPage { path });
    }
    if page.body.contains("Whoops") {
        return Err(SiteTrouble::ApplicationFailed { path });
    }
    Ok(())
}

/// What another host says tells nothing about this one.
fn is_at_home(path: &str, answer: &SiteAnswer) -> Result<(), SiteTrouble> {
    match &answer.elsewhere {
        Some(host) => {
            Err(SiteTrouble::Redirected { path: path.to_owned(), host: RemoteText::from(host.as_str()) })
        }
        None => Ok(()),
    }
}

fn read_ping(ping: &SiteAnswer, version: Option<&str>) -> Result<(), SiteTrouble> {
    if ping.status != 200 {
        return Err(SiteTrouble::Status { path: SITE_PATHS[0].to_owned(), status: ping.status });
    }
    let answer: Value = serde_json::from_str(&ping.body).map_err(|_| SiteTrouble::PingUnreadable)?;
    match (answer.get("version").and_then(Value::as_str), version) {
        (Some(answered), Some(installed)) if answered != installed => Err(SiteTrouble::OtherVersion {
            answered: RemoteText::from(answered),
            installed: installed.to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> SiteAnswer {
        SiteAnswer { status, elsewhere: None, body: body.to_owned() }
    }

    #[test]
    fn a_site_is_well_by_its_ping_and_its_page() {
        let ping = answer(200, r#"{"software":"IXP Manager","version":"4.9.3"}"#);
        let none = answer(404, "not found");
        let page = answer(200, "<html>login</html>");
        let read = |answers: &[&SiteAnswer]| {
            let answers: Vec<SiteAnswer> = answers.iter().map(|answer| (*answer).clone()).collect();
            read_site(&answers, Some("4.9.3")).err()
        };
        let path = || "/login".to_owned();
        assert_eq!(read(&[&ping, &page, &page]), None);
        let old = |answers: &[SiteAnswer]| read_site(answers, Some("4.7.2")).err();
        assert_eq!(old(&[none.clone(), none.clone(), page.clone()]), None);
        assert_eq!(old(&[none.clone(), none.clone(), none.clone()]), Some(SiteTrouble::NoPage));
        assert_eq!(read(&[&none, &none, &page]), Some(SiteTrouble::PingMissing));
        let old = answer(200, r#"{"version":"4.9.0"}"#);
        let (answered, installed) = (RemoteText::from("4.9.0"), "4.9.3".to_owned());
        assert_eq!(read(&[&old, &page]), Some(SiteTrouble::OtherVersion { answered, installed }));
        let status = |path: &str, status| Some(SiteTrouble::Status { path: path.to_owned(), status });
        assert_eq!(read(&[&answer(503, "")]), status("/api/v4/ping", 503));
        assert_eq!(read(&[&answer(200, "<html>")]), Some(SiteTrouble::PingUnreadable));
        assert_eq!(read(&[&ping, &answer(500, "")]), status("/login", 500));
        let failed = SiteTrouble::ApplicationFailed { path: path() };
        assert_eq!(read(&[&ping, &answer(200, "Whoops, looks like")]), Some(failed));
        assert_eq!(read(&[&ping, &answer(200, " ")]), Some(SiteTrouble::EmptyPage { path: path() }));
        let other = SiteAnswer { elsewhere: Some("www.example.net".to_owned()), ..page.clone() };
        let redirected = |path: &str| {
            let (path, host) = (path.to_owned(), RemoteText::from("www.example.net"));
            Some(SiteTrouble::Redirected { path, host })
        };
        assert_eq!(read(&[&other, &page]), redirected("/api/v4/ping"));
        assert_eq!(read(&[&ping, &other]), redirected("/login"));
        assert_eq!(read(&[]), Some(SiteTrouble::NoAnswer));
    }
}
