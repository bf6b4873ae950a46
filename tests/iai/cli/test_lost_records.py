"""Records that are not there any more: what is left of them is kept, and restored."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import Group

from iai.store.auto_backups import AutoBackups
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record, put
from tests.shell import Shell


@pytest.fixture
def backed_up(shell: Shell) -> Shell:
    """Return a shell on a store of two records, with an automatic backup of both."""
    layout = shell.layout
    layout.create()
    records = Records(layout.records, writer=True)
    put(records, new_record("one", text="port 9441"), new_record("two", text="port 9442"))
    backups = AutoBackups(layout, records, 3)
    while with_due(backups, records):
        backups.step(0, NOW)
    records.close()
    return shell


def with_due(backups: AutoBackups, records: Records) -> bool:
    with records.view() as view:
        return backups.due(view.watermark(), view.erased_through(), NOW, idle=True)


def empty(data: Path) -> None:
    data.write_bytes(b"")


@pytest.mark.parametrize("lose", [Path.unlink, empty, lambda data: shutil.rmtree(data.parent)])
def test_iai_does_not_begin_anew_beside_a_backup_and_doctor_restores_it(
    backed_up: Shell, lose: Callable[[Path], object]
) -> None:
    layout = backed_up.layout
    lose(layout.records / "data.mdb")
    [backup] = layout.backups.glob("auto-*")
    refused = backed_up.iai("up", "--detach")
    assert refused.returncode == 1
    assert "does not begin anew" in refused.stderr
    assert str(backup) in refused.stderr
    done = backed_up.iai("doctor", "--deep", "--json")
    found = {one["check"]: one for one in json.loads(done.stdout)["checks"]}
    assert "`iai doctor --fix` restores auto-" in found["records"]["todo"]
    assert "has no records any more" in found["deep records"]["said"]
    assert found["deep vectors"]["verdict"] == "ok"
    fixed = backed_up.iai("doctor", "--deep", "--fix")
    assert "restored 2 records" in fixed.stderr
    assert "None" not in fixed.stderr
    assert "port 9441" in backed_up.iai("show", "#1").stdout
    assert "port 9442" in backed_up.iai("show", "#2").stdout


def test_what_was_made_from_later_records_is_made_again_where_they_are_set_back(
    group: Callable[..., Group],
) -> None:
    """New records got the numbers of those that were gone, and so their vectors and terms."""
    g = group()
    g.up()
    g.iai("remember", "the harbour opens at nine")
    g.settle()
    g.down()
    older = (g.layout.records / "data.mdb").read_bytes()
    g.up()
    g.iai("remember", "the lighthouse is closed")
    g.settle()
    g.down()
    (g.layout.records / "data.mdb").write_bytes(older)
    found = json.loads(g.iai("doctor", "--json").stdout)["checks"]
    [vectors] = [one for one in found if one["check"] == "stage vectors"]
    assert (vectors["verdict"], "they were set back" in vectors["said"]) == ("fail", True)
    assert "is made again" in g.iai("up", "--detach").stderr
    g.iai("remember", "a giraffe eats leaves")
    g.settle()
    assert "giraffe" in g.iai("recall", "which animal eats leaves").stdout
    g.down()
    deep = json.loads(g.iai("doctor", "--deep", "--json").stdout)["checks"]
    assert {one["verdict"] for one in deep if one["check"].startswith("deep ")} == {"ok"}


def test_nothing_starts_where_a_restore_was_cut_short_and_it_can_be_run_again(
    backed_up: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty store began beside the records that it had put aside."""
    layout = backed_up.layout
    file = backed_up.work / "mine.tar.gz"
    assert backed_up.iai("backup", str(file)).returncode == 0
    shutil.rmtree(layout.backups)
    rename = Path.rename

    def killed(path: Path, target: Path) -> Path:
        if target == layout.records:
            os.kill(os.getpid(), signal.SIGKILL)
        return rename(path, target)

    child = os.fork()
    if not child:
        monkeypatch.setattr(Path, "rename", killed)
        backed_up.iai("restore", str(file), "--replace")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert "was cut short: run it again" in backed_up.iai("up", "--detach").stderr
    assert "was cut short" in backed_up.iai("doctor").stdout
    assert backed_up.iai("restore", str(file)).returncode == 0
    assert "port 9442" in backed_up.iai("show", "#2").stdout
