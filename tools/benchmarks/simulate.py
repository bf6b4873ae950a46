"""Simulated days of the whole group, full of faults; see `simulation.invariants` for what holds.

With `--teams` the groups of two or three machines, and the engine between them: see
`simulation.team_invariants`. A scenario that fails is printed, shrunk, with its seed.
"""

import logging
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec import structs
from simulation import replay
from simulation.invariants import InvariantBroken
from simulation.scenarios import (
    Scenario,
    ScenarioRunner,
    generate,
    shrink,
)
from simulation.team_scenarios import TeamRunner, generate_team

from benchmarks.stats import Stats

_LETTER = len("(a)")  # by which an invariant is known


class Outcome(NamedTuple):
    """The outcome of one scenario."""

    acts: int  # that were done
    virtual_s: float  # simulated time
    changes: int  # revisions of the store
    writes: int  # of payloads
    crashes: int
    broken: str  # the invariant that does not hold; "" if all do


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--days", type=int, default=10, help="simulated days of each scenario")
    parser.add_argument("--seed", type=int, default=0, help="of the first scenario")
    parser.add_argument("--stories", type=int, default=1, help="scenarios, each with the next seed")
    parser.add_argument("--teams", action="store_true", help="teams instead of single machines")


def run(args: Namespace) -> Stats:
    """Run the scenarios, on all cores."""
    logging.disable()  # faults are what a scenario is made of
    began = time.monotonic()
    seeds = range(args.seed, args.seed + args.stories)
    generated = partial(generate_team if args.teams else generate, days=args.days)
    with ProcessPoolExecutor() as pool:
        outcomes = dict(zip(seeds, pool.map(_run_quietly, map(generated, seeds)), strict=True))
    broken = {seed: outcome.broken for seed, outcome in outcomes.items() if outcome.broken}
    for seed in list(broken)[:1]:
        print(f"seed {seed}: {broken[seed]}", flush=True)
        print(_printed(shortest_failing(generated(seed))))
    total = Counter[str]()
    for outcome in outcomes.values():
        total.update(
            acts=outcome.acts,
            changes=outcome.changes,
            writes=outcome.writes,
            crashes=outcome.crashes,
        )
    seconds = time.monotonic() - began
    return {
        "stories": args.stories,
        "days": args.stories * args.days,
        **total,
        "seconds": round(seconds, 1),
        "broken": {str(seed): what for seed, what in broken.items()},
    }


def run_scenario(scenario: Scenario) -> Outcome:
    """Run one scenario in a directory of its own."""
    with replay.bound(scenario.seed) as directory:
        return _run_in(directory, scenario)


def _run_in(directory: Path, scenario: Scenario) -> Outcome:
    kind = TeamRunner if scenario.machines > 1 else ScenarioRunner
    runner = kind(scenario, directory)
    begun = runner.worlds[0].now.mono
    broken = ""
    try:
        runner.run()
    except InvariantBroken as error:
        broken = str(error)
    except Exception as error:  # noqa: BLE001  any error is an outcome
        broken = f"{type(error).__name__}: {error}"
    finally:
        outcome = _outcome(runner, begun, broken)
        runner.close()
    return outcome


def _outcome(runner: ScenarioRunner | TeamRunner, begun: int, broken: str) -> Outcome:
    worlds = runner.worlds
    elapsed_s = (worlds[0].now.mono - begun) / 1e9
    crashes = sum(sum(world.starts.values()) - len(world.starts) for world in worlds)
    changes = writes = 0
    for world in worlds:
        with world.records.view() as view:
            changes += view.watermark().revision
        writes += world.writes
    return Outcome(runner.acts_done, elapsed_s, changes, writes, crashes, broken)


def _run_quietly(scenario: Scenario) -> Outcome:
    logging.disable()
    return run_scenario(scenario)


def shortest_failing(scenario: Scenario) -> Scenario:
    """Return a failing scenario without the acts that it does not need to fail."""
    outcome = run_scenario(scenario)
    cut = structs.replace(scenario, acts=scenario.acts[: outcome.acts + 1])
    broken = outcome.broken[:_LETTER]
    return shrink(cut, lambda shorter: run_scenario(shorter).broken[:_LETTER] == broken)


def _printed(scenario: Scenario) -> str:
    lines = [f"  after {act.after_s:g} s: {act.do} {act.which}" for act in scenario.acts]
    head = f"machines {scenario.machines}, interval {scenario.interval_s:g} s, {scenario.chances}"
    return "\n".join([head, *lines, f"  {run_scenario(scenario).broken}"])
