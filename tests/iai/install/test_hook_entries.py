"""Our hooks in the text of a host's settings."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import claude, codex
from iai.install import hook_entries, json_edit
from iai.install.hook_entries import (
    CAPTURE,
    EVENTS,
    RECALL,
    SCRIPTS,
)
from iai.install.json_edit import NotJson

SCRIPTS_AT = Path("/home/me/.iai-mcp/hooks")
WANTED = {host: hook_entries.wanted(host, SCRIPTS_AT, None) for host in EVENTS}

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
handlers = st.fixed_dictionaries({"type": st.just("command"), "command": st.text()})
ours = st.sampled_from([hook.handler for hook in WANTED[claude.NAME]])
groups = st.fixed_dictionaries(
    {"hooks": st.lists(handlers | ours, max_size=3)}, optional={"matcher": st.text()}
)
events = st.sampled_from(["SessionStart", "Stop", "PreToolUse", "SubagentStop"])
settings = st.dictionaries(st.text().filter("hooks".__ne__), values, max_size=4).flatmap(
    lambda rest: st.dictionaries(events, st.lists(groups, max_size=3)).map(
        lambda own: {**rest, "hooks": own}
    )
)
layouts = st.tuples(st.sampled_from([None, 1, 2, 4, "\t"]), st.sampled_from(["\n", "\r\n"]))


def others(text: str) -> Any:
    """All that settings mean but for our hooks, and for what is empty."""
    document = json.loads(text)
    found: dict[str, Any] = {}
    for event, of_event in document.pop("hooks", {}).items():
        kept = []
        for group in of_event:
            left = [h for h in group.get("hooks", []) if not hook_entries.is_ours(h)]
            kept += [{**group, "hooks": left}] if left else []
        found |= {event: kept} if kept else {}
    return document, found


@given(settings, layouts, st.sampled_from(list(WANTED)))
def test_what_is_not_ours_keeps_its_meaning_and_its_order(
    document: dict[str, Any], layout: tuple[int | str | None, str], host: str
) -> None:
    indent, newline = layout
    text = json.dumps(document, indent=indent).replace("\n", newline)
    added = hook_entries.add(text, WANTED[host])
    assert others(added) == others(text)
    before = list(json.loads(text))
    assert list(json.loads(added))[: len(before)] == before
    there = [(event, handler) for event, _, handler in hook_entries.found(added)]
    assert sorted(there, key=str) == sorted(WANTED[host], key=str)
    assert hook_entries.add(added, WANTED[host]) == added, "twice is once"
    removed = hook_entries.remove(added)
    assert hook_entries.found(removed) == []
    assert others(removed) == others(text)
    if newline in text:
        assert "\n" not in added.replace(newline, "")


TEXTS = [
    '{\n  "model": "opus"\n}\n',
    '{\n\t"model": "opus",\n\t"hooks": {\n\t\t"Stop": [\n\t\t\t{"hooks": []}\n\t\t]\n\t}\n}',
    '{"a": 1e3, "b": "\\u00e9\\/", "a": 2}',
    (
        '{\r\n    "\u4f60": [1,2 , 3],\r\n    "hooks": {"PreToolUse": [{"matcher": "Bash",'
        ' "hooks": [{"type": "command", "command": "x"}]}]}\r\n}\r\n'
    ),
    ' \n{ "deep" : { "hooks" : { "Stop" : [ ] } } }\n\n',
    (
        '{\n  "hooks": {\n    "Stop": [{\n      "matcher": "",\n      "hooks": [{\n'
        '        "type": "command",\n        "command": "say done"\n      }]\n    }]\n  }\n}\n'
    ),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("host", WANTED)
def test_what_was_there_is_there_to_the_byte_and_comes_back(text: str, host: str) -> None:
    added = hook_entries.add(text, WANTED[host])
    rest = iter(added)
    assert all(char in rest for char in text), "every character, in its order"
    assert hook_entries.remove(added) == text


def test_in_an_indented_file_ours_is_indented_like_the_rest() -> None:
    text = '{\n    "hooks": {\n        "Stop": []\n    }\n}\n'
    expected = json.dumps(json.loads(hook_entries.add(text, WANTED["codex"])), indent=4) + "\n"
    assert hook_entries.add(text, WANTED["codex"]) == expected


def test_in_a_file_of_one_line_ours_is_in_that_line() -> None:
    assert "\n" not in hook_entries.add('{"a":1}', WANTED["claude"])


@pytest.mark.parametrize("text", ["", " \n", "{}", "{ }"])
def test_empty_settings_come_to_be_laid_out_for_reading(text: str) -> None:
    added = hook_entries.add(text, WANTED["claude"])
    assert json.dumps(json.loads(added), indent=2) == added.strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("// mine\n{}", "is not valid JSON"),
        ('{"a": 1,}', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("\ufeff{}", "is not valid JSON"),
        ("[]", "is not a JSON object"),
        ('{"hooks": []}', '"hooks" that is no object'),
        ('{"hooks": {"Stop": {}}}', "hooks for Stop"),
        ('{"hooks": {"Stop": ["x"]}}', "hooks for Stop"),
        ('{"hooks": {"Stop": [{"hooks": {}}]}}', "hooks for Stop"),
    ],
)
def test_settings_of_another_shape_are_refused(text: str, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        hook_entries.add(text, WANTED["claude"])
    with pytest.raises(NotJson, match=why):
        hook_entries.remove(text)


def test_hooks_put_in_by_hand_or_from_an_older_place_are_replaced_where_they_stand() -> None:
    old = {"type": "command", "command": f"/checkout/hooks/{CAPTURE}", "timeout": 5}
    own = {"type": "command", "command": "mine"}
    text = json.dumps({"hooks": {"Stop": [{"hooks": [old]}, {"hooks": [own]}]}}, indent=2)
    added = json.loads(hook_entries.add(text, WANTED["claude"]))["hooks"]["Stop"]
    new = next(hook.handler for hook in WANTED["claude"] if hook.event == "Stop")
    assert added == [{"hooks": [new]}, {"hooks": [own]}]


def test_a_hook_of_ours_in_an_event_that_needs_none_is_taken_out() -> None:
    old = {"type": "command", "command": f"/checkout/hooks/{CAPTURE}"}
    added = hook_entries.add(
        json.dumps({"hooks": {"SubagentStop": [{"hooks": [old]}]}}), WANTED["codex"]
    )
    assert "SubagentStop" not in json.loads(added)["hooks"]


def test_timeouts_are_what_the_hosts_accept() -> None:
    for host, of_host in EVENTS.items():
        assert [event for event, script, _ in of_host if script == RECALL] == ["SessionStart"]
        limits = {"SessionEnd": 1.5 if host == claude.NAME else 3, "UserPromptSubmit": 30}
        for event, _, timeout in of_host:
            assert 1 <= timeout <= limits.get(event, 600)


def test_command_lines_name_no_version_and_no_environment() -> None:
    for host in EVENTS:
        text = json.dumps([hook.handler for hook in WANTED[host]])
        assert ".venv" not in text
        assert "python" not in text


def test_a_path_with_spaces_and_quotes_reaches_the_script_whole() -> None:
    store = Path("/home/a b/it's $HOME/s")
    for hook in hook_entries.wanted(codex.NAME, store / "hooks", store):
        words = shlex.split(hook.handler["command"])
        assert words[0] == "bash"
        assert words[1:] == [str(store / "hooks" / Path(words[1]).name), str(store)]
        assert Path(words[1]).name in SCRIPTS
    for hook in hook_entries.wanted(claude.NAME, store / "hooks", store):
        assert hook.handler["args"] == [str(store)]
        assert Path(hook.handler["command"]).parent == store / "hooks"


def test_of_two_members_by_one_name_the_last_counts() -> None:
    text = '{"hooks": {"Stop": "old"}, "hooks": {}}'
    assert json_edit.parse(hook_entries.add(text, WANTED["codex"]))["hooks"].keys() == {
        event for event, _, _ in EVENTS["codex"]
    }
