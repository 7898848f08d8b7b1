//! Builds the question that a page asks, and checks whether a decision is about the same question.
use super::{
    answer,
    forms::{Form, StaleForm},
    session::SignedInUser,
};
use crate::{
    app::App,
    authorization::{
        consent::{ConsentRequest, EarlierConsents, Terms, is_trusted},
        device::WaitingDevice,
    },
    clients::{logos, publishers},
    config::grant_types,
    error::OAuthError,
    http::views::question::{
        AppCard, Device, History, Origin, Proximity, Question, RedirectKind, ScopeLine, Server, Step, Verification,
        part_of_request,
    },
    issuers::statement::voucher,
    model::{
        ClientSource, Scopes, UserId,
        grant_type::{AUTHORIZATION_CODE, DEVICE_CODE},
    },
    oauth::{
        redirect_uri::{self, kind, label},
        resource::Resource,
    },
    secrets::{Digest, UserCode, base64url},
};
use serde_json::json;
use std::net::IpAddr;
use time::OffsetDateTime;

/// The question for an authorization request. The logo is fetched on behalf of `visitor`; without a visitor the stored
/// logo is used.
pub async fn of_request(
    app: &App,
    asked: &ConsentRequest<'_>,
    remembered: &EarlierConsents,
    query: &str,
    visitor: Option<UserId>,
) -> Result<Question, OAuthError> {
    let uri = &asked.callback.redirect_uri;
    let origin = Origin::Redirect { kind: redirect_kind(uri), label: label(uri), uri: uri.clone() };
    let history = history(app, asked, remembered);
    let mut question = of_terms(app, &asked.terms, origin, &Digest::of(query), visitor).await?;
    let mark = |lines: &mut Vec<ScopeLine>, known: &Scopes| {
        for line in lines {
            line.is_new = !known.contains(&line.scope);
        }
    };
    for server in &mut question.servers {
        mark(&mut server.lines, &asked.reach(&server.url, remembered));
    }
    mark(&mut question.identity, &remembered.scopes(&app.config.issuer));
    Ok(Question { history, ..question })
}

fn redirect_kind(uri: &str) -> RedirectKind {
    match kind(uri) {
        redirect_uri::RedirectKind::Https { .. } => RedirectKind::Https,
        redirect_uri::RedirectKind::Loopback { .. } => RedirectKind::Loopback,
        redirect_uri::RedirectKind::PrivateUse { .. } => RedirectKind::App,
    }
}

/// The question for a device. It is asked each time, whatever was allowed before. `browser` is the address of the
/// user's browser, if it is known.
pub async fn of_device(
    app: &App,
    waiting: &WaitingDevice<'_>,
    signed_in: &SignedInUser,
    code: &UserCode,
    browser: Option<IpAddr>,
    visitor: Option<UserId>,
) -> Result<Question, OAuthError> {
    let device = &waiting.device;
    let origin = Origin::Device(Device {
        user_code: code.expose(),
        address: device.ip_address.clone(),
        place: match browser {
            None => Proximity::Untold,
            Some(browser) if device.ip_address == browser.to_string() => Proximity::Same,
            Some(_) => Proximity::Other,
        },
        asked_at: date_and_time(device.created_at),
        minutes_ago: (app.clock.now() - device.created_at).whole_minutes(),
    });
    of_terms(app, &waiting.terms(&signed_in.user), origin, &device.device_code_hash, visitor).await
}

async fn of_terms(
    app: &App,
    terms: &Terms<'_>,
    origin: Origin,
    about: &Digest,
    visitor: Option<UserId>,
) -> Result<Question, OAuthError> {
    let Terms { client, user, resources, granted } = terms;
    let logo = logos::path(app, client, visitor).await?;
    let standing = standing(app, terms, &origin);
    let cautions = match &standing {
        Verification::DescribedBy(_) => publishers::cautions(app, client, user).await?,
        _ => vec![],
    };
    let grant_type = match origin {
        Origin::Device(_) => DEVICE_CODE,
        Origin::Redirect { .. } => AUTHORIZATION_CODE,
    };
    let lifetime = lifetime(app, terms, grant_type);
    let withheld = |resource: &&&Resource| {
        let scopes = granted.withheld.filter(|scope| resource.scope(scope).is_some());
        lines(&scopes, Some(resource))
    };
    Ok(Question {
        about: base64url(about.as_bytes()),
        app: AppCard {
            name: answer::client_name(client),
            id: client.id.to_string(),
            standing,
            homepage: client.metadata.client_uri.clone(),
            logo,
            cautions,
            metadata: base64url(Digest::of(json!([client.metadata, client.policy]).to_string()).as_bytes()),
        },
        origin,
        servers: resources.iter().map(|one| server(one, &terms.at(one))).collect(),
        identity: lines(&terms.identity(), None),
        withheld: resources.iter().flat_map(|resource| withheld(&resource)).collect(),
        lifetime,
        username: user.username.clone(),
        user_id: user.id.to_string(),
        history: History::default(),
    })
}

fn standing(app: &App, terms: &Terms<'_>, origin: &Origin) -> Verification {
    let client = terms.client;
    let publisher = || app.config.client_metadata_documents.publisher(client.id.as_str()).ok();
    match origin {
        _ if is_trusted(client) => Verification::Verified,
        _ if let Some(issuer) = voucher(app, client) => Verification::VouchedBy(issuer.to_owned()),
        _ if client.source == ClientSource::Cimd
            && let Some(publisher) = publisher() =>
        {
            Verification::DescribedBy(publishers::label(&publisher))
        }
        Origin::Redirect { kind: RedirectKind::Https, label, .. } => Verification::ReturnsTo(label.clone()),
        _ => Verification::Unverified,
    }
}

fn server(resource: &Resource, scopes: &Scopes) -> Server {
    let lines = lines(scopes, Some(resource));
    Server { name: resource.name.clone(), url: resource.identifier.clone(), lines }
}

/// Describes each scope in the words of the resource, or in ours for OpenID Connect's scopes.
fn lines(scopes: &Scopes, resource: Option<&Resource>) -> Vec<ScopeLine> {
    let words = |scope: &str| match (resource, scope) {
        (Some(resource), _) => resource.scope(scope).map(|rule| rule.description.clone()).unwrap_or_default(),
        (None, "openid") => "Know that it is you".into(),
        (None, "profile") => "See your name and username".into(),
        (None, "email") => "See your e-mail address".into(),
        (None, _) => String::new(),
    };
    scopes.iter().map(|scope| ScopeLine { scope: scope.into(), words: words(scope), is_new: true }).collect()
}

fn history(app: &App, asked: &ConsentRequest<'_>, remembered: &EarlierConsents) -> History {
    let changes = remembered.changes.clone();
    let Some(since) = remembered.since() else { return History { changes, ..History::default() } };
    let nothing_new = asked.is_remembered(app, remembered);
    let same_place = remembered.is_of_place(&asked.callback.redirect_uri);
    let step = match nothing_new {
        true => Step::Same,
        // Earlier consents count only for a program that nobody can impersonate.
        false if asked.is_provable() => Step::More,
        false => Step::First,
    };
    let kind = redirect_kind(&asked.callback.redirect_uri);
    let note = match () {
        () if !asked.is_provable() && nothing_new => Some(format!(
            "You allowed this before, on {}. We ask each time because any program on this {} can claim to be it.",
            day(since),
            kind.here()
        )),
        () if !asked.is_provable() => Some(format!(
            "You allowed an app under this name before, on {}; any program on this {} can claim to be it.",
            day(since),
            kind.here()
        )),
        () if !same_place => Some("You allowed this before, when it returned to another address.".to_owned()),
        () if nothing_new => {
            Some(format!("You allowed this before, on {}. The app wants you to be asked again.", day(since)))
        }
        () => None,
    };
    let (kept, kept_identity) = if step == Step::More { kept(app, asked, remembered) } else { Default::default() };
    History { step, changes, note, kept, kept_identity }
}

/// Scopes that stay allowed: first on the requested servers, whose token carries them, then on others.
fn kept(app: &App, asked: &ConsentRequest<'_>, remembered: &EarlierConsents) -> (Vec<Server>, Vec<ScopeLine>) {
    let Terms { resources, user, .. } = &asked.terms;
    let is_asked = |one: &&Resource| resources.iter().any(|asked| asked.identifier == one.identifier);
    let (first, others): (Vec<_>, Vec<_>) = app.resources.iter().partition(is_asked);
    let carried = first.into_iter().map(|one| server(one, &asked.kept(app, &one.identifier, remembered)));
    let stays = carried.chain(others.into_iter().map(|resource| {
        let allowed = remembered.scopes_anywhere(&resource.identifier);
        server(resource, &allowed.filter(|scope| resource.allows(scope, user.role)))
    }));
    let stays = stays.filter(|server| !server.lines.is_empty()).collect();
    (stays, lines(&asked.kept(app, &app.config.issuer, remembered), None))
}

/// In words; never more than the real time.
fn lifetime(app: &App, terms: &Terms<'_>, grant_type: &str) -> String {
    let tokens = &app.config.tokens;
    if grant_types::refreshes(&app.config, terms.client, grant_type) {
        let (most, idle) = (span(tokens.refresh_lifetime), span(tokens.refresh_idle));
        let ends_earlier = tokens.refresh_idle < tokens.refresh_lifetime;
        let idle = if ends_earlier { format!("; it ends earlier if unused for {idle}") } else { String::new() };
        return format!("Up to {most}{idle}.");
    }
    let own = terms.resources.iter().map(|one| one.access_token_lifetime.unwrap_or(tokens.access_token_lifetime));
    // No access token outlives its grant.
    format!("Up to {}.", span(own.max().unwrap_or(tokens.access_token_lifetime).min(tokens.refresh_lifetime)))
}

/// A duration in the largest unit that expresses it exactly.
fn span(seconds: u32) -> String {
    let units = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds.is_multiple_of(*size)).unwrap_or((1, "second"));
    match seconds / size {
        1 => format!("1 {unit}"),
        many => format!("{many} {unit}s"),
    }
}

fn day(at: OffsetDateTime) -> String {
    format!("{} {} {}", at.day(), at.month(), at.year())
}

fn date_and_time(at: OffsetDateTime) -> String {
    format!("{}, {:02}:{:02} UTC", day(at), at.hour(), at.minute())
}

/// Sentences: why the decision on this form is not about this question; empty if it is.
pub fn differences(form: Option<&Form>, session_id: &str, question: &Question) -> Vec<String> {
    let Some(form) = form else { return vec![StaleForm::Elsewhere.sentence().to_owned()] };
    let mut all = vec![];
    if form.is_old {
        all.push(StaleForm::Old.sentence().to_owned());
    }
    let parts = question.parts();
    if form.shown.len() == parts.len() {
        let changed = parts.into_iter().zip(&form.shown).filter(|((now, _), shown)| !now.matches(shown));
        all.extend(changed.map(|((_, sentence), _)| sentence));
    } else {
        all.push("This page is of another version of this server.".to_owned());
    }
    if all.is_empty() && !form.is_of(session_id) {
        all.push("You signed in anew since this page was opened.".to_owned());
    }
    all
}

/// Whether the page of this form was about this request.
pub fn is_about(form: &Form, query: &str) -> bool {
    let about = part_of_request(&base64url(Digest::of(query).as_bytes()));
    form.shown.first().is_some_and(|shown| shown.matches(&about))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_exactly() {
        for (seconds, told) in [
            (3_600, "1 hour"),
            (86_400, "1 day"),
            (129_600, "36 hours"),
            (180 * 86_400, "180 days"),
            (600, "10 minutes"),
            (60, "1 minute"),
            (90, "90 seconds"),
            (1, "1 second"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
