//! The real binary as a child process.
use super::{
    db::{TestDb, fresh_db},
    remote::Address,
};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, PipeReader, PipeWriter, pipe},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Output, Stdio},
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

    #[must_use]
    pub fn unset(mut self, variable: &str) -> Self {
        self.settings.retain(|(name, _)| name != variable);
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
        self.demo_with(&[])
    }

    pub fn demo_with(&self, more: &[&str]) -> Keyward {
        let more = more.iter().map(|argument| (*argument).to_owned());
        let arguments: Vec<_> = self.demo_arguments().into_iter().chain(more).collect();
        self.start(&arguments, "keyward demo is running")
    }

    pub fn serve(&self) -> Keyward {
        self.start(&["serve".to_owned()], "answers at")
    }

    /// The demo as at a terminal, with the log among what it says.
    pub fn demo_with_its_log(&self) -> Keyward {
        let (heard, said) = pipe().unwrap();
        let log = said.try_clone().unwrap();
        self.begin(&self.demo_arguments(), "keyward demo is running", heard, said, log.into())
    }

    /// Starts and waits until standard output says `ready`.
    fn start(&self, arguments: &[String], ready: &str) -> Keyward {
        let log = File::options().create(true).append(true).open(self.log_file()).unwrap();
        let (heard, said) = pipe().unwrap();
        self.begin(arguments, ready, heard, said, log.into())
    }

    fn begin(&self, arguments: &[String], ready: &str, heard: PipeReader, said: PipeWriter, log: Stdio) -> Keyward {
        let child = self.command(arguments).stdout(said).stderr(log).spawn().unwrap();
        let (send, lines) = channel();
        let heard = BufReader::new(heard).lines();
        std::thread::spawn(move || heard.map_while(Result::ok).try_for_each(|line| send.send(line)));
        let resource = format!("http://127.0.0.1:{}/mcp/oauth", self.resource_listen);
        let at = Address::new(self.listen);
        let mut keyward = Keyward { child, lines, at, resource, first_words: String::new() };
        keyward.first_words = keyward.until(ready);
        assert!(keyward.first_words.contains(ready), "keyward did not start: {}", self.log());
        keyward
    }

    /// What a command that succeeds says on standard output.
    pub fn answer(&self, arguments: &[String]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a command says and how it ends, however it does.
    pub fn outcome(&self, arguments: &[&str]) -> Output {
        let arguments: Vec<_> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        self.command(&arguments).output().unwrap()
    }

    /// The same, where nobody reads what it says on standard output.
    pub fn unread(&self, arguments: &[String]) -> Output {
        let (_, nowhere) = std::io::pipe().unwrap();
        self.command(arguments).stdout(nowhere).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap()
    }

    /// The same, of a line for the shell.
    pub fn shell(&self, line: &str) -> Output {
        let mut shell = Command::new("sh");
        shell.args(["-c", line]).env_clear().envs(self.settings.iter().map(|(name, value)| (name, value)));
        shell.env("PATH", "/usr/bin:/bin").current_dir(self.folder.path()).output().unwrap()
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[String]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// A file in the folder that commands are run in.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).unwrap();
        file
    }

    /// What is in that folder.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut all: Vec<_> = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
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

    /// One statement, behind the program's back.
    pub async fn change(&self, statement: &'static str) {
        let url = self.database_url();
        if url.starts_with("sqlite:") {
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&url).await.unwrap();
            sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        }
    }

    /// As before any server was here; on SQLite there is no file before one was.
    pub async fn empty(&self) {
        if let Some(schema) = &self.schema {
            schema.empty().await;
        }
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
    lines: Receiver<String>,
    pub at: Address,
    /// The MCP endpoint of the demo.
    pub resource: String,
    /// What it said until it was ready.
    first_words: String,
}

impl Keyward {
    /// Waits for the next line of standard output with these words; `None` if it ended without.
    pub fn said(&self, words: &str) -> Option<String> {
        self.lines.iter().find(|line| line.contains(words))
    }

    /// All that it said on standard output, once it has ended, but for what somebody waited for.
    pub fn heard(&self) -> String {
        format!("{}{}", self.first_words, self.last_words())
    }

    /// All lines up to the next one with these words.
    pub fn until(&self, words: &str) -> String {
        let mut said = String::new();
        for line in &self.lines {
            said = format!("{said}{line}\n");
            if line.contains(words) {
                break;
            }
        }
        said
    }

    /// What it said until it was ready.
    pub fn first_words(&self) -> &str {
        &self.first_words
    }

    /// All that it still says on standard output, until it ends.
    pub fn last_words(&self) -> String {
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }

    /// SIGKILL: no goodbyes.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether a handler of its own hears this signal: without one, process 1 hears nothing.
    pub fn hears(&self, signal: &str) -> bool {
        let number = if signal == "TERM" { 15 } else { 2 };
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (number - 1)) != 0
    }

    /// Asks to stop by a signal (`INT`, `TERM`), and waits until it is gone.
    pub fn stop(&mut self, signal: &str) -> ExitStatus {
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
