//! Which scopes a call needs, and which narrower ones a broader scope brings along (RFC 6749 §3.3).
use crate::names::{alike, folded};
use keyward_oauth::{
    scope::Scopes,
    scope_hierarchy::{self, HIERARCHY},
};
use std::collections::BTreeMap;

/// What each scope brings along, by the word of an issuer about one resource.
pub type Implied = BTreeMap<String, Vec<String>>;

/// Scope rules of one MCP server. Starts with the `mcp:` hierarchy, and with `mcp:tools:list` for the listing methods.
#[derive(Clone, Debug)]
pub struct Policy {
    implies: BTreeMap<String, Vec<String>>,
    methods: Needs,
    tools: Needs,
    other_tools: Vec<String>,
    /// `None`: what the first challenge names.
    other_methods: Option<Vec<String>>,
}

/// What each of these needs. Whatever a reader may take for one of them needs that too.
#[derive(Clone, Debug, Default)]
struct Needs {
    exact: BTreeMap<String, Vec<String>>,
    alike: BTreeMap<String, Vec<String>>,
}

/// What anybody may send who was let in, as it opens a conversation.
const OPEN: [&str; 4] = ["initialize", "notifications/initialized", "ping", "server/discover"];

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
            methods: Needs::default(),
            tools: Needs::default(),
            other_tools: words("mcp:tools:call"),
            other_methods: None,
        };
        for (broader, narrower) in HIERARCHY {
            policy.imply(broader, narrower);
        }
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
        self.methods.set(method, scopes);
    }

    /// Calling the tool needs all of `scopes` (space-separated).
    pub fn tool(&mut self, tool: &str, scopes: &str) {
        self.tools.set(tool, scopes);
    }

    /// What tools without a rule of their own need; nothing when empty.
    pub fn other_tools(&mut self, scopes: &str) {
        self.other_tools = words(scopes);
    }

    /// What methods without a rule of their own need, but for those that open a conversation; at first what the guard's
    /// first challenge names.
    pub fn other_methods(&mut self, scopes: &str) {
        self.other_methods = Some(words(scopes));
    }

    /// What methods without a rule of their own need, unless [`Self::other_methods`] said it.
    pub fn begin_with(&mut self, first: &str) {
        self.other_methods.get_or_insert_with(|| words(first));
    }

    /// All scopes a call needs, in the order they were given.
    #[must_use]
    pub fn needed(&self, method: &str, tool: Option<&str>) -> &[String] {
        match tool.filter(|_| alike(method, "tools/call")) {
            Some(tool) => self.tools.of(tool).unwrap_or(&self.other_tools),
            None if OPEN.contains(&method) && !self.methods.exact.contains_key(method) => &[],
            None => self.methods.of(method).unwrap_or(self.other_methods.as_deref().unwrap_or_default()),
        }
    }

    /// Do the granted scopes, and all they imply, hold every needed one?
    #[must_use]
    pub fn allows(&self, granted: &[String], needed: &[String]) -> bool {
        self.allows_with(&Implied::new(), granted, needed)
    }

    /// The same, where an issuer said more of the granted scopes.
    pub fn allows_with(&self, said: &Implied, granted: &[String], needed: &[String]) -> bool {
        let held = self.closure(said, granted);
        needed.iter().all(|scope| held.contains(&scope.as_str()))
    }

    /// Is this one of the scopes the rules speak of?
    #[must_use]
    pub fn knows(&self, scope: &str) -> bool {
        let implied = || self.implies.values().flatten();
        let others = || self.other_tools.iter().chain(self.other_methods.iter().flatten());
        let named = || self.methods.exact.values().chain(self.tools.exact.values()).flatten().chain(others());
        self.implies.contains_key(scope) || implied().chain(named()).any(|known| known == scope)
    }

    fn closure<'a>(&'a self, said: &'a Implied, granted: &'a [String]) -> Vec<&'a str> {
        let narrower = |scope: &str| {
            let known = [self.implies.get(scope), said.get(scope)];
            known.into_iter().flatten().flatten().map(String::as_str)
        };
        scope_hierarchy::reach(granted.iter().map(String::as_str), narrower)
    }
}

impl Needs {
    fn set(&mut self, name: &str, scopes: &str) {
        self.exact.insert(name.to_owned(), words(scopes));
        self.alike.entry(folded(name).collect()).or_default().extend(words(scopes));
    }

    fn of(&self, name: &str) -> Option<&[String]> {
        let alike = || self.alike.get(&folded(name).collect::<String>());
        self.exact.get(name).or_else(alike).map(Vec::as_slice)
    }
}

/// The scopes of a space-separated list, without repeats, in order.
pub fn words(scopes: &str) -> Vec<String> {
    Scopes::from(scopes.to_owned()).into()
}

pub fn well_formed(scopes: &str) -> bool {
    Scopes::parse(scopes).is_some()
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

    #[test]
    fn a_method_without_a_rule_needs_the_first_scope_but_for_those_that_open_a_conversation() {
        let mut policy = Policy::default();
        policy.begin_with("first");
        for method in OPEN {
            assert!(policy.needed(method, None).is_empty(), "{method}");
        }
        for method in ["", "Ping", "initialise", "tasks/list", "logging/setLevel", "vendor.example/run", "tool/call"] {
            assert_eq!(policy.needed(method, None), ["first"], "{method}");
        }
        assert_eq!(policy.needed("Tools/List", None), ["mcp:tools:list"]);
        policy.method("ping", "mcp:tools:list");
        assert_eq!(policy.needed("ping", None), ["mcp:tools:list"]);
        policy.other_methods("others");
        policy.begin_with("first");
        assert_eq!(policy.needed("tasks/list", None), ["others"]);
    }

    #[test]
    fn what_is_almost_a_tool_with_a_rule_needs_what_that_needs() {
        let mut policy = Policy::default();
        policy.tool("delete", "mcp:tools:admin");
        policy.tool("read", "");
        policy.tool("Read", "mcp:tools:write");
        for (method, tool, needed) in [
            ("tools/call", "Delete", "mcp:tools:admin"),
            ("Tools/Call", "de_lete", "mcp:tools:admin"),
            ("tools/call", "read", ""),
            ("tools/call", "READ", "mcp:tools:write"),
            ("tools/call", "deletes", "mcp:tools:call"),
        ] {
            assert_eq!(policy.needed(method, Some(tool)), words(needed), "{method} {tool}");
        }
    }
}
