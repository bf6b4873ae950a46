"""Sessions of both hosts, from the settings that `iai hooks install` edits to a real group."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.group import Group, wait_until

from iai import spool
from tests.actors.real import texts
from tests.hooks.host import ClaudeCode, Codex

pytestmark = pytest.mark.slow
Make = Callable[..., Group]
Real = ClaudeCode | Codex


def host(group: Group, name: str) -> Real:
    kind = ClaudeCode if name == "claude" else Codex
    return kind(group.work, group.environment)


class Session:
    """One session of a host: it writes its transcript, and calls its hooks."""

    def __init__(self, host: Real, cwd: Path, name: str) -> None:
        self._host = host
        self._cwd = cwd
        self._name = name
        self._file = host.transcript(cwd, name)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(host, Codex):
            self._write({"type": "session_meta", "payload": {"id": name, "cwd": str(cwd)}})

    def start(self, source: str = "startup") -> str:
        """Start it; return the text that it starts with."""
        return self._event("SessionStart", source=source)

    def turn(self, prompt: str, answer: str) -> None:
        """Let the user say something, and the assistant answer."""
        turn = {"turn_id": prompt} if isinstance(self._host, Codex) else {"prompt_id": prompt}
        assert self._event("UserPromptSubmit", prompt=prompt, **turn) == ""
        self._write(self._host.line(self._name, self._cwd, "user", prompt))
        self._write(self._host.line(self._name, self._cwd, "assistant", answer))
        self._event("Stop", stop_hook_active=False, last_assistant_message=answer, **turn)

    def end(self) -> None:
        """End it."""
        self._event("PreCompact", trigger="auto")
        self._event("SessionEnd", reason="other")

    def _event(self, name: str, **fields: object) -> str:
        about = {"session_id": self._name, "transcript_path": str(self._file), **fields}
        return self._host.event(name, self._cwd, **about)

    def _write(self, line: dict[str, object]) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(line) + "\n")


@pytest.fixture(params=["claude", "codex"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_second_session_starts_with_the_last_exchange_of_the_first(
    group: Make, name: str
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    one = host(g, name)
    project = g.work / "a project"
    project.mkdir()
    (one.directory / one.settings).write_text(
        '{"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "exit 2"}]}]}}'
    )
    g.up()
    assert g.iai("hooks", "install", "--host", name).returncode == 0
    if isinstance(one, Codex):
        silent = Session(one, project, "untrusted")
        silent.turn("nobody hears this", "nor this")
        assert spool.waiting(g.layout.spool_new) == []
        assert texts(g) == []
        one.trust_all()
        trusted = {hook["trusted"] for hook in g.json("hooks", "status")[name]["hooks"]}
        assert trusted == {"yes"}

    first = Session(one, project, "first")
    first.start()
    first.turn("why does the job fail on mondays?", "It reads a file that cron deletes on sundays.")
    first.turn("then keep the file", "Done: the clean-up now spares it.")
    first.end()
    wait_until(lambda: len(texts(g)) == 4, "both turns are in the store")
    g.settle()

    started = Session(one, project, "second").start()
    assert "> then keep the file\n" in started
    assert "> Done: the clean-up now spares it.\n" in started
    assert "why does the job fail" in started
    elsewhere = g.work / "elsewhere"
    elsewhere.mkdir()
    assert "Done: the clean-up" not in Session(one, elsewhere, "third").start()

    seen = g.json("hooks", "status")[name]
    assert seen["capture"]["outcome"] == "a turn of the assistant was kept"
    assert seen["start"]["outcome"].startswith(("cache-hit", "cache-absent"))
    other = "codex" if name == "claude" else "claude"
    assert g.json("hooks", "status", "--host", other)[other]["capture"] is None


def test_an_upgrade_keeps_the_command_lines_and_so_the_trust(group: Make) -> None:
    g = group()
    one = host(g, "codex")
    g.iai("hooks", "install", "--host", "codex")
    assert isinstance(one, Codex)
    one.trust_all()
    before = one.document()
    (g.layout.hooks / "iai-mcp-turn-capture.sh").write_text("# an older version\n")
    g.iai("hooks", "install", "--host", "codex")
    assert one.document() == before
    assert len(list(one.handlers("Stop", ""))) == 1
    Session(one, g.work, "s").turn("hello", "hi")
    assert len(spool.waiting(g.layout.spool_new)) == 2


def test_a_store_with_a_space_and_a_quote_in_its_path_is_found_by_both_hosts(group: Make) -> None:
    g = group()
    g.layout = type(g.layout)(g.work / "it's a store")
    g.environment["IAI_MCP_STORE"] = str(g.layout.root)
    for number, name in enumerate(("claude", "codex")):
        one = host(g, name)
        assert g.iai("hooks", "install", "--host", name).returncode == 0
        if isinstance(one, Codex):
            one.trust_all()
        Session(one, g.work, name).turn("hello", "hi")
        assert len(spool.waiting(g.layout.spool_new)) == 2 * (number + 1)
        Session(one, g.work, "next").start()
        assert len((g.layout.logs / "recall-hook.log").read_text().splitlines()) == number + 1
    assert not (g.work / ".iai-mcp").exists()


def test_a_hook_of_others_that_hangs_is_killed_and_ours_has_run(group: Make) -> None:
    g = group()
    one = host(g, "claude")
    hanging = {"type": "command", "command": "sleep 600", "timeout": 0.2}
    settings = {"hooks": {"SessionEnd": [{"matcher": "other|clear", "hooks": [hanging]}]}}
    (one.directory / one.settings).write_text(json.dumps(settings))
    g.iai("hooks", "install", "--host", "claude")
    Session(one, g.work, "s").end()
    assert len(spool.waiting(g.layout.spool_new)) == 2
