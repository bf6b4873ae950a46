"""Both hooks and the status line, each in turn with `bash -c 'cat FILE'` of a full payload.

And the recall hook where it has to compose the text: the group is down, and a turn is waiting.
"""

import json
import subprocess
import time
from argparse import ArgumentParser, Namespace
from collections import defaultdict

from harness.corpus import coding_session
from harness.group import Group

from benchmarks.stats import Stats, quantiles
from iai.install import scripts
from iai.install.hook_entries import CAPTURE, RECALL

WARM_UP = 10  # calls that are not counted
MEASURED = ("recall hook", "status line", "capture hook")
COMPOSING = "recall hook, composing"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=300, help="calls measured of each")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec="0") as group:
        group.up()
        cwd = "/home/dev/bench"
        transcript = group.work / "session.jsonl"
        transcript.write_text(coding_session("bench", cwd, turns=200, seed=1))
        group.iai("import", str(transcript), "--wait")
        payload = next(group.layout.by_cwd.glob("*.md"))
        start = json.dumps({"session_id": "s", "cwd": cwd, "source": "startup"})
        prompt = json.dumps({"session_id": "s", "cwd": cwd, "prompt": "fix it " * 200,
                             "hook_event_name": "UserPromptSubmit"})  # fmt: skip
        scripts.install(group.layout, status_line_too=True)
        commands = {
            "cat": (["bash", "-c", f"cat {payload}"], ""),
            "recall hook": ([str(group.layout.hooks / RECALL)], start),
            "capture hook": ([str(group.layout.hooks / CAPTURE)], prompt),
            "status line": ([str(group.layout.status_line_script)], start),
        }
        times: defaultdict[str, list[float]] = defaultdict(list)

        def call(name: str, figure: str) -> None:
            command, stdin = commands[name]
            began = time.perf_counter()
            subprocess.run(
                command, input=stdin.encode(), env=group.environment, capture_output=True,
                check=True,
            )  # fmt: skip
            times[figure].append((time.perf_counter() - began) * 1_000)

        # What one hook captures would make the other compose, so that they take no turns.
        for hook in MEASURED:
            for _ in range(args.runs + WARM_UP):
                call("cat", f"cat, beside the {hook}")
                call(hook, hook)
        group.down()
        group.hook("turn-capture", prompt)
        for _ in range(args.runs // 10 + WARM_UP):
            call("recall hook", COMPOSING)
    stats: Stats = {name: quantiles(values[WARM_UP:], "ms") for name, values in times.items()}
    for name in MEASURED:
        floor = stats[f"cat, beside the {name}"]["p50_ms"]
        stats[f"{name} / cat, at p50"] = round(stats[name]["p50_ms"] / floor, 2)
    return stats
