"""The invariants of a simulated team: what must hold once all is quiet.

The letters go on from those of `simulation.invariants`.

(l) every live record of a shared project is on every machine, once, and the same everywhere
(m) what was forgotten is in no file of any store, and in no message that the engine has
(n) nothing of a project that is not shared is on another machine, or with the engine; what is one's
    own is on all machines of the same user, and on no other, and the engine cannot read it
(o) a session comes to the same on the machine that it was held on and on all others
(p) of what is said after a machine has left, it has nothing, and can open nothing
(q) a payload has the same words on all machines, as somebody without a machine there reads it

A machine that has left is out of all but (n) and (p); so is, from then on, what was said on it: not
all of it need have reached the others. One that never comes back is out of all but (n). Of what was
said on that, all others have all, also those that join later.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from msgspec import structs

from iai.errors import MessageRefused
from iai.model.record import Record, session_key
from iai.payload.compose import render
from iai.payload.material import gather
from iai.payload.sessions import summary_of
from iai.payload.summary import Summary
from iai.replication import content
from iai.store.record_view import RecordView
from iai.team import envelope
from iai.team.identity import KEY, Identity
from iai.team.membership import Membership
from iai.team.personal import PersonalKeys
from simulation.engine import Engine
from simulation.invariants import WORD, InvariantBroken
from simulation.outside_view import OutsideView
from simulation.world import World

Shown: TypeAlias = dict[str, Any]
_WORD = re.compile(WORD.pattern.encode())


class TeamChecker:
    """Compares the machines of a team with each other, and with what was said on them."""

    def __init__(
        self, worlds: list[World], engine: Engine, project: str, *, same_clock: bool
    ) -> None:
        """`project` is the one that all share; payloads tell times, so they need the same clock."""
        self._worlds = worlds
        self._engine = engine
        self._project = project
        self._same_clock = same_clock
        self.present = [0]  # places of the machines in the team, the founder's first
        self._people = [0]  # place of the first machine of the same user, by place
        self.said: set[str] = set()  # acknowledged words of the shared project
        self._said_on: dict[int, set[str]] = defaultdict(set)
        self.private: dict[int, set[str]] = defaultdict(set)  # words of other projects, by place
        self._own: dict[int, set[str]] = defaultdict(set)  # words of notes of one's own, by person
        self._own_pins: dict[int, set[str]] = defaultdict(set)  # ids of what was pinned so
        self._lately: dict[int, set[str]] = defaultdict(set)  # ids of what was forgotten, by place
        self._vanished: list[int] = []
        self._left: dict[int, set[str] | None] = {}  # place -> words since all have known; None
        self._words: dict[str, set[str]] = {}  # id of a record -> all words that it ever had
        self._forgotten: set[str] = set()  # ids

    def join(self, place: int, like: int) -> None:
        """Note that a machine was invited, and of which other one its user is (itself: of none)."""
        self.present.append(place)
        self._people.append(place if like == place else self._people[like])

    def leave(self, place: int) -> None:
        """Note that a machine is to leave."""
        self.present.remove(place)
        self._left[place] = None
        self.said -= self._said_on[place]
        for one in self._lately[place]:  # perhaps the others were not told of it
            self._forgotten.discard(one)
            self.said -= self._words[one]

    def vanish(self, place: int) -> None:
        """Note that a machine never comes back."""
        self.present.remove(place)
        self._vanished.append(place)

    def begin_without(self) -> None:
        """Note that all know now who has left: what is said from now on is not for those."""
        self._lately.clear()
        for place, words in self._left.items():
            self._left[place] = words or set()

    def say(self, place: int, words: Iterable[str]) -> None:
        """Note that words of the shared project are acknowledged on a machine."""
        self.said |= set(words)
        self._said_on[place] |= set(words)
        for later in self._left.values():
            if later is not None:
                later |= set(words)

    def say_own(self, place: int, word: str) -> None:
        """Note that somebody has noted a word on a machine for themselves."""
        self._own[self._people[place]].add(word)

    def pin_own(self, place: int, record_id: str) -> None:
        """Note that somebody pins a record for themselves."""
        self._own_pins[self._people[place]].add(record_id)

    def note(self, record: Record) -> None:
        """Note what a record says now."""
        self._words.setdefault(record.id, set()).update(WORD.findall(record.text))

    def forgotten(self, place: int, records: Iterable[Record]) -> None:
        """Note that these are to be forgotten, by the user of a machine."""
        for record in records:
            self.note(record)
            if record.id not in self._forgotten:
                self._lately[place].add(record.id)
            self._forgotten.add(record.id)

    def replaced(self, place: int, record: Record, word: str) -> None:
        """Note that a record is to have another word, by the user of a machine."""
        self.note(record)
        self.said -= self._words[record.id]
        self._words[record.id].add(word)
        if record.mine == "note":
            self.say_own(place, word)

    def holds(self) -> bool:
        """Does all hold by now? Raises InvariantBroken for what cannot be made good any more."""
        try:
            self.check()
        except InvariantBroken as error:
            if error.invariant in "np":
                raise
            return False
        return True

    def check(self) -> None:
        """Check all of it. Raises InvariantBroken."""
        self._check_private()
        self._check_left()
        self._check_records()
        self._check_forgotten()
        self._check_sessions()
        self._check_own()
        if self._same_clock:
            self._check_payloads()

    def _check_records(self) -> None:
        shown = [self._records(world) for world in self._members]
        for place, one in enumerate(shown[1:], 1):
            if one != shown[0]:
                differing = {
                    k for k in one.keys() | shown[0].keys() if one.get(k) != shown[0].get(k)
                }
                first = min(differing)
                where = self.present[place]
                detail = f"{first} is {shown[0].get(first)} on 0, and {one.get(first)} on {where}"
                raise InvariantBroken("l", f"{len(differing)} records differ: {detail}")
        words = Counter(word for _, (text, *_) in shown[0].items() for word in WORD.findall(text))
        gone = self._gone()
        wrong = {word: words[word] for word in self.said - gone if words[word] != 1}
        if wrong or any(count > 1 for count in words.values()):
            raise InvariantBroken("l", f"{wrong or words.most_common(1)} is the number of copies")

    def _check_forgotten(self) -> None:
        gone = self._gone()
        for place, world in zip(self.present, self._members, strict=True):
            for path in _files(world):
                if left := gone & _words_in(path):
                    name = path.relative_to(world.layout.root)
                    raise InvariantBroken("m", f"{min(left)} was forgotten: {name} of {place}")
        if left := gone & self._with_engine(own=True):
            raise InvariantBroken("m", f"{min(left)} was forgotten, and the engine has it")

    def _check_private(self) -> None:
        for place, world in enumerate(self._worlds):
            with world.records.view() as view:
                pinned = {one.id for one in view.every() if one.mine == "pin"}
            if foreign := pinned - self._own_pins[self._people[place]]:
                raise InvariantBroken("n", f"{min(foreign)} is pinned for others alone on {place}")
        whole = range(len(self._worlds))
        own = ((w, [p for p in whole if self._people[p] == one]) for one, w in self._own.items())
        for words, places in (*((w, [p]) for p, w in self.private.items()), *own):
            place = places[0]
            for other, world in enumerate(self._worlds):
                for path in _files(world) if other not in places else ():
                    if found := words & _words_in(path):
                        detail = f"{min(found)} of {place} is not shared: {path.name} of {other}"
                        raise InvariantBroken("n", detail)
            if found := words & self._with_engine():
                raise InvariantBroken("n", f"{min(found)} is not shared, and the engine has it")

    def _check_left(self) -> None:
        for place, words in self._left.items():
            world = self._worlds[place]
            for path in _files(world) if words else ():
                if found := words & _words_in(path):  # type: ignore[operator]
                    raise InvariantBroken("p", f"{min(found)} reached {place}, which had left")
            if words and (found := words & self._opened_by(world)):
                raise InvariantBroken("p", f"{place} can read {min(found)}, and had left before")

    def _check_own(self) -> None:
        """Check what is one's own, and of what others said, what one has dismissed."""
        by_person: dict[int, dict[int, set[str]]] = defaultdict(dict)
        for place, world in zip(self.present, self._members, strict=True):
            with world.records.view() as view:
                ours = (one for one in self._live(view, notes=True))
                found = {
                    f"{one.id} {one.dismissed} {one.mine} {one.text if one.mine == 'note' else ''}"
                    for one in ours
                }
            by_person[self._people[place]][place] = found
        for machines in by_person.values():
            if len(set(map(frozenset, machines.values()))) > 1:
                raise InvariantBroken("l", f"of one person: {_differing(machines)}")

    def _check_payloads(self) -> None:
        wall = max(world.now.wall for world in self._worlds)
        shown = [self._payload(world, wall) for world in self._members]
        for place, one in zip(self.present, shown, strict=True):
            if one != shown[0]:
                pairs = zip(shown[0].splitlines(), one.splitlines(), strict=False)
                first = next((pair for pair in pairs if pair[0] != pair[1]), ("", "one is longer"))
                raise InvariantBroken("q", f"on 0 and {place}: {first}")

    def _payload(self, world: World, wall: int) -> str:
        with world.records.view() as view:
            seen = OutsideView(view, machine_of(world), self.present_ids)
            found = gather(seen, self._project, "p", here="machine", since=0)
        return render(structs.replace(found, root=""), wall)

    def _check_sessions(self) -> None:
        for place, world in enumerate(self._members):
            own = machine_of(world)
            with world.records.view() as view:
                held = {(r.host, r.session) for r in self._live(view) if not r.machine}
                here = {one: self._summary(world, view, session_key(*one)) for one in held}
            for other in self._members[:place] + self._members[place + 1 :]:
                with other.records.view() as view:
                    there = {
                        one: self._summary(other, view, session_key(*one, own)) for one in held
                    }
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
                machine = record.machine or machine_of(world)
                marks = sorted(set(record.marks) - {"dismissed"})  # see `_check_own`
                said = record.text, record.role, record.kind
                found[record.id] = (*said, record.pinned, marks, machine)
        return found

    @property
    def _members(self) -> list[World]:
        return [self._worlds[place] for place in self.present]

    @property
    def present_ids(self) -> frozenset[str]:
        """The ids of the machines in the team."""
        return self.vanished_ids.union(map(machine_of, self._members))

    def _live(self, view: RecordView, *, notes: bool = False) -> Iterator[Record]:
        """Yield what all machines should have, and the `notes` that those of one user should."""
        for one in view.every():
            shared = one.project == self._project and (notes or one.mine != "note")
            if shared and one.machine in {"", *self.present_ids}:
                yield one

    @property
    def vanished_ids(self) -> frozenset[str]:
        """The ids of the machines that never come back."""
        return frozenset(machine_of(self._worlds[place]) for place in self._vanished)

    def _membership(self, world: World) -> Membership:
        """Return the team as a machine sees it."""
        assert world.seat is not None and world.team is not None  # noqa: S101, PT018  for mypy
        membership = Membership(world.seat.own)
        with world.team.view() as view:
            for one in view.control():
                membership.apply(one.sequence, one.data)
        return membership

    def _opened_by(self, world: World) -> set[str]:
        """Return the words in all messages that a machine can open with the keys it can have."""
        membership = self._membership(world)
        found: set[str] = set()
        changes = []
        for sequence, (subject, data) in self._engine.messages.items():
            if subject.split(".")[2] == "control":
                with suppress(MessageRefused):
                    membership.apply(sequence, data)
            else:
                changes.append(data)
        assert membership.roster.members  # noqa: S101  and so its keys are known
        for data in changes:
            with suppress(MessageRefused):
                found |= _words(self._unsealed(membership, data))
        return found

    def _unsealed(self, membership: Membership, data: bytes) -> bytes:
        """Return what somebody with the keys of a machine can read of a message, and in it."""
        keys, key = membership._keys, envelope.read_header(data).key  # noqa: SLF001
        plain = envelope.unseal(data, keys[key]) if key in keys else b""
        relayed, owned = content.relayed(plain), content.owned(plain)
        inner = relayed.messages if relayed is not None else ()
        with suppress(MessageRefused):
            if owned is not None:
                plain = membership._personal.open(membership.roster, owned)  # noqa: SLF001
        return plain + b"".join(self._unsealed(membership, one) for one in inner)

    def _with_engine(self, *, own: bool = False) -> set[str]:
        """Return the words in all messages that the engine has, as a member reads them.

        Without what is that member's own, or with that of all.
        """
        if own:
            every = [self._read_by(self._membership(world)) for world in self._members]
            return set[str]().union(*every)
        reader = self._membership(self._worlds[0])
        reader._personal = PersonalKeys(Identity(bytes(KEY), bytes(KEY)), reader.team)  # noqa: SLF001
        return self._read_by(reader)

    def _read_by(self, membership: Membership) -> set[str]:
        found: set[str] = set()
        for sequence, (subject, data) in self._engine.messages.items():
            parts = subject.split(".")
            if parts[2] == "change":
                try:
                    membership.open(parts[3], parts[4], sequence, data)
                except MessageRefused:
                    continue
                found |= _words(self._unsealed(membership, data))
        return found

    def _summary(self, world: World, view: RecordView, session: bytes) -> Shown | None:
        seen = OutsideView(view, machine_of(world), self.present_ids)
        summary = summary_of(seen, session, self._project)
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


def _differing(machines: dict[int, set[str]]) -> dict[int, list[str]]:
    """Return what some of these have, and not all."""
    common = set.intersection(*machines.values())
    return {place: sorted(found - common)[:3] for place, found in machines.items()}


def machine_of(world: World) -> str:
    """Return the id of the machine of a world in a team."""
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
