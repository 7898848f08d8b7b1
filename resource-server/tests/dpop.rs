//! Tokens bound to a key (RFC 9449 §7): who may use them, and how others are told.
use crate::support::{Answer, PRM, RESOURCE, Signer, TestServer, call, post};
use aws_lc_rs::digest::{SHA256, digest};
use axum::body::Body;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::{Value, json};
use time::Duration;

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlUnpadded::encode_string(bytes.as_ref())
}

fn sha256(text: &str) -> String {
    base64url(digest(&SHA256, text.as_bytes()))
}

/// Only the members that RFC 7638 counts, in its order.
fn jwk(key: &Signer) -> Value {
    let all = key.jwk();
    let names = ["crv", "e", "kty", "n", "x", "y"].into_iter().filter(|name| !all[*name].is_null());
    names.map(|name| (name.to_owned(), all[name].clone())).collect::<serde_json::Map<_, _>>().into()
}

fn thumbprint(key: &Signer) -> String {
    sha256(&jwk(key).to_string())
}

fn header(key: &Signer) -> Value {
    json!({"typ": "dpop+jwt", "alg": key.algorithm, "jwk": jwk(key)})
}

fn with(members: &Value, changes: &Value) -> Value {
    let mut all = members.clone();
    for (name, value) in changes.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    all
}

/// Claims of a good proof; each call makes another.
fn claims(t: &TestServer, token: &str) -> Value {
    let mut jti = [0; 16];
    aws_lc_rs::rand::fill(&mut jti).unwrap();
    let now = t.clock.now().unix_timestamp();
    json!({"jti": base64url(jti), "htm": "POST", "htu": RESOURCE, "iat": now, "ath": sha256(token)})
}

fn proof(t: &TestServer, key: &Signer, token: &str) -> String {
    key.sign_as(&header(key), &claims(t, token))
}

fn bound(t: &TestServer, key: &Signer) -> String {
    t.token_with(json!({"cnf": {"jkt": thumbprint(key)}}))
}

async fn send(t: &TestServer, authorization: &str, proofs: &[&str], message: &Value) -> Answer {
    let request = post().header("authorization", authorization);
    let request = proofs.iter().fold(request, |request, proof| request.header("dpop", *proof));
    t.send(request.body(Body::from(message.to_string())).unwrap()).await
}

async fn ping(t: &TestServer, token: &str, proofs: &[&str]) -> Answer {
    send(t, &format!("DPoP {token}"), proofs, &json!({"jsonrpc": "2.0", "id": 1, "method": "ping"})).await
}

fn challenges(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("www-authenticate").iter().map(|value| value.to_str().unwrap()).collect()
}

/// Refused with one challenge of the scheme that was used; the description.
#[track_caller]
fn refused(answer: &Answer, error: &str) -> String {
    assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (401, &json!(error)), "{answer:?}");
    let [challenge] = challenges(answer)[..] else { panic!("not one challenge: {answer:?}") };
    assert!(challenge.starts_with("DPoP realm=") && challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
    assert!(challenge.contains(r#"algs="ES256 RS256 EdDSA Ed25519""#) && challenge.contains(PRM), "{challenge}");
    answer.json()["error_description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_bound_token_is_accepted_with_a_proof_of_its_key_whatever_its_kind() {
    let t = TestServer::start().await;
    for key in [Signer::es256("p"), Signer::eddsa("p"), Signer::rs256("p")] {
        let token = bound(&t, &key);
        for scheme in ["DPoP", "dpop"] {
            let whoami = call("whoami", json!({}));
            let answer = send(&t, &format!("{scheme} {token}"), &[&proof(&t, &key, &token)], &whoami).await;
            assert_eq!(answer.status, 200, "{:?}: {answer:?}", key.algorithm);
            let who = &answer.json()["result"]["structuredContent"];
            assert_eq!((&who["scheme"], &who["subject"]), (&json!("DPoP"), &json!("alice")));
        }
    }
}

#[tokio::test]
async fn a_proof_that_is_wrong_in_any_way_is_refused() {
    let t = TestServer::start().await;
    let (key, stranger) = (Signer::es256("p"), Signer::es256("q"));
    let token = bound(&t, &key);
    let now = t.clock.now().unix_timestamp();
    let head = |changes: Value| key.sign_as(&with(&header(&key), &changes), &claims(&t, &token));
    let claim = |changes: Value| key.sign_as(&header(&key), &with(&claims(&t, &token), &changes));
    let private = with(&jwk(&key), &json!({"d": "c2VjcmV0"}));
    for (what, wrong) in [
        ("empty", String::new()),
        ("nonsense", "a.b.c".to_owned()),
        ("private jwk", head(json!({"jwk": private}))),
        ("symmetric jwk", head(json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}))),
        ("HS256", head(json!({"alg": "HS256"}))),
        ("none", head(json!({"alg": "none"}))),
        ("EdDSA with an EC key", head(json!({"alg": "EdDSA"}))),
        ("typ", head(json!({"typ": "at+jwt"}))),
        ("no typ", head(json!({"typ": null}))),
        ("no jwk", head(json!({"jwk": null}))),
        ("crit", head(json!({"crit": ["b64"], "b64": false}))),
        ("another's jwk", head(json!({"jwk": jwk(&stranger)}))),
        ("another key", proof(&t, &stranger, &token)),
        ("htm", claim(json!({"htm": "GET"}))),
        ("htu", claim(json!({"htu": "http://127.0.0.1:8990/mcp/other"}))),
        ("htu of another server", claim(json!({"htu": "https://evil.example/mcp/oauth"}))),
        ("ath of another token", claim(json!({"ath": sha256("another")}))),
        ("no ath", claim(json!({"ath": null}))),
        ("301 s old", claim(json!({"iat": now - 301}))),
        ("a minute ahead", claim(json!({"iat": now + 60}))),
        ("no iat", claim(json!({"iat": null}))),
        ("no jti", claim(json!({"jti": null}))),
        ("empty jti", claim(json!({"jti": ""}))),
        ("long jti", claim(json!({"jti": "j".repeat(1025)}))),
        ("huge", claim(json!({"padding": "p".repeat(9000)}))),
    ] {
        let answer = ping(&t, &token, &[&wrong]).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        refused(&answer, "invalid_dpop_proof");
    }
    refused(&ping(&t, &token, &[]).await, "invalid_dpop_proof");
    let two = [proof(&t, &key, &token), proof(&t, &key, &token)];
    refused(&ping(&t, &token, &[&two[0], &two[1]]).await, "invalid_dpop_proof");
    let ed = Signer::eddsa("p");
    let token_of_ed = bound(&t, &ed);
    let renamed = ed.sign_as(&with(&header(&ed), &json!({"alg": "Ed25519"})), &claims(&t, &token_of_ed));
    assert_eq!(ping(&t, &token_of_ed, &[&renamed]).await.status, 200, "RFC 9864");
    for changes in [json!({"iat": now - 240}), json!({"iat": now + 10}), json!({"htu": format!("{RESOURCE}?a=b#c")})] {
        assert_eq!(ping(&t, &token, &[&claim(changes.clone())]).await.status, 200, "{changes}");
    }
}

#[tokio::test]
async fn attack_68_a_proof_that_two_readers_may_read_differently_is_refused_and_so_is_a_doubtful_key() {
    let t = TestServer::start().await;
    let key = Signer::es256("p");
    let token = bound(&t, &key);
    let (header, good) = (header(&key), claims(&t, &token));
    let first = |members: &Value, member: &str| members.to_string().replacen('{', &format!("{{{member},"), 1);
    let leaky = with(&header, &json!({"jwk": with(&jwk(&key), &json!({"dp": "c2VjcmV0"}))}));
    let large = json!({"kty": "RSA", "n": base64url([255; 513]), "e": "AQAB"});
    for (proof, rule) in [
        (key.sign_text(&header.to_string(), &first(&good, r#""nonce":1,"nonce":2"#)), "JSON objects"),
        (key.sign_text(&first(&header, r#""crit":null"#), &good.to_string()), "critical"),
        (key.sign_as(&leaky, &good), "private or symmetric key"),
        (key.sign_as(&with(&header, &json!({"alg": "RS256", "jwk": large})), &good), "does not fit its alg"),
    ] {
        let reason = refused(&ping(&t, &token, &[&proof]).await, "invalid_dpop_proof");
        assert!(reason.contains(rule), "{rule}: {reason}");
    }
    assert_eq!(ping(&t, &token, &[&key.sign_as(&header, &good)]).await.status, 200);
}

#[tokio::test]
async fn a_proof_counts_once() {
    let t = TestServer::start().await;
    let key = Signer::es256("p");
    let token = bound(&t, &key);
    let proof = proof(&t, &key, &token);
    assert_eq!(ping(&t, &token, &[&proof]).await.status, 200);
    for _ in 0..2 {
        assert!(refused(&ping(&t, &token, &[&proof]).await, "invalid_dpop_proof").contains("jti"));
        t.clock.advance(Duration::seconds(150));
    }
}

#[tokio::test]
async fn a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() {
    let t = TestServer::start().await;
    let key = Signer::es256("p");
    let token = bound(&t, &key);
    assert!(t.judge(&token).await.unwrap_err().contains("sender-constrained"));
    let bearer = t.token("mcp:read");
    let reason = refused(&ping(&t, &bearer, &[&proof(&t, &key, &bearer)]).await, "invalid_token");
    assert!(reason.contains("bound to no key"), "{reason}");
    // Bound to a certificate (RFC 8705), which nothing here can prove.
    let other = t.token_with(json!({"cnf": {"x5t#S256": thumbprint(&key)}}));
    refused(&ping(&t, &other, &[&proof(&t, &key, &other)]).await, "invalid_token");
}

#[tokio::test]
async fn everything_else_about_a_bound_token_is_judged_as_ever() {
    let t = TestServer::start().await;
    let key = Signer::es256("p");
    for changes in [json!({"aud": "https://other.example"}), json!({"exp": 1}), json!({"iss": "https://evil.example"})]
    {
        let token = t.token_with(with(&changes, &json!({"cnf": {"jkt": thumbprint(&key)}})));
        refused(&ping(&t, &token, &[&proof(&t, &key, &token)]).await, "invalid_token");
    }
    let token = bound(&t, &key);
    let secret = call("get_secret", json!({"key": "api_key"}));
    let answer = send(&t, &format!("DPoP {token}"), &[&proof(&t, &key, &token)], &secret).await;
    assert_eq!(answer.status, 403);
    assert!(challenges(&answer)[0].starts_with("DPoP ") && challenges(&answer)[0].contains("insufficient_scope"));
}

#[tokio::test]
async fn a_guard_that_offers_it_says_so_beside_the_bearer_challenge() {
    let t = TestServer::guarded(keyward_resource_server::Guard::offer_dpop).await;
    let none = t.send(post().body(Body::from("{}")).unwrap()).await;
    let invalid = t.post("abc", &json!({})).await;
    for answer in [none, invalid] {
        let [bearer, dpop] = challenges(&answer)[..] else { panic!("not two challenges: {answer:?}") };
        assert!(bearer.starts_with("Bearer ") && dpop.starts_with("DPoP ") && dpop.contains("algs="), "{answer:?}");
        assert!(!dpop.contains("error="), "{dpop}");
    }
    let key = Signer::es256("p");
    let token = bound(&t, &key);
    assert_eq!(ping(&t, &token, &[&proof(&t, &key, &token)]).await.status, 200);
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    assert_eq!(t.post(&t.token("mcp:read"), &ping).await.status, 200);
}

#[tokio::test]
async fn a_guard_that_requires_it_takes_no_bearer_tokens_and_says_so_in_its_metadata() {
    let t = TestServer::guarded(keyward_resource_server::Guard::require_dpop).await;
    let metadata = t.get("/.well-known/oauth-protected-resource").await.json();
    assert_eq!(metadata["dpop_bound_access_tokens_required"], true);
    let none = t.send(post().body(Body::from("{}")).unwrap()).await;
    assert!(challenges(&none)[0].starts_with("DPoP ") && challenges(&none).len() == 1, "{none:?}");
    let bearer = t.post(&t.token("mcp:read"), &json!({})).await;
    assert!(refused(&bearer, "invalid_token").contains("no bearer tokens"));
    let key = Signer::es256("p");
    let token = bound(&t, &key);
    assert_eq!(ping(&t, &token, &[&proof(&t, &key, &token)]).await.status, 200);
}

#[tokio::test]
async fn attack_200_a_remembered_token_needs_a_new_proof_of_its_own_key_for_each_request() {
    let t = TestServer::start().await;
    let (key, stranger) = (Signer::es256("p"), Signer::es256("q"));
    let token = bound(&t, &key);
    let first = proof(&t, &key, &token);
    assert_eq!(ping(&t, &token, &[&first]).await.status, 200);
    assert!(refused(&ping(&t, &token, &[&first]).await, "invalid_dpop_proof").contains("used before"));
    let others = proof(&t, &stranger, &token);
    assert!(refused(&ping(&t, &token, &[&others]).await, "invalid_dpop_proof").contains("another key"));
    refused(&ping(&t, &token, &[]).await, "invalid_dpop_proof");
    assert!(t.judge(&token).await.unwrap_err().contains("sender-constrained"));
    assert_eq!(ping(&t, &token, &[&proof(&t, &key, &token)]).await.status, 200);
}
