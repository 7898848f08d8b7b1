//! Which narrower scopes a broader scope includes (RFC 6749 §3.3): the `mcp:` scopes of every guard, and the general
//! rule.
use std::collections::BTreeSet;

/// The scopes that the `mcp:` scopes include, at every guard.
pub const HIERARCHY: [(&str, &str); 8] = [
    ("mcp:tools:admin", "mcp:tools:write"),
    ("mcp:tools:write", "mcp:tools:read"),
    ("mcp:tools:read", "mcp:tools:list"),
    ("mcp:tools:echo", "mcp:tools:list"),
    ("mcp:tools:call", "mcp:tools:list"),
    ("mcp:read", "mcp:tools:list mcp:tools:echo mcp:tools:read"),
    ("mcp:write", "mcp:read mcp:tools:write mcp:tools:call"),
    ("mcp:admin", "mcp:write mcp:tools:admin"),
];

/// These scopes, then all scopes they include, transitively and each once. `narrower` tells what one scope includes
/// directly.
pub fn reach<'a, N: IntoIterator<Item = &'a str>>(
    held: impl IntoIterator<Item = &'a str>,
    narrower: impl Fn(&'a str) -> N,
) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    let mut all: Vec<_> = held.into_iter().filter(|scope| seen.insert(*scope)).collect();
    let mut at = 0;
    while let Some(scope) = all.get(at).copied() {
        all.extend(narrower(scope).into_iter().filter(|scope| seen.insert(*scope)));
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_brought_along_comes_after_what_is_held_and_a_circle_ends() {
        let narrower = |scope: &str| match scope {
            "a" => vec!["b", "c"],
            "b" => vec!["a", "d"],
            _ => vec![],
        };
        assert_eq!(reach(["x", "a", "x"], narrower), ["x", "a", "b", "c", "d"]);
        assert_eq!(reach(["c"], narrower), ["c"]);
        assert!(reach([], narrower).is_empty());
    }
}
