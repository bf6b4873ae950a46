"""The exchange of a turn, and those around it, with the narration and what was done."""

from pathlib import Path

from iai.model.action import Action
from iai.model.clock import NS
from iai.recall.conversation import around
from iai.store.records import Records
from tests.iai.store.builders import NOW, PROJECT, new_record, put

START = NOW.wall - 1_000 * NS


def test_any_turn_opens_its_exchange_and_those_around_it(tmp_path: Path) -> None:
    records = Records(tmp_path / "records", writer=True)
    roles = ("user", "assistant", "assistant", "user", "assistant", "user")
    put(
        records,
        *(
            new_record(f"turn {n}", role=role, created_at=START + n * 10 * NS)
            for n, role in enumerate(roles, 1)
        ),
    )
    edit = Action(key="a", kind="edit", at=START + 25 * NS, path="/w/tide.py", status="ok")
    records.commit(lambda unit: unit.work.act(edit, "claude", "s", PROJECT), NOW)
    with records.view() as view:
        for label in (1, 2, 3):
            record = view.get(label)
            assert record is not None
            before, here, after = around(view, record, 1)
            assert before == []
            assert [turn.label for turn in here.turns] == [1, 2, 3]
            assert [turn.label for turn in here.narration] == [2]
            assert [action.path for action in here.actions] == ["/w/tide.py"]
            assert [[turn.label for turn in one.turns] for one in after] == [[4, 5]]
            assert around(view, record, 0)[1] == here
        last = view.get(6)
        assert last is not None
        before, here, after = around(view, last, 5)
        assert [one.turns[0].label for one in before] == [1, 4]
        assert (here.answer, after) == (None, [])
    records.close()
