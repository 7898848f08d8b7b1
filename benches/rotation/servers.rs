//! The servers: the real binary, one on SQLite and two on PostgreSQL, with one database.
use super::db::{TestDb, fresh_db};
use anyhow::{Context, ensure};
use keyward::storage::Db;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

pub const CLIENT: (&str, &str) = ("load", "a secret that is long enough for a load");
pub const SECRET: &str = "what a resource server says";

pub struct Servers {
    /// Where each answers.
    pub addresses: Vec<String>,
    pub issuer: String,
    running: Vec<Child>,
    folder: tempfile::TempDir,
    db: TestDb,
}

impl Servers {
    /// For these resources: one of JWTs, one of opaque tokens.
    pub async fn start([jwt, opaque]: &[String; 2]) -> anyhow::Result<Self> {
        let db = fresh_db().await;
        let nodes = if matches!(*db, Db::Postgres(_)) { 2 } else { 1 };
        // From here on it is the servers' alone.
        db.close().await?;
        let folder = tempfile::tempdir()?;
        let ports = (0..nodes).map(|_| free_port()).collect::<anyhow::Result<Vec<_>>>()?;
        let addresses: Vec<_> = ports.iter().map(|port| format!("http://127.0.0.1:{port}")).collect();
        let issuer = addresses.first().context("no server")?.clone();
        let settings = format!(
            "issuer = {issuer:?}\ndefault_resource = 'jwt'\ndatabase.url = {:?}\n\
             keys = {{ master_key_file = {:?}, rotate_after = 0 }}\ntokens.access_token_lifetime = 86400\n\
             [clients.{}]\nsecret = {:?}\n\
             [resources.jwt]\nidentifier = {jwt:?}\nintrospection = {{ id = 'jwt', secret = {SECRET:?} }}\n\
             [resources.opaque]\nidentifier = {opaque:?}\naccess_token_format = 'opaque'\n\
             introspection = {{ id = 'opaque', secret = {SECRET:?} }}\n",
            db.url,
            folder.path().join("master.key").display().to_string(),
            CLIENT.0,
            CLIENT.1,
        );
        std::fs::write(folder.path().join("keyward.toml"), settings)?;
        let mut servers = Self { addresses, issuer, running: vec![], folder, db };
        for port in ports {
            servers.serve(port)?;
        }
        Ok(servers)
    }

    pub fn described(&self) -> &'static str {
        if self.running.len() > 1 { "two servers on PostgreSQL" } else { "a server on SQLite" }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.args(arguments).arg("--config").arg(self.folder.path().join("keyward.toml"));
        command.env_clear().stdin(Stdio::null());
        command
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn serve(&mut self, port: u16) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = self.command(&["serve"]);
        command.env("KEYWARD__LISTEN", format!("127.0.0.1:{port}")).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().context("cannot start keyward")?;
        let mut lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        self.running.push(child);
        let answers = lines.by_ref().map_while(Result::ok).any(|line| line.contains("answers at"));
        ensure!(answers, "keyward did not start: {}", self.last_words());
        // Read on, or it could not write on.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(())
    }

    pub async fn rotate(&self) -> anyhow::Result<()> {
        let mut command = self.command(&["keys", "rotate"]);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        ensure!(output.status.success(), "keys rotate: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    /// As if they had been published long ago.
    pub async fn age_next_keys(&self) {
        self.db.outside("UPDATE signing_keys SET created_at = '2020-01-01T00:00:00Z' WHERE status = 'next'").await;
    }

    /// The end of the log.
    pub fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
