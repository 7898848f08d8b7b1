"""Authlib (PyPI `Authlib`), the general OAuth client of the Python world, with its httpx2 integration."""

import asyncio
import json
import time
import urllib.parse
import urllib.request
import warnings

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, OKPKey, RSAKey

from support.checks import ISSUER, RESOURCE, check, claims, finish, register
from support.person import Person

CALLBACK = "http://127.0.0.1:6666/callback"
VERSION = "2026-07-28"


def metadata() -> dict:
    """RFC 8414 §3."""
    with urllib.request.urlopen(f"{ISSUER}/.well-known/oauth-authorization-server", timeout=30) as response:
        return json.load(response)


def authorize(client: OAuth2Client, person: Person, **parameters: str) -> dict:
    """The authorization code flow with PKCE, state checked by the library."""
    endpoints, verifier = metadata(), generate_token(48)
    url, state = client.create_authorization_url(
        endpoints["authorization_endpoint"], code_verifier=verifier, resource=RESOURCE, **parameters
    )
    callback = person.authorize(url)
    assert urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)["iss"] == [ISSUER], callback
    return client.fetch_token(
        endpoints["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
    )


def whoami(client: OAuth2Client) -> dict:
    """One `tools/call` as it looks on the wire, with the token the client holds."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientInfo": {"name": "keyward-strangers", "version": "1.0.0"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    headers = {
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": VERSION,
        "mcp-method": "tools/call",
        "mcp-name": "whoami",
    }
    call = {"name": "whoami", "arguments": {}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    answer = client.post(RESOURCE, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    events = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    result = json.loads(events[-1] if events else answer.text)["result"]
    return result.get("structuredContent") or json.loads(result["content"][0]["text"])


def introspected(client: OAuth2Client, token: str) -> dict:
    return client.introspect_token(metadata()["introspection_endpoint"], token=token).json()


def refused(error: str, ask: object) -> None:
    try:
        ask()
    except OAuthError as answer:
        assert answer.error == error, answer
    else:
        raise AssertionError("it was not refused")


def registered(**more: object) -> dict:
    grants = ["authorization_code", "refresh_token"]
    return register({"client_name": "Authlib", "redirect_uris": [CALLBACK], "grant_types": grants, **more})


async def tell_story(title: str, client: OAuth2Client, may_introspect: bool) -> None:
    """The life of a client with a person behind it, however it authenticates."""
    person, endpoints = Person(), metadata()

    async def arrives() -> None:
        tokens = authorize(client, person)
        assert person.pages == ["login", "consent"], person.pages
        assert claims(tokens["access_token"])["aud"] == RESOURCE
        assert whoami(client)["client_id"] == client.client_id

    async def refreshes() -> None:
        before = dict(client.token)
        after = client.refresh_token(endpoints["token_endpoint"])
        assert after["access_token"] != before["access_token"]
        assert whoami(client)["authenticated"] is True

    async def introspects() -> None:
        token = client.token["access_token"]
        assert introspected(client, token)["client_id"] == client.client_id
        assert client.revoke_token(endpoints["revocation_endpoint"], token=token).status_code == 200
        assert introspected(client, token) == {"active": False}

    async def revokes() -> None:
        dead = client.token["refresh_token"]
        hint = {"token": dead, "token_type_hint": "refresh_token"}
        assert client.revoke_token(endpoints["revocation_endpoint"], **hint).status_code == 200
        refused("invalid_grant", lambda: client.refresh_token(endpoints["token_endpoint"], refresh_token=dead))

    await check(f"{title}: gets its tokens by code and PKCE and calls whoami", arrives)
    await check(f"{title}: refreshes", refreshes)
    if may_introspect:
        await check(f"{title}: introspects its own token until it revokes it", introspects)
    await check(f"{title}: revokes its refresh token, which then is invalid_grant", revokes)


def by_secret(method: str) -> OAuth2Client:
    known = registered(token_endpoint_auth_method=method)
    options = {"token_endpoint_auth_method": method, "revocation_endpoint_auth_method": method}
    return client_of(known["client_id"], known["client_secret"], **options)


class ShortLived(PrivateKeyJWT):
    """Good for a minute. What the library signs is good for an hour, unless its host says otherwise."""

    def sign(self, auth: object, token_endpoint: str) -> str:
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


def by_key(key: object, method: PrivateKeyJWT, **more: object) -> OAuth2Client:
    public = key.as_dict(private=False)
    known = registered(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [public]}, **more)
    options = {"token_endpoint_auth_method": method.name, "revocation_endpoint_auth_method": method.name}
    client = client_of(known["client_id"], key, **options)
    client.register_client_auth_method(method)
    return client


def client_of(client_id: str, secret: object = None, **options: str) -> OAuth2Client:
    settings = {"redirect_uri": CALLBACK, "scope": "mcp:read", "code_challenge_method": "S256"}
    return OAuth2Client(client_id, secret, **settings, **options)


async def tell_story_of_a_robot(title: str, client: OAuth2Client) -> None:
    async def arrives() -> None:
        tokens = client.fetch_token(metadata()["token_endpoint"], grant_type="client_credentials", resource=RESOURCE)
        assert "refresh_token" not in tokens, tokens
        assert whoami(client)["subject"] == client.client_id

    await check(f"{title}: gets a token for itself and calls whoami", arrives)


async def main() -> None:
    public = registered(token_endpoint_auth_method="none")
    await tell_story("Authlib, public", client_of(public["client_id"]), may_introspect=False)
    for method in ["client_secret_basic", "client_secret_post"]:
        await tell_story(f"Authlib, {method}", by_secret(method), may_introspect=True)
    keys = {
        "ES256": ECKey.generate_key("P-256"),
        "RS256": RSAKey.generate_key(2048),
        "EdDSA": OKPKey.generate_key("Ed25519"),
    }
    for algorithm, key in keys.items():
        client = by_key(key, ShortLived(ISSUER, alg=algorithm))
        await tell_story(f"Authlib, private_key_jwt {algorithm}", client, may_introspect=True)

    robot = client_of("dev-service-client", "dev-service-secret", token_endpoint_auth_method="client_secret_basic")
    await tell_story_of_a_robot("Authlib, client credentials by secret", robot)
    itself = {"grant_types": ["client_credentials"], "redirect_uris": []}
    robot = by_key(keys["ES256"], ShortLived(ISSUER, alg="ES256"), **itself)
    await tell_story_of_a_robot("Authlib, client credentials by key", robot)

    for what, method in {
        "is meant for the token endpoint": ShortLived(metadata()["token_endpoint"], alg="ES256"),
        "is good for an hour": PrivateKeyJWT(ISSUER, alg="ES256"),
    }.items():

        async def is_refused() -> None:
            robot = by_key(keys["ES256"], method, **itself)
            endpoint = metadata()["token_endpoint"]
            refused("invalid_client", lambda: robot.fetch_token(endpoint, grant_type="client_credentials"))

        await check(f"Authlib, private_key_jwt: an assertion that {what} is refused", is_refused)


# EdDSA has two names now (RFC 9864), and the library would rather use the other one.
warnings.simplefilter("ignore")
asyncio.run(main())
finish()
