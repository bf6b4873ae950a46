"""What is forgotten is in no file below the store, whichever way it was selected."""

import json
import mmap
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from harness.group import Group, wait_until
from tantivy import Index

from iai.admin import scrub_check
from tests.iai.hosts.claude_lines import answer, call, line, of_session, prompt, result, transcript

pytestmark = pytest.mark.slow

Make = Callable[..., Group]
NAMES = ("byid", "whole", "project", "span", "file", "text", "part", "kept", "killed")


def words(name: str) -> list[str]:
    """The words that only the session of this name has."""
    return [f"zq{name}{kind}" for kind in ("ask", "told", "ran", "out", "ans", "title")]


def session(name: str, cwd: Path, minute: int) -> str:
    """A request, narration, a command that fails, an edit, an answer, a title."""
    ask, told, ran, out, ans, title = words(name)
    lines = [
        prompt(1, f"please mend the {ask} of the mill, it is broken since noon"),
        answer(2, f"let me look at the {told} first", call("c1", "Bash", command=f"make {ran}")),
        result(3, "c1", f"Error: {out} is missing", is_error=True),
        answer(4, call("c2", "Edit", file_path=f"{cwd}/{name}.py", old_string="a", new_string="b")),
        result(5, "c2", "done"),
        answer(5, call("c3", "Bash", command=f"git commit -m 'Mend zq{name}subject'")),
        result(5, "c3", f"[fix abc1234] Mend zq{name}subject\n 1 file changed, 1 insertion(+)"),
        answer(6, f"The {ans} is mended."),
        line("ai-title", 7, aiTitle=f"Mending the {title}"),
        prompt(20, f"and a wheel for {name}, too"),
        answer(21, f"The wheel of {name} turns."),
    ]
    for one in lines:
        one["timestamp"] = one["timestamp"].replace("T10:", f"T{10 + minute}:")
        one["gitBranch"] = f"fix/zq{name}branch"
    return transcript(of_session(f"s-{name}", cwd, *lines))


def holding(group: Group, needles: Iterable[str]) -> dict[str, list[str]]:
    """Return the files below the store that have any of these words, each with these."""
    found: dict[str, list[str]] = {}
    for path in group.layout.root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size:
            with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as d:
                there = [needle for needle in needles if d.find(needle.encode()) >= 0]
            if there:
                found[str(path.relative_to(group.layout.root))] = there
    return found


def indexed(group: Group, needles: Iterable[str]) -> list[str]:
    """Return those of the words that the lexical index still has a term of, deleted or not."""
    searcher = Index.open(str(group.layout.lexical)).searcher()
    fields = ("text", "work", "narration")
    return [n for n in needles if any(searcher.doc_freq(field, n) for field in fields)]


@pytest.fixture(scope="module")
def shared(group_of_module: Make) -> Group:
    """A group with a session for each way to forget."""
    one = group_of_module(file_history="1")
    projects = one.work / "projects"
    for minute, name in enumerate(NAMES):
        cwd = one.work / (f"p-{name}" if name == "project" else "p")
        cwd.mkdir(exist_ok=True)
        directory = projects / name
        directory.mkdir(parents=True)
        (directory / f"s-{name}.jsonl").write_text(session(name, cwd, minute))
    one.up()
    assert one.iai("import", str(projects)).returncode == 0
    one.settle()
    wait_until(lambda: all(_histories(one, name) for name in NAMES), "files have a history")
    return one


@pytest.fixture
def filled(shared: Group, in_process: Callable[[Group], Group]) -> Group:
    return in_process(shared)


def _histories(group: Group, name: str) -> bool:
    """Have a later session be given the history of the file of a session, as the hook does."""
    path = group.work / (f"p-{name}" if name == "project" else "p") / f"{name}.py"
    event = {
        "session_id": f"reader-{name}", "transcript_path": "/h/.claude/projects/w/r.jsonl",
        "cwd": str(path.parent), "hook_event_name": "PreToolUse", "tool_name": "Edit",
        "tool_input": {"file_path": str(path), "old_string": "a", "new_string": "b"},
    }  # fmt: skip
    group.hook("session-recall", event)
    return (group.layout.deliveries / f"reader-{name}.files").exists()


def noted(group: Group) -> set[str]:
    """Return for which sessions hooks have noted the path of the session's file."""
    places = [*group.layout.deliveries.glob("*.files"), *group.layout.ledger.glob("*.hook.jsonl")]
    texts = [path.read_text() for path in places]
    return {name for name in NAMES if any(f"/{name}.py" in text for text in texts)}


def numbers(group: Group, word: str) -> list[str]:
    """Return the numbers of the turns with a word."""
    done = group.iai("export", "--format", "jsonl")
    found = [json.loads(one) for one in done.stdout.splitlines()]
    return [str(one["label"]) for one in found if word in one.get("text", "")]


def test_no_way_of_forgetting_leaves_a_byte(filled: Group) -> None:
    everything = [word for name in ("byid", "whole", "project", "span", "file", "text")
                  for word in words(name)]  # fmt: skip
    before = {w for there in holding(filled, everything).values() for w in there}
    assert before == set(everything)
    assert noted(filled) == set(NAMES)
    ways: dict[str, tuple[str, ...]] = {
        "byid": (*numbers(filled, "byid"), "--whole-session"),
        "whole": ("--session", "s-whole"),
        "project": ("--project", str(filled.work / "p-project")),
        "span": ("--since", "2026-11-20T13:00", "--until", "2026-11-20T13:59"),
        "file": ("--file", "file.py"),
    }
    for name, options in ways.items():
        report = filled.json("forget", *options, "--yes")
        assert report["forgotten"], (name, report)
        assert report["left"] == [], (name, report, filled.log())
        gone = words(name)[:5] if name == "file" else words(name)
        assert holding(filled, gone) == {}, name
        assert indexed(filled, gone) == [], name
        assert name not in noted(filled)
    ask, told, ran, out, ans, title = words("text")
    for word in (title, ans, out, told, ask):  # what was run goes with its output
        report = filled.json("forget", "--text", word, "--yes")
        assert report["records"] + report["actions"] + report["titles"] >= 1, (word, report)
        assert report["left"] == report["found_in"] == [], (word, report)
        assert holding(filled, [word]) == {}
    assert holding(filled, words("text")) == {}, ran
    assert indexed(filled, words("text")) == []
    kept = {w for there in holding(filled, words("kept")).values() for w in there}
    assert kept == set(words("kept"))
    assert noted(filled) == {"part", "kept", "killed"}
    # Nothing of it comes back, whatever is read again.
    copied = filled.work / "copied"
    copied.mkdir()
    for path in (filled.work / "projects").rglob("*.jsonl"):
        (copied / path.name).write_bytes(path.read_bytes())
    for source in (filled.work / "projects", copied):
        assert filled.iai("import", str(source)).returncode == 0
    filled.settle()
    back = {w for there in holding(filled, everything).values() for w in there}
    assert back <= {"zqfiletitle"}  # the title of a session of which there is more
    assert scrub_check.left(filled.layout) == []


def test_a_commit_goes_with_its_request_and_a_branch_by_its_name(filled: Group) -> None:
    """Commits are also kept with how far a transcript was read: they may be taken back yet."""
    subject, branch = "zqpartsubject", "zqpartbranch"
    assert {w for there in holding(filled, [subject, branch]).values() for w in there} == {
        subject, branch,
    }  # fmt: skip
    filled.json("forget", *numbers(filled, words("part")[0]), "--yes")
    assert holding(filled, [subject]) == {}
    report = filled.json("forget", "--text", branch, "--yes")
    assert (report["branches"], report["found_in"]) == (1, [])
    assert holding(filled, [branch]) == {}


def test_what_was_forgotten_while_a_stage_was_down_is_scrubbed_at_its_next_start(
    filled: Group,
) -> None:
    gone = words("killed")[:1]
    assert list(holding(filled, gone)) != []
    filled.iai("forget", *numbers(filled, gone[0]))
    filled.end()
    filled.up()
    filled.settle()
    wait_until(lambda: not scrub_check.left(filled.layout), "all is scrubbed")
    assert holding(filled, gone) == {}
