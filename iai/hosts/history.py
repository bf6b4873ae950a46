"""Which commits a session has made and taken back again, by the commands of git's that follow them.

Only what the commands prove: a reset to a place that is not known leaves all as it was. Pure.
"""

import posixpath
import re
from collections.abc import Sequence

from msgspec import structs

from iai.hosts import shell
from iai.hosts.commands import Command
from iai.model.action import Action
from iai.model.context import COMMITS, Context, Made

_BACK = re.compile(r"(?:HEAD|@)(?:~(?P<count>\d*)|(?P<each>\^+))")
_UPSTREAM = re.compile(r"(?:origin|upstream)/\S+|@\{u(?:pstream)?\}")
_HASH = re.compile(r"[0-9a-f]{7,40}")
_ELSEWHERE = frozenset({"checkout", "switch", "rebase", "pull", "merge", "am"})
_NEW_BRANCH = frozenset({"-b", "-B", "-c", "-C", "--create", "--force-create"})


def ran(
    context: Context, command: Action, text: str, output: str
) -> tuple[Context, tuple[Action, ...]]:
    """Return what a command was beside a command, and the commits that it took back as undone.

    See `shell.also`; `text` is the whole command.
    """
    typed = shell.read(text)
    if not typed:
        return context, ()
    done = tuple(shell.also(command, typed, output))
    new = [action for action in done if action.kind == "commit"]
    if not new and (not context.commits or command.status != "ok"):
        return context, done
    context, gone = _after(context, typed, new)
    return context, (*done, *gone)


def _after(
    context: Context, typed: Sequence[Command], new: Sequence[Action]
) -> tuple[Context, tuple[Action, ...]]:
    """Return the context after a line of commands, and the commits that it took back, as undone.

    `new` are the commits that the line made.
    """
    made, left, gone = list(context.commits), list(new), list[Action]()
    for command in typed:
        sub, rest, directory = shell.git(command)
        if not sub or not command.known:
            continue
        place = posixpath.normpath(posixpath.join(context.cwd, directory))
        here = [one for one in made if one.place == place]
        back = here[-1:] if sub == "commit" and "--amend" in rest and left else []
        if sub == "reset":
            back = _reset(rest, here)
        gone += [one.action for one in back]
        made = [one for one in made if one not in back]
        if sub == "push":
            made = [structs.replace(o, pushed=True) if o.place == place else o for o in made]
        if shell.commits(command) and left:
            made.append(Made(place, left.pop(0)))
        elif sub in _ELSEWHERE and "--" not in rest and _NEW_BRANCH.isdisjoint(rest):
            made = [one for one in made if one.place != place]
    here_now = posixpath.normpath(context.cwd) if context.cwd else ""
    made += [Made(here_now, action) for action in left]
    commits = tuple(made[-COMMITS:])
    if commits != context.commits:
        context = structs.replace(context, commits=commits)
    return context, tuple(structs.replace(action, undone=True) for action in gone)


def _reset(rest: tuple[str, ...], here: list[Made]) -> list[Made]:
    """Return the commits that a reset leaves behind."""
    to = [word for word in rest if not word.startswith("-")]
    if len(to) != 1 or "--" in rest or not here:
        return []
    if back := _BACK.fullmatch(to[0]):
        count = len(back["each"]) if back["each"] else int(back["count"] or 1)
        return here[-min(count, COMMITS) :] if count else []
    if _UPSTREAM.fullmatch(to[0]):
        return [one for one in here if not one.pushed]
    if _HASH.fullmatch(to[0]):
        for place, one in enumerate(here):
            known = one.action.commit
            if known and (known.startswith(to[0]) or to[0].startswith(known)):
                return here[place + 1 :]
    return []
