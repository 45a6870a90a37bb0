//! What a plan is built from.
//!
//! Owns the form of the request. How a plan follows from it is not told here.

use std::collections::{BTreeMap, BTreeSet};

use ixporch_inventory::{Inventory, Selector};
use serde::{Deserialize, Serialize};

use super::{Former, WaveSelection};
use crate::facts::Facts;
use crate::preflight::PreflightPolicy;
use crate::procedure::Procedure;

/// What the user asked for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The git tag to go to; `None`: the head of each host's branch.
    pub target: Option<String>,
    /// Which hosts are meant; `None`: all.
    pub limit: Option<Selector>,
    /// Which waves are meant.
    pub waves: WaveSelection,
    /// Whether memcached is restarted first by procedures that leave it to the user.
    pub restart_memcached: bool,
    /// Which backup is meant, and what for.
    pub backup: BackupChoice,
    /// Which findings of the preflight keep a host from being upgraded.
    pub preflight_policy: PreflightPolicy,
    /// The run whose hosts are taken over: its locks are no obstacle.
    pub own_run: Option<String>,
}

/// Which backup is meant, and what for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupChoice {
    /// The beginning of its name; `None`: the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The schema that it is loaded into.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scratch: Option<String>,
    /// How many are kept; `None`: what the inventory says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<u32>,
}

/// What the probe of a host gave: facts, or why there are none.
pub type ProbeResult = Result<Facts, String>;

/// What the earlier runs left behind on a host, as the last one that changed it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftBehind {
    /// What it is still owed, as ids of the steps that pay.
    pub owed: BTreeSet<String>,
    /// That one of them which opens the site again: while it is owed, a closed site was closed by us.
    pub closed: Option<String>,
    /// Whether an upgrade was begun there and has not been brought to its end.
    pub unfinished: bool,
    /// Steps of releases that a run began and did not bring to a good end, with that run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub begun_once: BTreeMap<String, String>,
    /// A run of which the journal cannot be read, and which may have done something there: nothing is started then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// The identity under which an earlier run left something here. It is asked for each plan, and never written.
    #[serde(skip)]
    pub former: Option<Former>,
}

/// Everything that a plan is built from.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The hosts.
    pub inventory: &'a Inventory,
    /// The steps.
    pub procedure: &'a Procedure,
    /// What the probe found. A host without an entry has not answered yet: it is planned later.
    pub facts: &'a BTreeMap<String, ProbeResult>,
    /// What earlier runs left behind on each host.
    pub left: &'a BTreeMap<String, LeftBehind>,
    /// What the user asked for.
    pub options: &'a Options,
    /// Who logs in where the inventory does not say.
    pub default_user: &'a str,
}
