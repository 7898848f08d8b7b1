"""The Python SDK (`mcp` on PyPI), on both of its protocol eras; with the word `cimd`, as an app nobody registered."""

import asyncio
import json
import logging
import sys

import httpx2
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client

from support.checks import ISSUER, RESOURCE, check, claims, finish, post
from support.host import Host, Storage

DOCUMENT = "https://app.example/client.json"


class Agent(Host):
    """A host of the demo's MCP server, in one of the SDK's eras."""

    def __init__(self, title: str, mode: str, document: str | None) -> None:
        super().__init__(title, RESOURCE, document)
        self.mode = mode

    async def call(self, name: str, **arguments: str) -> dict:
        async with httpx2.AsyncClient(auth=self.provider, timeout=30) as http:
            transport = streamable_http_client(RESOURCE, http_client=http)
            async with Client(transport, mode=self.mode) as client:
                result = await client.call_tool(name, arguments)
                assert not result.is_error, result.content
                return result.structured_content or json.loads(result.content[0].text)


async def tell_story(title: str, mode: str, document: str | None = None) -> None:
    host = Agent(title, mode, document)
    storage = host.storage

    async def arrives() -> None:
        whoami = await host.call("whoami")
        assert host.person.pages == ["login", "consent"], host.person.pages
        assert host.asked[0]["resource"] == RESOURCE, host.asked
        assert storage.client and storage.tokens, "nothing was stored"
        assert document is None or storage.client.client_id == document, storage.client
        assert claims(storage.tokens.access_token)["aud"] == RESOURCE
        assert whoami["subject"] == claims(storage.tokens.access_token)["sub"], whoami
        assert whoami["client_id"] == storage.client.client_id, whoami
        assert str(host.provider.context.oauth_metadata.issuer) == ISSUER

    async def calls_echo() -> None:
        assert (await host.call("echo", message="grüße"))["message"] == "grüße"
        assert len(host.asked) == 1, "the person was asked again"

    async def refreshes() -> None:
        before = storage.tokens
        assert before and before.refresh_token, "no refresh token"
        host.provider.context.token_expiry_time = 1.0
        assert (await host.call("whoami"))["authenticated"] is True
        assert storage.tokens.refresh_token != before.refresh_token, "the refresh token was not rotated"
        assert storage.tokens.access_token != before.access_token
        assert len(host.asked) == 1, "the person was asked again"

    async def steps_up() -> None:
        held = set(storage.tokens.scope.split())
        assert "mcp:tools:write" not in held, held
        assert (await host.call("get_secret", key="api_key"))["value"]
        assert len(host.asked) == 2, "the person was not asked"
        assert {"mcp:tools:write"} | held <= set(host.asked[1]["scope"].split()), host.asked[1]
        granted = set(claims(storage.tokens.access_token)["scope"].split())
        assert {"mcp:tools:write", "mcp:read"} <= granted, granted

    async def is_revoked() -> None:
        metadata = host.provider.context.oauth_metadata
        dead = {"client_id": storage.client.client_id}
        refresh_token = storage.tokens.refresh_token
        status, _ = post(str(metadata.revocation_endpoint), dead | {"token": refresh_token})
        assert status == 200, status
        grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        status, body = post(str(metadata.token_endpoint), dead | grant)
        assert (status, body.get("error")) == (400, "invalid_grant"), (status, body)
        host.provider.context.token_expiry_time = 1.0
        asked = len(host.asked)
        await host.call("whoami")
        assert len(host.asked) == asked + 1, "a revoked client got in without its person"

    introduces = "names its document" if document else "registers"
    await check(f"{title}: finds the server, {introduces}, gets its tokens and calls whoami", arrives)
    await check(f"{title}: calls echo without asking anybody", calls_echo)
    await check(f"{title}: refreshes once when its token expired", refreshes)
    await check(f"{title}: refreshes twice when its token expired", refreshes)
    await check(f"{title}: steps up from mcp:read to a tool that needs mcp:tools:write", steps_up)
    await check(f"{title}: is out after its refresh token was revoked, until the person returns", is_revoked)


async def tell_story_of_a_robot(method: str) -> None:
    """Nobody is behind it: the client acts for itself."""
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(
        RESOURCE, storage, "dev-service-client", "dev-service-secret", method, "mcp:read mcp:write", ISSUER
    )

    async def arrives() -> None:
        async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
            async with Client(streamable_http_client(RESOURCE, http_client=http)) as client:
                result = await client.call_tool("whoami", {})
                assert not result.is_error, result.content
        assert storage.tokens and storage.tokens.refresh_token is None, storage.tokens
        assert claims(storage.tokens.access_token)["sub"] == "dev-service-client"
        assert claims(storage.tokens.access_token)["aud"] == RESOURCE

    await check(f"Python mcp, client credentials by {method}: gets a token and calls whoami", arrives)


async def main() -> None:
    # The SDK logs what it then raises; the checks print that on their own lines.
    logging.disable(logging.ERROR)
    if sys.argv[1:] == ["cimd"]:
        await tell_story("Python mcp, cimd", "auto", DOCUMENT)
        return
    await tell_story("Python mcp", "auto")
    await tell_story("Python mcp, initialize era", "legacy")
    await tell_story_of_a_robot("client_secret_basic")
    await tell_story_of_a_robot("client_secret_post")


asyncio.run(main())
finish()
