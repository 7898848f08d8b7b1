//! Query parameters of the views of `/debug`.
use crate::{
    app::App,
    clock,
    error::OAuthError,
    model::ClientId,
    oauth::{params::Params, visible::cut},
    operations::Paging,
    storage::Selection,
};

const DEFAULT_LIMIT: i64 = 50;
pub const MOST: i64 = 1000;
/// Characters of an unknown parameter that an error shows.
const MAX_SHOWN_CHARACTERS: usize = 40;
/// Parameters; only views of events have the last one.
pub const KNOWN: [&str; 4] = ["limit", "client_id", "since", "event_type"];

pub struct ViewQuery {
    pub rows: Selection,
    /// Selects audit events or traces by type.
    pub event_type: Option<String>,
}

/// Refused, because a misspelt filter would let everything pass.
fn not_known(app: &App, unknown: &str, known: &[&str]) -> OAuthError {
    // The characters that RFC 6749 §5.2 allows in a description.
    let allowed = |character: char| if matches!(character, ' '..='~') { character } else { '?' };
    let shown = cut(&app.masker().text(unknown), MAX_SHOWN_CHARACTERS).replace(['"', '\\'], "?");
    let shown: String = shown.chars().map(allowed).collect();
    OAuthError::invalid_request(format!("this view has no parameter '{shown}'; it has {}", known.join(", ")))
}

impl ViewQuery {
    /// `known` are the parameters of the view.
    pub fn parse(app: &App, known: &[&str], query: &str) -> Result<Self, OAuthError> {
        let params = Params::parse(query.as_bytes())?;
        if let Some(unknown) = params.unknown(known) {
            return Err(not_known(app, unknown, known));
        }
        let limit = match params.get("limit")? {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse::<u32>()
                .map(|limit| i64::from(limit).min(MOST))
                .map_err(|_| OAuthError::invalid_request("limit must be a number"))?,
        };
        let wrong = |_| OAuthError::invalid_request("since must be a date and time of RFC 3339, from 1970 to 9000");
        let since = params.get("since")?.map(clock::parse).transpose().map_err(wrong)?;
        let client_id = params.get("client_id")?.map(ClientId::from);
        let event_type = params.get("event_type")?.map(str::to_owned);
        Ok(Self { rows: Selection { limit, client_id, since }, event_type })
    }

    pub fn limit(&self) -> u32 {
        u32::try_from(self.rows.limit).unwrap_or_default()
    }

    /// The first page.
    pub fn page(&self) -> Paging {
        Paging { limit: self.limit(), after: None }
    }
}
