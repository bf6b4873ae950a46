"""Scored turns as exchanges: one exchange is one hit, and so are several that say the same."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from msgspec import Struct

from iai.model.exchange import opens
from iai.model.record import CLIENT, Record
from iai.model.session import SessionInfo
from iai.recall import weights
from iai.recall.scoring import Scored
from iai.recall.sources import Sources

_SENTENCE = 2  # different terms of a text that can repeat another: "ok" says nothing
_OF_ALL = ("work", "narration")  # parts of a request's score that its whole exchange gains


class FoundExchange(Struct, kw_only=True):
    """An exchange, by its turns that were found, the best first."""

    turns: list[Record]
    request: Record | None
    score: float
    why: dict[str, float]
    unattended: bool = False
    same: list[int] = []  # labels of hits that say the same

    @property
    def best(self) -> Record:
        """The turn that fits best."""
        return self.turns[0]


class _Kept(NamedTuple):
    """A hit, its different terms, and how many of them what says the same has at least."""

    found: FoundExchange
    terms: frozenset[int]
    least: float


class Exchanges:
    """Reads the exchanges of scored turns."""

    def __init__(self, scored: Scored, sources: Sources) -> None:
        self._scored = scored
        self._view = sources.view
        self._record = sources.record
        self._people = sources.people
        self._sessions: dict[bytes, SessionInfo | None] = {}  # of the exchanges so far

    def group(self, labels: Iterable[int]) -> list[FoundExchange]:
        """Return the exchanges of these labels, the best first; each has its best turn first."""
        groups: dict[int, FoundExchange] = {}
        for label in labels:
            record = self._record(label)
            if record is None:
                continue
            request = self.request(record)
            key = request.label if request else record.label
            if key in groups:
                groups[key].turns.append(record)
            else:
                groups[key] = FoundExchange(turns=[record], request=request, score=0.0, why={})
        self._read_sessions(groups.values())
        for found in groups.values():
            self._score(found)
        return sorted(groups.values(), key=lambda f: (-f.score, f.best.label))

    def request(self, record: Record) -> Record | None:
        """Return the request that a turn belongs to; None for a note, and for a client's turn."""
        if not record.in_session or record.host == CLIENT:
            return None
        if opens(record):
            return record
        turns = (self._record(label) for label in self._view.sides(record)[0])
        return next((turn for turn in turns if turn is not None and opens(turn)), None)

    def distinct(self, found: Iterable[FoundExchange]) -> list[FoundExchange]:
        """Leave out what repeats a better one, and note it there; people come before programs."""
        kept: list[_Kept] = []
        for one in sorted(found, key=lambda f: f.unattended):
            own = self._scored.term_set(one.best.label)
            alike = _saying_the_same(own, kept)
            if alike is None:
                kept.append(_Kept(one, own, weights.SAME * len(own)))
            else:
                alike.same.append(one.best.label)
        return [one.found for one in kept]

    def _score(self, found: FoundExchange) -> None:
        """Score an exchange by its best turn and by what was done in it."""
        scored, request = self._scored, found.request
        whole = scored.parts(request.label) if request and request.label in scored else {}
        shared = {name: whole[name] for name in _OF_ALL if name in whole}
        parts = {turn.label: scored.parts(turn.label) for turn in found.turns}
        for own in parts.values():
            for name in _OF_ALL:
                own.pop(name, None)
        found.turns.sort(key=lambda turn: (-sum(parts[turn.label].values()), turn.label))
        found.why = parts[found.best.label] | shared
        if not self._people.own(found.best.machine):
            found.why["others"] = weights.OTHERS
        found.score = round(sum(found.why.values()), 4)
        if found.best.in_session:
            info = self._sessions[found.best.session_key]
            found.unattended = info is not None and info.unattended

    def _read_sessions(self, found: Iterable[FoundExchange]) -> None:
        every = {one.best.session_key for one in found if one.best.in_session}
        self._sessions |= self._view.session_info_each(every - self._sessions.keys())


def _saying_the_same(own: frozenset[int], kept: Iterable[_Kept]) -> FoundExchange | None:
    """Return the first of those kept that shares nearly all terms with a text (Jaccard's index)."""
    count, least = len(own), weights.SAME * len(own)
    for found, terms, least_there in kept:
        if len(terms) < least or count < least_there:  # as most are, and quick to see
            continue
        shared = len(own & terms)
        enough = weights.SAME * (count + len(terms) - shared)
        if min(count, len(terms)) >= _SENTENCE and shared >= enough:
            return found
    return None


def nearest_first(
    found: list[FoundExchange], near: str, k: int, belongs: Callable[[FoundExchange], str]
) -> Iterator[FoundExchange]:
    """Yield up to `k`, those of the project `near` first; some places are left to the others.

    The others come first where they fit much better.
    """
    if not near:
        yield from found[:k]
        return
    own = [one for one in found if belongs(one) == near]
    others = [one for one in found if belongs(one) != near]
    if own and others and own[0].score < weights.NEAR * others[0].score:
        yield from (*others, *own)[:k]
        return
    left = min(len(others), int(weights.ELSEWHERE * k)) if own else k
    own = own[: k - left]
    yield from own
    yield from others[: k - len(own)]
