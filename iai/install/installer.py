"""Puts our hooks into the settings of a host, and takes them out again to the byte.

What an install found is kept in the store. As long as nobody has changed the settings since, that
is what uninstall puts back; otherwise it takes our hooks out and leaves the rest as it is.
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
from iai.install import hook_entries, scripts
from iai.install.json_edit import NotJson
from iai.install.settings_file import SettingsFault, SettingsFile
from iai.process import files

HOSTS = (claude.NAME, codex.NAME)
_TRIES = 5  # how often the host may write its settings while we do


class Receipt(Struct, frozen=True, kw_only=True):
    """What an install found."""

    path: str  # of the settings
    before: bytes | None  # what they were without our hooks; None: there was no file
    after: str  # digest of what they have been since
    directories: tuple[str, ...] = ()  # that had to be made, innermost first
    backups: tuple[str, ...] = ()


class Change(NamedTuple):
    """What is done to a settings file; None stands for no file."""

    path: Path
    before: bytes | None
    after: bytes | None
    backup: Path | None = None

    @property
    def needed(self) -> bool:
        """Is there anything to do?"""
        return self.before != self.after


def directory(host: str, environment: Mapping[str, str]) -> Path:
    """Where a host keeps what belongs to its user."""
    variable, name = {
        claude.NAME: ("CLAUDE_CONFIG_DIR", ".claude"),
        codex.NAME: ("CODEX_HOME", ".codex"),
    }[host]
    home = Path(environment.get("HOME", "") or "~").expanduser()
    chosen = environment.get(variable, "").strip()
    return Path(chosen).expanduser().absolute() if chosen else home / name


def settings_path(host: str, environment: Mapping[str, str]) -> Path:
    """Where a host looks for the hooks of its user."""
    name = {claude.NAME: "settings.json", codex.NAME: "hooks.json"}[host]
    return directory(host, environment) / name


class Installer:
    """The hooks of one host and one store."""

    def __init__(self, host: str, layout: Layout, environment: Mapping[str, str]) -> None:
        self.file = SettingsFile(settings_path(host, environment))
        elsewhere = {k: v for k, v in environment.items() if k != "IAI_MCP_STORE"}
        chosen = layout.root != settings.store_directory(elsewhere)
        self.wanted = hook_entries.wanted(host, layout.hooks, layout.root if chosen else None)
        self._layout = layout
        self._receipt = layout.hooks / f"{host}-{_digest(os.fsencode(self.file.path))[:8]}.receipt"

    def to_install(self) -> Change:
        """What `install` would do. Raises SettingsFault where the settings cannot be used."""
        before = self.file.read()
        try:
            after = hook_entries.add(self._text(before), self.wanted).encode()
        except NotJson as error:
            raise self._not_usable(error) from error
        return Change(self.file.path, before, after)

    def install(self, wall: int) -> Change:
        """Have exactly our hooks in the settings. Raises SettingsFault, StoreError."""
        self.to_install()
        self._layout.create()
        scripts.place(self._layout)
        with self.file.locked() as made:
            for _ in range(_TRIES):
                change = self.to_install()
                if not change.needed or change.after is None:
                    return change
                change = self._note(change, made, wall)
                if self.file.write(change.after or b"", change.before):
                    return change
        raise self._restless()

    def to_uninstall(self) -> Change:
        """What `uninstall` would do. Raises SettingsFault where the settings cannot be used."""
        before = self.file.read()
        known = self._receipt_of(before)
        return Change(self.file.path, before, known.before if known else self._stripped(before))

    def uninstall(self, wall: int) -> Change:
        """Take our hooks out of the settings. Raises SettingsFault."""
        change = self.to_uninstall()
        if change.needed:
            with self.file.locked():
                change = self._take_out(wall)
        files.remove(self._receipt)
        if not any(self._layout.hooks.glob("*.receipt")):
            scripts.take_away(self._layout)
        return change

    def _take_out(self, wall: int) -> Change:
        for _ in range(_TRIES):
            change = self.to_uninstall()
            known = self._receipt_of(change.before)
            if not change.needed or change.before is None:
                return change
            if known is None:
                change = change._replace(backup=self.file.back_up(change.before, wall))
            if not self.file.write(change.after, change.before):
                continue
            if known is not None:
                _clear(known, change.after)
            return change
        raise self._restless()

    def _note(self, change: Change, made: list[Path], wall: int) -> Change:
        """Keep what is found, before it is changed; return the change with its backup."""
        same = self._receipt_of(change.before)
        last = self._known()
        backups = last.backups if last else ()
        if same is None and change.before is not None:  # else it is only ours that changes
            change = change._replace(backup=self.file.back_up(change.before, wall))
            backups = (*backups, str(change.backup))
        receipt = Receipt(
            path=str(self.file.path),
            before=same.before if same else self._stripped(change.before),
            after=_digest(change.after),
            directories=same.directories if same else tuple(map(str, made)),
            backups=backups,
        )
        try:
            files.replace(self._receipt, msgspec.json.encode(receipt))
        except OSError as error:
            raise StoreError(f"{self._receipt} cannot be written: {error.strerror}") from error
        return change

    def _receipt_of(self, data: bytes | None) -> Receipt | None:
        """Return the receipt if the settings are as the install that wrote it left them."""
        known = self._known()
        return known if known is not None and known.after == _digest(data) else None

    def _known(self) -> Receipt | None:
        try:
            receipt = msgspec.json.decode(self._receipt.read_bytes(), type=Receipt)
        except (OSError, msgspec.DecodeError):
            return None
        return receipt if receipt.path == str(self.file.path) else None

    def _stripped(self, data: bytes | None) -> bytes | None:
        if data is None:
            return None
        try:
            return hook_entries.remove(self._text(data)).encode()
        except NotJson as error:
            raise self._not_usable(error) from error

    def _text(self, data: bytes | None) -> str:
        try:
            return (data or b"").decode()
        except UnicodeDecodeError as error:
            raise NotJson(f"is not UTF-8 (byte {error.start})") from None

    def _restless(self) -> SettingsFault:
        return SettingsFault(
            f"{self.file.path} is being written all the time; close the host first"
        )

    def _not_usable(self, error: NotJson) -> SettingsFault:
        return SettingsFault(f"{self.file.path} {error}; nothing was changed. Fix it first")


def _clear(known: Receipt, now: bytes | None) -> None:
    """Delete the backups that hold what the settings hold again, and the directories we made."""
    for name in known.backups:
        with suppress(OSError):
            if Path(name).read_bytes() == now:
                Path(name).unlink()
    for name in known.directories:
        with suppress(OSError):
            Path(name).rmdir()


def _digest(data: bytes | None) -> str:
    return hashlib.blake2b(data or b"", digest_size=16).hexdigest()
