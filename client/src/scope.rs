//! Sets of scopes, as one string holds them (RFC 6749 §3.3).

/// Both sets, each scope once, in order of appearance.
pub fn union(before: &str, more: &str) -> String {
    let mut all: Vec<&str> = Vec::new();
    for scope in before.split_whitespace().chain(more.split_whitespace()) {
        if !all.contains(&scope) {
            all.push(scope);
        }
    }
    all.join(" ")
}
