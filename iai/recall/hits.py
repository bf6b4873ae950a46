"""An exchange that was found, as the hit that people and programs get."""

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from math import fsum

from msgspec import structs

from iai.index.terms import terms
from iai.index.work_terms import path_terms, text_terms
from iai.model.action import CHANGES, Action
from iai.model.exchange import is_answer, opens
from iai.model.record import Record
from iai.model.units import excerpt
from iai.payload.file_work import PLANS
from iai.protocol.graph_cache import Hit, Line, Provenance
from iai.recall.exchanges import FoundExchange
from iai.recall.file_history import ends_with
from iai.recall.passage import Passages
from iai.recall.query import ParsedQuery
from iai.recall.sources import Sources

LONGEST_HIT = 20_000  # characters of a hit's text; `iai show` has the rest
BESIDE = 160  # characters of the request or the answer beside it, and of other lines
MOST_LINES, MOST_FILES, MOST_COMMITS, MOST_COMMANDS = 2, 6, 3, 2
_FITS = 0.25  # of the terms of a question, by rarity, that a command or an error has if it fits
_RUNS = 60  # characters of a command before the part of it that fits
_TOUCHES = CHANGES | {"read"}
_RUN = frozenset({"command", "test"})


class HitMaker:
    """Makes the hits of one question."""

    def __init__(self, query: ParsedQuery, sources: Sources, near: str, *, explain: bool) -> None:
        self._query = query
        self._sources = sources
        self._near = near
        self._explain = explain
        self._passage = Passages(query.every).passage
        self._project = cache(sources.view.project_named)
        self._least = _FITS * sum(query.every.values())

    def hit(self, found: FoundExchange, superseded_by: str) -> Hit:
        """Return an exchange as a hit."""
        record, request = found.best, found.request
        home = self._project(record.project)
        matched = self._sources.lexical.matched
        hit = Hit(
            id=record.id,
            label=record.label,
            score=found.score,
            why=found.why,
            text=record.text[:LONGEST_HIT],
            role=record.role,
            host=record.host,
            session_id=record.session,
            project=record.project,
            project_name=home.name if home else "",
            cwd=record.cwd,
            created_at=record.created_at,
            pinned=record.is_pinned,
            tier=record.tier,
            tags=record.tags,
            source=Provenance(**structs.asdict(record.source)),
            matched=matched(self._query.text, record.text) if self._explain else (),
            superseded_by=superseded_by,
            passage=self._passage(record.text),
            elsewhere=bool(self._near) and record.project != self._near,
            unattended=found.unattended,
            same=tuple(found.same),
            by=str(self._sources.people.whose(record.machine)),
        )
        return self._with_exchange(hit, found, request) if request is not None else hit

    def _with_exchange(self, hit: Hit, found: FoundExchange, request: Record) -> Hit:
        answer = self._answer(request)
        shown = {hit.label, answer.label if answer else 0}
        actions = self._sources.view.done(request)
        return structs.replace(
            hit,
            request=request.label,
            asked=self._beside(request) if request.label != hit.label else "",
            answer=self._beside(answer) if answer and answer.label != hit.label else "",
            lines=tuple(
                Line(label=turn.label, role=turn.role, text=self._beside(turn))
                for turn in islice((t for t in found.turns if t.label not in shown), MOST_LINES)
                if turn.label != request.label
            ),
            files=tuple(islice(self._files(actions), MOST_FILES)),
            commits=tuple(islice(self._commits(actions), MOST_COMMITS)),
            commands=tuple(self._commands(actions)),
            errors=tuple(map(self._passage, self._fitting(_errors(actions), 1))),
        )

    def _answer(self, request: Record) -> Record | None:
        found: Record | None = None
        for label in self._sources.view.sides(request)[1]:
            turn = self._sources.record(label)
            if turn is None or opens(turn):
                break
            found = turn if is_answer(turn) else found
        return found

    def _beside(self, turn: Record) -> str:
        return self._passage(turn.text, BESIDE)

    def _files(self, actions: Iterable[Action]) -> Iterator[str]:
        """Yield the files that were changed, those that the question names first."""
        worth: dict[str, float] = {}
        for action in actions:
            path = action.to or action.path
            if not path or PLANS in path or action.kind not in _TOUCHES:
                continue
            changed, names = action.kind in CHANGES, self._worth(path_terms(path))
            if changed or names >= self._least > 0:
                spelt = next((one for one in worth if ends_with(one, path)), path)
                worth[spelt] = max(worth.get(spelt, 0.0), names if changed else names / 2)
        yield from sorted(worth, key=lambda path: -worth[path])

    def _commits(self, actions: Iterable[Action]) -> Iterator[str]:
        made = [action for action in actions if action.kind == "commit"]
        made.sort(key=lambda action: -self._worth(terms(action.text)))
        yield from (f"{action.commit[:7]} {action.text}".strip() for action in made)

    def _commands(self, actions: Iterable[Action]) -> Iterator[str]:
        """Yield the part of each command that fits, with the beginning that says what is run."""
        for text in self._fitting((a.text for a in actions if a.kind in _RUN), MOST_COMMANDS):
            part = self._passage(text)
            run = excerpt(text.partition("\n")[0], _RUNS)
            yield f"{run} {part}" if part.startswith("…") else part

    def _fitting(self, texts: Iterable[str], most: int) -> list[str]:
        """Return the texts that have enough of the question's terms, the best first."""
        worth = {text: self._worth(text_terms(text)) for text in dict.fromkeys(texts) if text}
        fitting = [text for text in worth if worth[text] >= self._least > 0]
        return sorted(fitting, key=lambda text: -worth[text])[:most]

    def _worth(self, found: Iterable[str]) -> float:
        every = self._query.every
        return fsum(every[term] for term in every.keys() & found)  # the same in any order


def _errors(actions: Iterable[Action]) -> Iterable[str]:
    """Return what failed commands and tools printed: a failed edit prints what it looked for."""
    return (a.output for a in actions if a.status == "failed" and a.kind not in _TOUCHES)
