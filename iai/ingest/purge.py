"""Redacts what was stored before by today's rules, slice by slice. Running it again is harmless."""

import logging
from collections import Counter
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias, TypeVar

from iai.errors import Unsearchable
from iai.ingest import redact
from iai.ingest.redact import Redact
from iai.model.action import Action
from iai.model.record import DIGEST, Record, Transcript, Watermark, redactions_in
from iai.model.session import SessionInfo
from iai.protocol.ingest import PurgeProgress
from iai.store.record_change import RecordChange
from iai.store.record_view import RecordView

log = logging.getLogger(__name__)

A_SLICE = 200  # records or actions: some 20 ms
NAMED = 20  # places that are named
T = TypeVar("T")
Write: TypeAlias = Callable[[RecordChange], object]
_Step: TypeAlias = Callable[[RecordView, Redact], list[Write]]


class Purge:
    """Goes through records, then actions, then sessions, then the state of transcripts.

    It need not survive the process: started again, it leaves alone what is redacted already.
    """

    def __init__(self, *, dry_run: bool) -> None:
        self.dry_run = dry_run
        self._label = 0  # of the next record
        self._key = b""  # of the next action, or session
        self._texts = self._changed = 0
        self._redacted: Counter[str] = Counter()
        self._unsearchable: set[str] = set()  # where that is
        self._steps: list[_Step] = [self._records, self._actions, self._sessions, self._transcripts]

    @property
    def done(self) -> bool:
        """Has it gone through everything?"""
        return not self._steps

    def progress(self, mark: Watermark) -> PurgeProgress:
        """Return the progress so far; `mark` is the watermark of the store."""
        return PurgeProgress(
            done=self.done,
            dry_run=self.dry_run,
            texts=self._texts,
            changed=self._changed,
            redacted=dict(self._redacted),
            revision=mark.revision,
            unsearchable=len(self._unsearchable),
            unsearchable_in=tuple(sorted(self._unsearchable)[:NAMED]),
        )

    def look(self, view: RecordView, redact_text: Redact) -> Write | None:
        """Go through the next slice; return what to write, if there is any.

        Raises RulesLoading, before it goes on, while the rules are loaded.
        """
        changes = self._steps[0](view, redact_text)
        self._changed += len(changes)
        if self.dry_run or not changes:
            return None

        def write(change: RecordChange) -> None:
            for one in changes:
                one(change)
            change.log.demand_scrub()  # the old bytes would stay in free pages

        return write

    def _records(self, view: RecordView, redact_text: Redact) -> list[Write]:
        """Redact some records."""
        records = list(islice(view.every(self._label), A_SLICE))
        changes: list[Write] = []
        kinds: Counter[str] = Counter()
        for record in records:
            text = self._or_kept(redact_text, f"#{record.label}")(record.text)
            if text is not record.text:
                kinds += Counter(redactions_in(text)) - Counter(record.redactions)
                changes.append(_edit(record, text))
        self._counted(len(records), kinds)
        if records:
            self._label = records[-1].label + 1
        else:
            self._finish_step()
        return changes

    def _actions(self, view: RecordView, redact_text: Redact) -> list[Write]:
        """Redact some actions."""
        found = list(islice(view.actions_from(self._key), A_SLICE))
        changes: list[Write] = []
        kinds: Counter[str] = Counter()
        for key, old in found:
            new = redact.action(old, self._or_kept(redact_text, _place_of(view, key)))
            if new is not old:
                kinds += Counter(new.redactions) - Counter(old.redactions)
                changes.append(_redact_action(key, old, new))
        self._counted(len(found), kinds)
        self._advance(found)
        return changes

    def _sessions(self, view: RecordView, redact_text: Redact) -> list[Write]:
        """Redact the titles of some sessions."""
        found = list(islice(view.sessions_from(self._key), A_SLICE))
        changes: list[Write] = []
        kinds: Counter[str] = Counter()
        for key, old in found:
            new = redact.session(old, self._or_kept(redact_text, f"the title of {old.session}"))
            if new != old:
                kinds += Counter(redactions_in(new.title)) - Counter(redactions_in(old.title))
                changes.append(_redact_session(key, new))
        self._counted(len(found), kinds)
        self._advance(found)
        return changes

    def _transcripts(self, view: RecordView, redact_text: Redact) -> list[Write]:
        """Redact what is noted of the transcripts, which is not counted: no one sees it."""
        changed: list[Transcript] = []
        for old in view.transcripts():
            search = self._or_kept(redact_text, f"what was read of {old.path}")
            if (new := redact.transcript(old, search)) != old:
                changed.append(new)
        self._finish_step()
        self._changed -= len(changed)
        return [_follow(new) for new in changed]

    def _or_kept(self, redact_text: Redact, place: str) -> Redact:
        """Return a redaction that notes what cannot be searched, and leaves it as it is."""

        def redacted(text: str) -> str:
            try:
                return redact_text(text)
            except Unsearchable as error:
                log.warning("%s: %s; it stays as it is", place, error)
                self._unsearchable.add(place)
                return text

        return redacted

    def _counted(self, texts: int, kinds: Counter[str]) -> None:
        self._texts += texts
        self._redacted += kinds

    def _advance(self, found: list[tuple[bytes, T]]) -> None:
        if found:
            self._key = found[-1][0] + b"\0"
        else:
            self._finish_step()

    def _finish_step(self) -> None:
        del self._steps[0]
        self._key = b""


def _edit(record: Record, text: str) -> Write:
    return lambda change: change.edits.set_text(record, text)


def _redact_action(key: bytes, old: Action, new: Action) -> Write:
    return lambda change: change.work.redact_action(key, old, new)


def _redact_session(key: bytes, info: SessionInfo) -> Write:
    return lambda change: change.work.redact_session(key, info)


def _follow(transcript: Transcript) -> Write:
    return lambda change: change.transcripts.follow(transcript)


def _place_of(view: RecordView, key: bytes) -> str:
    """Say where an action is, by its key."""
    info = view.session_info(key[:DIGEST])
    return f"what was done in {info.session}" if info is not None else "what was done"
