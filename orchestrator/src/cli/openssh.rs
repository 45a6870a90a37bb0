//! Adds to an inventory what the settings of OpenSSH's client say of its hosts.
//!
//! Owns which files count, and that each question is asked once. No parser of `ssh_config` is here: OpenSSH reads its files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ixporch_inventory::{Host, Inventory, OpenSshSettings, Question, Surroundings};

use super::error::CliError;
use super::settings::Settings;
use crate::transport::openssh::{self, AskError, Files};

/// The settings of the whole system (`ssh_config(5)`, section FILES).
const SYSTEM: &str = "/etc/ssh/ssh_config";

/// So many jump hosts are behind one another at most.
const DEEPEST: usize = 16;

/// Asks for the settings of the hosts that are meant, and of their jump hosts.
pub(super) fn complete(
    inventory: &mut Inventory,
    file: &Path,
    settings: &Settings,
    is_meant: impl Fn(&Host) -> bool,
) -> Result<(), CliError> {
    let asking = Asking { file, settings, own: own_files(settings) };
    let mut plain = None;
    for _ in 0..DEEPEST {
        let questions = inventory.open_questions(&is_meant);
        if questions.is_empty() {
            break;
        }
        inventory.answer(&asking.answers(&questions, &mut plain)?);
    }
    if let Some(same) = inventory.same_installations().first() {
        let message =
            format!("`{}` and `{}` are the same installation by OpenSSH's settings", same.first, same.host);
        return Err(CliError::invalid(message).help("remove one of them from the inventory"));
    }
    for host in inventory.hosts.iter().filter(|host| is_meant(host)) {
        if let Err(circle) = inventory.route(host) {
            return Err(CliError::invalid(format!("{circle} (host `{}`)", host.name))
                .help("correct ProxyJump in OpenSSH's settings, or set `jump` in the inventory"));
        }
    }
    Ok(())
}

/// The files that OpenSSH's client reads by itself, those that exist, as people call them.
fn own_files(settings: &Settings) -> Vec<&'static str> {
    let user = settings.home.join(".ssh/config").exists().then_some("~/.ssh/config");
    let system = Path::new(SYSTEM).exists().then_some(SYSTEM);
    user.into_iter().chain(system).collect()
}

struct Asking<'a> {
    file: &'a Path,
    settings: &'a Settings,
    /// The files of the user and of the system.
    own: Vec<&'static str>,
}

impl Asking<'_> {
    /// The answers to all questions, asked at the same time. `plain` is the answer without any file.
    fn answers(
        &self,
        questions: &BTreeSet<Question>,
        plain: &mut Option<String>,
    ) -> Result<BTreeMap<Question, OpenSshSettings>, CliError> {
        let questions: Vec<&Question> = questions.iter().collect();
        if plain.is_none() && questions.iter().any(|question| self.files_of(question).is_some()) {
            let question = Question { host: "localhost".to_owned(), ..Question::default() };
            let answer = openssh::ask(Files::None, &question.arguments());
            *plain = Some(answer.map_err(|error| self.failed(&question, &error))?);
        }
        let without_files = plain.as_deref().unwrap_or_default();
        let (next, answers) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
        let work = || {
            while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = self.answer(question, without_files);
                if let Ok(mut answers) = answers.lock() {
                    answers.insert((*question).clone(), answer);
                }
            }
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from).min(questions.len());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(work);
            }
        });
        let answers = answers.into_inner().unwrap_or_default();
        answers.into_iter().map(|(question, answer)| Ok((question, answer?))).collect()
    }

    fn answer(&self, question: &Question, without_files: &str) -> Result<OpenSshSettings, CliError> {
        let Some((path, shown)) = self.files_of(question) else { return Ok(OpenSshSettings::default()) };
        let files = path.as_deref().map_or(Files::Own, Files::One);
        let answer =
            openssh::ask(files, &question.arguments()).map_err(|error| self.failed(question, &error))?;
        let folder = std::env::current_dir().unwrap_or_default();
        let surroundings =
            Surroundings { home: &self.settings.home, user: &self.settings.user, folder: &folder };
        Ok(OpenSshSettings::read(question, &answer, without_files, &shown, surroundings))
    }

    /// The file that counts, if it is not OpenSSH's own ones, and what people call it; `None`: there is none.
    fn files_of(&self, question: &Question) -> Option<(Option<PathBuf>, String)> {
        match &question.config {
            Some(config) => Some((Some(self.settings.local_path(self.file, config)), config.clone())),
            None if self.own.is_empty() => None,
            None => Some((None, self.own.join(", "))),
        }
    }

    fn failed(&self, question: &Question, error: &AskError) -> CliError {
        let files = self.files_of(question).map_or_else(|| self.own.join(", "), |(_, shown)| shown);
        let message = format!("OpenSSH's settings of `{}` cannot be read: {error} ({files})", question.host);
        CliError::invalid(message).help(match error {
            AskError::Missing => "install OpenSSH's client, or set ssh_config = \"none\" under [defaults]",
            AskError::NotStarted(_) | AskError::Refused(_) => {
                "correct the file, or name another one: ssh_config = \"FILE\", or \"none\", under [defaults]"
            }
        })
    }
}
