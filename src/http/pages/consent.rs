//! `/consent`: may this client do that on your behalf?
use super::{
    Problem, answer,
    forms::{self, PageForm},
    session::{self, SignedIn},
};
use crate::{
    accounts::{
        consent::{Asked, Remembered, is_trusted, words},
        pushed_request,
        request::{Judged, Refusal},
    },
    app::App,
    clients::logos,
    error::OAuthError,
    grants,
    http::{
        respond::Page,
        views::{ClientCard, ConsentPage, Destination, DestinationKind, ScopeLine, ServerCard},
    },
    issuers::statement::voucher,
    model::{Client, ClientSource},
    oauth::{
        params::Params,
        redirect_uri::{RedirectKind, kind},
    },
    secrets::Digest,
};
use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing,
};
use std::sync::Arc;
use tower_sessions::Session;

pub fn routes() -> Router<Arc<App>> {
    Router::new().route("/consent", routing::post(post))
}

/// The question, with a form that counts once, in this session, for this very request.
pub async fn page(
    app: &App,
    asked: &Asked<'_>,
    remembered: &Remembered,
    query: &str,
    session_id: &str,
) -> Result<Response, OAuthError> {
    let logo = logos::path(app, asked.client, asked.user.id).await?;
    let form_token = forms::mint(app, session_id, query);
    let label = answer::host(&asked.callback.redirect_uri);
    let https = DestinationKind::Https;
    let kind = match kind(&asked.callback.redirect_uri) {
        RedirectKind::Https { .. } => https,
        RedirectKind::Loopback { .. } => DestinationKind::Loopback,
        RedirectKind::PrivateUse { .. } => DestinationKind::App,
    };
    let server = match asked.resources {
        [] => ServerCard { name: "Your account here", url: &app.config.issuer },
        [resource, ..] => ServerCard { name: &resource.name, url: &resource.identifier },
    };
    let scopes = asked.scopes.iter().map(|name| ScopeLine {
        name,
        words: words(name, asked.resources),
        is_new: !remembered.scopes.contains(name),
    });
    Ok(Page(ConsentPage {
        form_token: &form_token,
        request: query,
        username: &asked.user.username,
        client: ClientCard {
            name: answer::client_name(asked.client),
            id: asked.client.id.as_str(),
            proven_host: (kind == https).then_some(label.as_str()),
            document_host: document_host(app, asked.client).as_deref(),
            verified: is_trusted(asked.client),
            vouched_by: voucher(app, asked.client),
            homepage: asked.client.metadata.client_uri.as_deref(),
            logo: logo.as_deref(),
        },
        server,
        also: asked.resources.iter().skip(1).map(|resource| resource.identifier.as_str()).collect(),
        destination: Destination { label: &label, kind },
        scopes: scopes.collect(),
        lifetime: &lifetime(app, asked.client),
        changed: &remembered.changes,
        step_up: !remembered.scopes.is_empty(),
    })
    .into_response())
}

/// The host that describes the client, where one does.
pub fn document_host(app: &App, client: &Client) -> Option<String> {
    let host = || app.config.client_metadata_documents.host(client.id.as_str()).ok();
    (client.source == ClientSource::Cimd).then(host).flatten()
}

pub fn lifetime(app: &App, client: &Client) -> String {
    let days = |seconds: u32| match seconds.div_ceil(86_400) {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    let tokens = &app.config.tokens;
    if client.metadata.grant_types.iter().any(|name| name == grants::refresh_token::NAME) {
        let (most, idle) = (days(tokens.refresh_lifetime), days(tokens.refresh_idle));
        format!("Until it is revoked, at most {most}. It ends by itself after {idle} without use.")
    } else {
        format!("For {} minutes.", tokens.access_token_lifetime.div_ceil(60))
    }
}

async fn post(State(app): State<Arc<App>>, session: Session, PageForm(params): PageForm) -> Result<Response, Problem> {
    match decide(&app, &session, &params).await {
        Ok(response) => Ok(response),
        Err(refusal) => answer::refuse(&app, refusal, true),
    }
}

async fn decide(app: &App, session: &Session, params: &Params) -> Result<Response, Refusal> {
    let query = params.require("request")?;
    let Some(signed_in) = session::current(app, session).await? else {
        return Err(OAuthError::access_denied("you are no longer signed in").into());
    };
    let decision = forms::verify(app, params, Some(&signed_in.session_id), query)?;
    let judged = Judged::parse(app, query, Some(signed_in.user.id)).await?;
    let allowed = match params.get("decision")? {
        Some("allow") => allow(app, session, &judged, &signed_in, &decision).await,
        Some("deny") => deny(app, &judged, &signed_in).await,
        _ => return Err(OAuthError::invalid_request("decision must be allow or deny").into()),
    };
    allowed.map_err(|error| judged.refuse(error))
}

async fn allow(
    app: &App,
    session: &Session,
    judged: &Judged<'_>,
    signed_in: &SignedIn,
    decision: &Digest,
) -> Result<Response, OAuthError> {
    let scopes = judged.scopes(signed_in.user.role)?;
    session::satisfied(session).await?;
    let asked = Asked::new(judged, &signed_in.user, signed_in.auth_time, scopes);
    let code = asked.approve(app, Some(decision)).await?;
    Ok(answer::code(app, &judged.callback, code.as_ref()))
}

async fn deny(app: &App, judged: &Judged<'_>, signed_in: &SignedIn) -> Result<Response, OAuthError> {
    if !pushed_request::complete(app, judged.pushed.as_ref()).await? {
        return Ok(answer::code(app, &judged.callback, None));
    }
    let scopes = judged.scopes(signed_in.user.role).unwrap_or_default();
    let asked = Asked::new(judged, &signed_in.user, signed_in.auth_time, scopes);
    Err(asked.deny(app).await)
}
