"""The FastMCP examples' own tests, at a server laid out as theirs: a port for each surface, with `/mcp` or `/sse` there,
keys between commas in one variable, and a token endpoint at a path that nobody discovered.

They wrongly write down that an issuer ends with a slash; and they ping, which 2026-07-28 has not.
"""

import asyncio
import base64
import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import closing

from fastmcp import Client
from fastmcp.client.transports import SSETransport, StreamableHttpTransport

from support.checks import ISSUER, check, finish, post

MAIL = os.environ["KEYWARD__RESOURCES__DEMO_CLIENT_CREDENTIALS__IDENTIFIER"]
GITHUB, BRAVE = "ghp_test1234567890abcdefghijklmnopqrstuvwxyz", "BSA1234567890abcdefghijklmnopqrstuvwxyz"
KEYS = {"API_KEYS": "test-api-key-12345,another-api-key", "GITHUB_PATS": GITHUB, "BRAVE_API_KEYS": BRAVE}
CREDENTIALS = {"client_id": "test-client-id", "client_secret": "test-client-secret",
               "grant_type": "client_credentials", "scope": "mcp:tools:read mcp:tools:write"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def pair(username: str, password: str) -> dict[str, str]:
    """Under the wrong scheme, as they send it."""
    return bearer(base64.b64encode(f"{username}:{password}".encode()).decode())


BASIC = 'basic_as_bearer = true\nusers = [{ username = "testuser", password = "testpass123" }]'
API_KEYS = 'keys = [{ env = "API_KEYS" }]'
HEADERS = 'headers = { X-GitHub-Token = [{ env = "GITHUB_PATS" }], X-Brave-Key = [{ env = "BRAVE_API_KEYS" }] }'
OAUTH = 'challenge_scope = "mcp:tools:read"\nscopes_supported = "mcp:tools:read mcp:tools:write"'

# Name, path, kind and settings of a surface; the headers that are good there, and bad; and calls with what answers tell.
SURFACES = [
    ("basic", "mcp", "basic", f'tools = ["projects"]\n{BASIC}', [pair("testuser", "testpass123")],
     [pair("wrong", "credentials")], [
        ("create_project", {"name": "Test Project", "description": "Test", "deadline": "2024-12-31",
                            "priority": "high"}, "project_id"),
        ("add_task", {"project_id": "proj_001", "title": "Task 1", "assignee": "John", "due_date": "2024-06-01"},
         "task_id"),
        ("get_project_status", {"project_id": "proj_001"}, "status")]),
    ("basic, SSE", "sse", "basic", f'tools = ["files"]\n{BASIC}', [pair("testuser", "testpass123")], [], [
        ("upload_file", {"filename": "test.txt", "size_mb": 1.5, "folder": "documents"}, "file_id"),
        ("list_files", {"folder": "documents", "sort_by": "date"}, "file_count"),
        ("delete_file", {"file_id": "file_001", "permanent": False}, "success")]),
    ("API keys", "mcp", "api-key", f'tools = ["weather"]\n{API_KEYS}',
     [bearer("test-api-key-12345"), bearer("another-api-key")], [bearer("invalid-key")], [
        ("get_current_weather", {"city": "London", "units": "metric"}, "temperature"),
        ("get_forecast", {"city": "Paris", "days": 5}, "forecast"),
        ("get_weather_alerts", {"city": "Miami"}, "alerts")]),
    ("API keys, SSE", "sse", "api-key", f'tools = ["news"]\n{API_KEYS}', [bearer("test-api-key-12345")], [], [
        ("get_latest_news", {"category": "technology", "limit": 10}, "articles"),
        ("search_news", {"query": "AI technology", "from_date": "2024-01-01"}, "results"),
        ("get_trending_topics", {}, "topics")]),
    ("security keys", "mcp", "security-keys", f'tools = ["database"]\n{HEADERS}',
     [{"X-GitHub-Token": GITHUB}, {"X-Brave-Key": BRAVE}], [bearer("invalid-security-key")], [
        ("run_sql_query", {"query": "SELECT * FROM users", "database": "main", "limit": 10}, "results"),
        ("get_table_schema", {"table_name": "users", "database": "main"}, "columns"),
        ("export_query_results", {"query_id": "query_123", "format": "csv"}, "download_url")]),
    ("nothing", "mcp", "no-auth", 'tools = ["utilities"]', [{}], [], [
        ("calculate", {"expression": "2 + 2 * 3"}, "8"),
        ("convert_units", {"value": 100, "from_unit": "kg", "to_unit": "lb"}, "220"),
        ("generate_random", {"type": "uuid", "count": 2}, "results")]),
    ("nothing, SSE", "sse", "no-auth", 'tools = ["monitor"]', [{}], [], [
        ("get_cpu_usage", {"interval_seconds": 1}, "cpu_count"),
        ("get_memory_stats", {}, "total_gb"),
        ("get_disk_usage", {"path": "/"}, "free_gb")]),
]
MAILS = [
    ("send_email", {"to": "test@example.com", "subject": "Test", "body": "Hello"}, "message_id"),
    ("get_inbox", {"folder": "inbox", "limit": 10}, "messages"),
    ("search_emails", {"query": "project", "folder": "all", "limit": 20}, "results"),
]


def free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def written(ports: list[int]) -> str:
    """The settings: an address of its own for each surface, by the name that their clients use for this machine."""
    mail = ("mail", "mcp", "oauth", f'tools = ["email"]\n{OAUTH}')
    text = f'demo = true\nlisten = "127.0.0.1:{free_port()}"\nissuer = "{ISSUER}"\n'
    for number, ((_, _, kind, more, *_), port) in enumerate(zip([*SURFACES, mail], ports)):
        address = f'listen = "127.0.0.1:{port}"\norigins = ["http://localhost:{port}"]'
        text += f'\n[[surface]]\nid = "surface-{number}"\nkind = "{kind}"\n{address}\n{more}\n'
    return text


async def uses(url: str, headers: dict[str, str], calls: list) -> None:
    transport = SSETransport if url.endswith("/sse") else StreamableHttpTransport
    async with Client(transport(url, headers=headers), mode="legacy") as client:
        await client.ping()
        listed = {tool.name for tool in await client.list_tools()}
        assert {name for name, *_ in calls} <= listed, listed
        for name, arguments, told in calls:
            text = (await client.call_tool(name, arguments)).content[0].text
            assert told in text, (name, text)


async def is_refused(url: str, headers: dict[str, str]) -> None:
    try:
        await uses(url, headers, [])
    except BaseException:
        return
    raise AssertionError(f"let in with {headers}")


async def visits(url: str, good: list, bad: list, calls: list) -> None:
    for headers in good:
        await uses(url, headers, calls)
    for headers in [*bad, *([{}] if {} not in good else [])]:
        await is_refused(url, headers)


async def by_path() -> None:
    """The token endpoint's path is written down, and no resource is named."""
    status, tokens = post(f"{ISSUER}/oauth/token", CREDENTIALS)
    assert status == 200, tokens
    await visits(MAIL, [bearer(tokens["access_token"])], [bearer("fake_invalid_token_12345"), bearer("")], MAILS)
    status, refusal = post(f"{ISSUER}/oauth/token", CREDENTIALS | {"client_id": "invalid-client"})
    assert status == 401, refusal


async def by_discovery() -> None:
    initialize = {"protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize}
    request = urllib.request.Request(MAIL, json.dumps(message).encode(), {"Content-Type": "application/json"})
    try:
        raise AssertionError(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as refusal:
        status, challenge = refusal.status, refusal.headers["www-authenticate"]
    assert status == 401 and challenge.startswith("Bearer "), challenge
    described = read(challenge.split('resource_metadata="')[1].split('"')[0])
    issuer = described["authorization_servers"][0].rstrip("/")
    status, tokens = post(read(f"{issuer}/.well-known/oauth-authorization-server")["token_endpoint"], CREDENTIALS)
    assert (status, tokens.get("token_type")) == (200, "Bearer"), tokens
    await uses(MAIL, bearer(tokens["access_token"]), MAILS)


def read(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def wait_for(port: int) -> None:
    for _ in range(100):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nobody listens at {port}")


async def main() -> None:
    ports = [*(free_port() for _ in SURFACES), urllib.parse.urlsplit(MAIL).port]
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(written(ports))
        file.flush()
        server = subprocess.Popen([os.environ["KEYWARD_GUARD_BINARY"], "--config", file.name],
                                  env=os.environ | KEYS, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            for port in ports:
                wait_for(port)
            for (name, path, _, _, good, bad, calls), port in zip(SURFACES, ports):
                url = f"http://localhost:{port}/{path}"
                await check(f"FastMCP examples, laid out as theirs: {name}", lambda: visits(url, good, bad, calls))
            await check("FastMCP examples, laid out as theirs: a token by a path that is written down", by_path)
            await check("FastMCP examples, laid out as theirs: a token by discovery", by_discovery)
        finally:
            server.terminate()
            server.wait()


asyncio.run(main())
finish()
