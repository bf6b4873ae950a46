"""`iai recall`, `show` and `timeline` as users meet them, on a real group and without one."""

import json
import re
import shutil
import signal
from collections.abc import Callable

import pytest
from harness.group import CHECKOUT, Group, wait_until

from iai.model import clock
from iai.model.printable import quoted
from iai.process import lock
from iai.protocol.message import Actor
from tests.actors.real import capture, recalled

pytestmark = pytest.mark.slow
Make = Callable[..., Group]
SAMPLES = CHECKOUT / "tests" / "samples"
DEAD = "vectors: the embedder gave no vector for the query"


@pytest.fixture(scope="module")
def shared(group_of_module: Make) -> Group:
    """Return a group that has read the sample transcripts."""
    shared = group_of_module(session_cache_refresh_min_sec="0")
    shared.up()
    shared.json("import", str(SAMPLES), "--wait")
    shared.settle()
    return shared


@pytest.fixture
def g(shared: Group, in_process: Callable[[Group], Group]) -> Group:
    """Return the group, running."""
    if not lock.held(shared.layout.lease):
        shared.up()
    return in_process(shared)


@pytest.fixture
def stopped(shared: Group, in_process: Callable[[Group], Group]) -> Group:
    """Return the group, stopped."""
    if lock.held(shared.layout.lease):
        shared.down()
    return in_process(shared)


def test_an_explained_hit_shows_the_parts_of_its_score_the_words_and_its_source(g: Group) -> None:
    recalled(g, "tenacity retries")
    done = g.iai("recall", "tenacity retries", "--k", "1", "--explain")
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()[2:]]
    told = {name: rest for name, rest in lines}  # noqa: C416  mypy wants pairs
    assert list(told)[-2:] == ["said", "session"]
    assert {"words", "vectors"} <= set(told)
    assert told["words"].endswith("tenacity, retries")
    place = re.fullmatch(r"in +(.+):(\d+)", told["said"])
    assert place is not None
    with open(place[1], "rb") as transcript:  # noqa: PTH123
        transcript.seek(int(place[2]))
        assert b"tenacity" in transcript.readline()


def test_every_hit_matches_the_filters(g: Group) -> None:
    g.iai("remember", "Balances are cached for an hour.", "--project", "/home/dev/ledgerline")
    g.settle()
    every = g.json("recall", "balance", "--limit", "50")["hits"]
    assert {hit["role"] for hit in every} == {"user", "assistant"}
    one = every[-1]["session_id"] or every[0]["session_id"]
    for option, value, field in (
        ("--role", "assistant", "role"),
        ("--tier", "semantic", "tier"),
        ("--session", one, "session_id"),
        ("--project", "ledgerline", "project_name"),
    ):
        hits = g.json("recall", "balance", "--limit", "50", option, value)["hits"]
        assert {hit[field] for hit in hits} == {value}, option
    label = next(hit["label"] for hit in every if hit["session_id"] == one)
    assert g.json("recall", "balance", "--session", f"#{label}")["hits"]
    middle = sorted(hit["created_at"] for hit in every)[len(every) // 2]
    second = clock.iso(middle)
    since = g.json("recall", "balance", "--limit", "50", "--since", second)["hits"]
    until = g.json("recall", "balance", "--limit", "50", "--until", second)["hits"]
    assert min(hit["created_at"] for hit in since) >= clock.parse_iso(second)
    assert max(hit["created_at"] for hit in until) < clock.parse_iso(second)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--project", "no-such"), 2, "there is no project no-such; known: "),
        (("--project", "/no/such"), 0, "nothing found with --project /no/such"),
        (("--session", "no-such"), 0, "nothing found with --session no-such"),
        (("--session", "#9999"), 1, "there is no record #9999"),
        (("--since", "yesterday"), 2, "--since yesterday: give a time like"),
        (("--role", "robot"), 2, "invalid choice: 'robot'"),
    ],
)
def test_a_filter_that_nothing_can_match_is_explained_in_one_line(
    g: Group, words: tuple[str, ...], code: int, says: str
) -> None:
    done = g.iai("recall", "balance", *words)
    assert done.returncode == code
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_query_what_a_filter_names_is_looked_for(g: Group) -> None:
    hits = g.json("recall", "--command", "pytest")["hits"]
    assert hits
    assert all(any("pytest" in command for command in hit["commands"]) for hit in hits)
    done = g.iai("recall", "--failed")
    assert done.returncode == 2
    assert "give a query, or --commit, --command or --file" in done.stderr


def test_an_empty_store_is_distinguished_from_one_without_a_match(group: Make) -> None:
    g = group()
    g.up()
    assert "the store is empty" in g.iai("recall", "anything").stdout
    assert g.json("recall", "anything")["hits"] == []
    assert g.iai("timeline").stdout == "no sessions yet\n"
    assert g.json("timeline") == {"sessions": []}
    capture(g, "hello")
    g.settle()
    assert g.iai("recall", "xyzzy", "--role", "assistant").stdout == (
        "nothing found with --role assistant\n"
    )


def test_with_a_hung_embedder_words_alone_answer_and_the_answer_is_degraded(g: Group) -> None:
    g.kill(Actor.EMBEDDING, signal.SIGSTOP)
    done = g.iai("recall", "tenacity", "--project", "ledgerline", "--explain")
    assert done.returncode == 0
    assert "tenacity" in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[-1] == f"(degraded: {DEAD})"
    document = g.json("recall", "tenacity", "--role", "user")
    assert document["hits"]
    assert document["degraded"] == [DEAD]
    g.kill(Actor.EMBEDDING, signal.SIGCONT)


def test_with_an_embedder_that_cannot_start_words_alone_answer(group: Make, stopped: Group) -> None:
    g = group(session_cache_refresh_min_sec="0")
    shutil.copytree(
        stopped.layout.root,
        g.layout.root,
        ignore=shutil.ignore_patterns("*.sock", "*.pub", "*.bell"),
    )
    g.environment["IAI_FAULT_EMBEDDER"] = "its weights are gone"
    g.environment["PYTHONPATH"] = f"{CHECKOUT / 'tests' / 'faults'}:{CHECKOUT}"
    started = g.iai("up", "--detach")
    assert "embedding failed: cannot start" in started.stderr
    capture(g, "a turn about xyzzy that never had a vector")
    wait_until(lambda: g.json("recall", "xyzzy")["degraded"] == [DEAD], "its words are indexed")
    assert "xyzzy" in g.json("recall", "xyzzy")["hits"][0]["text"]
    done = g.iai("recall", "tenacity")
    assert done.returncode == 0
    assert "tenacity" in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[-1] == f"(degraded: {DEAD})"
    assert g.json("recall", "tenacity")["degraded"] == [DEAD]


def test_a_record_is_shown_among_the_turns_around_it_without_a_group(stopped: Group) -> None:
    g = stopped
    sessions = g.json("timeline", "--project", "ledgerline")["sessions"]
    longest = max(sessions, key=lambda one: one["turns"])
    first = longest["first_request"]["label"]
    document = g.json("show", f"#{first}", "--around", "2")
    assert document["record"]["label"] == first
    assert document["before"] == []
    assert len(document["after"]) == 2
    middle = document["after"][0]
    shown = g.iai("show", middle["id"], "--around", "1").stdout
    heads = re.findall(r"^#(\d+) (?:user|assistant), [\d.]+ \w+ ago$", shown, re.MULTILINE)
    around = g.json("show", middle["id"], "--around", "1")
    exchanges = (*around["exchanges_before"], *around["exchanges_after"])
    assert len(exchanges) > 0
    assert heads == [
        str(turn["label"]) for one in exchanges for turn in (one["request"], one["answer"])
    ]
    assert quoted(middle["text"]) in shown
    assert f"said in {middle['source']['transcript']}:{middle['source']['offset']}\n" in shown
    assert json.loads(g.iai("show", "#1", "--json").stdout)["label"] == 1
    assert g.iai("show", "#1", "--around", "-1").returncode == 2


def test_the_timeline_lists_every_session_without_a_group(stopped: Group) -> None:
    g = stopped
    sessions = g.json("timeline")["sessions"]
    assert {(one["project_name"], one["host"], one["turns"]) for one in sessions} == {
        ("ledgerline", "codex", 2),  # narration is not counted
        ("ledgerline", "claude", 2),
        ("tidepool-web", "claude", 4),
        ("ledgerline", "claude", 6),
    }
    for one in sessions:
        for said in (one["first_request"], one["last_said"]):
            assert g.iai("show", said["id"]).returncode == 0
    shown = g.iai("timeline", "--limit", "1").stdout.splitlines()
    assert len(shown) == 4
    assert shown[3].startswith("    on main: answered; timezones.py +6, ")
    assert re.fullmatch(r"\S+ \S+ to \S+ UTC \(.+ ago\): \S+, \w+, \d exchanges?", shown[0])
    assert g.iai("timeline", "--until", "1971-01-01").stdout == "no matching session\n"
    assert g.iai("timeline", "--project", "no-such").returncode == 2
