"""A server of fastmcp (PyPI) without authorization: its tools tell what reached it, and answer at length."""

import hashlib
import sys

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers
from fastmcp.tools import ToolResult

server = FastMCP("Somebody else's server")


@server.tool
def headers() -> dict[str, str]:
    """All headers of this request."""
    return get_http_headers(include_all=True)


@server.tool(output_schema=None)
def digits(mebibytes: int) -> ToolResult:
    """So many MiB of hexadecimal digits, the same each time."""
    return ToolResult(hashlib.shake_128(b"keyward").hexdigest(mebibytes * 512 * 1024))


port, answers = sys.argv[1:]
server.run("http", port=int(port), json_response=answers == "json", show_banner=False, log_level="error")
