//! Sign-in on another device (RFC 8628).
use super::request::{SignInPrompt, TokenRequest, endpoint};
use crate::{
    address::{Address, usable},
    bounds,
    error::{Failure, Result},
    mask,
    metadata::DEVICE_CODE,
    token::{self, TokenResponse, form},
};
use serde::Deserialize;
use std::time::Duration;

/// The answer of the device authorization endpoint (RFC 8628 §3.2).
#[derive(Deserialize)]
struct DeviceAuthorization {
    device_code: String,
    user_code: String,
    #[serde(default, deserialize_with = "usable")]
    verification_uri: Option<Address>,
    #[serde(default, deserialize_with = "usable")]
    verification_uri_complete: Option<Address>,
    expires_in: f64,
    interval: Option<f64>,
}

pub async fn run(request: &TokenRequest<'_>, prompt: &SignInPrompt<'_>) -> Result<TokenResponse> {
    let device = authorize(request).await?;
    mask::learn(&device.device_code);
    let visit = device.verification_uri_complete.as_ref().or(device.verification_uri.as_ref());
    let no_page = || Failure::new("invalid_response", "the device authorization endpoint names no page to visit");
    let visit = visit.ok_or_else(no_page)?;
    request.http.allow(visit).await?;
    prompt.out.say(&[&format!("Visit:     {}", visit.as_str()), &format!("User code: {}", device.user_code), ""]);
    let end = Duration::try_from_secs_f64(device.expires_in.max(0.0)).unwrap_or(Duration::MAX);
    request.http.deadline().person(end, poll(request, &device)).await?
}

async fn authorize(request: &TokenRequest<'_>) -> Result<DeviceAuthorization> {
    let endpoint = endpoint(request.server.device_authorization_endpoint.as_ref(), "device_authorization_endpoint")?;
    let form = form([("scope", request.scope), ("resource", request.resource)]);
    let answer = token::post(request.http, endpoint, &request.auth()?, &form, request.key).await?;
    let device = answer.json().filter(|_| answer.status == 200);
    device
        .and_then(|device| serde_json::from_value(device).ok())
        .ok_or_else(|| token::refusal("the device authorization endpoint", &answer))
}

/// Asks for the tokens until the person has signed in, and not faster than the server allows (RFC 8628 §3.5).
async fn poll(request: &TokenRequest<'_>, device: &DeviceAuthorization) -> Result<TokenResponse> {
    let mut interval = device.interval.unwrap_or(5.0);
    let form = form([
        ("grant_type", Some(DEVICE_CODE)),
        ("device_code", Some(&device.device_code)),
        ("resource", request.resource),
    ]);
    loop {
        interval = interval.clamp(bounds::POLL.0, bounds::POLL.1);
        tokio::time::sleep(Duration::from_secs_f64(interval)).await;
        match request.send(&form).await {
            Err(failure) => interval = next_interval(interval, &failure.code).ok_or(failure)?,
            tokens => return tokens,
        }
    }
}

/// Seconds until the next request; None where the error is final.
fn next_interval(interval: f64, code: &str) -> Option<f64> {
    match code {
        "authorization_pending" => Some(interval),
        "slow_down" => Some(interval + 5.0),
        // The answer was lost: the client asks again, more slowly.
        "network" => Some(interval * 2.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_slow_down_asks_five_seconds_later_from_then_on() {
        assert_eq!(next_interval(5.0, "authorization_pending"), Some(5.0));
        assert_eq!(next_interval(5.0, "slow_down"), Some(10.0));
        assert_eq!(next_interval(10.0, "slow_down"), Some(15.0));
        assert_eq!(next_interval(5.0, "network"), Some(10.0));
        for last in ["access_denied", "expired_token", "invalid_grant"] {
            assert_eq!(next_interval(5.0, last), None, "{last}");
        }
    }
}
