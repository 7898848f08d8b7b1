//! An issuer with a path: its well-known documents at every usual URL, and everything else below the path.
use crate::support::{
    app::{Answer, MCP, PASSWORD, TestApp, VERIFIER, authorize_path, basic, operator},
    browser::{Browser, borrowed, hidden},
};
use keyward::{model::ClientId, operations::users::new_setup_link};
use serde_json::{Value, json};

const ISSUER: &str = "https://auth.example/realms/auth";
const PATH: &str = "/realms/auth";
const WITH_PATH: &str = "issuer = 'https://auth.example/realms/auth'";
const BELOW: &str = "issuer = 'https://auth.example/realms/auth'\nendpoints_below_issuer = true\n\
                     debug.admin_token = 'the token of the operator'";

#[tokio::test]
async fn the_documents_of_an_issuer_with_a_path_are_found_inserted_and_appended() {
    for more in [WITH_PATH, BELOW] {
        let t = TestApp::with(more).await;
        for name in ["oauth-authorization-server", "openid-configuration"] {
            for path in [format!("/.well-known/{name}{PATH}"), format!("{PATH}/.well-known/{name}")] {
                let answer = t.get(&path).await;
                assert_eq!((answer.status.as_u16(), &answer.json()["issuer"]), (200, &json!(ISSUER)), "{path}");
                let request = axum::http::Request::get(&path).header("origin", "https://app.example");
                let answer = t.send(request.body(axum::body::Body::empty()).unwrap()).await;
                assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
            }
        }
        t.get("/.well-known/oauth-authorization-server").await.refused(404, "not_found");
        t.get("/.well-known/oauth-authorization-server/other").await.refused(404, "not_found");
    }
}

/// What the metadata says where things are.
async fn metadata(t: &TestApp) -> Value {
    t.get(&format!("{PATH}/.well-known/oauth-authorization-server")).await.json()
}

#[tokio::test]
async fn without_the_setting_endpoints_stay_at_the_root() {
    let t = TestApp::with(WITH_PATH).await;
    assert_eq!(metadata(&t).await["token_endpoint"], "https://auth.example/token");
    assert_eq!(t.get("/login").await.status, 200);
    t.get(&format!("{PATH}/login")).await.refused(404, "not_found");
}

#[tokio::test]
async fn every_endpoint_of_the_metadata_lies_below_the_issuer_and_answers_there_only() {
    let t = TestApp::with(BELOW).await;
    let metadata = metadata(&t).await;
    let mut count = 0;
    for (member, value) in metadata.as_object().unwrap() {
        if !member.ends_with("_endpoint") && member != "jwks_uri" {
            continue;
        }
        let url = value.as_str().unwrap();
        let path = url.strip_prefix(ISSUER).unwrap_or_else(|| panic!("{member}: {url}"));
        assert_ne!(t.get(&format!("{PATH}{path}")).await.status, 404, "{member}");
        assert_eq!(t.get(path).await.status, 404, "{member}");
        count += 1;
    }
    assert!(count >= 8, "{metadata}");
    // Whoever asks this very machine knows no path.
    for path in ["/health", "/ready"] {
        assert_eq!(t.get(path).await.status, 200);
        assert_eq!(t.get(&format!("{PATH}{path}")).await.status, 200);
    }
    for path in ["/metrics", "/realms/auth/metrics", "/realms/auth/debug/clients"] {
        t.get(path).await.refused(401, "unauthorized");
    }
    t.get("/debug/clients").await.refused(404, "not_found");
    t.get("/").await.refused(404, "not_found");
    assert_eq!(t.get(&format!("{PATH}/")).await.location(), PATH);
}

/// Everything that an answer makes a browser ask for.
fn asked_for(answer: &Answer) -> Vec<String> {
    let html = scraper::Html::parse_document(&answer.body);
    let all = scraper::Selector::parse("[href], [src], [action], [formaction], [srcset], meta[http-equiv]").unwrap();
    let mut found: Vec<_> = html
        .select(&all)
        .flat_map(|element| element.value().attrs().map(|(name, value)| (name.to_owned(), value.to_owned())))
        .filter(|(name, _)| ["href", "src", "action", "formaction", "srcset", "content"].contains(&name.as_str()))
        .map(|(_, value)| value)
        .collect();
    found.extend([answer.header("location").to_owned()]);
    found.retain(|url| !url.is_empty());
    found
}

/// A browser in which nothing but the one path reaches us.
struct Proxied<'a> {
    browser: Browser<'a>,
    seen: Vec<String>,
}

impl Proxied<'_> {
    fn judge(&mut self, answer: Answer) -> Answer {
        for url in asked_for(&answer) {
            let ours = !url.contains("://") || url.starts_with("https://auth.example");
            let url = url.strip_prefix("https://auth.example").unwrap_or(&url).to_owned();
            assert!(!ours || url.starts_with(PATH), "{url} in {answer:?}");
            self.seen.push(url);
        }
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; Path=/realms/auth;"), "{cookie}");
            // One that is taken back says no more than which.
            let kept = !cookie.contains("; Max-Age=0");
            assert!(!kept || (cookie.contains("; Secure") && cookie.contains("; HttpOnly")), "{cookie}");
            assert!(cookie.starts_with("__Secure-"), "{cookie}");
        }
        answer
    }

    async fn get(&mut self, path: &str) -> Answer {
        assert!(path.starts_with(PATH), "{path}");
        let answer = self.browser.get(path).await;
        self.judge(answer)
    }

    /// Sends the page's form for `action` with these fields.
    async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let action = format!("{PATH}{action}");
        let form = hidden(page, &action);
        let answer = self.browser.post(&action, &[&borrowed(&form)[..], fields].concat()).await;
        self.judge(answer)
    }
}

async fn register(t: &TestApp, body: &Value) -> ClientId {
    let request = axum::http::Request::post(format!("{PATH}/register")).header("content-type", "application/json");
    let answer = t.send(request.body(axum::body::Body::from(body.to_string())).unwrap()).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    ClientId::from(answer.json()["client_id"].as_str().unwrap())
}

#[tokio::test]
async fn a_person_and_a_client_go_the_whole_way_through_a_proxy_that_hands_over_one_path() {
    let t = TestApp::with(BELOW).await;
    let client = register(
        &t,
        &json!({"client_name": "App", "redirect_uris": ["http://127.0.0.1/cb"],
        "grant_types": ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"],
        "token_endpoint_auth_method": "none"}),
    )
    .await;
    let mut person = Proxied { browser: t.browser(), seen: vec![] };
    let home = person.get(PATH).await;
    assert_eq!(home.status, 200, "{home:?}");
    let login = person.get(&format!("{PATH}{}", authorize_path(&client, &[("scope", "mcp:read")]))).await;
    let page = person.get(login.location()).await;
    let wrong = person.submit(&page, "/login", &[("username", "alice"), ("password", "wrong horse")]).await;
    assert_eq!(wrong.status, 403);
    let back = person.submit(&wrong, "/login", &[("username", "alice"), ("password", PASSWORD)]).await;
    let question = person.get(back.location()).await;
    assert_eq!(question.status, 200, "{question:?}");
    let allowed = person.submit(&question, "/consent", &[("decision", "allow")]).await;
    assert!(allowed.location().starts_with("http://127.0.0.1/cb?"), "{allowed:?}");
    assert_eq!(allowed.returned("iss").unwrap(), ISSUER);

    let code = allowed.returned("code").unwrap();
    let form = [("grant_type", "authorization_code"), ("client_id", client.as_str()), ("code", &code)];
    let form = [&form[..], &[("code_verifier", VERIFIER), ("redirect_uri", "http://127.0.0.1/cb")]].concat();
    let tokens = t.post(&format!("{PATH}/token"), &form).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    let claims = TestApp::claims(&tokens.json()["access_token"]);
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(MCP)));
    let known = [("authorization", &*basic("notes-server", "notes-server-secret"))];
    let token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    let told = t.post_with(&format!("{PATH}/introspect"), &[("token", &token)], &known).await;
    assert_eq!(told.json()["active"], true);

    let device = t.post(&format!("{PATH}/device_authorization"), &[("client_id", client.as_str())]).await.json();
    assert_eq!(device["verification_uri"], format!("{ISSUER}/device"));
    let user_code = device["user_code"].as_str().unwrap();
    let page = person.get(&format!("{PATH}/device")).await;
    let asked = person.submit(&page, "/device", &[("user_code", user_code)]).await;
    assert_eq!(person.submit(&asked, "/device/decision", &[("decision", "allow")]).await.status, 200);
    let complete = device["verification_uri_complete"].as_str().unwrap().strip_prefix("https://auth.example").unwrap();
    person.get(complete).await;

    let page = person.get(&format!("{PATH}/logout")).await;
    assert_eq!(person.submit(&page, "/logout", &[]).await.status, 200);
    let again = person.get(&format!("{PATH}{}", authorize_path(&client, &[]))).await;
    assert!(again.location().starts_with("/realms/auth/login?return_to="), "{again:?}");
    person.get(&format!("{PATH}/authorize?client_id=nobody")).await.page(400);

    // All that pages have beside themselves is there.
    person.seen.sort();
    person.seen.dedup();
    let files: Vec<_> = person.seen.iter().filter(|url| url.contains("/static/")).cloned().collect();
    assert_eq!(files.len(), 2, "{:?}", person.seen);
    for file in files {
        assert_eq!(person.get(&file).await.status, 200, "{file}");
    }
}

#[tokio::test]
async fn links_that_are_told_elsewhere_lie_below_it_too() {
    let t = TestApp::with(&format!("{BELOW}\nregistration.management = true")).await;
    let link = new_setup_link(&t.app, &operator()).await.unwrap().url;
    assert!(link.starts_with(&format!("{ISSUER}/setup?token=")), "{link}");
    let mut person = Proxied { browser: t.browser(), seen: vec![] };
    let page = person.get(link.strip_prefix("https://auth.example").unwrap()).await;
    let fields = [
        ("username", "second"),
        ("password", "four unrelated words here"),
        ("password_again", "four unrelated words here"),
    ];
    assert_eq!(person.submit(&page, "/setup", &fields).await.status, 200);
    let request = axum::http::Request::post(format!("{PATH}/register")).header("content-type", "application/json");
    let body = json!({"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none"}).to_string();
    let registered = t.send(request.body(axum::body::Body::from(body)).unwrap()).await.json();
    let own = registered["registration_client_uri"].as_str().unwrap();
    assert!(own.starts_with(&format!("{ISSUER}/register/")), "{own}");
    let token = format!("Bearer {}", registered["registration_access_token"].as_str().unwrap());
    let request =
        axum::http::Request::get(own.strip_prefix("https://auth.example").unwrap()).header("authorization", token);
    assert_eq!(t.send(request.body(axum::body::Body::empty()).unwrap()).await.status, 200);
}

#[tokio::test]
async fn errors_that_people_read_lead_below_it_too() {
    let t = TestApp::with(BELOW).await;
    let mut person = Proxied { browser: t.browser(), seen: vec![] };
    for (path, status) in [("/nothing", 404), ("/token", 405), ("/register", 405), ("/login?return_to=%2Fnowhere", 400)]
    {
        let told = person.get(&format!("{PATH}{path}")).await;
        told.page(status);
        assert!(asked_for(&told).contains(&format!("{PATH}/static/keyward.css")), "{told:?}");
    }
    let login = person.get(&format!("{PATH}/login")).await;
    let form = hidden(&login, "/realms/auth/login");
    let elsewhere = [("origin", "https://10.1.2.3:8443"), ("host", "10.1.2.3:8443")];
    let wrong = person.browser.post_from("/realms/auth/login", &borrowed(&form), &elsewhere).await;
    let wrong = person.judge(wrong);
    wrong.page(403);
    assert!(asked_for(&wrong).contains(&format!("{ISSUER}/")), "{wrong:?}");
}

#[test]
fn a_path_that_could_not_be_served_is_refused_at_the_start() {
    for path in ["/:a", "/*a", "/{a}", "/a;b", "/a\"b", "/a b"] {
        let defaults = format!("issuer = 'https://auth.example{path}'");
        let error = keyward::config::Config::load(&defaults, None, [].into()).unwrap_err();
        assert!(error.to_string().contains("path"), "{path}: {error}");
    }
    let config = keyward::config::Config::load("issuer = 'https://auth.example/a-b/c_d.e~%20'", None, [].into());
    assert!(config.is_ok());
}
