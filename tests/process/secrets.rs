//! Nothing that opens a door lies in the database or in the logs, however much is logged.
use crate::support::{
    app::{VERIFIER, authorize_path, basic},
    browser::hidden,
    process::{Address, House, Keyward, Person},
};
use base64ct::{Base64, Encoding};
use keyward::{
    keys::MasterKey,
    model::ClientId,
    oauth::params::form_urlencode,
    secrets::{base64url, from_base64url},
    storage::{Db, signing_keys},
};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::fmt::Write;

const REDIRECT: &str = "http://127.0.0.1:51004/callback";
const STRONG: &str = "staple battery horse correct";

/// All that was issued, typed or sent, with what it is.
#[derive(Default)]
struct Collected(Vec<(&'static str, Vec<u8>)>);

impl Collected {
    fn add(&mut self, what: &'static str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is too short to look for: {secret}");
        self.0.push((what, secret.into()));
        self.0.push((what, form_urlencode(secret).into()));
        self.0.push((what, Base64::encode_string(secret.as_bytes()).into()));
        // What is random in it: all behind the prefix, or the signature.
        let random = secret.rsplit('.').next().unwrap();
        let random = if random.starts_with("kw") { &random[4..] } else { random };
        let bytes = from_base64url(random).unwrap_or_default();
        match secret.get(..4) {
            // A refresh token names its grant; then come secret and authenticator.
            Some("kwr_") => bytes[20..].chunks(32).for_each(|part| self.add_bytes(what, part)),
            _ if bytes.len() >= 16 => self.add_bytes(what, &bytes),
            _ => self.add_bytes(what, secret.as_bytes()),
        }
    }

    fn add_bytes(&mut self, what: &'static str, secret: &[u8]) {
        let hex = secret.iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        });
        let written = [secret.to_vec(), hex.into(), Base64::encode_string(secret).into(), base64url(secret).into()];
        self.0.extend(written.map(|form| (what, form)));
    }

    /// The tokens of an answer, which must have some.
    fn tokens(&mut self, answer: &Value) {
        self.add("access token", answer["access_token"].as_str().unwrap());
        for name in ["refresh_token", "id_token"] {
            answer[name].as_str().into_iter().for_each(|token| self.add("token", token));
        }
    }

    /// `place` holds none of it, except what is printed there for people to read.
    #[track_caller]
    fn absent_from(&self, place: &str, bytes: &[u8], printed: &[&str]) {
        let text = latin1(bytes);
        for (what, secret) in self.0.iter().filter(|(what, _)| !printed.contains(what)) {
            if let Some(at) = text.find(&latin1(secret)) {
                let around: String = text[..at].chars().rev().take(300).collect();
                let around: String = around.chars().rev().collect();
                panic!("{place} holds a {what}, after {around}");
            }
        }
    }
}

/// A character per byte: strings are searched faster than slices.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// Somebody who goes through every door once rightly and once wrongly.
struct Walker {
    at: Address,
    person: Person,
    /// A scope of the default resource.
    scope: &'static str,
    seen: Collected,
}

impl Walker {
    fn new(at: &Address, scope: &'static str) -> Self {
        Self { at: at.clone(), person: at.person(), scope, seen: Collected::default() }
    }

    async fn walk(&mut self, username: &str, password: &str, introspection: (&str, &str)) {
        self.sign_in(username, password).await;
        let public = self.register("none").await;
        self.authorize(&public, "deny").await;
        self.public(&public, introspection).await;
        self.code_replay(&public).await;
        self.userinfo(&public).await;
        for method in ["client_secret_basic", "client_secret_post"] {
            let client = self.register(method).await;
            self.confidential(&client, method).await;
        }
        self.broken_cookie().await;
        self.sign_out().await;
    }

    fn cookies(&mut self) {
        for cookie in self.person.cookies.values() {
            self.seen.add("cookie", cookie);
        }
    }

    fn form_token(&mut self, page: &crate::support::app::Answer, action: &str) {
        let form = hidden(page, action);
        let (_, token) = form.iter().find(|(name, _)| name == "form_token").unwrap();
        self.seen.add("form token", token);
    }

    async fn sign_in(&mut self, username: &str, password: &str) {
        let page = self.person.get("/login").await;
        self.form_token(&page, "/login");
        let mistyped = format!("{password}+mistyped");
        assert_eq!(self.person.sign_in(username, &mistyped, "/").await.status, 403);
        // Typed where the name belongs.
        assert_eq!(self.person.sign_in(password, "nothing at all", "/").await.status, 403);
        assert_eq!(self.person.sign_in(username, password, "/").await.location(), "/");
        self.seen.add("password", password);
        self.seen.add("mistyped password", &mistyped);
        self.cookies();
    }

    async fn register(&mut self, method: &str) -> Value {
        let asked = json!({"client_name": format!("Agent {method}"), "redirect_uris": ["http://127.0.0.1/callback"],
            "token_endpoint_auth_method": method, "grant_types": ["authorization_code", "refresh_token"]});
        let client = self.at.register(&asked).await;
        client["client_secret"].as_str().into_iter().for_each(|secret| self.seen.add("client secret", secret));
        client
    }

    /// Asks for everything; answers what came back with the redirect.
    async fn authorize(&mut self, client: &Value, decision: &str) -> Option<String> {
        let scope = format!("openid profile email offline_access {}", self.scope);
        self.authorize_for(client, decision, &scope).await
    }

    async fn authorize_for(&mut self, client: &Value, decision: &str, scope: &str) -> Option<String> {
        let id = ClientId::from(client["client_id"].as_str().unwrap());
        let path = authorize_path(&id, &[("redirect_uri", REDIRECT), ("scope", scope)]);
        let page = self.person.get(&path).await;
        self.form_token(&page, "/consent");
        let code = self.person.submit(&page, "/consent", &[("decision", decision)]).await.returned("code");
        code.iter().for_each(|code| self.seen.add("code", code));
        code
    }

    async fn redeem(&mut self, client: &Value, code: &str) -> Value {
        let tokens = self.at.redeem(client["client_id"].as_str().unwrap(), code).await.json();
        self.seen.tokens(&tokens);
        tokens
    }

    /// Code, rotation, a repeat within the window, introspection, misplaced tokens, theft.
    async fn public(&mut self, client: &Value, (id, secret): (&str, &str)) {
        let client_id = client["client_id"].as_str().unwrap();
        let code = self.authorize(client, "allow").await.unwrap();
        let wrong = format!("wrong-{VERIFIER}");
        let form = [("grant_type", "authorization_code"), ("client_id", client_id), ("code", &code)];
        let answer = self.at.post("/token", &[&form[..], &[("code_verifier", &wrong)]].concat()).await;
        answer.refused(400, "invalid_grant");
        self.seen.add("verifier", &wrong);
        self.seen.add("verifier", VERIFIER);
        let first = self.redeem(client, &code).await;
        let mut newest = first.clone();
        for presented in [&first, &first] {
            newest = self.at.refresh(client_id, presented["refresh_token"].as_str().unwrap()).await.json();
            self.seen.tokens(&newest);
        }
        let token = newest["refresh_token"].as_str().unwrap();
        let access_token = newest["access_token"].as_str().unwrap();
        for token in [token, access_token] {
            self.at.post_with("/introspect", &[("token", token)], &[("authorization", &basic(id, secret))]).await;
            self.at.post(&format!("/token?refresh_token={token}"), &form).await.refused(400, "invalid_request");
            self.at.get(&format!("/userinfo?access_token={token}")).await;
            self.at.get(&format!("/{token}")).await.refused(404, "not_found");
        }
        self.seen.add("introspection secret", secret);
        self.seen.tokens(&self.at.refresh(client_id, token).await.json());
        let stolen = self.at.refresh(client_id, first["refresh_token"].as_str().unwrap()).await;
        assert!(stolen.body.contains("used before"), "{stolen:?}");
    }

    async fn code_replay(&mut self, client: &Value) {
        let code = self.authorize(client, "allow").await.unwrap();
        self.redeem(client, &code).await;
        self.at.redeem(client["client_id"].as_str().unwrap(), &code).await.refused(400, "invalid_grant");
    }

    async fn userinfo(&mut self, client: &Value) {
        let code = self.authorize_for(client, "allow", "openid profile email").await.unwrap();
        let tokens = self.redeem(client, &code).await;
        let token = tokens["access_token"].as_str().unwrap();
        let broken = format!("{token}x");
        self.seen.add("broken token", &broken);
        for (token, status) in [(token, 200), (&broken, 401)] {
            let request = self.at.http.get(format!("{}/userinfo", self.at.issuer)).bearer_auth(token);
            assert_eq!(request.send().await.unwrap().status(), status);
        }
        let form = [("client_id", client["client_id"].as_str().unwrap()), ("token", token)];
        assert_eq!(self.at.post("/revoke", &form).await.status, 200);
    }

    async fn confidential(&mut self, client: &Value, method: &str) {
        let (id, secret) = (client["client_id"].as_str().unwrap(), client["client_secret"].as_str().unwrap());
        let code = self.authorize(client, "allow").await.unwrap();
        let wrong = format!("{secret}wrong");
        self.seen.add("wrong client secret", &wrong);
        for secret in [&*wrong, secret] {
            let header = basic(id, secret);
            self.seen.add("basic credentials", header.strip_prefix("Basic ").unwrap());
            let mut form = vec![("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", VERIFIER)];
            let mut headers = vec![];
            match method {
                "client_secret_basic" => headers.push(("authorization", &*header)),
                _ => form.extend([("client_id", id), ("client_secret", secret)]),
            }
            let answer = self.at.post_with("/token", &form, &headers).await.json();
            if answer["error"] == "invalid_client" {
                assert_eq!(secret, wrong);
                continue;
            }
            self.seen.tokens(&answer);
            form.truncate(0);
            form.extend([("token", answer["refresh_token"].as_str().unwrap())]);
            form.extend([("client_id", id), ("client_secret", secret)].iter().filter(|_| headers.is_empty()));
            assert_eq!(self.at.post_with("/introspect", &form, &headers).await.json()["active"], true);
            assert_eq!(self.at.post_with("/revoke", &form, &headers).await.status, 200);
        }
    }

    async fn broken_cookie(&mut self) {
        let mut other = self.person.clone();
        other.cookies.values_mut().for_each(|cookie| cookie.push_str("broken"));
        other.get("/").await;
        let request = self.at.http.get(format!("{}/logout", self.at.issuer));
        let unknown = base64url([7; 16]);
        self.seen.add("unknown cookie", &unknown);
        request.header("cookie", format!("keyward={unknown}")).send().await.unwrap();
    }

    async fn sign_out(&mut self) {
        let page = self.person.get("/logout").await;
        self.form_token(&page, "/logout");
        assert_eq!(self.person.submit(&page, "/logout", &[]).await.status, 200);
    }

    /// The MCP server is called with its tokens, with wrong ones, and with some in the wrong place.
    async fn call(&mut self, keyward: &Keyward) {
        let client = self.register("none").await;
        let code = self.authorize(&client, "allow").await.unwrap();
        let tokens = self.redeem(&client, &code).await;
        let token = tokens["access_token"].as_str().unwrap();
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "walker", "version": "1"}}});
        let url = |query: &str| format!("{}{query}", keyward.resource);
        let misplaced = format!("?access_token={token}");
        let id_token = tokens["id_token"].as_str().unwrap();
        for (query, token, status) in [("", token, 200), ("", id_token, 401), (&misplaced, id_token, 400)] {
            let request = self.at.http.post(url(query)).header("accept", "application/json, text/event-stream");
            let answer = request.bearer_auth(token).json(&call).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status);
        }
    }
}

/// Raw bytes of every file (master key aside), or every row of every table.
async fn dump(house: &House) -> Vec<u8> {
    let url = house.database_url();
    if url.starts_with("sqlite:") {
        let files = std::fs::read_dir(house.data()).unwrap().map(|file| file.unwrap().path());
        let files = files.filter(|file| !file.ends_with("master.key"));
        return files.flat_map(|file| std::fs::read(file).unwrap()).collect();
    }
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut connection).await.unwrap();
    let mut text = String::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("SELECT one::text FROM {table} one"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut connection).await.unwrap();
        text.extend(rows.into_iter().flat_map(|row| [row, "\n".into()]));
    }
    text.into()
}

/// The master key and what it seals.
async fn keys(house: &House, seen: &mut Collected) {
    let file = house.data().join("master.key");
    seen.add("master key", std::fs::read_to_string(&file).unwrap().trim());
    let master = MasterKey::load_or_create(&file).unwrap();
    let db = Db::open(&house.database_url()).await.unwrap();
    for key in signing_keys::all(&db).await.unwrap() {
        let pkcs8 = master.open(&key.kid, &key.sealed).unwrap();
        // The whole, and every stretch of it behind the head that all keys share.
        seen.add_bytes("private key", &pkcs8);
        pkcs8.chunks_exact(16).skip(1).for_each(|part| seen.add_bytes("private key", part));
    }
    db.close().await.unwrap();
}

/// `printed` is on standard output because people are to read it there.
async fn nothing_is_left_behind(house: &House, mut keyward: Keyward, mut seen: Collected, printed: &[&str]) {
    keyward.kill();
    let dump = dump(house).await;
    keys(house, &mut seen).await;
    let log = house.log();
    let known = ["Agent client_secret_basic", "refresh_reuse_detected"];
    assert!(known.into_iter().all(|words| latin1(&dump).contains(words)), "this is no dump");
    assert!(log.contains("INSERT INTO grants") && log.contains("TRACE"), "this is not all that can be logged");
    seen.absent_from("the database", &dump, &[]);
    seen.absent_from("the log", log.as_bytes(), &[]);
    let stdout = keyward.lines.iter().collect::<Vec<_>>().join("\n");
    seen.absent_from("standard output", stdout.as_bytes(), printed);
}

#[tokio::test]
async fn serving_leaves_nothing_in_clear_in_the_database_and_in_the_logs() {
    const SECRET: &str = "what the resource server knows";
    let house = House::new().await.for_serving().set("RUST_LOG", "trace");
    let house = house
        .set("KEYWARD__RESOURCES__MAIN__INTROSPECTION__ID", "main")
        .set("KEYWARD__RESOURCES__MAIN__INTROSPECTION__SECRET", SECRET);
    let keyward = house.serve();
    let mut walker = Walker::new(&keyward.at, "mcp");
    let link = keyward.said("/setup?token=").unwrap();
    let path = link.trim().strip_prefix(&keyward.at.issuer).unwrap();
    walker.seen.add("setup token", path.strip_prefix("/setup?token=").unwrap());
    let page = walker.person.get(path).await;
    walker.form_token(&page, "/setup");
    for (password, status) in [("keyward-root", 400), (STRONG, 200), (STRONG, 400)] {
        let fields = [("username", "root"), ("password", password), ("password_again", password)];
        assert_eq!(walker.person.submit(&page, "/setup", &fields).await.status.as_u16(), status);
        walker.seen.add("password", password);
    }
    walker.walk("root", STRONG, ("main", SECRET)).await;
    nothing_is_left_behind(&house, keyward, walker.seen, &[]).await;
}

#[tokio::test]
async fn the_demo_leaves_nothing_in_clear_in_the_database_and_in_the_logs() {
    let house = House::new().await.set("RUST_LOG", "trace");
    let keyward = house.demo();
    let mut walker = Walker::new(&keyward.at, "mcp:read");
    walker.sign_in("alice", "password123").await;
    walker.call(&keyward).await;
    walker.walk("alice", "password123", ("demo-resource-server", "demo-resource-secret")).await;
    nothing_is_left_behind(&house, keyward, walker.seen, &["password"]).await;
}
