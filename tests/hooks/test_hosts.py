"""Sessions of both hosts, from the settings that `iai hooks install` edits to a real group."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group, wait_until
from harness.host import (
    ClaudeCode,
    Codex,
    Host,
    Session,
)

from iai.ingest import spool
from iai.session_start import deliveries
from tests.actors.real import texts
from tests.iai.hosts.claude_lines import edited, of_session, transcript

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


def host(group: Group, name: str) -> Host:
    one = (ClaudeCode if name == "claude" else Codex)(group.work, group.environment)
    one.patience = 100.0  # as slow as the clock of the hooks
    return one


def at_home(group: Group, name: str) -> tuple[Host, Path]:
    """Return a host that calls our hooks, and a directory to work in."""
    one = host(group, name)
    assert group.iai("hooks", "install", "--host", name).returncode == 0
    if isinstance(one, Codex):
        one.trust_all()
    project = group.work / f"p-{name}"
    project.mkdir()
    return one, project


@pytest.fixture(params=["claude", "codex"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_second_session_starts_with_the_last_exchange_of_the_first(
    group_in_process: Make, name: str
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="0")
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
    first.compact()
    first.end()
    wait_until(lambda: len(texts(g)) == 4, "both turns are in the store")
    g.settle()

    started = Session(one, project, "second").start()
    assert "\nAsked first: why does the job fail on mondays? (#1)\n" in started
    assert "\nAsked last: then keep the file (#3)\n" in started
    assert "\nAnswer: Done: the clean-up now spares it. (#4)\n" in started
    elsewhere = g.work / "elsewhere"
    elsewhere.mkdir()
    assert "Done: the clean-up" not in Session(one, elsewhere, "third").start()

    seen = g.json("hooks", "status")[name]
    assert seen["capture"]["outcome"] == "a turn of the assistant was kept"
    assert seen["start"]["outcome"].startswith(("cache-hit", "cache-absent"))
    other = "codex" if name == "claude" else "claude"
    assert g.json("hooks", "status", "--host", other)[other]["capture"] is None


def test_a_session_right_after_another_starts_with_its_last_exchange(
    group_in_process: Make,
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="3600")
    g.up()
    for name in ("claude", "codex"):
        starts_with_the_exchange_before(g, name)


def starts_with_the_exchange_before(g: Group, name: str) -> None:
    one, project = at_home(g, name)
    session = Session(one, project, f"{name}-first")
    session.turn("the first question", "the first answer")
    g.settle()
    for number in range(3):
        session.turn(f"question {number}", f"answer {number}")  # held back by the interval

        def given(now: Session = session, number: int = number) -> bool:
            """Clear it; retry while the machine is too busy to compose a text in time."""
            nonlocal session
            session, text = now.clear(f"{name}-{number}-{len(deliveries.read(g.layout))}")
            if text:
                asked = "Asked" if number else "Asked last"  # of a session with one turn, or two
                assert f"\n{asked}: question {number} (" in text
                assert f"\nAnswer: answer {number} (" in text
            return bool(text)

        wait_until(given, "a session starts with text")


def test_an_upgrade_keeps_the_command_lines_and_codexs_trust(group_in_process: Make) -> None:
    g = group_in_process()
    one, _ = at_home(g, "codex")
    before = one.document()
    (g.layout.hooks / "iai-mcp-turn-capture.sh").write_text("# an older version\n")
    g.iai("hooks", "install", "--host", "codex")
    assert one.document() == before
    assert len(list(one.handlers("Stop", ""))) == 1
    Session(one, g.work, "s").turn("hello", "hi")
    assert len(spool.waiting(g.layout.spool_new)) == 2


def test_both_hosts_find_a_store_with_a_space_and_a_quote_in_its_path(
    group_in_process: Make,
) -> None:
    g = group_in_process()
    g.layout = type(g.layout)(g.work / "it's a store")
    g.environment["IAI_MCP_STORE"] = str(g.layout.root)
    for number, name in enumerate(("claude", "codex")):
        one, _ = at_home(g, name)
        Session(one, g.work, name).turn("hello", "hi")
        assert len(spool.waiting(g.layout.spool_new)) == 2 * (number + 1)
        Session(one, g.work, "next").start()
        assert len((g.layout.logs / "recall-hook.log").read_text().splitlines()) == number + 1
    assert not (g.work / ".iai-mcp").exists()


def test_our_hook_runs_beside_one_that_hangs(group_in_process: Make) -> None:
    g = group_in_process()
    one = host(g, "claude")
    hanging = {"type": "command", "command": "sleep 600", "timeout": 0.2 / one.patience}
    settings = {"hooks": {"SessionEnd": [{"matcher": "other|clear", "hooks": [hanging]}]}}
    (one.directory / one.settings).write_text(json.dumps(settings))
    g.iai("hooks", "install", "--host", "claude")
    Session(one, g.work, "s").end()
    assert len(spool.waiting(g.layout.spool_new)) == 1


def test_across_many_sessions_each_gets_the_text_it_needs(
    group_in_process: Make, name: str
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="0")
    g.up()
    one, cwd = at_home(g, name)

    def kept(count: int) -> None:
        wait_until(lambda: len(texts(g)) == count, f"{count} turns are in the store")
        g.settle()

    def until(ask: Callable[[], str], outcome: str) -> str:
        """Retry while the machine is too busy to compose a text in time."""
        printed: list[str] = []

        def in_time() -> bool:
            wait_until(lambda: not spool.waiting(g.layout.spool_new), "the spool is read")
            printed.append(ask())
            return deliveries.read(g.layout)[-1].outcome != "nothing"

        wait_until(in_time, "the text is composed in time")
        assert deliveries.read(g.layout)[-1].outcome == outcome
        return printed[-1]

    first = Session(one, cwd, "first")
    assert until(first.start, "empty") == ""
    first.turn("which port does the proxy use?", "Port 8443, set in proxy.toml.")
    kept(2)
    second = Session(one, cwd, "second")
    begun = until(second.start, "cache-hit")
    assert "\nAsked: which port does the proxy use? (#1)\n" in begun
    assert "\nAnswer: Port 8443, set in proxy.toml. (#2)\n" in begun
    second.turn("move the proxy to port 9443", "Done: proxy.toml says 9443 now.")
    kept(4)
    moved = "\nAnswer: Done: proxy.toml says 9443 now. (#4)\n"
    assert moved in until(second.compact, "live-cli")  # the host cut it away
    gone_on = until(lambda: first.start("resume"), "live-cli")  # it was never given any
    assert moved in gone_on
    assert "8443" not in gone_on  # it knows what it said itself
    second.turn("and write it down", "Noted in docs/proxy.md.")
    kept(6)
    gone_on = until(lambda: first.start("resume"), "live-cli")
    noted = "\nAnswer: Noted in docs/proxy.md. (#6)\n"
    assert noted in gone_on
    assert "8443" not in gone_on
    assert until(lambda: first.start("resume"), "nothing-new") == ""
    cleared, text = second.clear("third")
    assert noted in text
    assert cleared.sub_agent() == ""
    _, text = first.fork("fourth")
    assert noted in text
    assert not any(call.blocked for call in one.calls)
    assert {each.host for each in deliveries.read(g.layout)} == {name}


def test_a_file_that_an_earlier_session_changed_comes_with_its_history(
    group_in_process: Make,
) -> None:
    g = group_in_process(session_cache_refresh_min_sec="0", file_history="1")
    g.up()
    for request, name in (("#1", "claude"), ("#3", "codex")):
        comes_with_its_history(g, name, request)


def comes_with_its_history(g: Group, name: str, request: str) -> None:
    """`request` is the record in which the change is asked for."""
    one, project = at_home(g, name)
    path = project / "tide.py"
    lines = edited(str(path), "mend the tide", ["-1", "+2", "+3"])
    earlier = g.work / f"{name}.jsonl"
    earlier.write_text(transcript(of_session(name, project, *lines)))
    assert g.iai("import", str(earlier), "--wait").returncode == 0
    wait_until(lambda: noted(g, path), "the notes are there")
    patch = f"*** Begin Patch\n*** Update File: {path}\n@@\n-1\n+2\n*** End Patch"
    tools = {
        "claude": ("Read", {"file_path": f"{path}"}),
        "codex": ("apply_patch", {"command": patch}),
    }
    tool, given = tools[name]
    session = Session(one, project, f"{name}-later")
    found: list[str] = []

    def in_time() -> bool:
        found.append(session.tool(tool, **given))
        return bool(found[-1])

    wait_until(in_time, "the machine is not too busy for it")
    assert f': +2 -1; for "mend the tide" ({request})' in found[-1]
    assert session.tool(tool, **given) == ""
    assert Session(one, project, f"{name}-other").tool("Bash", command=f"cat {path}") == ""
    assert "file-history (" in g.iai("injections", "--session", f"{name}-later").stdout
    assert g.iai("forget", request).returncode == 0
    wait_until(lambda: not noted(g, path), "the notes are without what was forgotten")


def noted(group: Group, path: Path) -> bool:
    return any(path.name in notes.read_text() for notes in group.layout.by_cwd.glob("*.files"))
