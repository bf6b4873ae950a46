"""What the next session would start with, composed in this process where the hook would do it."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iai.admin import preview
from iai.admin.preview import Preview
from iai.config.layout import Layout
from iai.config.settings import Settings
from iai.payload import sessions
from iai.payload.sessions import Memo, PayloadSource
from iai.payload.summary import Summary
from iai.projects.identity import identify
from iai.store.records import Records
from tests.iai.store.builders import new_record, put


@pytest.fixture
def said(layout: Layout, tmp_path: Path) -> Path:
    """Return a directory in which something was said, while no group runs and no text is ready."""
    records = Records(layout.records, writer=True)
    project = identify(str(tmp_path)).id
    put(records, new_record("1", text="never deploy on Fridays", project=project))
    records.close()
    return tmp_path


def composed(layout: Layout, cwd: Path, memo: Memo | None = None) -> Preview:
    return preview.composed_here(Settings(store=layout.root), str(cwd), time.time_ns(), memo)


def test_it_is_what_the_command_of_the_hook_prints(
    layout: Layout, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iai = [sys.executable, "-m", "iai", "session-start", "--cwd", str(said)]
    monkeypatch.setenv("IAI_MCP_STORE", str(layout.root))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    printed = subprocess.run(iai, check=True, capture_output=True, text=True).stdout
    here = composed(layout, said)
    assert "never deploy on Fridays" in printed
    at = re.compile(r"generated_at=\S+")
    assert at.sub("", here.text) == at.sub("", printed)
    assert here.origin.startswith("cache-absent -> live-cli bytes=")
    assert here.reason == "cache-absent"
    assert here.composed_s > 0, "so that one can say whether the hook has the time"


def test_a_session_is_read_again_only_once_it_has_changed(
    layout: Layout, said: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    read: list[bytes] = []
    summary_of = sessions.summary_of

    def counted(view: PayloadSource, session: bytes, project: str) -> Summary | None:
        read.append(session)
        return summary_of(view, session, project)

    monkeypatch.setattr(sessions, "summary_of", counted)
    memo: Memo = {}
    for _ in range(2):
        assert "never deploy on Fridays" in composed(layout, said, memo).text
    assert len(read) == 1
    records = Records(layout.records, writer=True)
    put(records, new_record("2", text="deploy on Mondays", project=identify(str(said)).id))
    records.close()
    assert "deploy on Mondays" in composed(layout, said, memo).text
    assert len(read) == 2
    (layout.spool_new / "1.json").write_text("{}\n")
    composed(layout, said, memo)
    assert len(read) == 2, "what waits is of no session"


def test_nothing_is_composed_where_the_hook_would_find_no_iai(
    layout: Layout, said: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "bash").symlink_to(bash)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    here = composed(layout, said)
    assert here.text == ""
    assert "the command iai was not found" in here.origin
