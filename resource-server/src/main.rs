//! The resource server as a program.
use anyhow::{Context, Error};
use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use keyward_limits::stop::asked_to_stop;
use keyward_resource_server::{
    BodyLimit, Credentials, Heartbeat, InFront, PageOrigin, ResourceAlias, Secret, Settings, UpstreamHeaders, converse,
    serve,
};
use std::{
    future::Future,
    io::{IsTerminal, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tracing_subscriber::EnvFilter;

/// An MCP server protected in every common way, to try clients and authorization servers with.
#[derive(Parser)]
#[command(
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  keyward-resource-server\n  \
    keyward-resource-server --config surfaces.toml --issuer https://auth.example\n  \
    keyward-resource-server guard --upstream http://127.0.0.1:3000/mcp --issuer https://auth.example\n\n\
    RUST_LOG=debug shows more."
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The surfaces, as TOML; else the built-in set, with published secrets, on a loopback address
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where surfaces answer that have no address of their own; else as the file says, or 127.0.0.1:8990
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// A public origin that leads there, such as <https://mcp.example>; the first is the default one
    #[arg(long = "origin", value_name = "URL")]
    origins: Vec<String>,
    /// A network of proxies in front of this server, whose X-Forwarded-For is believed; may be repeated
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    trusted_proxies: Vec<IpNet>,
    /// The authorization server's issuer identifier; else as the file says, or <http://127.0.0.1:8999>
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Log what clients send too, with credentials masked
    #[arg(long)]
    log_payloads: bool,
    /// Where tools keep what they are given; else as the file says, or in memory
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Ask the authorization server about each token (RFC 7662), authenticated by this id and the secret in the
    /// variable `KEYWARD_INTROSPECTION_SECRET`, instead of verifying JWTs here; for opaque tokens
    #[arg(long, value_name = "ID")]
    introspect_as: Option<String>,
    /// How long answers under way may still take once the server was asked to stop; else as the file says, or 30
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u16>,
}

#[derive(Subcommand)]
enum Command {
    /// Stand in front of an MCP server that has no authorization of its own
    #[command(after_help = "The server gets who is calling in X-Auth-Subject, X-Auth-Client-Id and X-Auth-Scope, and \
        never the token.\nMake sure that it is reached through the guard only.\n\nExample:\n  \
        keyward-resource-server guard --upstream http://127.0.0.1:3000/mcp \\\n    \
        --issuer https://auth.example --resource https://mcp.example/mcp --tool delete_note=mcp:tools:admin")]
    Guard(Box<GuardArguments>),
    /// Serve one surface to the program that starts this one, over standard input and output
    #[command(
        after_help = "The surface is one of kind session: tools are open, and whoever logs in by one is logged in \
        for as long as this program runs.\nMCP_SESSION_TOKEN or MCP_API_KEY in the environment logs in from the start. \
        Log lines go to standard error.\n\nExample, for a client's mcp.json:\n  \
        { \"mcpServers\": { \"session\": { \"command\": \"keyward-resource-server\", \"args\": [\"stdio\"] } } }"
    )]
    Stdio(StdioArguments),
}

#[derive(Args)]
struct StdioArguments {
    /// The surfaces, as TOML; else the built-in set
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which surface; else the first of kind session
    #[arg(long, value_name = "ID")]
    surface: Option<String>,
    /// Where tools keep what they are given; else as the file says, or in memory
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

#[derive(Args)]
struct GuardArguments {
    /// The MCP server's own URL: Streamable HTTP, or HTTP with SSE if it ends with /sse
    #[arg(long, value_name = "URL")]
    upstream: String,
    /// The authorization server's issuer identifier
    #[arg(long, value_name = "URL")]
    issuer: String,
    /// The URL that clients are given; else <http://ADDR/mcp>, or <http://ADDR/sse>
    #[arg(long, value_name = "URL")]
    resource: Option<String>,
    /// Where the guard listens
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8990")]
    listen: SocketAddr,
    /// A network of proxies in front of the guard, whose X-Forwarded-For is believed; may be repeated
    #[arg(long = "trusted-proxy", value_name = "NETWORK")]
    trusted_proxies: Vec<IpNet>,
    /// The name people see
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What clients ask for, and what tools without --tool need; separated by spaces
    #[arg(long, value_name = "SCOPES", default_value = "mcp:read")]
    scopes: String,
    /// What calling a tool needs; may be repeated
    #[arg(long = "tool", value_name = "NAME=SCOPES", value_parser = tool_scopes)]
    tools: Vec<(String, String)>,
    /// Ask the authorization server about each token (RFC 7662), authenticated by this id and the secret in the
    /// variable `KEYWARD_INTROSPECTION_SECRET`, instead of verifying JWTs here; for opaque tokens
    #[arg(long, value_name = "ID")]
    introspect_as: Option<String>,
    /// The largest body that clients may send, 64 MiB at most
    #[arg(long, value_name = "SIZE", default_value = "8 MiB")]
    max_body: BodyLimit,
    /// After how many seconds of silence an event stream shows that it is alive
    #[arg(long, value_name = "SECONDS", default_value = "15")]
    heartbeat: Heartbeat,
    /// How many seconds answers under way may still take once the guard was asked to stop
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    grace: u16,
    /// A header that the server gets with each request; may be repeated, as may the next two
    #[arg(long = "upstream-header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,
    /// One whose value is in a variable, such as a key of the server
    #[arg(long = "upstream-header-env", value_name = "NAME=VARIABLE", value_parser = header)]
    header_variables: Vec<(String, String)>,
    /// One whose value is in a file
    #[arg(long = "upstream-header-file", value_name = "NAME=FILE", value_parser = header)]
    header_files: Vec<(String, String)>,
    /// Web pages that may call the server, such as <https://app.example>; may be repeated
    #[arg(long = "allow-origin", value_name = "URL")]
    allowed_origins: Vec<PageOrigin>,
    /// Another URL of the server that tokens may be for and clients may come to; may be repeated
    #[arg(long = "resource-alias", value_name = "URL")]
    resource_aliases: Vec<ResourceAlias>,
    /// Answer for the authorization server's metadata as well, for clients of the revision 2025-03-26
    #[arg(long)]
    authorization_server_metadata: bool,
    /// A file with a secret by which sessions are known again after a restart, and by other guards in front of the
    /// same server; else they are this process's
    #[arg(long, value_name = "FILE")]
    session_key_file: Option<PathBuf>,
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, rest) = text.split_once('=').ok_or("it must be the header's name, = and what follows")?;
    Ok((name.to_owned(), rest.to_owned()))
}

fn tool_scopes(text: &str) -> Result<(String, String), &'static str> {
    let (tool, scopes) = text.split_once('=').ok_or("it must be the tool's name, = and scopes")?;
    Ok((tool.to_owned(), scopes.to_owned()))
}

/// Bytes of input that wait for being processed.
const PIPE: usize = 64 * 1024;

const SECRET: &str = "KEYWARD_INTROSPECTION_SECRET";

fn main() -> anyhow::Result<()> {
    keyward_resource_server::answer_query().unwrap_or_else(run)
}

#[tokio::main]
async fn run() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // Always applied: the detailed logs of this library contain what clients send.
    let filter = filter.add_directive("rmcp=warn".parse()?);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Lines for people, JSON for programs.
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().init();
    }
    // Signals are handled from the very start, because process 1 has no default handlers for them.
    let asked_to_stop = asked_to_stop()?;
    let settings = match Arguments::parse() {
        Arguments { command: Some(Command::Stdio(own)), .. } => return own.run(asked_to_stop).await,
        Arguments { command: Some(Command::Guard(own)), .. } => own.settings()?,
        own => own.settings()?,
    };
    let listening = tokio::net::TcpListener::bind(settings.listen).await;
    let listener = listening.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let (version, address) = (env!("CARGO_PKG_VERSION"), listener.local_addr()?);
    let line = format!("keyward-resource-server {version} answers at {address} for tokens of {}", settings.issuer);
    // A closed standard output is no error.
    let _ = writeln!(std::io::stdout(), "{line}");
    serve(listener, settings, asked_to_stop).await
}

impl Arguments {
    fn settings(self) -> anyhow::Result<Settings> {
        let mut settings = introspect(written(self.config.as_deref())?, self.introspect_as)?;
        if !self.origins.is_empty() {
            settings.origins = self.origins;
        }
        settings.trusted_proxies.extend(self.trusted_proxies);
        settings.listen = self.listen.unwrap_or(settings.listen);
        settings.issuer = self.issuer.unwrap_or(settings.issuer);
        settings.log_payloads |= self.log_payloads;
        settings.store = self.store.or(settings.store);
        settings.grace = self.grace.unwrap_or(settings.grace);
        Ok(settings)
    }
}

/// The settings of the file, or the built-in ones.
fn written(file: Option<&Path>) -> anyhow::Result<Settings> {
    let settings = match file {
        None => Settings::built_in()?,
        Some(file) => {
            let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            Settings::parse(&text).with_context(|| format!("in {}", file.display()))?
        }
    };
    Ok(Settings { queries: std::env::current_exe().ok(), ..settings })
}

impl StdioArguments {
    async fn run(self, asked_to_stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
        let mut settings = written(self.config.as_deref())?;
        settings.store = self.store.or(settings.store);
        let credential = ["MCP_SESSION_TOKEN", "MCP_API_KEY"].iter().find_map(|name| std::env::var(name).ok());
        // After a stop request nothing more is read; earlier messages are still answered.
        let (mut heard, input) = tokio::io::duplex(PIPE);
        let listening = tokio::spawn(async move {
            let mut said = tokio::io::stdin();
            tokio::select! {
                _ = tokio::io::copy(&mut said, &mut heard) => false,
                () = asked_to_stop => true,
            }
        });
        let (input, output) = (tokio::io::BufReader::new(input), tokio::io::stdout());
        let ended = converse(&settings, self.surface.as_deref(), credential.map(Into::into), input, output).await;
        if ended.is_ok() && listening.await.unwrap_or(true) {
            // A blocking read of a terminal or pipe cannot be cancelled, and would delay the exit.
            std::process::exit(0);
        }
        ended
    }
}

impl GuardArguments {
    fn settings(self) -> anyhow::Result<Settings> {
        let upstream_headers = self.upstream_headers().map_err(Error::msg)?;
        let Self { upstream, issuer, resource, listen, name, scopes, tools, introspect_as, trusted_proxies, .. } = self;
        let tools = tools.into_iter().collect();
        let settings = Settings::in_front(&InFront { upstream, issuer, resource, listen, name, scopes, tools })?;
        let mut settings = introspect(Settings { trusted_proxies, ..settings }, introspect_as)?;
        for surface in &mut settings.surfaces {
            surface.upstream_headers = upstream_headers.clone();
            surface.resource_aliases.clone_from(&self.resource_aliases);
        }
        (settings.max_body, settings.heartbeat, settings.grace) = (self.max_body, self.heartbeat, self.grace);
        settings.allowed_origins = self.allowed_origins;
        settings.authorization_server_metadata = self.authorization_server_metadata;
        settings.session_key = self.session_key_file.as_deref().map(Secret::of_file).transpose().map_err(Error::msg)?;
        settings.check()?;
        Ok(settings)
    }

    fn upstream_headers(&self) -> Result<UpstreamHeaders, String> {
        let plain = self.headers.iter().map(|(name, value)| Ok((name.clone(), value.clone().into())));
        let variables = self.header_variables.iter().map(|(name, own)| Ok((name.clone(), Secret::of_variable(own)?)));
        let files = self.header_files.iter().map(|(name, own)| Ok((name.clone(), Secret::of_file(Path::new(own))?)));
        UpstreamHeaders::new(plain.chain(variables).chain(files).collect::<Result<Vec<_>, String>>()?)
    }
}

fn introspect(settings: Settings, id: Option<String>) -> anyhow::Result<Settings> {
    let Some(id) = id else { return Ok(settings) };
    let secret = std::env::var(SECRET).with_context(|| format!("{SECRET} is not set: the secret of {id}"))?;
    settings.introspect(&Credentials { id, secret: secret.into() })
}
