"""What `iai hooks status` claims of the hooks, and what it does not."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from iai.clock import NS, Now
from iai.hosts import claude, codex, hooks, seen
from iai.hosts.hooks import Hook
from iai.layout import Layout
from iai.store.records import Change, Records, Source, Transcript
from tests.iai.store.builders import new_record

FILE = Path("/home/me/.codex/hooks.json")
WANTED = hooks.wanted(codex.NAME, Path("/home/me/.iai-mcp/hooks"), None)
TEXT = hooks.add("", WANTED)


def key(event: str, group: int = 0) -> str:
    return f"{FILE}:{event}:{group}:0"


def trust(config: dict[str, Any] | None, text: str = TEXT) -> list[str]:
    return [one.trusted for one in seen.hooks_seen(codex.NAME, text, WANTED, FILE, config)]


def trusted_config(**changes: object) -> dict[str, Any]:
    names = ("session_start", "user_prompt_submit", "stop", "pre_compact", "session_end")
    state = {
        key(name): {"trusted_hash": seen.digest(hook), **changes}
        for name, hook in zip(names, WANTED, strict=True)
    }
    return {"hooks": {"state": state}}


def test_the_digest_is_codexs_own() -> None:
    # As codex-cli made it for a hook of another tool; that one has a matcher, which ours have not.
    command = "'/Applications/GWT.app/Contents/MacOS/gwtd' hook event PostToolUse"
    handler = {"type": "command", "command": command, "timeout": 600}
    assert seen.digest(Hook("PostToolUse", handler), matcher="*") == (
        "sha256:9c3ce103f03f0b27a28bc4a30883f7e98a80b5df566b4572fcbb2955ebf5ba62"
    )


def test_a_hook_is_trusted_only_by_its_very_digest_and_place() -> None:
    assert trust(trusted_config()) == ["yes"] * 5
    assert trust({}) == ["no"] * 5
    assert trust(None) == ["unknown"] * 5, "config.toml cannot be read"
    assert trust(trusted_config(enabled=False)) == ["no"] * 5
    assert trust(trusted_config(trusted_hash="sha256:other")) == ["unknown"] * 5
    assert trust({"hooks": {"state": []}}) == ["no"] * 5
    moved = json.loads(TEXT)
    moved["hooks"]["Stop"].insert(0, {"hooks": [{"type": "command", "command": "mine"}]})
    assert trust(trusted_config(), json.dumps(moved)) == ["yes", "yes", "no", "yes", "yes"]


def test_claude_code_asks_for_no_trust_in_single_hooks() -> None:
    wanted = hooks.wanted(claude.NAME, Path("/s/hooks"), None)
    found = seen.hooks_seen(claude.NAME, hooks.add("", wanted), wanted, FILE, {})
    assert {one.trusted for one in found} == {"not asked for"}


def test_a_hook_of_another_version_or_twice_differs() -> None:
    def states(text: str) -> list[str]:
        found = seen.hooks_seen(codex.NAME, text, WANTED, FILE, {})
        return [one.installed for one in found]

    assert states("") == states("{}") == ["no"] * 5
    assert states(TEXT) == ["yes"] * 5
    assert states(TEXT.replace('"timeout": 10', '"timeout": 9')) == ["differs", *["yes"] * 4]
    twice = json.loads(TEXT)
    twice["hooks"]["Stop"] *= 2
    assert states(json.dumps(twice)) == ["yes", "yes", "differs", "yes", "yes"]


def test_configuration_that_keeps_hooks_from_working_is_warned_of() -> None:
    def warnings(host: str, text: str, config: dict[str, Any] | None) -> str:
        found = seen.hooks_seen(codex.NAME, TEXT, WANTED, FILE, config)
        return "\n".join(seen.warnings(host, text, found, config))

    assert warnings(codex.NAME, TEXT, trusted_config()) == ""
    assert "does not call a hook before you trust it" in warnings(codex.NAME, TEXT, {})
    off = {**trusted_config(), "features": {"hooks": False}}
    assert "switches hooks off" in warnings(codex.NAME, TEXT, off)
    plugin = {**trusted_config(), "plugins": {"iai@iai": {"enabled": True}}}
    assert "the plugin is enabled, too" in warnings(codex.NAME, TEXT, plugin)
    plugin["plugins"]["iai@iai"]["enabled"] = False
    assert warnings(codex.NAME, TEXT, plugin) == ""
    assert "no hook is called" in warnings(claude.NAME, '{"disableAllHooks": true}', {})
    assert "plugin" in warnings(claude.NAME, '{"enabledPlugins": {"iai@iai": true}}', {})


@pytest.mark.parametrize(
    ("text", "config"), [(None, {}), ('model = "x"', {"model": "x"}), ("[", None), ("\xff", None)]
)
def test_codexs_settings_are_read_or_not_known(
    tmp_path: Path, text: str | None, config: dict[str, Any] | None
) -> None:
    if text is not None:
        (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))
    assert seen.codex_config(tmp_path) == config


def test_the_last_line_of_the_log_is_the_last_start(layout: Layout) -> None:
    log = layout.logs / "recall-hook.log"
    assert seen.last_start(layout) is None
    log.write_text("")
    assert seen.last_start(layout) is None
    log.write_text("2026-11-23T10:00:00Z old\n" * 500 + "2026-11-23T10:00:01Z cache-hit age=2s\n")
    last = seen.last_start(layout)
    assert last is not None
    assert (last.at, last.outcome) == (1_795_428_001 * NS, "cache-hit age=2s")
    log.write_text("no time\n")
    assert seen.last_start(layout) is None


def spool(layout: Layout, **event: str) -> None:
    (layout.spool_new / f"{len(list(layout.spool_new.iterdir()))}.json").write_text(
        json.dumps(event)
    )


def test_an_event_that_waits_belongs_to_its_host(layout: Layout) -> None:
    assert seen.last_capture(layout, claude.NAME) is None
    spool(layout, hook_event_name="Stop", turn_id="t")
    spool(layout, hook_event_name="SessionEnd", transcript_path="/h/.codex/s/rollout-1.jsonl")
    assert seen.last_capture(layout, claude.NAME) is None
    found = seen.last_capture(layout, codex.NAME)
    assert found is not None
    assert found.outcome == "SessionEnd waits in the spool"
    assert abs(time.time_ns() - found.at) < 3_600 * NS
    spool(layout, hook_event_name="UserPromptSubmit", prompt="hello")
    found = seen.last_capture(layout, claude.NAME)
    assert found is not None
    assert found.outcome == "UserPromptSubmit waits in the spool"


def test_what_was_only_imported_is_no_sign_of_a_hook(layout: Layout) -> None:
    at = 1_795_000_000 * NS

    def put(path: str, followed_until: int) -> None:
        records = Records(layout.records, writer=True)

        def change(unit: Change) -> None:
            unit.insert(new_record(path, host=claude.NAME, source=Source(path, 0, "")))
            unit.follow(Transcript(path=path, host=claude.NAME, followed_until=followed_until))

        records.commit(change, Now(at, 0))
        records.close()

    put("/imported.jsonl", 0)
    assert seen.last_capture(layout, claude.NAME) is None
    put("/hooked.jsonl", at)
    put("/imported-later.jsonl", 0)
    found = seen.last_capture(layout, claude.NAME)
    assert found == seen.Fired(at=at, outcome="a turn of the user was kept")
    assert seen.last_capture(layout, codex.NAME) is None
