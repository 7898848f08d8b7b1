//! The flags of `login`, grouped by what they are about.
use crate::error::{Failure, Result};
use std::{io::Read, path::PathBuf};

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "The client")]
pub struct WhichClient {
    /// A registered client id, or the https address of a client metadata document.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,
    /// Its secret; others on this machine can see it here.
    #[arg(long, value_name = "SECRET", conflicts_with_all = ["client_secret_file", "client_secret_env"])]
    pub client_secret: Option<String>,
    /// A file that holds the secret.
    #[arg(long, value_name = "FILE", conflicts_with = "client_secret_env")]
    pub client_secret_file: Option<PathBuf>,
    /// A variable that holds the secret.
    #[arg(long, value_name = "NAME")]
    pub client_secret_env: Option<String>,
    /// The client's private key, PKCS#8 PEM, for `private_key_jwt`.
    #[arg(long, value_name = "FILE")]
    pub private_key: Option<PathBuf>,
    /// Register anew, whatever is known.
    #[arg(long)]
    pub register: bool,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "The person")]
pub struct Person {
    /// Open the sign-in page in the browser of this machine.
    #[arg(long)]
    pub open_browser: bool,
    /// Where the browser is sent back to [default: http://127.0.0.1:PORT/callback].
    #[arg(long, value_name = "URI")]
    pub redirect_uri: Option<String>,
    /// The port of that address [default: a free one].
    #[arg(long, value_name = "PORT")]
    pub listen_port: Option<u16>,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Credentials you have")]
pub struct Static {
    /// The token or API key; `-` reads it from standard input.
    #[arg(long, value_name = "TOKEN")]
    pub bearer_token: Option<String>,
    /// The name for Basic.
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Read the password for Basic from standard input.
    #[arg(long)]
    pub password_stdin: bool,
    /// A header that is (part of) the credential; may be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub header: Vec<String>,
}

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Assertions")]
pub struct Vouchers {
    /// A file with the platform's assertion; read again at each renewal.
    #[arg(long, value_name = "FILE")]
    pub assertion_file: Option<String>,
    /// Issuer of the company's identity provider.
    #[arg(long, value_name = "ISSUER", requires = "id_token_file")]
    pub idp: Option<String>,
    /// A file with the ID token it issued; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", requires = "idp")]
    pub id_token_file: Option<String>,
    /// This client's id at the identity provider.
    #[arg(long, value_name = "ID")]
    pub idp_client_id: Option<String>,
    /// A variable that holds its secret there.
    #[arg(long, value_name = "NAME")]
    pub idp_client_secret_env: Option<String>,
}

impl WhichClient {
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

impl Person {
    pub fn wants_browser(&self) -> bool {
        self.open_browser || self.redirect_uri.is_some() || self.listen_port.is_some()
    }
}

impl Vouchers {
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
