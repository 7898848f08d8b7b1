"""Every surface of the demo's MCP server through the Python SDK and fastmcp, over both transports."""

import asyncio
import base64
import json
import logging
import time
import urllib.parse
import warnings
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

import fastmcp
import httpx2
from fastmcp.client.auth import ClientCredentialsOAuthProvider as FastmcpRobot
from fastmcp.client.auth import OAuth
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from mcp import Client
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from support.browser import Browser
from support.checks import ISSUER, RESOURCE, check, finish, post
from support.host import Host, Storage
from support.person import Person

ORIGIN = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(RESOURCE))
ROBOT = ("dev-service-client", "dev-service-secret")

# Arguments for tools that change nothing, whichever of them a surface has.
HARMLESS: dict[str, dict[str, Any]] = {
    "ping": {},
    "whoami": {},
    "greet": {"name": "Ada"},
    "get_inbox": {},
    "list_files": {},
    "get_trending_topics": {},
    "get_current_weather": {"city": "Oslo"},
    "get_table_schema": {"table_name": "users"},
    "calculate_statistics": {"data_points": [1, 2, 3]},
    "calculate": {"expression": "6 * 7"},
    "generate_random": {},
    "get_memory_stats": {},
    "get_user_profile": {},
}

LOGIN = {"username": "testuser", "password": "TestPass123!"}


def succeeded(status: int, answer: dict) -> dict:
    assert status == 200, (status, answer)
    return answer


@cache
def device_token(resource: str) -> str:
    """RFC 8628, which no MCP client speaks; one device for each URL, whichever client asks."""
    device = {"client_id": "dev-device-client", "resource": resource}
    shown = succeeded(*post(f"{ISSUER}/device_authorization", device | {"scope": "mcp:read"}))
    Person().let_in(shown["verification_uri_complete"])
    time.sleep(shown["interval"])
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": shown["device_code"]}
    return succeeded(*post(f"{ISSUER}/token", device | grant))["access_token"]


def minted() -> str:
    return succeeded(*post(f"{ORIGIN}/test-auth/bearer-token/mint", {}))["access_token"]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


GITHUB = {"X-GitHub-Token": "ghp_test1234567890abcdefghijklmnopqrstuvwxyz"}
BRAVE = {"X-Brave-Key": "BSA_test1234567890abcdefghijklmnopqrstuvwxyz"}

# The surface, in words how it is entered, and the headers that do it for a URL of the surface. Where the clients have
# an authorization of their own for it, that is named instead; where one logs in by a tool, its arguments.
ENTRANCES: list[tuple[str, str, str | dict[str, str] | Callable[[str], dict[str, str]]]] = [
    ("oauth", "sign-in", "sign_in"),
    ("oauth", "client credentials", "client_credentials"),
    ("client-credentials", "client credentials", "client_credentials"),
    ("device", "a token of the device grant", lambda url: bearer(device_token(url))),
    ("bearer-token", "the static token", lambda _: bearer("test-bearer-token")),
    ("bearer-token", "a minted token", lambda _: bearer(minted())),
    ("api-key", "its key", lambda _: bearer("test-api-key-12345")),
    ("basic", "a password", lambda _: basic("testuser", "testpass123")),
    ("security-keys", "a key in a header of its own", lambda _: GITHUB),
    ("security-keys", "two keys in two headers", lambda _: GITHUB | BRAVE),
    ("no-auth", "nothing", lambda _: {}),
    ("session", "a login", LOGIN),
]


class PythonSdk:
    """`mcp`, in one of its eras or over SSE."""

    def __init__(self, mode: str = "auto", sse: bool = False) -> None:
        self.mode, self.sse = mode, sse

    def sign_in(self, url: str) -> httpx2.Auth:
        return Host("Python mcp", url).provider

    def client_credentials(self, url: str) -> httpx2.Auth:
        return ClientCredentialsOAuthProvider(url, Storage(), *ROBOT, "client_secret_basic", "mcp:read", ISSUER)

    @asynccontextmanager
    async def connect(self, url: str, headers: dict[str, str], auth: httpx2.Auth | None) -> AsyncIterator[Client]:
        async with httpx2.AsyncClient(headers=headers, auth=auth, timeout=30) as http:
            streamable = partial(streamable_http_client, http_client=http)
            transport = sse_client(url, headers=headers, auth=auth) if self.sse else streamable(url)
            async with Client(transport, mode=self.mode) as client:
                yield client

    async def names(self, client: Client) -> list[str]:
        return [tool.name for tool in (await client.list_tools()).tools]


class Fastmcp:
    """`fastmcp`, in one of its eras or over SSE; for a sign-in it opens the browser itself."""

    def __init__(self, mode: str = "auto", sse: bool = False) -> None:
        self.mode, self.transport = mode, SSETransport if sse else StreamableHttpTransport

    def sign_in(self, _url: str) -> httpx2.Auth:
        webbrowser.register("person", None, Browser(), preferred=True)
        return OAuth(client_name="fastmcp")

    def client_credentials(self, _url: str) -> httpx2.Auth:
        return FastmcpRobot(client_id=ROBOT[0], client_secret=ROBOT[1], scopes="mcp:read", issuer=ISSUER)

    @asynccontextmanager
    async def connect(self, url: str, headers: dict[str, str], auth: httpx2.Auth | None) -> AsyncIterator[Any]:
        async with fastmcp.Client(self.transport(url, headers=headers, auth=auth), mode=self.mode) as client:
            yield client

    async def names(self, client: fastmcp.Client) -> list[str]:
        return [tool.name for tool in await client.list_tools()]


CLIENTS: list[tuple[str, str, PythonSdk | Fastmcp]] = [
    ("Python mcp", "mcp", PythonSdk()),
    ("Python mcp, initialize era", "mcp", PythonSdk("legacy")),
    ("Python mcp, SSE", "sse", PythonSdk("legacy", sse=True)),
    ("fastmcp", "mcp", Fastmcp()),
    ("fastmcp, initialize era", "mcp", Fastmcp("legacy")),
    ("fastmcp, SSE", "sse", Fastmcp("legacy", sse=True)),
]


async def call_harmless(sdk: PythonSdk | Fastmcp, client: Any, surface: str) -> None:
    """Lists the tools and calls those that are harmless."""
    listed = await sdk.names(client)
    called = [name for name in listed if name in HARMLESS]
    assert called, f"nothing harmless among {listed}"
    for name in called:
        result = await client.call_tool(name, HARMLESS[name])
        assert not result.is_error, (name, result.content)
        answer = contents(result)
        assert name != "whoami" or answer["surface"] == surface, answer
        assert name != "get_user_profile" or answer["username"] == LOGIN["username"], answer


def contents(result: Any) -> dict[str, Any]:
    return result.structured_content or json.loads(result.content[0].text)


async def enters(sdk: PythonSdk | Fastmcp, path: str, surface: str, entrance: Any) -> None:
    url = f"{ORIGIN}/{path}/{surface}"
    headers, auth = {}, None
    if isinstance(entrance, str):
        auth = getattr(sdk, entrance)(url)
    elif isinstance(entrance, dict):
        async with sdk.connect(url, {}, None) as client:
            headers = bearer(contents(await client.call_tool("authenticate_user", entrance))["access_token"])
    else:
        headers = await asyncio.to_thread(entrance, url)
    async with sdk.connect(url, headers, auth) as client:
        await call_harmless(sdk, client, surface)


async def main() -> None:
    # The clients log what they then raise, and warn that tokens in memory end with the program.
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    for title, path, sdk in CLIENTS:
        for surface, by, entrance in ENTRANCES:
            await check(f"{title}: calls tools of {surface} by {by}", partial(enters, sdk, path, surface, entrance))


asyncio.run(main())
finish()
