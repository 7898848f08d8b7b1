//! The real server under the model's steps: each step is a request, and then every token is checked.
use super::model::{
    ACCESS, Answer, CODE, Client, IDLE, Key, LIFETIME, Model, Narrow, Step, Token, WINDOW, granted_scopes,
};
use crate::support::{
    app::{self, CALLBACK, MCP, OTHER, PASSWORD, TestApp, VERIFIER, authorize_path, basic, encode},
    bound::TOKEN_URL,
    browser::Browser,
    db::fresh_db,
    dpop::DpopKey,
};
use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, header},
};
use keyward::{
    clock::Clock,
    jobs,
    model::{AuthMethod, ClientId, GrantId, UserId},
    secrets::Digest,
    storage::{clients, grants},
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
};
use time::Duration;

const SECRET: &str = "s";

pub struct Real {
    t: TestApp,
    ids: [ClientId; 2],
    alice: UserId,
    cookies: BTreeMap<String, String>,
    keys: [DpopKey; 2],
    /// Whether the clients' refresh tokens rotate.
    pub rotates: [bool; 2],
    codes: Vec<String>,
    /// As the model has them.
    tokens: Vec<String>,
    /// The identifier of each of the model's grants, once it is known.
    grants: BTreeMap<usize, GrantId>,
    pub compared: usize,
    pub issued: usize,
}

impl Real {
    pub async fn start(rotate_confidential: bool) -> Self {
        let settings = format!(
            "sessions.lifetime = 4294967295\ntokens.access_token_lifetime = {ACCESS}\ntokens.code_lifetime = {CODE}\n\
             tokens.replay_window = {WINDOW}\ntokens.refresh_idle = {IDLE}\ntokens.refresh_lifetime = {LIFETIME}\n\
             tokens.rotate_confidential = {rotate_confidential}"
        );
        let t = TestApp::prepared(fresh_db().await, &settings, |app| app.clock = Clock::stopped()).await;
        let ids = [t.public_client("public", &[CALLBACK]).await, t.confidential_client("secret", SECRET).await];
        let mut confidential = clients::find(&t.db, &ids[1]).await.unwrap().unwrap();
        confidential.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
        confidential.secret_hash = Some(Digest::of(SECRET));
        clients::put_seed(&t.db, &confidential).await.unwrap();
        t.app.clients.forget(&ids[1]);
        let mut browser = t.browser();
        browser.sign_in("alice", PASSWORD, "/").await;
        for id in &ids {
            for both in [false, true] {
                assert!(browser.approve(&request(id, both, None)).await.returned("code").is_some());
            }
        }
        let cookies = browser.cookies.clone();
        let alice = t.user_named("alice").await.id;
        let (keys, rotates) = ([DpopKey::es256(), DpopKey::eddsa()], [true, rotate_confidential]);
        let (codes, tokens, grants) = (vec![], vec![], BTreeMap::new());
        Self { t, ids, alice, cookies, keys, rotates, codes, tokens, grants, compared: 0, issued: 0 }
    }

    /// Everybody may do everything, and nothing is known. Answers the time.
    pub async fn begin(&mut self) -> i64 {
        (self.codes, self.tokens, self.grants) = (vec![], vec![], BTreeMap::new());
        self.lock(false).await;
        for client in 0..2 {
            self.disable(client, false).await;
        }
        self.t.app.clock.now().unix_timestamp()
    }

    /// Does it to both; what differs, then or in what lives after it.
    pub async fn step(&mut self, model: &mut Model, step: &Step) -> Result<(), String> {
        let known = model.tokens.len();
        let owner = |model: &Model, grant: usize, foreign: bool| model.grants[grant].client ^ usize::from(foreign);
        let answer = match *step {
            Step::Issue { client, both, key } => self.issue(client, both, key).await,
            Step::Exchange { code, foreign, key, guess, narrow } => {
                let client = model.owner(code) ^ usize::from(foreign);
                let verifier = if guess { "w".repeat(43) } else { VERIFIER.to_owned() };
                let code = self.codes[code].clone();
                let form = [("grant_type", "authorization_code"), ("code", &*code), ("code_verifier", &*verifier)];
                self.ask(client, &form, key, narrow).await
            }
            Step::Refresh { token, foreign, key, narrow } => {
                let client = owner(model, model.tokens[token].grant(), foreign);
                let token = self.tokens[token].clone();
                self.ask(client, &[("grant_type", "refresh_token"), ("refresh_token", &token)], key, narrow).await
            }
            Step::Revoke { token, foreign } => {
                let client = owner(model, model.tokens[token].grant(), foreign);
                let answer = self.post("/revoke", client, &[("token", &self.tokens[token])], None).await;
                read(&answer)
            }
            Step::Withdraw { token } => {
                if let Some(id) = self.grants.get(&model.tokens[token].grant()) {
                    grants::revoke(&self.t.db, *id, self.t.app.clock.now()).await.unwrap();
                }
                Answer::Done
            }
            Step::Lock { locked } => self.lock(locked).await,
            Step::Disable { client, disabled } => self.disable(client, disabled).await,
            Step::Wait { seconds } => {
                self.t.app.clock.advance(Duration::seconds(seconds));
                Answer::Done
            }
            Step::Sweep => {
                jobs::sweep(&self.t.app).await.unwrap();
                Answer::Done
            }
        };
        let expected = model.step(step);
        self.compared += 1;
        self.issued += usize::from(matches!(answer, Answer::Tokens { .. }));
        if answer != expected {
            return Err(format!("the server says {answer:?}, the model {expected:?}"));
        }
        if model.tokens.len() > known {
            let grant = model.tokens[known].grant();
            let id = TestApp::claims(&self.tokens[known + 1].as_str().into())["grant_id"].as_str().unwrap().parse();
            self.grants.insert(grant, id.unwrap());
        }
        self.look(model).await
    }

    async fn issue(&mut self, client: Client, both: bool, key: Key) -> Answer {
        let jkt = key.map(|key| self.keys[key].thumbprint());
        let mut browser = Browser::new(&self.t);
        browser.cookies.clone_from(&self.cookies);
        let answer = browser.get(&request(&self.ids[client], both, jkt.as_deref())).await;
        if answer.status == 400 {
            return Answer::Page400;
        }
        if answer.location().starts_with("/login") {
            return Answer::SignIn;
        }
        self.codes.push(answer.returned("code").unwrap_or_else(|| panic!("{answer:?}")));
        Answer::Done
    }

    /// Asks for tokens and keeps them.
    async fn ask(&mut self, client: Client, form: &[(&str, &str)], key: Key, narrow: Narrow) -> Answer {
        let mut form = form.to_vec();
        form.extend(narrow.scope.map(|scope| ("scope", scope)));
        form.extend(narrow.resource.map(|resource| ("resource", resource)));
        let answer = self.post("/token", client, &form, key).await;
        if answer.status == 200 {
            let tokens = answer.json();
            for member in ["refresh_token", "access_token"] {
                self.tokens.push(tokens[member].as_str().unwrap().to_owned());
            }
        }
        read(&answer)
    }

    async fn post(&self, path: &str, client: Client, form: &[(&str, &str)], key: Key) -> app::Answer {
        let mut form = form.to_vec();
        let proof = key.map(|key| self.keys[key].proof("POST", TOKEN_URL, self.t.app.clock.now()));
        let authorization = basic(self.ids[1].as_str(), SECRET);
        let mut headers: Vec<_> = proof.iter().map(|proof| ("dpop", proof.as_str())).collect();
        match client {
            0 => form.push(("client_id", self.ids[0].as_str())),
            _ => headers.push(("authorization", &authorization)),
        }
        // From ever new addresses: what a disabled client presents counts as a guess.
        let sender = Ipv4Addr::from_bits(0x1400_0000 + u32::try_from(self.compared).unwrap());
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.extension(ConnectInfo(SocketAddr::from((sender, 1))));
        self.t.send(request.body(Body::from(encode(&form))).unwrap()).await
    }

    async fn lock(&self, locked: bool) -> Answer {
        let at = locked.then(|| self.t.app.clock.now());
        self.t.db.set_user_disabled(self.alice, at).await;
        Answer::Done
    }

    async fn disable(&self, client: Client, disabled: bool) -> Answer {
        let at = disabled.then(|| self.t.app.clock.now());
        self.t.db.set_client_disabled(&self.ids[client], at).await;
        self.t.app.clients.forget(&self.ids[client]);
        Answer::Done
    }

    /// Every token that was ever seen is alive where the model says so, and every grant is as it says.
    async fn look(&self, model: &Model) -> Result<(), String> {
        for (token, text) in model.tokens.iter().zip(&self.tokens) {
            let grant = &model.grants[token.grant()];
            let answer = match token {
                Token::Access { resource: MCP, .. } => self.t.introspect(text).await,
                Token::Access { .. } => self.t.introspect_as("other-server", "other-server-secret", text).await,
                // A public client cannot ask, and nobody else is told.
                Token::Refresh { .. } if grant.client == 0 || model.is_disabled(1) => continue,
                Token::Refresh { .. } => self.t.introspect_as(self.ids[1].as_str(), SECRET, text).await,
            };
            let active = answer.json()["active"] == true;
            if active != model.is_active(*token) {
                return Err(format!("{token:?} is active here: {active}; of {grant:?} at {}", model.now));
            }
        }
        for (at, id) in &self.grants {
            let (expected, stored) = (&model.grants[*at], grants::find(&self.t.db, *id).await.unwrap());
            let same = match &stored {
                None => expected.gone,
                Some(stored) => {
                    let at = |time: time::OffsetDateTime| time.unix_timestamp();
                    let key = expected.key.map(|key| self.keys[key].thumbprint());
                    !expected.gone
                        && (stored.generation, at(stored.refreshed_at)) == (expected.generation, expected.refreshed_at)
                        && (stored.revoked_at.map(at), &stored.dpop_jkt) == (expected.revoked_at, &key)
                }
            };
            if !same {
                return Err(format!("a grant is {stored:?} here, {expected:?} there"));
            }
        }
        Ok(())
    }
}

fn request(client: &ClientId, both: bool, jkt: Option<&str>) -> String {
    let mut more = vec![("scope", granted_scopes(both)), ("resource", MCP), ("dpop_jkt", jkt.unwrap_or(""))];
    if both {
        more.push(("resource", OTHER));
    }
    authorize_path(client, &more)
}

fn read(answer: &app::Answer) -> Answer {
    match answer.status.as_u16() {
        200 if answer.body.is_empty() => Answer::Done,
        200 => {
            let tokens = answer.json();
            Answer::Tokens {
                scope: tokens["scope"].as_str().unwrap().to_owned(),
                expires_in: tokens["expires_in"].as_i64().unwrap(),
                bound: tokens["token_type"] == "DPoP",
            }
        }
        status => {
            let error = answer.json()["error"].as_str().unwrap().to_owned();
            let known = ["invalid_grant", "invalid_client", "invalid_scope", "invalid_target", "invalid_request"];
            Answer::Refused(status, known.into_iter().find(|known| *known == error).unwrap_or("another error"))
        }
    }
}
