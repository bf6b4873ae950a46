"""From the answer to a capture until the payload on disk holds it, also after a kill.

The answer comes when the records are on disk. A refresh writes the payload of the project that was
last worked in first and the global one last, so both are watched.
"""

import random
import time
from argparse import ArgumentParser, Namespace
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness.corpus import history, text
from harness.group import Group, wait_until
from harness.sampler import Sampler

from benchmarks.stats import Stats, quantiles
from iai.freshness.sidecar import sidecar_path
from iai.process.client import Client
from iai.projects.identity import identify
from iai.protocol.ingest import Capture, Captured, CapturedTurn
from iai.protocol.message import Actor
from iai.session_start.payload_files import claim

LOOK_S = 0.001
CWD = "/home/dev/p0"
PAUSES_S = (0.0, 0.0, 0.0, 0.02, 0.05, 0.1, 0.2, 0.5)  # bursts, with pauses


class Commit(NamedTuple):
    """A change, and the time of its answer in monotonic seconds."""

    at: float
    revision: int


class PayloadSampler(Sampler):
    """Records when a payload on disk came to hold each revision."""

    def __init__(self, payload: Path) -> None:
        super().__init__(LOOK_S)
        self._payload = payload
        self._known = 0  # modification time of the last sidecar seen
        self._times: list[float] = []
        self._revisions: list[int] = []

    def holds(self, revision: int) -> bool:
        """Does the payload hold this revision?"""
        return bool(self._revisions) and self._revisions[-1] >= revision

    def delay_s(self, commit: Commit) -> float:
        """Return the seconds from a commit until the payload held it."""
        return max(0.0, self._times[bisect_left(self._revisions, commit.revision)] - commit.at)

    def sample(self) -> None:
        try:
            found = sidecar_path(self._payload).stat().st_mtime_ns
        except FileNotFoundError:
            return
        held = claim(self._payload) if found != self._known else None
        if held is not None:
            self._known = found
            self._times.append(time.monotonic())
            self._revisions.append(held.revision)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--records", type=int, default=10_000, help="in the store before")
    parser.add_argument("--commits", type=int, default=1_000)
    parser.add_argument(
        "--interval", type=float, default=0.0, help="least seconds of two refreshes"
    )
    parser.add_argument("--minutes", type=float, help="commit for so long, whatever --commits says")
    parser.add_argument("--kills", type=int, default=5, help="of the cache-writer, in a row")


def run(args: Namespace) -> Stats:
    with Group(session_cache_refresh_min_sec=str(args.interval)) as group:
        group.up()
        history(group.work / "history", args.records)
        group.iai("import", str(group.work / "history"), "--wait")
        group.settle()
        layout = group.layout
        payloads = {"project": layout.project_payload(identify(CWD).id), "all": layout.payload}
        with (
            group.client() as client,
            PayloadSampler(payloads["project"]) as own,
            PayloadSampler(payloads["all"]) as whole,
        ):
            commits = _commits(client, _going_on(args))
            last = commits[-1].revision
            wait_until(lambda: own.holds(last) and whole.holds(last), "the last is there", 600)
            kills = [_kill(group, client, whole) for _ in range(args.kills)]
        return {
            "records": args.records,
            "least interval, s": args.interval,
            "commits": len(commits),
            "to the project's payload": quantiles([_ms(own, c) for c in commits], "ms"),
            "to all payloads": quantiles([_ms(whole, c) for c in commits], "ms"),
            "killed, s until all are current": [round(s, 2) for s in kills],
        }


def _going_on(args: Namespace) -> Callable[[int], bool]:
    """Return a function that says, after this many commits, whether to go on."""
    end = time.monotonic() + 60 * (args.minutes or 0.0)

    def going_on(count: int) -> bool:
        return time.monotonic() < end if args.minutes else count < args.commits

    return going_on


def _commits(client: Client, going_on: Callable[[int], bool]) -> list[Commit]:
    """Commit one turn after another, at a varying pace."""
    chance = random.Random(3)  # noqa: S311
    commits: list[Commit] = []
    while going_on(len(commits)):
        commits.append(_commit(client, text(chance, chance.randint(5, 120))))
        time.sleep(chance.choice(PAUSES_S))
    return commits


def _commit(client: Client, said: str) -> Commit:
    turn = CapturedTurn(text=said, session="latency", cwd=CWD, key=str(time.monotonic_ns()))
    answer = client.call(Actor.INGEST, Capture(turns=(turn,)), Captured)
    return Commit(time.monotonic(), answer.revision)


def _kill(group: Group, client: Client, sampler: PayloadSampler) -> float:
    """Kill the writer; return the seconds until the payload holds a commit made right after."""
    killed = time.monotonic()
    group.kill(Actor.CACHE_WRITER)
    revision = _commit(client, "said while nobody was there to write it down").revision
    wait_until(lambda: sampler.holds(revision), "the payload is current again", 600)
    return sampler.delay_s(Commit(killed, revision))


def _ms(sampler: PayloadSampler, commit: Commit) -> float:
    return sampler.delay_s(commit) * 1_000
