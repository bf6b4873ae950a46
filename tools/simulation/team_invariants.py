"""The invariants of a simulated team: what must hold once all is quiet.

The letters go on from those of `simulation.invariants`.

(l) every live record of a shared project is on every machine, once, and the same everywhere
(m) what was forgotten is in no file of any store, and in no message that the engine has
(n) nothing of a project that is not shared is on another machine, or with the engine
(o) a session comes to the same on the machine that it was held on and on all others
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from iai.errors import MessageRefused
from iai.model.record import Record, session_key
from iai.payload.material import summary_of
from iai.payload.summary import Summary
from iai.store.record_view import RecordView
from iai.team.membership import Membership
from simulation.engine import Engine
from simulation.invariants import WORD, InvariantBroken
from simulation.world import World

Shown: TypeAlias = dict[str, Any]
_WORD = re.compile(WORD.pattern.encode())


class TeamChecker:
    """Compares the machines of a team with each other, and with what was said on them."""

    def __init__(self, worlds: list[World], engine: Engine, project: str) -> None:
        """`project` is the one that all share."""
        self._worlds = worlds
        self._engine = engine
        self._project = project
        self.said: set[str] = set()  # acknowledged words of the shared project
        self.private: list[set[str]] = [set() for _ in worlds]  # of others, by machine
        self._words: dict[str, set[str]] = {}  # id of a record -> all words that it ever had
        self._forgotten: set[str] = set()  # ids

    def note(self, record: Record) -> None:
        """Note what a record says now."""
        self._words.setdefault(record.id, set()).update(WORD.findall(record.text))

    def forgotten(self, records: Iterable[Record]) -> None:
        """Note that these are to be forgotten."""
        for record in records:
            self.note(record)
            self._forgotten.add(record.id)

    def replaced(self, record: Record, word: str) -> None:
        """Note that a record is to have another word."""
        self.note(record)
        self.said -= self._words[record.id]
        self._words[record.id].add(word)

    def holds(self) -> bool:
        """Does all hold by now? Raises InvariantBroken for what cannot be made good any more."""
        try:
            self.check()
        except InvariantBroken as error:
            if error.invariant == "n":
                raise
            return False
        return True

    def check(self) -> None:
        """Check all of it. Raises InvariantBroken."""
        self._check_private()
        self._check_records()
        self._check_forgotten()
        self._check_sessions()

    def _check_records(self) -> None:
        shown = [self._records(world) for world in self._worlds]
        for place, one in enumerate(shown[1:], 1):
            if one != shown[0]:
                differing = {
                    k for k in one.keys() | shown[0].keys() if one.get(k) != shown[0].get(k)
                }
                first = min(differing)
                detail = f"{first} is {shown[0].get(first)} on 0, and {one.get(first)} on {place}"
                raise InvariantBroken("l", f"{len(differing)} records differ: {detail}")
        words = Counter(word for _, (text, *_) in shown[0].items() for word in WORD.findall(text))
        gone = self._gone()
        wrong = {word: words[word] for word in self.said - gone if words[word] != 1}
        if wrong or any(count > 1 for count in words.values()):
            raise InvariantBroken("l", f"{wrong or words.most_common(1)} is the number of copies")

    def _check_forgotten(self) -> None:
        gone = self._gone()
        for place, world in enumerate(self._worlds):
            for path in _files(world):
                if left := gone & _words_in(path):
                    name = path.relative_to(world.layout.root)
                    raise InvariantBroken("m", f"{min(left)} was forgotten: {name} of {place}")
        if left := gone & self._with_engine():
            raise InvariantBroken("m", f"{min(left)} was forgotten, and the engine has it")

    def _check_private(self) -> None:
        for place, words in enumerate(self.private):
            for other, world in enumerate(self._worlds):
                for path in _files(world) if other != place else ():
                    if found := words & _words_in(path):
                        detail = f"{min(found)} of {place} is not shared: {path.name} of {other}"
                        raise InvariantBroken("n", detail)
            if found := words & self._with_engine():
                raise InvariantBroken("n", f"{min(found)} is not shared, and the engine has it")

    def _check_sessions(self) -> None:
        for place, world in enumerate(self._worlds):
            own = _machine(world)
            with world.records.view() as view:
                held = {(r.host, r.session) for r in self._live(view) if not r.machine}
                here = {one: self._summary(view, session_key(*one)) for one in held}
            for other in self._worlds[:place] + self._worlds[place + 1 :]:
                with other.records.view() as view:
                    there = {one: self._summary(view, session_key(*one, own)) for one in held}
                for one in sorted(held):
                    if here[one] != there[one]:
                        detail = f"{one} is {here[one]} where it was held, and {there[one]}"
                        raise InvariantBroken("o", detail)

    # --- what there is ----------------------------------------------------------------------------

    def _gone(self) -> set[str]:
        return {word for one in self._forgotten for word in self._words[one]}

    def _records(self, world: World) -> Shown:
        """Return all that should be the same everywhere, of each record."""
        found: Shown = {}
        with world.records.view() as view:
            for record in self._live(view):
                self.note(record)
                if record.id in found:
                    raise InvariantBroken("l", f"{record.id} is there twice")
                machine, marks = record.machine or _machine(world), sorted(record.marks)
                said = record.text, record.role, record.kind
                found[record.id] = (*said, record.pinned, marks, machine)
        return found

    def _live(self, view: RecordView) -> Iterator[Record]:
        return (one for one in view.every() if one.project == self._project)

    def _with_engine(self) -> set[str]:
        """Return the words in all messages that the engine has, as a member reads them."""
        world = self._worlds[0]
        assert world.seat is not None and world.team is not None  # noqa: S101, PT018  for mypy
        membership = Membership(world.seat.own)
        with world.team.view() as view:
            for one in view.control():
                membership.apply(one.sequence, one.data)
        found: set[str] = set()
        for sequence, (subject, data) in self._engine.messages.items():
            parts = subject.split(".")
            if parts[2] == "change":
                try:
                    plain = membership.open(parts[3], parts[4], sequence, data).plain
                except MessageRefused:
                    continue
                found |= _words(plain)
        return found

    def _summary(self, view: RecordView, session: bytes) -> Shown | None:
        summary = summary_of(view, session, self._project)
        return None if summary is None else _shown_of(summary)


def _shown_of(summary: Summary) -> Shown:
    """Return what a summary says that does not depend on where it is read."""
    return {
        "requests": [one.id for one in summary.requests],
        "said": [one.id for one in summary.said],
        "last": [one.id for one in summary.last.turns],
        "files": [
            (file.path, file.added, file.removed, file.changes, file.reads)
            for file in summary.files
        ],
        "commits": [one.key for one in summary.commits],
        "test": summary.test.key if summary.test else "",
        "open": [step.text for step in summary.open_steps],
        "outcome": summary.outcome,
        "closed": summary.closed,
    }


def _machine(world: World) -> str:
    assert world.seat is not None  # noqa: S101  for mypy
    return world.seat.own.machine


def _files(world: World) -> Iterator[Path]:
    found = (path for path in world.layout.root.rglob("*") if not path.is_symlink())
    return (path for path in found if path.is_file())


def _words_in(path: Path) -> set[str]:
    try:
        return _words(path.read_bytes())
    except FileNotFoundError:
        return set()


def _words(data: bytes) -> set[str]:
    return {found.decode() for found in _WORD.findall(data)}
