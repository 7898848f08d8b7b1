//! The scopes of one resource, and the narrower scopes that each includes (RFC 6749 §3.3).
use crate::model::{Role, Scopes};
use keyward_oauth::scope_hierarchy::{self, HIERARCHY};

#[derive(Clone, Debug)]
pub struct ScopeRule {
    pub name: String,
    /// Describes for the consent page what the scope allows.
    pub description: String,
    /// Roles that may grant it; empty means all.
    pub roles: Vec<Role>,
    /// Scopes that it includes directly; inclusion is transitive.
    pub implies: Vec<String>,
    /// Whether metadata lists it. Aliases and parts of scopes are accepted but not listed.
    pub listed: bool,
}

/// Parts of the `mcp:` scopes, which every guard uses, whether or not the operator configured them.
const PARTS: [(&str, &str); 8] = [
    ("mcp:read", "List its tools and use those that only read"),
    ("mcp:write", "Use its tools that change things, and those that only read"),
    ("mcp:tools:list", "See which tools it has"),
    ("mcp:tools:echo", "Use its tools that only answer"),
    ("mcp:tools:read", "Use its tools that only read"),
    ("mcp:tools:write", "Use its tools that change things"),
    ("mcp:tools:call", "Use its other tools"),
    ("mcp:tools:admin", "Use its tools for administrators"),
];

/// The operator's rules, together with the scope hierarchy that guards use by default. Whoever may grant a broader
/// scope may grant the scopes it includes.
#[must_use]
pub fn complete(mut rules: Vec<ScopeRule>) -> Vec<ScopeRule> {
    let written = rules.len();
    let mut at = 0;
    while let Some(rule) = rules.get_mut(at) {
        let name = rule.name.clone();
        rule.implies.extend(of_hierarchy(&name));
        let missing: Vec<_> = of_hierarchy(&name).filter(|part| !rules.iter().any(|rule| rule.name == *part)).collect();
        rules.extend(missing.into_iter().map(part));
        at += 1;
    }
    let all = rules.clone();
    for rule in &mut rules {
        let broader = |one: &&ScopeRule| reach(&all, &Scopes::from(one.name.clone())).contains(&rule.name);
        let sources: Vec<_> = all.iter().take(written).filter(broader).collect();
        let anybody = sources.iter().any(|source| source.roles.is_empty());
        let some = || sources.iter().flat_map(|source| source.roles.iter().copied());
        rule.roles = if anybody {
            vec![]
        } else {
            Role::ALL.into_iter().filter(|role| some().any(|one| one == *role)).collect()
        };
    }
    rules
}

/// These scopes and all scopes that they include.
#[must_use]
pub fn reach(rules: &[ScopeRule], held: &Scopes) -> Scopes {
    let narrower = |scope: &str| {
        let rule = rules.iter().find(|rule| rule.name == scope);
        rule.into_iter().flat_map(|rule| &rule.implies).map(String::as_str)
    };
    scope_hierarchy::reach(held.iter(), narrower).into_iter().collect()
}

/// The scopes that a holder of `held` gets for requesting `asked`: the scopes that are held, and for a broader scope
/// that is not held, its parts if all of them are. `None` if the request exceeds them.
#[must_use]
pub fn held_of(rules: &[ScopeRule], held: &Scopes, asked: &Scopes) -> Option<Scopes> {
    let held = reach(rules, held);
    let one = |scope: &str| {
        let itself = Scopes::from(scope.to_owned());
        if held.contains(scope) {
            return Some(itself);
        }
        // Aliases of the same scope are not parts of it.
        let own = reach(rules, &itself);
        let is_same = |part: &str| own.contains(part) && reach(rules, &Scopes::from(part.to_owned())).contains(scope);
        let known = rules.iter().filter(|rule| is_same(&rule.name)).flat_map(|rule| &rule.implies);
        let parts: Scopes = known.map(String::as_str).filter(|part| !is_same(part)).collect();
        (parts.iter().nth(1).is_some() && parts.is_subset(&held)).then_some(parts)
    };
    asked.iter().try_fold(Scopes::default(), |all, scope| Some(all.union(&one(scope)?)))
}

fn of_hierarchy(scope: &str) -> impl Iterator<Item = String> {
    let narrower = HIERARCHY.iter().filter(move |(broader, _)| *broader == scope);
    narrower.flat_map(|(_, narrower)| narrower.split(' ')).map(str::to_owned)
}

fn part(name: String) -> ScopeRule {
    let words = PARTS.iter().find(|(part, _)| *part == name).map_or("", |(_, words)| words);
    ScopeRule { description: words.to_owned(), roles: vec![], implies: vec![], listed: false, name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, implies: &str, roles: &[Role]) -> ScopeRule {
        let implies = implies.split_whitespace().map(str::to_owned).collect();
        ScopeRule { name: name.into(), description: "Do".into(), roles: roles.to_vec(), implies, listed: true }
    }

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    #[test]
    fn a_broader_scope_reaches_every_narrower_one_through_circles_too() {
        let rules = [rule("a", "b", &[]), rule("b", "c a", &[]), rule("c", "", &[]), rule("d", "", &[])];
        assert_eq!(reach(&rules, &scopes("a")), scopes("a b c"));
        assert_eq!(reach(&rules, &scopes("d c")), scopes("d c"));
        assert_eq!(reach(&rules, &scopes("x")), scopes("x"));
    }

    #[test]
    fn the_hierarchy_of_guards_is_known_without_being_written_down_and_told_to_nobody_who_did_not_ask() {
        let rules = complete(vec![rule("mcp:write", "", &[]), rule("files", "", &[])]);
        let held = reach(&rules, &scopes("mcp:write"));
        for part in
            ["mcp:read", "mcp:tools:write", "mcp:tools:read", "mcp:tools:list", "mcp:tools:echo", "mcp:tools:call"]
        {
            assert!(held.contains(part), "{part}");
            let rule = rules.iter().find(|rule| rule.name == part).unwrap();
            assert!(!rule.listed && !rule.description.is_empty(), "{part}");
        }
        assert!(!held.contains("mcp:tools:admin") && !rules.iter().any(|rule| rule.name == "mcp:admin"));
        assert_eq!(reach(&rules, &scopes("files")), scopes("files"));
    }

    #[test]
    fn every_part_that_a_guard_may_ask_for_has_words_for_people() {
        for part in HIERARCHY.iter().flat_map(|(_, narrower)| narrower.split(' ')) {
            assert!(PARTS.iter().any(|(known, _)| *known == part), "{part}");
        }
    }

    #[test]
    fn whoever_may_grant_the_broader_scope_may_grant_the_narrower_and_nobody_else_the_broader() {
        let rules = complete(vec![
            rule("all", "write", &[Role::Admin]),
            rule("write", "read", &[Role::User]),
            rule("read", "", &[Role::Readonly]),
            rule("mcp:admin", "", &[Role::Admin]),
        ]);
        let may_grant = |name: &str| rules.iter().find(|rule| rule.name == name).unwrap().roles.clone();
        assert_eq!(may_grant("all"), [Role::Admin]);
        assert_eq!(may_grant("write"), [Role::Admin, Role::User]);
        assert_eq!(may_grant("read"), [Role::Admin, Role::User, Role::Readonly]);
        assert_eq!(may_grant("mcp:tools:admin"), [Role::Admin]);
        let open = complete(vec![rule("write", "read", &[]), rule("read", "", &[Role::Admin])]);
        assert!(open.iter().all(|rule| rule.roles.is_empty()));
    }

    #[test]
    fn who_holds_all_parts_of_a_scope_gets_them_for_it_and_never_more() {
        let rules = [
            rule("rw", "r w same", &[]),
            rule("same", "rw", &[]),
            rule("r", "", &[]),
            rule("w", "", &[]),
            rule("more", "w", &[]),
            rule("all", "rw more", &[]),
        ];
        for (held, asked, gets) in [
            ("rw", "r", Some("r")),
            ("rw", "same w", Some("same w")),
            ("r w", "rw", Some("r w")),
            ("r w", "same", Some("r w")),
            ("r", "rw", None),
            ("r w", "r x", None),
            ("r", "w", None),
            ("r w", "more", None),
            ("more", "w", Some("w")),
            ("", "r", None),
        ] {
            assert_eq!(held_of(&rules, &scopes(held), &scopes(asked)), gets.map(scopes), "{held} for {asked}");
        }
    }
}
