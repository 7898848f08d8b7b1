//! Floods by one stranger: whatever they fill up, other people are still served.
use crate::support::{
    app::{Answer, CALLBACK, PASSWORD, TestApp, authorize_path, encode},
    client_key::{ClientKey, register_keys, revoke_nothing},
    db::fresh_db,
    device::{device_client, poll},
    guesses::{Page, attack_from_everywhere},
    internet::{Internet, json as answered},
    peers::from,
    registration::{public, register_from},
};
use axum::{body::Body, http::Request};
use keyward::{
    clock::Clock,
    config::Config,
    fetch::Fetcher,
    limits::{ArrivalBudget, FetchBudget},
    model::ClientId,
    secrets::Digest,
    storage::audit_events,
};
use keyward_limits::source::Source;
use serde_json::json;
use time::Duration;

fn id(registered: &Answer) -> ClientId {
    assert_eq!(registered.status, 201, "{registered:?}");
    ClientId::from(registered.json()["client_id"].as_str().unwrap())
}

async fn is_there(t: &TestApp, id: &ClientId) -> bool {
    keyward::storage::clients::find(&t.db, id).await.unwrap().is_some()
}

#[tokio::test]
async fn attack_138_keys_that_strangers_have_fetched_from_a_host_leave_its_documents_to_people() {
    let internet = Internet::new().await;
    let document = json!({
        "client_id": "https://claude.ai/oauth/client", "client_name": "Claude", "redirect_uris": [CALLBACK],
        "token_endpoint_auth_method": "none",
    });
    internet.publish(&document).await;
    let network = internet.network();
    let t = TestApp::prepared(fresh_db().await, "", |app| {
        app.fetch.fetcher = Fetcher::new(network).unwrap();
        // Nothing comes back while they are used up, however slow this machine is.
        app.fetch.budget = FetchBudget::new(Clock::stopped());
    })
    .await;
    let key = ClientKey::es256("k");
    for n in 0..70 {
        let client = register_keys(&t, &json!({"jwks_uri": format!("https://claude.ai/keys/{n}")})).await;
        let refused = revoke_nothing(&t, &key.assertion(&t, &client)).await;
        assert!([503, 429].contains(&refused.status.as_u16()), "{refused:?}");
    }
    let mut alice = t.signed_in("alice").await;
    let path = authorize_path(&ClientId::from("https://claude.ai/oauth/client"), &[]);
    assert_eq!(alice.get(&path).await.status, 200);
    // Nor has one stranger used up what all of them have: from elsewhere keys are found.
    internet.serve("https://claude.ai/keys", answered(&key.jwks())).await;
    let client = register_keys(&t, &json!({"jwks_uri": "https://claude.ai/keys"})).await;
    let assertion = key.assertion(&t, &client);
    let form = [&[("token", "nothing")], &crate::support::client_key::proof(&assertion)[..]].concat();
    let request = Request::post("/revoke").header("content-type", "application/x-www-form-urlencoded");
    let elsewhere = from([192, 0, 2, 1], request.body(encode(&form).into()).unwrap());
    assert_eq!(t.send(elsewhere).await.status, 200);
}

async fn device_from(t: &TestApp, client: &ClientId, address: [u8; 4]) -> Answer {
    let request = Request::post("/device_authorization").header("content-type", "application/x-www-form-urlencoded");
    t.send(from(address, request.body(encode(&[("client_id", client.as_str())]).into()).unwrap())).await
}

#[tokio::test]
async fn attack_139_twenty_addresses_that_fill_the_waiting_devices_of_a_client_yield_to_one_more() {
    let t = TestApp::with("device_authorization = { max_per_address = 3, max_per_client = 60 }").await;
    let tv = device_client(&t, "TV").await;
    let mut flood = Vec::new();
    for n in 0..60 {
        flood.push(device_from(&t, &tv, [192, 0, 2, n % 20]).await.json());
    }
    let honest = device_from(&t, &tv, [203, 0, 113, 9]).await;
    assert_eq!(honest.status, 200, "{honest:?}");
    let now = t.app.clock.now();
    assert_eq!(keyward::storage::device_codes::count_of_client(&t.db, &tv, now).await.unwrap(), 60);
    // One of theirs has expired for it; the others wait on, and whoever has most gets no more.
    t.app.clock.advance(Duration::seconds(10));
    let mut expired = 0;
    for device in &flood {
        expired += usize::from(poll(&t, &tv, device).await.json()["error"] == "expired_token");
    }
    assert_eq!(expired, 1);
    assert_eq!(poll(&t, &tv, &honest.json()).await.json()["error"], "authorization_pending");
    let more = device_from(&t, &tv, [192, 0, 2, 19]).await;
    more.refused(429, "too_many_requests");
}

#[tokio::test]
async fn devices_and_assertions_beyond_the_rate_of_their_source_leave_no_row() {
    let t = TestApp::prepared(fresh_db().await, "", |app| {
        app.limits.devices = ArrivalBudget::of_devices(Clock::stopped());
        app.limits.assertions = ArrivalBudget::of_assertions(Clock::stopped());
    })
    .await;
    let (tv, key) = (device_client(&t, "TV").await, ClientKey::es256("k"));
    let [greedy, modest] = [
        register_keys(&t, &json!({"jwks": key.jwks()})).await,
        register_keys(&t, &json!({"jwks": key.jwks(), "client_name": "Other"})).await,
    ];
    while t.app.limits.devices.allow(Source::of([192, 0, 2, 1].into())).is_ok() {}
    let of_greedy = Digest::of(&greedy).as_bytes().first_chunk().copied().map(u128::from_be_bytes).unwrap();
    while t.app.limits.assertions.allow(Source::Party(of_greedy)).is_ok() {}
    device_from(&t, &tv, [192, 0, 2, 1]).await.refused(429, "too_many_requests");
    revoke_nothing(&t, &key.assertion(&t, &greedy)).await.refused(429, "too_many_requests");
    for table in ["SELECT count(*) FROM device_codes", "SELECT count(*) FROM used_assertions"] {
        assert_eq!(t.db.number(table).await, 0, "{table}");
    }
    assert_eq!(device_from(&t, &tv, [192, 0, 2, 2]).await.status, 200);
    assert_eq!(revoke_nothing(&t, &key.assertion(&t, &modest)).await.status, 200);
}

#[tokio::test]
async fn attack_140_one_address_that_fills_the_unused_registrations_yields_to_others_and_live_clients_stay() {
    let t = TestApp::with("registration.max_unused = 3").await;
    let live = id(&register_from(&t, [192, 0, 2, 1], &public("live", CALLBACK)).await);
    let token = t.tokens(&live, &[]).await;
    let mut flood = Vec::new();
    for n in 0..3 {
        flood.push(id(&register_from(&t, [192, 0, 2, 1], &public(&format!("flood {n}"), CALLBACK)).await));
        t.app.clock.advance(Duration::seconds(1));
    }
    let honest = id(&register_from(&t, [203, 0, 113, 9], &public("honest", CALLBACK)).await);
    assert!(!is_there(&t, &flood[0]).await && is_there(&t, &flood[1]).await);
    for n in 3..20 {
        t.app.clock.advance(Duration::seconds(1));
        id(&register_from(&t, [192, 0, 2, 1], &public(&format!("flood {n}"), CALLBACK)).await);
    }
    assert!(is_there(&t, &honest).await && is_there(&t, &live).await);
    assert_eq!(keyward::storage::clients::count_unused(&t.db).await.unwrap(), 3);
    assert_eq!(t.introspect(token["access_token"].as_str().unwrap()).await.json()["active"], true);
    // What somebody has begun to use is theirs.
    assert!(!t.code(&honest, &[]).await.is_empty());
}

#[tokio::test]
async fn attack_141_an_address_written_in_many_ways_is_one_address() {
    let t = TestApp::with("registration = { burst = 2, per_minute = 1 }").await;
    let register = async |name: usize, forwarded: &str| {
        let request = Request::post("/register").header("content-type", "application/json");
        let request = request.header("x-forwarded-for", forwarded);
        let body = Body::from(public(&format!("client {name}"), CALLBACK).to_string());
        t.send(from([10, 0, 0, 1], request.body(body).unwrap())).await.status.as_u16()
    };
    let ways = [
        "203.0.113.9",
        "203.0.113.9:1",
        "[::ffff:203.0.113.9]:2",
        "198.51.100.1, ::ffff:203.0.113.9",
        "unknown, 203.0.113.9:3, 10.0.0.2:80",
        "\"203.0.113.9:4\"",
    ];
    let mut answers = Vec::new();
    for (name, way) in ways.iter().enumerate() {
        answers.push(register(name, way).await);
    }
    assert_eq!(answers, [201, 201, 429, 429, 429, 429]);
    assert_eq!(register(10, "203.0.113.10:5").await, 201);
}

#[tokio::test]
async fn attack_144_a_flood_that_is_refused_with_503_is_told_of_once_a_minute_for_each_source() {
    let t = TestApp::start().await;
    let page = Page::open(&t).await;
    let flood = |n: u8| ([192, 0, 2, 1 + n % 3], format!("somebody{n}"), "wrong horse");
    let [refused, _] = page.at_once((0..90).map(flood).collect(), [503, 303]).await;
    assert!(refused > 0);
    // What nobody judged counts against nobody.
    let mut let_in = 0;
    for last in 1..=3 {
        let_in += usize::from(page.status([192, 0, 2, last], "alice", PASSWORD).await == 303);
    }
    assert!(let_in > 0, "tries that were not judged are counted as wrong");
    let trail = audit_events::recent(&t.db, 1_000).await.unwrap();
    let told: Vec<_> = trail.iter().filter(|event| event.event_type == "rate_limit_exceeded").collect();
    let mut sources: Vec<_> = told.iter().map(|event| event.ip_address.as_deref().unwrap()).collect();
    sources.sort_unstable();
    sources.dedup();
    assert!((1..=3).contains(&told.len()) && sources.len() == told.len(), "{sources:?}");
    assert!(told.iter().all(|event| !event.success && event.details == json!({"endpoint": "/login"})));
}

#[test]
fn attack_148_no_secret_that_can_be_guessed_is_taken_from_the_settings() {
    let base = "issuer = 'https://auth.example'\nresources.main.identifier = 'https://mcp.example/mcp'\n";
    let load = |more: &str| Config::load(&format!("{base}{more}"), None, [].into());
    let long = "x".repeat(32);
    for (setting, shortest) in [
        ("resources.main.introspection = { id = 'notes', secret = 'SECRET' }", 16),
        ("registration.initial_access_token = 'SECRET'", 16),
        ("debug.admin_token = 'SECRET'", 16),
        ("clients.notes.secret = 'SECRET'", 32),
    ] {
        let with = |secret: &str| load(&setting.replace("SECRET", secret));
        for short in ["", "x", &long[..shortest - 1]] {
            let error = with(short).unwrap_err().to_string();
            assert!(error.contains(&format!("at least {shortest} characters")), "{setting}: {error}");
        }
        with(&long[..shortest]).unwrap();
    }
}

#[tokio::test]
async fn attack_149_who_owns_a_whole_network_has_the_budget_of_a_few_sources() {
    let t = TestApp::with("registration = { burst = 1, per_minute = 1 }").await;
    let register = async |address: String| {
        let request = Request::post("/register").header("content-type", "application/json");
        let mut request = request.body(Body::from(public(&address, CALLBACK).to_string())).unwrap();
        let address = format!("[{address}]:1").parse::<std::net::SocketAddr>().unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(address));
        t.send(request).await.status == 201
    };
    let mut registered = 0;
    for n in 0..40 {
        registered += usize::from(register(format!("2001:db8:1:{n:x}::1")).await);
    }
    assert!((8..16).contains(&registered), "{registered}");
    assert!(register("2001:db8:2::1".into()).await);
    // Nor do many networks together keep an account from its owner.
    attack_from_everywhere(&t, "alice").await;
    assert_eq!(Page::open(&t).await.status([203, 0, 113, 9], "bob", PASSWORD).await, 303);
}
