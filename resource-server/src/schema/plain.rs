//! Simplifies schemas for hosts that support little of JSON Schema.
use serde_json::Value;

/// Closes objects, and removes what hosts do not need or understand: the names of Rust's number types, and `null` in
/// the type of optional properties (`"type": ["integer", "null"]`).
pub(super) fn tidy(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.get("format").is_some_and(|format| format != "date") {
        object.remove("format");
    }
    if object.get("type").is_some_and(|kind| kind == "object") {
        object.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    let required = object.get("required").cloned().unwrap_or_default();
    let is_required = |name: &String| required.as_array().is_some_and(|all| all.contains(&Value::from(name.as_str())));
    for (name, property) in object.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten() {
        if !is_required(name) {
            without_null(property);
        }
        tidy(property);
    }
    for keyword in ["items", "additionalProperties"] {
        object.get_mut(keyword).map(tidy);
    }
    for keyword in ["oneOf", "anyOf"] {
        object.get_mut(keyword).and_then(Value::as_array_mut).into_iter().flatten().for_each(tidy);
    }
}

fn without_null(property: &mut Value) {
    let Some(object) = property.as_object_mut() else { return };
    if let Some([one, Value::String(null)]) = object.get("type").and_then(Value::as_array).map(Vec::as_slice)
        && null == "null"
    {
        let one = one.clone();
        object.insert("type".to_owned(), one);
    }
    let Some(Value::Array(choices)) = object.get("anyOf") else { return };
    if let [Value::Object(one), null] = choices.as_slice()
        && null["type"] == "null"
    {
        let one = one.clone();
        object.remove("anyOf");
        for (keyword, rule) in one {
            object.entry(keyword).or_insert(rule);
        }
    }
    let null = object.get("default").is_some_and(Value::is_null);
    if null {
        object.remove("default");
    }
}
