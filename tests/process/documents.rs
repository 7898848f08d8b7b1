//! The demo's own metadata documents, which no other server has.
use crate::support::{
    app::{Answer, VERIFIER},
    client_key::proof,
    process::House,
    remote::{Address, Person, request_of},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

async fn ask(alice: &mut Person, client: &str) -> Answer {
    alice.get(&request_of(client)).await
}

async fn code(alice: &mut Person, client: &str) -> String {
    alice.approve(&request_of(client)).await.returned("code").unwrap()
}

fn assertion(at: &Address, client: &str, jwk: &Value) -> String {
    let der = pkcs8(jwk);
    let now = keyward::clock::Clock::default().now().unix_timestamp();
    let claims = json!({"iss": client, "sub": client, "aud": at.issuer, "jti": keyward::secrets::random(),
        "iat": now, "exp": now + 240});
    encode(&Header::new(Algorithm::ES256), &claims, &EncodingKey::from_ec_der(&der)).unwrap()
}

/// RFC 5915 in RFC 5958, of a P-256 key.
fn pkcs8(jwk: &Value) -> Vec<u8> {
    let part = |name: &str| keyward::secrets::from_base64url(jwk[name].as_str().unwrap()).unwrap();
    let mut der = b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01".to_vec();
    der.extend(b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x04\x6d\x30\x6b\x02\x01\x01\x04\x20");
    der.extend(part("d"));
    der.extend(b"\xa1\x44\x03\x42\x00\x04");
    der.extend([part("x"), part("y")].concat());
    der
}

#[tokio::test]
async fn in_the_demo_url_client_ids_can_be_tried_offline() {
    let house = House::new().await;
    let keyward = house.demo();
    let at = &keyward.at;
    let folder = format!("{}/demo/clients/", at.issuer);
    for name in ["public.json", "private_key_jwt.json", "broken.json"] {
        assert!(keyward.said(&format!("{folder}{name}")).is_some(), "{name} is not told of");
    }
    let mut alice = at.signed_in("alice", "password123").await;

    let public = format!("{folder}public.json");
    let page = ask(&mut alice, &public).await;
    for shown in ["Demo app", "described by <bdi>127.0.0.1:", &public] {
        assert!(page.body.contains(shown), "{shown}: {page:?}");
    }
    let code_of_public = code(&mut alice, &public).await;
    let tokens = at.redeem(&public, &code_of_public).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");
    assert_eq!(at.refresh(&public, tokens.json()["refresh_token"].as_str().unwrap()).await.status, 200);

    let keyed = format!("{folder}private_key_jwt.json");
    let jwk = at.get("/demo/clients/private_key_jwt.jwk").await.json();
    let code_of_keyed = code(&mut alice, &keyed).await;
    at.redeem(&keyed, &code_of_keyed).await.refused(401, "invalid_client");
    let form = [("grant_type", "authorization_code"), ("code", &*code_of_keyed), ("code_verifier", VERIFIER)];
    let assertion = assertion(at, &keyed, &jwk);
    let tokens = at.post("/token", &[&form[..], &proof(&assertion)].concat()).await;
    assert_eq!(tokens.status, 200, "{tokens:?}");

    let broken = ask(&mut alice, &format!("{folder}broken.json")).await;
    broken.page(400);
    // Which rule it breaks is for the audit trail.
    assert!(broken.body.contains("missing or not valid"), "{broken:?}");
}

#[tokio::test]
async fn the_exception_is_for_those_documents_of_that_very_server_alone() {
    let (house, other) = (House::new().await, House::new().await);
    let (keyward, neighbour) = (house.demo(), other.demo());
    let mut alice = keyward.at.signed_in("alice", "password123").await;
    let own = &keyward.at.issuer;
    for client in [
        format!("{}/demo/clients/public.json", neighbour.at.issuer),
        format!("{own}/demo/clients/"),
        format!("{own}/demo/clients/nothing.json"),
        format!("{own}/demo/clients/../../jwks"),
        format!("{own}/jwks"),
        format!("{}/demo/clients/public.json", own.replace("127.0.0.1", "localhost")),
        format!("{}/demo/clients/public.json", own.replace("http:", "https:")),
        format!("{own}@evil.example/demo/clients/public.json"),
    ] {
        ask(&mut alice, &client).await.page(400);
    }
    let log = house.log();
    assert!(!log.contains("cimd_fetch_success"), "{log}");
}

#[tokio::test]
async fn a_server_that_is_no_demo_has_no_such_documents_and_no_exception() {
    let house = House::new().await.for_serving();
    let keyward = house.serve();
    keyward.at.get("/demo/clients/public.json").await.refused(404, "not_found");
    let client = format!("{}/demo/clients/public.json", keyward.at.issuer);
    let answer = ask(&mut keyward.at.person(), &client).await;
    answer.page(400);
    assert!(answer.body.contains("This app is not known here"), "{answer:?}");
    let jwk = json!({"keys": [{"kty": "EC", "crv": "P-256",
        "x": "t0Nsc3CKbAb7I2ii_DgV6GsaqRMjDDI1IR2mj4vO-ac", "y": "VQ6OACiOid-ekit7AmBwKEM641vBCcEMbFd42dEjung"}]});
    let refusal = House::new().await.for_serving().set("KEYWARD__CLIENTS__JOB__JWKS", &jwk.to_string());
    let refusal = refusal.refusal(&["serve".to_owned()]);
    assert!(refusal.contains("one that `keyward demo` publishes"), "{refusal}");
}
