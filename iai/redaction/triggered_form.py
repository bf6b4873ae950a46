"""Patterns that are tried only where a text has a trigger of theirs: most texts have none."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeAlias

from iai.redaction.finding import BY_FORM, Finding
from iai.redaction.randomness import is_placeholder


class Form(NamedTuple):
    """A pattern; the secret is group 1. It is tried wherever its trigger is in the lowered text."""

    kind: str
    trigger: str
    pattern: re.Pattern[str]
    accept: Callable[[str], bool] = lambda _value: True
    back: int = 0  # characters before the trigger at which a match may begin
    hint: str = ""  # what also is in every such text, and is looked for first; "": the trigger
    rank: int = BY_FORM


Hinted: TypeAlias = dict[str, dict[str, tuple[Form, ...]]]  # by hints, then by triggers


def compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which spaces mean nothing, nor does case."""
    return re.compile(pattern, re.IGNORECASE | re.VERBOSE)


def is_value(value: str) -> bool:
    """Is it not a placeholder?"""
    return not is_placeholder(value)


def by_hints(forms: Iterable[Form]) -> Hinted:
    """Return the forms by their hints."""
    hinted: Hinted = {}
    for form in forms:
        of_hint = hinted.setdefault(form.hint or form.trigger, {})
        of_hint[form.trigger] = (*of_hint.get(form.trigger, ()), form)
    return hinted


def triggered(lowered: str, hinted: Hinted, hints: Iterable[str]) -> list[Form]:
    """Return the forms whose triggers a text in lower case has, which also has these hints."""
    return [
        form
        for hint in hints
        if hint in hinted
        for trigger in hinted[hint]
        if trigger in lowered
        for form in hinted[hint][trigger]
    ]


def find(text: str, lowered: str, forms: Iterable[Form]) -> Iterator[Finding]:
    """Yield what has one of these forms. `lowered` is the text in lower case, of equal length."""
    for form in forms:
        for found in _found(form, text, lowered):
            if form.accept(found[1]):
                yield Finding(*found.span(1), form.kind, form.rank)


def _found(form: Form, text: str, lowered: str) -> Iterator[re.Match[str]]:
    at = lowered.find(form.trigger)
    while at >= 0:
        begins = range(max(0, at - form.back), at + 1)
        tried = (form.pattern.match(text, begin) for begin in begins)
        found = next((match for match in tried if match), None)
        if found is not None:
            yield found
        at = lowered.find(form.trigger, max(at + 1, found.end() if found is not None else 0))
