"""What a host writes into a message beside what was said, and how it is cut out.

A host has one table of these. Whole elements go and the words beside them stay; an element without
its end is somebody's words. What looks like markup and is in no table is kept, and named.
"""

import re
import string
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from iai.hosts.turn import Skip

_SHORT = 40  # characters; no placeholder is longer
_BEGINNING = 6  # characters, by which most texts are known not to be the host's
# What models and hosts write for an empty message, and a picture without words.
EMPTY = r"[(\[<](?:no [a-z ]+|empty(?: [a-z]+)?)[)\]>]|no response requested\."
PICTURES = r"(?:\[image(?: #\d+)?\]\s*)+"


class Element(NamedTuple):
    """A block `<tag ...>...</tag>` at the beginning of a text."""

    tag: str
    why: Skip
    source: str  # where it was seen, or is documented
    beside: bool = False  # on lines of its own, too, after or between somebody's words


class Opening(NamedTuple):
    """The first words of a text that is the host's to its end, or to the end of that line.

    `then` is a pattern of what must follow the words, where a person may begin with these as well.
    """

    words: str
    why: Skip
    source: str
    line: bool = False
    then: str = ""

    def begins(self, text: str) -> bool:
        """Return whether a text begins so."""
        return text.startswith(self.words) and (
            not self.then or re.match(self.then, text[len(self.words) :][:_SHORT]) is not None
        )


class Own(NamedTuple):
    """What is left of a text, and the reason for what was cut out, if anything was."""

    text: str
    why: Skip | None = None


class HostTexts:
    """The table of one host."""

    def __init__(
        self,
        elements: Sequence[Element],
        openings: Sequence[Opening],
        placeholder: str,
    ) -> None:
        """Take the table; `placeholder` is a pattern of whole texts, in small letters."""
        self._placeholder = re.compile(placeholder)
        self._openings = tuple(openings)
        self._beginnings = tuple({o.words[:_BEGINNING] for o in self._openings} | {"<"})
        self._may_open = {"", "<", *(o.words[0] for o in self._openings), *string.whitespace}
        self._why = {element.tag: element.why for element in elements}
        self._leading = re.compile(rf"\s*{_any_of(self._why)}\s*", re.DOTALL)
        beside = [element.tag for element in elements if element.beside]
        self._on_its_lines = re.compile(
            rf"^[ \t]*{_any_of(beside)}[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
        )

    def own(self, text: str) -> Own:
        """Return the text without what the host wrote; the same object if it wrote nothing."""
        if text[:1] not in self._may_open and "</" not in text and len(text) >= _SHORT:
            return Own(text)
        if len(text) < _SHORT and self._placeholder.fullmatch(text.strip().lower()):
            return Own("", Skip.PLACEHOLDER)
        why: Skip | None = None
        if "</" in text:
            text, why = self._without_blocks(text)
        while (start := text.lstrip()).startswith(self._beginnings):
            if found := self._leading.match(start):
                text, why = start[found.end() :], self._why[found[1]]
                continue
            opening = next((o for o in self._openings if o.begins(start)), None)
            if opening is None:
                break
            why = opening.why
            text = start.partition("\n")[2] if opening.line else ""
        return Own(text if why is None else text.strip("\n"), why)

    def _without_blocks(self, text: str) -> Own:
        """Cut out the blocks on lines of their own, but for those that somebody quotes as code."""
        found = [m for m in self._on_its_lines.finditer(text) if not _is_code(text, m.start())]
        for match in reversed(found):
            text = text[: match.start()] + text[match.end() :]
        return Own(text, self._why[found[0][1]] if found else None)


def _any_of(tags: Iterable[str]) -> str:
    return rf"<({'|'.join(map(re.escape, tags))})(?:\s[^>\n]*)?>.*?</\1>"


def _is_code(text: str, place: int) -> bool:
    return text.count("```", 0, place) % 2 == 1


_TAG = re.compile(r"\s*<([A-Za-z][\w:.-]{1,40})(?:\s[^>\n]*)?>")


def markup(text: str) -> str:
    """Return the name of the tag that a text begins with, else ""."""
    found = _TAG.match(text)
    return found[1] if found else ""
