"""The configuration that has a host start our server."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

Environment: TypeAlias = Mapping[str, str]


class Snippet(NamedTuple):
    """A piece of configuration, and where it goes."""

    text: str
    place: str


def snippet(host: str, command: Sequence[str], environment: Environment) -> Snippet:
    """Return the configuration. `environment` has the variables that the host wouldn't pass on."""
    write, place = HOSTS[host]
    return Snippet(write(list(command), dict(environment)), place)


def _servers(command: list[str], environment: Environment) -> str:
    """The form that Claude Code, Cursor and Gemini CLI share."""
    server = {"command": command[0], "args": command[1:]}
    return _json({"mcpServers": {"iai": server | ({"env": environment} if environment else {})}})


def _opencode(command: list[str], environment: Environment) -> str:
    """The form in https://opencode.ai/docs/mcp-servers."""
    server = {"type": "local", "command": command, "enabled": True}
    more = {"environment": environment} if environment else {}
    return _json({"$schema": "https://opencode.ai/config.json", "mcp": {"iai": server | more}})


def _codex(command: list[str], environment: Environment) -> str:
    """A TOML table; its strings and arrays are written as in JSON."""
    lines = [
        "[mcp_servers.iai]",
        f"command = {_quoted(command[0])}",
        f"args = {_quoted(command[1:])}",
    ]
    pairs = ", ".join(f"{name} = {_quoted(value)}" for name, value in environment.items())
    return "\n".join([*lines, *([f"env = {{ {pairs} }}"] if pairs else [])])


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False)


def _quoted(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


HOSTS: dict[str, tuple[Callable[[list[str], Environment], str], str]] = {
    "claude": (
        _servers,
        ".mcp.json in a project; for all projects, `claude mcp add --scope user iai -- iai mcp`",
    ),
    "codex": (_codex, "$CODEX_HOME/config.toml, by default ~/.codex/config.toml"),
    "cursor": (_servers, "~/.cursor/mcp.json, or .cursor/mcp.json in a project"),
    "opencode": (
        _opencode,
        "~/.config/opencode/opencode.json, or opencode.json in a project",
    ),
    "gemini": (_servers, "~/.gemini/settings.json, or .gemini/settings.json in a project"),
}
