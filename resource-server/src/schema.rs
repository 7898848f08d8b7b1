//! JSON Schema 2020-12 of what tools take and give: written from Rust types, and enforced as it is shown.
mod plain;

use anyhow::{bail, ensure};
use regex::Regex;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::{Date, format_description::well_known::Iso8601};

/// What describes and does not restrict.
const ANNOTATIONS: [&str; 5] = ["$schema", "title", "description", "default", "examples"];

/// A schema that this room enforces in full: one with a keyword it does not know is never made.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub json: Map<String, Value>,
    patterns: BTreeMap<String, Regex>,
}

/// The first rule that arguments break. All in it is the schema's, never the caller's.
#[derive(Debug, PartialEq)]
pub(crate) struct Breach {
    /// Path of the argument; empty for one the schema does not know, or for all of them.
    pub parameter: String,
    /// The keyword.
    pub rule: &'static str,
    /// What it says would be good: the keyword's value, or the names and values to choose from.
    pub allowed: Value,
}

impl Schema {
    /// Of what is read as `T`.
    pub fn of_input<T: JsonSchema>() -> anyhow::Result<Self> {
        Self::generate::<T>(SchemaSettings::draft2020_12())
    }

    /// Of what is written as `T`.
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

/// What somebody who broke a keyword is told to choose from.
fn choices(keyword: &str, rule: &Value, schema: &Map<String, Value>) -> Value {
    match keyword {
        // A choice of constants is told as such.
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
    /// For whoever called, a model mostly: which argument, what is allowed, and by which rule.
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

/// In characters.
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
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)] // only its schema is of interest
    struct Arguments {
        /// Said.
        #[schemars(length(min = 2, max = 3))]
        name: String,
        #[schemars(range(min = 1, max = 50))]
        limit: Option<u32>,
        #[serde(default)]
        units: Units,
        other: Option<Units>,
        #[schemars(extend("format" = "date"))]
        day: Option<String>,
        #[schemars(length(min = 1, max = 2))]
        points: Option<Vec<f64>>,
        #[schemars(regex(pattern = "^[a-z]+$"))]
        word: Option<String>,
        #[schemars(extend("exclusiveMinimum" = 0))]
        size: Option<f64>,
        inner: Option<Inner>,
    }

    #[derive(Default, Deserialize, JsonSchema, serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Units {
        #[default]
        Metric,
        /// Described, so written as a choice of constants.
        Imperial,
    }

    #[derive(Deserialize, JsonSchema)]
    #[allow(dead_code)] // only its schema is of interest
    struct Inner {
        deep: bool,
    }

    #[test]
    fn every_keyword_is_enforced_and_named_with_the_parameter() {
        let schema = Schema::of_input::<Arguments>().unwrap();
        let check = |more: Value| {
            let mut arguments = json!({"name": "ab"});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            schema.check(&arguments).map_err(|breach| (breach.parameter, breach.rule))
        };
        let good = json!({"limit": 50, "units": "imperial", "other": "metric", "day": "2026-02-28", "points": [1, 2.5],
            "word": "abc", "size": 0.1, "inner": {"deep": true}});
        assert_eq!(check(good), Ok(()));
        let bad = [
            (json!({"name": "a"}), "name", "minLength"),
            (json!({"name": "äöüß"}), "name", "maxLength"),
            (json!({"name": 1}), "name", "type"),
            (json!({"limit": 0}), "limit", "minimum"),
            (json!({"limit": 51}), "limit", "maximum"),
            (json!({"limit": 1.5}), "limit", "type"),
            (json!({"limit": null}), "limit", "type"),
            (json!({"units": "METRIC"}), "units", "oneOf"),
            (json!({"other": "kelvin"}), "other", "oneOf"),
            (json!({"day": "2026-02-30"}), "day", "format"),
            (json!({"day": "20260228"}), "day", "format"),
            (json!({"points": []}), "points", "minItems"),
            (json!({"points": [1, 2, 3]}), "points", "maxItems"),
            (json!({"points": ["1"]}), "points", "type"),
            (json!({"word": "a1"}), "word", "pattern"),
            (json!({"size": 0}), "size", "exclusiveMinimum"),
            (json!({"inner": {}}), "inner.deep", "required"),
            (json!({"inner": {"deep": true, "tell-tale": 1}}), "inner", "additionalProperties"),
            (json!({"tell-tale": 1}), "", "additionalProperties"),
        ];
        for (more, parameter, rule) in bad {
            assert_eq!(check(more.clone()), Err((parameter.to_owned(), rule)), "{more}");
        }
        assert_eq!(schema.check(&json!({})).unwrap_err().text(), r#"The argument "name" is missing (required)"#);
    }

    #[test]
    fn a_breach_names_the_argument_the_rule_and_what_would_be_good() {
        let schema = Schema::of_input::<Arguments>().unwrap();
        for (name, value, text) in [
            ("limit", json!(51), r#"The argument "limit" must be at most 50 (maximum)"#),
            ("limit", json!("1"), r#"The argument "limit" must be of type integer (type)"#),
            ("units", json!("kelvin"), r#"The argument "units" must be one of "metric", "imperial" (oneOf)"#),
            ("word", json!("A"), r#"The argument "word" must match the pattern "^[a-z]+$" (pattern)"#),
            ("day", json!("today"), r#"The argument "day" must be a date, written as 2026-12-31 (format)"#),
            ("points", json!([]), r#"The argument "points" must have at least 1 items (minItems)"#),
        ] {
            let mut arguments = json!({"name": "ab"});
            arguments[name] = value;
            assert_eq!(schema.check(&arguments).unwrap_err().text(), text);
        }
        let unknown = schema.check(&json!({"name": "ab", "tell-tale": 1})).unwrap_err().text();
        assert!(
            unknown.starts_with("An argument is not known; known are ") && unknown.contains("\"name\""),
            "{unknown}"
        );
        assert!(unknown.contains("\"points\"") && !unknown.contains("tell-tale"), "{unknown}");
    }

    #[test]
    fn what_is_shown_is_plain() {
        let schema = Value::Object(Schema::of_input::<Arguments>().unwrap().json);
        assert_eq!(schema["required"], json!(["name"]));
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["properties"]["limit"], json!({"type": "integer", "minimum": 1, "maximum": 50}));
        assert_eq!(schema["properties"]["name"]["description"], "Said.");
        assert_eq!(schema["properties"]["units"]["default"], "metric");
        assert!(!schema.to_string().contains("null"), "{schema}");
    }

    #[test]
    fn a_schema_that_cannot_be_enforced_is_none() {
        #[derive(JsonSchema)]
        #[allow(dead_code)] // only its schema is of interest
        struct Odd {
            #[schemars(extend("multipleOf" = 2))]
            even: u8,
        }
        assert!(Schema::of_input::<Odd>().unwrap_err().to_string().contains("multipleOf"));
    }
}
