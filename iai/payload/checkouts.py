"""The working trees of one project: a payload for one of them shows its sessions first. Pure.

Of those, the last one on the branch that is checked out comes first, if it is recent. On a new
branch, which has none, that is the last one on any branch. The payload names the branch it was
written for, which may change before the session starts.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from msgspec import Struct, structs

from iai.payload.summary import Summary

RECENT = 8  # sessions of a checkout, among which the one on its branch is looked for

_WORKTREE = re.compile(r"(?:^|/)\.?worktrees/(?P<name>.+)")


class Checkout(Struct, frozen=True):
    """One working tree, and those beside it."""

    here: tuple[str, ...]  # its top, by each name that it has
    others: tuple[str, ...] = ()  # the tops of the others
    branch: str = ""  # that is checked out; "" if none is, or it is not known

    def other(self, cwd: str) -> str:
        """Return the name of the other working tree that a directory is in; "" if it is in none.

        That may be a worktree that is gone, by its path.
        """
        tops = [top for top in (*self.here, *self.others) if _holds(top, cwd)]
        top = max(tops, key=len, default="")
        if gone := _WORKTREE.search(cwd, len(top)):
            return gone["name"]
        return top.rsplit("/", 1)[-1] if top in self.others else ""


def here_first(sessions: Iterable[Summary], checkout: Checkout | None) -> Iterator[Summary]:
    """Yield the session to go on from, then all others in order, each with its worktree."""
    if checkout is None:
        yield from sessions
        return
    named = [
        structs.replace(session, worktree=checkout.other(session.info.cwd)) for session in sessions
    ]
    here = [session for session in named if not session.worktree]
    same = (s for s in here[:RECENT] if s.info.branch and s.info.branch == checkout.branch)
    first = next(chain(same, here), None)
    if first is not None:
        yield first
    yield from (session for session in named if session is not first)


def _holds(top: str, cwd: str) -> bool:
    return cwd == top or cwd.startswith(top.rstrip("/") + "/")
