"""The terms of what was done for a request: its files, commits, commands and errors. Pure.

A path is found whole, by its end (`app/login.py` finds `/w/src/app/login.py`), and by its parts.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

from iai.index.terms import LONGEST, terms
from iai.model.action import CHANGES, Action

KINDS = ("changed", "read", "commits", "commands", "errors")
FAILED = "!failed"  # a term that no text has
MOST = 512  # different terms of one kind that are kept, those of the first actions
_UNDONE = frozenset({"refused", "interrupted"})
_HASH = 7  # characters that git prints of a commit
_DEEPEST = 8  # steps of a path that it is found by together

WorkTerms = tuple[tuple[str, ...], ...]  # for each of KINDS the different terms
NOTHING: WorkTerms = ((),) * len(KINDS)


def work_terms(actions: Iterable[Action]) -> WorkTerms:
    """Return the terms of these actions by kind, in the order of `KINDS`."""
    found: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
    for action in actions:
        for kind, names in _of_action(action):
            if len(found[kind]) < MOST:
                found[kind].update(dict.fromkeys(names))
    return tuple(tuple(names)[:MOST] for names in found.values())


def _of_action(action: Action) -> Iterator[tuple[str, Iterable[str]]]:
    files = "changed" if action.kind in CHANGES and action.status not in _UNDONE else "read"
    for path in (action.path, action.to):
        if path:
            yield files, path_terms(path)
    if action.kind == "commit":
        yield "commits", [*terms(action.text), *terms(action.commit[:_HASH])]
    elif action.text:
        yield "commands", text_terms(action.text)
    if action.status == "failed":
        yield "errors", [FAILED, *terms(action.output)]


@lru_cache(maxsize=1 << 12)  # an agent goes back to the same files
def path_terms(path: str) -> tuple[str, ...]:
    """Return the terms that a path is found by."""
    steps = [step for step in path.replace("\\", "/").lower().split("/") if step]
    last = steps[-_DEEPEST:]
    ends = ("/".join(last[at:]) for at in range(len(last) - 1))
    whole = (end for end in ends if len(end) <= LONGEST)
    parts = (
        term for step in path.replace("\\", "/").split("/")[-_DEEPEST:] for term in terms(step)
    )
    return tuple(dict.fromkeys((*whole, *parts)))


@lru_cache(maxsize=1 << 10)  # the same command runs again and again
def text_terms(text: str) -> tuple[str, ...]:
    """Return the terms of a command or an error."""
    return tuple(terms(text))
