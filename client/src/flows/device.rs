//! Sign-in on another device (RFC 8628).
use super::{Ask, endpoint};
use crate::{
    clock,
    error::{Failure, Result},
    metadata::DEVICE_CODE,
    token::{self, TokenResponse, form},
};
use serde::Deserialize;
use std::time::Duration;

/// RFC 8628 §3.2.
#[derive(Deserialize)]
struct DeviceAuthorization {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: i64,
    interval: Option<u64>,
}

pub async fn run(ask: &Ask<'_>) -> Result<TokenResponse> {
    let device = authorize(ask).await?;
    let visit = device.verification_uri_complete.as_ref().unwrap_or(&device.verification_uri);
    ask.out.say(&format!("Visit:     {visit}\nUser code: {}\n", device.user_code));
    poll(ask, &device).await
}

async fn authorize(ask: &Ask<'_>) -> Result<DeviceAuthorization> {
    let endpoint = endpoint(ask.server.device_authorization_endpoint.as_ref(), "device_authorization_endpoint")?;
    let request = form([("scope", ask.scope), ("resource", ask.resource)]);
    let answer = token::post(ask.http, endpoint, &ask.auth()?, &request, ask.key).await?;
    let device = answer.json().filter(|_| answer.status == 200);
    device
        .and_then(|device| serde_json::from_value(device).ok())
        .ok_or_else(|| token::refusal("the device authorization endpoint", &answer))
}

/// RFC 8628 §3.5: not faster than asked, and not beyond the end.
async fn poll(ask: &Ask<'_>, device: &DeviceAuthorization) -> Result<TokenResponse> {
    let (mut interval, end) = (device.interval.unwrap_or(5), clock::now() + device.expires_in);
    let request = form([
        ("grant_type", Some(DEVICE_CODE)),
        ("device_code", Some(&device.device_code)),
        ("resource", ask.resource),
    ]);
    while clock::now() < end {
        tokio::time::sleep(Duration::from_secs(interval)).await;
        match ask.token(&request).await {
            Err(failure) => interval = next_interval(interval, &failure.code).ok_or(failure)?,
            tokens => return tokens,
        }
    }
    Err(Failure::new("expired_token", "the user code has expired; run login again"))
}

/// Seconds until the next question; None where the answer is final.
fn next_interval(interval: u64, code: &str) -> Option<u64> {
    match code {
        "authorization_pending" => Some(interval),
        "slow_down" => Some(interval + 5),
        // A lost answer is asked for again, slower.
        "network" => Some(interval * 2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_told_to_slow_down_asks_five_seconds_later_from_then_on() {
        assert_eq!(next_interval(5, "authorization_pending"), Some(5));
        assert_eq!(next_interval(5, "slow_down"), Some(10));
        assert_eq!(next_interval(10, "slow_down"), Some(15));
        assert_eq!(next_interval(5, "network"), Some(10));
        for last in ["access_denied", "expired_token", "invalid_grant"] {
            assert_eq!(next_interval(5, last), None, "{last}");
        }
    }
}
