//! The probe: one round of read-only questions.
//!
//! Owns the questions' shell text; `facts` reads the answers. Nothing here may change the host: git takes no optional
//! locks;
//! composer and bower write into their home even for `--version`, so they get a temporary one.

use std::collections::BTreeMap;

use super::Ledger;
use super::output::StepOutput;
use super::questions::{TRUST, questions};
use crate::facts::{self, Facts, FactsError};
use crate::plan::quote;
use crate::procedure::{ArgumentText, BuiltInScript};
use crate::release;
use crate::transport::LinkLost;

/// What a probe must know about a host.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    /// The installation's folder.
    pub ixp_root: String,
    /// The web server's user.
    pub web_user: String,
    /// Whether sudo may be used.
    pub sudo: bool,
    /// PHP with its arguments.
    pub php: Vec<String>,
    /// composer with its arguments.
    pub composer: Vec<String>,
    /// bower with its arguments.
    pub bower: Vec<String>,
    /// Values for the preflight's questions; `None`: they are not asked.
    pub preflight: Option<PreflightRequest>,
    /// Whether to ask for the composition of the installation.
    pub composition: bool,
    /// Whether to ask for the tools that an installation needs; without them the host may be any.
    pub tools: bool,
    /// memcached's unit.
    pub memcached_unit: Option<String>,
    /// Variables for programs that go to the network.
    pub environment: Vec<(String, String)>,
    /// What becomes of local files that the new release has in their place: `refuse` or `keep`.
    pub local_files: String,
    /// What to ask the remote for; `None`: it is not asked.
    pub upstream: Option<Reference>,
}

/// A branch or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// The head of a branch, and the release that it is.
    Branch(String),
    /// A tag.
    Tag(String),
}

/// What the preflight must know about a host.
#[derive(Debug, Clone)]
pub struct PreflightRequest {
    /// Where backups go.
    pub backup_dir: String,
    /// Where memcached listens.
    pub memcached_address: String,
    /// The address of the web site.
    pub url: Option<String>,
}

/// Why a probe has no facts.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The connection was lost.
    #[error(transparent)]
    Link(#[from] LinkLost),
    /// The answers cannot be read.
    #[error(transparent)]
    Facts(#[from] FactsError),
}

/// Asks all questions over an authenticated connection.
pub async fn probe(ledger: &mut Ledger, request: &ProbeRequest) -> Result<Facts, ProbeError> {
    let mut output = StepOutput::default();
    ledger.ask(&script(request), &mut output).await?;
    let keeper = Some(ledger.keeper().name().to_owned());
    Ok(Facts { keeper, ..facts::parse(&output.stdout.kept())? })
}

/// What releases ask a database, as JSON: queries by their names.
fn release_queries() -> String {
    let queries: BTreeMap<String, &str> = release::queries().into_iter().collect();
    serde_json::to_string(&queries).unwrap_or_default()
}

/// The questions for every host.
const QUESTIONS: &str = include_str!("host/questions.sh");

/// What the upgrade's own check of its target says, asked before anything is fetched.
const TARGET_AHEAD: &str = include_str!("host/target-ahead.sh");

/// Asks what the step `target-check` will say; upstream was asked before.
fn target_ahead(reference: &Reference, request: &ProbeRequest) -> String {
    let (name, branch, tag) = match reference {
        Reference::Branch(branch) => (format!("refs/heads/{branch}"), branch.as_str(), ""),
        Reference::Tag(tag) => (format!("refs/tags/{tag}"), "", tag.as_str()),
    };
    let variables = [("BRANCH", branch), ("TARGET", tag), ("LOCAL_FILES", request.local_files.as_str())];
    let variables = variables.map(|(name, value)| quote(&format!("{name}={value}"))).join(" ");
    let check = ArgumentText::TargetCheck.text();
    format!(
        "ask target with_why target_ahead {} {} {} env {variables}\n",
        quote(TARGET_AHEAD),
        quote(&check),
        quote(&name)
    )
}

fn script(request: &ProbeRequest) -> String {
    let words = |words: &[String]| words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    let sudo = if request.sudo { "yes" } else { "no" };
    let unit = request.memcached_unit.as_deref().map_or_else(String::new, |unit| {
        format!("ask memcached systemctl show -p LoadState -p ActiveState {}\n", quote(unit))
    });
    let remote = match &request.upstream {
        None => String::new(),
        Some(Reference::Branch(branch)) => {
            format!(
                "ask remote-branch with_why upstream {} 'refs/tags/v*'\n",
                quote(&format!("refs/heads/{branch}"))
            )
        }
        Some(Reference::Tag(tag)) => format!(
            "ask local-target in_tree rev-parse --verify --quiet {}\nask remote-tag with_why upstream {} {}\n",
            quote(&format!("refs/tags/{tag}^{{commit}}")),
            quote(&format!("refs/tags/{tag}")),
            quote(&format!("refs/tags/{tag}^{{}}")),
        ),
    };
    let ahead =
        request.upstream.as_ref().map_or_else(String::new, |reference| target_ahead(reference, request));
    let composition = if request.composition {
        let script = BuiltInScript::Composition.text();
        format!("ask composition aside {} -r {}\n", words(&request.php), quote(&script))
    } else {
        String::new()
    };
    let preflight = request.preflight.as_ref().map_or_else(String::new, |preflight| {
        format!(
            "backups=$(as root sh -c {} sh \"root $([ \"$sudo\" = yes ] || echo \"$me\")\" {folder} </dev/null 2>/dev/null) ||\n\
             backups=$(folder_distrusted \"root $([ \"$sudo\" = yes ] || echo \"$me\")\" {folder})\n\
             ask backup-trust printf %s \"$backups\"\n\
             ask preflight with_why ahead env {} {} {} {} {} -r {}\n\
             for user in root \"$web\" \"$owner\"; do ask \"may-become-$user\" may_become \"$user\"; done\n",
            quote(&format!("{TRUST}folder_distrusted \"$1\" \"$2\"")),
            quote(&format!("BACKUPS={}", preflight.backup_dir)),
            quote(&format!("MEMCACHED_ADDRESS={}", preflight.memcached_address)),
            quote(&format!("URL={}", preflight.url.as_deref().unwrap_or_default())),
            quote(&format!("RELEASE_QUERIES={}", release_queries())),
            words(&request.php),
            quote(&BuiltInScript::Preflight.text()),
            folder = quote(preflight.backup_dir.rsplit_once('/').map_or("/", |(folder, _)| folder)),
        )
    });
    let tools = if request.tools {
        let named = [("php", &request.php), ("composer", &request.composer), ("bower", &request.bower)];
        let places = named.iter().filter_map(|(tool, words)| {
            let program = words.first().filter(|program| !program.contains('/'))?;
            Some(format!("ask where-{tool} command -v {}\n", quote(program)))
        });
        let places: String = places.collect();
        format!(
            "{places}ask php with_why aside {php} -r 'echo PHP_VERSION;'\n\
             ask composer with_why aside {composer} --version --no-ansi --no-interaction\n\
             ask bower with_why aside {bower} --version\n",
            php = words(&request.php),
            composer = words(&request.composer),
            bower = words(&request.bower),
        )
    } else {
        String::new()
    };
    let variables = request.environment.iter().map(|(name, value)| format!(" {name}={}", quote(value)));
    let networked =
        format!("networked() {{ set -- env{} \"$@\"; git_there \"$@\"; }}\n", variables.collect::<String>());
    format!(
        "root={root}; web={web}; sudo={sudo}\n{networked}{}{QUESTIONS}\
         {tools}{composition}{preflight}{remote}{ahead}{unit}ask clock date +%s\n",
        questions(),
        root = quote(&request.ixp_root),
        web = quote(&request.web_user),
    )
}
