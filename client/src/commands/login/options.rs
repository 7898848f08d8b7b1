//! The options of `login`, grouped by what they are about.
use crate::{
    address::Address,
    discover::Hints,
    error::{Failure, Result},
    modes::Mode,
};
use clap::builder::FalseyValueParser;
use std::{io::Read, path::PathBuf};

/// Sign in to an MCP server and keep the login.
///
/// Without --auth-mode: a stored login is renewed; else a client id with secret or key is used; else a browser where
/// you see one open; else the device flow. The client registers by itself where the server allows it. A server that
/// wants a token, a name and password, or a key is given what you type; one that is open to all needs no login.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    mcp-auth login https://mcp.example.com/mcp\n  \
    mcp-auth login https://mcp.example.com/mcp --open-browser --keyring\n  \
    mcp-auth login https://mcp.example.com/mcp --client-id robot --client-secret-env ROBOT_SECRET\n  \
    mcp-auth login https://mcp.example.com/mcp --username alice --password-stdin < password\n  \
    mcp-auth login https://mcp.example.com/mcp --header X-Api-Key=k123\n  \
    echo \"$TOKEN\" | mcp-auth login https://mcp.example.com/mcp --bearer-token -")]
pub struct Login {
    /// Address of the MCP server.
    pub url: Address,
    #[command(flatten)]
    pub hints: Hints,
    /// Sign in this way.
    #[arg(long, value_enum, value_name = "MODE")]
    pub auth_mode: Option<Mode>,
    /// Ask for these scopes, instead of those the server names.
    #[arg(long, value_name = "SCOPES")]
    pub scope: Option<String>,
    /// Bind the tokens to a key that only this login has (RFC 9449).
    #[arg(long)]
    pub dpop: bool,
    /// Seal the secrets of this login with a key in the keyring of the operating system.
    #[arg(long, env = "MCP_AUTH_KEYRING", hide_env_values = true, value_parser = FalseyValueParser::new())]
    pub keyring: bool,
    #[command(flatten)]
    pub client: ClientOptions,
    #[command(flatten)]
    pub browser: BrowserOptions,
    #[command(flatten)]
    pub credential: CredentialOptions,
    #[command(flatten)]
    pub assertion: AssertionOptions,
}

impl Login {
    /// The mode of a credential that no authorization server issued: the mode asked for, else the one the credential
    /// implies.
    pub fn static_mode(&self) -> Option<Mode> {
        match self.auth_mode {
            Some(mode) => (!mode.is_oauth()).then_some(mode),
            None if self.credential.bearer_token.is_some() => Some(Mode::Bearer),
            None if self.credential.username.is_some() => Some(Mode::Basic),
            None if !self.credential.header.is_empty() => Some(Mode::Header),
            None => None,
        }
    }

    /// Whether any stored login of the address may satisfy the command line.
    pub fn accepts_any_login(&self) -> bool {
        self.auth_mode.is_none()
            && self.scope.is_none()
            && !self.dpop
            && self.client.is_empty()
            && self.assertion.is_empty()
            && self.hints.authorization_server.is_none()
    }
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "The client (registered by itself where nothing is given)")]
pub struct ClientOptions {
    /// Use this registered client, or the client that this https address describes (CIMD).
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// The client's secret; other people on this machine can see it here.
    #[arg(long, value_name = "SECRET", conflicts_with_all = ["client_secret_file", "client_secret_env"])]
    pub client_secret: Option<String>,
    /// Read the client's secret from a file.
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret_env")]
    pub client_secret_file: Option<PathBuf>,
    /// Read the client's secret from a variable.
    #[arg(long, value_name = "NAME")]
    pub client_secret_env: Option<String>,
    /// Authenticate the client with this private key (PKCS#8 PEM, `private_key_jwt`).
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Register a new client, even if one is known.
    #[arg(long)]
    pub register: bool,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "The browser (auth-code)")]
pub struct BrowserOptions {
    /// Open the sign-in page, as --browser open.
    #[arg(long)]
    pub open_browser: bool,
    /// Let the browser come back to this address [default: http://127.0.0.1:PORT/callback].
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<String>,
    /// Listen on this port [default: a free one].
    #[arg(long, value_name = "PORT")]
    pub listen_port: Option<u16>,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Credentials you have (bearer, api-key, basic, header)")]
pub struct CredentialOptions {
    /// Send this token or API key; - reads it from standard input.
    #[arg(long, value_name = "TOKEN")]
    pub bearer_token: Option<String>,
    /// Send this user name (HTTP Basic).
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password of that user from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// Send this header; give it several times for several.
    #[arg(long, value_name = "NAME=VALUE")]
    pub header: Vec<String>,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Assertions (jwt-bearer, id-jag)")]
pub struct AssertionOptions {
    /// Send the platform's assertion in this file, which is read again at each renewal.
    #[arg(long, value_name = "FILE")]
    pub assertion_file: Option<String>,
    /// Ask the company's identity provider with this issuer.
    #[arg(long, value_name = "ISSUER", requires = "id_token_file")]
    pub idp: Option<String>,
    /// Send it the ID token in this file; - reads it from standard input.
    #[arg(long, value_name = "FILE", requires = "idp")]
    pub id_token_file: Option<String>,
    /// Use this client at the identity provider.
    #[arg(long, value_name = "ID")]
    pub idp_client_id: Option<String>,
    /// Read that client's secret from a variable.
    #[arg(long, value_name = "NAME")]
    pub idp_client_secret_env: Option<String>,
}

impl ClientOptions {
    pub fn is_empty(&self) -> bool {
        self.client_id.is_none() && !self.register && !self.has_credential()
    }

    pub fn has_credential(&self) -> bool {
        self.client_secret.is_some()
            || self.client_secret_file.is_some()
            || self.client_secret_env.is_some()
            || self.private_key.is_some()
    }

    pub fn secret(&self) -> Result<Option<String>> {
        match (&self.client_secret_file, &self.client_secret_env) {
            (Some(path), _) => file(path).map(Some),
            (_, Some(name)) => variable(name).map(Some),
            _ => Ok(self.client_secret.clone()),
        }
    }

    pub fn private_key(&self) -> Result<Option<String>> {
        self.private_key.as_ref().map(file).transpose()
    }
}

impl BrowserOptions {
    pub fn wants_browser(&self) -> bool {
        self.open_browser || self.redirect_uri.is_some() || self.listen_port.is_some()
    }
}

impl AssertionOptions {
    pub fn is_empty(&self) -> bool {
        self.assertion_file.is_none() && self.id_token_file.is_none()
    }
}

pub fn file(path: &PathBuf) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(text.trim().to_owned())
}

pub fn variable(name: &str) -> Result<String> {
    std::env::var(name).map_err(|_| Failure::usage(format!("the variable {name} is not set")))
}

/// All of standard input, without the end of its line.
pub fn stdin() -> Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| Failure::usage(format!("standard input: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
