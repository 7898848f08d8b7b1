"""What the first `mcp-auth` does, by a driver of our own: no registry has it. Its profiles are read by ours, and the
other way round.

It names no resource for a device, so that its device is let in at the demo's default resource only.
"""

import asyncio
import base64
import hashlib
import json
import os
import pathlib
import secrets
import subprocess
import tempfile
import urllib.parse
import urllib.request
from datetime import datetime, timezone

from support.checks import RESOURCE, check, finish, post, register
from support.person import Person

ORIGIN = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(RESOURCE))


def found(resource: str) -> dict:
    """The first `mcp-auth` asks the root place about a resource by name, and the issuer's own address for its metadata."""
    place = f"{ORIGIN}/.well-known/oauth-protected-resource?{urllib.parse.urlencode({'resource': resource})}"
    with urllib.request.urlopen(place, timeout=30) as answer:
        described = json.load(answer)
    assert described["resource"] == resource and "header" in described["bearer_methods_supported"], described
    with urllib.request.urlopen(described["authorization_servers"][0], timeout=30) as answer:
        return json.load(answer)


def sends(resource: str, token: str, method: str, params: dict) -> dict:
    """One message, without a session, without saying what is accepted, and with no revision of its own."""
    message = {"jsonrpc": "2.0", "id": "0a1b", "method": method, "params": params}
    request = urllib.request.Request(resource, json.dumps(message).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]


def calls(resource: str, token: str) -> dict:
    """All that it can call."""
    assert sends(resource, token, "initialize", {})["serverInfo"]["name"] == "keyward-resource-server"
    assert sends(resource, token, "ping", {}) == {}
    assert "whoami" in [tool["name"] for tool in sends(resource, token, "tools/list", {})["tools"]]
    return sends(resource, token, "tools/call", {"name": "whoami", "arguments": {}})["structuredContent"]


def refreshed(server: dict, tokens: dict, client_id: str) -> dict:
    fields = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": client_id}
    status, answer = post(server["token_endpoint"], fields | {"resource": RESOURCE})
    assert status == 200, answer
    return answer


# All that its `profiles.json` may have: it reads no profile with anything else in it.
FIELDS = """profile_id resource_url auth_mode issuer authorization_server_metadata_url token_endpoint authorization_endpoint
    device_authorization_endpoint registration_endpoint access_token refresh_token expires_at scope token_type client_id
    client_secret token_endpoint_auth_method redirect_uri dynamic_client_registration created_at last_used_at""".split()


def profile(server: dict, mode: str, client: dict, tokens: dict) -> dict:
    """As the first `mcp-auth` keeps it, long expired, with every field."""
    long_ago = "2020-01-01T00:00:00+00:00"
    endpoints = ("token", "authorization", "device_authorization", "registration")
    known = {f"{name}_endpoint": server[f"{name}_endpoint"] for name in endpoints} | {
        "profile_id": f"first-{mode}", "resource_url": RESOURCE, "auth_mode": mode, "issuer": server["issuer"],
        "authorization_server_metadata_url": server["issuer"], "expires_at": long_ago, "created_at": long_ago,
        "last_used_at": long_ago, "dynamic_client_registration": client,
        "token_endpoint_auth_method": client["token_endpoint_auth_method"],
    }
    known |= {name: tokens.get(name) for name in ("access_token", "refresh_token", "scope", "token_type")}
    return {name: None for name in FIELDS} | {name: client.get(name) for name in ("client_id", "client_secret")} | known


def kept_by_either(server: dict, mode: str, client: dict, tokens: dict) -> None:
    """A login of the first is the other's too: its profile, a call that renews it, and its end; and back again."""
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home, "profiles.json")
        kept = profile(server, mode, client, tokens)
        file.write_text(json.dumps({"profiles": [kept], "active_profiles": {RESOURCE: kept["profile_id"]}}))

        def mcp_auth(*arguments: str) -> str:
            done = subprocess.run([os.environ["MCP_AUTH_BINARY"], *arguments, "--profile-home", home],
                                  capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert mcp_auth("profile", "list").split() == [kept["profile_id"], mode, RESOURCE]
        called = json.loads(mcp_auth("call", RESOURCE, "tools/call", "--tool-name", "whoami"))
        assert called["structuredContent"]["authenticated"], called
        [renewed] = json.loads(file.read_text())["profiles"]
        assert sorted(renewed) == sorted(FIELDS), set(renewed) ^ set(FIELDS)
        assert datetime.fromisoformat(renewed["expires_at"]) > datetime.now(tz=timezone.utc), renewed["expires_at"]
        assert renewed["dynamic_client_registration"] == client, renewed
        calls(RESOURCE, renewed["access_token"])
        mcp_auth("logout", RESOURCE)
        assert json.loads(file.read_text())["profiles"] == []
        if renewed["refresh_token"]:
            fields = {"refresh_token": renewed["refresh_token"], "client_id": renewed["client_id"]}
            status, refusal = post(server["token_endpoint"], fields | {"grant_type": "refresh_token"})
            assert (status, refusal["error"]) == (400, "invalid_grant"), refusal


async def by_bearer() -> None:
    assert calls(f"{ORIGIN}/mcp/bearer-token", "test-bearer-token")["authenticated"]


async def for_itself() -> None:
    server = found(RESOURCE)
    assert "client_credentials" in server["grant_types_supported"], server
    asked = {"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"}
    client = register({"client_name": "mcp-auth CLI confidential client", **asked})
    fields = {"grant_type": "client_credentials", "resource": RESOURCE} | {
        name: client[name] for name in ("client_id", "client_secret")
    }
    status, tokens = post(server["token_endpoint"], fields)
    assert status == 200 and calls(RESOURCE, tokens["access_token"])["authenticated"], tokens
    # Once it has expired, the same again, with the scope of before.
    status, again = post(server["token_endpoint"], fields | {"scope": tokens["scope"]})
    assert status == 200 and again["scope"] == tokens["scope"], again
    kept_by_either(server, "client-creds", client, tokens)


async def by_code() -> None:
    server, callback = found(RESOURCE), "http://127.0.0.1:49152/callback"
    asked = {"redirect_uris": [callback], "grant_types": ["authorization_code", "refresh_token"]}
    asked |= {"response_types": ["code"], "token_endpoint_auth_method": "none"}
    registered = register({"client_name": "mcp-auth CLI public client", **asked})
    client = registered["client_id"]
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(12)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    query = {"response_type": "code", "client_id": client, "redirect_uri": callback, "state": state,
             "resource": RESOURCE, "code_challenge": challenge, "code_challenge_method": "S256"}
    back = Person().authorize(f"{server['authorization_endpoint']}?{urllib.parse.urlencode(query)}")
    returned = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(back).query))
    assert (returned["state"], returned["iss"]) == (state, server["issuer"]), returned
    status, tokens = post(server["token_endpoint"], {
        "grant_type": "authorization_code", "code": returned["code"], "redirect_uri": callback, "client_id": client,
        "code_verifier": verifier, "resource": RESOURCE,
    })
    assert status == 200 and calls(RESOURCE, tokens["access_token"])["identity"] == "alice", tokens
    tokens = refreshed(server, tokens, client)
    assert calls(RESOURCE, tokens["access_token"])["identity"] == "alice"
    kept_by_either(server, "auth-code", registered, tokens)


async def by_device() -> None:
    """It names no resource, so the token is for the one that the demo takes for granted."""
    server, grant_type = found(RESOURCE), "urn:ietf:params:oauth:grant-type:device_code"
    asked = {"grant_types": [grant_type, "refresh_token"], "token_endpoint_auth_method": "none"}
    registered = register({"client_name": "mcp-auth CLI device client", **asked})
    client = registered["client_id"]
    status, codes = post(server["device_authorization_endpoint"], {"client_id": client})
    assert status == 200, codes
    Person().let_in(codes["verification_uri_complete"])
    fields = {"grant_type": grant_type, "client_id": client, "device_code": codes["device_code"]}
    status, tokens = post(server["token_endpoint"], fields)
    assert status == 200 and calls(RESOURCE, tokens["access_token"])["identity"] == "alice", tokens
    tokens = refreshed(server, tokens, client)
    assert calls(RESOURCE, tokens["access_token"])["identity"] == "alice"
    kept_by_either(server, "device", registered, tokens)


CHECKS = [
    ("calls a tool by a bearer token", by_bearer),
    ("discovers, registers as a program, calls with its own token and gets another", for_itself),
    ("discovers, registers, is let in by a person, calls and refreshes", by_code),
    ("is let in as a device, calls and refreshes", by_device),
]


async def main() -> None:
    for name, body in CHECKS:
        await check(f"the first mcp-auth: {name}", body)


asyncio.run(main())
finish()
