//! The ways to log in, which of them a server has, and the command for each.
use crate::{
    discover::Discovery,
    metadata::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, DEVICE_CODE, JWT_BEARER},
    output::quoted,
};
use clap::ValueEnum;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// In a browser (authorization code with PKCE).
    AuthCode,
    /// By a code that is entered on any device.
    Device,
    /// As a client for itself, no person.
    ClientCreds,
    /// By an ID token of the company's identity provider (ID-JAG).
    IdJag,
    /// By an assertion of the platform (workload identity).
    JwtBearer,
    /// With a token you have.
    Bearer,
    /// With name and password.
    Basic,
    /// With an API key, sent as a bearer token.
    ApiKey,
    /// With headers of your own.
    Header,
}

impl Mode {
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub fn of_profile(name: &str) -> Option<Self> {
        Self::from_str(name, false).ok()
    }

    pub fn is_oauth(self) -> bool {
        !matches!(self, Self::Bearer | Self::Basic | Self::ApiKey | Self::Header)
    }
}

/// The modes that `login --auth-mode` takes at this server; none where no login is needed.
pub fn offered(found: &Discovery) -> Vec<Mode> {
    let Some(server) = &found.authorization_server else { return of_the_challenge(found).into_iter().collect() };
    let server = &server.metadata;
    let offers = |grant: &str| server.offers_grant(grant) && found.takes_grant(grant);
    let modes = [
        (Mode::AuthCode, server.authorization_endpoint.is_some() && offers(AUTHORIZATION_CODE)),
        (Mode::Device, server.device_authorization_endpoint.is_some() && offers(DEVICE_CODE)),
        (Mode::ClientCreds, offers(CLIENT_CREDENTIALS)),
        (Mode::JwtBearer, offers(JWT_BEARER)),
        (Mode::Bearer, true),
    ];
    modes.into_iter().filter_map(|(mode, offered)| offered.then_some(mode)).collect()
}

/// The mode that fits the challenge of a server without an authorization server.
pub fn of_the_challenge(found: &Discovery) -> Option<Mode> {
    let asks = |scheme: &str| found.challenges.iter().any(|challenge| challenge.is(scheme));
    match found.status {
        _ if asks("Bearer") || asks("DPoP") => Some(Mode::Bearer),
        _ if asks("Basic") => Some(Mode::Basic),
        _ if !found.challenges.is_empty() => Some(Mode::Header),
        401 => Some(Mode::Bearer),
        _ => None,
    }
}

/// The headers in which a server with an unknown scheme says that it takes keys.
pub fn named_headers(found: &Discovery) -> Vec<String> {
    const AT_MOST: usize = 8;
    let named = found.challenges.iter().filter_map(|challenge| challenge.get("headers").or(challenge.get("header")));
    let words = named.flat_map(|names| names.split([' ', ','])).filter(|name| is_name(name));
    words.take(AT_MOST).map(str::to_owned).collect()
}

/// Whether a text can be the name of a header (RFC 9110 §5.1).
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// The command that logs in, with capitals for what only the person knows. None where no login is needed.
pub fn command(found: &Discovery) -> Option<String> {
    let flags = match (&found.authorization_server, of_the_challenge(found)) {
        (Some(server), _) => {
            let robots_only = offered(found).iter().all(|mode| !matches!(mode, Mode::AuthCode | Mode::Device));
            let registers = server.metadata.registration_endpoint.is_some();
            if robots_only && !registers { " --client-id ID --client-secret-file FILE" } else { "" }.to_owned()
        }
        (None, Some(Mode::Basic)) => " --username NAME --password-stdin".to_owned(),
        (None, Some(Mode::Header)) => {
            let name = named_headers(found).into_iter().next().unwrap_or_else(|| "NAME".to_owned());
            format!(" --header {name}=VALUE")
        }
        (None, Some(_)) => " --bearer-token -".to_owned(),
        (None, None) => return None,
    };
    Some(format!("mcp-auth login {}{flags}", quoted(found.server.as_str())))
}
