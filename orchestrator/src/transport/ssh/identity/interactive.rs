//! What a server asks a person: passwords (RFC 4252, section 8) and other questions (RFC 4256).
//!
//! Owns how a server's questions become requests for secrets. Several hosts may ask the same: it is answered once.

use russh::client::{AuthResult, Handle, Handler, KeyboardInteractiveAuthResponse as Response, Prompt};
use russh::{MethodKind, MethodSet};

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
}

impl Tries {
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
            return Some(keyboard(handle, login).await);
        }
        if methods.contains(&MethodKind::Password) && self.password < TRIES {
            self.password += 1;
            return Some(password(handle, login).await);
        }
        None
    }
}

/// A login by its password.
async fn password<H: Handler>(handle: &mut Handle<H>, login: &Login<'_>) -> Result<AuthResult, NoAnswer> {
    let user = &login.to.user;
    let request = request(login, "", "password", false);
    let secret = answer(login, &request).await?;
    let result = login.within(handle.authenticate_password(user, secret.expose())).await?;
    if is_refusal(&result) {
        login.secrets.refused(&request);
    }
    Ok(result)
}

/// A login by answers to the server's own questions.
async fn keyboard<H: Handler>(handle: &mut Handle<H>, login: &Login<'_>) -> Result<AuthResult, NoAnswer> {
    let user = &login.to.user;
    let mut given = Vec::new();
    let mut response = login.within(handle.authenticate_keyboard_interactive_start(user, None)).await?;
    for _ in 0..ROUNDS {
        match response {
            Response::Success => return Ok(AuthResult::Success),
            Response::Failure { remaining_methods, partial_success } => {
                let result = AuthResult::Failure { remaining_methods, partial_success };
                if is_refusal(&result) {
                    for request in &given {
                        login.secrets.refused(request);
                    }
                }
                return Ok(result);
            }
            Response::InfoRequest { name, instructions, prompts } => {
                let about = format!("{name} {instructions}");
                let mut answers = Vec::new();
                for Prompt { prompt, echo } in &prompts {
                    let request = request(login, &about, prompt, *echo);
                    answers.push(answer(login, &request).await?.expose().to_owned());
                    given.push(request);
                }
                response = login.within(handle.authenticate_keyboard_interactive_respond(answers)).await?;
            }
        }
    }
    Err(NoAnswer::Link("the server asks questions without end".to_owned()))
}

fn is_refusal(result: &AuthResult) -> bool {
    matches!(result, AuthResult::Failure { partial_success: false, .. })
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
    let question = if shown == "password" { "password:".to_owned() } else { shown };
    SecretRequest {
        purpose: Purpose::Login { user: to.user.clone(), prompt: same },
        command: to.password_command.clone().filter(|_| is_password),
        question: format!("{}@{}: {about}{question}", to.user, to.name),
        echo,
        host: to.name.clone(),
    }
}
