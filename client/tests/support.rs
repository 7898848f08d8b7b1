//! The program as a process, and servers for it: an MCP server with its authorization server.
pub mod old_session;
pub mod old_sse;
mod world;

use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
};
use tempfile::TempDir;
pub use world::World;

/// A home of its own for one person.
pub struct Person {
    home: TempDir,
}

/// What one run of the program left.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Fails unless the program did what it was asked to.
    pub fn done(self) -> Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }

    pub fn failed(self) -> Self {
        assert_eq!(self.code, 1, "{self:?}");
        self
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Person {
    pub fn new() -> Self {
        Self { home: TempDir::new().unwrap() }
    }

    pub fn home(&self) -> &Path {
        self.home.path()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-auth"));
        command.args(arguments).env_clear().env("MCP_AUTH_CLI_HOME", self.home()).env("MCP_AUTH_BROWSER", "follow");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program with this on standard input.
    pub fn tell(&self, arguments: &[&str], input: &str) -> Run {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap().into()
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// `profiles.json` as it lies on the disk.
    pub fn file(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.home().join("profiles.json")).unwrap()).unwrap()
    }

    /// Changes `profiles.json` by hand.
    pub fn edit(&self, change: impl FnOnce(&mut Value)) {
        let mut file = self.file();
        change(&mut file);
        std::fs::write(self.home().join("profiles.json"), file.to_string()).unwrap();
    }

    /// Lets the first login expire.
    pub fn expire(&self) {
        self.edit(|file| file["profiles"][0]["expires_at"] = 1.into());
    }
}

/// Every verb that the program has, by its own word.
pub fn verbs() -> Vec<String> {
    let top = Person::new().run(&["--help"]).done().stdout;
    let listed = top.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // `help` is no verb of its own.
    let words = listed.map(|line| line.split_whitespace().next().unwrap().to_owned());
    words.filter(|verb| verb != "help").collect()
}

/// The answer to one GET request, made without a library.
pub fn visit(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    let mut stream = connect(url.as_str());
    let target = &url[url::Position::BeforePath..];
    write!(stream, "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

pub fn connect(url: &str) -> TcpStream {
    let url = url::Url::parse(url).unwrap();
    TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).unwrap()
}

/// The first line of a process that holds the word.
pub fn line_with(child: &mut Child, word: &str) -> String {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let found = lines.by_ref().map(Result::unwrap).find(|line| line.contains(word)).expect(word);
    // The rest is read as well, or the process would die of a closed pipe.
    std::thread::spawn(move || lines.for_each(drop));
    found
}
