//! Answers to a server that asks back (elicitation): a refusal, or the defaults of its form.
use super::message::Params;
use crate::error::{Failure, Result};
use serde_json::{Map, Value, json};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Elicitation {
    /// Decline every question, and do not offer to be asked.
    #[default]
    Decline,
    /// Fill each form with its default values.
    Defaults,
}

impl Elicitation {
    /// What this client can do: its authorization extensions, and elicitation where somebody answers.
    pub fn capabilities(self) -> Value {
        let mut capabilities = json!({"extensions": {
            "io.modelcontextprotocol/oauth-client-credentials": {},
            "io.modelcontextprotocol/enterprise-managed-authorization": {},
        }});
        if self == Self::Defaults {
            capabilities["elicitation"] = json!({});
        }
        capabilities
    }

    /// Adds the answers to all `inputRequests` of a result to the params of the next attempt.
    pub fn answer_all(self, result: &Value, params: &mut Params) -> Result<()> {
        let requests = result["inputRequests"].as_object().cloned().unwrap_or_default();
        let mut responses = Map::new();
        for (key, request) in requests {
            let answer = self.answer(&request).ok_or_else(|| {
                let method = request["method"].as_str().unwrap_or("nothing known");
                Failure::new(
                    "input_required",
                    format!("the server asks for {method}, which this client does not offer"),
                )
            })?;
            responses.insert(key, answer);
        }
        params.insert("inputResponses".to_owned(), responses.into());
        // The state goes back exactly as the server sent it, and only if this result had one.
        match result.get("requestState") {
            Some(state) => drop(params.insert("requestState".to_owned(), state.clone())),
            None => drop(params.remove("requestState")),
        }
        Ok(())
    }

    /// The answer to one request. None where this client cannot answer such a request.
    pub fn answer(self, request: &Value) -> Option<Value> {
        if request["method"] != "elicitation/create" {
            return None;
        }
        let content = (self == Self::Defaults).then(|| defaults(&request["params"]["requestedSchema"])).flatten();
        Some(
            content.map_or_else(
                || json!({"action": "decline"}),
                |content| json!({"action": "accept", "content": content}),
            ),
        )
    }
}

/// The form filled with its defaults. None where a required member has no default.
fn defaults(schema: &Value) -> Option<Value> {
    let properties = schema["properties"].as_object()?;
    let content: Map<_, _> = properties
        .iter()
        .filter_map(|(name, property)| Some((name.clone(), property.get("default")?.clone())))
        .collect();
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    required.iter().filter_map(Value::as_str).all(|name| content.contains_key(name)).then(|| content.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_filled_with_its_defaults_or_declined() {
        let form = |required: Value| {
            json!({"method": "elicitation/create", "params": {"requestedSchema": {
                "properties": {"a": {"default": 1}, "b": {}}, "required": required}}})
        };
        let accepted = Elicitation::Defaults.answer(&form(json!(["a"]))).unwrap();
        assert_eq!(accepted, json!({"action": "accept", "content": {"a": 1}}));
        assert_eq!(Elicitation::Defaults.answer(&form(json!(["b"]))).unwrap()["action"], "decline");
        assert_eq!(Elicitation::Decline.answer(&form(json!([]))).unwrap()["action"], "decline");
        assert!(Elicitation::Defaults.answer(&json!({"method": "sampling/createMessage"})).is_none());
    }

    #[test]
    fn the_state_is_sent_back_as_it_came_and_only_if_it_came() {
        let mut params = Params::new();
        let ask = |state: Option<&str>| {
            let mut result = json!({"inputRequests": {}});
            if let Some(state) = state {
                result["requestState"] = state.into();
            }
            result
        };
        Elicitation::Decline.answer_all(&ask(Some("{\"n\": 1}")), &mut params).unwrap();
        assert_eq!(params["requestState"], "{\"n\": 1}");
        Elicitation::Decline.answer_all(&ask(None), &mut params).unwrap();
        assert!(!params.contains_key("requestState"));
    }
}
