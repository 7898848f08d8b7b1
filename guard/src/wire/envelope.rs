//! The envelope of a message: what JSON-RPC 2.0 has, and nothing beside it.
use crate::{
    challenge::Refusal,
    json::{self, Malformed, is_object},
    names,
    rpc_code::RpcCode,
};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::borrow::Cow;

const MEMBERS: [&str; 6] = ["jsonrpc", "id", "method", "params", "result", "error"];

/// The members that JSON-RPC has, and no others (JSON-RPC 2.0 §4 and §5).
pub(super) struct Envelope<'a> {
    /// Null if there is none.
    pub id: Value,
    /// Empty for responses.
    pub method: Cow<'a, str>,
    pub params: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    pub fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let text = json::check(body).map_err(|malformed| unreadable(body, &malformed))?;
        let refuse = |text| Err(Refusal::malformed(&id_of(body), RpcCode::InvalidRequest, text));
        if text.trim_start().starts_with('[') {
            return refuse("Invalid Request: batches are not supported");
        }
        let members: Vec<_> = json::parts(text).take(MEMBERS.len() + 1).collect();
        if members.iter().any(|(name, _)| !MEMBERS.contains(&&**name)) {
            return refuse("Invalid Request: JSON-RPC has no such member");
        }
        let member = |name| members.iter().find(|(own, _)| own == name).map(|(_, part)| *part);
        let only = |of: &[&str]| members.iter().all(|(name, _)| of.contains(&&**name));
        let (id, method, params) = (member("id"), member("method"), member("params"));
        let (identified, named) = (id.and_then(read_id), method.and_then(json::text));
        let is_call = named.is_some() && only(&MEMBERS[..4]) && id.is_some() == identified.is_some();
        let has_result = member("result").is_some() && only(&["jsonrpc", "id", "result"]);
        let has_error = member("error").is_some_and(is_error) && only(&["jsonrpc", "id", "error"]);
        let is_response = identified.is_some() && (has_result || has_error);
        if member("jsonrpc").and_then(json::text).as_deref() != Some("2.0") || !(is_call || is_response) {
            return refuse("Invalid Request: the body is not a JSON-RPC 2.0 message");
        }
        if params.is_some_and(|params| !is_object(params)) {
            return refuse("Invalid Request: params must be an object");
        }
        let method = named.unwrap_or_default();
        let spelled = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte);
        if is_call && (method.is_empty() || !method.bytes().all(spelled)) {
            return refuse("Invalid Request: the method has other characters than letters, digits, _, -, . and /");
        }
        if method.len() > names::LONGEST {
            return refuse("Invalid Request: the method is longer than 1024 bytes");
        }
        Ok(Self { id: identified.unwrap_or_default(), method, params })
    }
}

/// JSON-RPC 2.0 §5.1.
fn is_error(part: &str) -> bool {
    let known = |name: &str, member: &str| match name {
        "code" => member.parse::<i64>().is_ok(),
        "message" => json::text(member).is_some(),
        "data" => true,
        _ => false,
    };
    is_object(part)
        && json::parts(part).all(|(name, member)| known(&name, member))
        && ["code", "message"].iter().all(|name| json::member(part, name).is_some())
}

/// A text or an integer.
pub fn read_id(part: &str) -> Option<Value> {
    let id = serde_json::from_str::<Value>(part).ok()?;
    Some(id).filter(|id| id.is_string() || id.is_i64() || id.is_u64())
}

/// As far as it can be told, whatever else is wrong with the body.
fn id_of(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    let mut ids = json::parts(&text).filter(|(name, _)| name == "id");
    let id = ids.next().and_then(|(_, part)| read_id(part));
    id.filter(|_| ids.next().is_none()).unwrap_or_default()
}

fn unreadable(body: &[u8], malformed: &Malformed) -> Refusal {
    let data = json!({"reason": malformed.reason, "at": malformed.at, "member": malformed.member});
    let text = "Parse error: the body is not JSON that all read alike";
    Refusal::json_rpc(StatusCode::BAD_REQUEST, &id_of(body), RpcCode::ParseError, text, Some(data))
}
