//! Signs that a request came through a proxy, so that its address is not the client's.
use axum::http::HeaderMap;

/// Names of headers that proxies, load balancers and tunnels add (RFC 7239, RFC 9110 §7.6.3, RFC 8586) and that clients
/// do not send: whole names, beginnings of names, and parts of names.
const NAMES: [&str; 1] = ["via"];
const BEGINNINGS: [&str; 23] = [
    "akamai-",
    "cdn-",
    "cf-",
    "fastly-",
    "fly-",
    "front-end-https",
    "incap-",
    "ngrok-",
    "rndr-",
    "tailscale-",
    "x-akamai-",
    "x-amz",
    "x-appengine-",
    "x-arr-",
    "x-azure-",
    "x-cloud-",
    "x-envoy-",
    "x-nf-",
    "x-original-",
    "x-railway-",
    "x-scheme",
    "x-url-scheme",
    "x-vercel-",
];
const PARTS: [&str; 11] = [
    "forwarded",
    "proxy",
    "real-ip",
    "realip",
    "client-ip",
    "clientip",
    "connecting-ip",
    "connection-ip",
    "remote-ip",
    "remote-addr",
    "source-ip",
];

#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| {
        // Some proxies write `_` for `-`.
        let name = name.as_str().replace('_', "-");
        NAMES.contains(&name.as_str())
            || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
            || PARTS.iter().any(|part| name.contains(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn with(name: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_static(""));
        is_forwarded(&headers)
    }

    #[test]
    fn what_a_proxy_adds_tells_of_it_and_what_a_browser_sends_does_not() {
        for name in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded",
            "X-Forwarded-Proto",
            "x_forwarded_for",
            "X-Real-IP",
            "True-Client-IP",
            "X-Client-IP",
            "CF-Connecting-IP",
            "CF-Ray",
            "CDN-Loop",
            "X-Envoy-External-Address",
            "X-Amzn-Trace-Id",
            "Proxy-Connection",
            "WL-Proxy-Client-IP",
            "X-ProxyUser-Ip",
            "Tailscale-User-Login",
            "X-Original-Host",
            "Akamai-Origin-Hop",
            "X-NF-Client-Connection-IP",
            "X-Sucuri-ClientIP",
            "Front-End-Https",
            "X-Scheme",
            "Rndr-Id",
        ] {
            assert!(with(name), "{name}");
        }
        for name in [
            "Host",
            "User-Agent",
            "Accept-Language",
            "Authorization",
            "Cookie",
            "Origin",
            "Sec-Fetch-Site",
            "Sec-CH-UA",
            "X-Request-Id",
            "Traceparent",
            "Upgrade-Insecure-Requests",
            "DPoP",
            "MCP-Protocol-Version",
        ] {
            assert!(!with(name), "{name}");
        }
    }
}
