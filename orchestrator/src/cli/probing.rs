//! Probes all selected hosts at once.

use ixporch_inventory::{Become, Host};

use super::access::{Access, Answers};
use crate::facts::Facts;
use crate::ledger::{self, ProbeRequest};

/// What the probes gave, by host.
pub(super) type Probes = Answers<Facts>;

/// Asks all `hosts`; one that cannot be asked has a reason instead of facts. `to` is the tag to go to; `None`: the head
/// of each host's branch.
pub(super) async fn probe(access: &Access<'_>, hosts: &[&Host], to: Option<&str>) -> Probes {
    access
        .ask(hosts, |host| {
            let request = request(host, to);
            Box::new(move |ledger, _| {
                Box::pin(async move {
                    let facts = ledger::probe(ledger, &request).await;
                    facts.map_err(|error| format!("the probe failed: {error}"))
                })
            })
        })
        .await
}

fn request(host: &Host, to: Option<&str>) -> ProbeRequest {
    let references = match to {
        Some(tag) => vec![format!("refs/tags/{tag}"), format!("refs/tags/{tag}^{{}}")],
        None => vec![format!("refs/heads/{}", host.text("branch").unwrap_or_default())],
    };
    ProbeRequest {
        ixp_root: host.text("ixp_root").unwrap_or_default().to_owned(),
        web_user: host.text("web_user").unwrap_or_default().to_owned(),
        sudo: host.become_method() == Become::Sudo,
        php: host.list("php").to_vec(),
        composer: host.list("composer").to_vec(),
        bower: host.list("bower").to_vec(),
        memcached_unit: host.text("memcached.service").filter(|unit| *unit != "none").map(str::to_owned),
        references,
    }
}
