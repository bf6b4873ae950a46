"""Recall in exchanges: what was done is found with what was asked, and each is one hit."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from simulation.world import World

from iai.embedders.static import bundled
from iai.model.action import Action
from iai.model.clock import NS
from iai.model.session import SessionInfo
from iai.protocol.graph_cache import Hit, Recall, Recalled
from iai.protocol.message import Actor
from iai.recall import search, weights
from iai.recall.hits import LONGEST_HIT
from iai.store.record_change import RecordChange
from tests.iai.store.builders import PROJECT, new_record

Make = Callable[..., World]


@pytest.fixture
def w(world: Make) -> World:
    return world(embedder=bundled())


def at(w: World, seconds: int) -> int:
    return w.now.wall - 3_600 * NS + seconds * NS


def say(w: World, seconds: int, text: str, **fields: Any) -> int:
    new = new_record(f"k{seconds}{text}", text=text, created_at=at(w, seconds), **fields)
    return w.records.commit(lambda unit: unit.records.insert(new)[0], w.now)[0]


def do(w: World, seconds: int, kind: str, session: str = "s", **fields: Any) -> None:
    done = Action(key=f"{seconds}{kind}", kind=kind, at=at(w, seconds), **fields)  # type: ignore[arg-type]
    w.records.commit(lambda unit: unit.work.act(done, "claude", session, PROJECT), w.now)


def ask(w: World, query: str, **fields: Any) -> tuple[Hit, ...]:
    w.run(5.0)
    reply = w.answer(Actor.GRAPH_CACHE, Recall(query=query, **fields))
    assert isinstance(reply, Recalled)
    return reply.hits


@pytest.fixture
def harbour(w: World) -> World:
    """Two sessions: one mends the tide table, the other one fails to move a crane."""
    say(w, 1, "the table of the harbour is wrong, mend it")
    say(w, 2, "let me read the almanac first", role="assistant")
    do(w, 3, "read", path="/w/src/almanac.py")
    do(w, 4, "edit", path="/w/src/tide.py", added=3)
    do(w, 5, "commit", text="Count the neap days twice", commit="a1b2c3d4e5")
    say(w, 6, "It is mended: the sum was off by one.", role="assistant")
    say(w, 7, "move the crane to the other berth", session="t")
    do(w, 8, "command", session="t", text="make crane", status="failed", output="KeyError: quay")
    say(w, 9, "The crane would not move.", role="assistant", session="t")
    return w


@pytest.mark.parametrize(
    "query", ["src/tide.py", "tide.py", "neap days", "a1b2c3d", "a1b2c3d4e5f60718", "almanac"]
)
def test_an_exchange_is_found_by_what_was_done_in_it(harbour: World, query: str) -> None:
    first = ask(harbour, query)[0]
    assert first.request == 1


def test_an_error_finds_the_request_that_led_to_it(harbour: World) -> None:
    first = ask(harbour, "KeyError quay")[0]
    assert (first.session_id, first.errors) == ("t", ("KeyError: quay",))


def test_what_a_failed_edit_looked_for_is_no_error_and_a_plan_of_the_host_no_file(
    harbour: World,
) -> None:
    say(harbour, 11, "moor the barge at the quay", session="u")
    looked_for = "String to replace not found: moor the barge"
    do(harbour, 12, "edit", "u", path="/w/barge.py", status="failed", output=looked_for)
    do(harbour, 13, "write", "u", path="/home/me/.claude/plans/calm-barge.md")
    script = "cat > moor.py <<'E'\n" + "x = 1\n" * 45 + "print('moor the barge')\nE"
    do(harbour, 14, "command", "u", text=script)
    hit = ask(harbour, "moor the barge")[0]
    assert (hit.errors, hit.files) == ((), ("/w/barge.py",))
    assert hit.commands[0].startswith("cat > moor.py <<'E' …")
    assert "moor the barge" in hit.commands[0]


def test_an_exchange_is_one_hit_with_what_was_asked_answered_and_done(harbour: World) -> None:
    (hit,) = ask(harbour, "harbour table tide.py off by one", session="s")
    assert hit.request == 1
    assert "harbour" in (hit.asked or hit.text)
    assert "off by one" in (hit.answer or hit.text)
    assert hit.files == ("/w/src/tide.py",)
    assert hit.commits == ("a1b2c3d Count the neap days twice",)


@pytest.mark.parametrize(
    ("fields", "requests"),
    [
        ({"file": "src/tide.py"}, {1}),
        ({"file": "src/almanac.py"}, {1}),
        ({"file": "other/tide.py"}, set()),
        ({"commit": "a1b2c3d"}, {1}),
        ({"commit": "neap days"}, {1}),
        ({"commit": "crane"}, set()),
        ({"command": "make crane"}, {4}),
        ({"command": "make crane", "failed": True}, {4}),
        ({"failed": True}, {4}),
        ({"failed": True, "file": "tide.py"}, set()),
    ],
)
def test_a_filter_lets_only_exchanges_through_that_did_so(
    harbour: World, fields: dict[str, Any], requests: set[int]
) -> None:
    assert {hit.request for hit in ask(harbour, "what was it", **fields)} == requests


def test_hits_of_the_nearest_project_come_first_and_the_others_are_named_so(w: World) -> None:
    say(w, 1, "the staging key of the tariff is in the vault", project="a", session="a")
    say(w, 2, "the key of the staging is in a staging vault, that key", project="b", session="b")
    hits = ask(w, "staging key vault", near="a")
    assert [(hit.project, hit.elsewhere) for hit in hits] == [("a", False), ("b", True)]
    assert not any(hit.elsewhere for hit in ask(w, "staging key vault"))


def test_what_was_remembered_comes_before_what_was_only_said(w: World) -> None:
    for number in range(4):
        text = f"the staging key, the staging key: I looked for the key of staging {number} times"
        say(w, number, text, role="assistant", session=f"s{number}")
    noted = say(w, 9, "the staging key is in the vault under tariff/staging", tier="semantic")
    assert ask(w, "staging key")[0].label == noted


def test_a_note_is_not_too_short_to_come_before_long_texts_of_another_project(w: World) -> None:
    for number in range(4):
        about = " ".join(f"quay{number}{n} berth{number}{n}" for n in range(9))
        text = f"staging deploys read the key of staging; rotate the key before staging: {about}"
        say(w, number, text, role="assistant", session=f"s{number}", project="other")
    noted = say(w, 9, "the staging key is in the vault", tier="semantic")
    first = ask(w, "staging key")[0]
    assert (first.label, "brief" in first.why) == (noted, False)


def test_a_note_and_other_requests_are_hits_where_more_texts_than_are_looked_at_say_the_same(
    w: World,
) -> None:
    noted = say(w, 0, "the mooring rope is in the shed", tier="semantic")
    other = say(w, 1, "the rope is too short, order a longer one", session="other")
    for number in range(weights.CANDIDATES):
        text = "where is the mooring rope; check the mooring rope and splice the mooring rope"
        say(w, 2 + number, text, session=f"s{number}")
    for query in ("mooring rope", "where is the rope"):
        labels = [hit.label for hit in ask(w, query)]
        assert noted in labels[:4]
        assert len(labels) in (2, 3)
    assert other in [hit.label for hit in ask(w, "a longer rope")]


def test_a_short_request_gains_nothing_from_the_answer_before_it(w: World) -> None:
    say(w, 1, "how is the crane at the berth secured against the tide")
    answer = say(
        w, 2, "The crane at the berth is chained, so the tide is harmless", role="assistant"
    )
    say(w, 3, "thanks, now look at the harbour lights instead, please")
    hits = ask(w, "crane berth tide")
    assert hits[0].label == answer
    assert sum(hit.why.get("neighbours", 0.0) for hit in hits if hit.request == 3) < 0.2


def test_a_plan_given_as_the_request_is_found_by_what_was_done_for_it(w: World) -> None:
    plan = say(w, 1, "Implement the following plan: mend the harbour", kind="plan")
    do(w, 2, "edit", path="/w/src/crane.py", added=3)
    (hit,) = ask(w, "crane.py")
    assert (hit.request, hit.files) == (plan, ("/w/src/crane.py",))


def test_the_first_hits_do_not_depend_on_how_many_are_asked_for(w: World) -> None:
    for number in range(30):
        say(w, 10 * number, f"go on with step {number}", session=f"s{number}")
        said = f"now the crane of berth {number}"
        say(w, 10 * number + 1, said, role="assistant", session=f"s{number}")
        say(w, 10 * number + 2, "It is done.", role="assistant", session=f"s{number}")
    few, many = ask(w, "crane berth", k=5), ask(w, "crane berth", k=25)
    assert [hit.label for hit in few] == [hit.label for hit in many[:5]]
    assert all("narration" in hit.why for hit in many)


def test_the_later_of_two_requests_comes_first_also_where_the_answers_were_found(w: World) -> None:
    said = {
        "the list of ships is sorted by the captain's name": "Ships are sorted by name.",
        "sort ships by draught after all": "Done: the deep ones are on top.",
    }
    for n in range(9):  # so that no word of the question is in most records
        say(w, 100 + n, f"crane {n} waits for the tide", session="t")
    for start, (asked, answered) in enumerate(said.items()):
        say(w, 10 * start, asked, session=f"s{start}")
        say(w, 10 * start + 1, answered, role="assistant", session=f"s{start}")
    first, second = ask(w, "how is the list of ships sorted", k=2)
    assert (first.session_id, second.session_id) == ("s1", "s0")
    assert "later" in first.why
    assert not second.superseded_by


def test_people_come_before_programs(w: World) -> None:
    say(w, 1, "the crane at the berth fails again and again", session="robot")
    person = say(w, 2, "one crane failed", session="person")
    robot = SessionInfo(host="claude", session="robot", unattended=True)

    def change(unit: RecordChange) -> None:
        unit.work.note_session(robot)

    w.records.commit(change, w.now)
    hits = ask(w, "crane fails at the berth again")
    assert [hit.unattended for hit in hits] == [False, True]
    assert hits[0].label == person


def test_a_clients_turns_are_hits_each_for_itself_and_none_is_narration(w: World) -> None:
    say(w, 1, "where is the crane", host="client", session="c")
    say(w, 2, "the crane is at the berth", host="client", session="c", role="assistant")
    say(w, 3, "the crane has left", host="client", session="c", role="assistant")
    assert {hit.label for hit in ask(w, "crane")} == {1, 2, 3}


def test_so_many_hits_are_returned_and_each_is_cut(
    w: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "MOST_HITS", 3)
    for seconds in range(5):
        say(
            w, 10 * seconds, f"the tide number {seconds} " + "rises " * 5_000, session=f"s{seconds}"
        )
    hits = ask(w, "tide", k=10_000)
    assert len(hits) == 3
    assert {len(hit.text) for hit in hits} == {LONGEST_HIT}


def test_whoever_asks_for_three_gets_the_first_three_of_ten(w: World) -> None:
    draw = Random(3)  # noqa: S311
    words = [
        "crane", "berth", "tide", "rope", "quay", "gate", "buoy", "pilot", "fee", "lamp", "chart",
        "depth",
    ]  # fmt: skip
    for number in range(120):
        session = f"s{number // 4}"
        say(w, 3 * number, " ".join(draw.choices(words, k=draw.randint(6, 40))), session=session)
        told = " ".join(draw.choices(words, k=draw.randint(6, 40)))
        say(w, 3 * number + 1, told, role="assistant", session=session)
        do(w, 3 * number + 2, "read", session=session, path=f"/w/{draw.choice(words)}.py")
    questions = [" ".join(draw.sample(words, 3)) for _ in range(10)]
    for question in questions:
        ten, three = (ask(w, question, k=k) for k in (10, 3))
        assert [hit.label for hit in three] == [hit.label for hit in ten[:3]]
