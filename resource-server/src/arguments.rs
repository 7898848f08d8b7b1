//! Rules for tool arguments beyond their schemas, written as data.
use anyhow::{Context, ensure};
use keyward_guard::{json, names::alike};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One rule of the settings. All rules for a parameter must hold; a rule without parameter applies to all arguments.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgumentRule {
    pub tool: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Whether the argument is required. It must be a string, unless `equals` names another type of value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<usize>,
    /// Characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// A regular expression for the whole text, in the syntax of Rust's `regex`: without look-around, in linear time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// Texts that no string may contain, at any depth; case is ignored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked_substrings: Vec<String>,
    /// A variable of the environment that must be set, and not to an empty text, `0` or `false`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_flag: Option<String>,
}

/// The rules of one surface.
#[derive(Debug, Default)]
pub(crate) struct Rules(Vec<(ArgumentRule, Option<Regex>)>);

/// The first rule that a call violates.
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
            let of_text = rule.required || rule.min_length.is_some() || rule.max_length.is_some();
            let of_text = of_text || pattern.is_some() || rule.contains.is_some();
            ensure!(rule.parameter.is_some() || !of_text, "the argument rule of {} must name a parameter", rule.tool);
            anyhow::Ok((rule, pattern))
        };
        rules.into_iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// The rules for this project's own tools.
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

    /// The rules for this tool; if it has none, those of a tool with a similar name.
    fn speaking_of(&self, tool: &str) -> impl Iterator<Item = &(ArgumentRule, Option<Regex>)> {
        let is_named = self.all().any(|rule| rule.tool == tool);
        self.0.iter().filter(move |(rule, _)| if is_named { rule.tool == tool } else { alike(&rule.tool, tool) })
    }

    /// Whether an argument's name is almost that of a parameter with a rule.
    pub fn confuses(&self, tool: &str, arguments: &str) -> bool {
        let ruled: Vec<_> = self.speaking_of(tool).filter_map(|(rule, _)| rule.parameter.as_deref()).collect();
        let confused = |name: &str| !ruled.contains(&name) && ruled.iter().any(|ruled| alike(ruled, name));
        json::parts(arguments).any(|(name, _)| confused(&name))
    }

    /// Checks arguments in the form they were written.
    pub fn check(&self, tool: &str, arguments: &str) -> Result<(), Denial<'_>> {
        self.speaking_of(tool).try_for_each(|(rule, pattern)| rule.check(pattern.as_ref(), arguments))
    }

    /// Checks the rules on the environment, which do not depend on the arguments.
    pub fn check_environment(&self, tool: &str) -> Result<(), Denial<'_>> {
        self.speaking_of(tool).try_for_each(|(rule, _)| rule.check_environment())
    }
}

impl ArgumentRule {
    fn check(&self, pattern: Option<&Regex>, arguments: &str) -> Result<(), Denial<'_>> {
        let parameter = self.parameter.as_deref();
        let Some(value) = parameter.map_or(Some(arguments), |name| json::member(arguments, name)) else {
            return if self.required { Err(self.denial("required", "the argument is missing")) } else { Ok(()) };
        };
        // Some parsers end a text at U+0000.
        let text = json::text(value).filter(|text| !text.contains('\0'));
        let text = text.as_deref();
        let length = text.map(|text| text.chars().count());
        let fails = |limit: Option<usize>, holds: fn(usize, usize) -> bool| {
            limit.is_some_and(|limit| !length.is_some_and(|length| holds(length, limit)))
        };
        let broken = [
            (self.required && self.equals.is_none() && text.is_none(), "required", "the argument is not a text"),
            (fails(self.min_length, |length, limit| length >= limit), "min_length", "the text is too short"),
            (fails(self.max_length, |length, limit| length <= limit), "max_length", "the text is too long"),
            (
                self.equals.as_ref().is_some_and(|equals| !json::equals(value, equals)),
                "equals",
                "the value is not the one required",
            ),
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

    fn blocks(&self, value: &str) -> bool {
        let blocked = |text: &str| {
            let text = text.to_lowercase();
            self.blocked_substrings.iter().any(|part| text.contains(&part.to_lowercase()))
        };
        !self.blocked_substrings.is_empty() && json::texts(value).any(|text| blocked(&text))
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
        let arguments = arguments.to_string();
        assert_eq!(rules.check("another", &arguments).and_then(|()| rules.check_environment("another")), Ok(()));
        rules.check("t", &arguments).and_then(|()| rules.check_environment("t")).err().map(|denial| denial.rule)
    }

    #[test]
    fn each_rule_lets_the_good_pass_and_names_itself() {
        let cases = [
            (json!({"parameter": "a", "required": true}), json!({"a": ""}), json!({}), "required"),
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
    fn rules_on_texts_refuse_what_is_none() {
        for (rule, name) in [
            (json!({"required": true}), "required"),
            (json!({"min_length": 0}), "min_length"),
            (json!({"max_length": 9}), "max_length"),
            (json!({"pattern": "(?s).*"}), "pattern"),
            (json!({"contains": ""}), "contains"),
        ] {
            for value in [json!(null), json!(1), json!(true), json!(["a"]), json!({"a": "a"}), json!("a\0")] {
                let mut rule = rule.clone();
                rule["parameter"] = json!("a");
                assert_eq!(broken(rule, &json!({"a": value})), Some(name), "{value}");
            }
        }
        assert_eq!(broken(json!({"parameter": "a", "required": true, "equals": 1}), &json!({"a": 1})), None);
    }

    #[test]
    fn arguments_and_tools_that_may_be_taken_for_ruled_ones_are_known() {
        let rule = |tool: &str, parameter: &str| ArgumentRule {
            tool: tool.to_owned(),
            parameter: Some(parameter.to_owned()),
            max_length: Some(1),
            ..ArgumentRule::default()
        };
        let rules = Rules::new(vec![rule("write", "userKey"), rule("Write", "path"), rule("write", "User")]).unwrap();
        for (tool, arguments, confuses) in [
            ("write", r#"{"userKey":1,"User":1,"other":{"userkey":1}}"#, false),
            ("write", r#"{"user_key":1}"#, true),
            ("write", r#"{"u\u017ferKey":1}"#, true),
            ("write", r#"{"Path":1}"#, false),
            ("Write", r#"{"Path":1}"#, true),
            ("WRITE", r#"{"Path":1}"#, true),
        ] {
            assert_eq!(rules.confuses(tool, arguments), confuses, "{tool} {arguments}");
        }
        assert!(rules.check("WRITE", r#"{"userKey":"ab"}"#).is_err());
        assert_eq!(rules.check("write", r#"{"path":"ab"}"#), Ok(()));
    }

    #[test]
    fn rules_that_cannot_work_are_refused_at_start() {
        let refused = |rule: Value| {
            let rule = serde_json::from_value(rule).unwrap();
            Rules::new(vec![rule]).unwrap_err().to_string()
        };
        assert!(refused(json!({"tool": "t", "parameter": "a", "pattern": "("})).contains("no good pattern"));
        for of_text in ["required", "min_length", "max_length", "pattern", "contains"] {
            let value = if of_text == "required" {
                json!(true)
            } else if of_text.contains('_') {
                json!(1)
            } else {
                json!("a")
            };
            assert!(refused(json!({"tool": "t", of_text: value})).contains("name a parameter"), "{of_text}");
        }
    }
}
