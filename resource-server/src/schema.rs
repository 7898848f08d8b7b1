//! JSON Schema 2020-12 for tools: generated from Rust types, and enforced exactly as it is published.
mod plain;

use anyhow::{bail, ensure};
use regex::Regex;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::{Date, format_description::well_known::Iso8601};

/// Keywords that describe and do not restrict.
const ANNOTATIONS: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// A schema of keywords that this module enforces; one with an unknown keyword cannot be built.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub json: Map<String, Value>,
    patterns: BTreeMap<String, Regex>,
}

/// The first rule that arguments violate. It quotes only the schema, never the arguments.
#[derive(Debug, PartialEq)]
pub(crate) struct Breach {
    /// Path of the argument; empty if the argument is unknown or all of them are meant.
    pub parameter: String,
    /// The violated keyword.
    pub rule: &'static str,
    /// The allowed values: the keyword's value, or names and values to choose from.
    pub allowed: Value,
}

impl Schema {
    /// The schema of input that is deserialized to `T`.
    pub fn of_input<T: JsonSchema>() -> anyhow::Result<Self> {
        Self::generate::<T>(SchemaSettings::draft2020_12())
    }

    /// The schema of output that is serialized from `T`.
    pub fn of_output<T: JsonSchema>() -> anyhow::Result<Self> {
        Self::generate::<T>(SchemaSettings::draft2020_12().for_serialize())
    }

    fn generate<T: JsonSchema>(mut settings: SchemaSettings) -> anyhow::Result<Self> {
        settings.inline_subschemas = true;
        let mut json = settings.into_generator().into_root_schema_for::<T>().to_value();
        plain::tidy(&mut json);
        let mut patterns = BTreeMap::new();
        understand(&json, &mut patterns)?;
        let Value::Object(mut json) = json else { bail!("the schema is not one of an object") };
        ensure!(json.get("type").is_some_and(|kind| kind == "object"), "the schema is not one of an object");
        json.remove("title");
        Ok(Self { json, patterns })
    }

    pub fn check(&self, value: &Value) -> Result<(), Breach> {
        self.check_object(&self.json, value, "")
    }

    fn check_any(&self, schema: &Value, value: &Value, at: &str) -> Result<(), Breach> {
        schema.as_object().map_or(Ok(()), |schema| self.check_object(schema, value, at))
    }

    fn check_object(&self, schema: &Map<String, Value>, value: &Value, at: &str) -> Result<(), Breach> {
        for (keyword, rule) in schema {
            let breach = |name| Breach { parameter: at.to_owned(), rule: name, allowed: choices(name, rule, schema) };
            let holds = |name, good: bool| if good { Ok(()) } else { Err(breach(name)) };
            match keyword.as_str() {
                "type" => holds("type", is_of_type(rule, value))?,
                "const" => holds("const", rule == value)?,
                "enum" => holds("enum", rule.as_array().is_some_and(|all| all.contains(value)))?,
                "oneOf" => holds("oneOf", self.matching(rule, value, at) == 1)?,
                "anyOf" => holds("anyOf", self.matching(rule, value, at) > 0)?,
                "minimum" => holds("minimum", numbers(value, rule).is_none_or(|(value, limit)| value >= limit))?,
                "maximum" => holds("maximum", numbers(value, rule).is_none_or(|(value, limit)| value <= limit))?,
                "exclusiveMinimum" => {
                    holds("exclusiveMinimum", numbers(value, rule).is_none_or(|(value, limit)| value > limit))?;
                }
                "minLength" => holds("minLength", length(value).is_none_or(|length| Some(length) >= rule.as_u64()))?,
                "maxLength" => holds("maxLength", length(value).is_none_or(|length| Some(length) <= rule.as_u64()))?,
                "minItems" => holds("minItems", items(value).is_none_or(|items| Some(items) >= rule.as_u64()))?,
                "maxItems" => holds("maxItems", items(value).is_none_or(|items| Some(items) <= rule.as_u64()))?,
                "pattern" => holds("pattern", self.matches(rule, value))?,
                "format" => holds("format", value.as_str().is_none_or(is_date))?,
                "required" => {
                    for name in rule.as_array().into_iter().flatten().filter_map(Value::as_str) {
                        if value.is_object() && value.get(name).is_none() {
                            let allowed = schema.get("properties").and_then(|all| all.get(name));
                            let allowed = allowed.cloned().unwrap_or_default();
                            return Err(Breach { parameter: below(at, name), rule: "required", allowed });
                        }
                    }
                }
                "items" => {
                    for item in value.as_array().into_iter().flatten() {
                        self.check_any(rule, item, at)?;
                    }
                }
                "properties" => {
                    for (name, rule) in rule.as_object().into_iter().flatten() {
                        value.get(name).map_or(Ok(()), |value| self.check_any(rule, value, &below(at, name)))?;
                    }
                }
                "additionalProperties" => {
                    let known = |name: &String| schema.get("properties").is_some_and(|all| all.get(name).is_some());
                    for (_, value) in value.as_object().into_iter().flatten().filter(|(name, _)| !known(name)) {
                        holds("additionalProperties", rule != false)?;
                        self.check_any(rule, value, at)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn matching(&self, rules: &Value, value: &Value, at: &str) -> usize {
        let rules = rules.as_array().into_iter().flatten();
        rules.filter(|rule| self.check_any(rule, value, at).is_ok()).count()
    }

    fn matches(&self, rule: &Value, value: &Value) -> bool {
        let pattern = rule.as_str().and_then(|pattern| self.patterns.get(pattern));
        value.as_str().is_none_or(|text| pattern.is_some_and(|pattern| pattern.is_match(text)))
    }
}

/// The allowed values to show for a violated keyword.
fn choices(keyword: &str, rule: &Value, schema: &Map<String, Value>) -> Value {
    match keyword {
        // A choice of constants is shown as a list.
        "oneOf" | "anyOf" => {
            let of_one = |one: &Value| match (one.get("const"), one.get("enum").and_then(Value::as_array)) {
                (Some(constant), _) => vec![constant.clone()],
                (_, Some(several)) => several.clone(),
                _ => vec![one.get("type").unwrap_or(one).clone()],
            };
            rule.as_array().into_iter().flatten().flat_map(of_one).collect()
        }
        "additionalProperties" => {
            let known = schema.get("properties").and_then(Value::as_object);
            known.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
        }
        _ => rule.clone(),
    }
}

impl Breach {
    /// For the caller, usually a model: the argument, the allowed values, and the rule.
    pub fn text(&self) -> String {
        let Self { parameter, rule, allowed } = self;
        let all = || allowed.as_array().into_iter().flatten().map(Value::to_string).collect::<Vec<_>>().join(", ");
        let must = match *rule {
            "type" => format!("must be of type {}", allowed.as_str().map_or_else(all, str::to_owned)),
            "const" => format!("must be {allowed}"),
            "enum" | "oneOf" | "anyOf" => format!("must be one of {}", all()),
            "minimum" => format!("must be at least {allowed}"),
            "maximum" => format!("must be at most {allowed}"),
            "exclusiveMinimum" => format!("must be more than {allowed}"),
            "minLength" => format!("must have at least {allowed} characters"),
            "maxLength" => format!("must have at most {allowed} characters"),
            "minItems" => format!("must have at least {allowed} items"),
            "maxItems" => format!("must have at most {allowed} items"),
            "pattern" => format!("must match the pattern {allowed}"),
            "format" => "must be a date, written as 2026-12-31".to_owned(),
            "required" => "is missing".to_owned(),
            "additionalProperties" => format!("has a member that is not known; known are {}", all()),
            other => format!("must keep the rule {other}: {allowed}"),
        };
        match parameter.as_str() {
            "" if *rule == "additionalProperties" => format!("An argument is not known; known are {} ({rule})", all()),
            "" => format!("The arguments are not good: each {must} ({rule})"),
            name => format!("The argument {name:?} {must} ({rule})"),
        }
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn is_of_type(rule: &Value, value: &Value) -> bool {
    match rule.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => rule.as_array().is_some_and(|all| all.iter().any(|one| is_of_type(one, value))),
    }
}

fn numbers(value: &Value, limit: &Value) -> Option<(f64, f64)> {
    Some((value.as_f64()?, limit.as_f64()?))
}

/// Characters.
fn length(value: &Value) -> Option<u64> {
    u64::try_from(value.as_str()?.chars().count()).ok()
}

fn items(value: &Value) -> Option<u64> {
    u64::try_from(value.as_array()?.len()).ok()
}

/// RFC 3339 §5.6 `full-date`.
fn is_date(text: &str) -> bool {
    text.len() == 10 && Date::parse(text, &Iso8601::DATE).is_ok()
}

fn understand(schema: &Value, patterns: &mut BTreeMap<String, Regex>) -> anyhow::Result<()> {
    for (keyword, rule) in schema.as_object().into_iter().flatten() {
        match keyword.as_str() {
            "type" | "const" | "enum" | "minimum" | "maximum" | "exclusiveMinimum" | "minLength" | "maxLength"
            | "minItems" | "maxItems" | "required" | "format" => {}
            "items" | "additionalProperties" => understand(rule, patterns)?,
            "oneOf" | "anyOf" => rule.as_array().into_iter().flatten().try_for_each(|one| understand(one, patterns))?,
            "properties" => {
                rule.as_object().into_iter().flatten().try_for_each(|(_, one)| understand(one, patterns))?;
            }
            "pattern" => {
                let pattern = rule.as_str().unwrap_or_default();
                patterns.insert(pattern.to_owned(), Regex::new(pattern)?);
            }
            other => ensure!(ANNOTATIONS.contains(&other), "the schema has a keyword that is not enforced: {other}"),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
