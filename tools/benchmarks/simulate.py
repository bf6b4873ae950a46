"""Simulated days of the whole group, in which anything goes wrong; see `invariants` for what holds.

A story that fails is printed at its shortest, with its seed.
"""

import logging
import shutil
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from msgspec import structs
from simulation.invariants import Broken
from simulation.stories import (
    Story,
    Teller,
    invent,
    shortest,
)

from benchmarks.stats import Figures

MEMORY = Path("/dev/shm")  # noqa: S108  where there is one: no disk is slower for being real


class Told(NamedTuple):
    """What came of one story."""

    acts: int
    virtual_s: float
    changes: int
    writes: int
    crashes: int
    broken: str  # what does not hold, or ""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=10, help="simulated days of each story")
    parser.add_argument("--seed", type=int, default=0, help="of the first story")
    parser.add_argument("--stories", type=int, default=1, help="how many, each with the next seed")


def run(args: Namespace) -> Figures:
    """Tell the stories, on all cores."""
    logging.disable()  # what goes wrong in a story is wanted there
    began = time.monotonic()
    seeds = range(args.seed, args.seed + args.stories)
    with ProcessPoolExecutor() as pool:
        outcomes = dict(
            zip(seeds, pool.map(_tell_seed, seeds, [args.days] * len(seeds)), strict=True)
        )
    broken = {seed: told.broken for seed, told in outcomes.items() if told.broken}
    for seed in list(broken)[:1]:
        print(f"seed {seed}: {broken[seed]}", flush=True)
        print(_printed(shortest_failing(invent(seed, args.days))))
    total = Counter[str]()
    for told in outcomes.values():
        total.update(acts=told.acts, changes=told.changes, writes=told.writes, crashes=told.crashes)
    seconds = time.monotonic() - began
    return {
        "stories": args.stories,
        "days": args.stories * args.days,
        **total,
        "seconds": round(seconds, 1),
        "broken": {str(seed): what for seed, what in broken.items()},
    }


def tell(story: Story) -> Told:
    """Tell one story in a directory of its own."""
    directory = Path(tempfile.mkdtemp(prefix="iai-", dir=MEMORY if MEMORY.is_dir() else None))
    teller = Teller(story, directory)
    begun = teller.world.now.mono
    broken = ""
    try:
        teller.tell()
    except Broken as error:
        broken = str(error)
    except Exception as error:  # noqa: BLE001  whatever it is, the story shows how it comes about
        broken = f"{type(error).__name__}: {error}"
    finally:
        teller.close()
        shutil.rmtree(directory)
    world, watch = teller.world, teller.watch
    passed_s = (world.now.mono - begun) / 1e9
    crashes = sum(world.starts.values()) - len(world.starts)
    return Told(teller.told, passed_s, watch.changes, watch.writes, crashes, broken)


def _tell_seed(seed: int, days: int) -> Told:
    logging.disable()
    return tell(invent(seed, days))


def shortest_failing(story: Story) -> Story:
    """Return what is left of a story that fails when all is left out that it does not take."""
    told = tell(story)
    cut = structs.replace(story, acts=story.acts[: told.acts + 1])
    return shortest(cut, lambda shorter: bool(tell(shorter).broken))


def _printed(story: Story) -> str:
    lines = [f"  after {act.after_s:g} s: {act.do} {act.which}" for act in story.acts]
    head = f"interval {story.interval_s:g} s, {story.chances}"
    return "\n".join([head, *lines, f"  {tell(story).broken}"])
