"""Our hooks in the text of a host's settings: added, found, and removed."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import claude, codex
from iai.install import hook_entries, json_edit
from iai.install.hook_entries import CAPTURE, EVENTS, RECALL, SCRIPTS, Hook
from iai.install.installer import HOSTS
from iai.install.json_edit import NotJson

SCRIPTS_AT = Path("/home/me/.iai-mcp/hooks")
HOOKS = {host: hook_entries.hooks_for(host, SCRIPTS_AT, None) for host in HOSTS}
WITH_FILES = [hook_entries.hooks_for(host, SCRIPTS_AT, None, file_history=True) for host in HOSTS]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
handlers = st.fixed_dictionaries({"type": st.just("command"), "command": st.text()})
ours = st.sampled_from([hook.handler for hook in HOOKS[claude.NAME]])
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


def others(text: str, parse: Callable[[str], Any] = json.loads) -> Any:
    """Return what settings mean without our hooks and what is empty."""
    document = parse(text)
    found: dict[str, Any] = {}
    for event, of_event in document.pop("hooks", {}).items():
        kept = []
        for group in of_event:
            left = [h for h in group.get("hooks", []) if not hook_entries.is_ours(h)]
            kept += [{**group, "hooks": left}] if left else []
        found |= {event: kept} if kept else {}
    return document, found


@given(settings, layouts, st.sampled_from([*HOOKS.values(), *WITH_FILES]))
def test_other_settings_keep_their_meaning_and_order(
    document: dict[str, Any], layout: tuple[int | str | None, str], hooks: tuple[Hook, ...]
) -> None:
    indent, newline = layout
    text = json.dumps(document, indent=indent).replace("\n", newline)
    added = hook_entries.add(text, hooks)
    assert others(added) == others(text)
    before = list(json.loads(text))
    assert list(json.loads(added))[: len(before)] == before
    there = [(event, handler) for event, _, handler in hook_entries.installed(added)]
    assert sorted(there, key=str) == sorted(((h.event, h.handler) for h in hooks), key=str)
    assert hook_entries.add(added, hooks) == added, "adding twice changes nothing"
    removed = hook_entries.remove(added)
    assert not hook_entries.installed(removed)
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


COMMENTED = [
    '{\n  // my model\n  "model": "opus" // the best\n}\n',
    '{\n  "model": "opus", // the best\n  /* none */\n}\n',
    '{\n  "model": "opus",\n}\n',
    '{"a": 1 /* one */, "b": [1, 2,], /* two */}',
    "// first\n{\n  // nothing yet\n}\n// last",
    '{\n\t"hooks": {\n\t\t// mine\n\t\t"Stop": [ // none\n\t\t]\n\t}\n}',
    '{\r\n  "url": "https://x/*y*/", // "hooks": {\r\n}\r\n',
    (
        '{\n  "hooks": {\n    "Stop": [\n      {"hooks": [{"type": "command", "command": "x"}]} //x'
        "\n    ]\n  }\n}\n"
    ),
    '{ // one\n"a": 1 // two\n}',
    '{"a": 1 // one\n}',
]


@pytest.mark.parametrize("text", TEXTS + COMMENTED)
@pytest.mark.parametrize("host", HOOKS)
def test_adding_keeps_every_character_and_removing_restores_the_text(text: str, host: str) -> None:
    added = hook_entries.add(text, HOOKS[host])
    rest = iter(added)
    assert all(char in rest for char in text), "every character, in order"
    assert hook_entries.remove(added) == text


def test_hooks_are_indented_like_the_rest_of_the_file() -> None:
    text = '{\n    "hooks": {\n        "Stop": []\n    }\n}\n'
    expected = json.dumps(json.loads(hook_entries.add(text, HOOKS["codex"])), indent=4) + "\n"
    assert hook_entries.add(text, HOOKS["codex"]) == expected


def test_a_one_line_file_stays_one_line() -> None:
    assert "\n" not in hook_entries.add('{"a":1}', HOOKS["claude"])


@pytest.mark.parametrize("text", ["", " \n", "{}", "{ }"])
def test_empty_settings_get_a_readable_layout(text: str) -> None:
    added = hook_entries.add(text, HOOKS["claude"])
    assert json.dumps(json.loads(added), indent=2) == added.strip()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("// mine\n", "is not valid JSON"),
        ("/* mine {}", "is not valid JSON"),
        ('{"a": 1,,}', "is not valid JSON"),
        ("{,}", "is not valid JSON"),
        ('{"hooks": {"Stop": [ , ]}}', "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("\ufeff{}", "is not valid JSON"),
        ("[]", "is not a JSON object"),
        ('{"hooks": []}', '"hooks" that is not an object'),
        ('{"hooks": {"Stop": {}}}', "hooks for Stop"),
        ('{"hooks": {"Stop": ["x"]}}', "hooks for Stop"),
        ('{"hooks": {"Stop": [{"hooks": {}}]}}', "hooks for Stop"),
    ],
)
def test_settings_of_another_shape_are_rejected(text: str, why: str) -> None:
    with pytest.raises(NotJson, match=why):
        hook_entries.add(text, HOOKS["claude"])
    with pytest.raises(NotJson, match=why):
        hook_entries.remove(text)


def test_hooks_added_by_hand_or_with_an_old_path_are_replaced_in_position() -> None:
    old = {"type": "command", "command": f"/checkout/hooks/{CAPTURE}", "timeout": 5}
    own = {"type": "command", "command": "mine"}
    text = json.dumps({"hooks": {"Stop": [{"hooks": [old]}, {"hooks": [own]}]}}, indent=2)
    added = json.loads(hook_entries.add(text, HOOKS["claude"]))["hooks"]["Stop"]
    new = next(hook.handler for hook in HOOKS["claude"] if hook.event == "Stop")
    assert added == [{"hooks": [new]}, {"hooks": [own]}]


def test_our_hook_on_an_event_that_needs_none_is_removed() -> None:
    old = {"type": "command", "command": f"/checkout/hooks/{CAPTURE}"}
    added = hook_entries.add(
        json.dumps({"hooks": {"SubagentStop": [{"hooks": [old]}]}}), HOOKS["codex"]
    )
    assert "SubagentStop" not in json.loads(added)["hooks"]


def test_timeouts_are_within_the_hosts_limits() -> None:
    assert [event for event, script, _ in EVENTS if script == RECALL] == ["SessionStart"]
    limits = {"SessionEnd": 1.5, "UserPromptSubmit": 30}  # Claude Code's, the stricter
    for event, _, timeout in EVENTS:
        assert 1 <= timeout <= limits.get(event, 600)


def test_command_lines_depend_on_no_version_or_environment() -> None:
    for host in HOSTS:
        text = json.dumps([hook.handler for hook in HOOKS[host]])
        assert ".venv" not in text
        assert "python" not in text


def test_a_path_with_spaces_and_quotes_reaches_the_script_intact() -> None:
    store = Path("/home/a b/it's $HOME/s")
    for hook in hook_entries.hooks_for(codex.NAME, store / "hooks", store):
        words = shlex.split(hook.handler["command"])
        assert words[0] == "bash"
        assert words[1:] == [str(store / "hooks" / Path(words[1]).name), str(store)]
        assert Path(words[1]).name in SCRIPTS
    for hook in hook_entries.hooks_for(claude.NAME, store / "hooks", store):
        assert hook.handler["args"] == [str(store)]
        assert Path(hook.handler["command"]).parent == store / "hooks"


def test_the_last_of_two_equal_keys_counts() -> None:
    text = '{"hooks": {"Stop": "old"}, "hooks": {}}'
    assert json_edit.parse(hook_entries.add(text, HOOKS["codex"]))["hooks"].keys() == {
        event for event, _, _ in EVENTS
    }


def test_what_follows_a_removed_hook_does_not_end_up_in_a_comment() -> None:
    ours = json.dumps({"hooks": {"Stop": [HOOKS[claude.NAME][2].group]}})
    removed = hook_entries.remove(f'{{"a": 1, // one\n {ours[1:]}')
    assert removed == '{"a": 1 // one\n}'


TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"{}\[\],:]+|[{}\[\],:]')
COMMENT = re.compile(r"<c\d+>")


@given(settings, layouts, st.data())
def test_comments_are_kept_in_their_order_wherever_they_are(
    document: dict[str, Any], layout: tuple[int | str | None, str], data: st.DataObject
) -> None:
    indent, newline = layout
    plain = json.dumps(document, indent=indent).replace("\n", newline)
    ends = [0, *(found.end() for found in TOKEN.finditer(plain))]
    places = sorted(data.draw(st.sets(st.sampled_from(ends), max_size=6)))
    text = plain
    for number in reversed(range(len(places))):
        comment = data.draw(st.sampled_from([f"/*<c{number}>,}}*/", f" // <c{number}> ]{newline}"]))
        text = text[: places[number]] + comment + text[places[number] :]
    hooks = HOOKS[claude.NAME]
    assert json_edit.parse(text) == document
    added = hook_entries.add(text, hooks)
    assert hook_entries.add(added, hooks) == added
    removed = hook_entries.remove(added)
    for edited in (added, removed):
        kept = COMMENT.findall(edited)
        inside = COMMENT.findall(text)
        assert set(kept) <= set(inside)
        assert kept == [one for one in inside if one in kept], "none is moved"
        assert others(edited, json_edit.parse) == others(text, json_edit.parse)
