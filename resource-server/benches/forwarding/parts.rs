//! The parts, each a process: an MCP server that says one thing, the guard in front of it, and a bare reverse proxy.
use anyhow::{Context, bail};
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};
use tokio::net::TcpListener;

pub const RESOURCE: &str = "http://127.0.0.1:19311/mcp";
const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19310);
const GUARD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19311);
const BARE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19312);
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"a note"}]}}"#;

pub struct Part {
    pub url: String,
    child: Child,
}

impl Part {
    pub fn start(name: &str, issuer: &str) -> anyhow::Result<Self> {
        let address = match name {
            "server" => SERVER,
            "guard" => GUARD,
            _ => BARE,
        };
        let upstream = format!("http://{SERVER}/mcp");
        let mut command = if name == "guard" {
            let own = env!("CARGO_BIN_EXE_keyward-resource-server").into();
            let mut guard = Command::new(env::var_os("KEYWARD_GUARD_BINARY").unwrap_or(own));
            guard.args(["guard", "--upstream", &upstream, "--issuer", issuer, "--listen", &address.to_string()]);
            // What it logs is written, and nobody reads it.
            guard.args(["--tool", "read_note=mcp:read"]).stderr(Stdio::null());
            guard
        } else {
            let mut itself = Command::new(env::current_exe()?);
            itself.args(["--part", name]);
            itself
        };
        let child = command.env("TOKIO_WORKER_THREADS", "1").stdout(Stdio::null()).spawn()?;
        let part = Self { url: format!("http://{address}/mcp"), child };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(part);
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("{name} does not listen")
    }

    /// Processor time of the process so far, in microseconds.
    pub fn took(&self) -> anyhow::Result<f64> {
        let mut sum = 0.0;
        for task in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let told = fs::read_to_string(task?.path().join("schedstat"))?;
            let nanoseconds: f64 = told.split(' ').next().context("no processor time is told")?.parse()?;
            sum += nanoseconds / 1000.0;
        }
        Ok(sum)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a process of its own.
pub fn run(part: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        match part {
            "server" => listen(SERVER, Router::new().route("/mcp", any(answer))).await,
            "bare" => listen(BARE, bare()?).await,
            _ => bail!("there is no such part"),
        }
    })
}

async fn listen(address: SocketAddr, router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await?;
    Ok(axum::serve(listener, router).await?)
}

async fn answer() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], ANSWER).into_response()
}

/// Takes a request whole, as the guard must, and passes it on.
fn bare() -> anyhow::Result<Router> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    Ok(Router::new().route("/mcp", any(forward)).with_state(client))
}

async fn forward(State(client): State<reqwest::Client>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1024 * 1024).await else { return StatusCode::BAD_REQUEST.into_response() };
    parts.headers.remove(header::AUTHORIZATION);
    parts.headers.remove(header::HOST);
    let sent = client.request(parts.method, format!("http://{SERVER}/mcp")).headers(parts.headers).body(body).send();
    match sent.await {
        Ok(response) => axum::http::Response::<reqwest::Body>::from(response).map(Body::new),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}
