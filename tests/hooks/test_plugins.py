"""The same hooks as plugins, against what the hosts document of their formats.

Claude Code: plugin manifest, marketplace and hooks references of 2.1. Codex: rust-v0.155,
`core-plugins/src/manifest.rs` and `marketplace.rs`, where the path of a plugin must not be the
marketplace itself: that is why its plugin is the directory `hooks`.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from harness.group import CHECKOUT, PATIENCE_S, Group
from harness.host import Run
from msgspec import Struct

from iai import __version__, cli
from iai.hosts import claude
from iai.install import hook_entries
from iai.mcp.tools import TOOLS
from tests.hooks.test_recall_hook import READY, Make, Store
from tests.iai.mcp.host import INITIALIZE, spoken


class Strict(Struct, forbid_unknown_fields=True, rename="camel"):
    """An object with only documented members."""


class McpServer(Struct, forbid_unknown_fields=True):
    """A server on stdio. `env_vars` is Codex's: the variables it passes on."""

    command: str
    args: list[str]
    env_vars: list[str] = []


class Author(Strict):
    name: str
    email: str = ""
    url: str = ""


class ClaudeManifest(Strict):
    name: str
    version: str = ""
    description: str = ""
    author: Author | None = None
    homepage: str = ""
    repository: str = ""
    license: str = ""
    keywords: list[str] = []
    hooks: str | list[str] | dict[str, Any] | None = None
    commands: str | list[str] = ""
    skills: str | list[str] = ""
    mcp_servers: dict[str, McpServer] = {}


class ClaudeEntry(Strict):
    name: str
    source: str
    description: str = ""
    version: str = ""


class ClaudeMarketplace(Strict):
    name: str
    owner: Author
    plugins: list[ClaudeEntry]
    description: str = ""


class CodexManifest(Strict):
    name: str
    version: str = ""
    description: str = ""
    keywords: list[str] = []
    hooks: str | None = None
    skills: str = ""
    mcp_servers: dict[str, McpServer] = {}


class CodexSource(Strict):
    source: Literal["local"]
    path: str


class CodexPolicy(Strict):
    installation: Literal["AVAILABLE", "NOT_AVAILABLE", "INSTALLED_BY_DEFAULT"]
    authentication: Literal["ON_INSTALL", "ON_USE"]


class CodexEntry(Strict):
    name: str
    source: CodexSource
    policy: CodexPolicy
    category: str


class CodexInterface(Strict):
    display_name: str


class CodexMarketplace(Strict):
    name: str
    interface: CodexInterface
    plugins: list[CodexEntry]


class Handler(Strict):
    type: Literal["command"]
    command: str
    timeout: int
    args: list[str] | None = None


class MatcherGroup(Strict):
    hooks: list[Handler]
    matcher: str = ""


class HooksFile(Strict):
    hooks: dict[str, list[MatcherGroup]]
    description: str = ""


NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def read(path: str, kind: type[Any]) -> Any:
    return msgspec.json.decode((CHECKOUT / path).read_bytes(), type=kind, strict=True)


def test_claude_codes_files_have_the_documented_form() -> None:
    manifest = read(".claude-plugin/plugin.json", ClaudeManifest)
    assert NAME.fullmatch(manifest.name)
    assert manifest.version == __version__
    assert manifest.hooks is None, (
        "hooks/hooks.json is found by default; naming it would run it twice"
    )
    (entry,) = read(".claude-plugin/marketplace.json", ClaudeMarketplace).plugins
    assert entry.name == manifest.name
    assert entry.source.startswith("./")
    assert (CHECKOUT / entry.source / ".claude-plugin" / "plugin.json").is_file()


def test_codexs_files_have_the_documented_form() -> None:
    (entry,) = read(".agents/plugins/marketplace.json", CodexMarketplace).plugins
    assert re.fullmatch(r"\./[\w-]+(/[\w-]+)*", entry.source.path)
    root = CHECKOUT / entry.source.path
    manifest = read(f"{entry.source.path}/.codex-plugin/plugin.json", CodexManifest)
    assert manifest.name == entry.name
    assert manifest.version == __version__
    assert manifest.hooks is not None
    assert manifest.hooks.startswith("./")
    assert ".." not in manifest.hooks
    assert (root / manifest.hooks).is_file()


def test_both_plugins_have_the_hooks_that_install_adds() -> None:
    expected = hook_entries.hooks_for(claude.NAME, Path("${CLAUDE_PLUGIN_ROOT}/hooks"), None)
    document = read("hooks/hooks.json", HooksFile)
    assert document.hooks.keys() == {hook.event for hook in expected}
    for hook in expected:
        (group,) = document.hooks[hook.event]
        assert [msgspec.structs.asdict(handler) for handler in group.hooks] == [hook.handler]
    document = read("hooks/.codex-plugin/hooks.json", HooksFile)
    events = {event: (script, timeout) for event, script, timeout in hook_entries.EVENTS}
    assert document.hooks.keys() == events.keys()
    for event, (script, timeout) in events.items():
        ((handler,),) = (group.hooks for group in document.hooks[event])
        assert handler.command == f'bash "${{PLUGIN_ROOT}}/{script}"'
        assert (handler.timeout, handler.args) == (timeout, None)


def front_matter(path: Path) -> tuple[dict[str, str], str]:
    """Return the fields at the head of a Markdown file, and the rest."""
    _, head, rest = path.read_text().split("---\n", 2)
    fields = (line.partition(": ") for line in head.splitlines())
    return {name: value for name, _, value in fields}, rest


def texts_of_plugins() -> list[Path]:
    """Return the skills and commands that both manifests name."""
    claudes = read(".claude-plugin/plugin.json", ClaudeManifest)
    codexs = read("hooks/.codex-plugin/plugin.json", CodexManifest)
    skills = sorted((CHECKOUT / str(claudes.skills)).glob("*/SKILL.md"))
    assert skills == sorted((CHECKOUT / "hooks" / codexs.skills).glob("*/SKILL.md"))
    return [*skills, *sorted((CHECKOUT / str(claudes.commands)).glob("*.md"))]


def test_the_claude_plugin_has_a_skill_and_the_three_commands() -> None:
    assert [path.parent.name if path.stem == "SKILL" else path.stem
            for path in texts_of_plugins()] == ["memory", "next", "pin", "recall"]  # fmt: skip


@pytest.mark.parametrize("path", texts_of_plugins(), ids=lambda path: path.stem)
def test_a_skill_and_a_command_say_what_for_and_name_only_what_there_is(path: Path) -> None:
    fields, text = front_matter(path)
    assert 0 < len(fields["description"]) <= 1_024, "the longest that a skill may have"
    assert set(fields) <= {"name", "description", "argument-hint", "allowed-tools"}
    if path.stem == "SKILL":
        assert fields["name"] == path.parent.name
    assert set(re.findall(r"memory_[a-z_]+", text)) <= {tool.name for tool in TOOLS}
    assert set(re.findall(r"`iai ([a-z-]+)", text)) <= set(cli.COMMANDS)
    without_asking = fields.get("allowed-tools", "")
    allowed = set(re.findall(r"iai ([a-z-]+):", without_asking))
    assert allowed <= set(re.findall(r"`iai ([a-z-]+)", text))
    if path.stem != "SKILL":
        tools = re.findall("mcp__plugin_iai_iai__(memory_[a-z_]+)", without_asking)
        assert set(tools) == set(re.findall(r"`(memory_[a-z_]+)", text)), "what it is told to use"


def servers() -> list[McpServer]:
    manifests = (
        read(".claude-plugin/plugin.json", ClaudeManifest),
        read("hooks/.codex-plugin/plugin.json", CodexManifest),
    )
    return [manifest.mcp_servers["iai"] for manifest in manifests]


@pytest.mark.parametrize("server", servers(), ids=["claude", "codex"])
def test_a_plugin_starts_the_mcp_server_or_prints_a_one_line_error(
    server: McpServer, short_path: Path
) -> None:
    command = [server.command, *server.args]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(short_path)}
    missing = spoken(command, environment, short_path)
    assert (missing.returncode, missing.answers) == (1, [])
    assert re.fullmatch(r"iai: the command iai is not on the PATH: .+\n", missing.complaints)
    environment["PATH"] = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    found = spoken(command, environment, short_path, INITIALIZE)
    (answer,) = found.answers
    assert answer["result"]["serverInfo"]["name"] == "iai"
    assert (found.returncode, found.complaints) == (0, "")


PLUGINS = {
    "claude": (CHECKOUT, "hooks/hooks.json", "CLAUDE_PLUGIN_ROOT", "settings.json"),
    "codex": (CHECKOUT / "hooks", ".codex-plugin/hooks.json", "PLUGIN_ROOT", "hooks.json"),
}


@pytest.mark.parametrize("name", PLUGINS)
def test_a_plugins_hook_prints_the_text_unless_the_settings_have_the_hook(
    group: Make, name: str
) -> None:
    g: Group = group()
    store = Store(g)
    store.payload("/p")
    root, file, variable, settings = PLUGINS[name]
    handler = json.loads((root / file).read_text())["hooks"]["SessionStart"][0]["hooks"][0]
    command = handler["command"].replace(f"${{{variable}}}", str(root))
    line = [command, *handler["args"]] if "args" in handler else ["/bin/bash", "-lc", command]
    environment = {**g.environment, "CLAUDE_PLUGIN_ROOT": str(root), variable: str(root)}
    for one in ("CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        environment.pop(one, None)
    event = json.dumps({"session_id": "s", "cwd": "/p", "source": "startup"})

    def start(**more: str) -> str:
        return Run(line, event, PATIENCE_S, env={**environment, **more}, cwd=g.work).output()

    assert start() == READY
    place = g.work / f".{name}"
    place.mkdir()
    (place / settings).write_text("{}")
    assert start() == READY
    assert g.iai("hooks", "install", "--host", name).returncode == 0
    assert start() == ""
    elsewhere = {"claude": "CLAUDE_CONFIG_DIR", "codex": "CODEX_HOME"}[name]
    assert start(**{elsewhere: str(g.work / "elsewhere")}) == READY
    assert store.start("/p", CLAUDE_PLUGIN_ROOT="/plugins/of/others") == READY
    assert g.iai("hooks", "uninstall", "--host", name).returncode == 0
    assert start() == READY
