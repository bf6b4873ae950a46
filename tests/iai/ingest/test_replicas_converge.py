"""Three replicas, whatever is done on them, and in whatever order the others hear of it.

Once all is quiet, each has every live record and action of the shared project once, with the same
text, kind, marks and pins; nothing of what is not shared; and in its file no word but those of what
it has. What one person dismisses is dismissed on that person's machines, the first two.
"""

import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from iai.model.exchange import opens
from iai.model.record import Record, Source, digest, session_key
from iai.model.session import SessionInfo
from iai.protocol.ingest import Edit, Erase, Forget, Mark, Pin, SessionPart
from iai.store.amendments import split
from tests.iai.ingest.replicas import UNSHARED, YEAR, Message, Replica, of
from tests.iai.store.builders import NOW, PROJECT, new_record

MACHINES = ("aa" * 8, "bb" * 8, "cc" * 8)
CLOCKS = (0, YEAR, -3_600 * 10**9)  # nanoseconds by which they are ahead
WHERE = st.integers(0, len(MACHINES) - 1)
SESSIONS = st.sampled_from(["s1", "s2"])
CHOICE = st.integers(0, 1_000)
ORDER = st.integers(0, 1 << 16).map(Random)
WORD = re.compile(rb"word\d{5}end")
COMMON = "common"


class Replicas(RuleBasedStateMachine):
    """What is done on each of three machines, and what the others are handed."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp())
        self.replicas = [
            Replica(self.directory / machine, machine, ahead)
            for machine, ahead in zip(MACHINES, CLOCKS, strict=True)
        ]
        self.stream: list[Message] = []
        self.words = 0
        self.keys: dict[bytes, str] = {}  # hash -> idempotency key
        self.said: set[str] = set()  # keys of turns in the shared project
        self.forgotten: set[str] = set()  # of these

    @initialize(known=st.booleans())
    def begin_with_something(self, known: bool) -> None:  # noqa: FBT001
        """Each machine has a session, and perhaps the others know of it."""
        for where, one in enumerate(self.replicas):
            one.take([*of(MACHINES[0], *MACHINES[:2]), *of(MACHINES[2], MACHINES[2])])
            for role in ("user", "assistant", "user"):
                self.say(where, "s1", role)
                self.work(where, "s1")
            self.stream += one.publish()
        for one in self.replicas if known else ():
            one.take(m for m in self.stream if m.machine != one.machine)

    def teardown(self) -> None:
        try:
            self._fall_quiet(Random(self.words))  # noqa: S311
        finally:
            for one in self.replicas:
                one.records.close()
            shutil.rmtree(self.directory)

    # --- what is said and done ----------------------------------------------------------------

    @rule(where=WHERE, session=SESSIONS, role=st.sampled_from(["user", "assistant"]))
    def say(self, where: int, session: str, role: str) -> None:
        self._say(where, self._word(), session=session, role=role)

    @rule(where=WHERE, place=st.integers(1, 3))
    def read_a_line_that_all_have(self, where: int, place: int) -> None:
        """The home directory is synced, or the session was forked: the keys are the same."""
        at = NOW.wall - 10**12 + place
        key, text = f"{COMMON}:{place}", f"{COMMON} {place}"
        self._say(where, text, key, session="s1", created_at=at, source=Source())
        self.replicas[where].do(f"{COMMON}:did:{place}", "s1", text=f"run {text}", at=at + 1)

    @rule(where=WHERE, session=SESSIONS)
    def work(self, where: int, session: str) -> None:
        if self._has(where, session):
            self.replicas[where].do(self._word(), session)

    @rule(where=WHERE)
    def say_in_private(self, where: int) -> None:
        one, text = self.replicas[where], self._word()
        one.say(text, text=text, session="q", project=UNSHARED, cwd="/q")
        one.do(self._word(), "q", UNSHARED)

    @rule(where=WHERE)
    def work_elsewhere_in_between(self, where: int) -> None:
        """What is done in another project, for a request of the shared one, is not shared."""
        self._say(where, self._word(), session="s2")
        self.replicas[where].do(self._word(), "s2", UNSHARED)

    @rule(where=WHERE, session=SESSIONS)
    def title(self, where: int, session: str) -> None:
        info = SessionInfo(host="claude", session=session, title=self._word(), branch="main")
        if self._has(where, session):
            self.replicas[where].commit(lambda unit: unit.work.note_session(info))

    @rule(where=WHERE, choice=CHOICE)
    def read_again(self, where: int, choice: int) -> None:
        """A newer version reads another text in the same line."""
        record = self._choose(where, choice, lambda r: not r.machine and r.project == PROJECT)
        key = self._key(where, record) if record else ""
        if record is not None and not key.startswith(COMMON):
            new = new_record(
                key, id=record.id, text=self._word(), session=record.session, role=record.role,
                created_at=record.created_at, source=record.source,
            )  # fmt: skip
            self.replicas[where].commit(lambda unit: unit.records.insert_again(new))

    @rule(where=WHERE, choice=CHOICE)
    def rewind(self, where: int, choice: int) -> None:
        record = self._choose(where, choice, lambda r: opens(r) and bool(r.source.transcript))
        if record is not None:
            key, path = self._key(where, record), record.source.transcript
            self.replicas[where].commit(lambda unit: unit.work.rewind(key, path, 1 << 40))

    # --- what is written by hand ----------------------------------------------------------------

    @rule(where=WHERE, choice=CHOICE, pinned=st.booleans())
    def pin(self, where: int, choice: int, pinned: bool) -> None:  # noqa: FBT001
        if record := self._choose(where, choice):
            self.replicas[where].ask(Pin(ref=record.id, pinned=pinned))

    @rule(where=WHERE, choice=CHOICE, on=st.booleans(), done=st.booleans())
    def mark(self, where: int, choice: int, on: bool, done: bool) -> None:  # noqa: FBT001
        if record := self._choose(where, choice):
            mark = Mark(ref=record.id, mark="done" if done else "dismissed", on=on)
            self.replicas[where].ask(mark)

    @rule(where=WHERE, choice=CHOICE)
    def edit(self, where: int, choice: int) -> None:
        if record := self._choose(where, choice):
            self.replicas[where].ask(Edit(ref=record.id, text=self._word()))

    # --- what is forgotten ---------------------------------------------------------------------

    @rule(where=WHERE, choice=CHOICE)
    def forget(self, where: int, choice: int) -> None:
        if record := self._choose(where, choice):
            self._lose(where, lambda r: r.id == record.id)
            self.replicas[where].ask(Forget(refs=(record.id,)))

    @rule(where=WHERE, choice=CHOICE)
    def forget_a_session(self, where: int, choice: int) -> None:
        if record := self._choose(where, choice):
            self._lose(where, lambda r: _session(r) == _session(record))
            self.replicas[where].ask(Forget(refs=(record.id,), whole_sessions=True))

    @rule(where=WHERE, choice=CHOICE, digit=st.integers(0, 9))
    def forget_some_of_the_work(self, where: int, choice: int, digit: int) -> None:
        if record := self._choose(where, choice):
            part = SessionPart(session=_session(record).hex(), text=str(digit))
            self.replicas[where].ask(Erase(parts=(part,)))

    @rule(where=WHERE, choice=CHOICE)
    def forget_a_title(self, where: int, choice: int) -> None:
        if record := self._choose(where, choice):
            part = SessionPart(session=_session(record).hex(), title=True)
            self.replicas[where].ask(Erase(parts=(part,)))

    @rule(where=WHERE, choice=CHOICE)
    def forget_a_phrase(self, where: int, choice: int) -> None:
        if record := self._choose(where, choice):
            phrase = record.text
            self._lose(where, lambda r: phrase in r.text)
            every = self.replicas[where].every().values()
            labels = tuple(r.label for r in every if phrase in r.text)
            self.replicas[where].ask(Erase(labels=labels, text=phrase))

    # --- what others hear of it -----------------------------------------------------------------

    @rule(where=WHERE)
    def publish(self, where: int) -> None:
        self.stream += self.replicas[where].publish()

    @rule(where=WHERE, order=ORDER)
    def deliver(self, where: int, order: Random) -> None:
        """Hand over some of what was ever published, in any order, some of it again."""
        one = self.replicas[where]
        if found := [m for m in self.stream if m.machine != one.machine]:
            one.take(order.choices(found, k=order.randint(1, 12)))

    @rule(order=ORDER)
    def fall_quiet(self, order: Random) -> None:
        self._fall_quiet(order)

    def _fall_quiet(self, order: Random) -> None:
        """Fill all gaps, and deliver everything until nobody has anything to say any more."""
        for one in self.replicas:
            self.stream += one.publish(again=True)
        new = self.stream
        while new:
            for one in self.replicas:
                found = [m for m in new if m.machine != one.machine]
                order.shuffle(found)
                for at in range(0, len(found), 7):
                    one.take(found[at : at + 7])
            new = [message for one in self.replicas for message in one.publish()]
            self.stream += new
        self._check()

    def _check(self) -> None:
        first = self._shown(0)
        assert set(first[0]) == self.said - self.forgotten
        assert self._dismissed(0) == self._dismissed(1)
        for where, one in enumerate(self.replicas):
            assert self._shown(where) == first
            assert one.problems() == []
            one.scrub()
            found = set(WORD.findall((one.path / "data.mdb").read_bytes()))
            assert found <= self._live_words(where)

    def _shown(self, where: int) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a replica has of the shared project."""
        one = self.replicas[where]
        records: dict[str, Any] = {}
        for record in one.every().values():
            if record.project == PROJECT:
                key = self._key(where, record)
                assert key not in records, "a turn is there twice"
                marks = sorted({*record.marks} - {"dismissed"})
                records[key] = record.text, record.role, record.kind, record.pinned, marks
        own = {key for key, action in one.actions().items() if not self._is_shared(where, action)}
        actions = {
            key: (action.text, action.undone and not key.startswith(COMMON))
            for key, action in one.actions().items()
            if key not in own
        }
        return records, actions

    def _dismissed(self, where: int) -> set[str]:
        every = self.replicas[where].every().values()
        shared = (record for record in every if record.project == PROJECT)
        return {self._key(where, record) for record in shared if record.dismissed}

    def _is_shared(self, where: int, action: Any) -> bool:
        with self.replicas[where].records.view() as view:
            private = [one.key for one in view.all_actions(session_key("claude", "q"))]
        return action.project != UNSHARED and action.key not in private

    def _live_words(self, where: int) -> set[bytes]:
        one = self.replicas[where]
        with one.records.view() as view:
            texts = [record.text for record in view.every()]
            texts += [word for action in one.actions().values() for word in action.words]
            texts += [info.title for info in view.session_infos()]
            texts += [action.key for action in one.actions().values()]
        return set(WORD.findall("\n".join(texts).encode()))

    # --- the means ------------------------------------------------------------------------------

    def _word(self) -> str:
        self.words += 1
        return f"word{self.words:05}end"

    def _say(self, where: int, text: str, key: str = "", **fields: Any) -> None:
        key = key or f"key:{self.words}"
        source = Source(transcript=f"/t/{fields['session']}", offset=self.words)
        self.keys[digest(key)] = key
        self.said.add(key)
        self.replicas[where].say(key, **{"text": text, "source": source, **fields})

    def _has(self, where: int, session: str) -> bool:
        with self.replicas[where].records.view() as view:
            return view.has_turns(session_key("claude", session))

    def _choose(
        self, where: int, choice: int, which: Callable[[Record], bool] = lambda _: True
    ) -> Record | None:
        every = self.replicas[where].every().values()
        found = sorted((r for r in every if which(r)), key=lambda r: r.id)
        return found[choice % len(found)] if found else None

    def _key(self, where: int, record: Record) -> str:
        """Return the idempotency key of a record."""
        with self.replicas[where].records.view() as view:
            names = {self.keys.get(key, "") for key in split(view.identity(record.label).keys)}
        return next(iter(names), "")

    def _lose(self, where: int, which: Callable[[Record], bool]) -> None:
        every = self.replicas[where].every().values()
        self.forgotten |= {self._key(where, record) for record in every if which(record)}


def _session(record: Record) -> bytes:
    return session_key(record.host, record.session, record.machine)


TestReplicas = Replicas.TestCase
TestReplicas.settings = settings(
    max_examples=8,
    stateful_step_count=20,
    deadline=None,
    phases=[Phase.reuse, Phase.generate],  # to shrink a failure takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
)
