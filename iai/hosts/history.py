"""Which commits a session has made and taken back again, by the commands of git's that follow them.

Each commit knows the one that it was made on, so that it follows from a move of HEAD what is left
behind, and what is there again. Only what the commands and their outputs prove is said: where HEAD
may be anywhere, nothing is taken back. Pure.
"""

import posixpath
import re
from collections.abc import Container, Iterable, Sequence
from functools import cached_property

from msgspec import structs

from iai.hosts import revisions, shell
from iai.hosts.commands import Command
from iai.model.action import Action
from iai.model.context import COMMITS, HEADS, Context, Head, Made

_NOW_AT = re.compile(r"^HEAD is now at ([0-9a-f]{7,40}) ", re.MULTILINE)
_DELETED = re.compile(r"^Deleted branch (\S+) \(was ([0-9a-f]{7,40})\)", re.MULTILINE)
_MODES = frozenset({"--hard", "--soft", "--mixed", "--keep", "--merge"})
_NEW_BRANCH = frozenset({"-b", "-B", "-c", "-C", "--create", "--force-create"})
_BASE = "below "
_DELETE = frozenset({"-d", "-D", "--delete"})
_ELSEWHERE = frozenset({"checkout", "switch", "bisect", "filter-branch", "update-ref"})
_REPLAYED = frozenset({"rebase", "pull", "merge", "am"})  # commits come to be on others
_FOLDS = re.compile(r"^(?:(?:fixup|squash|amend)! )+")  # what --autosquash folds into others
_REBASED = "Successfully rebased"
# Which commands of git's leave ORIG_HEAD as it is, beside those that only look.
_LEAVE_ORIGIN = frozenset({
    "commit", "add", "push", "fetch", "branch", "checkout", "switch", "restore", "rm", "mv", "tag",
    "status", "log", "diff", "show", "rev-parse", "ls-files", "config", "remote", "blame", "reset",
})  # fmt: skip


def ran(
    context: Context, command: Action, text: str, output: str
) -> tuple[Context, tuple[Action, ...]]:
    """Return what a command was beside a command, and the commits that it took back as undone.

    A commit that is brought back is made again. See `shell.also`; `text` is the whole command.
    """
    typed = shell.read(text)
    if not typed:
        return context, ()
    done = tuple(shell.also(command, typed, output))
    new = [action for action in done if action.kind == "commit"]
    if not new and (not context.commits or command.status == "refused"):
        return context, done
    log = _Log(context, command, output)
    log.follow(typed, new)
    return log.after(context), (*done, *log.changed)


class _Log:
    """The commits of a session, and where HEAD was in each directory."""

    def __init__(self, context: Context, command: Action, output: str) -> None:
        self.changed: list[Action] = []  # commits taken back, or brought back
        self._cwd, self._command, self._output = context.cwd, command, output
        self._made = {one.key: one for one in context.commits}
        self._heads = list(context.heads)
        self._sure = command.status == "ok"  # did every step of the line do what it says?

    @cached_property
    def _branches(self) -> dict[str, str]:
        return shell.branches_of_commits(self._output)

    def after(self, context: Context) -> Context:
        """Return the context after these commands."""
        made, heads = tuple(self._made.values())[-COMMITS:], tuple(self._heads[-HEADS:])
        if (made, heads) == (context.commits, context.heads):
            return context
        return structs.replace(context, commits=made, heads=heads)

    def follow(self, typed: Sequence[Command], new: Sequence[Action]) -> None:
        """Take a line of commands, which made the `new` commits."""
        left = list(new)
        for command in typed:
            sub, rest, directory = shell.git(command)
            if not sub or not command.known:
                continue
            place = posixpath.normpath(posixpath.join(self._cwd, directory))
            self._take(place, sub, rest)
            # Of what is replayed others may follow that were not printed.
            if shell.commits(command) and left and sub not in _REPLAYED:
                self._commit(
                    place, left.pop(0), amend="--amend" in rest, fixes=revisions.fixed(rest)
                )
        for action in left:
            self._commit(posixpath.normpath(self._cwd) if self._cwd else "", action)

    def _take(self, place: str, sub: str, rest: tuple[str, ...]) -> None:
        if sub not in _LEAVE_ORIGIN:
            self._forget(_origin(place))
        if sub == "reset":
            self._reset(place, rest)
        elif sub == "push":
            self._update(self._below(place), pushed=True)
        elif sub == "branch":
            self._branch(place, rest)
        elif sub == "stash":
            self._stay(place)
        elif sub in _ELSEWHERE and "--" not in rest:
            self._check_out(place, rest)
        elif sub in _REPLAYED:
            self._replay(place, sub, rest)

    def _head(self, place: str) -> str:
        """Return the key of the commit that HEAD is at, or of nothing that is known."""
        heads = (head.at for head in reversed(self._heads) if head.place == place)
        return next(heads, f"before {place}")

    def _chain(self, key: str) -> dict[str, None]:
        """Return the keys of a commit and of those below it, as long as they are known."""
        chain: dict[str, None] = {}
        while (one := self._made.get(key)) is not None and key not in chain:
            chain[key] = None
            key = one.parent
        return chain

    def _below(self, place: str) -> dict[str, None]:
        return self._chain(self._head(place))

    def _commit(self, place: str, action: Action, *, amend: bool = False, fixes: str = "") -> None:
        head = self._head(place)
        replaced = self._made.get(head) if amend else None
        if amend:
            head = replaced.parent if replaced else self._unknown()
        branch = self._branches.get(action.commit, "")
        self._made[action.key] = Made(
            place, action, key=action.key, parent=head, branch=branch, fixes=fixes
        )
        self._note(place, head)
        self._heads.append(Head(place, action.key))
        self._take_back([replaced.key] if replaced else [])

    def _reset(self, place: str, rest: tuple[str, ...]) -> None:
        to = [word for word in rest if not word.startswith("-")]
        if (
            "--" in rest
            or len(to) > 1
            or (to and _MODES.isdisjoint(rest) and not revisions.is_revision(to))
        ):
            return
        target = self._target(place, to[0], rest) if to and self._sure else self._unknown()
        self._forget(_origin(place))
        self._heads.append(Head(_origin(place), self._head(place)))
        if not to or to[0] in ("HEAD", "@"):
            self._stay(place)
            self._bring_back(key for key in self._below(place) if self._made[key].gone)
            return
        below = self._below(place)
        there, bottom = self._chain(target), [self._made[key].parent for key in below][-1:]
        self._note(place, self._head(place))
        self._heads.append(Head(place, target))
        if target in self._made or target.startswith(_BASE) or [target] == bottom:
            self._take_back([key for key in below if key not in there])
            self._bring_back([key for key in there if self._made[key].gone])
        elif to[0] == "ORIG_HEAD":  # any of those that are gone may be there again
            made = self._made.items()
            self._bring_back([key for key, one in made if one.gone and one.place == place])

    def _target(self, place: str, to: str, rest: tuple[str, ...]) -> str:
        """Return the key of what HEAD is reset to."""
        below = [*self._below(place)]
        printed = _NOW_AT.findall(self._output) if "--hard" in rest else []
        if len(printed) == 1 and (key := self._named(printed[0])):
            return key
        if revisions.BACK.fullmatch(to) and (count := revisions.down(to)) is not None:
            return [*below, *[self._base()] * (count + 1)][count] if below else self._unknown()
        if before := revisions.BEFORE.fullmatch(to):
            heads = [head.at for head in self._heads if head.place == place]
            count = int(before[1])
            return heads[-1 - count] if count < len(heads) else self._unknown()
        if to == "ORIG_HEAD":
            return self._head(_origin(place))
        if revisions.UPSTREAM.fullmatch(to):
            return next((key for key in below if self._made[key].pushed), self._base())
        return self._named(to) or self._unknown()

    def _named(self, hash_: str) -> str:
        """Return the key of a commit, "" if it is none of the session's."""
        if not revisions.HASH.fullmatch(hash_):
            return ""
        known = ((key, one.action.commit) for key, one in reversed(self._made.items()))
        return next((k for k, h in known if h and (h.startswith(hash_) or hash_.startswith(h))), "")

    def _base(self) -> str:
        """Return the key of a commit that is surely below all that are known."""
        return f"{_BASE}{self._command.key}:{len(self._heads)}"

    def _unknown(self) -> str:
        return f"after {self._command.key}:{len(self._heads)}"

    def _note(self, place: str, at: str) -> None:
        """Note where HEAD has been since the session began, if nothing is noted yet."""
        if not any(head.place == place for head in self._heads):
            self._heads.append(Head(place, at))

    def _stay(self, place: str) -> None:
        """Forget where HEAD was before: git's log has one move more, which leads nowhere."""
        here = Head(place, self._head(place))
        self._forget(place)
        self._heads.append(here)

    def _forget(self, place: str) -> None:
        self._heads = [head for head in self._heads if head.place != place]

    def _lose(self, place: str) -> None:
        self._stay(place)
        self._heads[-1] = Head(place, self._unknown())

    def _check_out(self, place: str, rest: tuple[str, ...]) -> None:
        names = [word for word in rest if not word.startswith("-")]
        if self._sure and len(names) == 1 and not _NEW_BRANCH.isdisjoint(rest):
            self._update(self._below(place), shared=True)
            self._note(place, self._head(place))
            self._heads.append(Head(place, self._head(place)))
        else:
            self._lose(place)

    def _branch(self, place: str, rest: tuple[str, ...]) -> None:
        """Take back what was on a deleted branch only."""
        if _DELETE.isdisjoint(rest):
            if any(not word.startswith("-") for word in rest):
                self._update(self._below(place), shared=True)
            return
        here = self._below(place)
        for name, tip in _DELETED.findall(self._output):
            lost = self._chain(self._named(tip)) if "-D" in rest else ()
            own = [key for key in lost if self._made[key].branch == name and key not in here]
            self._take_back([key for key in own if not self._made[key].pushed])

    def _replay(self, place: str, sub: str, rest: tuple[str, ...]) -> None:
        """Lose sight of HEAD: what is below it has other hashes, or others' commits beside it."""
        if sub == "rebase" and "--autosquash" in rest and _REBASED in self._output:
            below = [self._made[key] for key in self._below(place)]
            subjects = {one.action.text for one in below if not one.pushed}
            self._take_back(
                one.key
                for depth, one in enumerate(below)
                if not one.pushed and _is_folded(one, subjects, rest, depth)
            )
        self._update(self._made, shared=True)
        self._lose(place)

    def _update(self, keys: Iterable[str], **fields: object) -> None:
        for key in [*keys]:
            self._made[key] = structs.replace(self._made[key], **fields)

    def _take_back(self, keys: Iterable[str]) -> None:
        gone = [key for key in keys if not (self._made[key].gone or self._made[key].shared)]
        self.changed += [structs.replace(self._made[key].action, undone=True) for key in gone]
        self._update(gone, gone=True)

    def _bring_back(self, keys: Iterable[str]) -> None:
        for key in keys:
            one = self._made[key]
            new = f"{self._command.key}:again:{len(self.changed)}"
            action = structs.replace(one.action, key=new, at=self._command.at)
            self.changed.append(action)
            self._update([key], action=action, gone=False)


def _origin(place: str) -> str:
    """Return what stands for the place where git keeps where HEAD was before it was moved."""
    return posixpath.join(place, "ORIG_HEAD")


def _is_folded(one: Made, subjects: Container[str], rebase: tuple[str, ...], depth: int) -> bool:
    """Did a rebase surely fold a commit into another one?

    By its subject: of one of these subjects, or else into one that the rebase had. One that fixes
    such a commit is looked for by the subject below, as that itself.
    """
    of = _FOLDS.sub("", one.action.text)
    prefixes = one.action.text.removesuffix(of).count("!")
    return prefixes > 0 and (
        of in subjects or (prefixes == 1 and revisions.had(rebase, one.fixes, depth))
    )
