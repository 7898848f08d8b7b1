//! Why a tool has no result.
use crate::store::StoreError;
use rmcp::model::InputRequests;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) enum Failure {
    /// The call broke a rule of the tool: reported to the model, as a result with `isError`.
    Told(Value),
    /// A question for the client, which then calls again with the answer.
    Asks(InputRequests),
    /// The client did not announce a capability that the call needs.
    Lacks(&'static str),
    /// An internal error: logged, and not reported in detail.
    Internal(anyhow::Error),
}

impl Failure {
    pub fn new(reason: &str) -> Self {
        Self::Told(json!({"success": false, "error": reason}))
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::new("There is no room for more; delete something first"),
            StoreError::Broken(error) => Self::Internal(error),
        }
    }
}
