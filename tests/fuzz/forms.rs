//! Requests with forms and queries, to every endpoint and page that reads them.
//!
//! An input is the request: a line with method and path, headers, an empty line, the body. A name in braces is replaced
//! by a live value: a code, a token, or the fields of a form.
use super::{
    Target,
    world::{World, end, place},
};
use crate::support::{
    app::{CALLBACK, CHALLENGE, PASSWORD, authorize_path, basic, encode},
    browser::{borrowed, hidden},
};
use keyward::{
    model::{AuthMethod, ClientId},
    secrets::Digest,
};

pub struct Forms(World);

const HOLES: [&str; 14] = [
    "code",
    "access",
    "refresh",
    "device_code",
    "user_code",
    "pushed",
    "consent",
    "login",
    "logout",
    "device",
    "decide",
    "password",
    "cookie",
    "basic",
];

impl Target for Forms {
    const NAME: &'static str = "forms";
    const WORDS: &'static [&'static str] = &[
        "GET",
        "POST",
        "OPTIONS",
        "/token",
        "/authorize",
        "/par",
        "/revoke",
        "/introspect",
        "/device_authorization",
        "/device",
        "/device/decision",
        "/device/qr",
        "/consent",
        "/login",
        "/logout",
        "/setup",
        "/userinfo",
        "/register",
        "{code}",
        "{access}",
        "{refresh}",
        "{device}",
        "{device_code}",
        "{decide}",
        "{login}",
        "{logout}",
        "{password}",
        "&username=alice",
        "{user_code}",
        "{pushed}",
        "{consent}",
        "{cookie}",
        "{basic}",
        "grant_type=",
        "&grant_type=authorization_code",
        "&grant_type=refresh_token",
        "&grant_type=client_credentials",
        "&grant_type=urn:ietf:params:oauth:grant-type:device_code",
        "&grant_type=urn:ietf:params:oauth:grant-type:token-exchange",
        "&grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer",
        "&subject_token={access}",
        "&subject_token_type=urn:ietf:params:oauth:token-type:access_token",
        "&actor_token={access}",
        "&actor_token_type=urn:ietf:params:oauth:token-type:access_token",
        "&requested_token_type=urn:ietf:params:oauth:token-type:access_token",
        "&audience=https://other.example/mcp",
        "&assertion=a.b.c",
        "&client_id=public",
        "&client_id=secret",
        "&client_id=https://app.example/c",
        "&client_secret=s",
        "&client_assertion=",
        "&client_assertion_type=",
        "&redirect_uri=http://127.0.0.1:7/cb",
        "&resource=https://mcp.example/mcp",
        "&resource=https://other.example/mcp",
        "&scope=openid",
        "&scope=mcp:read",
        "&scope=offline_access",
        "&state=x",
        "&nonce=n",
        "&prompt=none",
        "&prompt=login",
        "&max_age=0",
        "&max_age=99999999999",
        "&request=",
        "&request_uri=",
        "&dpop_jkt=",
        "&response_mode=",
        "&acr_values=1",
        "&ui_locales=",
        "&claims=",
        "&id_token_hint=",
        "&login_hint=",
        "&code_verifier=",
        "&decision=allow",
        "&decision=deny",
        "&return_to=/",
        "&token_type_hint=refresh_token",
        "content-type: application/json\n",
        "accept: application/token-introspection+jwt\n",
        "origin: null\n",
        "sec-fetch-site: cross-site\n",
        "transfer-encoding: chunked\n",
        "content-length: 5\n",
        "dpop: x\n",
        "x-forwarded-for: 1.2.3.4\n",
        "authorization: Bearer {access}\n",
        "authorization: {basic}\n",
        "cookie: {cookie}\n",
    ];

    async fn start() -> Self {
        let world = World::start().await;
        world.client("public", |_| {}).await;
        world
            .client("secret", |client| {
                client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
                client.policy.any_secret_method = true;
                client.secret_hash = Some(Digest::of("s"));
            })
            .await;
        Self(world)
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let input = self.filled(input).await;
        let (head, body) = halves(&input);
        let head = String::from_utf8_lossy(head);
        let mut lines = head.split('\n');
        let Some((method, uri)) = lines.next().and_then(|line| line.split_once(' ')) else { return vec![] };
        let mut headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
        // What was presented with a live code counts against it; whoever fails to sign in is noted.
        if ["kwr_", "form_token", "code=", "/login"].iter().any(|part| contains(&input, part)) {
            let answer = self.0.send(method, uri, &headers, body).await;
            return answer.iter().map(|answer| format!("{} {}", place(uri), end(answer))).collect();
        }
        vec![self.0.try_to(method, uri, &headers, body).await.0]
    }
}

impl Forms {
    async fn filled(&self, input: &[u8]) -> Vec<u8> {
        let mut filled = input.to_vec();
        for name in HOLES {
            let hole = format!("{{{name}}}");
            if contains(&filled, &hole) {
                filled = replaced(&filled, hole.as_bytes(), self.made(name).await.as_bytes());
            }
        }
        filled.truncate(100_000);
        filled
    }

    async fn made(&self, name: &str) -> String {
        let public = ClientId::from("public");
        let t = &self.0.t;
        match name {
            "basic" => basic("secret", "s"),
            "password" => PASSWORD.into(),
            "cookie" => self.0.cookie().await,
            "code" => {
                let path = authorize_path(&public, &[("redirect_uri", CALLBACK)]);
                self.0.browse(async |browser| browser.approve(&path).await).await.returned("code").unwrap()
            }
            "access" | "refresh" => {
                let code = Box::pin(self.made("code")).await;
                t.redeem(&public, &code).await.json()[&format!("{name}_token")].as_str().unwrap().to_owned()
            }
            "device_code" | "user_code" => {
                let asked = self.0.send("POST", "/device_authorization", &FORM, b"client_id=public").await.unwrap();
                asked.json()[name].as_str().unwrap().to_owned()
            }
            "pushed" => {
                let form = [
                    ("response_type", "code"),
                    ("client_id", "public"),
                    ("code_challenge", CHALLENGE),
                    ("code_challenge_method", "S256"),
                    ("redirect_uri", CALLBACK),
                ];
                let pushed = self.0.send("POST", "/par", &FORM, encode(&form).as_bytes()).await.unwrap();
                pushed.json()["request_uri"].as_str().unwrap().to_owned()
            }
            "login" | "logout" | "device" => self.fields(&format!("/{name}"), &format!("/{name}")).await,
            "decide" => {
                let (form, code) = (Box::pin(self.made("device")).await, Box::pin(self.made("user_code")).await);
                let form = format!("{form}&user_code={code}");
                let pairs: Vec<_> = form.split('&').filter_map(|pair| pair.split_once('=')).collect();
                let page = self.0.browse(async |browser| browser.post("/device", &pairs).await).await;
                encode(&borrowed(&hidden(&page, "/device/decision")))
            }
            _ => {
                let path = authorize_path(&public, &[("redirect_uri", CALLBACK), ("prompt", "consent")]);
                self.fields(&path, "/consent").await
            }
        }
    }
}

impl Forms {
    /// The hidden ones of a form on a page.
    async fn fields(&self, page: &str, action: &str) -> String {
        let page = self.0.browse(async |browser| browser.get(page).await).await;
        encode(&borrowed(&hidden(&page, action)))
    }
}

const FORM: [(&str, &[u8]); 1] = [("content-type", b"application/x-www-form-urlencoded")];

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}

fn replaced(text: &[u8], hole: &[u8], with: &[u8]) -> Vec<u8> {
    let (mut all, mut rest) = (Vec::new(), text);
    while let Some(at) = rest.windows(hole.len()).position(|window| window == hole) {
        all.extend_from_slice(&rest[..at]);
        all.extend_from_slice(with);
        rest = &rest[at + hole.len()..];
    }
    [&all, rest].concat()
}

/// At the first empty line.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    match input.windows(2).position(|window| window == b"\n\n") {
        Some(at) => (&input[..at], &input[at + 2..]),
        None => (input, b""),
    }
}

#[tokio::test]
async fn no_request_with_a_form_however_bent_is_a_failure_of_ours() {
    Box::pin(super::run::<Forms>()).await;
}
