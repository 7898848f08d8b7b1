//! `bearer-token`: tokens from the settings, and short-lived tokens minted on request.
use super::{
    bearer_keys::{BearerKeys, Realm},
    kind::{Built, Kind, Setup},
};
use crate::{
    admission::{Admission, admit},
    attempts::Attempts,
    keys::{Key, Keys},
};
use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::Extensions,
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::post,
};
use base64ct::{Base64UrlUnpadded, Encoding};
use keyward_guard::{
    ErrorCode,
    challenge::Refusal,
    credential::Credential,
    digest, origin,
    request_id::Id,
    scopes::{well_formed, words},
    source::source_of,
};
use keyward_limits::{
    shares::{Quota, Rates},
    source::Source,
};
use keyward_shared::api::{Operation, Routes, object};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use time::Duration;

const NAME: &str = "bearer-token";
const PATH: &str = "/test-auth/bearer-token/mint";
/// Seconds.
const LIFETIME: u32 = 300;
const LONGEST_LIFETIME: u32 = 3600;
/// Bytes, because the token stores it.
const LONGEST_SCOPE: usize = 1024;
/// Minted tokens of one source, and of all together.
const MINTED: [Quota; 2] = [Quota::per_minute(30), Quota::per_minute(120)];

pub(super) const KIND: Kind = Kind {
    name: NAME,
    shown: "Authorization: Bearer <configured or minted token>",
    login: Some(" --auth-mode bearer --bearer-token -"),
    curl: "-H \"Authorization: Bearer TOKEN\"",
    build: |setup| Ok(build(setup)),
};

struct Mint {
    bearer: Arc<BearerKeys>,
    rates: Rates,
}

/// The whole body and each member are optional.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    ttl: Option<u32>,
    /// The scopes that the token is limited to.
    scope: Option<String>,
}

fn build(setup: &Setup) -> Built {
    let bearer = Arc::new(BearerKeys {
        kind: NAME,
        realm: Realm(setup.title.to_owned()),
        keys: Keys::new(&setup.settings.keys),
        people: Vec::new(),
        attempts: Attempts::new(setup.clock.clone()),
        clock: setup.clock.clone(),
    });
    let [each, all] = MINTED;
    let mint = Arc::new(Mint { bearer: Arc::clone(&bearer), rates: Rates::new(each, all) });
    let minting = |admission| {
        let minting = post(answer).with_state(mint).layer(from_fn_with_state(admission, admit));
        Routes::new().route(
            PATH,
            minting.layer(from_fn_with_state(setup.allowed.clone(), origin::judge)),
            [described()],
        )
    };
    let routes = Admission::new(setup.demo, setup.admin_token, &setup.clock).map(minting).unwrap_or_default();
    let credential: Arc<dyn Credential> = bearer;
    Built { at: Box::new(move |_| Ok(Arc::clone(&credential))), routes }
}

fn described() -> Operation {
    let order = object(&[("ttl", false, "Seconds, 1 to 3600."), ("scope", false, "What the token is limited to.")]);
    let minted = json!({"type": "object"});
    let told = Operation::post("Mints a bearer token for a while").tag("Operation").secured(&["", "operator"]);
    told.takes("application/json", &order).or_nothing().gives(
        200,
        "The token, shown this once",
        "application/json",
        &minted,
    )
}

async fn answer(State(mint): State<Arc<Mint>>, id: Id, extensions: Extensions, body: Bytes) -> Response {
    mint.mint(&body, source_of(&extensions)).unwrap_or_else(|refusal| refusal.into_response(&id.0))
}

impl Mint {
    fn mint(&self, body: &[u8], source: Source) -> Result<Response, Refusal> {
        let spent = self.rates.spend(source, self.bearer.clock.now());
        spent.map_err(|seconds| Refusal::too_many("too many tokens are being minted", seconds))?;
        let invalid = |text| Refusal::new(ErrorCode::InvalidRequest, text);
        let order = if body.is_empty() { Ok(Order::default()) } else { serde_json::from_slice::<Order>(body) };
        let order = order.map_err(|_| invalid("the body must be JSON with ttl and scope at most"))?;
        let ttl = order.ttl.unwrap_or(LIFETIME);
        if !(1..=LONGEST_LIFETIME).contains(&ttl) {
            return Err(invalid("ttl must be 1 to 3600 seconds"));
        }
        if order.scope.as_ref().is_some_and(|scope| scope.len() > LONGEST_SCOPE) {
            return Err(invalid("scope must be 1024 bytes at most"));
        }
        if !order.scope.as_deref().is_none_or(well_formed) {
            return Err(Refusal::new(ErrorCode::InvalidScope, "scope is malformed (RFC 6749 section 3.3)"));
        }
        let mut secret = [0; 32];
        let dry = |_| Refusal::new(ErrorCode::ServerError, "there is no randomness to be had");
        aws_lc_rs::rand::fill(&mut secret).map_err(dry)?;
        let token = format!("static_{}", Base64UrlUnpadded::encode_string(&secret));
        let now = self.bearer.clock.now();
        let expires_at = Some(now + Duration::seconds(ttl.into()));
        let scopes = order.scope.as_deref().map(words);
        self.bearer.keys.add(Key { hash: digest::of(token.as_bytes()), scopes, expires_at }, now);
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": ttl});
        Ok(Json(body).into_response())
    }
}
