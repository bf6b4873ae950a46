"""Whole histories, from `iai import` to the last stage: how many turns a second."""

import time
from argparse import ArgumentParser, Namespace

from benchmarks.figures import Figures
from benchmarks.group import Group, wait_until
from benchmarks.histories import coding_session
from iai.messages import Actor, Import, ImportProgress, ImportStatus


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--turns", type=int, default=20_000)


def run(args: Namespace) -> Figures:
    with Group(session_cache_refresh_min_sec="0") as group:
        histories = group.work / "histories"
        histories.mkdir()
        sessions = max(1, args.turns // 100)
        for number in range(sessions):
            text = coding_session(f"s{number}", f"/home/dev/p{number % 7}", 100, seed=number)
            (histories / f"{number}.jsonl").write_text(text)
        group.up()
        began = time.monotonic()
        marks: dict[str, float] = {}

        def mark(name: str, reached: bool) -> bool:  # noqa: FBT001
            if reached:
                marks.setdefault(name, time.monotonic() - began)
            return reached

        with group.client() as client:
            job = client.call(Actor.INGEST, Import(paths=(str(histories),)), ImportProgress).job

            def done() -> bool:
                progress = client.call(Actor.INGEST, ImportStatus(job=job), ImportProgress)
                return mark("read", progress.done)

            wait_until(done, "the import has read everything", 600)
        wait_until(lambda: all([
            mark("embedded", not group.health().stages["vectors"].lag_records),
            mark("searchable", not group.health().stages["graph"].lag_records),
        ]), "every change is searchable", 600)  # fmt: skip
        wait_until(lambda: mark("all weights final", group.health().caught_up), "caught up", 600)
        count = group.health().watermark.records_count
    rates = {f"{name}, turns/s": round(count / seconds) for name, seconds in marks.items()}
    return {"turns": count, "seconds": {k: round(v, 2) for k, v in marks.items()}, **rates}
