"""iai as it is installed from a wheel, away from its checkout."""

import json
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.group import (
    CHECKOUT,
    PATIENCE_S,
    Group,
    wait_until,
)
from harness.host import ClaudeCode

from iai.cli.help import topics
from iai.ingest import spool
from iai.install import status_line
from iai.install.hook_entries import SCRIPTS
from tests.actors.real import texts

pytestmark = pytest.mark.slow
Make = Callable[..., Group]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build it with what is installed: no network."""
    place = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(place), str(CHECKOUT)], check=True)
    (built,) = place.glob("iai_memory-*.whl")
    return built


@pytest.fixture(scope="module")
def iai(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into an environment of its own, which borrows only the dependencies."""
    place = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(place)
    command = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "install"]
    subprocess.run([*command, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)
    (packages,) = place.glob("lib/python*/site-packages")
    # A path in a .pth file does not have the .pth files there read: iai itself is not borrowed.
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin" / "iai"


def test_it_holds_the_packages_the_hooks_and_the_topics_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"iai", "actors"}
    assert {name for name in names if name.startswith("iai/_hooks/")} == {
        f"iai/_hooks/{script}" for script in (*SCRIPTS, status_line.SCRIPT)
    }
    assert {name for name in names if name.endswith(".md")} == {
        f"iai/cli/topics/{topic}.md" for topic in topics()
    }
    assert {f"iai/ui/static/{name}" for name in ("app.css", "htmx.min.js", "htmx.LICENSE")} <= {
        *names
    }
    assert "iai/ui/templates/base.html" in names
    assert not [name for name in names if name.endswith((".pyc", ".lock"))]


def test_installed_it_runs_the_group_and_remembers_through_its_own_hooks(
    iai: Path, group: Make
) -> None:
    g = group(session_cache_refresh_min_sec="0")
    host = ClaudeCode(g.work, g.environment)

    def run(*args: str) -> str:
        return subprocess.run(
            [str(iai), *args], env=g.environment, cwd=g.work, check=True, capture_output=True,
            text=True, timeout=PATIENCE_S,
        ).stdout  # fmt: skip

    assert "iai 0." in run("--version")
    assert run("help", "freshness").startswith("# Freshness: ")
    run("hooks", "install", "--host", "claude")
    assert "5 of 5 processes ready" in run("up", "--detach")
    try:
        assert (g.layout.run / "command").read_text().strip() == str(iai)
        said = {"session_id": "s", "prompt": "keep the clean-up off that file", "prompt_id": "1"}
        host.event("UserPromptSubmit", g.work, **said)
        wait_until(lambda: texts(g), "it is in the store")
        g.settle()
        started = host.event("SessionStart", g.work, session_id="next", source="startup")
        assert "Asked: keep the clean-up off that file" in started
        status = json.loads(run("hooks", "status", "--json"))["claude"]
        assert status["scripts"] == "current"
        assert status["capture"]["outcome"] == "a turn of the user was kept"
    finally:
        run("down")
    assert spool.waiting(g.layout.spool_new) == []
    run("hooks", "uninstall")
    assert not (host.directory / "settings.json").exists()
