//! Devices without a browser (RFC 8628): their request, the code that people type for them, and the user's decision.
use crate::{
    app::App,
    audit::{self, WrongTry},
    authorization::{
        checks::{asking, resources},
        consent::Terms,
    },
    config::grant_types,
    error::OAuthError,
    events::{AccountKind, EventType, FailureReason},
    limits::{source, yields_to},
    model::{AnsweredForm, Client, DeviceAuthorization, FormAnswer, Scopes, User, grant_type::DEVICE_CODE},
    oauth::{
        params::Params,
        resource::{GrantableScopes, OIDC_SCOPES, Resource, ScopeRequest},
    },
    secrets::{DeviceCode, Digest, UserCode},
    storage::device_codes::{self, DeviceDecision, DeviceLimits, Insertion},
};
use keyward_limits::source::Source;
use serde_json::json;
use std::{net::IpAddr, sync::Arc};
use time::{Duration, OffsetDateTime};

/// Seconds that a device code is valid.
pub const LIFETIME: i64 = 600;
pub const INTERVAL: i32 = 5;
/// How often the server tries to make room for a device and to find unused codes for it.
const MAX_TRIES: u32 = 5;

/// The two codes of one request (RFC 8628 §3.2).
pub struct DeviceCodes {
    pub device_code: DeviceCode,
    pub user_code: UserCode,
}

/// RFC 8628 §3.1. The request is checked now, so that the device learns of a mistake before it shows a code to anybody.
pub async fn begin(app: &App, client: &Client, params: &Params, address: IpAddr) -> Result<DeviceCodes, OAuthError> {
    grant_types::check_redeemable(&app.config, client, DEVICE_CODE)?;
    let malformed = || OAuthError::invalid_scope("scope is malformed (RFC 6749 section 3.3)");
    let scopes = params.get("scope")?.map(|text| Scopes::parse(text).ok_or_else(malformed)).transpose()?;
    let named: Vec<_> = params.all("resource").map(str::to_owned).collect();
    let resources = resources(app, &named, scopes.as_ref(), client)?;
    // Whoever signs in: if no user could grant the request, refuse it now.
    of_device(app, client, scopes.as_ref(), &resources).is_grantable()?;
    let identifiers = resources.iter().map(|resource| resource.identifier.clone()).collect();
    app.limits.devices.allow(source(address))?;
    // Unknown scopes are never granted, so they are not stored.
    let known = |name: &str| OIDC_SCOPES.contains(&name) || resources.iter().any(|one| one.scope(name).is_some());
    store(app, client, scopes.unwrap_or_default().filter(known), identifiers, address).await
}

/// The scopes that a device of this client requests.
fn of_device<'a>(
    app: &App,
    client: &Client,
    requested: Option<&Scopes>,
    resources: &'a [&'a Resource],
) -> ScopeRequest<'a> {
    let refreshes = grant_types::refreshes(&app.config, client, DEVICE_CODE);
    ScopeRequest { refreshes, ..asking(app, client, requested, resources) }
}

async fn store(
    app: &App,
    client: &Client,
    scopes: Scopes,
    resources: Vec<String>,
    address: IpAddr,
) -> Result<DeviceCodes, OAuthError> {
    let now = app.clock.now();
    let (device_code, mut user_code) = (DeviceCode::random(), UserCode::random());
    let mut device = DeviceAuthorization {
        device_code_hash: device_code.digest(),
        user_code_hash: user_code.digest(app.derived_keys.forms()),
        client_id: client.id.clone(),
        scopes,
        resources,
        ip_address: address.to_string(),
        source: source(address).to_string(),
        created_at: now,
        expires_at: now + Duration::seconds(LIFETIME),
        poll_interval: INTERVAL,
        // The interval lies between polls (RFC 8628 §3.2): the first one is never too early.
        next_poll_at: now,
        user_id: None,
        auth_time: None,
        decided_at: None,
        allowed: false,
        consumed_at: None,
    };
    let settings = &app.config.device_authorization;
    let limits = DeviceLimits { of_source: settings.max_per_address.into(), of_client: settings.max_per_client.into() };
    // Among thousands of codes in use, one of millions collides; and another request may take the room that was made.
    for _ in 0..MAX_TRIES {
        match device_codes::insert(&app.db, &device, limits).await? {
            Insertion::Done => return Ok(DeviceCodes { device_code, user_code }),
            Insertion::ClientFull if make_room(app, client, source(address)).await? => {}
            Insertion::SourceFull | Insertion::ClientFull => break,
            Insertion::Taken => {
                user_code = UserCode::random();
                device.user_code_hash = user_code.digest(app.derived_keys.forms());
            }
        }
    }
    Err(OAuthError::too_many_requests("too many devices are waiting to be let in").retry_after(60))
}

/// When too many devices wait, drops one of the source with the most waiting devices; `false` if that source is the
/// newcomer's own.
async fn make_room(app: &App, client: &Client, newcomer: Source) -> Result<bool, OAuthError> {
    let now = app.clock.now();
    let held = device_codes::count_by_source(&app.db, &client.id, now).await?;
    let Some(greediest) = yields_to(newcomer, held) else { return Ok(false) };
    device_codes::give_up_oldest(&app.db, &client.id, &greediest, now).await?;
    Ok(true)
}

/// A device that waits for a decision, with everything the question page shows.
pub struct WaitingDevice<'a> {
    pub device: DeviceAuthorization,
    pub client: Arc<Client>,
    /// Empty when the client asks only for claims about the user, which this server answers itself.
    pub resources: Vec<&'a Resource>,
    /// The scopes that an approval would grant.
    pub granted: GrantableScopes,
}

/// Finds the device with this code. `None` if the code is unknown, expired, or already decided.
///
/// Tries are counted for each user, from all their addresses (RFC 8628 §5.1).
pub async fn look_up<'a>(
    app: &'a App,
    code: &UserCode,
    user: &User,
    address: IpAddr,
) -> Result<Option<WaitingDevice<'a>>, OAuthError> {
    let booked = app.limits.guesses.device_code(user.id).await.inspect_err(|_| {
        tracing::warn!(user = %user.id, "guesses at device codes throttled");
    })?;
    let found = device_codes::find_by_user_code(&app.db, &code.digest(app.derived_keys.forms())).await?;
    let Some(device) = found.filter(|device| device.is_open(app.clock.now())) else {
        if booked.wrong(app.clock.now()) {
            let (kind, reason, account) = (AccountKind::Device, FailureReason::WrongCode, &*user.id.to_string());
            let wrong = WrongTry { kind, account, user: Some(user.id), client: None, reason, address };
            wrong.begins_wait(&app.audit).await;
        }
        return Ok(None);
    };
    // A right code does not forgive the wrong ones before it.
    drop(booked);
    let client = app.clients.find(device.client_id.as_str()).await?;
    let Some(client) = client.filter(|client| client.disabled_at.is_none()) else { return Ok(None) };
    let resources = match device.resources.as_slice() {
        [] => vec![],
        identifiers => app.resources.select(identifiers)?,
    };
    grant_types::check_redeemable(&app.config, &client, DEVICE_CODE)?;
    let granted = of_device(app, &client, Some(&device.scopes), &resources).grantable(user.role)?;
    Ok(Some(WaitingDevice { device, client, resources, granted }))
}

/// This user's decision about the device with this code, until the code expires. Other users get `None`.
pub async fn said_by(app: &App, code: &UserCode, user: &User) -> Result<Option<bool>, OAuthError> {
    let found = device_codes::find_by_user_code(&app.db, &code.digest(app.derived_keys.forms())).await?;
    let decided = found.filter(|device| device.user_id == Some(user.id) && device.expires_at > app.clock.now());
    Ok(decided.map(|device| device.allowed))
}

impl WaitingDevice<'_> {
    #[must_use]
    pub fn terms<'a>(&'a self, user: &'a User) -> Terms<'a> {
        Terms { client: &self.client, user, resources: &self.resources, granted: &self.granted }
    }

    /// Records the decision that this form carries. `false` if somebody decided before, or the code has expired.
    pub async fn decide(
        &self,
        app: &App,
        user: &User,
        auth_time: OffsetDateTime,
        allow: bool,
        form: &Digest,
        address: IpAddr,
    ) -> Result<bool, OAuthError> {
        let now = app.clock.now();
        let answer = FormAnswer::Device { allowed: allow };
        let form = AnsweredForm { form_hash: form.clone(), answer, answered_at: now };
        let allowed = allow.then_some(&self.granted.scopes);
        let said = DeviceDecision { user_id: user.id, auth_time, allowed, form: Some(&form) };
        let decided = device_codes::decide(&app.db, &self.device.device_code_hash, &said, now).await?;
        if decided {
            let event = audit::Event::new(EventType::Approval);
            let event = if allow { event } else { event.failed() };
            let details = json!({"scope": self.granted.scopes.to_string(), "resource": self.device.resources,
                "mode": "device", "device_ip_address": self.device.ip_address});
            let event = event.user(user.id).client(&self.client.id).from(address);
            event.details(details).record(&app.audit).await;
            let said = if allow { Ok(()) } else { Err(OAuthError::access_denied("the user said no")) };
            app.trace.outcome(
                [EventType::DeviceApproved, EventType::DeviceDenied],
                Some(&self.client.id),
                "asked on the page",
                &said,
            );
        }
        Ok(decided)
    }
}
