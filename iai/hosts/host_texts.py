"""What a host writes into a message beside what was said, and how it is cut out.

A host has one table of these. Whole elements go and the words beside them stay; an element without
its end is somebody's words. What looks like markup and is in no table is kept, and named.
"""

import re
import string
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from iai.hosts.turn import Skip

_SHORT = 40  # characters; no placeholder is longer
_MOST_BLOCKS = 200  # no host writes as many into one text
_BLANKS = f"{string.whitespace}\ufeff\u200b\u00a0"  # also what editors leave unseen
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
    says: str = ""  # what it begins with: so it is the host's even inside a line of somebody's


class Opening(NamedTuple):
    """The first words of a text that is the host's to its end, or to the end of that line.

    `then` is a pattern of what must follow the words, where a person may begin with these as well.
    `sure`: nobody types them, so they count also where the host says that a person did.
    """

    words: str
    why: Skip
    source: str
    line: bool = False
    then: str = ""
    sure: bool = False

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
        frame: str = "",
    ) -> None:
        """Take the table; `placeholder` is a pattern of whole texts, in small letters.

        `frame` is the tag of lines around what a person pasted, which stays.
        """
        self._placeholder = re.compile(placeholder)
        self._openings = tuple(openings)
        self._beginnings = tuple({o.words[:_BEGINNING] for o in self._openings} | {"<"})
        self._may_open = {"", "<", *(o.words[0] for o in self._openings), *_BLANKS}
        self._why = {element.tag: element.why for element in elements}
        self._leading = re.compile(rf"\s*{_any_of(self._why)}\s*", re.DOTALL)
        self._frame = frame and f"<{frame}"
        self._framed = _framed(frame)
        self._blocks = [_Block.of(element) for element in elements if element.beside]

    def own(self, text: str, *, typed: bool = False) -> Own:
        """Return the text without what the host wrote; the same object if it wrote nothing.

        `typed`: the host says that a person typed it, so its first words prove nothing.
        """
        if text[:1] not in self._may_open and "</" not in text and len(text) >= _SHORT:
            return Own(text)
        if len(text) < _SHORT and self._placeholder.fullmatch(text.strip().lower()):
            return Own("", Skip.PLACEHOLDER)
        why: Skip | None = None
        if "</" in text:
            text, why = self._without_blocks(self._unframed(text))
        while (start := text.lstrip(_BLANKS)).startswith(self._beginnings):
            if found := self._leading.match(start):
                text, why = start[found.end() :], self._why[found[1]]
                continue
            opening = next(
                (o for o in self._openings if o.begins(start) and (o.line or o.sure or not typed)),
                None,
            )
            if opening is None:
                break
            why = opening.why
            text = start.partition("\n")[2] if opening.line else ""
        if why is None:
            return Own(text)
        text = text.strip("\r\n")
        nothing = len(text) < _SHORT and self._placeholder.fullmatch(text.strip().lower())
        return Own("" if nothing else text, why)

    def _unframed(self, text: str) -> str:
        """Return a text without the lines around what was pasted."""
        if not self._frame or not 0 < text.count(self._frame) <= _MOST_BLOCKS:
            return text
        return self._framed.sub(lambda found: found["pasted"], text).strip("\r\n")

    def _without_blocks(self, text: str) -> Own:
        """Cut out the blocks beside somebody's words, but for those that are quoted as code."""
        why: Skip | None = None
        for block in self._blocks:
            for match in reversed(block.found(text)):
                if _is_code(text, match.start()):
                    continue
                before, behind = text[: match.start()], text[match.end() :]
                if match["inside"] is not None:
                    before = before.rstrip(" \t")
                    behind = behind if before else behind.lstrip(" \t")
                text, why = before + behind, block.why
        return Own(text, why)


class _Block(NamedTuple):
    """An element that may be beside somebody's words, and how it is found."""

    why: Skip
    closing: str
    pattern: re.Pattern[str]

    @classmethod
    def of(cls, element: Element) -> Self:
        opening, closing = rf"<{element.tag}(?:\s[^>\n]*)?>", f"</{element.tag}>"
        # On lines of its own, or begun behind words, with nothing behind its tags.
        pattern = (
            rf"(?:^[ \t]*{opening}.*?{closing}"
            rf"|(?<![ \t])[ \t]*{opening}[ \t\r]*\n.*?\n[ \t]*{closing})[ \t\r]*(?:\n|\Z)"
        )
        inside = rf"{opening}\s*{element.says}.*?{closing}" if element.says else r"(?!)"
        compiled = re.compile(rf"{pattern}|(?P<inside>{inside})", re.DOTALL | re.MULTILINE)
        return cls(element.why, closing, compiled)

    def found(self, text: str) -> list[re.Match[str]]:
        """Return where it is; of a text with very many of these, nowhere: the search would be slow.

        For the same reason it is looked for only up to the last end of one.
        """
        last = text.rfind(self.closing)
        if last < 0 or text.count(f"<{self.closing[2:-1]}") > _MOST_BLOCKS:
            return []
        end = text.find("\n", last) + 1
        return list(self.pattern.finditer(text, 0, end or len(text)))


def _any_of(tags: Iterable[str]) -> str:
    return rf"<({'|'.join(map(re.escape, tags))})(?:\s[^>\n]*)?>.*?</\1>"


def _framed(tag: str) -> re.Pattern[str]:
    """Return what finds a frame; in newer versions its end repeats the id."""
    return re.compile(
        rf"^[ \t]*<{tag}(?P<id> id=\"[^\"\n]*\")?>[ \t\r]*\n"
        rf"(?P<pasted>.*?)\n[ \t]*</{tag}(?:(?P=id))?>[ \t\r]*$",
        re.DOTALL | re.MULTILINE,
    )


def _is_code(text: str, place: int) -> bool:
    return text.count("```", 0, place) % 2 == 1 or text[place - 1 : place] == "`"


# Some models' thoughts come without the tag before them, which a template has written.
_REST_OF_THOUGHTS = re.compile(
    r"(?:(?!<think).)*?^[ \t]*</(?:antml:)?think(?:ing)?>[ \t\r]*$", re.DOTALL | re.MULTILINE
)


def without_thoughts(text: str) -> str:
    """Return what an agent said, without the thoughts before it of which only the end is marked."""
    if "</" not in text or "think" not in text:
        return text
    rest = _REST_OF_THOUGHTS.match(text)
    return text[rest.end() :].strip("\r\n") if rest else text


_TAG = re.compile(r"\s*<([A-Za-z][\w:.-]{1,40})(?:\s[^>\n]*)?>")


def markup(text: str) -> str:
    """Return the name of the tag that a text begins with, else ""."""
    found = _TAG.match(text)
    return found[1] if found else ""
