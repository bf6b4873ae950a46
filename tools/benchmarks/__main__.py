"""Runs one benchmark by its name."""

import importlib
import sys
from argparse import ArgumentParser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.stats import show

NAMES = {
    "startup": "seconds until the group is ready; memory and CPU when idle",
    "hooks": "milliseconds of both hooks against `bash -c 'cat FILE'`",
    "sessions": "sessions of both hosts by the hundred: what they are given, and in what time",
    "simulate": "days of a simulated group in which anything goes wrong; what must hold holds",
    "faults": "kills, damage and full disks by the hundred; whether all that was promised holds",
    "soak": "does a group that works for long need more and more memory and files",
    "payload": "how much of what the next session talks about is in what it starts with",
    "work": "real sessions (--sessions DIR): the next one's start, recall, and what is kept",
    "freshness": "how far behind the payload is over a day; draws it with --plot FILE.png",
    "latency": "milliseconds from a commit to the payload on disk, and after a kill",
    "refresh": "what one refresh costs in a small and in a large store",
    "locomo": "is the answer to a question of LoCoMo (--data FILE) among the first found",
    "coding": "the same over made-up coding sessions, asked in other words than the answers'",
    "recall": "milliseconds of a question to a store of 20,000 turns",
    "past": "memory and time of `iai import --all` on a machine full of histories (--bytes N)",
    "scale": "a store of --records N: speed, memory, disk, and the index against all vectors",
    "pages": "CPU of each page of `iai ui` (--records N), and ten left open (--open SECONDS)",
    "map": "the map at its limit: CPU to make it, frame times and CPU to walk in it in Chromium",
    "ingest": "turns a second from transcripts to the end of the pipeline",
    "bitflips": "bits flipped in a store's files (--flips N --seed X): who finds each",
    "redaction": "planted secrets left anywhere, marks by mistake, and what redaction costs",
    "fuzz": "broken inputs for whatever reads bytes from outside; nothing but a refusal may come",
    "team": "a turn on one machine to the payload of another; faults of a team (--kills N)",
    "sleep": "what each step of a SLEEP costs, and how long it keeps a question waiting",
}


def main() -> int:
    """Run it, and print what it measured."""
    if len(sys.argv) < 2 or sys.argv[1] not in NAMES:  # noqa: PLR2004
        for name, what in NAMES.items():
            print(f"{name:<10} {what}")
        return 0 if len(sys.argv) < 2 else 2  # noqa: PLR2004
    module = importlib.import_module(f"benchmarks.{sys.argv[1]}")
    parser = ArgumentParser(prog=f"tools/bench {sys.argv[1]}", description=module.__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    module.configure(parser)
    args = parser.parse_args(sys.argv[2:])
    show(module.run(args), as_json=args.json)
    return 0


sys.exit(main())
