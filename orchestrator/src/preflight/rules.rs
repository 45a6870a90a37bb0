//! The rules of the preflight: turns what a probe found into findings, each with its remedy.

mod database;
mod machine;
mod releases;
mod software;
mod target;

use super::{Finding, Severity};
use crate::facts::Facts;

const NOT_FINISHED: &str = "the checks of database, disk space, ownership and settings did not finish";

/// What the upgrade needs to know about the host's settings.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The tag to go to; `None`: the head of the branch.
    pub target: Option<&'a str>,
    /// The release that it leads to, if that is known: the target, or what upstream says that the branch's head is.
    pub release: Option<&'a str>,
    /// The major version that the procedure is for; `None`: it is not known.
    pub major: Option<u32>,
    /// Whether memcached is restarted by systemd, as it is where the inventory says nothing else.
    pub restarts_unit: bool,
    /// The branch that is pulled.
    pub branch: &'a str,
    /// Whether the inventory knows the address of the web site.
    pub has_url: bool,
    /// The installation's folder.
    pub ixp_root: &'a str,
    /// The web server's user.
    pub web_user: &'a str,
    /// Where backups go.
    pub backup_dir: &'a str,
    /// Whether steps run as another user by sudo.
    pub sudo: bool,
    /// The systemd unit by which memcached's restart is proved, if there is one.
    pub memcached_unit: Option<&'a str>,
    /// A run that may hold the host's lock, because it is taken over.
    pub own_run: Option<&'a str>,
    /// The releases of which a person has confirmed the gates.
    pub confirmed: &'a [String],
    /// A run that left something here when the host had another name or address, and that name and address.
    pub former: Option<(&'a str, &'a str)>,
}

/// All findings of a host, the worst first.
pub fn find(asked: &Asked<'_>, facts: &Facts) -> Vec<Finding> {
    let mut findings = Findings(Vec::new());
    findings.tree(asked, facts);
    findings.target(asked, facts);
    findings.programs(asked, facts);
    findings.path(asked, facts);
    findings.login(asked, facts);
    findings.releases(asked, facts, facts.preflight.as_ref());
    if let Some(preflight) = &facts.preflight {
        findings.php(asked, facts, preflight);
        findings.skins(preflight);
        findings.site(asked, facts, preflight);
        findings.disk(asked, facts, preflight);
        findings.database(asked, facts, preflight);
        findings.memcached(asked, facts, preflight);
        findings.machine(asked, preflight);
    } else if facts.php.is_some() {
        findings.blocker(
            "preflight-failed",
            match facts.troubles.get("preflight") {
                Some(why) => format!("{NOT_FINISHED}: {why}"),
                None => NOT_FINISHED.to_owned(),
            },
            format!(
                "check that {} can run php in {} (proc_open allowed, answer within 80 s)",
                asked.web_user, asked.ixp_root
            ),
        );
    }
    findings.leftovers(asked, facts);
    findings.0.sort_by_key(|finding| finding.severity);
    findings.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, severity: Severity, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let (what, remedy) = (what.into(), remedy.into());
        self.0.push(Finding { id: id.to_owned(), severity, what, remedy, skipped: None });
    }

    fn blocker(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Blocker, id, what, remedy);
    }

    fn warning(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Warning, id, what, remedy);
    }

    fn note(&mut self, id: &str, what: impl Into<String>, remedy: impl Into<String>) {
        self.add(Severity::Note, id, what, remedy);
    }
}

/// The first few, and how many more there are.
fn few(things: &[String]) -> String {
    let shown: Vec<&str> = things.iter().take(3).map(String::as_str).collect();
    let more = things.len().saturating_sub(shown.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
