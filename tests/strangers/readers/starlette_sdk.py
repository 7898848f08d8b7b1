"""A reader of Starlette and the Python SDK. It answers with what each of its parts sees of a message."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pydantic_core
import uvicorn
from mcp_types import CallToolRequest, jsonrpc_message_adapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def told(value: Any) -> Any:
    """What JSON cannot hold, as its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)
    if isinstance(value, dict):
        return {name: told(member) for name, member in value.items()}
    return [told(item) for item in value] if isinstance(value, list) else value


def members(by: str, message: Any) -> Iterator[dict[str, Any]]:
    for one in message if isinstance(message, list) else [message]:
        if isinstance(one, dict):
            params = one.get("params")
            params = params if isinstance(params, dict) else {}
            yield {
                "by": by,
                "method": one.get("method"),
                "name": params.get("name"),
                "arguments": params.get("arguments"),
            }


def dumped(model: Any) -> Any:
    return model.model_dump(by_alias=True, exclude_unset=True)


def views(body: bytes) -> Iterator[dict[str, Any]]:
    readers: dict[str, Callable[[], Any]] = {
        "pydantic's parser": lambda: pydantic_core.from_json(body),
        "the message of the Python SDK": lambda: dumped(
            jsonrpc_message_adapter.validate_python(pydantic_core.from_json(body), by_name=False)
        ),
        "the message of the Python SDK, read at once": lambda: dumped(
            jsonrpc_message_adapter.validate_json(body, by_name=False)
        ),
        "the call of the Python SDK": lambda: dumped(CallToolRequest.model_validate_json(body, by_name=False)),
    }
    for by, read in readers.items():
        try:
            message = read()
        except (ValueError, RecursionError):
            continue
        yield from members(by, message)


async def endpoint(request: Request) -> Response:
    seen = list(views(await request.body()))
    try:
        seen += members("Starlette's request.json()", await request.json())
    except (ValueError, RecursionError):
        pass
    return Response(json.dumps(told(seen)), media_type="application/json")


uvicorn.run(
    Starlette(routes=[Route("/mcp", endpoint, methods=["POST"])]),
    port=int(sys.argv[1]),
    log_level="error",
    access_log=False,
    timeout_keep_alive=3600,
)
