"""Hooks in the hosts' settings files: installed, uninstalled, and what can go wrong."""

import errno
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import CHECKOUT, PATIENCE_S

from iai.config.layout import Layout
from iai.errors import StoreError
from iai.install import hook_entries, installer, scripts, status_line
from iai.install.installer import HOSTS, Installer
from iai.install.settings_file import SettingsFault, SettingsFile

WALL = 1_795_000_000_000_000_000
OTHERS = (
    b'{\n  "model": "opus",\n  "hooks": {\n    "Stop": [\n      {"matcher": "", "hooks": ['
    b'{"type": "command", "command": "say done"}]}\n    ]\n  }\n}'
)
COMMENTED = b'{\n  // mine\n  "model": "opus", // the best\n  /* "hooks": {} */\n}\n'
CONTENTS = {
    "missing": None,
    "empty": b"",
    "an empty object": b"{}",
    "an empty object on two lines": b"{\n}\n",
    "two spaces": b'{\n  "model": "opus"\n}\n',
    "four spaces": b'{\n    "permissions": {\n        "allow": ["Bash(ls:*)"]\n    }\n}\n',
    "tabs": b'{\n\t"env": {\n\t\t"A": "1"\n\t}\n}\n',
    "windows": b'{\r\n  "model": "opus"\r\n}\r\n',
    "no newline at the end": b'{\n  "model": "opus"\n}',
    "one line": b'{"model":"opus","hooks":{}}',
    "hooks of others": OTHERS,
    "empty hooks": b'{"hooks": {"Stop": [], "SessionStart": [{"hooks": []}]}}\n',
    "unicode": '{\n  "a": "\u00e9\u4f60\U0001f9e0",\n  "b": "\\u00e9"\n}\n'.encode(),
}  # fmt: skip


class Home:
    """A user's home directory with one host."""

    def __init__(self, path: Path, host: str) -> None:
        self.path = path
        self.host = host
        self.environment = {"HOME": str(path)}
        self.layout = Layout(path / ".iai-mcp")
        self.settings = installer.settings_path(host, self.environment)
        self.settings.parent.mkdir()

    @property
    def installer(self) -> Installer:
        return Installer(self.host, self.layout, self.environment)

    def holds(self, data: bytes | None) -> None:
        if data is not None:
            self.settings.write_bytes(data)

    def data(self) -> bytes | None:
        return self.settings.read_bytes() if self.settings.exists() else None

    def backups(self) -> list[Path]:
        return sorted(self.settings.parent.glob("*.iai-backup-*"))

    def installed(self) -> int:
        return len(hook_entries.installed((self.data() or b"").decode()))


@pytest.fixture(params=HOSTS)
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Home:
    return Home(tmp_path, request.param)


@pytest.mark.parametrize("name", CONTENTS)
def test_uninstall_restores_the_file_to_the_byte(home: Home, name: str) -> None:
    home.holds(CONTENTS[name])
    change = home.installer.install(WALL)
    assert home.data() == change.after
    assert home.installed() == 5
    assert change.backup is None or change.backup.read_bytes() == CONTENTS[name]
    assert [b for b in home.backups() if b != change.backup] == []
    assert not home.installer.install(WALL).needed, "installing twice changes nothing"
    home.installer.uninstall(WALL)
    assert home.data() == CONTENTS[name]
    assert home.backups() == []
    assert not home.layout.hooks.exists()
    assert not home.installer.uninstall(WALL).needed
    assert home.data() == CONTENTS[name]


@pytest.mark.parametrize("name", CONTENTS)
def test_uninstall_restores_the_file_after_an_upgrade_that_changed_the_hooks(
    home: Home, name: str
) -> None:
    home.holds(CONTENTS[name])
    older = home.installer
    older.hooks = older.hooks[:2]
    older.install(WALL)
    home.installer.install(WALL)
    assert home.installed() == 5
    home.installer.uninstall(WALL)
    assert home.data() == CONTENTS[name]
    assert home.backups() == []


@pytest.mark.parametrize("name", ["missing", "hooks of others"])
def test_the_hook_for_files_comes_and_goes_with_its_setting(home: Home, name: str) -> None:
    home.holds(CONTENTS[name])
    home.installer.install(WALL)
    without = home.data()
    assert b"PreToolUse" not in (without or b"")
    asked_for = Installer(home.host, home.layout, home.environment, file_history=True)
    asked_for.install(WALL)
    assert home.installed() == 6
    (group,) = json.loads(home.data() or b"")["hooks"]["PreToolUse"]
    assert group["matcher"] == hook_entries.FILE_TOOLS[home.host]
    home.installer.install(WALL)
    assert home.data() == without
    asked_for.install(WALL)
    home.installer.uninstall(WALL)
    assert home.data() == CONTENTS[name]
    assert home.backups() == []


def test_uninstall_keeps_the_users_changes(home: Home) -> None:
    home.holds(OTHERS)
    home.installer.install(WALL)
    text = (home.data() or b"").decode().replace('"opus"', '"sonnet"')
    home.settings.write_text(text)
    change = home.installer.uninstall(WALL)
    assert home.data() == OTHERS.replace(b"opus", b"sonnet")
    assert change.backup is not None
    assert change.backup.read_text() == text
    assert not home.layout.hooks.exists()


def test_uninstall_keeps_changes_made_between_two_installs(
    home: Home,
) -> None:
    home.holds(OTHERS)
    first = home.installer
    first.hooks = first.hooks[:1]
    first.install(WALL)
    home.settings.write_bytes((home.data() or b"").replace(b"opus", b"sonnet"))
    home.installer.install(WALL)
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS.replace(b"opus", b"sonnet")


def test_uninstall_removes_the_directories_that_install_created(home: Home) -> None:
    home.settings.parent.rmdir()
    home.environment |= {
        "CLAUDE_CONFIG_DIR": str(home.path / "a" / "b"), "CODEX_HOME": str(home.path / "a" / "b"),
    }  # fmt: skip
    home.settings = installer.settings_path(home.host, home.environment)
    home.installer.install(WALL)
    assert home.settings.stat().st_mode & 0o777 == 0o600
    home.installer.uninstall(WALL)
    assert [path.name for path in home.path.iterdir()] == [".iai-mcp"]


def test_a_symlink_stays_a_link_and_its_target_keeps_its_mode(home: Home) -> None:
    target = home.path / "dotfiles" / "settings"
    target.parent.mkdir()
    target.write_bytes(OTHERS)
    target.chmod(0o644)
    home.settings.symlink_to(target)
    home.installer.install(WALL)
    assert home.settings.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o644
    assert b"iai-mcp" in target.read_bytes()
    assert [path.name for path in target.parent.iterdir()] == ["settings"]
    home.installer.uninstall(WALL)
    assert home.settings.is_symlink()
    assert target.read_bytes() == OTHERS


def test_a_dangling_symlink_is_followed(home: Home) -> None:
    target = home.path / "dotfiles" / "settings"
    home.settings.symlink_to(target)
    home.installer.install(WALL)
    assert home.settings.is_symlink()
    assert home.installed() == 5
    home.installer.uninstall(WALL)
    assert home.settings.is_symlink()
    assert not target.parent.exists()


def test_files_keep_their_mode(home: Home) -> None:
    for mode in (0o600, 0o644, 0o664):
        home.holds(OTHERS)
        home.settings.chmod(mode)
        change = home.installer.install(WALL)
        assert change.backup is not None
        for path in (home.settings, change.backup):
            assert stat.S_IMODE(path.stat().st_mode) == mode
        home.installer.uninstall(WALL)
        assert stat.S_IMODE(home.settings.stat().st_mode) == mode


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"// mine\n", "is not valid JSON"),
        (b"{", "is not valid JSON"),
        (b'{"a": "\xff"}', r"is not UTF-8 \(byte 7\)"),
        (b"[]", "is not a JSON object"),
        (b'{"hooks": 1}', '"hooks" that is not an object'),
    ],
)
def test_invalid_settings_are_not_touched(home: Home, data: bytes, why: str) -> None:
    home.holds(data)
    with pytest.raises(SettingsFault, match=why):
        home.installer.install(WALL)
    with pytest.raises(SettingsFault, match=why):
        home.installer.uninstall(WALL)
    assert home.data() == data
    assert [path.name for path in home.path.rglob("*")] == [
        home.settings.parent.name, home.settings.name,
    ]  # fmt: skip


def test_settings_that_are_a_directory_are_a_clear_error(home: Home) -> None:
    home.settings.mkdir()
    with pytest.raises(SettingsFault, match="Is a directory"):
        home.installer.install(WALL)


def test_a_settings_directory_that_is_a_file_is_a_clear_error(home: Home) -> None:
    home.settings.parent.rmdir()
    home.settings.parent.touch()
    with pytest.raises(SettingsFault, match="Not a directory"):
        home.installer.install(WALL)


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_without_write_permission_nothing_changes(
    home: Home, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.holds(OTHERS)
    if action == "uninstall":
        home.installer.install(WALL)
    before = home.data()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root may write anywhere
        patch.setattr(Path, "replace" if action == "uninstall" else "open", refuse)
        with pytest.raises((SettingsFault, StoreError), match="Permission denied"):
            getattr(home.installer, action)(WALL)
    assert home.data() == before
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS


def test_a_full_disk_leaves_the_file_as_it_was_and_no_partial_copy(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.holds(OTHERS)

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    scripts.install(home.layout)
    with monkeypatch.context() as patch:
        patch.setattr("iai.install.settings_file.os.fsync", refuse)
        with pytest.raises(SettingsFault, match="no backup next to it: No space left on device"):
            home.installer.install(WALL)
    assert home.data() == OTHERS
    assert list(home.settings.parent.iterdir()) == [home.settings]


def test_a_directory_that_is_no_store_is_rejected_before_anything_changes(home: Home) -> None:
    home.layout.root.mkdir()
    (home.layout.root / "letters.txt").touch()
    with pytest.raises(StoreError, match="is not an iai store"):
        home.installer.install(WALL)
    assert list(home.settings.parent.iterdir()) == []


def test_a_concurrent_write_by_the_host_is_not_lost(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.holds(b'{"a": 1}')
    write = SettingsFile.write

    def late(self: SettingsFile, data: bytes | None, expected: bytes | None) -> bool:
        monkeypatch.setattr(SettingsFile, "write", write)
        home.holds(b'{"a": 2}')  # between our reading and our writing
        return write(self, data, expected)

    monkeypatch.setattr(SettingsFile, "write", late)
    home.installer.install(WALL)
    assert json.loads(home.data() or b"")["a"] == 2
    assert home.installed() == 5
    home.installer.uninstall(WALL)
    assert home.data() == b'{"a": 2}'


def run_in_child(function: str, *args: str) -> "subprocess.Popen[bytes]":
    """Call a function of this module in a process of its own."""
    code = f"import sys; from {__name__} import {function}; {function}(*sys.argv[1:])"
    path = os.pathsep.join([str(CHECKOUT), str(CHECKOUT / "tools")])
    return subprocess.Popen(
        [sys.executable, "-c", code, *args], env={**os.environ, "PYTHONPATH": path}
    )


def install(host: str, path: str) -> None:
    Installer(host, Layout(Path(path) / ".iai-mcp"), {"HOME": path}).install(WALL)


def test_concurrent_installs_equal_one(home: Home) -> None:
    home.holds(OTHERS)
    several = [run_in_child("install", home.host, str(home.path)) for _ in range(6)]
    assert [process.wait(PATIENCE_S) for process in several] == [0] * 6
    assert home.installed() == 5
    assert len(home.backups()) == 1
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS
    assert home.backups() == []


def test_install_works_on_a_file_system_without_locks(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("iai.install.settings_file.fcntl.flock", refuse)
    home.holds(OTHERS)
    home.installer.install(WALL)
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS


STEPS: dict[str, tuple[object, str]] = {
    "backup": (SettingsFile, "back_up"),
    "receipt": (Installer, "_record"),
    "write": (SettingsFile, "write"),
    "replace": (os, "replace"),
}


def install_and_die(host: str, path: str, step: str, nth: str) -> None:
    """Install, but die before the nth call of a step, as if killed."""
    owner, name = STEPS[step]
    whole: Callable[..., object] = getattr(owner, name)
    left = int(nth)

    def dies(*args: object, **fields: object) -> object:
        nonlocal left
        left -= 1
        if left < 0:
            os._exit(9)  # no cleanup
        return whole(*args, **fields)

    setattr(owner, name, dies)
    install(host, path)


@pytest.mark.parametrize(
    ("step", "nth"),
    [("backup", 0), ("receipt", 0), ("write", 0), *(("replace", n) for n in range(4))],
)
def test_after_a_kill_at_any_step_install_and_uninstall_still_work(
    home: Home, step: str, nth: int
) -> None:
    home.holds(OTHERS)
    assert (
        run_in_child("install_and_die", home.host, str(home.path), step, str(nth)).wait(PATIENCE_S)
        == 9
    )
    assert home.data() == OTHERS
    home.installer.install(WALL)
    assert home.installed() == 5
    assert not list(home.settings.parent.glob(".*.iai"))
    home.installer.uninstall(WALL)
    assert home.data() == OTHERS
    assert {path.read_bytes() for path in home.backups()} <= {OTHERS}


def test_outdated_scripts_below_the_store_are_updated(home: Home) -> None:
    assert not scripts.current(home.layout)
    scripts.refresh(home.layout)
    assert not home.layout.hooks.exists(), "not installed"
    home.installer.install(WALL)
    assert scripts.current(home.layout)
    for name in hook_entries.SCRIPTS:
        path = home.layout.hooks / name
        assert path.stat().st_mode & 0o777 == 0o700
        path.write_text("#!/bin/sh\n# of an older version\n")
    assert not scripts.current(home.layout)
    scripts.refresh(home.layout)
    assert scripts.current(home.layout)


def test_uninstalling_one_host_leaves_the_scripts_for_the_other(tmp_path: Path) -> None:
    first = Home(tmp_path, "claude")
    second = Home(tmp_path, "codex")
    first.installer.install(WALL)
    second.installer.install(WALL)
    first.installer.uninstall(WALL)
    assert scripts.current(first.layout)
    second.installer.uninstall(WALL)
    assert not first.layout.hooks.exists()


def test_the_command_line_names_the_store_only_if_it_is_not_the_default(home: Home) -> None:
    text = json.dumps([hook.handler for hook in home.installer.hooks])
    assert text.count(".iai-mcp") == 5
    other = Installer(home.host, Layout(home.path / "other"), home.environment)
    assert json.dumps([hook.handler for hook in other.hooks]).count(str(home.path / "other")) == 10


def test_installing_for_another_store_replaces_the_hooks(home: Home) -> None:
    home.holds(OTHERS)
    home.installer.install(WALL)
    other = Installer(home.host, Layout(home.path / "other"), home.environment)
    other.install(WALL)
    assert home.installed() == 5
    other.uninstall(WALL)
    assert home.data() == OTHERS


def test_the_package_contains_its_scripts(tmp_path: Path) -> None:
    assert {path.name for path in scripts.packaged().glob("*.sh")} == {
        *hook_entries.SCRIPTS,
        status_line.SCRIPT,
    }
    compiled = shutil.ignore_patterns("__pycache__")  # where others may be writing
    shutil.copytree(Path(scripts.packaged()).parent / "iai", tmp_path / "iai", ignore=compiled)
    shutil.copytree(scripts.packaged(), tmp_path / "iai" / "_hooks")  # as the wheel has it
    code = "from iai.install import scripts; print(scripts.packaged())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout.strip() == str(tmp_path / "iai" / "_hooks")


def test_settings_of_claude_code_with_comments_are_edited_in_place_and_restored(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, "claude")
    home.holds(COMMENTED)
    home.installer.install(WALL)
    assert home.installed() == 5
    for comment in (b"// mine", b"// the best", b'/* "hooks": {} */'):
        assert comment in (home.data() or b"")
    home.installer.uninstall(WALL)
    assert home.data() == COMMENTED
    assert home.backups() == []


def test_settings_of_codex_with_comments_are_left_alone_with_the_reason(tmp_path: Path) -> None:
    home = Home(tmp_path, "codex")
    home.holds(COMMENTED)
    with pytest.raises(SettingsFault, match="for which Codex does not load it"):
        home.installer.install(WALL)
    assert home.data() == COMMENTED
