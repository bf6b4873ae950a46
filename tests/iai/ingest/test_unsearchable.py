"""What cannot be searched for secrets is not stored, stays where it is, and stops nothing else."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iai.config.layout import Layout
from iai.errors import RulesLoading, Unsearchable
from iai.ingest import parse, redact
from iai.ingest.batch import Batch
from iai.ingest.purge import Purge
from iai.ingest.writer import RecordWriter
from iai.model.record import Transcript
from iai.projects.identity import identify
from iai.protocol.behaviour import Steps
from iai.protocol.ingest import CapturedTurn
from iai.redaction import marks
from iai.redaction.finding import Finding
from iai.redaction.redactor import Redactor
from iai.store.records import Records
from tests.iai.ingest.effects import perform
from tests.iai.store.builders import NOW, new_record, put

POISON = "zq9f8e7d6c5b4a39f8e7d6c5"  # looks like a token, so that the library is asked
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
WORDS = st.text("abc dé\n", min_size=1, max_size=30).filter(str.strip)


class Panic(BaseException):
    """What a library in Rust raises: no `Exception`."""


ERRORS = [ValueError(POISON), KeyError(POISON), RecursionError(), MemoryError(), Panic(POISON)]


class Failing:
    """A library that fails at some texts."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self, text: str) -> list[Finding]:
        if POISON in text:
            raise self._error
        return []


def redactor(error: BaseException) -> Redactor:
    return Redactor(b"key", Failing(error))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_whatever_goes_wrong_is_one_error_that_does_not_tell_the_text(error: BaseException) -> None:
    with pytest.raises(Unsearchable) as raised:
        redactor(error).text(f"my key is {POISON}")
    assert POISON not in str(raised.value)
    assert raised.value.__suppress_context__, "nor does the log"


def test_rules_that_are_being_loaded_are_waited_for() -> None:
    with pytest.raises(RulesLoading):
        redact.or_left_out(redactor(RulesLoading("wait")).text)(POISON)


@given(
    said=st.lists(st.tuples(WORDS, st.booleans()), min_size=1, max_size=8),
    error=st.sampled_from(ERRORS),
)
@settings(max_examples=12)
def test_only_what_cannot_be_searched_is_left_out_of_a_transcript(
    tmp_path_factory: pytest.TempPathFactory,
    said: list[tuple[str, bool]],
    error: BaseException,
) -> None:
    root = tmp_path_factory.mktemp("poison")
    texts = [f"{words} {POISON}" if poisoned else f"{words} {SECRET}" for words, poisoned in said]
    path = root / "session.jsonl"
    path.write_text("".join(_line(number, text) for number, text in enumerate(texts)))
    records = Records(root / "records", writer=True)
    writer = RecordWriter(Layout(root), records, identify, redactor(error).text)
    batch = parse.read(Transcript(path=str(path), host=""), identify, NOW.wall)
    _perform(writer, batch)
    with records.view() as view:
        stored = [record.text for record in view.after(0)]
        counted = view.redacted()
    records.close()
    assert [text == marks.unsearchable() for text in stored] == [bad for _, bad in said]
    assert counted.get("unsearchable", 0) == sum(bad for _, bad in said)
    kept = (root / "records" / "data.mdb").read_bytes()
    assert POISON.encode() not in kept
    assert SECRET.encode() not in kept
    assert POISON in path.read_text() or not any(bad for _, bad in said), "it is still there"


def test_a_client_that_brings_such_a_text_is_refused_and_nothing_of_it_is_stored(
    layout: Layout, records: Records
) -> None:
    writer = RecordWriter(layout, records, identify, redactor(ValueError()).text)
    turns = tuple(CapturedTurn(text=text, cwd="/p", session="s") for text in ("well", POISON))
    with pytest.raises(Unsearchable):
        perform(writer.insert_turns(turns, NOW))
    with records.view() as view:
        assert view.watermark().max_vec_label == 0


def test_a_purge_names_each_record_that_it_cannot_search_and_redacts_the_others(
    records: Records,
) -> None:
    put(records, *(new_record(f"k{n}", text=f"{n} {secret}") for n, secret in enumerate(
        (SECRET, POISON, SECRET, POISON)
    )))  # fmt: skip
    purge = Purge(dry_run=False)
    while not purge.done:
        with records.view() as view:
            change = purge.look(view, redactor(Panic()).text)
        if change is not None:
            records.commit(change, NOW)
    with records.view() as view:
        kept = [record.text for record in view.after(0)]
        progress = purge.progress(view.watermark())
    assert [POISON in text for text in kept] == [False, True, False, True]
    assert not any(SECRET in text for text in kept)
    assert progress.changed == 2
    assert progress.unsearchable == 2
    assert progress.unsearchable_in == ("#2", "#4")


def _line(number: int, text: str) -> str:
    role = "assistant" if number % 2 else "user"
    return json.dumps({
        "type": role, "uuid": f"u{number}", "sessionId": "s1", "cwd": "/p",
        "timestamp": "2026-01-01T00:00:00Z", "message": {"role": role, "content": text},
    }) + "\n"  # fmt: skip


def _perform(writer: RecordWriter, batch: Batch) -> None:
    def steps() -> Steps:
        yield from writer.insert_batch(batch, NOW, live=True)

    perform(steps())
