"""Whether to write the payload: the table of the module, in every combination (SEED T2, T4, T5)."""

import itertools
from collections.abc import Iterator
from typing import get_args

import pytest
from msgspec import structs

from iai.freshness import decide as module
from iai.freshness.decide import (
    LONGEST_BACKOFF_S,
    Decision,
    Skipped,
    Write,
    backoff_s,
    decide,
)
from iai.freshness.inputs import LEFT_OUT, Attempt, Graph, InputVersion, RefreshInputs
from iai.model.record import Watermark
from iai.protocol.cache_writer import Reason, Trigger

MARK = Watermark(5, 5, 5, 50, 50)
OLD = InputVersion(MARK, 2, "iai 1")
NOW_S, INTERVAL_S = 1_000.0, 60.0
READY = RefreshInputs(
    now_s=NOW_S, min_interval_s=INTERVAL_S, live=OLD, claimed=OLD, cache_present=True, graph="warm"
)
CHANGED = InputVersion(structs.replace(MARK, revision=6), 2, "iai 1")

Row = dict[str, str]


def at(**changes: object) -> RefreshInputs:
    return structs.replace(READY, **changes)


# --- the table, and every combination ----------------------------------------------------------


def rows() -> list[Row]:
    """Return the rows of the table in the module's docstring; a cell left empty fits everything."""
    text = module.__doc__ or ""
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    head, _, *body = cells
    return [dict(zip(head, row, strict=True)) for row in body]


ROWS = rows()


def features(inputs: RefreshInputs) -> Row:
    """Return the inputs in the words of the table."""
    live, claimed = inputs.live, inputs.claimed
    graph_counts = live is not None and live.graph != LEFT_OUT
    equal = (
        live is not None
        and claimed is not None
        and (claimed.watermark, claimed.program) == (live.watermark, live.program)
        and (claimed.graph == live.graph or not graph_counts)
    )
    records = live.watermark.records_count if live else 0
    return {
        "records": "unreadable" if live is None else "some" if records else "none",
        "forced": "yes" if inputs.force or inputs.trigger == "sleep_pipeline" else "no",
        "payload": "present" if inputs.cache_present else "absent",
        "sidecar": "absent" if claimed is None else "equal" if equal else "different",
        "last attempt": attempted(inputs),
        "graph": inputs.graph,
    }


def attempted(inputs: RefreshInputs) -> str:
    last, live = inputs.last, inputs.live
    if last is None or live is None:
        return "none"
    ago = inputs.now_s - last.at_s
    if last.failures == 0:
        return "within the interval" if ago < inputs.min_interval_s else "over"
    gone = (last.reason is Reason.EMPTY_RENDER and last.watermark != live.watermark) or (
        last.reason is Reason.RUNTIME_GRAPH_CACHE_COLD and inputs.graph != "cold"
    )
    return "over" if gone or ago >= backoff_s(last.failures) else "unsuccessful"


def fitting(row: Row, seen: Row, columns: tuple[str, ...]) -> bool:
    return all(not row[column] or row[column] == seen[column] for column in columns)


def expected(inputs: RefreshInputs) -> Decision:
    """Return what the table says."""
    seen = features(inputs)
    number, row = next((n, r) for n, r in enumerate(ROWS) if fitting(r, seen, tuple(seen)))
    timeless = ("payload", "sidecar")
    reasons = [
        r["reason"] for r in ROWS[number:] if r["decision"] == "write" and not r["forced"]
        if fitting(r, seen, timeless)
    ]  # fmt: skip
    reason, last = row["reason"].strip("`"), inputs.last
    if row["decision"] == "write":
        return Write(Reason(reason), with_graph=inputs.graph == "warm")
    until = None
    if row["last attempt"] and last is not None:
        pause = backoff_s(last.failures) if last.failures else inputs.min_interval_s
        until = last.at_s + pause
    if reason.startswith("that"):
        reason = last.reason if last and last.reason else Reason.MIN_INTERVAL_NOT_ELAPSED
    nothing_wanted = reason in {"probe_failed", "no_new_records"}
    return Skipped(Reason(reason), None if nothing_wanted else Reason(reasons[0].strip("`")), until)


def versions() -> Iterator[InputVersion]:
    """Yield live versions: the one the sidecar claims, and each with one field changed."""
    yield OLD
    for field in Watermark.__struct_fields__:
        for step in (1, -1):
            moved = structs.replace(MARK, **{field: getattr(MARK, field) + step})
            yield structs.replace(OLD, watermark=moved)
    yield structs.replace(OLD, graph=3)
    yield structs.replace(OLD, program="iai 2")
    yield structs.replace(OLD, watermark=structs.replace(MARK, records_count=0))


def attempts() -> Iterator[Attempt | None]:
    """Yield last attempts: none, a success, or several unsuccessful ones, and how long ago.

    Their watermark is the live one of most combinations, or another.
    """
    yield None
    for ago_s in (INTERVAL_S - 1, INTERVAL_S):
        yield Attempt(NOW_S - ago_s, 0, None, MARK)
    held = (None, Reason.EMPTY_RENDER, Reason.RUNTIME_GRAPH_CACHE_COLD)
    for failures, reason, seen in itertools.product((1, 3, 20), held, (MARK, Watermark())):
        for ago_s in (0.5 * backoff_s(failures), backoff_s(failures)):
            yield Attempt(NOW_S - ago_s, failures, reason, seen)


def test_the_table_holds_in_every_combination() -> None:
    """Every row of the table applies somewhere, and no combination is decided otherwise."""
    reached: set[str] = set()
    claims = (None, OLD, structs.replace(OLD, graph=LEFT_OUT))
    triggers: tuple[Trigger | None, ...] = (None, *get_args(Trigger))
    for live, claimed, last, graph, present, trigger, force in itertools.product(
        (None, *versions()), claims, attempts(), get_args(Graph), (True, False), triggers,
        (False, True),
    ):  # fmt: skip
        shown = live and structs.replace(live, graph=live.graph if graph == "warm" else LEFT_OUT)
        inputs = at(
            live=shown, claimed=claimed, last=last, graph=graph, cache_present=present,
            trigger=trigger, force=force,
        )  # fmt: skip
        decision = decide(inputs)
        if decision != expected(inputs):
            pytest.fail(f"{inputs}\n{features(inputs)}\n{decision} != {expected(inputs)}")
        reached.add(decision.reason)
    reasons = {word.strip("`") for row in ROWS for word in row["reason"].split() if "`" in word}
    assert reached == reasons


def test_the_reasons_are_those_of_the_contract() -> None:
    in_table = {r["reason"].strip("`") for r in ROWS if not r["reason"].startswith("that")}
    assert in_table | {Reason.REFRESH_IN_PROGRESS} == set(Reason)


# --- what it means ---------------------------------------------------------------------------


def test_nothing_changed_means_no_new_records() -> None:
    assert decide(READY) == Skipped(Reason.NO_NEW_RECORDS)


def test_a_missing_payload_is_written_at_once_whatever_the_interval() -> None:
    recent = Attempt(NOW_S - 1, 0)
    written = Write(Reason.CACHE_ABSENT, with_graph=True)
    assert decide(at(cache_present=False, last=recent)) == written


@pytest.mark.parametrize("field", Watermark.__struct_fields__)
@pytest.mark.parametrize("step", [1, -1])
def test_each_part_of_the_watermark_alone_is_a_reason_to_write(field: str, step: int) -> None:
    moved = structs.replace(MARK, **{field: getattr(MARK, field) + step})
    live = structs.replace(OLD, watermark=moved)
    assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_a_rebuilt_graph_or_another_program_is_a_reason_to_write() -> None:
    for live in (structs.replace(OLD, graph=3), structs.replace(OLD, program="iai 2")):
        assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_a_payload_without_the_graph_is_rewritten_once_the_graph_is_warm() -> None:
    without = structs.replace(OLD, graph=LEFT_OUT)
    assert decide(at(claimed=without)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)
    assert decide(at(claimed=without, live=without, graph="cold")) == Skipped(Reason.NO_NEW_RECORDS)


def test_a_graph_that_turns_cold_does_not_make_a_payload_stale() -> None:
    live = structs.replace(OLD, graph=LEFT_OUT)
    assert decide(at(live=live, graph="cold")) == Skipped(Reason.NO_NEW_RECORDS)


def test_a_change_within_the_interval_is_held_until_it_ends() -> None:
    held = decide(at(live=CHANGED, last=Attempt(NOW_S - 20, 0)))
    until = NOW_S - 20 + INTERVAL_S
    assert held == Skipped(Reason.MIN_INTERVAL_NOT_ELAPSED, Reason.WATERMARK_CHANGED, until)
    assert isinstance(decide(at(live=CHANGED, last=Attempt(NOW_S - INTERVAL_S, 0))), Write)


def test_a_payload_is_rewritten_when_every_record_is_forgotten() -> None:
    live = structs.replace(OLD, watermark=Watermark(revision=10, max_vec_label=5))
    assert decide(at(live=live)) == Write(Reason.WATERMARK_CHANGED, with_graph=True)


def test_unsuccessful_attempts_back_off_up_to_ten_minutes() -> None:
    waits = [backoff_s(failures) for failures in range(1, 40)]
    assert waits == sorted(waits)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] == LONGEST_BACKOFF_S


def test_an_empty_attempt_does_not_delay_the_first_memory() -> None:
    last = Attempt(NOW_S, 7, Reason.EMPTY_RENDER, Watermark())
    assert isinstance(decide(at(claimed=None, cache_present=False, last=last)), Write)


def test_a_graph_that_has_warmed_up_ends_the_back_off() -> None:
    last = Attempt(NOW_S, 7, Reason.RUNTIME_GRAPH_CACHE_COLD, MARK)
    assert isinstance(decide(at(live=CHANGED, last=last)), Write)
