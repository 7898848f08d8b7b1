//! The database and the logs contain no usable secret, however verbose the log is.
use super::walker::Walker;
use crate::support::process::{House, Keyward};
use base64ct::{Base64, Encoding};
use keyward::{
    keys::MasterKey,
    oauth::params::form_urlencode,
    secrets::{base64url, from_base64url},
    storage::{Db, signing_keys},
};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::fmt::Write;

const STRONG: &str = "staple battery horse correct";

/// All that was issued, typed or sent, with what it is.
#[derive(Default)]
pub struct Collected(Vec<(&'static str, Vec<u8>)>);

impl Collected {
    pub fn add(&mut self, what: &'static str, secret: &str) {
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
    pub fn tokens(&mut self, answer: &Value) {
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
                panic!("{place} holds a {what}, after {around:?}");
            }
        }
    }
}

/// A character per byte: strings are searched faster than slices.
fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
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
    let master = MasterKey::load(&file).unwrap().unwrap();
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
    seen.absent_from("standard output", keyward.last_words().as_bytes(), printed);
}

#[tokio::test]
async fn attack_96_serving_leaves_nothing_in_clear_in_the_database_and_in_the_logs() {
    const SECRET: &str = "what the resource server knows";
    let house = House::new().await.for_serving().set("RUST_LOG", "trace").set("KEYWARD__TOKENS__REPLAY_WINDOW", "3600");
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
    for (password, status) in [("keyward-root", 400), (STRONG, 200), (STRONG, 200)] {
        let fields = [("username", "root"), ("password", password), ("password_again", password)];
        assert_eq!(walker.person.submit(&page, "/setup", &fields).await.status.as_u16(), status);
        walker.seen.add("password", password);
    }
    walker.walk("root", STRONG, ("main", SECRET)).await;
    nothing_is_left_behind(&house, keyward, walker.seen, &[]).await;
}

#[tokio::test]
async fn attack_96_the_demo_leaves_nothing_in_clear_in_the_database_and_in_the_logs() {
    let house = House::new().await.set("RUST_LOG", "trace").set("KEYWARD__TOKENS__REPLAY_WINDOW", "3600");
    let keyward = house.demo();
    let mut walker = Walker::new(&keyward.at, "mcp:read");
    walker.sign_in("alice", "password123").await;
    walker.call(&keyward).await;
    walker.walk("alice", "password123", ("demo-resource-server", "demo-resource-secret")).await;
    for view in ["approvals", "audit", "authorizations", "clients", "config", "devices", "grants", "traces"] {
        let answer = keyward.at.get(&format!("/debug/{view}?limit=1000")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        walker.seen.absent_from(view, answer.body.as_bytes(), &[]);
    }
    nothing_is_left_behind(&house, keyward, walker.seen, &["password"]).await;
}
