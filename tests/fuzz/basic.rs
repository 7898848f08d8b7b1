//! `Authorization` headers of clients and resource servers. In an input, `{id:secret}` stands for its base64.
use super::{Target, world::World};
use base64ct::{Base64, Encoding};
use keyward::{
    model::AuthMethod,
    oauth::{
        basic::Basic,
        params::{form_urldecode, form_urlencode},
    },
    secrets::Digest,
};

const SECRET: &str = "p%20a+s:s\u{e4}";

pub struct BasicHeaders(World);

impl Target for BasicHeaders {
    const NAME: &'static str = "basic";
    const WORDS: &'static [&'static str] = &[
        "Basic ",
        "basic ",
        "Bearer ",
        "Digest ",
        "{",
        "}",
        "{c:",
        "{notes-server:notes-server-secret}",
        "c",
        "notes-server",
        "notes-server-secret",
        "p%20a+s:s\u{e4}",
        "p%2520a%2Bs%3As%C3%A4",
        "Og==",
        "Yzo=",
        "=",
        "==",
    ];

    async fn start() -> Self {
        let world = World::start().await;
        for id in ["c", "c d"] {
            world
                .client(id, |client| {
                    client.metadata.token_endpoint_auth_method = AuthMethod::ClientSecretBasic;
                    client.secret_hash = Some(Digest::of(SECRET));
                })
                .await;
        }
        Self(world)
    }

    async fn judge(&self, input: &[u8]) -> Vec<String> {
        let header = filled(input);
        let read = std::str::from_utf8(&header).ok().and_then(|header| Basic::parse(header).ok());
        for (id, secret) in read.iter().flat_map(Basic::candidates) {
            let again = format!("{}:{}", form_urlencode(id), form_urlencode(secret));
            let again = Basic::parse(&format!("Basic {}", Base64::encode_string(again.as_bytes()))).unwrap();
            assert_eq!(again.candidates().next(), Some((id, secret)));
        }
        let headers: [(&str, &[u8]); 2] =
            [("authorization", &header), ("content-type", b"application/x-www-form-urlencoded")];
        let mut ends = vec![];
        for (uri, body) in [("/revoke", "token=x"), ("/introspect", "token=x"), ("/token", "grant_type=refresh_token")]
        {
            let (end, accepted) = self.0.try_to("POST", uri, &headers, body.as_bytes()).await;
            assert!(!accepted || is_known(&header), "{uri}");
            ends.push(end);
        }
        ends
    }
}

fn filled(input: &[u8]) -> Vec<u8> {
    let Some(open) = input.iter().position(|&byte| byte == b'{') else { return input.into() };
    let Some(length) = input[open..].iter().rposition(|&byte| byte == b'}') else { return input.into() };
    let encoded = Base64::encode_string(&input[open + 1..open + length]);
    [&input[..open], encoded.as_bytes(), &input[open + length + 1..]].concat()
}

/// Told in another way: the credentials, once decoded, are one of those that exist.
fn is_known(header: &[u8]) -> bool {
    let header = std::str::from_utf8(header).unwrap().trim();
    let pair = Base64::decode_vec(header[6..].trim()).unwrap();
    let colon = pair.iter().position(|&byte| byte == b':').unwrap();
    let halves = [&pair[..colon], &pair[colon + 1..]];
    let raw = halves.map(|half| String::from_utf8(half.to_vec()).unwrap());
    let decoded = halves.map(|half| form_urldecode(half).unwrap_or_default());
    header[..6].eq_ignore_ascii_case("basic ")
        && [raw, decoded].iter().any(|[id, secret]| {
            matches!((id.as_str(), secret.as_str()), ("c" | "c d", SECRET) | ("notes-server", "notes-server-secret"))
        })
}

#[tokio::test]
async fn no_authorization_header_however_bent_is_a_failure_of_ours_or_lets_a_stranger_in() {
    Box::pin(super::run::<BasicHeaders>()).await;
}
