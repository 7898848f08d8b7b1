//! An authorization server without anything: it signs, stores and refuses, and knows one client of each kind. Whatever
//! a real server costs beyond it is that server's own.
//!
//! `keyward-bare PORT FOLDER SECRET`
mod keys;
mod store;

use anyhow::Context;
use axum::{
    Form, Router,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use base64ct::{Base64, Encoding};
use keys::{Keys, LIFETIME, challenge, digest, now, secret};
use serde::Deserialize;
use serde_json::json;
use std::{collections::HashMap, sync::Arc};
use store::Store;

const REDIRECT_URI: &str = "https://app.example/callback";
const FORM: &str = "<form method=post action=/login><input type=hidden name=query value=\"{}\"><input name=username>\
    <input name=password type=password></form>";

struct Bare {
    issuer: String,
    metadata: String,
    client_secret: String,
    keys: Keys,
    store: Store,
}

type App = State<Arc<Bare>>;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("PORT FOLDER SECRET");
    let (port, folder, client_secret) = (next()?, next()?, next()?);
    let issuer = format!("http://127.0.0.1:{port}");
    let at = |path: &str| format!("{issuer}{path}");
    let metadata = json!({"issuer": issuer, "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        "authorization_endpoint": at("/authorize"), "introspection_endpoint": at("/introspect"),
        "revocation_endpoint": at("/revoke"), "response_types_supported": ["code"]});
    let (keys, store) = (Keys::new()?, Store::open(folder.as_ref())?);
    let bare = Arc::new(Bare { issuer, metadata: metadata.to_string(), client_secret, keys, store });
    let router = Router::new()
        .route("/.well-known/oauth-authorization-server", get(async |bare: App| said(bare.metadata.clone())))
        .route("/jwks", get(async |bare: App| said(bare.keys.jwks.clone())))
        .route("/authorize", get(authorize))
        .route("/login", post(login))
        .route("/token", post(token))
        .route("/introspect", post(introspect))
        .route("/revoke", post(revoke))
        .with_state(bare);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("keyward-bare answers at {}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

fn said(json: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], json).into_response()
}

fn refused(error: &str) -> Response {
    (StatusCode::BAD_REQUEST, said(json!({"error": error}).to_string())).into_response()
}

/// Whoever has a session gets a code; whoever has none is asked for a name.
async fn authorize(State(bare): App, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
    let query = query.unwrap_or_default();
    let cookie = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    if cookie.strip_prefix("session=").and_then(|session| bare.keys.open(session)).as_deref() != Some(b"alice") {
        return Html(FORM.replace("{}", &query.replace('&', "&amp;"))).into_response();
    }
    let params: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let of = |name| params.get(name).map(AsRef::as_ref).unwrap_or_default();
    if of("redirect_uri") != REDIRECT_URI || of("client_id") != "app" || of("code_challenge_method") != "S256" {
        return refused("invalid_request");
    }
    let (code, digest) = secret();
    if bare.store.add_code(digest, of("code_challenge").to_owned()).await.is_none() {
        return refused("server_error");
    }
    let back = [("code", &*code), ("state", of("state")), ("iss", &bare.issuer)];
    let back = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(back).finish();
    Redirect::to(&format!("{REDIRECT_URI}?{back}")).into_response()
}

/// Every password is right.
async fn login(State(bare): App, Form(form): Form<HashMap<String, String>>) -> Response {
    let query = form.get("query").map(String::as_str).unwrap_or_default();
    let session = format!("session={}; Path=/; HttpOnly; SameSite=Lax", bare.keys.authenticate(b"alice"));
    ([(header::SET_COOKIE, session)], Redirect::to(&format!("/authorize?{query}"))).into_response()
}

async fn token(State(bare): App, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let of = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let is_app = of("client_id") == "app";
    let grant = match of("grant_type") {
        "client_credentials" if bare.is(&headers, "service") => {
            return bare.issue("service", of("resource"), None).await;
        }
        "authorization_code" if is_app && of("redirect_uri") == REDIRECT_URI => {
            bare.store.exchange(digest(of("code")), challenge(of("code_verifier"))).await
        }
        "refresh_token" if is_app => match bare.keys.open_refresh(of("refresh_token")) {
            Some((id, generation)) => bare.store.rotate(id, generation).await,
            None => None,
        },
        _ => None,
    };
    match grant {
        Some(grant) => bare.issue("app", of("resource"), Some(grant)).await,
        None => refused("invalid_grant"),
    }
}

impl Bare {
    fn is(&self, headers: &HeaderMap, client: &str) -> bool {
        let sent = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let pair = sent.and_then(|sent| Base64::decode_vec(sent.strip_prefix("Basic ")?).ok()).unwrap_or_default();
        let expected = format!("{client}:{}", self.client_secret);
        aws_lc_rs::constant_time::verify_slices_are_equal(&pair, expected.as_bytes()).is_ok()
    }

    /// A JWT, or where the resource wants it an opaque token; with the refresh token of a grant.
    async fn issue(&self, client_id: &str, resource: &str, grant: Option<(i64, i64)>) -> Response {
        let access_token = if resource == "https://opaque.example/mcp" {
            let (token, digest) = secret();
            self.store.add_opaque(digest, client_id.to_owned(), now() + LIFETIME).await.map(|()| token)
        } else {
            self.keys.sign(&self.issuer, client_id, resource).ok()
        };
        let Some(access_token) = access_token else { return refused("server_error") };
        let refresh_token = grant.map(|(id, generation)| self.keys.refresh(id, generation));
        let tokens = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": LIFETIME,
            "scope": "mcp:read", "refresh_token": refresh_token});
        said(tokens.to_string())
    }
}

#[derive(Deserialize)]
struct Asked {
    token: String,
}

async fn introspect(State(bare): App, headers: HeaderMap, Form(Asked { token }): Form<Asked>) -> Response {
    let digest = digest(&token);
    let known = if token.contains('.') {
        bare.is(&headers, "es256-server").then(|| bare.keys.verify(&token, &digest)).flatten()
    } else {
        bare.is(&headers, "opaque-server").then(|| bare.store.opaque(&digest)).flatten()
    };
    let good = known.filter(|(_, exp)| *exp > now() && !bare.store.is_revoked(&digest));
    let answer = good.map(|(client_id, exp)| json!({"active": true, "client_id": client_id, "exp": exp}));
    said(answer.unwrap_or_else(|| json!({"active": false})).to_string())
}

async fn revoke(State(bare): App, headers: HeaderMap, Form(Asked { token }): Form<Asked>) -> Response {
    let done = if bare.is(&headers, "service") { bare.store.revoke(digest(&token)).await } else { None };
    done.map_or_else(|| refused("invalid_client"), |()| StatusCode::OK.into_response())
}
