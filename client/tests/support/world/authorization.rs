//! The authorization server's half of the world.
use super::{Form, SharedState, oauth_error, redirect};
use axum::{
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

impl SharedState {
    pub(super) fn metadata(&self) -> Value {
        let mut document = json!({
            "issuer": self.called(),
            "authorization_endpoint": self.at("/authorize"),
            "token_endpoint": self.at("/token"),
            "device_authorization_endpoint": self.at("/device"),
            "registration_endpoint": self.at("/register"),
            "revocation_endpoint": self.at("/revoke"),
            "jwks_uri": self.at("/jwks"),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials",
                "urn:ietf:params:oauth:grant-type:device_code"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic", "private_key_jwt"],
            "code_challenge_methods_supported": ["S256"],
            "scopes_supported": ["read", "write", "offline_access"],
            "authorization_response_iss_parameter_supported": true,
            "client_id_metadata_document_supported": true,
            "dpop_signing_alg_values_supported": ["ES256"],
        });
        if self.has("metadata-oauth-form") {
            document["subject_types_supported"] = json!(["public"]);
            document["id_token_signing_alg_values_supported"] = json!(["ES256"]);
        }
        let mut change = |fault: &str, name: &str, value: Value| {
            if self.has(fault) {
                document[name] = value;
            }
        };
        change("issuer-exact", "issuer", self.at("/").into());
        change("endpoints-https", "revocation_endpoint", "http://as.example/revoke".into());
        change("pkce-s256", "code_challenge_methods_supported", json!([]));
        change("pkce-no-plain", "code_challenge_methods_supported", json!(["S256", "plain"]));
        change("authorization-endpoint-script", "authorization_endpoint", "javascript:alert(1)".into());
        if let Some(at) = self.fault("endpoints=") {
            for name in ["authorization", "token", "device_authorization", "registration", "revocation"] {
                document[format!("{name}_endpoint")] = at.replace('*', name).into();
            }
        }
        self.spoil_abilities(&mut document);
        document
    }

    /// The faults of what the metadata says that the server can do.
    fn spoil_abilities(&self, document: &mut Value) {
        let mut change = |fault: &str, name: &str, value: Value| {
            if self.has(fault) {
                document[name] = value;
            }
        };
        change("response-type-code", "response_types_supported", json!(["token"]));
        change("cimd-none", "token_endpoint_auth_methods_supported", json!(["client_secret_basic"]));
        change("cimd", "client_id_metadata_document_supported", false.into());
        change("iss-parameter", "authorization_response_iss_parameter_supported", false.into());
        change("dpop-algorithms", "dpop_signing_alg_values_supported", json!(["none"]));
        change(
            "id-jag-grant",
            "authorization_grant_profiles_supported",
            json!(["urn:ietf:params:oauth:grant-profile:id-jag"]),
        );
        change("client-identity", "client_id_metadata_document_supported", false.into());
        change("refresh-grant", "grant_types_supported", json!(["authorization_code"]));
        change("no-device", "grant_types_supported", json!(["authorization_code", "refresh_token"]));
        let members = document.as_object_mut().unwrap();
        for (fault, name) in [
            ("auth-methods-listed", "token_endpoint_auth_methods_supported"),
            ("client-identity", "registration_endpoint"),
            ("grant-types-listed", "grant_types_supported"),
            ("endpoints", "token_endpoint"),
        ] {
            if self.has(fault) {
                members.remove(name);
            }
        }
    }

    pub(super) fn key(&self) -> Value {
        let mut key = json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y", "kid": "1"});
        if self.has("jwks") {
            key["d"] = "secret".into();
        }
        key
    }

    pub(super) fn register(&self, body: &[u8]) -> Response {
        let mut client: Value = serde_json::from_slice(body).unwrap();
        if self.has("registration") {
            return oauth_error(StatusCode::BAD_REQUEST, "invalid_client_metadata");
        }
        let count = {
            let mut seen = self.seen();
            seen.registrations.push(client.clone());
            seen.registrations.len()
        };
        client["client_id"] = format!("registered-{count}").into();
        if client["token_endpoint_auth_method"].as_str().unwrap_or_default().starts_with("client_secret") {
            client["client_secret"] = format!("s3cret-{count}").into();
            client["registration_access_token"] = format!("s3cret-too-{count}").into();
        }
        if self.has("registration-echo") {
            client.as_object_mut().unwrap().remove("redirect_uris");
        }
        let cached = if self.has("registration-no-store") { "public" } else { "no-store" };
        (StatusCode::CREATED, [("cache-control", cached)], axum::Json(client)).into_response()
    }

    fn registered(&self, id: &str) -> Value {
        let number = id.strip_prefix("registered-").and_then(|number| number.parse::<usize>().ok());
        number.and_then(|number| self.seen().registrations.get(number - 1).cloned()).unwrap_or_default()
    }

    pub(super) fn authorize(&self, query: &Form) -> Response {
        let iss = if self.has("wrong-iss") { "https://evil.example".to_owned() } else { self.called() };
        let iss = if self.has("iss-given") { String::new() } else { format!("&iss={iss}") };
        let to = |more: &str| redirect(&format!("{}?{more}{iss}&state={}", query["redirect_uri"], query["state"]));
        let (client, uri) = (&query["client_id"], &query["redirect_uri"]);
        let stranger = uri.contains("stranger");
        match (client.starts_with("a-client-nobody"), stranger) {
            (true, _) if self.has("open-redirect") => return to("error=unauthorized_client"),
            (false, true) if self.has("redirect-exact") => return StatusCode::OK.into_response(),
            (true, _) | (_, true) => return StatusCode::BAD_REQUEST.into_response(),
            _ => {}
        }
        let known = self.registered(client);
        let untyped = self.has("loopback-port-untyped") && known["application_type"] != "native";
        if (self.has("loopback-port") || untyped) && uri.contains(":4712") {
            return StatusCode::BAD_REQUEST.into_response();
        }
        if self.has("registration-default-scope") && query.contains_key("scope") && known["scope"].is_null() {
            return to("error=invalid_scope");
        }
        if !query.contains_key("code_challenge") && !self.has("pkce-required") {
            return to("error=invalid_request");
        }
        self.seen().authorizations.push(query.clone());
        let mut scope = query.get("scope").cloned().unwrap_or_default();
        if self.has("never-grants") {
            scope = scope.replace("write", "");
        }
        to(&format!("code={}", scope.replace(' ', "+")))
    }

    pub(super) fn device(&self) -> Response {
        let mut device = json!({"device_code": "d1", "user_code": "WDJB-MJHT", "verification_uri": self.at("/device"),
            "expires_in": 60, "interval": 0});
        if let Some(more) = self.fault("device=") {
            let more: Value = serde_json::from_str(&more).unwrap();
            device.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        }
        axum::Json(device).into_response()
    }

    /// The answer to a client that the token endpoint does not know, where it refuses one.
    fn refused_client(&self, headers: &HeaderMap, form: &Form) -> Option<Response> {
        let known = |name: &str| form.get(name).cloned().unwrap_or_default();
        if self.has("echoes") || self.has("echoes-encoded") {
            // A percent-encoded secret is as secret as a plain one.
            let basic = headers.get("authorization").map(|value| value.to_str().unwrap()).unwrap_or_default();
            let secret = if self.has("echoes") { "s3cret/of+robot" } else { "s3cret%2fof%2brob%6ft" };
            let error = json!({"error": "invalid_client",
                "error_description": format!("no such client: a|{secret}@b, {basic}, client_secret={secret}")});
            return Some((StatusCode::UNAUTHORIZED, axum::Json(error)).into_response());
        }
        if known("client_id").starts_with("a-client-nobody") {
            return Some(match () {
                () if self.has("token-error-json") => redirect("/login"),
                () if self.has("unknown-client") => oauth_error(StatusCode::BAD_REQUEST, "invalid_grant"),
                () if self.has("unknown-client-400") => oauth_error(StatusCode::BAD_REQUEST, "invalid_client"),
                () => oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"),
            });
        }
        let first = self.has("forgets-first-registration") && known("client_id") == "registered-1";
        let forgotten = first || self.has("forgets-registrations");
        forgotten.then(|| oauth_error(StatusCode::UNAUTHORIZED, "invalid_client"))
    }

    pub(super) fn token(&self, headers: &HeaderMap, form: &Form) -> Response {
        let known = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut seen = self.seen();
        seen.token_requests.push(form.clone());
        seen.token_headers.push(headers.clone());
        if let Some(refusal) = self.refused_client(headers, form) {
            return refusal;
        }
        // A repeated refresh is answered as before, unless the server is strict.
        let replayed =
            seen.spent.as_ref().filter(|(token, _)| *token == known("refresh_token")).map(|(_, tokens)| tokens);
        if let Some(tokens) = replayed.filter(|_| !self.has("refresh-parallel")) {
            return axum::Json(tokens.clone()).into_response();
        }
        if known("grant_type") == "urn:ietf:params:oauth:grant-type:token-exchange" {
            let jag = "urn:ietf:params:oauth:token-type:id-jag";
            return axum::Json(json!({"access_token": "a.b.jag", "issued_token_type": jag})).into_response();
        }
        let scope = match &*known("grant_type") {
            "authorization_code" => known("code"),
            "refresh_token"
                if known("refresh_token") == seen.refresh_token
                    && !self.has("dead-refresh")
                    && !self.has("dead-client") =>
            {
                seen.refreshes += 1;
                "read".to_owned()
            }
            "refresh_token" if self.has("dead-client") => {
                return oauth_error(StatusCode::UNAUTHORIZED, "invalid_client");
            }
            "refresh_token" => return oauth_error(StatusCode::BAD_REQUEST, "invalid_grant"),
            "urn:ietf:params:oauth:grant-type:device_code" => {
                seen.device_polls += 1;
                if seen.device_polls == 1 {
                    return oauth_error(StatusCode::BAD_REQUEST, "authorization_pending");
                }
                "read".to_owned()
            }
            _ => known("scope"),
        };
        seen.count += 1;
        seen.refresh_token = format!("refresh-secret-{}", seen.count);
        if self.has("refresh-rotates") && known("grant_type") == "refresh_token" {
            seen.refresh_token = known("refresh_token");
        }
        let refresh_token = (known("grant_type") != "client_credentials").then(|| seen.refresh_token.clone());
        let token = format!("access-secret-{}", seen.count);
        seen.tokens.insert(token.clone(), scope.clone());
        let kind = if headers.contains_key("dpop") { "DPoP" } else { "Bearer" };
        let mut tokens = json!({"access_token": token, "token_type": kind, "expires_in": 3600,
            "refresh_token": refresh_token, "scope": scope});
        if let Some(lifetime) = self.fault("lifetime=") {
            tokens["expires_in"] = serde_json::from_str(&lifetime).unwrap();
        }
        if known("grant_type") == "refresh_token" {
            seen.spent = Some((known("refresh_token"), tokens.clone()));
        }
        axum::Json(tokens).into_response()
    }
}
