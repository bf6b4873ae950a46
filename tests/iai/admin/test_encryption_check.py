"""What `iai doctor` says about encryption, and about what is in the clear in an encrypted store."""

import os
from pathlib import Path

import pytest
from msgspec import structs

from iai.admin import plaintext
from iai.admin.doctor import backups, deep, encryption
from iai.admin.doctor.finding import Finding, Verdict
from iai.config.layout import Layout, private
from iai.config.settings import Settings
from iai.encryption import keys
from iai.encryption.key_sources import KeyFile, new_passphrase
from iai.index.lexical import LexicalIndex
from iai.ingest import spool
from iai.model import framing
from iai.store.records import Records

SETTINGS = Settings(store=Path())


def encrypt(layout: Layout, key_file: str) -> None:
    """Give a store keys, as `iai crypto init` does; nothing is in it yet."""
    keys.set_state(layout.root, keys.create(layout.root, KeyFile(key_file)), "on")


def checks(layout: Layout, settings: Settings = SETTINGS) -> dict[str, Finding]:
    return {one.check: one for one in encryption.checks(layout, settings)}


def test_without_encryption_one_line_says_how_to_turn_it_on(layout: Layout) -> None:
    (only,) = checks(layout).values()
    assert (only.verdict, "`iai crypto init`" in only.said) == (Verdict.OK, True)


def test_with_it_the_line_says_where_the_key_is(layout: Layout, tmp_path: Path) -> None:
    encrypt(layout, str(tmp_path / "key"))
    found = checks(layout)
    assert f"on: AES-256-GCM, the key is in the file {tmp_path / 'key'}" in (
        found["encryption"].said
    )
    assert {one.verdict for one in found.values()} == {Verdict.OK}
    keys.set_state(layout.root, _keys(layout), "rotating")
    assert checks(layout)["encryption"].verdict is Verdict.WARN


def test_a_key_in_the_store_that_it_opens_is_a_warning(layout: Layout) -> None:
    encrypt(layout, "key")
    assert checks(layout)["key file"].verdict is Verdict.WARN


def _keys(layout: Layout) -> keys.Keys:
    found = keys.read(layout.root)
    assert found is not None
    return found


def test_a_store_whose_key_is_gone_is_locked_and_not_damaged(
    layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypt(layout, str(tmp_path / "key"))
    monkeypatch.setattr(keys, "_key_encryption_keys", {})  # as in another process
    monkeypatch.setattr(keys, "_ciphers", {})
    (tmp_path / "key").unlink()
    (only,) = checks(layout).values()
    assert (only.verdict, str(tmp_path / "key") in only.said) == (Verdict.FAIL, True)
    (locked,) = deep.checks(layout)
    assert (locked.verdict, locked.fixable) == (Verdict.FAIL, False)
    records = backups.problem(layout, "it is locked")
    assert (records.fixable, "its key" in records.todo) == (False, True)


def test_a_store_without_the_file_of_its_keys_is_locked_and_not_damaged(
    layout: Layout, tmp_path: Path
) -> None:
    """It was called not encrypted, and --fix threw its index away."""
    encrypt(layout, str(tmp_path / "key"))
    Records(layout.records, writer=True).close()
    layout.crypto.unlink()
    (only,) = checks(layout).values()
    assert (only.verdict, str(layout.crypto) in only.said) == (Verdict.FAIL, True)
    (locked,) = deep.checks(layout)
    assert (locked.verdict, locked.fixable) == (Verdict.FAIL, False)
    records = backups.problem(layout, "it is locked")
    assert (records.fixable, "its key" in records.todo) == (False, True)


def test_a_passphrase_that_hooks_do_not_know_is_a_warning(layout: Layout) -> None:
    cheap = structs.replace(new_passphrase(), n=2)
    keys.set_state(layout.root, keys.create(layout.root, cheap, "low water"), "on")
    assert checks(layout)["passphrase"].verdict is Verdict.WARN
    assert "passphrase" not in checks(layout, structs.replace(SETTINGS, passphrase_file="/f"))  # noqa: S106


def test_each_file_in_the_clear_is_named_until_it_is_gone(layout: Layout, tmp_path: Path) -> None:
    encrypt(layout, str(tmp_path / "key"))
    cipher = keys.load_cipher(layout.root)
    live = structs.replace(SETTINGS, payload="live")
    for directory in (layout.spool_bad, layout.by_cwd, layout.redaction):
        private(directory)
    LexicalIndex(layout.lexical).commit()
    copy, sealed = layout.backups / "before-1" / "records", layout.backups / "auto-1" / "records"
    for path in (copy, sealed):
        private(path)
        (path / "data.mdb").touch()
    (sealed.parent / "crypto.json").touch()
    files = [
        layout.spool_new / "1.json", layout.spool_bad / "2.json", layout.redaction_key,
        layout.payload, layout.session_start / "a.md", layout.by_cwd / "%2Fp.md",
    ]  # fmt: skip
    for path in files:
        path.write_text("<!-- iai -->\nwords\n<!-- /iai -->\n")
    assert set(plaintext.left(layout, live)) == {*files, copy, layout.lexical}
    said = checks(layout, live)["plaintext"]
    assert (said.verdict, "and 5 more" in said.said) == (Verdict.WARN, True)
    for path in files[:2]:
        path.write_bytes(spool.sealed(path, path.read_bytes(), cipher))
    assert cipher is not None
    layout.redaction_key.write_bytes(cipher.seal_file("redaction/key", bytes(32)))
    assert plaintext.left(layout, SETTINGS) == [copy, layout.lexical]
    layout.payload.write_text(framing.off_disk(1, "now"))
    for path in files[4:]:
        path.unlink()
    (copy / "data.mdb").unlink()
    LexicalIndex(layout.lexical, cipher).commit()
    assert plaintext.left(layout, live) == []


def test_a_sealed_event_that_was_changed_is_named(layout: Layout, tmp_path: Path) -> None:
    encrypt(layout, str(tmp_path / "key"))
    cipher = keys.load_cipher(layout.root)
    path = layout.spool_new / "1.awaits"
    path.write_bytes(spool.sealed(path, b"{}", cipher))
    os.mkfifo(layout.spool_new / "2.json")  # it was waited for
    (layout.spool_new / "3.json").mkdir()
    assert list(deep.problems("sealed events", layout)) == []
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    (said,) = deep.problems("sealed events", layout)
    assert said.startswith("spool/new/1.awaits: ")
