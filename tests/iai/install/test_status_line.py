"""Our status line in the text of Claude Code's settings: added beside another one, and removed."""

import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iai.hosts import claude
from iai.install import status_line
from iai.install.json_edit import NotJson
from tests.iai.install.test_installer import CONTENTS, WALL, Home

SCRIPT = Path("/home/me/a b/.iai-mcp/hooks") / status_line.SCRIPT


def line(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text)["statusLine"]
    return found


@pytest.mark.parametrize("store", [None, Path("/it's mine")])
def test_it_is_a_command_with_the_store_if_that_is_not_the_usual_one(store: Path | None) -> None:
    added = status_line.add('{"model": "opus"}', SCRIPT, store)
    words = shlex.split(str(line(added)["command"]))
    assert words == [str(SCRIPT), *([str(store)] if store else [])]
    assert status_line.add(added, SCRIPT, store) == added
    assert status_line.remove(added) == '{"model": "opus"}'


@given(
    other=st.text(min_size=1).filter(lambda text: status_line.SCRIPT not in text),
    usual=st.booleans(),
)
def test_another_status_line_is_kept_as_an_argument_of_ours(other: str, *, usual: bool) -> None:
    before = json.dumps({"statusLine": {"type": "command", "command": other, "padding": 0}})
    added = status_line.add(before, SCRIPT, None if usual else Path("/store"))
    assert line(added)["padding"] == 0
    assert shlex.split(str(line(added)["command"]))[2] == other
    again = status_line.add(added, SCRIPT.parent / "moved" / SCRIPT.name, None)
    assert shlex.split(str(line(again)["command"]))[2] == other, "an upgrade keeps it"
    assert json.loads(status_line.remove(again)) == json.loads(before)


@pytest.mark.parametrize("value", ["[]", '"x"', "{}", '{"command": 1}', "null"])
def test_a_status_line_that_is_no_command_is_left_alone(value: str) -> None:
    with pytest.raises(NotJson, match="that is not a command"):
        status_line.add(f'{{"statusLine": {value}}}', SCRIPT, None)
    assert status_line.remove(f'{{"statusLine": {value}}}') == f'{{"statusLine": {value}}}'


OTHERS = b'{\n  "statusLine": {"type": "command", "command": "npx line", "padding": 2},\n  "a": 1}'


@pytest.mark.parametrize("data", [*CONTENTS.values(), OTHERS], ids=[*CONTENTS, "another line"])
def test_uninstall_restores_the_settings_to_the_byte(tmp_path: Path, data: bytes | None) -> None:
    home = Home(tmp_path, claude.NAME)
    home.holds(data)
    home.installer.install(WALL)
    with_line = home.installer
    with_line._with_status_line = True
    with_line.install(WALL)
    settings = (home.data() or b"").decode()
    assert status_line.installed(settings)
    assert home.layout.status_line_script.exists()
    assert not home.installer.install(WALL).needed, "without being asked, it stays"
    home.installer.uninstall(WALL)
    assert home.data() == data
    assert not home.layout.hooks.exists()


def test_it_is_taken_out_alone_when_that_is_asked_for(tmp_path: Path) -> None:
    home = Home(tmp_path, claude.NAME)
    home.holds(OTHERS)
    home.installer.install(WALL)
    hooks = home.data()
    for wanted in (True, False):
        one = home.installer
        one._with_status_line = wanted
        one.install(WALL)
    assert home.data() == hooks
    assert not home.layout.status_line_script.exists()


def test_after_other_edits_the_other_line_is_put_back_and_ours_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path, claude.NAME)
    home.holds(OTHERS)
    one = home.installer
    one._with_status_line = True
    one.install(WALL)
    home.holds((home.data() or b"").replace(b'"a": 1', b'"a": 2'))
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS.replace(b'"a": 1', b'"a": 2')
