"""Broken inputs for whatever reads bytes from outside: only declared errors, no hang, no growth.

Each case depends on the seed, the decoder and its number alone: --case N repeats one. Cases that
fail are printed, and their inputs written to the directory of --keep.
"""

import logging
import os
import signal
import time
import traceback
from argparse import ArgumentParser, Namespace
from pathlib import Path
from random import Random
from types import FrameType
from zlib import crc32

import psutil
from fuzzing.decoders import Decoder, decoders

from benchmarks.stats import Stats

CASES = 10_000
DEARER = {"hooks": 8}  # how many times as dear a case is: each forks a shell
LIMIT_S = 5.0  # of a case, in CPU time
WARM = 0.2  # part of the cases after which memory should be level
SHOWN = 5  # failures of a decoder that are printed
_MB = 1 << 20


class TooSlow(Exception):
    """A case has not ended within its limit."""


def configure(parser: ArgumentParser) -> None:
    names = ", ".join(decoders())
    parser.add_argument("decoder", nargs="*", help=f"of {names} (default: all)")
    parser.add_argument("--cases", type=int, default=CASES, help="for each decoder")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="run only this one")
    parser.add_argument("--keep", type=Path, help="directory for the inputs that fail")


def run(args: Namespace) -> Stats:
    """Run the cases, decoder by decoder."""
    logging.disable()  # refusals are logged, and most cases are refused
    chosen = args.decoder or list(decoders())
    stats: Stats = {"seed": args.seed}
    for name in chosen:
        if args.case is not None:
            numbers = range(args.case, args.case + 1)
        else:
            numbers = range(max(1, args.cases // DEARER.get(name, 1)))
        stats[name] = fuzz(name, args.seed, numbers, args.keep)
    return stats


def fuzz(name: str, seed: int, numbers: range, keep: Path | None = None) -> Stats:
    """Run some cases of one decoder; print what fails."""
    decoder: Decoder = decoders()[name]()
    accepted = failed = 0
    slowest, warm_rss = 0.0, 0
    process, began = psutil.Process(), time.process_time()
    signal.signal(signal.SIGPROF, _too_slow)
    try:
        for number in numbers:
            if number - numbers.start == int(len(numbers) * WARM):
                warm_rss = process.memory_info().rss
            data = decoder.broken(case(name, seed, number))
            before = time.process_time()
            try:
                signal.setitimer(signal.ITIMER_PROF, LIMIT_S)
                accepted += decoder.check(data)
            except Exception:  # noqa: BLE001  any that is not declared is a failure
                failed += 1
                _tell(name, seed, number, data, keep)
                if failed <= SHOWN:
                    traceback.print_exc(limit=-6)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            slowest = max(slowest, time.process_time() - before)
        grown = process.memory_info().rss - warm_rss
    finally:
        decoder.close()
    seconds = time.process_time() - began
    return {
        "cases": len(numbers),
        "failed": failed,
        "accepted": accepted,
        "cpu_s": round(seconds, 1),
        "cases_per_cpu_s": round(len(numbers) / max(seconds, 1e-9)),
        "slowest_ms": round(slowest * 1_000, 1),
        "grown_mb": round(grown / _MB, 1),
    }


def case(name: str, seed: int, number: int) -> Random:
    """Return what one case is drawn from."""
    return Random((seed << 64) + (crc32(name.encode()) << 32) + number)  # noqa: S311  not a secret


def _too_slow(_signum: int, _frame: FrameType | None) -> None:
    raise TooSlow(f"more than {LIMIT_S:g} s of CPU time")


def _tell(name: str, seed: int, number: int, data: bytes, keep: Path | None) -> None:
    print(f"{name}: case {number} of seed {seed} fails: {data[:200]!r}", flush=True)
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{name}-{seed}-{number}-{os.getpid()}").write_bytes(data)
