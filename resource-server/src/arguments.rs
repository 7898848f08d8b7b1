//! Rules on what tools are called with, beyond their schemas: data, not code.
use anyhow::Context;
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// As written in a configuration. All rules of a parameter must hold; those of no parameter speak of all arguments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgumentRule {
    pub tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// It must be there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// In characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    /// In characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// A regular expression for the whole text, in the syntax of Rust's `regex`: without look-around, in linear time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// In no text, however deep, whatever its case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_substrings: Vec<String>,
    /// The variable of the environment that must be set to something but nothing, `0` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_flag: Option<String>,
}

/// The rules of one surface.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<(ArgumentRule, Option<Regex>)>);

/// The first rule that a call breaks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Denial<'a> {
    pub rule: &'static str,
    pub reason: &'static str,
    pub parameter: Option<&'a str>,
}

impl Rules {
    pub fn new(rules: Vec<ArgumentRule>) -> anyhow::Result<Self> {
        let compile = |rule: ArgumentRule| {
            let anchored = rule.pattern.as_ref().map(|pattern| format!("^(?:{pattern})$"));
            let pattern = anchored.map(|anchored| Regex::new(&anchored)).transpose();
            let pattern = pattern.with_context(|| format!("the argument rule of {} has no good pattern", rule.tool))?;
            anyhow::Ok((rule, pattern))
        };
        rules.into_iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Those that go with the tools of this project.
    pub fn shipped() -> Vec<ArgumentRule> {
        let rule = |tool: &str, parameter: &str| ArgumentRule {
            tool: tool.to_owned(),
            parameter: Some(parameter.to_owned()),
            ..ArgumentRule::default()
        };
        let blocked_substrings = ["rm -rf", "DROP TABLE", "<script>"].map(str::to_owned).to_vec();
        vec![
            ArgumentRule { max_length: Some(1000), blocked_substrings, ..rule("write_note", "content") },
            ArgumentRule { equals: Some(Value::Bool(true)), ..rule("dangerous_delete", "confirm") },
            ArgumentRule {
                tool: "dangerous_delete".to_owned(),
                environment_flag: Some("MCP_ALLOW_DANGEROUS".to_owned()),
                ..ArgumentRule::default()
            },
        ]
    }

    pub fn all(&self) -> impl Iterator<Item = &ArgumentRule> {
        self.0.iter().map(|(rule, _)| rule)
    }

    pub fn of(&self, tool: &str) -> Vec<&ArgumentRule> {
        self.all().filter(|rule| rule.tool == tool).collect()
    }

    pub fn check(&self, tool: &str, arguments: &Value) -> Result<(), Denial<'_>> {
        self.0
            .iter()
            .filter(|(rule, _)| rule.tool == tool)
            .try_for_each(|(rule, pattern)| rule.check(pattern.as_ref(), arguments))
    }

    /// What the operator has not allowed, whatever the arguments are.
    pub fn check_environment(&self, tool: &str) -> Result<(), Denial<'_>> {
        self.all().filter(|rule| rule.tool == tool).try_for_each(ArgumentRule::check_environment)
    }
}

impl ArgumentRule {
    fn check(&self, pattern: Option<&Regex>, arguments: &Value) -> Result<(), Denial<'_>> {
        let parameter = self.parameter.as_deref();
        let value = parameter.map_or(Some(arguments), |name| arguments.get(name));
        let Some(value) = value else {
            return if self.required { Err(self.denial("required", "the argument is missing")) } else { Ok(()) };
        };
        let text = value.as_str();
        let length = text.map(|text| text.chars().count());
        let fails = |limit: Option<usize>, broken: fn(usize, usize) -> bool| {
            limit.zip(length).is_some_and(|(limit, length)| broken(length, limit))
        };
        let broken = [
            (fails(self.min_length, |length, limit| length < limit), "min_length", "the text is too short"),
            (fails(self.max_length, |length, limit| length > limit), "max_length", "the text is too long"),
            (self.equals.as_ref().is_some_and(|equals| equals != value), "equals", "the value is not the one required"),
            (
                pattern.is_some_and(|pattern| !text.is_some_and(|text| pattern.is_match(text))),
                "pattern",
                "the text does not match the pattern",
            ),
            (
                self.contains.as_ref().is_some_and(|part| !text.is_some_and(|text| text.contains(part.as_str()))),
                "contains",
                "the text lacks what it must contain",
            ),
            (self.blocks(value), "blocked_substrings", "the text contains what is blocked"),
        ];
        let first = broken.into_iter().find(|(broken, ..)| *broken);
        first.map_or(Ok(()), |(_, rule, reason)| Err(self.denial(rule, reason)))
    }

    fn check_environment(&self) -> Result<(), Denial<'_>> {
        let Some(name) = &self.environment_flag else { return Ok(()) };
        let set = std::env::var(name).is_ok_and(|value| !["", "0", "false"].contains(&value.as_str()));
        if set {
            Ok(())
        } else {
            Err(self.denial("environment_flag", "the operator of this server has not allowed it"))
        }
    }

    fn blocks(&self, value: &Value) -> bool {
        let blocked = |text: &str| {
            let text = text.to_lowercase();
            self.blocked_substrings.iter().any(|part| text.contains(&part.to_lowercase()))
        };
        match value {
            Value::String(text) => blocked(text),
            Value::Array(items) => items.iter().any(|item| self.blocks(item)),
            Value::Object(members) => members.iter().any(|(name, member)| blocked(name) || self.blocks(member)),
            _ => false,
        }
    }

    fn denial(&self, rule: &'static str, reason: &'static str) -> Denial<'_> {
        Denial { rule, reason, parameter: self.parameter.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn broken(rule: Value, arguments: &Value) -> Option<&'static str> {
        let mut rule = rule;
        rule["tool"] = json!("t");
        let rules = Rules::new(vec![serde_json::from_value(rule).unwrap()]).unwrap();
        assert_eq!(rules.check("another", arguments).and_then(|()| rules.check_environment("another")), Ok(()));
        rules.check("t", arguments).and_then(|()| rules.check_environment("t")).err().map(|denial| denial.rule)
    }

    #[test]
    fn each_rule_lets_the_good_pass_and_names_itself() {
        let cases = [
            (json!({"parameter": "a", "required": true}), json!({"a": 1}), json!({}), "required"),
            (json!({"parameter": "a", "min_length": 2}), json!({"a": "äö"}), json!({"a": "a"}), "min_length"),
            (json!({"parameter": "a", "max_length": 2}), json!({"a": "äö"}), json!({"a": "abc"}), "max_length"),
            (json!({"parameter": "a", "equals": true}), json!({"a": true}), json!({"a": "true"}), "equals"),
            (json!({"parameter": "a", "pattern": "a|b+"}), json!({"a": "bb"}), json!({"a": "ab"}), "pattern"),
            (json!({"parameter": "a", "pattern": "a"}), json!({}), json!({"a": "a\n"}), "pattern"),
            (json!({"parameter": "a", "contains": "@"}), json!({"a": "b@c"}), json!({"a": 1}), "contains"),
            (
                json!({"blocked_substrings": ["DROP TABLE"]}),
                json!({"a": ["drop", "table"]}),
                json!({"a": {"b": ["x; Drop Table y"]}}),
                "blocked_substrings",
            ),
            (json!({"environment_flag": "KEYWARD_TEST_NEVER_SET"}), Value::Null, json!({"a": 1}), "environment_flag"),
        ];
        for (rule, good, bad, name) in cases {
            if !good.is_null() {
                assert_eq!(broken(rule.clone(), &good), None, "{rule}");
            }
            assert_eq!(broken(rule.clone(), &bad), Some(name), "{rule}");
        }
    }

    #[test]
    fn a_pattern_that_is_none_is_refused_at_start() {
        let rule = ArgumentRule { tool: "t".to_owned(), pattern: Some("(".to_owned()), ..ArgumentRule::default() };
        assert!(Rules::new(vec![rule]).is_err());
    }
}
