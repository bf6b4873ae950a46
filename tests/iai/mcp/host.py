"""A host that speaks MCP: the SDK's own client, over real standard input and output."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import mcp_types as types
from anyio.from_thread import BlockingPortal, start_blocking_portal
from harness.group import PATIENCE_S, Group
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

COMMAND = [sys.executable, "-m", "iai", "mcp"]
Document = dict[str, Any]


class Host:
    """One session of a host with our server."""

    def __init__(self, portal: BlockingPortal, client: Client) -> None:
        self._portal = portal
        self._client = client

    def tools(self) -> dict[str, types.Tool]:
        return {tool.name: tool for tool in self._portal.call(self._client.list_tools).tools}

    def instructions(self) -> str:
        return self._client.instructions or ""

    def ask(self, name: str, **arguments: Any) -> types.CallToolResult:
        result: types.CallToolResult = self._portal.call(self._client.call_tool, name, arguments)
        return result

    def call(self, name: str, **arguments: Any) -> tuple[Document, str]:
        """Call a tool; return its structured result, which the client has validated, and text."""
        result = self.ask(name, **arguments)
        assert not result.is_error, said(result)
        assert isinstance(result.structured_content, dict)
        return result.structured_content, said(result)

    def refused(self, name: str, **arguments: Any) -> str:
        """Call a tool that fails; return its error."""
        result = self.ask(name, **arguments)
        assert result.is_error, said(result)
        assert result.structured_content is None
        assert "\n" not in said(result)
        return said(result)


def said(result: types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, types.TextContent)
    return content.text


@contextmanager
def host(g: Group, *options: str, mode: Any = "auto", cwd: Path | None = None) -> Iterator[Host]:
    """Start our server as a host does. `legacy` shakes hands, as hosts did before 2026."""
    server = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], *options], env=g.environment, cwd=cwd or g.work
    )
    with (g.work / "mcp.log").open("a") as log, start_blocking_portal() as portal:
        client = Client(stdio_client(server, log), mode=mode)
        with portal.wrap_async_context_manager(client):
            yield Host(portal, client)


class Spoken(NamedTuple):
    """What a server answered."""

    answers: list[Document]
    returncode: int
    complaints: str


def spoken(
    command: list[str], environment: dict[str, str], cwd: Path, *messages: Document
) -> Spoken:
    """Send raw messages to a server; close its input once all are answered."""
    server = subprocess.Popen(
        command, env=environment, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        for message in messages:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        server.stdin.flush()
        lines = [server.stdout.readline() for message in messages if "id" in message]
        rest, complaints = server.communicate(timeout=PATIENCE_S)
    finally:
        server.kill()
        server.wait()
    answers = [json.loads(line) for line in [*lines, *rest.splitlines()] if line]
    return Spoken(answers, server.returncode, complaints)


INITIALIZE: Document = {
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
