//! The `OpenAPI` document and the page made from it describe exactly what is served.
use crate::support::app::{Answer, CALLBACK, CHALLENGE, ISSUER, TestApp};
use axum::{body::Body, http::Request};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path};

/// All that can be switched on.
const EVERYTHING: &str =
    "legacy_paths = true\nregistration.management = true\n[debug]\nadmin_token = '0123456789abcdef0123456789abcdef'\n";

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
async fn the_document_keeps_the_rules_of_openapi() {
    let t = TestApp::with(EVERYTHING).await;
    let answer = t.get("/openapi.json").await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "application/json"));
    let document = answer.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    assert_eq!(document["servers"][0]["url"], crate::support::app::ISSUER);
    resolve(&document, &document);
    let mut ids = BTreeSet::new();
    for (path, method, told) in operations(&document) {
        assert!(path.starts_with('/') && !path.contains(['*', '?']), "{path}");
        assert!(ids.insert(told["operationId"].as_str().unwrap()), "{method} {path}: its name is there twice");
        assert!(told["summary"].as_str().is_some_and(|text| !text.is_empty()), "{method} {path}");
        let parameters = told["parameters"].as_array().unwrap();
        let named: BTreeSet<_> = parameters.iter().map(|one| (one["in"].as_str(), one["name"].as_str())).collect();
        assert_eq!(named.len(), parameters.len(), "{method} {path}: a parameter is there twice");
        let in_path = parameters.iter().filter(|one| one["in"] == "path");
        assert!(in_path.clone().all(|one| one["required"] == true), "{path}");
        let in_path: BTreeSet<_> = in_path.map(|one| format!("{{{}}}", one["name"].as_str().unwrap())).collect();
        assert!(in_path.iter().all(|name| path.contains(name)) && path.matches('{').count() == in_path.len(), "{path}");
        for (status, answer) in told["responses"].as_object().unwrap() {
            assert!(status == "default" || matches!(status.parse(), Ok(100..=599)), "{status}");
            assert!(answer["description"].is_string() || answer["$ref"].is_string(), "{method} {path} {status}");
        }
        for scheme in told["security"].as_array().into_iter().flatten().flat_map(|one| one.as_object().unwrap().keys())
        {
            assert!(document["components"]["securitySchemes"][scheme].is_object(), "{scheme}");
        }
    }
}

#[tokio::test]
async fn every_path_and_method_that_is_told_is_served_and_no_other_method_is() {
    for (settings, base) in [
        (EVERYTHING.to_owned(), ""),
        (format!("issuer = 'https://auth.example/in'\nendpoints_below_issuer = true\n{EVERYTHING}"), "/in"),
    ] {
        let t = TestApp::with(&settings).await;
        let document = t.get(&format!("{base}/openapi.json")).await.json();
        for (path, told) in document["paths"].as_object().unwrap() {
            let place = path.replace("{name}", "config").replace("{client_id}", "c").replace("{digest}", "d");
            for method in ["get", "post", "put", "delete", "patch"] {
                let request = axum::http::Request::builder().method(method.to_uppercase().as_str()).uri(&place);
                let answer = t.send(request.body(Body::empty()).unwrap()).await;
                let is_served = answer.status != 405;
                assert_eq!(is_served, told[method].is_object(), "{method} {path}: {answer:?}");
            }
            assert!(
                path.starts_with(base)
                    || document["paths"][format!("{base}{path}")].is_object()
                    || path.contains(".well-known"),
                "{path}"
            );
        }
    }
}

/// The only place where routes are made from anything but lists that are described.
const ROUTERS: [&str; 1] = ["src/http.rs"];

#[test]
fn no_route_is_made_but_with_what_it_is_for() {
    let mut sources = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(place) = sources.pop() {
        if place.is_dir() {
            sources.extend(std::fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&place).unwrap_or_default();
        let is_router = ROUTERS.iter().any(|router| place.ends_with(router));
        assert!(
            is_router || !text.contains("Router::new()"),
            "{}: routes are made by Routes, which tells of them",
            place.display()
        );
    }
}

#[tokio::test]
async fn all_that_metadata_and_documentation_name_is_told() {
    let t = TestApp::with(EVERYTHING).await;
    let document = t.get("/openapi.json").await.json();
    let metadata = t.get("/.well-known/oauth-authorization-server").await.json();
    let is_told = |path: &str| document["paths"][path].as_object().is_some_and(|methods| !methods.is_empty());
    for (member, place) in metadata.as_object().unwrap().iter().filter(|(member, _)| member.ends_with("_endpoint")) {
        let path = place.as_str().unwrap().strip_prefix(crate::support::app::ISSUER).unwrap();
        assert!(is_told(path), "{member}");
    }
    let written = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/endpoints.md")).unwrap();
    for line in written.lines().filter(|line| line.starts_with("## `")) {
        let named = line.trim_start_matches("## ").split('`').filter(|part| part.contains('/'));
        for path in named.map(|part| part.split(' ').next_back().unwrap()) {
            assert!(is_told(path), "{line}");
        }
    }
}

/// An answer has what the schema says, and nothing that it does not say.
fn fits(document: &Value, operation: &str, answer: &Answer) {
    let (method, path) = operation.split_once(' ').unwrap();
    let told = &document["paths"][path][method]["responses"];
    let told = if answer.status.is_success() {
        &told[answer.status.as_str()]
    } else {
        &document["components"]["responses"]["Error"]
    };
    let mut schema = told["content"]["application/json"]["schema"].clone();
    if let Some(place) = schema["$ref"].as_str() {
        schema = document.pointer(place.trim_start_matches('#')).unwrap().clone();
    }
    close(&mut schema);
    let judged = jsonschema::validator_for(&schema).unwrap();
    let faults: Vec<_> = judged.iter_errors(&answer.json()).map(|fault| fault.to_string()).collect();
    assert!(schema["properties"].is_object() && faults.is_empty(), "{operation}: {faults:?}, {answer:?}");
}

fn close(schema: &mut Value) {
    if let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        members.values_mut().filter_map(|member| member.get_mut("items")).for_each(close);
        schema["additionalProperties"] = json!(false);
    }
}

#[tokio::test]
async fn what_is_answered_has_the_members_that_are_told() {
    let t = TestApp::with(&format!("{EVERYTHING}[tokens]\nrefresh_token_expires_in = true\n")).await;
    let document = t.get("/openapi.json").await.json();
    for path in
        ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/jwks", "/health", "/ready"]
    {
        fits(&document, &format!("get {path}"), &t.get(path).await);
    }
    let device = "urn:ietf:params:oauth:grant-type:device_code";
    let registered = t
        .register(&json!({
            "redirect_uris": [CALLBACK], "client_name": "A", "client_uri": "https://client.example", "contacts": ["a@b.example"],
            "grant_types": ["authorization_code", "refresh_token", device], "scope": "mcp:read",
            "software_id": "s", "software_version": "1", "tos_uri": "https://client.example/tos",
            "policy_uri": "https://client.example/policy", "dpop_bound_access_tokens": false,
            "require_pushed_authorization_requests": false,
        }))
        .await;
    fits(&document, "post /register", &registered);
    let registered = registered.json();
    let text = |member: &str| registered[member].as_str().unwrap().to_owned();
    let place = text("registration_client_uri").replace(ISSUER, "");
    let bearer = format!("Bearer {}", text("registration_access_token"));
    let read = t.send(Request::get(&place).header("authorization", bearer).body(Body::empty()).unwrap()).await;
    fits(&document, "get /register/{client_id}", &read);

    let (id, secret) = (text("client_id"), text("client_secret"));
    let client = [("client_id", &*id), ("client_secret", &*secret)];
    fits(&document, "post /device_authorization", &t.post("/device_authorization", &client).await);
    let pushed = [("response_type", "code"), ("redirect_uri", CALLBACK), ("code_challenge", CHALLENGE)];
    let pushed = [&client[..], &pushed, &[("code_challenge_method", "S256")]].concat();
    fits(&document, "post /par", &t.post("/par", &pushed).await);
    fits(&document, "post /token", &t.post("/token", &client).await);

    let public = t.public_client("c", &[CALLBACK]).await;
    let code = t.code(&public, &[("scope", "mcp:read openid profile email offline_access")]).await;
    let tokens = t.redeem(&public, &code).await;
    fits(&document, "post /token", &tokens);
    let tokens = tokens.json();
    assert!(tokens["refresh_token_expires_in"].is_i64() && tokens["id_token"].is_string(), "{tokens}");
    let own = t.refresh_with(&public, tokens["refresh_token"].as_str().unwrap(), &[("resource", ISSUER)]).await.json();
    let bearer = format!("Bearer {}", own["access_token"].as_str().unwrap());
    let about = Request::get("/userinfo").header("authorization", bearer).body(Body::empty()).unwrap();
    fits(&document, "get /userinfo", &t.send(about).await);
    for token in [&tokens["access_token"], &tokens["refresh_token"], &json!("unknown")] {
        fits(&document, "post /introspect", &t.introspect(token.as_str().unwrap()).await);
    }
}

#[tokio::test]
async fn the_reader_shows_every_operation_without_script() {
    let t = TestApp::with(EVERYTHING).await;
    let document = t.get("/openapi.json").await.json();
    let page = t.get("/docs").await;
    page.page(200);
    assert!(!page.body.contains("<script") && !page.body.contains(" style="), "{page:?}");
    let shown = scraper::Html::parse_document(&page.body);
    for (path, method, told) in operations(&document) {
        let id = format!("[id=\"{}\"] > summary", told["operationId"].as_str().unwrap());
        let found = shown.select(&scraper::Selector::parse(&id).unwrap()).next();
        let text: String = found.unwrap_or_else(|| panic!("{method} {path}")).text().collect();
        assert!(text.contains(&format!("{} {path}", method.to_uppercase())), "{text}");
    }
    for link in shown.select(&scraper::Selector::parse("a[href^=\"#\"]").unwrap()) {
        let id = link.attr("href").unwrap().trim_start_matches('#');
        assert!(page.body.contains(&format!("id=\"{id}\"")), "{id} is nowhere");
    }
}

#[tokio::test]
async fn what_is_switched_off_is_not_told() {
    let t = TestApp::start().await;
    let document = t.get("/openapi.json").await.json();
    for path in ["/debug/{name}", "/metrics", "/oauth/token", "/oauth/authorize"] {
        assert!(document["paths"][path].is_null(), "{path}");
    }
}
