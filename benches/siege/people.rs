//! Honest people, each at an address of their own: they register clients, sign in, consent, call tools, refresh.
use super::{
    browser::Browser,
    report::{Kind, Report},
    servers::Servers,
    wire::{Answer, JSON, Line},
};
use anyhow::{Context, ensure};
use axum::http::{Request, header};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Published names and passwords of the demo. The first is the one whose account is attacked.
pub const PEOPLE: [(&str, &str); 6] = [
    ("alice", "password123"),
    ("bob", "hunter2"),
    ("testuser", "TestPass123!"),
    ("demo_user", "demo_password"),
    ("bob", "hunter2"),
    ("testuser", "TestPass123!"),
];
const REDIRECT_URI: &str = "https://siege.example/callback";
// RFC 7636, appendix B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// What people do between two steps.
const THOUGHT: Duration = Duration::from_millis(200);

/// An MCP server as people see it: its URL, and a tool with its answer.
struct Place {
    address: SocketAddr,
    resource: String,
    path: &'static str,
    call: Value,
    good: &'static str,
}

pub struct Person {
    name: &'static str,
    password: &'static str,
    from: Ipv4Addr,
    keyward: SocketAddr,
    browser: Browser,
    places: [Place; 2],
    stopped: Arc<AtomicBool>,
    report: Report,
}

impl Person {
    pub fn new(number: u8, servers: &Servers, stopped: &Arc<AtomicBool>) -> Self {
        let (name, password) = PEOPLE[usize::from(number)];
        let (from, keyward) = (Ipv4Addr::new(127, 200, number, 1), servers.keyward);
        let call = |tool: &str, arguments: Value| json!({"name": tool, "arguments": arguments});
        Self {
            name,
            password,
            from,
            keyward,
            browser: Browser::new(Line { from, to: keyward }),
            places: [
                Place {
                    address: servers.surfaces,
                    resource: servers.surface("oauth"),
                    path: "/mcp/oauth",
                    call: call("whoami", json!({})),
                    good: "\"surface\":\"oauth\"",
                },
                Place {
                    address: servers.guard,
                    resource: format!("http://{}/mcp", servers.guard),
                    path: "/mcp",
                    call: call("calculate", json!({"expression": "6 * 7"})),
                    good: "42",
                },
            ],
            stopped: Arc::clone(stopped),
            report: Report::default(),
        }
    }

    /// Once, before anything happens: from then on this browser is known.
    pub async fn arrive(&mut self) -> anyhow::Result<()> {
        for round in 0..2 {
            self.live(round).await.with_context(|| format!("{} in peace", self.name))?;
        }
        self.report = Report::default();
        Ok(())
    }

    /// Until it is over.
    pub async fn stay(mut self) -> Report {
        for round in 0.. {
            if self.stopped.load(Ordering::Relaxed) {
                break;
            }
            if let Err(error) = self.live(round).await {
                self.report.told(format!("{} ({}): {error:#}", self.name, self.from));
            }
        }
        self.report
    }

    async fn live(&mut self, round: usize) -> anyhow::Result<()> {
        self.browser.forget_sessions();
        let registered = self.step(Kind::Register, Self::register, ()).await?;
        let client = registered["client_id"].as_str().context("no client_id")?.to_owned();
        let at = round % self.places.len();
        let query = [
            ("response_type", "code"),
            ("client_id", &client),
            ("redirect_uri", REDIRECT_URI),
            ("scope", "mcp:read"),
            ("resource", &self.places[at].resource),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let request = format!("/authorize?{}", super::wire::form(&query));
        let page = self.step(Kind::SignIn, Self::sign_in, request).await?;
        let code = self.step(Kind::Consent, Self::consent, page).await?;
        let form = [("grant_type", "authorization_code"), ("code", &code), ("code_verifier", VERIFIER)].map(owned);
        let tokens = self.step(Kind::Redeem, Self::token, (client.clone(), form)).await?;
        self.step(Kind::Call, Self::call, (at, tokens.clone())).await?;
        let refresh = tokens["refresh_token"].as_str().context("no refresh token")?;
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh), ("scope", "mcp:read")].map(owned);
        let tokens = self.step(Kind::Refresh, Self::token, (client, form)).await?;
        self.step(Kind::Call, Self::call, (at, tokens)).await?;
        Ok(())
    }

    async fn step<A, T>(
        &mut self,
        kind: Kind,
        step: impl AsyncFn(&mut Self, A) -> anyhow::Result<T>,
        with: A,
    ) -> anyhow::Result<T> {
        tokio::time::sleep(THOUGHT).await;
        let begun = Instant::now();
        let outcome = step(self, with).await;
        self.report.add(kind, begun.elapsed(), outcome.is_ok());
        outcome.with_context(|| format!("{kind:?}"))
    }

    fn keyward(&self) -> Line {
        Line { from: self.from, to: self.keyward }
    }

    /// A client that was not there before.
    async fn register(&mut self, (): ()) -> anyhow::Result<Value> {
        let metadata = json!({
            "client_name": format!("Honest {} {}", self.from, rand::random::<u32>()),
            "redirect_uris": [REDIRECT_URI],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        });
        good(&self.keyward().json("/register", &metadata).await?, 201)
    }

    /// Up to the page that asks.
    async fn sign_in(&mut self, request: String) -> anyhow::Result<Answer> {
        let first = self.browser.get(&request).await?;
        let login = self.browser.get(&location(&first)?).await?;
        let fields = [("username", self.name), ("password", self.password)];
        let signed_in = self.browser.submit(&login, "/login", &fields).await?;
        let page = self.browser.get(&location(&signed_in)?).await?;
        ensure!(page.status == 200, "no page: {} {:?}", page.status, page.headers.get(header::LOCATION));
        Ok(page)
    }

    async fn consent(&mut self, page: Answer) -> anyhow::Result<String> {
        let back = self.browser.submit(&page, "/consent", &[("decision", "allow")]).await?;
        let url = url::Url::parse(&location(&back)?)?;
        let code = url.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
        code.with_context(|| format!("no code: {url}"))
    }

    async fn token(&mut self, (client, form): (String, [(String, String); 3])) -> anyhow::Result<Value> {
        let mut pairs: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        pairs.push(("client_id", &client));
        if pairs[0].1 == "authorization_code" {
            pairs.push(("redirect_uri", REDIRECT_URI));
        }
        good(&self.keyward().form("/token", &pairs).await?, 200)
    }

    /// Opens a session, calls a tool, closes it.
    async fn call(&mut self, (at, tokens): (usize, Value)) -> anyhow::Result<()> {
        let place = &self.places[at];
        let line = Line { from: self.from, to: place.address };
        let token = tokens["access_token"].as_str().context("no access token")?;
        let bearer = format!("Bearer {token}");
        let request = |method: &str| {
            let request = Request::builder().method(method).uri(place.path).header(header::AUTHORIZATION, &bearer);
            request.header(header::CONTENT_TYPE, JSON).header(header::ACCEPT, "application/json, text/event-stream")
        };
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": {"name": "siege", "version": "1"}});
        let opened = line.send(request("POST"), message("initialize", &params)).await?;
        ensure!(opened.status == 200, "initialize: {} {}", opened.status, opened.body);
        let session = opened.headers.get("mcp-session-id").context("no session")?.clone();
        let within = |method| request(method).header("mcp-session-id", &session);
        let answer = line.send(within("POST"), message("tools/call", &place.call)).await?;
        ensure!(answer.status == 200 && answer.body.contains(place.good), "call: {} {}", answer.status, answer.body);
        let closed = line.send(within("DELETE"), "").await?;
        ensure!(closed.status < 300, "DELETE: {} {}", closed.status, closed.body);
        Ok(())
    }
}

pub fn message(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn good(answer: &Answer, status: u16) -> anyhow::Result<Value> {
    ensure!(answer.status == status, "{} {}", answer.status, answer.body);
    Ok(serde_json::from_str(&answer.body)?)
}

/// What a page says first, or the start of whatever else this is.
fn title(body: &str) -> &str {
    let page = body.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    page.map_or(body.get(..200).unwrap_or(body), |(title, _)| title)
}

fn location(answer: &Answer) -> anyhow::Result<String> {
    let location = answer.headers.get(header::LOCATION);
    let location = location.with_context(|| format!("no redirect: {} {}", answer.status, title(&answer.body)))?;
    Ok(location.to_str()?.to_owned())
}
