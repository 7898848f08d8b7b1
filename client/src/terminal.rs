//! The person at the terminal: the lines they type, and whether they would see a browser.
use crate::{bounds, output};
use std::{
    io::{BufRead, IsTerminal, Read},
    sync::OnceLock,
};
use tokio::sync::{Mutex, mpsc};

/// Whether a person at the terminal says yes. Without a person the answer is no.
pub async fn confirmed(question: &str) -> bool {
    if !is_attended() {
        return false;
    }
    output::prompt(&format!("{question} [y/N]"));
    matches!(typed().await.as_deref().map(str::trim), Some("y" | "Y" | "yes"))
}

/// The answer to a question. None where standard input ends, as it does without a person.
pub async fn answer(question: &str) -> Option<String> {
    output::prompt(question);
    typed().await.map(|line| line.trim().to_owned())
}

/// The answer to a question for a secret: not shown while it is typed, and not trimmed.
pub async fn secret(question: &str) -> Option<String> {
    let _hidden = HiddenInput::begin();
    // After Ctrl-C the terminal shows again what is typed.
    let answer = tokio::select! {
        answer = async {
            output::prompt(question);
            typed().await
        } => answer,
        _ = tokio::signal::ctrl_c() => None,
    };
    // The line end that was typed was not shown either.
    if std::io::stdin().is_terminal() {
        output::note("");
    }
    answer
}

/// The next line that somebody types or pastes; None at the end of standard input.
pub async fn typed() -> Option<String> {
    static LINES: OnceLock<Mutex<mpsc::Receiver<String>>> = OnceLock::new();
    LINES.get_or_init(|| Mutex::new(lines())).lock().await.recv().await
}

/// Whether a person reads the questions and can answer them.
pub fn is_attended() -> bool {
    std::io::stdin().is_terminal() && output::is_seen()
}

/// Whether a person would see a browser that opens: at this machine, and not over SSH.
pub fn has_display() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let away = set("SSH_CONNECTION") || set("SSH_TTY");
    let screen = cfg!(any(windows, target_os = "macos")) || set("DISPLAY") || set("WAYLAND_DISPLAY");
    is_attended() && screen && !away
}

/// The lines of standard input. A thread of its own reads them, because such a read cannot be cancelled; the process
/// ends without waiting for it.
fn lines() -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(1);
    if in_background() {
        return receiver;
    }
    std::thread::spawn(move || {
        loop {
            let mut line = Vec::new();
            let read = std::io::stdin().lock().take(bounds::PASTE).read_until(b'\n', &mut line);
            let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            if !read.is_ok_and(|read| read > 0) || sender.blocking_send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Whether the process runs in the background. A terminal stops such a process when it reads.
#[cfg(unix)]
fn in_background() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|front| front != rustix::process::getpgrp())
}

#[cfg(not(unix))]
fn in_background() -> bool {
    false
}

/// Until it is dropped, the terminal does not show what is typed.
#[cfg(unix)]
struct HiddenInput(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl HiddenInput {
    fn begin() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let before = tcgetattr(std::io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHO);
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &modes);
        }
        Self(before)
    }
}

#[cfg(unix)]
impl Drop for HiddenInput {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, before);
        }
    }
}

#[cfg(not(unix))]
struct HiddenInput;

#[cfg(not(unix))]
impl HiddenInput {
    fn begin() -> Self {
        Self
    }
}
