"""Which exchanges did what a question's filter asks for."""

from collections.abc import Iterator, Sequence
from itertools import islice

from msgspec import Struct

from iai.index.lexical import LexicalIndex
from iai.index.terms import terms
from iai.index.work_terms import FAILED
from iai.model.action import Action
from iai.model.record import Record
from iai.protocol.graph_cache import Recall
from iai.recall.file_history import ends_with
from iai.store.record_view import RecordView

MOST = 400  # exchanges that a filter lets through, those of the latest requests
_LOOKED_AT = 4_000  # actions on one file
_HASH = 7  # characters of a commit's hash that say which one it is
_RUN = frozenset({"command", "test"})


class ActionFilter(Struct, frozen=True):
    """What was done in an exchange. A field that is empty asks for nothing."""

    file: str
    commit: str
    command: str
    failed: bool

    @property
    def open(self) -> bool:
        """Does it let every exchange through?"""
        return not (self.file or self.commit or self.command or self.failed)

    def fits(self, actions: Sequence[Action]) -> bool:
        """Was all that it asks for done? If a command is asked for, it is that one that failed."""
        ran = [action for action in actions if not self.command or _ran(action, self.command)]
        return (
            (not self.file or any(_touched(action, self.file) for action in actions))
            and (not self.commit or any(_committed(action, self.commit) for action in actions))
            and (not self.command or bool(ran))
            and (not self.failed or any(action.status == "failed" for action in ran))
        )


def requested(request: Recall) -> ActionFilter:
    """Return the filter of a request, whose fields have the same names."""
    return ActionFilter(request.file, request.commit, request.command, request.failed)


def matching(only: ActionFilter, view: RecordView, lexical: LexicalIndex) -> dict[int, None]:
    """Return the labels of the requests whose exchanges fit, the latest first, at most `MOST`."""
    possible = {request.label: request for request in _possible(only, view, lexical)}
    latest = sorted(possible.values(), key=lambda request: (-request.order, -request.label))
    fitting = (request.label for request in latest if only.fits(view.done(request)))
    return dict.fromkeys(islice(fitting, MOST))


def _possible(only: ActionFilter, view: RecordView, lexical: LexicalIndex) -> Iterator[Record]:
    if only.file:
        yield from _requests_at(view, view.of_file(only.file))
        return
    if only.commit:
        yield from _requests_at(view, view.of_commit(only.commit.strip()[:_HASH]))
    wanted = [*terms(only.commit), *terms(only.command), *([FAILED] if only.failed else [])]
    for label in lexical.with_all(wanted, MOST):
        request = view.get(label)
        if request is not None:
            yield request


def _requests_at(view: RecordView, found: Iterator[tuple[bytes, Action]]) -> Iterator[Record]:
    for session, action in islice(found, _LOOKED_AT):
        request = view.request_before(session, action.at)
        if request is not None:
            yield request


def _touched(action: Action, file: str) -> bool:
    return any(path and ends_with(path, file) for path in (action.path, action.to))


def _committed(action: Action, commit: str) -> bool:
    if action.kind != "commit":
        return False
    wanted = commit.strip().lower()
    is_hash = len(wanted) >= _HASH and (
        action.commit.startswith(wanted) or bool(action.commit and wanted.startswith(action.commit))
    )
    return is_hash or _says(action.text, commit)


def _ran(action: Action, command: str) -> bool:
    return action.kind in _RUN and _says(action.text, command)


def _says(text: str, wanted: str) -> bool:
    found = set(terms(wanted))
    return found <= set(terms(text)) if found else wanted in text
