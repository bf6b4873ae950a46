"""Redaction: planted secrets left anywhere, ordinary lines marked by mistake, and its cost.

Secrets of 27 kinds with random values go to a real group: in prompts, answers, commands, their
output, to-do items, titles, hook events, notes, edits and imports. Then every byte of the store is
searched for them, and what the next session starts with, and recall. --sessions DIR also looks for
marks in real transcripts.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

from harness.corpus import history
from harness.group import CHECKOUT, Group
from harness.planted import KINDS, planted
from harness.planting import Planting, left_in

from benchmarks.stats import Stats
from iai.ingest import insertion, parse, redact
from iai.ingest.batch import Batch
from iai.ingest.secret_scanner import Kingfisher
from iai.model.record import Transcript
from iai.process import system_clock
from iai.projects.identity import ProjectIdentity
from iai.redaction.redactor import Redactor
from iai.store.records import Records

_LOAD = """
import json, sys, time
from pathlib import Path
import psutil
from iai.ingest.secret_scanner import Kingfisher
process = psutil.Process()
before, began = process.memory_info().rss, time.process_time()
library = Kingfisher(Path(sys.argv[1]))
library.wait()
library("some text")
seconds, after = time.process_time() - began, process.memory_info().rss
print(json.dumps({"MB": round((after - before) / 1e6, 1), "CPU s": round(seconds, 2)}))
"""
SHOWN = 10  # marks of ordinary lines


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--planted", type=int, default=120, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sessions", type=Path, help="a directory of transcripts")
    parser.add_argument("--show", action="store_true", help="print ordinary lines that are marked")


def run(args: Namespace) -> Stats:
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        library, memory = _loaded(work / "rules")
        redactor = Redactor(b"a key for measuring", library)
        return {
            "planted": _planted(args.planted, args.seed, work / "rules"),
            "marked by mistake": _mistakes(redactor, args.sessions, show=args.show),
            "cost": _cost(redactor, work, args.sessions),
            "loading the rules": memory,
        }


def _loaded(cache: Path) -> tuple[Kingfisher, Stats]:
    """Load the rules of the library; return them, and what that costs a process of its own."""
    library = Kingfisher(cache)
    library.wait()  # compiles them
    done = subprocess.run(
        [sys.executable, "-c", _LOAD, str(cache)],
        check=True, capture_output=True, text=True, cwd=CHECKOUT,
    )  # fmt: skip
    return library, json.loads(done.stdout)


def _planted(count: int, seed: int, rules: Path) -> Stats:
    secrets = planted(count, seed)
    with Group(session_cache_refresh_min_sec="0") as group:
        planting = Planting(group, rules)
        planting.plant(secrets)
        group.settle()
        found = {
            "on disk": left_in(secrets, planting.files()),
            "in recall": left_in(secrets, planting.recalls(secrets)),
        }
        later = planted(len(KINDS), seed + 1)
        planting.pend(later)
        found["at the next start"] = left_in([*secrets, *later], planting.starts())
        report = group.health().redacted
    return {
        "secrets": count,
        "kinds": len({secret.kind for secret in secrets}),
        **{f"left {where}": ", ".join(names) or 0 for where, names in found.items()},
        "counted by status": sum(report.values()),
    }


def _mistakes(redactor: Redactor, sessions: Path | None, *, show: bool) -> Stats:
    library = Path(sysconfig.get_paths()["stdlib"])
    texts = {
        "the standard library": _files(library.rglob("*.py")),
        "iai": _files(path for end in ("py", "md", "sh") for path in CHECKOUT.rglob(f"*.{end}")),
    }
    if sessions is not None:
        texts["sessions"] = (text for batch in _read(sessions) for text in _texts(batch))
    found: Stats = {}
    for name, of in texts.items():
        lines = marked = 0
        for text in of:
            ours = text.splitlines()
            redacted = redactor.text(text).splitlines()
            lines += len(ours)
            gone = set(redacted) - set(ours)
            marked += len(gone)
            if show:
                for line in islice(gone, SHOWN):
                    print(line.strip()[:160], file=sys.stderr)
        found[name] = {
            "lines": lines, "marked": marked, "in 1,000": round(1_000 * marked / max(1, lines), 3),
        }  # fmt: skip
    return found


def _cost(redactor: Redactor, work: Path, sessions: Path | None) -> Stats:
    """Return the CPU time of ingest in this process, without redaction, and that of redaction."""
    if sessions is None:
        sessions = work / "histories"
        history(sessions, 5_000)
    records = Records(work / "records", writer=True)
    reading = redacting = storing = 0.0
    items = 0
    began = time.process_time()
    for batch in _read(sessions):
        read = time.process_time()
        redacted = redact.batch(batch, redactor.text)
        done = time.process_time()
        records.commit(
            partial(insertion.insert_batch, batch=redacted), system_clock.read(), live=False
        )
        end = time.process_time()
        reading += read - began
        redacting += done - read
        storing += end - done
        items += len(batch.records) + len(batch.actions)
        began = time.process_time()
    records.close()
    each = 1e6 / max(1, items)
    return {
        "turns and actions": items,
        "reading and storing, us each": round((reading + storing) * each, 1),
        "redacting, us each": round(redacting * each, 1),
        "share, %": round(100 * redacting / (reading + storing), 1),
    }


def _read(directory: Path) -> Iterator[Batch]:
    for path in sorted(directory.glob("*.jsonl")):
        transcript, more = Transcript(path=str(path), host=""), True
        while more:
            batch = parse.read(transcript, lambda *_: ProjectIdentity("p", "p", "/p"), 1)
            transcript, more = batch.transcript, batch.more
            yield batch


def _texts(batch: Batch) -> Iterator[str]:
    yield from (record.text for record in batch.records)
    for done in batch.actions:
        yield from (done.action.text, done.action.output, done.action.path)


def _files(paths: Iterable[Path]) -> Iterator[str]:
    for path in paths:
        if not {"site-packages", ".venv"} & set(path.parts):
            yield path.read_text(errors="replace")
