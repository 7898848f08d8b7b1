//! The real program, as a child process that can be killed, started again and overheard.
mod crash;
mod flood;
mod logs;
mod secrets;
mod stopping;

use crate::support::{ORIGIN, TestServer};
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

/// Where one server lives: its store and what it said stay the same from start to start.
struct House {
    folder: tempfile::TempDir,
    issuer: String,
}

/// A running server with the built-in surfaces; killed when dropped.
struct Server {
    child: Child,
    at: SocketAddr,
    log: Arc<Mutex<String>>,
    listener: Option<JoinHandle<()>>,
}

impl House {
    fn new(t: &TestServer) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), issuer: t.issuer.uri() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("store.db")
    }

    fn stdout(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("stdout")).unwrap()
    }

    /// Starts it and waits until it listens. Nothing of our own environment reaches it.
    fn start(&self, log: &str) -> Server {
        let stdout = File::create(self.folder.path().join("stdout")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_keyward-resource-server"))
            .args(["--listen", "127.0.0.1:0", "--origin", ORIGIN, "--issuer", &self.issuer, "--log-payloads"])
            .args(["--store".as_ref(), self.store().as_os_str()])
            .env_clear()
            .env("RUST_LOG", log)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (send, listens) = std::sync::mpsc::channel();
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let listener = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                if line.contains("resource server listens") {
                    let line: Value = serde_json::from_str(&line).unwrap();
                    let _ = send.send(line["fields"]["address"].as_str().unwrap().parse().unwrap());
                }
                kept.lock().unwrap().extend([&line, "\n"]);
            }
        });
        let at = listens.recv().unwrap_or_else(|_| panic!("it did not start: {}", log.lock().unwrap()));
        Server { child, at, log, listener: Some(listener) }
    }
}

impl Server {
    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// SIGKILL: no goodbyes. Returns all it wrote to standard error.
    fn kill(&mut self) -> String {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.listener.take().into_iter().for_each(|listener| listener.join().unwrap());
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
