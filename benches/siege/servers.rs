//! The servers under siege, each a process: the authorization server, the MCP server with its surfaces, and a guard in
//! front of one of those.
use super::wire::Line;
use anyhow::{Context, ensure};
use std::{
    ffi::OsStr,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

pub struct Servers {
    pub keyward: SocketAddr,
    pub surfaces: SocketAddr,
    pub guard: SocketAddr,
    running: Vec<(&'static str, Child)>,
    folder: tempfile::TempDir,
}

impl Servers {
    pub async fn start() -> anyhow::Result<Self> {
        let [keyward, own, surfaces, guard] = free_ports()?;
        let mut servers = Self { keyward, surfaces, guard, running: vec![], folder: tempfile::tempdir()? };
        let issuer = servers.issuer();
        let resource = |name: &str, url: String| {
            format!("[resources.{name}]\nidentifier = {url:?}\nscopes = {{ \"mcp:read\" = \"Use the tools\" }}\n")
        };
        let resources =
            resource("surfaces", servers.surface("oauth")) + &resource("guard", format!("http://{guard}/mcp"));
        servers.write("keyward.toml", &resources)?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
        command.arg("demo").args(["--data", "data", "--config", "keyward.toml"]);
        command.args(["--listen", &keyward.to_string(), "--resource-listen", &own.to_string()]);
        servers.run("authorization server", command, keyward).await?;
        let program = resource_server()?;
        let mut command = Command::new(&program);
        command.args(["--listen", &surfaces.to_string(), "--issuer", &issuer]);
        servers.run("MCP server", command, surfaces).await?;
        let mut command = Command::new(&program);
        let upstream = servers.surface("no-auth");
        command.args(["guard", "--listen", &guard.to_string(), "--issuer", &issuer, "--upstream", &upstream]);
        servers.run("guard", command, guard).await?;
        Ok(servers)
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.keyward)
    }

    /// The URL of a surface.
    pub fn surface(&self, id: &str) -> String {
        format!("http://{}/mcp/{id}", self.surfaces)
    }

    fn write(&self, file: &str, text: &str) -> anyhow::Result<()> {
        Ok(fs::write(self.folder.path().join(file), text)?)
    }

    /// Nothing of our own environment reaches it.
    async fn run(&mut self, name: &'static str, mut command: Command, at: SocketAddr) -> anyhow::Result<()> {
        let log = File::create(self.folder.path().join(name))?;
        command.env_clear().env("RUST_LOG", "error").current_dir(self.folder.path());
        let child = command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).spawn()?;
        self.running.push((name, child));
        for _ in 0..600 {
            if (Line { from: Ipv4Addr::LOCALHOST, to: at }).connect().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("the {name} does not answer: {}", self.last_words(name))
    }

    /// Each by its name and the id of its process.
    pub fn processes(&self) -> impl Iterator<Item = (&'static str, u32)> {
        self.running.iter().map(|(name, child)| (*name, child.id()))
    }

    /// Bytes of the database and all that lies with it.
    pub fn disk(&self) -> u64 {
        bytes_of(&self.folder.path().join("data"))
    }

    /// Does each still run?
    pub fn check(&mut self) -> anyhow::Result<()> {
        for at in 0..self.running.len() {
            let (name, child) = &mut self.running[at];
            let (name, ended) = (*name, child.try_wait()?);
            ensure!(ended.is_none(), "the {name} ended: {}", self.last_words(name));
        }
        Ok(())
    }

    fn last_words(&self, name: &str) -> String {
        let log = fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for (_, child) in &mut self.running {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// The program of another package. Cargo makes none beside a benchmark of this one, so it is made here, as ours was.
fn resource_server() -> anyhow::Result<PathBuf> {
    if let Some(made) = std::env::var_os("KEYWARD_GUARD_BINARY") {
        return Ok(made.into());
    }
    let keyward = Path::new(env!("CARGO_BIN_EXE_keyward"));
    let folder = keyward.parent().and_then(Path::file_name).and_then(OsStr::to_str).context("no folder")?;
    let profile = if folder == "debug" { "dev" } else { folder };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", "keyward-resource-server", "--profile", profile]);
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    ensure!(built.success(), "keyward-resource-server cannot be built");
    Ok(keyward.with_file_name("keyward-resource-server"))
}

fn free_ports<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    // All at once, so that no two are the same.
    let bound = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<Vec<_>, _>>()?;
    let addresses = bound.iter().map(TcpListener::local_addr).collect::<Result<Vec<_>, _>>()?;
    addresses.try_into().ok().context("as many as were bound")
}

fn bytes_of(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
