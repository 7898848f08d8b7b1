//! What a gate would say to a call, check by check, without anything happening.
use super::{
    Gate, Gates,
    steps::{DryRun, Step, Walk},
};
use crate::{check_name::CheckName, error_code::ErrorCode, observer::Passage};
use axum::{
    body::Body,
    extract::Request,
    http::{Extensions, HeaderValue, Method, header},
};
use serde_json::{Value, json};

/// What one check of a gate says to a call.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    pub check: CheckName,
    pub judgement: Judgement,
}

#[derive(Clone, Copy, Debug)]
pub enum Judgement {
    Passed,
    Failed {
        error: ErrorCode,
        description: &'static str,
    },
    /// A check before it failed.
    NotReached,
    /// No arguments were given, and it is about them.
    NotJudged,
}

impl Gates {
    /// Each check of a call of `tool`, or of listing tools, in the order in which the gate of the first origin makes
    /// them. `request` has the credential.
    pub async fn explain(&self, request: Request, tool: Option<&str>, arguments: Option<&str>) -> Vec<Explanation> {
        let Some((authority, gate)) = self.0.first() else { return Vec::new() };
        let request = call(request, authority, &message(tool, arguments));
        let mut walk = Walk::new(request, Passage::new(Extensions::new()));
        let (mut all, mut failed) = (Vec::new(), false);
        for step in gate.steps() {
            let judgement = if failed {
                Judgement::NotReached
            } else if step.needs_arguments() && arguments.is_none() {
                Judgement::NotJudged
            } else {
                gate.explain(step, &mut walk).await
            };
            failed |= matches!(judgement, Judgement::Failed { .. });
            all.push(Explanation { check: step.name(), judgement });
        }
        all
    }
}

impl Gate {
    async fn explain(&self, step: Step<'_>, walk: &mut Walk) -> Judgement {
        match self.check(step, walk).await {
            Ok(()) => Judgement::Passed,
            Err(refusal) => Judgement::Failed { error: refusal.error, description: refusal.description },
        }
    }
}

/// The request as a client would send it to this authority.
fn call(mut request: Request, authority: &str, message: &str) -> Request {
    *request.method_mut() = Method::POST;
    *request.body_mut() = Body::from(message.to_owned());
    request.extensions_mut().insert(DryRun);
    let headers = request.headers_mut();
    if let Ok(own) = HeaderValue::from_str(authority) {
        headers.entry(header::HOST).or_insert(own);
    }
    headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    request
}

fn message(tool: Option<&str>, arguments: Option<&str>) -> String {
    tool.map_or_else(
        || json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string(),
        |tool| {
            let (name, arguments) = (Value::from(tool), arguments.unwrap_or("{}"));
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":{name},"arguments":{arguments}}}}}"#
            )
        },
    )
}
