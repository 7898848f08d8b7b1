//! The real binary as a child process, and who talks to it over HTTP: programs, and a person at a browser.
use super::{
    app::{Answer, encode},
    browser::{borrowed, hidden},
    db::{TestDb, fresh_db},
};
use keyward::oauth::params::form_urlencode;
use reqwest::header;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, channel},
};

/// Where one keyward lives: its folder, its ports and its settings stay the same from start to start.
pub struct House {
    folder: tempfile::TempDir,
    listen: u16,
    resource_listen: u16,
    settings: Vec<(String, String)>,
    /// On PostgreSQL only; on SQLite the file lies in the folder.
    schema: Option<TestDb>,
}

impl House {
    /// On SQLite, or on the PostgreSQL server that `TEST_DATABASE_URL` names.
    pub async fn new() -> Self {
        let mut house = Self {
            folder: tempfile::tempdir().unwrap(),
            listen: free_port(),
            resource_listen: free_port(),
            settings: vec![],
            schema: None,
        };
        if std::env::var_os("TEST_DATABASE_URL").is_some() {
            let schema = fresh_db().await;
            schema.close().await.unwrap();
            house = house.set("KEYWARD__DATABASE__URL", &schema.url);
            house.schema = Some(schema);
        }
        house
    }

    #[must_use]
    pub fn set(mut self, variable: &str, value: &str) -> Self {
        self.settings.push((variable.into(), value.into()));
        self
    }

    /// What `serve` needs to know, with one MCP server to issue tokens for.
    #[must_use]
    pub fn for_serving(self) -> Self {
        let (listen, data) = (format!("127.0.0.1:{}", self.listen), self.data().display().to_string());
        let database = self.schema.is_none().then(|| format!("sqlite:{data}/keyward.db"));
        let house = self
            .set("KEYWARD__ISSUER", &format!("http://{listen}"))
            .set("KEYWARD__LISTEN", &listen)
            .set("KEYWARD__KEYS__MASTER_KEY_FILE", &format!("{data}/master.key"))
            .set("KEYWARD__RESOURCES__MAIN__IDENTIFIER", super::app::MCP);
        match database {
            Some(url) => house.set("KEYWARD__DATABASE__URL", &url),
            None => house,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn port(&self) -> u16 {
        self.listen
    }

    pub fn demo_arguments(&self) -> Vec<String> {
        let [listen, resource] = [self.listen, self.resource_listen].map(|port| format!("127.0.0.1:{port}"));
        let data = self.data().display().to_string();
        ["demo", "--data", &data, "--listen", &listen, "--resource-listen", &resource].map(str::to_owned).into()
    }

    /// Nothing of our own environment reaches the child.
    fn command(&self, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.args(arguments).env_clear().current_dir(self.folder.path()).stdin(Stdio::null());
        command.envs(self.settings.iter().map(|(variable, value)| (variable, value)));
        command
    }

    pub fn demo(&self) -> Keyward {
        self.start(&self.demo_arguments(), "keyward demo is running")
    }

    pub fn serve(&self) -> Keyward {
        self.start(&["serve".to_owned()], "answers at")
    }

    /// Starts and waits until standard output says `ready`.
    fn start(&self, arguments: &[String], ready: &str) -> Keyward {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (send, lines) = channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        let resource = format!("http://127.0.0.1:{}/mcp/oauth", self.resource_listen);
        let keyward = Keyward { child, lines, at: Address::new(self.listen), resource };
        assert!(keyward.said(ready).is_some(), "keyward did not start: {}", self.log());
        keyward
    }

    /// The one sentence with which this start is refused.
    pub fn refusal(&self, arguments: &[String]) -> String {
        let output = self.command(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        let sentence = text.strip_prefix("keyward: ").unwrap_or_else(|| panic!("not only a sentence: {text}"));
        assert_eq!(sentence.trim_end().lines().count(), 1, "more than a sentence: {text}");
        sentence.trim_end().to_owned()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What all starts wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }

    pub fn database_url(&self) -> String {
        match &self.schema {
            Some(schema) => schema.url.clone(),
            None => format!("sqlite:{}/keyward.db", self.data().display()),
        }
    }
}

/// Free, and below those ports that the system gives to whoever asks for any: a child that died can have its own
/// again.
fn free_port() -> u16 {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (0..1000).map(|_| rand::random_range(10_000..30_000)).find(free).expect("no free port")
}

/// A running keyward; killed when dropped.
pub struct Keyward {
    child: Child,
    pub lines: Receiver<String>,
    pub at: Address,
    /// The MCP endpoint of the demo.
    pub resource: String,
}

impl Keyward {
    /// Waits for the next line of standard output with these words; `None` if it ended without.
    pub fn said(&self, words: &str) -> Option<String> {
        self.lines.iter().find(|line| line.contains(words))
    }

    /// SIGKILL: no goodbyes.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks to stop by a signal (`INT`, `TERM`), and waits until it is gone.
    pub fn stop(mut self, signal: &str) -> ExitStatus {
        let kill = format!("kill -{signal} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        self.child.wait().unwrap()
    }
}

impl Drop for Keyward {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where it answers programs; an error is an answer that never came.
#[derive(Clone)]
pub struct Address {
    pub issuer: String,
    pub http: reqwest::Client,
}

impl Address {
    fn new(port: u16) -> Self {
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
        Self { issuer: format!("http://127.0.0.1:{port}"), http: http.build().unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.http.get(format!("{}{path}", self.issuer))).await.unwrap()
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.post_with(path, form, &[]).await
    }

    pub async fn post_with(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
        send(self.form(path, form, headers)).await.unwrap()
    }

    fn form(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.http.post(format!("{}{path}", self.issuer)).body(encode(form));
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    pub async fn try_register(&self, body: &Value) -> reqwest::Result<Answer> {
        send(self.http.post(format!("{}/register", self.issuer)).json(body)).await
    }

    pub async fn register(&self, body: &Value) -> Value {
        let answer = self.try_register(body).await.unwrap();
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        answer.json()
    }

    /// Redeems a code as a public client.
    pub async fn redeem(&self, client: &str, code: &str) -> Answer {
        let form = [("grant_type", "authorization_code"), ("client_id", client), ("code", code)];
        self.post("/token", &[&form[..], &[("code_verifier", super::app::VERIFIER)]].concat()).await
    }

    pub async fn try_refresh(&self, client: &str, refresh_token: &str) -> reqwest::Result<Answer> {
        let form = [("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", refresh_token)];
        send(self.form("/token", &form, &[])).await
    }

    pub async fn refresh(&self, client: &str, refresh_token: &str) -> Answer {
        self.try_refresh(client, refresh_token).await.unwrap()
    }

    pub fn person(&self) -> Person {
        Person { at: self.clone(), cookies: BTreeMap::new() }
    }

    /// A person who has signed in.
    pub async fn signed_in(&self, username: &str, password: &str) -> Person {
        let mut person = self.person();
        assert_eq!(person.sign_in(username, password, "/").await.location(), "/");
        person
    }
}

pub async fn send(request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status(), response.headers().clone());
    Ok(Answer { status, headers, body: response.text().await? })
}

/// Keeps cookies, finds the forms in pages, fills them in and sends them.
#[derive(Clone)]
pub struct Person {
    pub at: Address,
    pub cookies: BTreeMap<String, String>,
}

impl Person {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(self.at.http.get(format!("{}{path}", self.at.issuer)).header("sec-fetch-site", "none")).await
    }

    pub async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Answer {
        let from = [("origin", self.at.issuer.as_str()), ("sec-fetch-site", "same-origin")];
        self.send(self.at.form(path, form, &from)).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        let answer = send(request.header(header::COOKIE, pairs.collect::<Vec<_>>().join("; "))).await.unwrap();
        for cookie in answer.headers.get_all(header::SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        answer
    }

    /// Fills in and sends the form of this page that posts to `action`.
    pub async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let form = hidden(page, action);
        self.post(action, &[&borrowed(&form)[..], fields].concat()).await
    }

    pub async fn sign_in(&mut self, username: &str, password: &str, return_to: &str) -> Answer {
        let page = self.get(&format!("/login?return_to={}", form_urlencode(return_to))).await;
        self.submit(&page, "/login", &[("username", username), ("password", password)]).await
    }

    /// Opens an authorization request (a path, or a URL here) and says yes if asked.
    pub async fn approve(&mut self, request: &str) -> Answer {
        self.decide(request, "allow").await
    }

    pub async fn decide(&mut self, request: &str, decision: &str) -> Answer {
        let page = self.get(request.strip_prefix(&self.at.issuer).unwrap_or(request)).await;
        if page.status.is_redirection() {
            return page;
        }
        self.submit(&page, "/consent", &[("decision", decision)]).await
    }
}
