"""The README keeps in step with the code."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import readme
from harness.group import PATIENCE_S

from iai import cli
from iai.admin import version
from iai.config.layout import LONGEST_SOCKET_PATH, Layout
from iai.process import probe
from iai.protocol import wire
from iai.protocol.message import Actor, Ping
from iai.protocol.registry import INBOX

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()


def iai(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "iai", *args], capture_output=True, text=True, check=False
    )


def test_its_generated_parts_are_as_the_code_has_them() -> None:
    assert readme.updated(TEXT) == TEXT, "run tools/fix"
    for name, block in readme.blocks().items():
        assert block in TEXT, name


def test_every_file_it_names_is_there() -> None:
    named = re.findall(r"`((?:iai|actors|hooks|tools|tests)/[\w./-]+)`", TEXT)
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name


def test_every_command_in_it_exists() -> None:
    named = re.findall(r"(?:`|^)iai ([a-z-]+)", TEXT, re.MULTILINE)
    assert len(named) > 8
    assert set(named) <= set(cli.COMMANDS)


def test_every_benchmark_in_it_exists() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "benchmarks")], capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    for name in re.findall(r"tools/bench ([a-z]+)", TEXT):
        assert re.search(rf"^{name} ", listed, re.MULTILINE), name


def test_its_hooks_are_those_that_are_there() -> None:
    assert set(re.findall(r"iai-mcp-[a-z-]+\.sh", TEXT)) == {
        path.name for path in (ROOT / "hooks").glob("*.sh")
    }


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    done = iai(name, "--help")
    assert done.returncode == 0
    assert f"usage: iai {name}" in done.stdout
    if name != "probe":
        assert re.search(rf"example: iai {name}\b", done.stdout)


def test_the_overview_lists_every_command() -> None:
    done = iai()
    assert done.returncode == 0
    for name, what in cli.COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(what)}$", done.stdout, re.MULTILINE)


def test_bad_usage_is_exit_code_two_and_one_clear_line() -> None:
    for args in (("no-such",), ("recall", ""), ("recall", "x", "--k", "0"), ("show",)):
        done = iai(*args)
        assert done.returncode == 2, args
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_the_version_is_printed() -> None:
    said = iai("--version").stdout
    assert said.startswith("iai 0.")
    for what in ("Python 3.", "lmdb ", "faiss-cpu ", "tantivy ", "store schema "):
        assert what in said
    assert "is not there" not in said


def test_the_version_names_the_commit_of_a_checkout(tmp_path: Path) -> None:
    git = tmp_path / "main.git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "packed-refs").write_text("# pack-refs\nc0ffee refs/heads/main\n")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    assert version._of_checkout(checkout) == ""
    (checkout / ".git").write_text(f"gitdir: {git}\n")
    assert version._of_checkout(checkout) == "c0ffee"
    (git / "refs" / "heads" / "main").write_text("bead\n")
    assert version._of_checkout(checkout) == "bead"
    (git / "HEAD").write_text("feed\n")
    assert version._of_checkout(checkout) == "feed"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_every_command(shell: str) -> None:
    done = iai("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    for name in cli.COMMANDS:
        assert re.search(rf"\b{name}\b", done.stdout), name
    if shell == "bash":
        subprocess.run(["/bin/bash", "-n"], input=done.stdout, text=True, check=True)


def test_the_stand_alone_probe_knows_the_same_protocol() -> None:
    assert probe.PROTOCOL == wire.PROTOCOL
    assert set(probe.ACTORS) == set(Actor)
    assert probe.LONGEST_SOCKET_PATH == LONGEST_SOCKET_PATH
    for root in (Path("/s"), Path("/" + "long/" * 30)):
        assert probe.sockets(root) == Layout(root).sockets
    assert all(Ping in kinds for kinds in INBOX.values())
    assert (ROOT / "tools" / "probe").resolve() == ROOT / "iai" / "process" / "probe.py"


@pytest.mark.slow
def test_the_first_command_shows_the_whole_path_and_leaves_nothing_behind(tmp_path: Path) -> None:
    subprocess.run([str(ROOT / "tools" / "setup"), "dev"], check=True)  # which stays, done or not
    environment = {**os.environ, "TMPDIR": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [str(ROOT / "tools" / "run")], capture_output=True, text=True, check=False, env=environment,
        timeout=3 * PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "> Left open: the OpenAPI example still shows /v1" in done.stdout
    assert "> Retries: never more than 3, always with tenacity." in done.stdout
    assert "cache-hit" in done.stdout
    for stage in ("records", "vectors", "graph", "payload"):
        assert re.search(rf"^  {stage} +20    0$", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []
