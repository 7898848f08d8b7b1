"""What the clients of the FastMCP examples and of the tutorial do at the demo, by drivers of our own: no registry has
them, and the addresses of their servers are written into them.
"""

import asyncio
import base64
import json
import os
import urllib.parse
from contextlib import asynccontextmanager

import httpx2
from fastmcp import Client as FastmcpClient
from fastmcp.client.transports import StreamableHttpTransport
from mcp import Client, ClientSession, StdioServerParameters
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client

from support.checks import ISSUER, RESOURCE, check, finish
from support.host import Storage

ORIGIN = "{0.scheme}://{0.netloc}".format(urllib.parse.urlsplit(RESOURCE))
EMAIL = f"{ORIGIN}/mcp/client-credentials"
MAIL = {"to": "dave@example.com", "subject": "Test Email", "body": "Hello from OAuth2 client!"}


def content(result) -> dict:
    return json.loads(result.content[0].text)


async def sends_email(client_id: str, secret: str, scopes: str | None) -> str:
    """The scope of the last token, after a tool that reads and one that writes."""
    storage = Storage()
    provider = ClientCredentialsOAuthProvider(EMAIL, storage, client_id, secret, "client_secret_basic", scopes, ISSUER)
    async with httpx2.AsyncClient(auth=provider, timeout=30) as http:
        async with Client(streamable_http_client(EMAIL, http_client=http)) as client:
            assert content(await client.call_tool("get_inbox", {"folder": "inbox", "limit": 10}))["success"]
            assert content(await client.call_tool("send_email", MAIL))["success"]
    return storage.tokens.scope


async def with_all() -> None:
    scope = await sends_email("test-client-id", "test-client-secret", "mcp:tools:read mcp:tools:write")
    assert "mcp:tools:write" in scope, scope


async def with_step_up() -> None:
    for client_id, secret in [
        ("test-client-id", "test-client-secret"),
        ("dev-confidential-client", "dev-confidential-secret"),
        ("dev-service-client", "dev-service-secret"),
    ]:
        scope = await sends_email(client_id, secret, "mcp:tools:read")
        assert "mcp:tools:write" in scope, (client_id, scope)


async def surfaces() -> None:
    basic = "Basic " + base64.b64encode(b"testuser:testpass123").decode()
    for surface, headers, calls in [
        ("basic", {"Authorization": basic}, [
            ("create_project", {"name": "Test Project", "description": "Test", "deadline": "2024-12-31",
                                "priority": "high"}, "project_id"),
            ("add_task", {"project_id": "proj_001", "title": "Task 1", "assignee": "John",
                          "due_date": "2024-06-01"}, "task_id"),
            ("get_project_status", {"project_id": "proj_001"}, "status"),
            ("upload_file", {"filename": "test.txt", "size_mb": 1.5, "folder": "documents"}, "file_id"),
            ("list_files", {"folder": "documents", "sort_by": "date"}, "test.txt"),
            ("delete_file", {"file_id": "file_001", "permanent": False}, "success"),
        ]),
        ("api-key", {"Authorization": "Bearer test-api-key-12345"}, [
            ("get_current_weather", {"city": "London", "units": "metric"}, "temperature"),
            ("get_forecast", {"city": "Paris", "days": 5}, "forecast"),
            ("get_weather_alerts", {"city": "Miami"}, "alerts"),
            ("get_latest_news", {"category": "technology", "limit": 10}, "articles"),
            ("search_news", {"query": "AI technology", "from_date": "2024-01-01"}, "results"),
            ("get_trending_topics", {}, "topics"),
        ]),
        ("security-keys", {"X-GitHub-Token": "ghp_test1234567890abcdefghijklmnopqrstuvwxyz"}, [
            ("run_sql_query", {"query": "SELECT * FROM users", "database": "main", "limit": 10}, "query_type"),
            ("get_table_schema", {"table_name": "users", "database": "main"}, "columns"),
            ("export_query_results", {"query_id": "query_123", "format": "csv"}, "download_url"),
        ]),
        ("security-keys", {"X-Brave-Key": "BSA1234567890abcdefghijklmnopqrstuvwxyz"}, []),
        ("no-auth", {}, [("calculate", {"expression": "factorial(5) // 7"}, "17")]),
    ]:
        async with FastmcpClient(StreamableHttpTransport(f"{ORIGIN}/mcp/{surface}", headers=headers)) as client:
            assert await client.list_tools()
            for tool, arguments, told in calls:
                text = (await client.call_tool(tool, arguments)).content[0].text
                assert told in text, (surface, tool, text)


async def bad_arguments() -> None:
    async with FastmcpClient(StreamableHttpTransport(f"{ORIGIN}/mcp/no-auth")) as client:
        result = await client.call_tool("generate_random", {"count": 101}, raise_on_error=False)
        told = json.loads(result.content[0].text)
        assert result.is_error and (told["parameter"], told["rule"], told["allowed"]) == ("count", "maximum", 100), told


@asynccontextmanager
async def tutorial():
    """Its server is a process of the client's."""
    server = StdioServerParameters(command=os.environ["KEYWARD_GUARD_BINARY"], args=["stdio"])
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


async def both_clients() -> None:
    async with tutorial() as session:
        async def call(tool: str, arguments: dict | None = None) -> dict:
            return content(await session.call_tool(tool, arguments or {}))

        assert "authenticate_user" in [tool.name for tool in (await session.list_tools()).tools]
        assert (await session.list_resources()).resources
        assert (await call("authenticate_user", {"username": "admin", "password": "admin123"}))["success"]
        assert (await call("get_user_profile"))["username"] == "admin"
        note = {"title": "Demo Note", "content": "This note was created through the MCP client"}
        assert (await call("create_secure_note", note))["title"] == "Demo Note"
        assert "error" not in await call("list_audit_events", {"limit": 3})
        assert "error" not in await call("get_security_summary", {"hours": 1})
        made = await call("create_api_key", {"name": "demo_key", "permissions": ["read", "write"], "expires_days": 30})
        assert (await call("logout"))["success"]
        assert (await call("authenticate_with_api_key", {"api_key": made["api_key"]}))["success"]
        assert (await call("get_user_profile"))["username"] == "admin"
        assert (await call("logout"))["success"]
        assert (await call("authenticate_user", {"username": "testuser", "password": "TestPass123!"}))["success"]
        assert (await call("list_audit_events"))["error"] == "Admin access required"
        assert (await call("logout"))["success"]
        assert (await call("get_user_profile"))["error"] == "Authentication required"


CHECKS = [
    ("FastMCP examples: client credentials call send_email with all the client holds", with_all),
    ("FastMCP examples: client credentials begin with what is asked for first, and step up to send", with_step_up),
    ("FastMCP examples: each surface's tools answer what their tests look for", surfaces),
    ("a model is told what is wrong with its arguments, by a client that would have raised", bad_arguments),
    ("the tutorial's two clients, whole: logging in, notes, an API key, and being kept out", both_clients),
]


async def main() -> None:
    for name, body in CHECKS:
        await check(name, body)


asyncio.run(main())
finish()
