//! What a server asks a person: passwords (RFC 4252, section 8) and other questions (RFC 4256).
//!
//! Owns how a server's questions become requests for secrets. Several hosts may ask the same: it is answered once.

use std::time::Duration;

use russh::client::{AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse as Response, Prompt};
use russh::{MethodKind, MethodSet};
use tokio::time::timeout;

use super::Login;
use crate::redact::Secret;
use crate::text::stranger_line;
use crate::transport::{Purpose, SecretRequest};

/// How often a server is answered in one way; `ssh(1)` does so three times (`NumberOfPasswordPrompts`).
const TRIES: usize = 3;

/// How often questions come in one try, at most: a server could ask without end.
const ROUNDS: usize = 10;

/// Why a try ended without an answer of the server.
pub(super) enum NoAnswer {
    /// Nobody answers a question; what it was, and why not.
    Unanswered(String),
    /// The connection failed.
    Link(String),
    /// The server was silent.
    Silent,
}

/// The tries so far.
#[derive(Default)]
pub(super) struct Tries {
    keyboard: usize,
    password: usize,
    answered: bool,
}

impl Tries {
    /// Whether the server has been answered at all.
    pub(super) fn has_answered(&self) -> bool {
        self.answered
    }

    /// Answers the server in the next way that it takes; `None`: there is none.
    pub(super) async fn next<H: Handler>(
        &mut self,
        handle: &mut Handle<H>,
        login: &Login<'_>,
        methods: &MethodSet,
    ) -> Option<Result<AuthResult, NoAnswer>> {
        if !login.can_answer() {
            return None;
        }
        if methods.contains(&MethodKind::KeyboardInteractive) && self.keyboard < TRIES {
            self.keyboard += 1;
            return Some(self.noted(keyboard(handle, login).await));
        }
        if methods.contains(&MethodKind::Password) && self.password < TRIES {
            self.password += 1;
            return Some(self.noted(password(handle, login).await));
        }
        None
    }

    fn noted(&mut self, result: Result<AuthResult, NoAnswer>) -> Result<AuthResult, NoAnswer> {
        self.answered |= !matches!(&result, Err(NoAnswer::Link(why)) if why == GONE);
        result
    }
}

/// How long a server may take after an answer: somebody may have to confirm the login on another device.
const CONFIRMED: Duration = Duration::from_secs(120);

/// A login by its password.
async fn password<H: Handler>(handle: &mut Handle<H>, login: &Login<'_>) -> Result<AuthResult, NoAnswer> {
    let user = &login.to.user;
    let request = request(login, "", "password", false);
    let secret = answer(login, &request).await?;
    if handle.is_closed() {
        return Err(gone());
    }
    let result = login.within(handle.authenticate_password(user, secret.expose())).await;
    tell(login, &result, &[request], handle.is_closed());
    result
}

/// A login by answers to the server's own questions.
async fn keyboard<H: Handler>(handle: &mut Handle<H>, login: &Login<'_>) -> Result<AuthResult, NoAnswer> {
    let user = &login.to.user;
    let mut given = Vec::new();
    let mut response = login.within(handle.authenticate_keyboard_interactive_start(user, None)).await?;
    for _ in 0..ROUNDS {
        let (name, instructions, prompts) = match response {
            Response::Success => {
                tell(login, &Ok(AuthResult::Success), &given, false);
                return Ok(AuthResult::Success);
            }
            Response::Failure { remaining_methods, partial_success } => {
                let result = Ok(AuthResult::Failure { remaining_methods, partial_success });
                tell(login, &result, &given, handle.is_closed());
                return result;
            }
            Response::InfoRequest { name, instructions, prompts } => (name, instructions, prompts),
        };
        let about = format!("{name} {instructions}");
        let mut answers = Vec::new();
        for Prompt { prompt, echo } in &prompts {
            let request = request(login, &about, prompt, *echo);
            answers.push(answer(login, &request).await?.expose().to_owned());
            given.push(request);
        }
        if handle.is_closed() {
            // The server has not seen them.
            return Err(gone());
        }
        let responded = handle.authenticate_keyboard_interactive_respond(answers);
        response = match timeout(CONFIRMED, responded).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let hung_up = Err(NoAnswer::Link(stranger_line(&error.to_string())));
                tell(login, &hung_up, &given, true);
                return hung_up;
            }
            Err(_) => return Err(NoAnswer::Silent),
        };
    }
    Err(NoAnswer::Link("the server asks questions without end".to_owned()))
}

const GONE: &str = "the server hung up while somebody was asked";

fn gone() -> NoAnswer {
    NoAnswer::Link(GONE.to_owned())
}

/// Tells whoever gave the answers what became of them. A server that hangs up after an answer has refused it. If several
/// questions were answered, the password may be right and the code wrong: a password of a command is not blamed for it.
fn tell(login: &Login<'_>, result: &Result<AuthResult, NoAnswer>, given: &[SecretRequest], hung_up: bool) {
    let is_good =
        matches!(result, Ok(AuthResult::Success | AuthResult::Failure { partial_success: true, .. }));
    let is_refused = matches!(result, Ok(AuthResult::Failure { .. })) || hung_up;
    let has_others = given.iter().any(|request| !request.is_password);
    for request in given {
        if is_good {
            login.secrets.accepted(request);
        } else if is_refused && !(request.is_password && has_others) {
            login.secrets.refused(request);
        }
    }
}

async fn answer(login: &Login<'_>, request: &SecretRequest) -> Result<Secret, NoAnswer> {
    login.secrets.secret(request).await.map_err(|why| {
        let Purpose::Login { prompt, .. } = &request.purpose else { return NoAnswer::Unanswered(why) };
        NoAnswer::Unanswered(format!("the host asks `{prompt}`: {why}"))
    })
}

/// What is asked for a server's question.
fn request(login: &Login<'_>, about: &str, prompt: &str, echo: bool) -> SecretRequest {
    let to = login.to;
    let shown = stranger_line(prompt);
    // Hosts that differ in their names alone ask the same.
    let same = [to.address.as_str(), to.name.as_str()]
        .iter()
        .fold(shown.clone(), |text, name| text.replace(name, "…"));
    let is_password = !echo && shown.to_ascii_lowercase().contains("password");
    let about = stranger_line(about);
    let about = if about.is_empty() { String::new() } else { format!("{about} ") };
    let others = if login.jump.is_some() { "" } else { ", and all hosts that ask the same" };
    let question = if shown == "password" { "password:".to_owned() } else { shown };
    SecretRequest {
        purpose: Purpose::Login { user: to.user.clone(), prompt: same, jump: login.jump.clone() },
        command: to.password_command.clone().filter(|_| is_password),
        question: format!("{}@{}{others}: {about}{question}", to.user, to.name),
        echo,
        is_password,
        host: to.name.clone(),
    }
}
