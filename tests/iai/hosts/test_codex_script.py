"""Scripts of Codex's: which calls stand in them."""

import json
from typing import Any

import pytest

from iai.hosts.codex_script import calls

PATCH = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch"


def only(script: str) -> tuple[str, dict[str, Any]]:
    (call,) = calls(script)
    return call.name, call.arguments


@pytest.mark.parametrize(
    "script",
    [
        'const r = await tools.exec_command({"cmd":"make all","workdir":"/w"});\ntext(r.output);',
        "text(await tools.exec_command({cmd: 'make all', workdir: '/w', yield_time_ms: 1000}))",
        "await tools.exec_command({workdir:`/w`,\n  cmd:`make all`,\n});",
        'const cmd = "make all"; const r = await tools.exec_command({cmd, workdir: "/w"});',
        'let line = "make all";\nawait tools.exec_command({ cmd: line, workdir: "/w" })',
    ],
)
def test_a_command_is_read_however_its_arguments_are_written(script: str) -> None:
    assert only(script) == ("exec_command", {"cmd": "make all", "workdir": "/w"})


def test_a_command_may_be_a_list_of_words() -> None:
    script = 'await tools.shell({"command": ["git", "status", \'--short\'], workdir: "/w"})'
    assert only(script)[1] == {"command": ["git", "status", "--short"], "workdir": "/w"}


def test_letters_that_are_escaped_are_read() -> None:
    script = (
        r"""await tools.exec_command({cmd: 'printf "a\tb" > \'c d\'; echo \u{1F600}\x41\u0042'})"""
    )
    assert only(script)[1] == {"cmd": "printf \"a\tb\" > 'c d'; echo \N{GRINNING FACE}AB"}


@pytest.mark.parametrize(
    "script",
    [
        f"const patch = {json.dumps(PATCH)};\ntext(await tools.apply_patch(patch));",
        f"await tools.apply_patch(`{PATCH}`)",
        f"await tools.apply_patch({json.dumps({'input': PATCH})})",
    ],
)
def test_a_patch_is_read_from_a_text_or_by_its_name(script: str) -> None:
    assert only(script) == ("apply_patch", {"input": PATCH})


def test_a_plan_is_read_with_the_state_of_each_step() -> None:
    script = (
        'const p = [{step: "Read it", status: "completed"}, {"status":"pending","step":"Mend it"}];'
        "tools.update_plan({plan: p})"
    )
    steps = [{"step": "Read it", "status": "completed"}, {"step": "Mend it", "status": "pending"}]
    assert only(script) == ("update_plan", {"plan": steps})


def test_several_calls_are_told_apart_and_keep_their_order() -> None:
    script = (
        "const [a, b] = await Promise.all([\n"
        '  tools.exec_command({cmd: "git status"}),\n  tools.exec_command({cmd: "ls"}),\n]);\n'
        'await tools.view_image({path: "shot.png"});'
    )
    assert [call.arguments for call in calls(script)] == [
        {"cmd": "git status"},
        {"cmd": "ls"},
        {"path": "shot.png"},
    ]


@pytest.mark.parametrize(
    "script",
    [
        "",
        'text("nothing")',
        "await tools.exec_command({cmd: build()})",
        "await tools.exec_command({cmd: `rm ${name}`})",
        'await tools.apply_patch(["*** Begin Patch", "*** End Patch"].join("\\n"))',
        "await tools.exec_command({cmd: 'never closed",
        "tools.exec_command(" * 50,
        '"\\u{FFFFFFF}"; tools.wait({})',
    ],
)
def test_what_is_put_together_by_the_script_is_not_told(script: str) -> None:
    assert list(calls(script)) == []
