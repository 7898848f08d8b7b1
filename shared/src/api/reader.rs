//! Renders an `OpenAPI` document as plain HTML without scripts.
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt::Write};

/// Methods in the order of the page.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The whole document, to be placed below a heading. All text is escaped.
#[must_use]
pub fn content(document: &Value) -> String {
    let mut html = format!(
        "<p class=\"lead\">{}</p><p>The same for programs: <a href=\"{place}\"><code>{place}</code></a> (OpenAPI 3.1).</p>",
        prose(&document["info"]["description"]),
        place = super::DOCUMENT,
    );
    let mut by_tag: BTreeMap<String, String> = BTreeMap::new();
    for (path, operations) in members(&document["paths"]) {
        for method in METHODS.into_iter().filter(|method| operations.get(method).is_some()) {
            let told = &operations[method];
            let tag = told["tags"][0].as_str().unwrap_or("Others").to_owned();
            by_tag.entry(tag).or_default().push_str(&operation(method, path, told));
        }
    }
    for (tag, operations) in by_tag {
        let (id, tag) = (id(&tag), escape(&tag));
        let _ = write!(
            html,
            "<section class=\"listing\" aria-labelledby=\"{id}\"><h2 id=\"{id}\">{tag}</h2>{operations}</section>"
        );
    }
    let schemas: String = members(&document["components"]["schemas"]).map(|(name, told)| named(name, told)).collect();
    let _ = write!(
        html,
        "<section class=\"listing\" aria-labelledby=\"schemas\"><h2 id=\"schemas\">What is sent</h2>{schemas}</section>"
    );
    html
}

fn operation(method: &str, path: &str, told: &Value) -> String {
    let mut rows = String::new();
    let needs = told["security"].as_array().into_iter().flatten().map(|one| {
        let names: Vec<_> = members(one).map(|(name, _)| escape(name)).collect();
        if names.is_empty() { "nothing, or what the body says".to_owned() } else { names.join(" and ") }
    });
    let needs = needs.collect::<Vec<_>>().join("; or ");
    if !needs.is_empty() {
        rows.push_str(&row("Needs", &needs));
    }
    for parameter in told["parameters"].as_array().into_iter().flatten() {
        let place = text(&parameter["in"]);
        let needed = if parameter["required"] == true { ", required" } else { "" };
        let name = format!("<code>{}</code>", text(&parameter["name"]));
        rows.push_str(&row(&name, &format!("{} <em>({place}{needed})</em>", prose(&parameter["description"]))));
    }
    for (media_type, content) in members(&told["requestBody"]["content"]) {
        rows.push_str(&row("Send", &format!("<code>{}</code>{}", escape(media_type), schema(&content["schema"]))));
    }
    for (status, answer) in members(&told["responses"]) {
        let contents = members(&answer["content"]);
        let contents =
            contents.map(|(kind, content)| format!(" <code>{}</code>{}", escape(kind), schema(&content["schema"])));
        let told = match answer["$ref"].as_str() {
            Some(_) => "Why not: <a href=\"#Error\">Error</a>".to_owned(),
            None => format!("{}{}", prose(&answer["description"]), contents.collect::<String>()),
        };
        rows.push_str(&row(&if status == "default" { "else".to_owned() } else { escape(status) }, &told));
    }
    let description =
        told["description"].as_str().map(|_| format!("<p>{}</p>", prose(&told["description"]))).unwrap_or_default();
    format!(
        "<details id=\"{}\"><summary><code>{} {}</code> {}</summary>{description}<dl>{rows}</dl></details>",
        text(&told["operationId"]),
        method.to_uppercase(),
        escape(path),
        prose(&told["summary"]),
    )
}

fn named(name: &str, told: &Value) -> String {
    format!("<details id=\"{}\"><summary><code>{}</code></summary>{}</details>", id(name), escape(name), schema(told))
}

/// A reference becomes a link; members become a list; everything else is shown as JSON.
fn schema(told: &Value) -> String {
    if let Some(name) = told["$ref"].as_str().and_then(|target| target.strip_prefix("#/components/schemas/")) {
        return format!(" <a href=\"#{}\">{}</a>", id(name), escape(name));
    }
    let says_little = |told: &Map<String, Value>| told.keys().all(|keyword| keyword == "type");
    if told.as_object().is_none_or(says_little) {
        return String::new();
    }
    let is_needed = |name: &str| told["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let is_plain = |told: &Value| told["type"].is_string() && told["properties"].is_null();
    let all_plain = members(&told["properties"]).all(|(_, one)| is_plain(one));
    if told["properties"].is_object() && all_plain {
        let rows = members(&told["properties"]).map(|(name, one)| {
            let needed = if is_needed(name) { ", required" } else { "" };
            let kind = text(&one["type"]);
            row(
                &format!("<code>{}</code>", escape(name)),
                &format!("{} <em>({kind}{needed})</em>", prose(&one["description"])),
            )
        });
        return format!("<dl>{}</dl>", rows.collect::<String>());
    }
    let written = serde_json::to_string_pretty(told).unwrap_or_default();
    format!("<pre tabindex=\"0\" aria-label=\"Schema\"><code>{}</code></pre>", escape(&written))
}

fn row(name: &str, told: &str) -> String {
    format!("<div><dt>{name}</dt><dd>{told}</dd></div>")
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

/// Text between backticks becomes code (`OpenAPI` 3.1 §3.3: descriptions are written in `CommonMark`).
fn prose(value: &Value) -> String {
    let text = text(value);
    let parts = text.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

/// An anchor within the page.
fn id(name: &str) -> String {
    name.chars().map(|one| if one.is_ascii_alphanumeric() || "-_.".contains(one) { one } else { '-' }).collect()
}

/// Escapes text for HTML, including attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_a_document_says_becomes_markup() {
        let evil = "\"><script>alert(1)</script>";
        let operation = json!({
            "summary": evil, "description": evil, "tags": [evil], "operationId": evil, "security": [{evil: []}],
            "parameters": [{"name": evil, "in": evil, "description": evil}],
            "requestBody": {"content": {evil: {"schema": {"$ref": format!("#/components/schemas/{evil}")}}}},
            "responses": {evil: {"description": evil, "content": {evil: {"schema": {"enum": [evil]}}}}},
        });
        let document = json!({
            "info": {"description": evil}, "paths": {evil: {"get": operation}},
            "components": {"schemas": {evil: {"properties": {evil: {"type": "string", "description": evil}}}}},
        });
        let html = content(&document);
        assert!(!html.contains("<script") && html.matches("&lt;script&gt;").count() > 12, "{html}");
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        assert_eq!(prose(&json!("`a`, <b> or `c`")), "<code>a</code>, &lt;b&gt; or <code>c</code>");
    }
}
