//! What the server says that it serves, as `OpenAPI` and as a page, is what it serves.
use crate::support::{ORIGIN, TestServer, request};
use axum::{body::Body, http::Request};
use keyward_resource_server::Settings;
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, all)| all.as_object().unwrap().iter().map(move |(method, told)| (path, method, told)))
}

/// Every reference in it leads somewhere.
fn resolve(document: &Value, part: &Value) {
    if let Some(target) = part["$ref"].as_str() {
        let place = target.strip_prefix('#').unwrap_or_else(|| panic!("{target} leads elsewhere"));
        assert!(document.pointer(place).is_some(), "{target} leads nowhere");
    }
    match part {
        Value::Object(members) => members.values().for_each(|member| resolve(document, member)),
        Value::Array(members) => members.iter().for_each(|member| resolve(document, member)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_keeps_the_rules_of_openapi_and_can_be_read_from_every_page() {
    let t = TestServer::start().await;
    let asked = request("GET", "/openapi.json").header("origin", "https://app.example").body(Body::empty()).unwrap();
    let answer = t.send(asked).await;
    assert_eq!((answer.status.as_u16(), answer.header("access-control-allow-origin")), (200, Some("*")));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["servers"], json!([{"url": ORIGIN}]));
    resolve(&document, &document);
    let mut names = BTreeSet::new();
    for (path, method, told) in operations(&document) {
        assert!(path.starts_with('/') && !path.contains(['*', '?']), "{path}");
        assert!(names.insert(told["operationId"].as_str().unwrap()), "{method} {path}: its name is there twice");
        assert!(told["responses"].as_object().is_some_and(|all| all.len() > 1), "{method} {path}");
        let in_path = told["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path");
        let placed = in_path.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect::<Vec<_>>();
        assert!(placed.iter().all(|name| path.contains(name)) && path.matches('{').count() == placed.len(), "{path}");
        for scheme in told["security"].as_array().into_iter().flatten().flat_map(|one| one.as_object().unwrap().keys())
        {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)), "{name}");
        jsonschema::draft202012::meta::validate(schema).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[tokio::test]
async fn every_path_and_method_that_is_told_is_served_and_no_other_method_is() {
    let t = TestServer::start().await;
    let document = t.get("/openapi.json").await.json();
    for (path, told) in document["paths"].as_object().unwrap() {
        let place = path.replace("{name}", "config");
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let is_told = told[method.to_lowercase()].is_object();
            let is_gated = ["/mcp", "/sse", "/messages"].iter().any(|start| path.starts_with(start));
            // What opens a stream does not end.
            if is_gated && is_told {
                continue;
            }
            let answer = t.send(request(method, &place).body(Body::empty()).unwrap()).await;
            assert_ne!(answer.status, 404, "{method} {path}: {answer:?}");
            if is_gated {
                // A gate asks first who it is, for which session, and in what form.
                assert!(answer.status.is_client_error(), "{method} {path}: {answer:?}");
            } else {
                assert_eq!(answer.status != 405, is_told, "{method} {path}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn each_surface_is_told_with_its_credential_and_the_schemas_of_its_tools() {
    let t = TestServer::start().await;
    let document = t.get("/openapi.json").await.json();
    for (surface, security) in [
        ("oauth", json!([{"oauth": []}])),
        ("basic", json!([{"basic": []}])),
        ("api-key", json!([{"bearer": []}])),
        ("security-keys", json!([{"X-Brave-Key": []}, {"X-GitHub-Token": []}])),
        ("no-auth", json!([{}])),
    ] {
        assert_eq!(document["paths"][format!("/mcp/{surface}")]["post"]["security"], security, "{surface}");
        assert!(document["paths"][format!("/sse/{surface}")]["get"].is_object(), "{surface}");
        assert!(document["paths"][format!("/messages/{surface}")]["post"].is_object(), "{surface}");
    }
    let issuer = format!("{}/.well-known/openid-configuration", t.issuer.uri());
    assert_eq!(document["components"]["securitySchemes"]["oauth"]["openIdConnectUrl"], issuer);
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"message": "a"}},
    });
    let schema = jsonschema::validator_for(&document["components"]["schemas"]["oauth.echo"]).unwrap();
    assert!(schema.is_valid(&message));
    let mut wrong = message;
    wrong["params"]["arguments"] = json!({"message": 1});
    assert!(!schema.is_valid(&wrong));
}

#[tokio::test]
async fn what_is_answered_has_the_members_that_are_told() {
    let t = TestServer::start().await;
    let document = t.get("/openapi.json").await.json();
    for path in [
        "/health",
        "/ready",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp/device",
    ] {
        let told = &document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        assert!(told["properties"].is_object(), "{path}");
        let mut told = told.clone();
        told["additionalProperties"] = json!(false);
        let answer = t.get(path).await.json();
        let judged = jsonschema::validator_for(&told).unwrap();
        let faults: Vec<_> = judged.iter_errors(&answer).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{path}: {faults:?}, {answer}");
    }
    let refused = t.get("/nothing").await.json();
    let mut told = document["components"]["schemas"]["Error"].clone();
    told["additionalProperties"] = json!(false);
    jsonschema::validator_for(&told).unwrap().validate(&refused).unwrap_or_else(|fault| panic!("{fault}: {refused}"));
}

#[tokio::test]
async fn the_reader_shows_every_operation_without_script() {
    let t = TestServer::start().await;
    let document = t.get("/openapi.json").await.json();
    let answer = t.get("/docs").await;
    assert!(answer.header("content-security-policy").unwrap().starts_with("default-src 'none'; style-src 'sha256-"));
    let page = String::from_utf8(answer.body.to_vec()).unwrap();
    assert!(!page.contains("<script") && !page.contains(" style="), "{page}");
    for (path, method, told) in operations(&document) {
        let id = told["operationId"].as_str().unwrap();
        let shown = format!("<details id=\"{id}\"><summary><code>{} {path}</code>", method.to_uppercase());
        assert!(page.contains(&shown), "{shown}");
    }
    for link in page.split(" href=\"#").skip(1) {
        let id = link.split('"').next().unwrap();
        assert!(page.contains(&format!(" id=\"{id}\"")), "{id} is nowhere");
    }
}

#[tokio::test]
async fn a_surface_that_has_the_place_of_the_description_keeps_it_and_what_is_off_is_not_told() {
    let text = "[[surface]]\nid = \"a\"\nkind = \"no-auth\"\ntools = [\"core\"]\npath = \"/docs\"";
    let t = TestServer::start().await.with(Settings::parse(text).unwrap());
    let document = t.get("/openapi.json").await.json();
    assert!(document["paths"]["/docs"]["post"].is_object() && document["paths"]["/debug/{name}"].is_null());
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let post = Request::post("/docs").header("host", "127.0.0.1:8990").header("content-type", "application/json");
    assert_eq!(t.send(post.body(Body::from(message.to_string())).unwrap()).await.status, 200);
}

#[test]
fn no_route_is_made_but_with_what_it_is_for() {
    // The guard before somebody else's server has none of ours; and what makes routes makes them of something.
    const MAKERS: [&str; 4] = ["src/api.rs", "src/guard.rs", "src/lib.rs", "src/stdio.rs"];
    let mut places = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(place) = places.pop() {
        if place.is_dir() {
            places.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&place).unwrap_or_default();
        let is_maker = MAKERS.iter().any(|maker| place.ends_with(maker));
        assert!(is_maker || !text.contains("Router::new()"), "{}: routes are made by Routes", place.display());
    }
}
