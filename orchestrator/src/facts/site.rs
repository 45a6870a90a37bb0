//! Judges the answers of a web site: is it healthy?

use serde_json::Value;

/// The answer of a web site to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteAnswer {
    /// The HTTP status, after redirects.
    pub status: u16,
    /// The beginning of the body.
    pub body: String,
}

/// The paths to request, in order: `/api/v4/ping` exists since v4.7.3; a page needs the whole application.
pub const SITE_PATHS: [&str; 3] = ["/api/v4/ping", "/login", "/"];

/// The release that added `/api/v4/ping`.
const PING_SINCE: (u32, u32, u32) = (4, 7, 3);

/// Reads the answers to [`SITE_PATHS`]; `version` is the installed one, if it is known.
///
/// # Errors
/// What is wrong with the site.
pub fn read_site(answers: &[SiteAnswer], version: Option<&str>) -> Result<(), String> {
    let [ping, pages @ ..] = answers else { return Err("no answer".to_owned()) };
    let has_ping = version.and_then(|version| {
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
        Some((numbers.next()??, numbers.next()??, numbers.next()??) >= PING_SINCE)
    });
    if ping.status == 404 && has_ping == Some(true) {
        return Err("/api/v4/ping: HTTP status 404, and this release has it".to_owned());
    }
    if ping.status != 404 {
        read_ping(ping, version)?;
    }
    let (path, page) = std::iter::zip(&SITE_PATHS[1..], pages)
        .find(|(_, page)| page.status != 404)
        .ok_or_else(|| "neither /login nor / is there".to_owned())?;
    if page.status != 200 {
        return Err(format!("{path}: HTTP status {}", page.status));
    }
    if page.body.trim().is_empty() {
        return Err(format!("{path}: an empty page"));
    }
    if page.body.contains("Whoops") {
        return Err(format!("{path}: the application broke (\"Whoops\")"));
    }
    Ok(())
}

fn read_ping(ping: &SiteAnswer, version: Option<&str>) -> Result<(), String> {
    if ping.status != 200 {
        return Err(format!("/api/v4/ping: HTTP status {}", ping.status));
    }
    let said: Value = serde_json::from_str(&ping.body)
        .map_err(|_| "/api/v4/ping: HTTP status 200, and no JSON".to_owned())?;
    match (said.get("version").and_then(Value::as_str), version) {
        (Some(said), Some(version)) if said != version => Err(format!(
            "/api/v4/ping says version {}, and {version} is installed",
            crate::text::harmless_line(said)
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> SiteAnswer {
        SiteAnswer { status, body: body.to_owned() }
    }

    #[test]
    fn a_site_is_well_by_its_ping_and_its_page() {
        let ping = answer(200, r#"{"software":"IXP Manager","version":"4.9.3"}"#);
        let none = answer(404, "not found");
        let page = answer(200, "<html>login</html>");
        let read = |answers: &[&SiteAnswer]| {
            let answers: Vec<SiteAnswer> = answers.iter().map(|answer| (*answer).clone()).collect();
            read_site(&answers, Some("4.9.3")).err().unwrap_or_default()
        };
        assert_eq!(read(&[&ping, &page, &page]), "");
        let old = |answers: &[SiteAnswer]| read_site(answers, Some("4.7.2")).err().unwrap_or_default();
        assert_eq!(old(&[none.clone(), none.clone(), page.clone()]), "");
        assert_eq!(old(&[none.clone(), none.clone(), none.clone()]), "neither /login nor / is there");
        assert_eq!(read(&[&none, &none, &page]), "/api/v4/ping: HTTP status 404, and this release has it");
        let old = answer(200, r#"{"version":"4.9.0"}"#);
        assert_eq!(read(&[&old, &page]), "/api/v4/ping says version 4.9.0, and 4.9.3 is installed");
        assert_eq!(read(&[&answer(503, "")]), "/api/v4/ping: HTTP status 503");
        assert_eq!(read(&[&answer(200, "<html>")]), "/api/v4/ping: HTTP status 200, and no JSON");
        assert_eq!(read(&[&ping, &answer(500, "")]), "/login: HTTP status 500");
        assert_eq!(
            read(&[&ping, &answer(200, "Whoops, looks like")]),
            "/login: the application broke (\"Whoops\")"
        );
        assert_eq!(read(&[&ping, &answer(200, " ")]), "/login: an empty page");
        assert_eq!(read(&[]), "no answer");
    }
}
