"""Named checks in the Test Anything Protocol's words: `ok - name` or `not ok - name: reason`."""

import base64
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable

ISSUER = os.environ["DEMO_ISSUER"]
RESOURCE = os.environ["DEMO_RESOURCE"]
_failed = 0


async def check(name: str, body: Callable[[], Awaitable[None]]) -> None:
    """Runs one check, prints its line and goes on whatever happened."""
    global _failed
    try:
        await body()
        print(f"ok - {name}", flush=True)
    except BaseException as error:
        _failed += 1
        print(f"not ok - {name}: {_reason(error)}", flush=True)


def finish() -> None:
    """The last line of a program: says how it went by its exit code."""
    sys.exit(1 if _failed else 0)


def _reason(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())[:800]


def claims(jwt: str) -> dict:
    """The claims of a JWT, unverified."""
    part = jwt.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def post(url: str, fields: dict[str, str]) -> tuple[int, dict]:
    """A form POST, as any HTTP client makes it."""
    return _send(urllib.request.Request(url, urllib.parse.urlencode(fields).encode()))


def register(metadata: dict) -> dict:
    """RFC 7591, for libraries that leave it to their hosts."""
    request = urllib.request.Request(f"{ISSUER}/register", json.dumps(metadata).encode())
    request.add_header("Content-Type", "application/json")
    status, registered = _send(request)
    assert status == 201, registered
    return registered


def _send(request: urllib.request.Request) -> tuple[int, dict]:
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as answer:
        response = answer
    with response:
        return response.status, json.loads(response.read() or b"{}")
