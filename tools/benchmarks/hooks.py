"""Both hooks and the status line, each in turn with `bash -c 'cat FILE'` of a full payload.

And the recall hook where it has to compose the text: the group is down, and a turn is waiting.
"""

import json
import subprocess
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from itertools import repeat
from typing import NamedTuple

from harness.corpus import coding_session
from harness.group import Group

from benchmarks.stats import Stats, quantiles
from iai.install import scripts
from iai.install.hook_entries import CAPTURE, RECALL

WARM_UP = 10  # calls that are not counted
MEASURED = ("recall hook", "status line", "capture hook")
COMPOSING = "recall hook, composing"


class Command(NamedTuple):
    """What is called, and what it reads."""

    line: list[str]
    stdin: str = ""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=300, help="calls measured of each")


def run(args: Namespace) -> Stats:
    times: dict[str, list[float]] = {}
    with Group(session_cache_refresh_min_sec="0") as group:
        group.up()
        cwd = "/home/dev/bench"
        transcript = group.work / "session.jsonl"
        transcript.write_text(coding_session("bench", cwd, turns=200, seed=1))
        group.iai("import", str(transcript), "--wait")
        commands = install(group, cwd)
        # What one hook captures would make the other compose, so that they take no turns.
        for hook in MEASURED:
            cat = f"cat, beside the {hook}"
            calls = repeat(commands[hook], args.runs + WARM_UP)
            times[cat], times[hook] = beside_cat(group, commands["cat"], calls)
        group.down()
        group.hook("turn-capture", commands["capture hook"].stdin)
        composing = [
            _call(group, commands["recall hook"]) for _ in range(args.runs // 10 + WARM_UP)
        ]
        times[COMPOSING] = composing[WARM_UP:]
    stats: Stats = {name: quantiles(values, "ms") for name, values in times.items()}
    for name in MEASURED:
        floor = stats[f"cat, beside the {name}"]["p50_ms"]
        stats[f"{name} / cat, at p50"] = round(stats[name]["p50_ms"] / floor, 2)
    return stats


def install(group: Group, cwd: str) -> dict[str, Command]:
    """Install the hooks; return what is to be measured, and `cat` of the payload, by name."""
    scripts.install(group.layout, status_line_too=True)
    start = json.dumps({"session_id": "s", "cwd": cwd, "source": "startup"})
    # Of another session: one that has said something is never given the payload as it is.
    prompt = json.dumps({"session_id": "other", "cwd": cwd, "prompt": "fix it " * 200,
                         "hook_event_name": "UserPromptSubmit"})  # fmt: skip
    return {
        "cat": Command(["bash", "-c", f"cat {group.layout.payload_link(cwd)}"]),
        "recall hook": Command([str(group.layout.hooks / RECALL)], start),
        "capture hook": Command([str(group.layout.hooks / CAPTURE)], prompt),
        "status line": Command([str(group.layout.status_line_script)], start),
    }


def beside_cat(
    group: Group, cat: Command, commands: Iterable[Command]
) -> tuple[list[float], list[float]]:
    """Call `cat` and commands in turn; return how long each took, in ms, without the warm-up."""
    pairs = [(_call(group, cat), _call(group, command)) for command in commands]
    beside, called = zip(*pairs[WARM_UP:], strict=True)
    return list(beside), list(called)


def _call(group: Group, command: Command) -> float:
    began = time.perf_counter()
    subprocess.run(
        command.line, input=command.stdin.encode(), env=group.environment, capture_output=True,
        check=True,
    )  # fmt: skip
    return (time.perf_counter() - began) * 1_000
