//! Why a tool has no result.
use crate::store::StoreError;
use rmcp::model::InputRequests;
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) enum Failure {
    /// A rule of the business: told to the model, as a result with `isError`.
    Told(Value),
    /// The client has to answer this first; then it makes the call anew.
    Asks(InputRequests),
    /// The client said nothing of a capability that the call needs.
    Lacks(&'static str),
    /// Our fault: logged, and told to nobody.
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
