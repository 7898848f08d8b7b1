"""The client of fastmcp (PyPI `fastmcp-slim[client]`), with a browser that is a person without one."""

import asyncio
import json
import logging
import sys
import warnings
import webbrowser

from fastmcp import Client
from fastmcp.client.auth import ClientCredentialsOAuthProvider, OAuth

from support.browser import Browser
from support.checks import ISSUER, RESOURCE, check, claims, finish

DOCUMENT = "https://app.example/client.json"


async def call(client: Client, name: str, **arguments: str) -> dict:
    result = await client.call_tool(name, arguments)
    return result.structured_content or json.loads(result.content[0].text)


async def tell_story(title: str, **options: str) -> None:
    browser = Browser()
    webbrowser.register("person", None, browser, preferred=True)
    auth = OAuth(**options)

    async def arrives() -> None:
        async with Client(RESOURCE, auth=auth) as client:
            assert {"echo", "whoami"} <= {tool.name for tool in await client.list_tools()}
            whoami = await call(client, "whoami")
        assert browser.person.pages == ["login", "consent"], browser.person.pages
        tokens = await auth.token_storage_adapter.get_tokens()
        assert claims(tokens.access_token)["aud"] == RESOURCE
        assert whoami["subject"] == claims(tokens.access_token)["sub"], whoami
        registered = await auth.token_storage_adapter.get_client_info()
        assert whoami["client_id"] == registered.client_id, whoami
        if document := options.get("client_metadata_url"):
            assert registered.client_id == document, registered

    async def refreshes() -> None:
        before = await auth.token_storage_adapter.get_tokens()
        auth.context.token_expiry_time = 1.0
        async with Client(RESOURCE, auth=auth) as client:
            assert (await call(client, "echo", message="grüße"))["message"] == "grüße"
        after = await auth.token_storage_adapter.get_tokens()
        assert after.refresh_token != before.refresh_token, "the refresh token was not rotated"
        assert browser.person.pages == ["login", "consent"], "the person was asked again"

    async def steps_up() -> None:
        async with Client(RESOURCE, auth=auth) as client:
            assert (await call(client, "get_secret", key="api_key"))["value"]
        tokens = await auth.token_storage_adapter.get_tokens()
        assert {"mcp:read", "mcp:tools:write"} <= set(claims(tokens.access_token)["scope"].split()), tokens.scope

    await check(f"{title}: gets its tokens with the person's consent and calls whoami", arrives)
    await check(f"{title}: refreshes when its token expired, asking nobody", refreshes)
    await check(f"{title}: steps up to a tool that needs mcp:tools:write", steps_up)


async def tell_story_of_a_robot() -> None:
    async def arrives() -> None:
        auth = ClientCredentialsOAuthProvider(
            client_id="dev-service-client", client_secret="dev-service-secret", scopes="mcp:read", issuer=ISSUER
        )
        async with Client(RESOURCE, auth=auth) as client:
            assert (await call(client, "whoami"))["subject"] == "dev-service-client"

    await check("fastmcp, client credentials: gets a token and calls whoami", arrives)


async def main() -> None:
    # It logs what it then raises, and warns that tokens in memory end with the program.
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["cimd"]:
        await tell_story("fastmcp, cimd", client_metadata_url=DOCUMENT)
        return
    await tell_story("fastmcp", client_name="fastmcp")
    await tell_story_of_a_robot()


asyncio.run(main())
finish()
