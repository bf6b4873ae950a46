"""Both hooks as whole processes, in turn with `bash -c 'cat FILE'` of a full payload."""

import json
import subprocess
import time
from argparse import ArgumentParser, Namespace

from benchmarks.figures import Figures, quantiles
from benchmarks.group import CHECKOUT, Group
from benchmarks.histories import coding_session


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--runs", type=int, default=300, help="calls measured of each")


def run(args: Namespace) -> Figures:
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
        commands = {
            "cat": (["bash", "-c", f"cat {payload}"], ""),
            "recall hook": ([str(CHECKOUT / "hooks/iai-mcp-session-recall.sh")], start),
            "capture hook": ([str(CHECKOUT / "hooks/iai-mcp-turn-capture.sh")], prompt),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(args.runs + 10):
            for name, (command, stdin) in commands.items():
                began = time.perf_counter()
                subprocess.run(
                    command, input=stdin.encode(), env=group.environment, capture_output=True,
                    check=True,
                )  # fmt: skip
                if turn >= 10:  # noqa: PLR2004  the first calls warm the caches
                    times[name].append((time.perf_counter() - began) * 1_000)
    figures: Figures = {name: quantiles(values, "ms") for name, values in times.items()}
    floor = figures["cat"]["p50_ms"]
    for name in ("recall hook", "capture hook"):
        figures[f"{name} / cat, at p50"] = round(figures[name]["p50_ms"] / floor, 2)
    return figures
