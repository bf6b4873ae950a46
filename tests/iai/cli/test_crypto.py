"""`iai crypto`, and a group that is started with a passphrase."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from harness.group import Group

from actors import supervisor
from iai.cli import crypto as commands
from iai.cli import up
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.encryption import key_sources, keys
from iai.encryption.key_sources import KeyFile, Passphrase
from iai.errors import KeyMissing, KeyWrong
from iai.lifecycle.supervision import Exit
from iai.process import files
from iai.protocol.message import Actor
from iai.store import auto_backups
from iai.store.auto_backups import AutoBackups
from iai.store.records import Records
from iai.store.schema import is_encrypted
from tests.iai.encryption.process_keys import forget_keys
from tests.iai.store.builders import NOW, new_record, put
from tests.shell import Shell

Make = Callable[..., Group]
Run = Callable[..., tuple[int, str, str]]
SECRET = "correct horse battery staple"  # noqa: S105


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    yield
    forget_keys()


@pytest.fixture
def crypto(layout: Layout, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `iai crypto` on a store with a record, as a process of its own would."""
    monkeypatch.setattr(key_sources, "has_keyring", lambda: False)
    with closing(Records(layout.records, writer=True)) as records:
        put(records, new_record("one", text="zanzibar"))

    def run(*words: str) -> tuple[int, str, str]:
        forget_keys()
        done = shell.iai("crypto", *words)
        return done.returncode, done.stdout, done.stderr

    return run


def said(layout: Layout) -> list[str]:
    with closing(Records(layout.records)) as records, records.view() as view:
        return [record.text for record in view.every()]


def test_a_store_is_encrypted_rotated_and_decrypted(crypto: Run, layout: Layout) -> None:
    assert "not encrypted; `iai crypto init`" in crypto("status")[1]
    code, out, _ = crypto("init")
    assert (code, "encrypted" in out) == (0, True)
    assert is_encrypted(layout.records)
    key = layout.root.parent / f".config/iai/{layout.digest}.key"
    assert key.stat().st_mode & 0o777 == 0o600
    status = json.loads(crypto("status", "--json")[1])
    assert status == {
        "encrypted": True,
        "cipher": "AES-256-GCM",
        "key": f"the file ~/.config/iai/{layout.digest}.key",
        "generation": 1,
        "state": "on",
        "unlocked": True,
        "problem": "",
        "environments": {"records": "encrypted"},
        "plain_copies": [],
    }
    code, _, error = crypto("init")
    assert (code, "encrypted already" in error) == (1, True)
    assert crypto("rotate")[0] == 0
    assert "data key 2" in crypto("status")[1]
    assert said(layout) == ["zanzibar"]
    assert crypto("off")[0] == 0
    assert not is_encrypted(layout.records)
    assert said(layout) == ["zanzibar"]
    code, _, error = crypto("off")
    assert (code, "not encrypted" in error) == (1, True)


def test_iai_is_not_stopped_for_a_step_that_has_nothing_to_do(
    crypto: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise AssertionError("iai was stopped")

    crypto("init")
    with monkeypatch.context() as patch:
        patch.setattr(commands, "stopped", stopped)
        assert "encrypted already" in crypto("init")[2]
    crypto("off")
    monkeypatch.setattr(commands, "stopped", stopped)
    for step in ("off", "rotate"):
        assert "not encrypted" in crypto(step)[2]


def test_a_locked_store_says_why_and_stays_as_it_is(
    crypto: Run, layout: Layout, tmp_path: Path
) -> None:
    key = tmp_path / "a.key"
    crypto("init", "--key-file", str(key))
    key.unlink()
    for step in ("rotate", "off", "init"):
        code, out, error = crypto(step)
        assert (code, out, "put the file back" in error) == (1, "", True)
    code, out, _ = crypto("status")
    assert (code, "locked: " in out) == (1, True)
    assert is_encrypted(layout.records)


def test_a_store_whose_keys_are_gone_is_not_called_plain(crypto: Run, layout: Layout) -> None:
    crypto("init")
    layout.crypto.unlink()
    code, out, _ = crypto("status")
    assert (code, "crypto.json is gone" in out) == (1, True)
    assert "put it back" in crypto("init")[2]
    assert not layout.crypto.exists()


def test_a_passphrase_is_in_no_output_and_no_file(
    crypto: Run, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, error = crypto("init", "--passphrase")
    assert (code, "IAI_MCP_PASSPHRASE_FILE" in error) == (2, True)
    file = layout.root.parent / "passphrase"
    file.write_text(SECRET + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("IAI_MCP_PASSPHRASE_FILE", str(file))
    monkeypatch.setattr(key_sources, "new_passphrase", lambda: Passphrase(b"salt" * 4, 16, 1))
    heard = [crypto("init", "--passphrase"), crypto("status"), crypto("rotate")]
    assert [code for code, _, _ in heard] == [0, 0, 0]
    file.write_text("something else\n")
    heard.append(crypto("rotate"))
    assert heard[-1][0] == 1
    assert SECRET not in str(heard)
    assert "something else" not in str(heard)
    kept = [path for path in layout.root.rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)


def test_the_next_start_completes_what_was_cut_short(
    crypto: Run, layout: Layout, capsys: pytest.CaptureFixture[str]
) -> None:
    found = keys.create(layout.root, KeyFile("a.key"))
    settings = Settings(store=layout.root)
    assert supervisor.run(settings) == Exit.CANNOT_START
    assert "cut short" in crypto("status")[1]
    up.upgrade(layout, settings)
    assert "completing it" in capsys.readouterr().err
    assert is_encrypted(layout.records)
    assert said(layout) == ["zanzibar"]
    found = keys.add_generation(layout.root, found)
    up.upgrade(layout, settings)
    keys.set_state(layout.root, keys.settle(layout.root, found), "decrypting")
    up.upgrade(layout, settings)
    assert not layout.crypto.exists()
    assert said(layout) == ["zanzibar"]


def test_nothing_starts_on_a_store_that_is_locked(crypto: Run, layout: Layout) -> None:
    settings = Settings(store=layout.root)
    crypto("init", "--key-file", str(layout.root.parent / "a.key"))
    (layout.root.parent / "a.key").write_text("A" * 43 + "=\n")
    forget_keys()
    assert supervisor.run(settings) == Exit.CANNOT_START
    with pytest.raises(KeyWrong):
        up.upgrade(layout, settings)
    layout.crypto.unlink()
    with pytest.raises(KeyMissing):
        up.upgrade(layout, settings)


@pytest.mark.slow
def test_a_group_gets_its_keys_from_the_command_that_starts_it(group: Make) -> None:
    g = group()
    file = g.work / "passphrase"
    file.write_text(SECRET)
    file.chmod(0o600)
    g.environment["IAI_MCP_PASSPHRASE_FILE"] = str(file)
    assert g.iai("crypto", "init", "--passphrase").returncode == 0
    found = keys.read(g.layout.root)
    assert found is not None
    keys.unlock(g.layout.root, found, SECRET)
    g.up()
    assert g.iai("remember", "the mast is zanzibar").returncode == 0
    g.settle()
    file.unlink()  # the processes have the key
    g.kill(Actor.GRAPH_CACHE)
    g.settle()
    assert "zanzibar" in g.json("recall", "zanzibar")["hits"][0]["text"]
    locked = g.iai("timeline")
    assert (locked.returncode, "cannot read the passphrase" in locked.stderr) == (1, True)
    for process in g.processes():
        environment = b"\0".join(os.fsencode(f"{k}={v}") for k, v in process.environ().items())
        assert SECRET.encode() not in environment + " ".join(process.cmdline()).encode()
    assert g.iai("crypto", "rotate").returncode == 1
    assert g.all_ready()


def encrypt_and_back_up(crypto: Run, layout: Layout, keys_at: Path) -> None:
    """Encrypt the store, let iai make a backup of it, and note something afterwards."""
    crypto("init", "--key-file", str(keys_at / "own.key"))
    with closing(Records(layout.records, writer=True)) as records:
        backups = AutoBackups(layout, records, 3)
        while not auto_backups.found(layout):
            backups.step(0, NOW)
        put(records, new_record("two", text="timbuktu"))


def of_another_store(crypto: Path) -> None:
    other = Layout(crypto.parent.parent / "other")
    other.create()
    keys.set_state(other.root, keys.create(other.root, KeyFile("a.key")), "on")
    (other.root / "a.key").rename(crypto.parent / "a.key")
    other.crypto.replace(crypto)


@pytest.mark.parametrize("lose", [Path.unlink, of_another_store, lambda it: it.write_bytes(b"{")])
def test_where_only_crypto_json_is_lost_the_doctor_puts_back_that_of_a_backup(
    crypto: Run, layout: Layout, shell: Shell, tmp_path: Path, lose: Callable[[Path], object]
) -> None:
    """It restored an old backup, and left what was said since beside keys that do not open it."""
    encrypt_and_back_up(crypto, layout, tmp_path)
    lose(layout.crypto)
    forget_keys()
    before = (layout.records / "data.mdb").read_bytes()
    assert "crypto.json" in shell.iai("up", "--detach").stderr
    found = shell.iai("doctor", "--deep")
    assert "puts back the crypto.json of auto-" in found.stdout
    assert "restores auto-" not in found.stdout
    assert "deep vectors" not in found.stdout  # nothing can be said of it
    forget_keys()
    assert "put back" in shell.iai("doctor", "--deep", "--fix").stderr
    assert (layout.records / "data.mdb").read_bytes() == before
    assert said(layout) == ["zanzibar", "timbuktu"]


def test_keys_that_were_only_closed_are_opened_and_nothing_is_restored(
    crypto: Run, layout: Layout, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypt_and_back_up(crypto, layout, tmp_path)
    layout.crypto.chmod(0)
    read, access = files.read_regular, os.access

    def closed(path: object) -> bool:
        return str(path) == str(layout.crypto) and not layout.crypto.stat().st_mode & 0o400

    def refuse(path: Path, *given: int, **options: bool) -> bytes:
        if closed(path):  # as for anybody but root
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *given, **options)

    monkeypatch.setattr(files, "read_regular", refuse)
    monkeypatch.setattr(os, "access", lambda path, mode: not closed(path) and access(path, mode))
    forget_keys()
    done = shell.iai("doctor", "--deep", "--fix")
    assert "restored" not in done.stderr
    assert "put back" not in done.stderr
    assert said(layout) == ["zanzibar", "timbuktu"]
