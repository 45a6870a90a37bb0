//! Probes all selected hosts at once.

use ixporch_inventory::{Become, Host};

use std::sync::Arc;
use std::time::Duration;

use super::access::{ANSWER, Access, Answers, Asking, Progress, Question};
use super::site::Sites;
use crate::engine::{SiteLook, SiteProber};
use crate::facts::{Facts, SiteTrouble};
use crate::ledger::{self, PreflightRequest, ProbeRequest, Reference};

/// How long a host may take to answer with the preflight's questions, and with what is fetched from upstream for them.
const WITH_PREFLIGHT: Duration = Duration::from_secs(300);

/// The pause before a web site is looked at again.
const PAUSE: Duration = Duration::from_secs(2);

/// How long a web site is looked at.
const LOOKING: Duration = Duration::from_secs(30);

/// What the probes gave, by host.
pub(super) type Probes = Answers<Facts>;

/// What is asked of a host's upstream.
#[derive(Debug, Clone, Copy)]
pub(super) enum Upstream<'a> {
    /// Nothing, and nothing of the tools of an installation either: one command is run.
    Nothing,
    /// Nothing: nobody wants to move the code.
    Unasked,
    /// The head of the host's branch.
    Branch,
    /// A tag.
    Tag(&'a str),
}

/// Asks all `hosts`; one that cannot be asked has a reason instead of facts. `tell` hears how far that has come.
pub(super) async fn probe(
    access: &Access<'_>,
    hosts: &[&Host],
    upstream: Upstream<'_>,
    tell: &mut dyn FnMut(Progress<'_, Facts>),
) -> Probes {
    begin(access, hosts, upstream).all(tell).await
}

/// Begins to ask them.
pub(super) fn begin(access: &Access<'_>, hosts: &[&Host], upstream: Upstream<'_>) -> Asking<Facts> {
    let sites = Arc::new(Sites::new());
    let question = |host: &Host| -> Question<Facts> {
        let (request, sites) = (request(host, upstream), Arc::clone(&sites));
        Box::new(move |ledger, _| {
            Box::pin(async move {
                let facts = ledger::probe(ledger, &request).await;
                let now = jiff::Timestamp::now().as_second();
                let skewed = |facts: Facts| Facts {
                    clock_skew: facts.clock.map(|clock| clock.saturating_sub(now)),
                    ..facts
                };
                let mut facts = facts.map(skewed).map_err(|error| format!("the probe failed: {error}"))?;
                if let Some(url) = request.preflight.as_ref().and_then(|preflight| preflight.url.as_deref())
                    && facts.maintenance == Some(false)
                {
                    facts.site_trouble = trouble_of_site(&sites, url, facts.version.as_deref()).await;
                }
                Ok(facts)
            })
        })
    };
    let patience =
        if matches!(upstream, Upstream::Branch | Upstream::Tag(_)) { WITH_PREFLIGHT } else { ANSWER };
    access.begin(hosts, question, patience)
}

/// Whether the site has answered, and not well: a request that failed says nothing.
fn is_answer(trouble: &SiteTrouble) -> bool {
    !matches!(trouble, SiteTrouble::RequestFailed { .. } | SiteTrouble::NoAnswer)
}

/// What is wrong with an open web site. One that cannot be reached from here, or that takes too long, is not judged.
async fn trouble_of_site(sites: &Sites, url: &str, version: Option<&str>) -> Option<SiteTrouble> {
    let look = || async {
        match tokio::time::timeout(LOOKING, sites.look(url, version)).await {
            Ok(SiteLook::Unwell(trouble)) => Some(trouble).filter(is_answer),
            Ok(SiteLook::Well | SiteLook::Unreachable(_)) | Err(_) => None,
        }
    };
    look().await?;
    // A single bad answer may be bad luck.
    tokio::time::sleep(PAUSE).await;
    look().await
}

fn request(host: &Host, upstream: Upstream<'_>) -> ProbeRequest {
    let reference = match upstream {
        Upstream::Nothing | Upstream::Unasked => None,
        Upstream::Tag(tag) => Some(Reference::Tag(tag.to_owned())),
        Upstream::Branch => Some(Reference::Branch(host.text("branch").unwrap_or_default().to_owned())),
    };
    ProbeRequest {
        ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
        web_user: host.text("web_user").unwrap_or_default().to_owned(),
        sudo: host.become_method() == Become::Sudo,
        php: host.list("php").to_vec(),
        composer: host.list("composer").to_vec(),
        bower: host.list("bower").to_vec(),
        preflight: reference.as_ref().map(|_| PreflightRequest {
            backup_dir: host.backup_dir(),
            memcached_address: host.text("memcached.address").unwrap_or_default().to_owned(),
            url: host.text("url").map(str::to_owned),
        }),
        tools: !matches!(upstream, Upstream::Nothing),
        composition: reference.is_some(),
        memcached_unit: host.text("memcached.service").filter(|unit| *unit != "none").map(str::to_owned),
        local_files: host.text("local_files").unwrap_or_default().to_owned(),
        environment: host.environment().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        upstream: reference,
    }
}
