//! Tests which arguments a schema accepts, and its errors about others.
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
    assert!(unknown.starts_with("An argument is not known; known are ") && unknown.contains("\"name\""), "{unknown}");
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
