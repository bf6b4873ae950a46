"""A project's git history as memory: its commit messages, without the noise.

The command line runs this; actors start no processes.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from iai.errors import BadUsage
from iai.model.clock import NS
from iai.model.record import SEEDED
from iai.projects.identity import MARKER, ProjectIdentity
from iai.protocol.ingest import CapturedTurn

COMMITS = 2_000  # default
LONGEST = 4_000  # characters of a message, and a quarter of that of the paths
PATHS = 12  # changed paths that are listed

_NOISE = re.compile(
    r"(wip\b|fixup!|squash!|amend!|merge (branch|pull request|remote|tag)\b"
    r"|(build|chore)\((deps|deps-dev|release)\)"
    r"|((fix|fixes|update|cleanup|stuff|tmp|temp|typo)\W*|\W*)$"
    r"|((bump|release|prepare|version)\b.{0,80}\b)?v?\d+(\.\d+)+\S*$)",
    re.IGNORECASE,
)
_TRAILER = re.compile(r"^([A-Z][\w-]*-by|Change-Id|Cc|Closes-Bug): .*\n?", re.MULTILINE)
_RECORD, _FIELD = "\x1e", "\x1f"
_FORMAT = _RECORD + _FIELD.join(("%H", "%h", "%an", "%at", "%as", "%B", ""))


def commits(root: Path, limit: int) -> list[str]:
    """Return the last commits of a project as `git log` prints them, the latest first.

    For a marked package, only those that touched it. Raises BadUsage if git is missing, or the
    directory is not in a repository with commits.
    """
    # The last is so that no setting of the repository has git run a program.
    options = ["-c", "core.quotePath=off", "-c", "log.showSignature=false"]
    command = ["git", *options, "log", "--no-merges", "--name-only"]
    command += [f"--max-count={limit}", f"--format=tformat:{_FORMAT}"]
    if (root / MARKER).exists() and not (root / ".git").exists():
        command += ["--", "."]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)  # noqa: S603
    except OSError as error:
        raise BadUsage(f"cannot run git in {root}: {error.strerror}") from error
    if done.returncode:
        why = done.stderr.decode(errors="replace").strip().splitlines()
        raise BadUsage(f"git log in {root}: {why[0] if why else done.returncode}")
    return done.stdout.decode(errors="replace").split(_RECORD)[1:]


def turns(logged: list[str], project: ProjectIdentity) -> Iterator[CapturedTurn]:
    """Yield a fact for each commit whose subject is not noise."""
    for one in logged:
        full, short, author, at, day, message, paths = one.split(_FIELD, 6)
        subject, _, body = message.strip().partition("\n")
        body = _TRAILER.sub("", body).strip()
        if not _NOISE.match(subject) and subject:
            named = [line for line in paths.splitlines() if line]
            yield CapturedTurn(
                text="\n".join(_lines(f"{short} by {author} on {day}", subject, body, named)),
                tier="semantic",
                host=SEEDED,
                cwd=project.root,
                created_at=int(at) * NS,
                tags=("commit",),
                key=f"{SEEDED}:{project.id}:{full}",
            )


def _lines(commit: str, subject: str, body: str, paths: list[str]) -> Iterator[str]:
    yield subject[:LONGEST]
    if body:
        yield f"\n{body[:LONGEST]}"
    yield f"\nCommit {commit}"
    if paths:
        more = f" and {len(paths) - PATHS} more" if len(paths) > PATHS else ""
        yield f"Changed: {', '.join(paths[:PATHS])[: LONGEST // 4]}{more}"
