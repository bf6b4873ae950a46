"""What was done for a request is found with it, whatever order it was stored in."""

import random
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.index.lexical import NARRATION, WORK, LexicalIndex
from iai.index.lexical_indexer import LexicalIndexer
from iai.index.term_vectors import TermVectors, term_vector
from iai.index.terms import extract, term_id, terms
from iai.index.work_terms import FAILED, KINDS, MOST, path_terms, work_terms
from iai.model.action import Action
from iai.store.record_change import RecordChange
from tests.iai.store.builders import NOW, PROJECT, kept, new_record
from tests.iai.store.shared import Store


def action(key: str = "a", kind: str = "edit", at: int = 1, **fields: Any) -> Action:
    return Action(key=key, kind=kind, at=at, **{"status": "ok", **fields})  # type: ignore[arg-type]


def by_kind(*actions: Action) -> dict[str, set[str]]:
    return {kind: set(found) for kind, found in zip(KINDS, work_terms(actions), strict=True)}


@pytest.mark.parametrize(
    "asked", ["login.py", "app/login.py", "src/app/Login.py", "/w/src/app/login.py", "login"]
)
def test_a_path_is_found_whole_by_its_end_and_by_its_parts(asked: str) -> None:
    assert set(terms(asked)) & set(path_terms("/w/src/app/login.py"))


def test_a_path_is_not_found_by_a_part_of_a_step() -> None:
    assert "pp/login.py" not in path_terms("/w/src/app/login.py")
    assert set(path_terms("C:\\w\\app\\Login.py")) >= {"app/login.py", "login.py", "login"}


def test_each_kind_of_work_has_its_own_terms() -> None:
    found = by_kind(
        action(path="/w/tide.py"),
        action(kind="read", path="/w/ebb.py"),
        action(kind="commit", text="Mend the harbour", commit="a1b2c3d4e5"),
        action(kind="command", text="make berth", status="failed", output="KeyError: quay"),
    )
    assert "tide.py" in found["changed"]
    assert "ebb.py" in found["read"]
    assert {"harbour", *terms("a1b2c3d")} <= found["commits"]
    assert "berth" in found["commands"]
    assert {FAILED, "quay"} <= found["errors"]


def test_a_refused_change_changed_nothing() -> None:
    found = by_kind(action(path="/w/tide.py", status="refused"))
    assert not found["changed"]
    assert "tide.py" in found["read"]


def test_an_exchange_has_a_bounded_number_of_terms() -> None:
    found = work_terms(action(str(n), path=f"/w/file{n}.py") for n in range(2 * MOST))
    assert max(map(len, found)) == MOST


def test_a_term_counts_once_for_a_record_that_says_and_does_it() -> None:
    work = work_terms([action(path="tide.py")])
    both = term_vector(kept(1, "mend tide.py"), extract("mend tide.py"), work)
    assert TermVectors([both]).document_frequencies().by_term()[term_id("tide.py")] == 1


def test_of_several_kinds_with_a_term_the_heaviest_counts() -> None:
    done = [action(path="tide.py"), action("b", kind="read", path="tide.py")]
    vectors = [
        term_vector(kept(1, "x"), extract("x"), work_terms(done)),
        term_vector(kept(2, "x"), extract("x"), work_terms(done[1:])),
        term_vector(kept(3, "x"), extract("x")),
    ]
    weights = (0.8, 0.3, 0.0, 0.0, 0.0)
    table = TermVectors(vectors).find([term_id("x"), term_id("tide.py")]).work(weights)
    assert table.tolist() == [[0, 0.8], [0, 0.3], [0, 0]]


class Worked(Store):
    """A store with what the lexical index makes of its records."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.index = LexicalIndex(path / "lexical")
        self.lexical = LexicalIndexer(self.index, self.graph)

    def say(self, second: int, role: str) -> None:
        text = f"w{second} said by the {role}"
        new = new_record(f"k{second}", text=text, role=role, created_at=second)
        self.records.commit(lambda unit: unit.records.insert(new), NOW)

    def do(self, second: int) -> None:
        done = action(f"a{second}", at=second, path=f"/w/f{second}.py")
        self.records.commit(lambda unit: unit.work.act(done, "claude", "s", PROJECT), NOW)

    def forget(self, key: str) -> None:
        def change(unit: RecordChange) -> None:
            label = unit.view.known(key)
            record = unit.view.get(label) if label else None
            if record is not None:
                unit.forget.record(record)

        self.records.commit(change, NOW)

    def follow(self) -> None:
        with self.records.view() as view:
            while self.lexical.step(view):
                pass

    def state(self) -> tuple[dict[str, bytes], dict[str, list[int]]]:
        """Return the term vector of each text, and which requests each word and file finds."""
        with self.records.view() as view, self.graph.view() as graph:
            texts = {record.label: record.text for record in view.after(0)}
            vectors = graph.term_vectors(list(texts))
        found = {
            f"{field} {term}": sorted(
                texts.get(label, "gone") for label, _ in self.index.covering(field, {term: 1.0}, 50)
            )
            for field, term in (
                *((NARRATION, f"w{n}") for n in range(1, 30)),
                *((WORK, f"f{n}.py") for n in range(1, 30)),
            )
        }
        return {texts[label]: vectors[label] for label in texts}, found  # type: ignore[return-value]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Worked]:
    made = Worked(tmp_path)
    yield made
    made.close()


def test_actions_that_arrive_later_are_found_with_their_request(store: Worked) -> None:
    store.say(1, "user")
    store.follow()
    store.do(2)
    store.follow()
    assert [label for label, _ in store.index.covering(WORK, {"f2.py": 1.0}, 9)] == [1]
    assert store.index.with_all(["f2.py"], 9) == [1]


def test_narration_is_found_with_its_request_and_is_no_document(store: Worked) -> None:
    store.say(1, "user")
    store.say(2, "assistant")
    store.follow()
    assert store.index.covering(NARRATION, {"w2": 1.0}, 9) == []
    store.say(3, "assistant")
    store.follow()
    assert [label for label, _ in store.index.covering(NARRATION, {"w2": 1.0}, 9)] == [1]
    assert store.index.search(["w2"], 9) == []


def test_a_slash_command_is_found_by_what_was_done_for_it_and_not_by_its_name(
    store: Worked,
) -> None:
    typed = new_record("k1", text="/harbour", kind="command", created_at=1)
    store.records.commit(lambda unit: unit.records.insert(typed), NOW)
    store.do(2)
    store.follow()
    assert store.index.search(["harbour"], 9) == []
    assert [label for label, _ in store.index.covering(WORK, {"f2.py": 1.0}, 9)] == [1]
    said = new_record("k3", text="harbour", kind="command", created_at=3)
    store.records.commit(lambda unit: unit.records.insert(said), NOW)
    store.follow()
    assert [label for label, _ in store.index.search(["harbour"], 9)] == [2]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_work_and_narration_follow_from_the_records_alone(
    kinds: list[int], chance: random.Random
) -> None:
    events = list(enumerate(kinds, 1))
    chance.shuffle(events)
    forgotten = [f"k{second}" for second, _ in events if chance.random() < 0.2]
    states = []
    for apart in (True, False):
        with TemporaryDirectory() as directory:
            store = Worked(Path(directory))
            for second, kind in events:
                if kind == 0:
                    store.do(second)
                else:
                    store.say(second, "user" if kind == 1 else "assistant")
                if apart:
                    store.follow()
            for key in forgotten:
                store.forget(key)
                if apart:
                    store.follow()
            store.follow()
            states.append(store.state())
            store.close()
    assert states[0] == states[1]
