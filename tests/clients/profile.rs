//! The record of a client: its metadata, its requests, and the responses it must get.
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Where this is known from: a published document, a project and its file, an issue.
    pub source: String,
    /// What nobody published and is filled in as such clients usually have it.
    pub assumed: Option<String>,
    pub identity: Identity,
    #[serde(default)]
    pub discovery: Discovery,
    pub authorization: Authorization,
    pub token: Token,
    #[serde(default)]
    pub refresh: Refresh,
    /// The scopes it asks for once a tool was refused for want of them; `None` if it never does.
    pub step_up: Option<String>,
    pub expect: Expect,
}

/// One of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Identity {
    /// Served at the URL that is its `client_id`, with keys at its `jwks_uri` if it has one.
    #[serde(deserialize_with = "json")]
    Document(Value),
    /// Posted to `/register`. A `scope` of `*` stands for all that the server's metadata lists.
    #[serde(deserialize_with = "json")]
    Registration(Value),
    /// Written down by the operator, as a table of `clients`.
    Settings(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Discovery {
    /// Asked for in turn; the last must be the metadata, those before it may be missing.
    pub paths: Vec<String>,
    /// The web page it runs in: then a browser asks for permission first.
    pub origin: Option<String>,
    /// Members of the metadata without which it would not go on like this. A list must have the value in it.
    pub needs: toml::Table,
}

impl Default for Discovery {
    fn default() -> Self {
        let paths = vec!["/.well-known/oauth-authorization-server".into()];
        Self { paths, origin: None, needs: toml::Table::new() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorization {
    /// Those it uses, one after the other; ports as they are on some day.
    pub redirect_uris: Vec<String>,
    /// `None` if it sends none, empty if it sends that; `*` is all that the server's metadata lists.
    pub scope: Option<String>,
    /// It names the resource, as the MCP server names itself.
    #[serde(default)]
    pub resource: bool,
    /// Whatever else it sends.
    #[serde(default)]
    pub parameters: Vec<(String, String)>,
    /// It asks for the page itself, without cookies, before it opens the browser.
    #[serde(default)]
    pub asked_ahead: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    pub authentication: Authentication,
    /// It repeats its `client_id` beside other credentials.
    #[serde(default)]
    pub client_id_too: bool,
    /// What its assertions are addressed to.
    #[serde(default)]
    pub audience: Audience,
    #[serde(default)]
    pub resource: bool,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    None,
    ClientSecretPost,
    ClientSecretBasic,
    PrivateKeyJwt,
}

#[derive(Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    #[default]
    Issuer,
    TokenEndpoint,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Refresh {
    pub scope: Option<String>,
    pub resource: bool,
    /// How many of its processes refresh with the same token at the same moment.
    pub at_once: usize,
}

impl Default for Refresh {
    fn default() -> Self {
        Self { scope: None, resource: false, at_once: 1 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// On the consent page, beside where the code goes and what it is for.
    pub page: Vec<String>,
    /// `scope` of the token response.
    pub scope: String,
    /// It gets no refresh token, since it asked for none.
    #[serde(default)]
    pub no_refresh_token: bool,
    /// Members of the registration response that are not what was asked for.
    #[serde(default)]
    pub registered: toml::Table,
}

fn json<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
    serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}
