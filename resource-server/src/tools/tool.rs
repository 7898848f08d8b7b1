//! A tool: its name, its words for people, its schemas, and a closure from arguments to a result.
use super::call::Call;
use crate::{
    failure::Failure,
    schema::{Breach, Schema},
};
use rmcp::model::ToolAnnotations;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{pin::Pin, sync::Arc};

/// A set of related tools.
pub(crate) struct Set {
    pub name: &'static str,
    /// The title of a server that offers the set.
    pub title: &'static str,
    /// In the order of listing.
    pub tools: fn() -> anyhow::Result<Vec<Tool>>,
}

#[derive(Clone)]
pub(crate) struct Tool {
    pub name: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub input: Schema,
    pub output: Schema,
    /// The scope for calling it, on surfaces whose credentials have scopes.
    pub scope: Option<&'static str>,
    pub annotations: ToolAnnotations,
    /// Whether it sends log messages to clients that ask for them.
    pub logs: bool,
    handler: Handler,
}

type Handler = Arc<dyn Fn(Call, Value) -> Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>> + Send + Sync>;

impl Tool {
    /// A tool that responds at once. By default it only reads, needs no scope, and touches nothing outside.
    pub fn new<A, R>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        answer: impl Fn(&Call, A) -> Result<R, Failure> + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
    {
        let answer = Arc::new(answer);
        Self::waiting(name, title, description, move |call: Call, arguments: A| {
            let answer = Arc::clone(&answer);
            async move { answer(&call, arguments) }
        })
    }

    /// A tool that has to wait, for example for the store.
    pub fn waiting<A, R, F>(
        name: &'static str,
        title: &'static str,
        description: &'static str,
        answer: impl Fn(Call, A) -> F + Send + Sync + 'static,
    ) -> anyhow::Result<Self>
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize + JsonSchema + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        let handler = move |call: Call, arguments: Value| {
            let answer = Arc::clone(&answer);
            Box::pin(async move {
                let arguments = serde_json::from_value(arguments)?;
                Ok(serde_json::to_value(answer(call, arguments).await?)?)
            }) as Pin<Box<dyn Future<Output = _> + Send>>
        };
        Ok(Self {
            name,
            title,
            description,
            input: Schema::of_input::<A>()?,
            output: Schema::of_output::<R>()?,
            scope: None,
            annotations: ToolAnnotations::new().read_only(true).open_world(false),
            logs: false,
            handler: Arc::new(handler),
        })
    }

    pub fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Marks it as changing data without destroying any.
    pub fn writes(mut self) -> Self {
        self.annotations = ToolAnnotations::new().read_only(false).destructive(false).open_world(false);
        self
    }

    /// Marks it as destroying data.
    pub fn destroys(mut self) -> Self {
        self.annotations = ToolAnnotations::new().read_only(false).destructive(true).open_world(false);
        self
    }

    pub fn logs(mut self) -> Self {
        self.logs = true;
        self
    }

    pub fn check(&self, arguments: &Value) -> Result<(), Breach> {
        self.input.check(arguments)
    }

    /// The arguments must have been checked.
    pub async fn call(&self, call: Call, arguments: Value) -> Result<Value, Failure> {
        (self.handler)(call, arguments).await
    }
}

/// Arguments of a tool that takes none.
#[derive(serde::Deserialize, JsonSchema)]
pub(crate) struct NoArguments {}
