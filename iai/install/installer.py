"""Adds our hooks to a host's settings, and removes them again without a trace.

An install saves the settings it found in the store. If nobody has changed them since, uninstall
restores those bytes; otherwise it removes our hooks and leaves the rest as it is.
"""

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from iai.config import settings
from iai.config.layout import Layout
from iai.errors import StoreError
from iai.hosts import claude, codex
from iai.install import hook_entries, json_edit, scripts, status_line
from iai.install.json_edit import NotJson
from iai.install.settings_file import SettingsFault, SettingsFile
from iai.process import files

HOSTS = (claude.NAME, codex.NAME)
_TRIES = 5  # in case the host writes its settings at the same time


class Receipt(Struct, frozen=True, kw_only=True):
    """The settings that an install found."""

    path: str  # of the settings
    before: bytes | None  # without our hooks; None if there was no file
    after: str  # digest of what the install wrote
    directories: tuple[str, ...] = ()  # created by the install, innermost first
    backups: tuple[str, ...] = ()


class Change(NamedTuple):
    """A change to a settings file. None means that there is no file."""

    path: Path
    before: bytes | None
    after: bytes | None
    backup: Path | None = None

    @property
    def needed(self) -> bool:
        """Does it change anything?"""
        return self.before != self.after


def directory(host: str, environment: Mapping[str, str]) -> Path:
    """Return the directory where a host keeps its user's files."""
    variable, name = {
        claude.NAME: ("CLAUDE_CONFIG_DIR", ".claude"),
        codex.NAME: ("CODEX_HOME", ".codex"),
    }[host]
    home = Path(environment.get("HOME", "") or "~").expanduser()
    chosen = environment.get(variable, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else home / name


def settings_path(host: str, environment: Mapping[str, str]) -> Path:
    """Return the file in which a host looks for its user's hooks."""
    name = {claude.NAME: "settings.json", codex.NAME: "hooks.json"}[host]
    return directory(host, environment) / name


class Installer:
    """The hooks of one host and one store."""

    def __init__(
        self,
        host: str,
        layout: Layout,
        environment: Mapping[str, str],
        *,
        file_history: bool = False,
        with_status_line: bool | None = None,
    ) -> None:
        """`file_history`: see `hook_entries.hooks_for`.

        `with_status_line`: whether to add ours to the settings, or to remove it; None leaves it as
        it is. Only Claude Code runs a command for its status line.
        """
        self.host = host
        self.file = SettingsFile(settings_path(host, environment))
        elsewhere = {k: v for k, v in environment.items() if k != "IAI_MCP_STORE"}
        chosen = layout.root != settings.store_directory(elsewhere)
        self._store = layout.root if chosen else None
        self.hooks = hook_entries.hooks_for(
            host, layout.hooks, self._store, file_history=file_history
        )
        self._with_status_line = with_status_line if host == claude.NAME else None
        self._layout = layout
        self._receipt = layout.hooks / f"{host}-{_digest(os.fsencode(self.file.path))[:8]}.receipt"

    def plan_install(self) -> Change:
        """Return what `install` would do. Raises SettingsFault if the settings can't be used."""
        before = self.file.read()
        try:
            text = self._text(before)
            self._check_read_by_host(text)
            after = self._with_status(hook_entries.add(text, self.hooks)).encode()
        except NotJson as error:
            raise self._unusable(error) from error
        return Change(self.file.path, before, after)

    def install(self, wall: int) -> Change:
        """Add our hooks to the settings. Raises SettingsFault, StoreError."""
        self.plan_install()
        self._layout.create()
        if self._with_status_line is False:
            scripts.remove_status_line(self._layout)
        scripts.install(self._layout, status_line_too=bool(self._with_status_line))
        with self.file.locked() as made:
            for _ in range(_TRIES):
                change = self.plan_install()
                if not change.needed or change.after is None:
                    return change
                change = self._record(change, made, wall)
                if self.file.write(change.after or b"", change.before):
                    return change
        raise self._contended()

    def plan_uninstall(self) -> Change:
        """Return what `uninstall` would do. Raises SettingsFault if the settings can't be used."""
        before = self.file.read()
        known = self._matching_receipt(before)
        return Change(
            self.file.path, before, known.before if known else self._without_hooks(before)
        )

    def uninstall(self, wall: int) -> Change:
        """Remove our hooks from the settings. Raises SettingsFault."""
        change = self.plan_uninstall()
        if change.needed:
            with self.file.locked():
                change = self._remove_hooks(wall)
        files.remove(self._receipt)
        if not any(self._layout.hooks.glob("*.receipt")):
            scripts.remove(self._layout)
        return change

    def _remove_hooks(self, wall: int) -> Change:
        for _ in range(_TRIES):
            change = self.plan_uninstall()
            known = self._matching_receipt(change.before)
            if not change.needed or change.before is None:
                return change
            if known is None:
                change = change._replace(backup=self.file.back_up(change.before, wall))
            if not self.file.write(change.after, change.before):
                continue
            if known is not None:
                _clear(known, change.after)
            return change
        raise self._contended()

    def _record(self, change: Change, made: list[Path], wall: int) -> Change:
        """Save the settings before they are changed; return the change with its backup."""
        same = self._matching_receipt(change.before)
        last = self._read_receipt()
        backups = last.backups if last else ()
        if same is None and change.before is not None:  # else only our hooks change
            change = change._replace(backup=self.file.back_up(change.before, wall))
            backups = (*backups, str(change.backup))
        receipt = Receipt(
            path=str(self.file.path),
            before=same.before if same else self._without_hooks(change.before),
            after=_digest(change.after),
            directories=same.directories if same else tuple(map(str, made)),
            backups=backups,
        )
        try:
            files.replace(self._receipt, msgspec.json.encode(receipt))
        except OSError as error:
            raise StoreError(f"{self._receipt} cannot be written: {error.strerror}") from error
        return change

    def _matching_receipt(self, data: bytes | None) -> Receipt | None:
        """Return the receipt if the settings are still as its install left them."""
        known = self._read_receipt()
        return known if known is not None and known.after == _digest(data) else None

    def _read_receipt(self) -> Receipt | None:
        try:
            receipt = msgspec.json.decode(self._receipt.read_bytes(), type=Receipt)
        except (OSError, ValueError, RecursionError):
            return None
        return receipt if receipt.path == str(self.file.path) else None

    def _without_hooks(self, data: bytes | None) -> bytes | None:
        if data is None:
            return None
        try:
            text = hook_entries.remove(self._text(data))
            return (status_line.remove(text) if self.host == claude.NAME else text).encode()
        except NotJson as error:
            raise self._unusable(error) from error

    def _check_read_by_host(self, text: str) -> None:
        if self.host == codex.NAME and json_edit.has_comments(text):
            json_edit.parse(text)
            raise NotJson("has comments or a comma too many, for which Codex does not load it")

    def _with_status(self, text: str) -> str:
        """Return the settings with our status line, or without it, as was asked for."""
        if self._with_status_line is None:
            return text
        if self._with_status_line:
            return status_line.add(text, self._layout.status_line_script, self._store)
        return status_line.remove(text)

    def _text(self, data: bytes | None) -> str:
        try:
            return (data or b"").decode()
        except UnicodeDecodeError as error:
            raise NotJson(f"is not UTF-8 (byte {error.start})") from None

    def _contended(self) -> SettingsFault:
        return SettingsFault(
            f"another program keeps writing {self.file.path}; close the host and try again"
        )

    def _unusable(self, error: NotJson) -> SettingsFault:
        return SettingsFault(
            f"{self.file.path} {error}. Nothing was changed; fix the file and try again"
        )


def _clear(known: Receipt, now: bytes | None) -> None:
    """Delete the backups that equal the restored settings, and the directories we created."""
    for name in known.backups:
        with suppress(OSError):
            if Path(name).read_bytes() == now:
                Path(name).unlink()
    for name in known.directories:
        with suppress(OSError):
            Path(name).rmdir()


def _digest(data: bytes | None) -> str:
    return hashlib.blake2b(data or b"", digest_size=16).hexdigest()
