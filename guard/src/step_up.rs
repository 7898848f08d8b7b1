//! How recently and how well people must have signed in, for everything or for one tool (RFC 9470).
use crate::{access::Access, names::alike};
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

/// What an access token must say about the sign-in behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Seconds since then, at most.
    pub max_age: Option<u32>,
    /// One of these authentication context classes, the best liked first; any, if `None`.
    pub acr_values: Option<Vec<String>>,
}

/// The demands of one MCP server.
#[derive(Clone, Debug, Default)]
pub struct StepUp {
    everything: Demand,
    tools: BTreeMap<String, Demand>,
}

impl StepUp {
    pub fn everything(&mut self) -> &mut Demand {
        &mut self.everything
    }

    pub fn tool(&mut self, tool: &str) -> &mut Demand {
        self.tools.entry(tool.to_owned()).or_default()
    }

    /// A tool demands what everything does, and its own beside it; or that of the one it may be taken for.
    pub fn demand(&self, tool: Option<&str>) -> Demand {
        let taken_for = |tool| self.tools.iter().find(|(own, _)| alike(own, tool)).map(|(_, demand)| demand);
        let own = tool.and_then(|tool| self.tools.get(tool).or_else(|| taken_for(tool)));
        let Some(own) = own else { return self.everything.clone() };
        let max_age = [self.everything.max_age, own.max_age].into_iter().flatten().min();
        let acr_values = match (&self.everything.acr_values, &own.acr_values) {
            (Some(all), Some(own)) => Some(own.iter().filter(|class| all.contains(class)).cloned().collect()),
            (all, own) => own.clone().or_else(|| all.clone()),
        };
        Demand { max_age, acr_values }
    }
}

impl Demand {
    /// What is missing, in words. A token that nobody signed in for never has it.
    pub fn unmet(&self, access: &Access, now: OffsetDateTime) -> Option<&'static str> {
        let is_class = |classes: &Vec<String>| access.acr.as_ref().is_some_and(|acr| classes.contains(acr));
        if !self.acr_values.as_ref().is_none_or(is_class) {
            return Some("another way of signing in is required");
        }
        let is_recent = |most: u32| access.auth_time.is_some_and(|then| now - then <= Duration::seconds(most.into()));
        (!self.max_age.is_none_or(is_recent)).then_some("a more recent sign-in is required")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_demands_what_everything_does_and_its_own() {
        let mut rules = StepUp::default();
        let classes = |names: &[&str]| Some(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        rules.tool("wipe").max_age = Some(60);
        rules.tool("wipe").acr_values = classes(&["phr", "mfa"]);
        assert_eq!(rules.demand(None), Demand::default());
        assert_eq!(rules.demand(Some("other")), Demand::default());
        assert_eq!(rules.demand(Some("wipe")), Demand { max_age: Some(60), acr_values: classes(&["phr", "mfa"]) });
        assert_eq!(rules.demand(Some("Wipe")).max_age, Some(60));
        rules.everything().max_age = Some(30);
        rules.everything().acr_values = classes(&["pwd", "mfa"]);
        assert_eq!(rules.demand(Some("other")), Demand { max_age: Some(30), acr_values: classes(&["pwd", "mfa"]) });
        assert_eq!(rules.demand(Some("wipe")), Demand { max_age: Some(30), acr_values: classes(&["mfa"]) });
        rules.everything().max_age = Some(90);
        assert_eq!(rules.demand(Some("wipe")).max_age, Some(60));
    }
}
