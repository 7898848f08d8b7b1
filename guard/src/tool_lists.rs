//! Lists of tools in what a server says, without the tools that the caller may not call.
use crate::{caller::Caller, json, scopes::Policy};

/// Messages, one or many, whose lists of tools have more than the caller may call, without those; all else is as it
/// was written.
pub fn shortened(policy: &Policy, caller: &Caller, messages: &str) -> Option<String> {
    if !messages.trim_start().starts_with('[') {
        return shorter(policy, caller, messages);
    }
    let all: Vec<_> = json::parts(messages).map(|(_, one)| (one, shorter(policy, caller, one))).collect();
    let is_shorter = all.iter().any(|(_, shorter)| shorter.is_some());
    let all = all.into_iter().map(|(same, shorter)| shorter.unwrap_or_else(|| same.to_owned()));
    is_shorter.then(|| format!("[{}]", all.collect::<Vec<_>>().join(",")))
}

fn shorter(policy: &Policy, caller: &Caller, message: &str) -> Option<String> {
    let tools = json::member(json::member(message, "result")?, "tools").filter(|tools| tools.starts_with('['))?;
    let name = |tool| json::member(tool, "name").and_then(json::text);
    let may_call = |tool| name(tool).is_some_and(|name| caller.may_call(policy, &name));
    let (usable, others): (Vec<_>, Vec<_>) = json::parts(tools).map(|(_, tool)| tool).partition(|tool| may_call(tool));
    let start = tools.as_ptr().addr() - message.as_ptr().addr();
    let (before, after) = (&message[..start], &message[start + tools.len()..]);
    (!others.is_empty()).then(|| format!("{before}[{}]{after}", usable.join(",")))
}
