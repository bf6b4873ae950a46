"""One transaction of the records' only writer: all changes of records and projects."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain, islice
from typing import Literal

import msgspec
from msgspec import structs

from iai.model import copies
from iai.model.action import Action
from iai.model.amended import NOTHING, Field, Value
from iai.model.change import ForgottenTitle, Named, SessionName
from iai.model.clock import Now
from iai.model.exchange import NARRATION, is_answer, opens, same_exchange
from iai.model.member import Member
from iai.model.record import (
    CLIENT,
    DIGEST,
    JUST_NOW,
    Mark,
    NewRecord,
    Project,
    Record,
    Transcript,
    Watermark,
    digest,
    order_of,
    redactions_in,
    session_key,
)
from iai.model.session import SessionInfo
from iai.store import half_read
from iai.store.actions import ActionChange
from iai.store.amendments import AmendmentChange, Identity, Noted
from iai.store.change_log import ChangeLog
from iai.store.codec import decode_time, encode_time, encode_u64, pack
from iai.store.environment import Environment
from iai.store.half_read import HalfReadChange
from iai.store.record_keys import keys_of
from iai.store.record_view import (
    FOR_GOOD,
    FOR_NOW,
    MARKUP,
    REDACTED,
    TEAM_MARK,
    THIS_MACHINE,
    not_recorded_key,
)
from iai.store.seal import Transaction

_EMPTY = b""
_BY_HAND: tuple[Mark, ...] = ("done", "dismissed")
_NEVER = 1 << 63
_TAGS, _LONGEST_TAG = 50, 40
_HEARD = 8  # turns with the same words that wait for their copies in the transcript
_PROJECTS_CWDS = 32  # working directories remembered for each project, the latest ones


class RecordChange(ChangeLog, ActionChange, AmendmentChange, HalfReadChange):
    """One transaction of the writer: all of it is kept, or nothing."""

    def __init__(
        self, environment: Environment, transaction: Transaction, now: Now, *, live: bool
    ) -> None:
        super().__init__(environment, transaction, now, live=live)
        self._homes: dict[str, str] = {}  # project -> what it belongs to
        self._spoken: dict[bytes, int] = {}  # project and session -> latest turn put in
        self._inserted: set[int] = set()
        self._worked: set[int] = set()  # requests that actions of this change belong to
        self._projects_asked: dict[int, str] = {}  # request -> its project
        self._in_team = self._t.has(TEAM_MARK, db=self._db["meta"])
        self._homes_of: dict[bytes, tuple[SessionName, str]] = {}  # session -> name, project
        self._requests: dict[bytes, tuple[int, int, int]] = {}  # session -> see `_request_at`
        self.acted = 0  # actions put in
        self.newly_redacted: Counter[str] = Counter()  # marks in what was put in, by kind
        self._titled: dict[bytes, None] = {}  # sessions of which more is known than before
        self._noted: dict[str, Noted] = {}  # project -> what others are to hear of it
        self._latest_live = self._moment(b"latest_live")
        self._ahead = self.ahead(self._now)

    def insert(self, new: NewRecord) -> tuple[int, bool]:
        """Store a text; return its label, and whether it is new.

        A text whose key was seen before is not stored again, even if it was forgotten (its label
        may be 0 then); nor is another copy of a turn. A record goes into the project that its own
        one is merged into.
        """
        label = self._known(new)
        if label is not None:
            return label, False
        record = self._as_kept(new)
        if is_answer(record) and record.host != CLIENT:
            if self._is_followed(record):
                record = structs.replace(record, kind=NARRATION)
            else:
                self._supersede(record)
        return self._add(new, record), True

    def insert_again(self, new: NewRecord) -> tuple[int, bool]:
        """Store a text that is read again, in the order of its file, or bring it up to date.

        A known record keeps its number and its place, and takes the kind and the text that the
        same line gives now; not the text where the record was changed since it was stored. Only
        what comes earlier in the file makes it an answer or narration: what comes later is known,
        but perhaps not yet what is between.
        """
        label = self._known(new)
        if label is None:
            record = self._as_kept(new)
            self._add(new, record)
        elif (known := self.get(label)) is None or known.machine:
            return label, False
        else:
            record = self._as_read_now(known, new)
        if is_answer(record):
            self._supersede(record)
        return record.label, label is None

    def act(self, new: Action, host: str, session: str, project: str) -> bool:
        """Store an action of a session; return whether it is new.

        Its exchange counts as changed: what is derived from that is derived again.
        """
        at = self._order(new.at)
        key = session_key(host, session)
        if self.was_forgotten(key) and not self.has_turns(key):
            return False
        request, done_in = self._request_at(key, at), self._home_of(project)
        elsewhere = done_in if done_in != self._asked_in(request) else ""
        place = self.add_action(key, structs.replace(new, at=at, project=elsewhere))
        if not place:
            return False
        self._note(done_in).actions[place] = None
        self._acted(new, key, request, done_in, session)
        return True

    def _acted(self, new: Action, key: bytes, request: int, project: str, session: str) -> None:
        """Count an action that was put in, and have its exchange be derived again."""
        self.acted += 1
        self.newly_redacted.update(new.redactions)
        if request not in self._inserted and request not in self._worked:
            self._worked.add(request)
            self._log("act", request, {project}, session)
        self._touch(key)

    def note_this_machine(self, member: Member) -> None:
        """Keep who works on this machine, by which other machines of the same user are known."""
        if self.member("") != member:
            self._t.put(THIS_MACHINE, pack(member), db=self._db["meta"])

    def mark(self, record: Record, mark: Mark, *, on: bool = True) -> None:
        """Mark a record, or not: it is done, not to be shown at a start again, or taken back."""
        if (mark in record.marks) != on:
            others = tuple(other for other in record.marks if other != mark)
            marks = (*others, mark) if on else others
            marked = structs.replace(record, marks=marks, updated_at=self._now)
            self._replace(record, marked)
            if mark != "rewound":
                self._write_by_hand(record, mark)
            elif on:
                self._quieten(record)
            self._advance("mark", record)

    def rewind(
        self, key: str, transcript: str, before: int, restored: frozenset[str] = frozenset()
    ) -> None:
        """Mark a request that was taken back, with all that followed it in its transcript.

        `before` is where in the transcript it was taken back. Other requests are left alone. What
        was done for it counts no longer, unless it outlasts that: see `outlasts_rewind`. The rest
        counts for the request before.
        """
        label = self.known(key)
        request = self.get(label) if label is not None else None
        if request is None or request.source.transcript != transcript:
            return
        session = session_key(request.host, request.session, request.machine)
        following = list(self._turns_from(session, request.order))
        gone = [
            turn
            for turn in [*following, *self.narration(session)]
            if turn.source.transcript == transcript
            and request.source.offset <= turn.source.offset < before
        ]
        for turn in gone:
            self.mark(turn, "rewound")
        end = next((t.order for t in following if opens(t) and t not in gone), None)
        undone = self.undo_actions(session, request.order, end, restored)
        for place in undone:
            action = self.action(place)
            done_in = self._home_of(action.project) if action is not None else ""
            self._note(done_in or request.project).actions[place] = None
        left = next(self.actions_between(session, request.order, end), None)
        self._requests.clear()
        if undone or (left and not request.rewound):
            self._work_changed(session, request.order)

    def pin(self, record: Record, *, pinned: bool, mine: bool = False) -> None:
        """Pin a record, so that every session of its project starts with it, or unpin it.

        A pin that is `mine` is for the sessions on this machine alone, whether or not the project
        has one as well. Without that, unpinning takes both off.
        """
        if record.mine == "note" or not mine:
            of_mine = record.mine if pinned or record.mine == "note" else ""
            changed = structs.replace(record, pinned=pinned, mine=of_mine)
        else:
            changed = structs.replace(record, mine="pin" if pinned else "")
        if changed != record:
            self._replace(record, structs.replace(changed, updated_at=self._now))
            if changed.pinned != record.pinned:
                self._write_by_hand(record, "pinned")
            self._advance("pin" if pinned else "unpin", record)

    def edit(self, record: Record, text: str) -> None:
        """Replace the text of a record."""
        if record.text != text:
            edited = structs.replace(record, updated_at=self._now, **self._texts(record, text))
            self._replace(record, edited)
            self._write_by_hand(record, "text")
            self._advance("edit", record)

    def redact_action(self, key: bytes, old: Action, new: Action) -> None:
        """Put an action in the place of one that had secrets in it; see `actions_from`."""
        self.put_action(key, old, new)
        self.newly_redacted.update(Counter(new.redactions) - Counter(old.redactions))
        session = key[:DIGEST]
        request = self.get(self._request_at(session, old.at))
        if request is not None:
            self._log("act", request.label, {request.project}, request.session)
            if not request.machine:
                self._note(new.project or request.project).actions[key] = None
        self._touch(session)

    def redact_session(self, key: bytes, info: SessionInfo) -> None:
        """Replace what is known of a session, where its title had secrets in it."""
        self.put_session(key, info)
        self._titled[key] = None
        self._note_forgotten(key)

    def note_session(self, info: SessionInfo) -> bool:
        """See `ActionChange.note_session`."""
        if not super().note_session(info):
            return False
        self._titled[session_key(info.host, info.session, info.machine)] = None
        return True

    def leave_out(self, session: str) -> None:
        """Record no more of a session, by the host's id; what is stored of it stays."""
        self._put(not_recorded_key(session), FOR_GOOD, "meta")

    def switch_recording(self, session: str, *, on: bool) -> None:
        """Note what the user said last of recording a session; nothing if it is off for good."""
        if on and self.switched_off(session):
            self._t.delete(not_recorded_key(session), db=self._db["meta"])
        elif not on and not self.not_recorded(session):
            self._put(not_recorded_key(session), FOR_NOW, "meta")

    def forget(self, record: Record) -> None:
        """Delete a record for good. Only its key's hash stays, so that it cannot come back."""
        self._delete(record)
        if record.in_session:
            self._forget_work(record)
            self._quieten(record)
        self._advance("forget", record, count=-1)

    def _delete(self, record: Record) -> None:
        """Delete a record itself, and note by what it is known."""
        identity = self.identity(record.label)
        named = identity.named(record)
        if record.mine != "note":
            self._note(record.project).forgotten.append(named)
        self._delete_keys(record)
        for alias in identity.ids:
            self._t.delete(alias.encode(), db=self._db["by_id"])
        for database in ("records", "identities"):
            self._t.delete(encode_u64(record.label), db=self._db[database])
        self.bury(named)
        self._requests.clear()
        self._forget_markup(record.text)
        self.demand_scrub()

    def forget_work(
        self, session: bytes, since: int, until: int | None, which: Callable[[Action], bool]
    ) -> int:
        """Delete what was done in a session between two times for good; return how much."""
        self._find_home(session)
        gone = self.forget_actions(session, since, until, which)
        requests = {self._request_at(session, action.at) for action in gone}
        for label in sorted(requests - {0}):
            request = self.get(label)
            if request is not None:
                self._log("act", label, {request.project})
        if gone:
            self._note_forgotten(session)
        return len(gone)

    def forget_session_title(self, session: bytes) -> bool:
        """Delete the title of a session for good; return False if it has none."""
        self._find_home(session)
        if not self.forget_title(session):
            return False
        self.forget_half_read(half_read.untitled, session)
        self._note_forgotten(session)
        return True

    def forget_phrase(self, phrase: str) -> None:
        """Delete what says something and is read, but not stored yet."""
        self.forget_half_read(half_read.saying(phrase))
        self._forget_markup(phrase)
        self.demand_scrub()

    def forget_project(self, project: str) -> bool:
        """Delete the name and the directories of a project; False if anything still needs them."""
        known = self.project_named(project)
        others = self.projects()
        needed = known is None or known.ignored or known.into
        if needed or any(p.into == project for p in others) or self.count(project):
            return False
        self._t.delete(project.encode(), db=self._db["projects"])
        self._log("project", 0, {project})
        self._homes.clear()
        self.demand_scrub()
        return True

    def merge(self, project: Project, into: Project | None) -> bool:
        """Make another project the owner of a project's records; None undoes that.

        New records go there from now on; `reassign` moves the existing ones. Returns False if the
        other project is the same one, or belongs to it already.
        """
        if into is not None:
            if any(one == project.id for one, _ in self._merged(into.id)):
                return False
            self.place(into, into.root)
        self._change_project(project, into=into.id if into else "")
        return True

    def ignore(self, project: Project, ignored: Literal["", "project", "below"]) -> None:
        """Store nothing more of a project, or of all below its root; "" ends that."""
        self._change_project(project, ignored=ignored)

    def name_project(self, project: Project) -> None:
        """Keep the name and the root of a project that is not known yet."""
        if self.project_named(project.id) is None:
            self._change_project(project)

    def reassign(self, limit: int) -> int:
        """Move up to `limit` misfiled records to the project they belong to; return how many."""
        moving = list(islice(self.misfiled(), limit))
        for record in moving:
            self._move(record)
        return len(moving)

    def place(self, project: Project, cwd: str) -> None:
        """Remember that a project was worked on in this directory."""
        stored = self.project_named(project.id) or project
        if cwd in stored.cwds:
            return
        cwds = (*stored.cwds, cwd)[-_PROJECTS_CWDS:]
        self._put(project.id.encode(), pack(structs.replace(stored, cwds=cwds)), "projects")

    def note_identity(self, project: Project, joined: Iterable[str]) -> None:
        """Remember what identifies a project after its directory is moved, and what joined it."""
        stored = self.project_named(project.id) or project
        former = tuple(dict.fromkeys((*stored.former, *joined)))
        noted = structs.replace(stored, git=project.git, born=project.born, former=former)
        self._put(project.id.encode(), pack(noted), "projects")

    def note_markup(self, found: Mapping[str, int]) -> None:
        """Count turns of users that begin with unknown markup, for the first `_TAGS` tags seen."""
        known = self.unknown_markup()
        for tag, number in found.items():
            name = tag[:_LONGEST_TAG]
            if name in known or len(known) < _TAGS:
                known[name] = known.get(name, 0) + number
        if found:
            self._put(MARKUP, pack(known), "meta")

    def follow(self, transcript: Transcript) -> None:
        """Note how far a file has been read."""
        self._put(digest(transcript.path), pack(self.admitted(transcript)), "transcripts")

    def admitted(self, transcript: Transcript) -> Transcript:
        """Return what is known of a file without what was forgotten of its session."""
        session = session_key(transcript.host, transcript.session)
        if self.was_forgotten(session) and not self.has_turns(session):
            return half_read.wholly(transcript)
        if self.is_forgotten_title(session, transcript.title):
            return half_read.untitled(transcript)
        return transcript

    def finish(self) -> Watermark:
        """See `ChangeLog.finish`."""
        if self._scrub and 0 < self._mark.revision == self.erased_through():
            self._log("act", 0, ())  # the scrub of that revision may be over
        self._note_titled()
        self.keep_noted(self._before, self._mark.revision, self._noted)
        for session, latest in self._spoken.items():
            old = self._last_activity(session)
            if old is None or decode_time(old) < latest:
                self._activity(session, old, encode_time(latest))
        if self.newly_redacted:
            self._put(REDACTED, pack(dict(Counter(self.redacted()) + self.newly_redacted)), "meta")
        self._put(b"latest_live", encode_time(self._latest_live), "meta")
        self._put(b"ahead", encode_time(self._ahead), "meta")
        return super().finish()

    def _known(self, new: NewRecord) -> int | None:
        """Return the label that a text has already, under its key or as a copy of a turn."""
        label = self.known(new.key)
        if label is None and (label := self.copy_of(new)) is not None:
            self._know_by(new, label)
            if not new.heard:
                self._hear(new, self._heard(new)[1:])
                self._confirm(label, new)
        elif label is None and self._in_team:
            found = self.look_up(Named((new.id,)))  # from a machine that did not know the key
            if found.label or found.forgotten:
                label = found.label
                self._know_by(new, label)
        return label

    def _know_by(self, new: NewRecord, label: int) -> None:
        """Note that a record is known by the key of another copy, too."""
        key = digest(new.key)
        self._put(key, encode_u64(label), "by_key")
        if label:
            known = self.identity(label)
            self.identify(label, structs.replace(known, keys=known.keys + key))

    def _as_kept(self, new: NewRecord) -> Record:
        label = self._mark.max_vec_label + 1
        record = new.kept(label, self._now, self._order(new.created_at))
        return self._resolve_project(record)

    def with_waiting(
        self, record: Record, identity: Identity, own: str = ""
    ) -> tuple[Record, Identity]:
        """Return a record with what others wrote of it before it came, and by what they know it.

        `own` is the id of this machine, by which ties are broken.
        """
        known = self.amended(record.id)
        if known.named is not None:
            known = NOTHING
        waiting = [self.amended(i) for i in (record.id, *identity.ids)]
        found = [(one, one.named) for one in waiting if one.named is not None]
        for one, named in found:
            if self.belongs(one.project) == record.project:  # else nobody there could know of it
                record = self._rewritten(record, known.news(one, own))
                known = known.joined(one, own)
                identity = identity.also(record.id, named)
            for record_id in named.ids:
                self.note_amended(record_id, NOTHING)
        if found:
            self.note_amended(record.id, known.settled())
        return record, identity

    def _rewritten(self, record: Record, values: Mapping[str, Value]) -> Record:
        """Return a record with what was written by hand."""
        marks = tuple(mark for mark in record.marks if values.get(mark, True))
        marks += tuple(mark for mark in _BY_HAND if values.get(mark) is True and mark not in marks)
        text = values.get("text", record.text)
        fields = self._texts(record, text) if isinstance(text, str) and text != record.text else {}
        pinned = bool(values.get("pinned", record.pinned))
        return structs.replace(record, marks=marks, pinned=pinned, **fields)

    def _write_by_hand(self, record: Record, field: Field) -> None:
        """Note that something of a record was written on this machine, to be told to others."""
        self.note_amended(record.id, self.amended(record.id).written(field, self._now))
        if record.mine != "note":
            self._note(record.project).labels[record.label] = None

    def _note(self, project: str) -> Noted:
        if project not in self._noted:
            self._noted[project] = Noted()
        return self._noted[project]

    def _hear(self, turn: NewRecord, labels: list[int]) -> None:
        """Remember which turns with these words only events have had so far."""
        key = digest(copies.key(turn))
        if labels:
            self._put(key, b"".join(map(encode_u64, labels)), "by_key")
        else:
            self._t.delete(key, db=self._db["by_key"])

    def _confirm(self, label: int, new: NewRecord) -> None:
        """Give an event's turn the time and source that the transcript has for it."""
        record = self.get(label)
        if record is None:  # forgotten
            return
        kind = new.kind or record.kind
        order = self._order(new.created_at)
        confirmed = structs.replace(
            record,
            created_at=new.created_at,
            order=order,
            updated_at=self._now,
            source=new.source,
            kind=kind,
        )
        self._replace(record, confirmed)
        self._quieten(record)
        self._speak(confirmed)
        self._log("narrate", label, {record.project}, record.session)
        self._touch(session_key(record.host, record.session, record.machine))

    def _as_read_now(self, known: Record, new: NewRecord) -> Record:
        """Give a record the text and kind that its line has by today's reading; return it."""
        by_hand = "text" in self.amended(known.id).stamps
        untouched = known.updated_at == known.ingested_at and not by_hand
        text = new.text if untouched else known.text
        # What was narration stays so: a text that is the last one of its file may not be the last.
        kind = known.kind if known.kind == NARRATION and not new.kind else new.kind
        record = structs.replace(known, kind=kind, **self._texts(known, text))
        if record != known:
            self._replace(known, record)
        if text != known.text:
            self._advance("edit", record)
        elif kind != known.kind:
            self._advance("narrate", record)
        return record

    def _texts(self, known: Record, text: str) -> Mapping[str, object]:
        """Return the fields of a record that its new text decides, and count what it redacts."""
        redactions = redactions_in(text)
        self.newly_redacted.update(Counter(redactions) - Counter(known.redactions))
        return {"text": text, "redactions": redactions}

    def _add(self, new: NewRecord, record: Record) -> int:
        key = digest(new.key)
        self._put(key, encode_u64(record.label), "by_key")
        if new.heard:
            self._hear(new, [*self._heard(new), record.label][-_HEARD:])
        identity = Identity(key)
        if self._in_team:
            record, identity = self.with_waiting(record, identity)
            self.identify(record.label, identity)
        else:
            self.keep_identity(record.label, identity)
        self._put_new_record(record)
        return record.label

    def _put_new_record(self, record: Record) -> None:
        label = record.label
        self._inserted.add(label)
        self.newly_redacted.update(record.redactions)
        self._requests.clear()
        self._put_keys(record)
        self._put(encode_u64(label), pack(record), "records")
        self._speak(record)
        self._advance("insert", record, count=1, label=label)

    def _is_followed(self, record: Record) -> bool:
        """Does a later text of the same exchange answer it?"""
        for label in self.sides(record)[1]:
            later = self.get(label)
            if later is None or not same_exchange(record, later):
                return False
            if is_answer(later):
                return True
        return False

    def _supersede(self, record: Record) -> None:
        """Make what the assistant said before an answer, in the same exchange, narration."""
        for label in self.sides(record)[0]:
            earlier = self.get(label)
            if earlier is None or not same_exchange(record, earlier):
                break
            if is_answer(earlier):
                self._replace(earlier, structs.replace(earlier, kind=NARRATION))
                if label not in self._inserted:  # else each stage sees it as it is now
                    self._log("narrate", label, {earlier.project}, earlier.session)
                    self._touch(session_key(earlier.host, earlier.session, earlier.machine))
                break

    def _request_at(self, session: bytes, at: int) -> int:
        """Return the label of the request that was open at a time; 0 where none was.

        The last answer is kept with the times between which it holds: actions come in order.
        """
        label, since, until = self._requests.get(session, (0, 0, 0))
        if not since <= at < until:
            request = self.request_before(session, at)
            label, since = (request.label, request.order) if request else (0, at)
            later = (turn for turn in self._turns_from(session, since) if turn.label != label)
            until = next((turn.order for turn in later if opens(turn)), _NEVER)
            self._requests[session] = label, since, until
        return label

    def _asked_in(self, request: int) -> str:
        """Return the project of a request by its label; "" for 0."""
        if request not in self._projects_asked:
            record = self.get(request) if request else None
            self._projects_asked[request] = record.project if record is not None else ""
        return self._projects_asked[request]

    def _work_changed(self, session: bytes, at: int) -> None:
        """Have what is derived from the exchange that was open at a time derived again."""
        request = self.request_before(session, at)
        if request is not None:
            self._log("act", request.label, {request.project}, request.session)
            self._touch(session)

    def _forget_work(self, record: Record) -> None:
        """Remove what was done for a request; with the last turn, all else of its session."""
        key = session_key(record.host, record.session, record.machine)
        self._homes_of[key] = _session_of(record), record.project
        if opens(record):
            following = (r for label in self.sides(record)[1] if (r := self.get(label)))
            end = next((r.order for r in following if opens(r)), None)
            if self.forget_actions(key, record.order, end) and record.rewound:
                self._work_changed(key, record.order)
            if end is None:  # calls without a result are its work, too
                self.forget_half_read(half_read.unfinished, key)
        known = self.session_info(key)
        if not self.has_turns(key):
            self.forget_session(key)
            self.forget_half_read(half_read.wholly, key)
        else:
            self.forget_half_read(half_read.repeating(record.text), key)
            if known is not None and half_read.repeats(known.title, record.text):
                self.forget_title(key)

    def forget_session(self, session: bytes) -> None:
        """See `ActionChange.forget_session`."""
        super().forget_session(session)
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._note(project).emptied.append(name)

    def forget_actions(
        self,
        session: bytes,
        since: int,
        until: int | None,
        which: Callable[[Action], bool] = lambda _: True,
    ) -> list[Action]:
        """See `ActionChange.forget_actions`."""
        gone = super().forget_actions(session, since, until, which)
        if gone and session in self._homes_of:
            name, project = self._homes_of[session]
            keys = [digest(action.key) for action in gone]
            self._note(project).work.setdefault(name, []).extend(keys)
        return gone

    def forget_title(self, session: bytes) -> bool:
        """See `ActionChange.forget_title`."""
        known = self.session_info(session)
        if known is None or not super().forget_title(session):
            return False
        if session in self._homes_of:
            name, project = self._homes_of[session]
            self._note(project).titles.append(ForgottenTitle(name, digest(known.title)))
        return True

    def _find_home(self, session: bytes) -> None:
        """Note the name of a session, and its project, for what is forgotten of it."""
        turns = chain(self.session(session, newest_first=True), self.narration(session))
        latest = next(chain(turns, self.rewound(session)), None)
        if latest is not None:
            self._homes_of[session] = _session_of(latest), latest.project

    def _note_titled(self) -> None:
        """Note the sessions of this machine of which more is known, for each of their projects."""
        for session in self._titled:
            self._find_home(session)
            name, project = self._homes_of.get(session, (None, ""))
            if name is not None and not name.machine:
                if session not in self._sessions:  # no other change of it says so
                    latest = next(self.session(session, newest_first=True), None)
                    self._log("act", latest.label if latest else 0, {project}, name.session)
                self._note(project).sessions[session] = None

    def _forget_markup(self, text: str) -> None:
        """Delete the names of unknown tags that are in a text: see `note_markup`."""
        known = self.unknown_markup()
        kept = {tag: count for tag, count in known.items() if tag not in text}
        if kept != known:
            self._put(MARKUP, pack(kept), "meta")

    def _note_forgotten(self, session: bytes) -> None:
        """Have what is shown of a session, besides its records, be derived again."""
        turns = chain(self.session(session, newest_first=True), self.narration(session))
        latest = next(turns, None)
        self._log("act", latest.label if latest else 0, {latest.project} if latest else ())
        self._touch(session)
        self.demand_scrub()

    def _order(self, created_at: int) -> int:
        order = order_of(created_at, self._now, self._ahead if self._live else 0)
        if self._live and self._now - created_at < JUST_NOW:
            self._latest_live = max(self._latest_live, order)
        return order

    def _change_project(self, project: Project, **fields: str) -> None:
        stored = self.project_named(project.id) or project
        changed = msgspec.convert({**structs.asdict(stored), **fields}, Project)
        if changed != stored or stored is project:
            self._put(project.id.encode(), pack(changed), "projects")
            self._log("project", 0, {project.id, stored.into, changed.into} - {""})
            self._homes.clear()

    def _resolve_project(self, record: Record) -> Record:
        """Return a record filed under the project that its own project is merged into."""
        own = record.origin or record.project
        home = self._home_of(own)
        if home == record.project:
            return record
        return structs.replace(record, project=home, origin="" if home == own else own)

    def _home_of(self, project: str) -> str:
        if project not in self._homes:
            self._homes[project] = self.belongs(project)
        return self._homes[project]

    def _move(self, record: Record) -> None:
        moved = structs.replace(self._resolve_project(record), updated_at=self._now)
        self._replace(record, moved)
        if record.in_session:
            self._quieten(record)
            self._speak(moved)
        self._log("move", record.label, {record.project, moved.project})
        self._touch(session_key(record.host, record.session, record.machine))

    def _speak(self, record: Record) -> None:
        if record.in_session:
            session = record.project.encode() + session_key(
                record.host, record.session, record.machine
            )
            self._spoken[session] = max(record.order, self._spoken.get(session, record.order))

    def _quieten(self, forgotten: Record) -> None:
        """Set the last activity of a session back to its latest remaining turn."""
        key = session_key(forgotten.host, forgotten.session, forgotten.machine)
        session = forgotten.project.encode() + key
        self._spoken.pop(session, None)
        left = (r for r in self.session(key, newest_first=True) if r.project == forgotten.project)
        latest = next(left, None)
        old = self._last_activity(session)
        self._activity(session, old, encode_time(latest.order) if latest else None)

    def _last_activity(self, session: bytes) -> bytes | None:
        """Return the time by which a session is in `by_activity`; None if it is not.

        It is looked for there if the entry that has it is damaged.
        """
        stored = self._t.intact(session, db=self._db["sessions"])
        if stored is not None or not self._t.has(session, db=self._db["sessions"]):
            return stored
        project, key = session[:-DIGEST], session[-DIGEST:]
        places = (place for place, _ in self._t.prefixed(self._db["by_activity"], project))
        return next((p[len(project) : -DIGEST] for p in places if p.endswith(key)), None)

    def _activity(self, session: bytes, old: bytes | None, new: bytes | None) -> None:
        project, key = session[:-DIGEST], session[-DIGEST:]
        if old is not None:
            self._t.delete(project + old + key, db=self._db["by_activity"])
        if new is not None:
            self._put(project + new + key, _EMPTY, "by_activity")
            self._put(session, new, "sessions")
        else:
            self._t.delete(session, db=self._db["sessions"])

    def _replace(self, old: Record, new: Record) -> None:
        self._delete_keys(old)
        self._put_keys(new)
        self._put(encode_u64(new.label), pack(new), "records")

    def _put_keys(self, record: Record) -> None:
        for database, key in keys_of(record):
            self._put(key, _EMPTY, database)
        self._put(record.id.encode(), encode_u64(record.label), "by_id")

    def _delete_keys(self, record: Record) -> None:
        for database, key in keys_of(record):
            self._t.delete(key, db=self._db[database])
        self._t.delete(record.id.encode(), db=self._db["by_id"])


def _session_of(record: Record) -> SessionName:
    return SessionName(record.host, record.session, record.machine)
