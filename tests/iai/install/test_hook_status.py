"""What `iai hooks status` says about the hooks."""

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iai.config.layout import Layout
from iai.hosts import claude, codex
from iai.install import hook_entries, hook_status
from iai.model.clock import NS, Now
from iai.model.record import Source, Transcript
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import new_record

AT = 1_795_000_000 * NS
FILE = Path("/home/me/.codex/hooks.json")
HOOKS = hook_entries.hooks_for(codex.NAME, Path("/home/me/.iai-mcp/hooks"), None)
TEXT = hook_entries.add("", HOOKS)


def key(event: str, group: int = 0) -> str:
    return f"{FILE}:{event}:{group}:0"


def trust(config: dict[str, Any] | None, text: str = TEXT) -> list[str]:
    return [one.trusted for one in hook_status.inspect(codex.NAME, text, HOOKS, FILE, config)]


def trusted_config(**changes: object) -> dict[str, Any]:
    names = ("session_start", "user_prompt_submit", "stop", "pre_compact", "session_end")
    state = {
        key(name): {"trusted_hash": hook_status.digest(hook), **changes}
        for name, hook in zip(names, HOOKS, strict=True)
    }
    return {"hooks": {"state": state}}


DIGESTS = {  # as codex-cli 0.169.0 lists them (app-server, hooks/list)
    "SessionStart": "ebbfd7a2d7e3df610a00b09d8d031328ff451afb839c38863d2979b8f9af8b7c",
    "UserPromptSubmit": "44aba1c8d50bd577962462acc7f917279ee8301583576d1a3e8ff3ad02c2c56b",
    "Stop": "d2263a472ac59fcc275ab9e38e20edbeaea17d180eccf05c01552eb157726872",
    "PreCompact": "e98222e655cdb52875a7759d04e884fe0cf6d53ad5f9d4440ce7923e53d5d15f",
    "SessionEnd": "0d40424a62a33d3113bcb6ee857bbe750027359a049f25fe3ccf31b7d08cb24f",
}


def test_digests_equal_codexs_own() -> None:
    store = Path("/tmp/px/u2/.iai-mcp")  # noqa: S108  where Codex was asked
    found = {
        hook.event: hook_status.digest(hook)
        for hook in hook_entries.hooks_for("codex", store / "hooks", None)
    }
    assert found == {event: f"sha256:{digest}" for event, digest in DIGESTS.items()}


def test_a_matcher_is_part_of_the_digest() -> None:
    """As in codex-rs/hooks/src/engine/discovery.rs: the sorted JSON of event, hooks and matcher."""
    one = hook_entries.Hook("PreToolUse", {"type": "command", "command": "c", "timeout": 5}, "m")
    identity = (
        '{"event_name":"pre_tool_use","hooks":[{"async":false,"command":"c","timeout":5,'
        '"type":"command"}],"matcher":"m"}'
    )
    assert hook_status.digest(one) == f"sha256:{hashlib.sha256(identity.encode()).hexdigest()}"


def test_trust_is_found_under_the_resolved_path_of_a_linked_home(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    key = f"{tmp_path.resolve()}/real/hooks.json:session_start:0:0"
    config = {"hooks": {"state": {key: {"trusted_hash": hook_status.digest(HOOKS[0])}}}}
    found = hook_status.inspect(codex.NAME, TEXT, HOOKS, tmp_path / "link" / "hooks.json", config)
    assert [one.trusted for one in found] == ["yes", *["no"] * 4]


def test_a_hook_is_trusted_only_with_its_exact_digest_and_position() -> None:
    assert trust(trusted_config()) == ["yes"] * 5
    assert trust({}) == ["no"] * 5
    assert trust(None) == ["unknown"] * 5, "config.toml cannot be read"
    assert trust(trusted_config(enabled=False)) == ["no"] * 5
    assert trust(trusted_config(trusted_hash="sha256:other")) == ["unknown"] * 5
    assert trust({"hooks": {"state": []}}) == ["no"] * 5
    moved = json.loads(TEXT)
    moved["hooks"]["Stop"].insert(0, {"hooks": [{"type": "command", "command": "mine"}]})
    assert trust(trusted_config(), json.dumps(moved)) == ["yes", "yes", "no", "yes", "yes"]


def test_claude_code_does_not_ask_for_trust_in_hooks() -> None:
    hooks = hook_entries.hooks_for(claude.NAME, Path("/s/hooks"), None)
    found = hook_status.inspect(claude.NAME, hook_entries.add("", hooks), hooks, FILE, {})
    assert {one.trusted for one in found} == {"not asked for"}


def test_a_hook_that_is_changed_or_repeated_differs() -> None:
    def states(text: str) -> list[str]:
        found = hook_status.inspect(codex.NAME, text, HOOKS, FILE, {})
        return [one.installed for one in found]

    assert states("") == states("{}") == ["no"] * 5
    assert states(TEXT) == ["yes"] * 5
    assert states(TEXT.replace('"timeout": 10', '"timeout": 9')) == ["differs", *["yes"] * 4]
    twice = json.loads(TEXT)
    twice["hooks"]["Stop"] *= 2
    assert states(json.dumps(twice)) == ["yes", "yes", "differs", "yes", "yes"]


def test_settings_that_keep_hooks_from_working_cause_warnings() -> None:
    def warnings(host: str, text: str, config: dict[str, Any] | None) -> str:
        found = hook_status.inspect(codex.NAME, TEXT, HOOKS, FILE, config)
        return "\n".join(hook_status.warnings(host, text, found, config))

    assert warnings(codex.NAME, TEXT, trusted_config()) == ""
    assert "does not call a hook before you trust it" in warnings(codex.NAME, TEXT, {})
    off = {**trusted_config(), "features": {"hooks": False}}
    assert "turns hooks off" in warnings(codex.NAME, TEXT, off)
    plugin = {**trusted_config(), "plugins": {"iai@iai": {"enabled": True}}}
    assert "the plugin is enabled, too" in warnings(codex.NAME, TEXT, plugin)
    plugin["plugins"]["iai@iai"]["enabled"] = False
    assert warnings(codex.NAME, TEXT, plugin) == ""
    assert "no hook is called" in warnings(claude.NAME, '{"disableAllHooks": true}', {})
    assert "plugin" in warnings(claude.NAME, '{"enabledPlugins": {"iai@iai": true}}', {})


@pytest.mark.parametrize(
    ("text", "config"), [(None, {}), ('model = "x"', {"model": "x"}), ("[", None), ("\xff", None)]
)
def test_codexs_settings_are_read_or_unknown(
    tmp_path: Path, text: str | None, config: dict[str, Any] | None
) -> None:
    if text is not None:
        (tmp_path / "config.toml").write_bytes(text.encode("latin-1"))
    assert hook_status.codex_config(tmp_path) == config


def test_the_last_line_of_the_log_is_the_last_start(layout: Layout) -> None:
    log = layout.logs / "recall-hook.log"
    assert hook_status.last_start(layout) is None
    log.write_text("")
    assert hook_status.last_start(layout) is None
    log.write_text("2026-11-23T10:00:00Z old\n" * 500 + "2026-11-23T10:00:01Z cache-hit age=2s\n")
    last = hook_status.last_start(layout)
    assert last is not None
    assert (last.at, last.outcome) == (1_795_428_001 * NS, "cache-hit age=2s")
    log.write_text("no time\n")
    assert hook_status.last_start(layout) is None


def spool(layout: Layout, **event: str) -> None:
    (layout.spool_new / f"{len(list(layout.spool_new.iterdir()))}.json").write_text(
        json.dumps(event)
    )


def test_a_waiting_event_counts_for_its_host(layout: Layout) -> None:
    assert hook_status.last_capture(layout, claude.NAME) is None
    spool(layout, hook_event_name="Stop", turn_id="t")
    spool(layout, hook_event_name="SessionEnd", transcript_path="/h/.codex/s/rollout-1.jsonl")
    assert hook_status.last_capture(layout, claude.NAME) is None
    found = hook_status.last_capture(layout, codex.NAME)
    assert found is not None
    assert found.outcome == "SessionEnd waits in the spool"
    assert abs(time.time_ns() - found.at) < 3_600 * NS
    spool(layout, hook_event_name="UserPromptSubmit", cwd="/p", prompt="hello")
    found = hook_status.last_capture(layout, claude.NAME)
    assert found is not None
    assert found.outcome == "UserPromptSubmit waits in the spool"


@pytest.fixture
def keep(layout: Layout) -> Callable[[str, int, int], None]:
    """Return a function that keeps a turn of a transcript, last named by a hook at a time."""

    def put(path: str, at: int, heard_at: int) -> None:
        followed = Transcript(
            path=path, host=claude.NAME, heard_at=heard_at, followed_until=heard_at and at + NS
        )

        def change(unit: RecordChange) -> None:
            turn = new_record(f"{path} {at}", host=claude.NAME, source=Source(path, 0, ""))
            unit.records.insert(turn)
            unit.transcripts.follow(followed)

        records = Records(layout.records, writer=True)
        records.commit(change, Now(at, 0))
        records.close()

    return put


def test_an_imported_transcript_is_no_sign_of_a_hook(
    layout: Layout, keep: Callable[[str, int, int], None]
) -> None:
    keep("/imported.jsonl", AT, 0)
    assert hook_status.last_capture(layout, claude.NAME) is None
    keep("/hooked.jsonl", AT, AT)
    keep("/imported-later.jsonl", AT, 0)
    found = hook_status.last_capture(layout, claude.NAME)
    assert found == hook_status.LastRun(at=AT, outcome="a turn of the user was kept")
    assert hook_status.last_capture(layout, codex.NAME) is None


def test_what_is_said_after_the_hooks_ceased_is_no_sign_of_one(
    layout: Layout, keep: Callable[[str, int, int], None]
) -> None:
    keep("/hooked.jsonl", AT, AT)
    keep("/hooked.jsonl", AT + 600 * NS, AT)
    found = hook_status.last_capture(layout, claude.NAME)
    assert found == hook_status.LastRun(at=AT, outcome="a turn of the user was kept")
