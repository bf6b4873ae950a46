"""What the tests of the real group do with it, in a few words."""

from typing import Any

from harness.group import (
    CHECKOUT,
    PATIENCE_S,
    Group,
    wait_until,
)

from iai.process import ledger
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor
from iai.store.readers import Readers


def texts(group: Group) -> list[str]:
    """Return every text in the store, the narration included."""
    readers = Readers(group.layout)
    with readers.records.view() as view:
        labels = range(1, view.watermark().max_vec_label + 1)
        found = [record.text for label in labels if (record := view.get(label)) is not None]
    readers.close()
    return found


def events(group: Group, kind: str = "") -> list[dict[str, Any]]:
    """Return the events of a kind, or all, in order."""
    return [e for e in ledger.read(group.layout.ledger) if not kind or e["kind"] == kind]


def capture(group: Group, *said: str, deadline_s: float = PATIENCE_S) -> Captured:
    """Keep some texts, as a client does."""
    turns = tuple(CapturedTurn(text=text, cwd="/p", session="s") for text in said)
    with group.client() as client:
        return client.call(Actor.INGEST, Capture(turns=turns), Captured, deadline_s)


def recalled(group: Group, *args: str) -> Any:
    """Return what `iai recall` finds by every part: a busy machine may be late with a vector."""
    found: dict[str, Any] = {}

    def whole() -> bool:
        found.update(group.json("recall", *args))
        return not found["degraded"]

    wait_until(whole, "every part answers")
    return found


def with_faults(group: Group, **faults: str) -> Group:
    """Have all processes of a group run with faults; see `tests/faults`."""
    group.environment |= {f"IAI_FAULT_{name.upper()}": value for name, value in faults.items()}
    group.environment["PYTHONPATH"] = f"{CHECKOUT / 'tests' / 'faults'}:{CHECKOUT}"
    return group
