//! Messages from a tool to its client before the result: progress, log messages, and questions.
use crate::failure::Failure;
use rmcp::{
    Peer, RoleServer,
    model::{InputRequests, InputResponses, ProgressNotificationParam, ProgressToken},
    service::RequestContext,
};
use serde_json::{Value, json};

#[derive(Clone)]
pub(crate) struct Client {
    peer: Peer<RoleServer>,
    capabilities: Value,
    progress: Option<ProgressToken>,
    /// The lowest level of log messages that the client wants.
    level: Option<u8>,
    /// Answers to questions of the previous call.
    answers: InputResponses,
}

/// The severity of a log message (RFC 5424 §6.2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Level {
    Debug,
    Info,
    Warning,
}

impl Client {
    pub fn new(context: &RequestContext<RoleServer>, answers: Option<InputResponses>) -> Self {
        Self {
            peer: context.peer.clone(),
            capabilities: serde_json::to_value(context.client_capabilities()).unwrap_or_default(),
            progress: context.meta.get_progress_token(),
            level: context.meta.log_level().map(|level| level as u8),
            answers: answers.unwrap_or_default(),
        }
    }

    /// Reports progress if the client wants it.
    pub async fn progress(&self, done: u32, total: u32) {
        let Some(token) = self.progress.clone() else { return };
        let note = ProgressNotificationParam::new(token, done.into()).with_total(total.into());
        if let Err(error) = self.peer.notify_progress(note).await {
            tracing::debug!(%error, "the client hears of no progress");
        }
    }

    /// Sends a log message if the client wants it; answers whether it was sent.
    #[expect(deprecated, reason = "the revision still has it")]
    pub async fn log(&self, level: Level, text: &str) -> bool {
        use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam};
        let level = match level {
            Level::Debug => LoggingLevel::Debug,
            Level::Info => LoggingLevel::Info,
            Level::Warning => LoggingLevel::Warning,
        };
        if self.level.is_none_or(|least| (level as u8) < least) {
            return false;
        }
        self.peer.notify_logging_message(LoggingMessageNotificationParam::new(level, json!(text))).await.is_ok()
    }

    /// The client's answer to this question. Without one, the call ends with the question, and the client calls again.
    pub fn ask(&self, capability: &'static str, name: &str, question: Value) -> Result<&Value, Failure> {
        if !self.capabilities[capability].is_object() {
            return Err(Failure::Lacks(capability));
        }
        if let Some(answer) = self.answers.get(name) {
            return Ok(answer);
        }
        Err(Failure::Asks(InputRequests::from([(name.to_owned(), serde_json::from_value(question)?)])))
    }
}
