//! No secret that is sent, rightly or wrongly, is written anywhere, however much is logged. Which secrets the demo has
//! is read from its own file, so that none can be forgotten.
use super::{House, Server};
use crate::{
    support::{TestServer, call, initialize},
    surfaces::{credential, headers, ping},
};
use axum::http::{HeaderMap, header};
use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::{fmt::Write, net::IpAddr};
use url::form_urlencoded::byte_serialize;

/// What the demo publishes.
struct Demo {
    surfaces: Vec<String>,
    secrets: Vec<String>,
    /// Names of headers that hold keys.
    headers: Vec<String>,
}

impl Demo {
    fn read() -> Self {
        let file: toml::Table = include_str!("../../src/surfaces.toml").parse().unwrap();
        let mut demo = Self { surfaces: vec![], secrets: vec![], headers: vec![] };
        for surface in file["surface"].as_array().unwrap() {
            demo.surfaces.push(surface["id"].as_str().unwrap().to_owned());
            let texts = |all: &toml::Value| all.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
            demo.secrets.extend(surface.get("keys").map(texts).unwrap_or_default());
            let users = surface.get("users").and_then(toml::Value::as_array).into_iter().flatten();
            demo.secrets.extend(users.filter_map(|user| user.get("password").map(text)));
            for (name, keys) in surface.get("headers").and_then(toml::Value::as_table).into_iter().flatten() {
                demo.headers.push(name.clone());
                demo.secrets.extend(texts(keys));
            }
        }
        assert!(demo.surfaces.len() >= 8 && demo.secrets.len() >= 6 && demo.headers.len() >= 2, "the demo has shrunk");
        demo
    }
}

fn text(value: &toml::Value) -> String {
    value.as_str().or_else(|| value.get("value").and_then(toml::Value::as_str)).unwrap().to_owned()
}

/// A secret in every form in which it might be written.
fn forms(secret: &str) -> Vec<String> {
    let hex = secret.bytes().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    });
    let escaped = |text: &str| {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let base64 = [Base64::encode_string(secret.as_bytes()), Base64UrlUnpadded::encode_string(secret.as_bytes())];
    let encoded = byte_serialize(secret.as_bytes()).collect();
    let once = escaped(secret);
    let twice = escaped(&once);
    // The signature is what makes a JWT one.
    let signature =
        secret.rsplit_once('.').filter(|_| secret.starts_with("eyJ")).map(|(_, signature)| signature.to_owned());
    [secret.to_owned(), once, twice, encoded, hex].into_iter().chain(base64).chain(signature).collect()
}

#[track_caller]
fn absent(secrets: &[String], place: &str, bytes: &[u8]) {
    // A character per byte: strings are searched faster than slices.
    let text: String = bytes.iter().copied().map(char::from).collect();
    for form in secrets.iter().flat_map(|secret| forms(secret)) {
        if let Some(at) = text.find(&form) {
            let around: String = text[at.saturating_sub(400)..at].chars().collect();
            panic!("{place} holds {form}, after {around:?}");
        }
    }
}

/// Each from an address of its own: what one may fail at is limited.
fn client(number: usize) -> Client {
    let [.., high, low] = number.to_be_bytes();
    Client::builder().no_proxy().local_address(IpAddr::from([127, 1, high, low])).build().unwrap()
}

/// A refusal repeats no secret, nor does any answer's head.
async fn judge(secrets: &[String], at: &str, answer: Response) {
    let refused = !answer.status().is_success();
    absent(secrets, &format!("the head of the answer of {at}"), format!("{:?}", answer.headers()).as_bytes());
    // A stream that was let open would be read to its end.
    if refused {
        absent(secrets, &format!("the refusal of {at}"), &answer.bytes().await.unwrap());
    }
}

/// Ways to bring a secret, right at most at one surface: headers, and what is added to the path.
fn ways(demo: &Demo, secret: &str, number: usize) -> Vec<(HeaderMap, String)> {
    let basic = |pair: String| format!("Basic {}", Base64::encode_string(pair.as_bytes()));
    let named = |name: &str, value: &str| (headers(&[(name, value)]), String::new());
    let encoded: String = byte_serialize(secret.as_bytes()).collect();
    let mut ways = vec![
        named("authorization", &format!("Bearer {secret}")),
        named("authorization", &basic(format!("user{number}:{secret}"))),
        named("authorization", &basic(format!("{secret}:"))),
        named("authorization", secret),
        named("cookie", &format!("session={secret}")),
        named("x-api-key", secret),
        (HeaderMap::new(), format!("?access_token={encoded}&api_key={encoded}&session_id={encoded}")),
    ];
    ways.extend(demo.headers.iter().map(|name| named(name, secret)));
    ways
}

/// Brings each secret in every way to every surface, over both transports, and to what is beside them.
async fn bring_everywhere(demo: &Demo, server: &Server, secrets: &[String]) {
    for (number, secret) in secrets.iter().enumerate() {
        for surface in &demo.surfaces {
            for (transport, (method, path)) in [
                ("POST", format!("/mcp/{surface}")),
                ("GET", format!("/sse/{surface}")),
                ("POST", format!("/messages/{surface}")),
            ]
            .into_iter()
            .enumerate()
            {
                let http = client(3 * number + transport + 1);
                let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"token": secret}});
                for (brought, query) in ways(demo, secret, number) {
                    let url = server.url(&format!("{path}{query}"));
                    let request = http.request(method.parse().unwrap(), url).headers(brought).json(&body);
                    judge(secrets, &path, request.send().await.unwrap()).await;
                }
            }
        }
        let http = client(1);
        let bodies = [
            ("/debug/explain", json!({"surface": "basic", "token": secret, "tool": "create_project"})),
            ("/debug/explain", json!({"surface": "api-key", "header": format!("X-Brave-Key: {secret}")})),
            ("/debug/explain", json!({"surface": secret, "secret": secret})),
            ("/test-auth/bearer-token/mint", json!({"scope": secret, "password": secret})),
        ];
        for (path, body) in bodies {
            judge(secrets, path, http.post(server.url(path)).json(&body).send().await.unwrap()).await;
        }
        for name in ["tokens", "requests", "audit", "no-such"] {
            let query: String = byte_serialize(secret.as_bytes()).collect();
            let asked = http.get(server.url(&format!("/debug/{name}?client_id={query}"))).bearer_auth("x");
            judge(secrets, name, asked.send().await.unwrap()).await;
        }
    }
}

/// Opens every surface with what it takes, in both ways.
async fn use_rightly(t: &TestServer, demo: &Demo, server: &Server) {
    let http = client(0);
    for surface in &demo.surfaces {
        let own = || credential(t, surface);
        let opened = http.post(server.url(&format!("/mcp/{surface}"))).headers(own()).json(&initialize("2025-11-25"));
        let opened = opened.send().await.unwrap();
        assert_eq!(opened.status(), 200, "{surface}");
        let session = opened.headers()["mcp-session-id"].clone();
        let again = http.post(server.url(&format!("/mcp/{surface}"))).headers(own()).header("mcp-session-id", session);
        assert_eq!(again.json(&ping()).send().await.unwrap().status(), 200, "{surface}");
        let stream = http.get(server.url(&format!("/sse/{surface}"))).headers(own()).send().await.unwrap();
        assert_eq!(stream.status(), 200, "{surface}");
    }
}

/// What is there for people to look at, and all that was logged.
async fn look_everywhere(secrets: &[String], house: &House, mut server: Server) {
    let http = client(0);
    for name in ["tokens", "traces", "requests", "audit", "sessions", "policies", "surfaces", "config"] {
        let view = http.get(server.url(&format!("/debug/{name}?limit=1000"))).send().await.unwrap();
        assert_eq!(view.status(), 200, "{name}");
        absent(secrets, &format!("/debug/{name}"), &view.bytes().await.unwrap());
    }
    let index = http.get(server.url("/")).send().await.unwrap();
    absent(secrets, "the index", &index.bytes().await.unwrap());
    let log = server.kill();
    assert!(log.contains("TRACE") && log.contains("\"payload\":"), "this is not all that can be logged");
    absent(secrets, "the log", log.as_bytes());
    absent(secrets, "standard output", &house.stdout());
}

/// All that the demo publishes, and what is issued to whoever asks.
async fn known(t: &TestServer, demo: &Demo, server: &Server) -> Vec<String> {
    let minted = client(0).post(server.url("/test-auth/bearer-token/mint")).send().await.unwrap();
    let minted: Value = minted.json().await.unwrap();
    let mut secrets = demo.secrets.clone();
    secrets.push(minted["access_token"].as_str().unwrap().to_owned());
    for surface in ["oauth", "client-credentials", "device"] {
        let bearer = credential(t, surface)[header::AUTHORIZATION].to_str().unwrap().to_owned();
        secrets.push(bearer.strip_prefix("Bearer ").unwrap().to_owned());
    }
    secrets.extend(of_a_login(server).await);
    secrets
}

/// What whoever logs in by a tool is given.
async fn of_a_login(server: &Server) -> Vec<String> {
    let send = async |bearer: &str, tool: &str, arguments: Value| {
        let request = client(0).post(server.url("/mcp/session")).json(&call(tool, arguments));
        let request = if bearer.is_empty() { request } else { request.bearer_auth(bearer) };
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["result"]["structuredContent"].clone()
    };
    let person = json!({"username": "testuser", "password": "TestPass123!"});
    let login = send("", "authenticate_user", person).await;
    let issued = |answer: &Value, name: &str| answer[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    let token = issued(&login, "access_token");
    let made = send(&token, "create_api_key", json!({"name": "mine"})).await;
    vec![issued(&login, "refresh_token"), issued(&made, "api_key"), token]
}

#[tokio::test]
async fn a_secret_brought_in_any_way_to_any_surface_is_written_nowhere() {
    let (t, demo) = (TestServer::start().await, Demo::read());
    let house = House::new(&t);
    let server = house.start("trace");
    let secrets = known(&t, &demo, &server).await;
    use_rightly(&t, &demo, &server).await;
    bring_everywhere(&demo, &server, &secrets).await;
    look_everywhere(&secrets, &house, server).await;
    for file in std::fs::read_dir(house.folder.path()).unwrap() {
        let file = file.unwrap().path();
        absent(&secrets, &file.display().to_string(), &std::fs::read(&file).unwrap());
    }
}

/// For each argument of the tool that takes a text, a call with the secret there and something dull elsewhere.
fn calls_of(tool: &Value, secret: &str) -> Vec<Value> {
    let none = serde_json::Map::new();
    let properties = tool["inputSchema"]["properties"].as_object().unwrap_or(&none);
    let required = tool["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
    let dull = |name: &str| match properties[name]["type"].as_str() {
        Some("string") => json!("2026-12-31"),
        Some("number" | "integer") => json!(1),
        Some("boolean") => json!(false),
        _ => json!(["1"]),
    };
    let texts = properties.iter().filter(|(_, schema)| schema["type"].as_str().is_none_or(|kind| kind == "string"));
    let with = |name: &String| {
        let others = required.iter().filter_map(Value::as_str).map(|name| (name.to_owned(), dull(name)));
        let mut arguments: serde_json::Map<_, _> = others.collect();
        arguments.insert(name.clone(), secret.into());
        call(tool["name"].as_str().unwrap(), arguments.into())
    };
    let odd = json!({"credentials": [{"password": secret}], "json": json!({"api_key": secret}).to_string()});
    texts.map(|(name, _)| with(name)).chain([call(tool["name"].as_str().unwrap(), odd)]).collect()
}

/// A failure is told without what it failed on.
async fn judge_result(secrets: &[String], message: &Value, answer: Response) {
    let answer: Value = answer.json().await.unwrap();
    if answer.get("error").is_some() || answer["result"]["isError"] == true {
        absent(secrets, &message["params"]["name"].to_string(), answer.to_string().as_bytes());
    }
}

#[tokio::test]
async fn a_secret_given_to_any_tool_is_in_no_log_and_no_error() {
    let (t, demo) = (TestServer::start().await, Demo::read());
    let house = House::new(&t);
    let server = house.start("trace");
    let secrets = known(&t, &demo, &server).await;
    let http = client(0);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    for surface in &demo.surfaces {
        let send = async |message: &Value| {
            let request = http.post(server.url(&format!("/mcp/{surface}"))).headers(credential(&t, surface));
            request.json(message).send().await.unwrap()
        };
        let listed: Value = send(&list).await.json().await.unwrap();
        for secret in &secrets {
            for message in listed["result"]["tools"].as_array().unwrap().iter().flat_map(|tool| calls_of(tool, secret))
            {
                judge_result(&secrets, &message, send(&message).await).await;
            }
            judge_result(&secrets, &list, send(&call(secret, json!({secret: secret}))).await).await;
        }
    }
    look_everywhere(&secrets, &house, server).await;
    // What tools keep is their callers' own; of the trail nobody is the owner.
    let store = rusqlite::Connection::open(house.store()).unwrap();
    let mut events = store.prepare("SELECT event FROM audit_events").unwrap();
    let events = events.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    let events: Vec<_> = events.collect();
    assert!(events.len() > 100, "this is no trail");
    absent(&secrets, "the audit trail", events.join("\n").as_bytes());
}
