"""What a transaction remembers of the turns that it put in changes nothing of what is stored."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from iai.model.exchange import NARRATION
from iai.store.record_change import RecordChange
from iai.store.records import Records
from tests.iai.store.builders import NOW, new_record


class Said(NamedTuple):
    """A turn to come, in no order of time, and how: read again, or forgotten at once."""

    how: str
    role: str
    second: int
    project: str
    kind: str


TURNS = st.lists(
    st.builds(
        Said,
        how=st.sampled_from(["insert", "again", "forget"]),
        role=st.sampled_from(["user", "assistant", "assistant"]),
        second=st.integers(1, 5),
        project=st.sampled_from(["p", "p", "p", "q"]),
        kind=st.sampled_from(["", "", "", NARRATION]),
    ),
    max_size=7,
)


def say(unit: RecordChange, number: int, turn: Said) -> None:
    new = new_record(
        f"k{number}",
        role=turn.role,
        created_at=NOW.wall - 10**13 + turn.second,
        project=turn.project,
        kind=turn.kind if turn.role == "assistant" else "",
    )
    insert = unit.records.insert_again if turn.how == "again" else unit.records.insert
    label, _ = insert(new)
    record = unit.view.get(label)
    if turn.how == "forget" and record is not None:
        unit.forget.record(record)


def stored(path: Path, *commits: list[tuple[int, Said]]) -> list[tuple[str, str]]:
    """Store what each commit has; return the text of each turn and what it is."""
    records = Records(path, writer=True, map_size=1 << 24)
    for commit in commits:

        def change(unit: RecordChange, commit: list[tuple[int, Said]] = commit) -> None:
            for number, turn in commit:
                say(unit, number, turn)

        records.commit(change, NOW)
    with records.view() as view:
        kinds = [(record.text, record.kind) for record in view.every()]
    records.close()
    return kinds


@settings(deadline=None, max_examples=50)
@given(TURNS)
def test_turns_put_in_together_become_what_they_become_one_by_one(turns: list[Said]) -> None:
    numbered = list(enumerate(turns))
    with TemporaryDirectory() as directory:
        together = stored(Path(directory) / "together", numbered)
        assert together == stored(Path(directory) / "alone", *([one] for one in numbered))
