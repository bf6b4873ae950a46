"""Faults in real processes. Python runs this at its start where PYTHONPATH names this directory.

`IAI_FAULT_WALL` names a file with the seconds to add to the wall clock; it may change at any time.
`IAI_FAULT_COMPOSE` is how many seconds longer it takes to gather what a payload shows.
`IAI_FAULT_EMBEDDER` is why the embedder cannot be loaded.
`IAI_FAULT_READ` names a file: while it is there, of each transcript only a first slice is read.
"""

import os
import time
from pathlib import Path
from typing import Any, NoReturn

_NS = 1_000_000_000


def _set_clock(offset: Path) -> None:
    read = time.time_ns
    time.time_ns = lambda: read() + int(offset.read_text()) * _NS
    time.time = lambda: time.time_ns() / _NS


def _slow_down(seconds: float) -> None:
    from iai.freshness import material  # noqa: PLC0415  only where it is wanted

    gather = material.gather

    def slow(*args: Any) -> material.Material:
        time.sleep(seconds)
        return gather(*args)

    material.gather = slow  # type: ignore[assignment]


def _take_embedder_away(reason: str) -> None:
    from iai.embedders import registry  # noqa: PLC0415
    from iai.errors import EmbedderUnavailable  # noqa: PLC0415

    def refuse(*_: object) -> NoReturn:
        raise EmbedderUnavailable(reason)

    registry.load = refuse  # type: ignore[assignment]


def _hold_reading(held: Path) -> None:
    from iai import transcripts  # noqa: PLC0415

    read = transcripts.read

    def first(
        path: str, mark: transcripts.Mark, most: int = transcripts.SLICE
    ) -> transcripts.Slice:
        if not (mark.offset and held.exists()):
            return read(path, mark, most)
        time.sleep(0.01)
        return transcripts.Slice([], mark, more=True)

    transcripts.read = first


if file := os.environ.get("IAI_FAULT_WALL"):
    _set_clock(Path(file))
if delay := os.environ.get("IAI_FAULT_COMPOSE"):
    _slow_down(float(delay))
if reason := os.environ.get("IAI_FAULT_EMBEDDER"):
    _take_embedder_away(reason)
if held := os.environ.get("IAI_FAULT_READ"):
    _hold_reading(Path(held))
