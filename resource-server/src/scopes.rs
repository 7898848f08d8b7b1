//! Which scopes a call needs, and which narrower ones a broader scope brings along (RFC 6749 §3.3).
use std::collections::{BTreeMap, BTreeSet};

/// Scope rules of one MCP server. Starts with the `mcp:` hierarchy, and with `mcp:tools:list` for the listing methods.
#[derive(Clone, Debug)]
pub struct Policy {
    implies: BTreeMap<String, Vec<String>>,
    methods: BTreeMap<String, Vec<String>>,
    tools: BTreeMap<String, Vec<String>>,
    other_tools: Vec<String>,
}

/// Short names of coarse scopes.
const ALIASES: [(&str, &str); 5] = [
    ("mcp.read", "mcp:read"),
    ("mcp.write", "mcp:write"),
    ("read", "mcp:read"),
    ("write", "mcp:write"),
    ("admin", "mcp:admin"),
];

impl Default for Policy {
    fn default() -> Self {
        let mut policy = Self {
            implies: BTreeMap::new(),
            methods: BTreeMap::new(),
            tools: BTreeMap::new(),
            other_tools: words("mcp:tools:call"),
        };
        policy.imply("mcp:tools:admin", "mcp:tools:write");
        policy.imply("mcp:tools:write", "mcp:tools:read");
        policy.imply("mcp:tools:read", "mcp:tools:list");
        policy.imply("mcp:tools:echo", "mcp:tools:list");
        policy.imply("mcp:tools:call", "mcp:tools:list");
        policy.imply("mcp:read", "mcp:tools:list mcp:tools:echo mcp:tools:read");
        policy.imply("mcp:write", "mcp:read mcp:tools:write mcp:tools:call");
        policy.imply("mcp:admin", "mcp:write mcp:tools:admin");
        policy.method("tools/list", "mcp:tools:list");
        policy.method("resources/list", "mcp:tools:list");
        policy
    }
}

impl Policy {
    /// Whoever holds `broader` holds each of `narrower` (space-separated) too, and what those imply in turn.
    pub fn imply(&mut self, broader: &str, narrower: &str) {
        self.implies.entry(broader.to_owned()).or_default().extend(words(narrower));
    }

    /// Knows the scopes under the short names, too, that other servers have for them.
    pub fn with_aliases(&mut self) {
        for (alias, scope) in ALIASES {
            self.imply(alias, scope);
        }
    }

    /// The JSON-RPC method needs all of `scopes` (space-separated).
    pub fn method(&mut self, method: &str, scopes: &str) {
        self.methods.insert(method.to_owned(), words(scopes));
    }

    /// Calling the tool needs all of `scopes` (space-separated).
    pub fn tool(&mut self, tool: &str, scopes: &str) {
        self.tools.insert(tool.to_owned(), words(scopes));
    }

    /// What tools without a rule of their own need; nothing when empty.
    pub fn other_tools(&mut self, scopes: &str) {
        self.other_tools = words(scopes);
    }

    /// All scopes a call needs, in the order they were given.
    #[must_use]
    pub fn needed(&self, method: &str, tool: Option<&str>) -> &[String] {
        match tool.filter(|_| method == "tools/call") {
            Some(tool) => self.tools.get(tool).unwrap_or(&self.other_tools),
            None => self.methods.get(method).map_or(&[], Vec::as_slice),
        }
    }

    /// Do the granted scopes, and all they imply, hold every needed one?
    #[must_use]
    pub fn allows(&self, granted: &[String], needed: &[String]) -> bool {
        let held = self.closure(granted);
        needed.iter().all(|scope| held.contains(scope.as_str()))
    }

    /// Is this one of the scopes the rules speak of?
    #[must_use]
    pub fn knows(&self, scope: &str) -> bool {
        let implied = || self.implies.values().flatten();
        let named = || self.methods.values().chain(self.tools.values()).flatten().chain(&self.other_tools);
        self.implies.contains_key(scope) || implied().chain(named()).any(|known| known == scope)
    }

    fn closure<'a>(&'a self, granted: &'a [String]) -> BTreeSet<&'a str> {
        let mut held = BTreeSet::new();
        let mut waiting: Vec<&str> = granted.iter().map(String::as_str).collect();
        while let Some(scope) = waiting.pop() {
            if held.insert(scope) {
                waiting.extend(self.implies.get(scope).into_iter().flatten().map(String::as_str));
            }
        }
        held
    }
}

/// The scopes of a space-separated list, without repeats, in order.
pub(crate) fn words(scopes: &str) -> Vec<String> {
    let mut all = Vec::new();
    for scope in scopes.split(' ').filter(|scope| !scope.is_empty()) {
        if !all.iter().any(|held| held == scope) {
            all.push(scope.to_owned());
        }
    }
    all
}

/// RFC 6749 §3.3: tokens of %x21 / %x23-5B / %x5D-7E, single spaces between them.
pub(crate) fn well_formed(scopes: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    scopes.is_empty() || scopes.split(' ').all(|scope| !scope.is_empty() && scope.bytes().all(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(granted: &str, needed: &str) -> bool {
        Policy::default().allows(&words(granted), &words(needed))
    }

    #[test]
    fn a_broader_scope_satisfies_every_narrower_one() {
        let fine = ["mcp:tools:list", "mcp:tools:read", "mcp:tools:write", "mcp:tools:admin"];
        for (rank, granted) in fine.iter().enumerate() {
            for (needed_rank, needed) in fine.iter().enumerate() {
                assert_eq!(allows(granted, needed), needed_rank <= rank, "{granted} for {needed}");
            }
        }
        assert!(allows("mcp:tools:echo", "mcp:tools:list"));
        assert!(allows("mcp:tools:call", "mcp:tools:list"));
        assert!(!allows("mcp:tools:echo", "mcp:tools:read"));
        assert!(!allows("mcp:tools:admin", "mcp:tools:call"));
    }

    #[test]
    fn coarse_scopes_stand_for_sets_of_fine_ones() {
        assert!(allows("mcp:read", "mcp:tools:list mcp:tools:echo mcp:tools:read"));
        assert!(!allows("mcp:read", "mcp:tools:write"));
        assert!(!allows("mcp:read", "mcp:tools:call"));
        assert!(allows("mcp:write", "mcp:read mcp:tools:write mcp:tools:call mcp:tools:echo"));
        assert!(!allows("mcp:write", "mcp:tools:admin"));
        assert!(allows("mcp:admin", "mcp:write mcp:read mcp:tools:admin mcp:tools:call mcp:tools:echo"));
        assert!(!allows("", "mcp:tools:list"));
    }

    #[test]
    fn short_names_mean_something_only_where_they_are_switched_on() {
        for (alias, scope) in ALIASES {
            let mut policy = Policy::default();
            assert!(!policy.allows(&words(alias), &words("mcp:tools:list")), "{alias}");
            policy.with_aliases();
            assert!(policy.allows(&words(alias), &words(scope)), "{alias}");
            assert_eq!(policy.allows(&words(alias), &words("mcp:tools:admin")), alias == "admin", "{alias}");
        }
    }

    #[test]
    fn a_circle_of_implications_ends() {
        let mut policy = Policy::default();
        policy.imply("a", "b");
        policy.imply("b", "a");
        assert!(policy.allows(&words("a"), &words("b a")));
        assert!(!policy.allows(&words("a"), &words("c")));
    }

    #[test]
    fn a_tool_without_a_rule_needs_the_scope_for_other_tools() {
        let mut policy = Policy::default();
        policy.tool("echo", "mcp:tools:echo");
        assert_eq!(policy.needed("tools/call", Some("echo")), ["mcp:tools:echo"]);
        assert_eq!(policy.needed("tools/call", Some("forgotten")), ["mcp:tools:call"]);
        assert!(policy.needed("ping", Some("echo")).is_empty());
    }
}
