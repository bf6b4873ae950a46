"""The README, the topics of `iai help` and every `--help` are in step with the code."""

import os
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import pytest
import readme
from harness.group import PATIENCE_S

from iai import cli
from iai.admin import version
from iai.cli.help import TOPICS, topics
from iai.config.layout import LONGEST_SOCKET_PATH, Layout
from iai.process import probe
from iai.protocol import wire
from iai.protocol.message import Actor, Ping
from iai.protocol.registry import INBOX

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = {path: path.read_text() for path in readme.DOCUMENTS}
TEXT = "\n".join(PAGES.values())


def iai(*args: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "iai", *args], capture_output=True, text=True, check=False
    )


@cache
def explained(*args: str) -> str:
    """Return the help that a command line prints, in this process; fail if it prints an error."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as errors:
        try:
            code = cli.main(args)
        except SystemExit as end:  # of argparse, after it has printed the help
            code = int(end.code or 0)
    assert (code, errors.getvalue()) == (0, ""), args
    return out.getvalue()


def test_its_generated_parts_are_as_the_code_has_them() -> None:
    for path, page in PAGES.items():
        assert readme.updated(page) == page, f"{path.name}: run tools/fix"
    blocks = readme.blocks()
    assert set(re.findall(r"<!-- ([a-z]+) -->", TEXT)) == set(blocks)
    for name, block in blocks.items():
        assert block in TEXT, name


def test_every_file_it_names_is_there() -> None:
    named = re.findall(r"`((?:iai|actors|hooks|tools|tests)/[\w./-]+)`", TEXT)
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_link_leads_to_a_file(path: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGES[path]):
        assert (path.parent / target).is_file(), target


def command_lines() -> list[tuple[str, str]]:
    """Return the commands in the text, in line or in a block: each name, and what follows it."""
    blocks = "\n".join(re.findall(r"^```sh\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
    pattern = r"iai ([a-z][a-z-]*)([^`#\n]*)"
    inline = re.findall(f"`{pattern}`", TEXT)
    return [*inline, *re.findall(f"^{pattern}", blocks, re.MULTILINE)]


def test_every_command_in_it_exists() -> None:
    named = {name for name, _ in command_lines()}
    assert len(named) > 8
    assert named <= set(cli.COMMANDS)


def test_every_option_in_it_exists() -> None:
    named = {
        (name, each) for name, rest in command_lines() for each in re.findall(r"--[\w-]+", rest)
    }
    assert len(named) > 8
    for name, option in named:
        assert re.search(rf"{option}\b", explained(name, "--help")), f"iai {name} {option}"


def test_every_benchmark_in_it_exists() -> None:
    listed = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "benchmarks")], capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    named = re.findall(r"tools/bench ([a-z]+)", TEXT)
    assert len(named) > 8
    for name in named:
        assert re.search(rf"^{name} ", listed, re.MULTILINE), name


def test_every_figure_of_the_costs_names_the_command_that_measures_it() -> None:
    rows = re.findall(r"^\| (?!what|---).*\|$", (TOPICS / "costs.md").read_text(), re.MULTILINE)
    assert len(rows) > 8
    for row in rows:
        assert re.search("`tools/(bench|test) ", row) or row.endswith("| the same |"), row


def test_the_privacy_topic_names_everything_in_the_store() -> None:
    store = Layout(Path("/s"))
    paths = [at for name in dir(store) if isinstance(at := getattr(store, name), Path)]
    paths.remove(store.root)
    assert len(paths) > 8
    page = PAGES[TOPICS / "privacy.md"]
    for name in {path.relative_to(store.root).parts[0] for path in paths}:
        assert f"`{name}" in page, name


def test_the_privacy_topic_says_of_each_file_whether_it_is_encrypted() -> None:
    rows = re.findall(r"^\| (`.*)\|$", PAGES[TOPICS / "privacy.md"], re.MULTILINE)
    assert len(rows) > 12
    for row in rows:
        paths, _, how = row.split(" | ")
        assert re.match(r"encrypted|plain|keyed hashes", how), paths


def test_its_hooks_are_those_that_are_there() -> None:
    assert set(re.findall(r"iai-mcp-[a-z-]+\.sh", TEXT)) == {
        path.name for path in (ROOT / "hooks").glob("*.sh")
    }


def test_the_troubleshooting_topic_explains_every_reason_of_the_start_hook() -> None:
    hook = (ROOT / "hooks" / "iai-mcp-session-recall.sh").read_text()
    reasons = set(re.findall(r'(?:live |unfit=)"([a-z-]+)', hook))
    assert len(reasons) > 5
    for reason in reasons:
        assert f"`{reason}`" in PAGES[TOPICS / "troubleshooting.md"], reason


@pytest.mark.parametrize("name", topics())
def test_a_topic_is_listed_linked_and_printed_as_a_terminal_shows_it(name: str) -> None:
    assert f"iai/cli/topics/{name}.md" in PAGES[README]
    about = topics()[name]
    assert re.search(rf"^  {name} +{re.escape(about)}$", explained("help"), re.MULTILINE)
    printed = explained("help", name)
    assert printed.startswith(f"# {name.capitalize()}: {about}\n")
    for markup in ("<!--", "![", ".md)"):
        assert markup not in printed


def test_help_explains_a_topic_and_then_the_command_of_the_same_name() -> None:
    printed = explained("help", "freshness")
    assert printed.startswith("# Freshness: ")
    assert printed.endswith(explained("freshness", "--help"))


def test_help_explains_a_command_as_its_own_help_does() -> None:
    assert explained("help", "recall") == explained("recall", "--help")
    assert explained("help") == explained("--help")
    refused = iai("help", "no-such")
    assert (refused.returncode, refused.stdout) == (2, "")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    printed = explained(name, "--help")
    assert f"usage: iai {name}" in printed
    if name != "probe":
        assert re.search(rf"example: iai {name}\b", printed)


def test_the_overview_lists_every_command() -> None:
    printed = explained("help")
    for group, commands in cli.GROUPS.items():
        part = printed.split(f"\n{group}:\n")[1].split("\n\n")[0]
        for name, what in commands.items():
            assert re.search(rf"^  {name} +{re.escape(what)}$", part, re.MULTILINE)


# Commands without --json: these print for a program already, or for a shell, or serve a page.
NO_DOCUMENT = {
    "mcp", "session-start", "prompt-recall", "completion", "probe", "export", "help", "ui",
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(cli.COMMANDS.keys() - NO_DOCUMENT - {"project", "team"}))
def test_every_command_that_prints_for_people_has_a_json_form(name: str) -> None:
    assert "--json" in cli.parser(name).format_help()


def test_an_option_has_one_name_in_every_command() -> None:
    for name in cli.COMMANDS:
        options = re.findall(r"--[a-z-]+", cli.parser(name).format_usage())
        assert not {"--k", "--max", "--count", "--commits", "--number"} & set(options), name


def test_bad_usage_is_exit_code_two_and_one_clear_line() -> None:
    for args in (("no-such",), ("recall", ""), ("recall", "x", "--limit", "0"), ("show",)):
        done = iai(*args)
        assert done.returncode == 2, args
        assert done.stdout == ""
        assert "Traceback" not in done.stderr


def test_the_version_is_printed() -> None:
    said = iai("--version").stdout
    assert said.startswith("iai 0.")
    for what in ("Python 3.", "lmdb ", "faiss-cpu ", "tantivy ", "store schema "):
        assert what in said
    assert "is missing" not in said


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
    assert "Left open: the OpenAPI example still shows /v1" in done.stdout
    for line in ("Tests: pytest tests/api -q: 9 passed", "Open: put the header into the docs"):
        assert f"\n{line}\n" in done.stdout
    assert "> Retries: never more than 3, always with tenacity." in done.stdout
    assert "cache-hit" in done.stdout
    for stage in ("records", "vectors", "graph", "payload"):
        assert re.search(rf"^  {stage} +\d+    0$", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []
