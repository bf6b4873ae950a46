"""From a text to the same text with a mark in the place of each secret."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from iai.errors import IaiError, Unsearchable
from iai.redaction import (
    blocks,
    escapes,
    forms,
    manifests,
    marks,
    named,
    printed,
    tokens,
    triggered_form,
)
from iai.redaction.candidates import Run, candidates, is_like_a_token, is_worth_asking
from iai.redaction.finding import BY_NAME, Detector, Finding
from iai.redaction.randomness import is_unique
from iai.redaction.user_rules import UserRules

_HINTS = tuple(dict.fromkeys((*forms.ALWAYS, *named.CORES, blocks.HINT, *sorted(printed.HINTS))))
_ASCII_HINTS = tuple(filter(str.isascii, _HINTS))
_RUN_HINTS = tuple(hint for hint in forms.WITH_RUN if hint not in _HINTS)
ENCODED = "encoded-secret"  # kind of a text in Base64 that has one
UNCHECKED = "unchecked"  # kind of what a library was not asked about
_PRIVATE = re.compile(r"<private>.*?(?:</private>|\Z)", re.DOTALL | re.IGNORECASE)
_REMEMBERED, _SHORT = 8_192, 256  # texts without a secret, and characters of one: some 2 MB
_PIECE = 65_536  # characters that are searched at once; where a text is hostile, for a second
_AROUND = 16_384  # characters before and behind a piece: as many as a secret and its name may have
_AGAIN = 100  # secrets of a text that are looked for in all of it
_PASSES = 8  # a mark may make the rest of a text look different; two are enough for nearly all


class Redactor:
    """Redacts texts, always the same ones alike. It can be used for any number of them."""

    def __init__(
        self,
        key: bytes,
        library: Detector | None = None,
        own: UserRules | None = UserRules(),  # noqa: B008  immutable
        *,
        cautious: bool = False,
    ) -> None:
        """`key` is that of the store's marks. `library` is asked about texts with long tokens.

        `own` is None where redaction is off: then only what is marked private is left out. If
        `cautious`, tokens that only a library could judge count as secrets.
        """
        self._key = key
        self._library = library
        self._own = own
        self._cautious = cautious
        self.goes_on: Callable[[], None] = lambda: None  # called every so often in a long text
        self._clean: set[str] = set()  # most of what is done is done again, to the same files

    def text(self, text: str) -> str:
        """Return a text with a mark for each secret; the same object if there is none.

        Raises RulesLoading if the library does, and Unsearchable for whatever else goes wrong: that
        error names no part of the text.
        """
        if text in self._clean:
            return text
        try:
            redacted = self._text(text)
        except (IaiError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001  a library in Rust panics with its own
            said = f"a text of {len(text)} characters cannot be searched for secrets"
            raise Unsearchable(f"{said}: {type(error).__name__}") from None
        if redacted is text and len(text) <= _SHORT:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean.add(text)
        return redacted

    def _text(self, text: str) -> str:
        if "<" in text and "<private>" in text.lower():
            text = _PRIVATE.sub(marks.private(), text)
        return text if self._own is None else self._redacted(text, self._own)

    def _redacted(self, text: str, own: UserRules) -> str:
        for _ in range(_PASSES):
            findings = self._all_findings(text, own)
            if not findings:
                break
            text = self._marked(text, findings)
        return text

    def _all_findings(self, text: str, own: UserRules) -> list[Finding]:
        """Return what is to be replaced in a text that may be long, which is searched by pieces."""
        if len(text) <= _PIECE + 2 * _AROUND:
            return self._findings(text, own)
        found: list[Finding] = []
        for start in range(0, len(text), _PIECE):
            self.goes_on()
            first, end = max(0, start - _AROUND), start + _PIECE
            for one in self._findings(text[first : end + _AROUND], own):
                moved = one._replace(start=one.start + first, end=one.end + first)
                if moved.start < end and moved.end > start:  # else another piece has it
                    found.append(moved)
        return list(_merged([*found, *_said_again(text, found)]))

    def _findings(self, text: str, own: UserRules) -> list[Finding]:
        """Return what is to be replaced, in order and without overlaps."""
        lowered = _lowered(text)
        found = list(own.find(text)) if own.patterns else []
        plain = escapes.without_colours(text, lowered) if "[" in text else text
        if plain is not text:
            lowered = _lowered(plain)
        asked = _ASCII_HINTS if text.isascii() else _HINTS
        hints = [hint for hint in asked if hint in lowered]  # most texts have few
        if runs := candidates(plain):  # before the rest: a token keeps its kind behind a name
            found += self._tokens(plain, lowered, runs, hints)
        triggered = triggered_form.triggered(lowered, forms.ALWAYS, hints)
        found += triggered_form.find(plain, lowered, triggered)
        for core in [core for hint in hints for core in named.CORES.get(hint, ())]:
            found += named.find(plain, lowered, core)
        if blocks.HINT in hints:
            found += blocks.find(plain)
        if manifests.HINT in hints:
            found += manifests.find(plain)
        if "\n" in plain and not printed.HINTS.isdisjoint(hints):
            found += printed.find(plain)
        if not found:
            return []
        found += _said_again(plain, found)
        if own.exceptions:
            found = [one for one in found if not own.excepts(text[one.start : one.end])]
        if taken := marks.spans(text):
            found = [one for one in found if not _overlaps(one, taken)]
        return list(_merged(found))

    def _tokens(
        self, text: str, lowered: str, runs: list[Run], hints: list[str]
    ) -> Iterator[Finding]:
        """Yield what has the form of a token, beside an escape, too."""
        hints = [*hints, *(hint for hint in _RUN_HINTS if hint in lowered)]
        triggered = triggered_form.triggered(lowered, forms.WITH_RUN, hints)
        yield from triggered_form.find(text, lowered, triggered)
        separated = escapes.without(text)
        if separated != text:  # a token may have escapes in it, so both are asked
            runs = candidates(separated)
            if triggered:
                yield from triggered_form.find(separated, _lowered(separated), triggered)
        yield from tokens.find(separated, runs)
        for start, end, said in tokens.encoded(separated, runs):
            if any(self._findings(said, UserRules())):
                yield Finding(start, end, ENCODED, BY_NAME)
        yield from self._unknown_tokens(separated, runs)

    def _unknown_tokens(self, text: str, runs: list[Run]) -> Iterator[Finding]:
        """Yield the tokens that the library knows, or that it would have to be asked about."""
        if self._library is not None:
            if any(is_worth_asking(run.word) for run in runs):
                yield from self._library(text)
        elif self._cautious:
            for run in runs:
                if is_like_a_token(run.word):
                    yield Finding(run.start, run.end, UNCHECKED, BY_NAME)

    def _marked(self, text: str, findings: list[Finding]) -> str:
        parts, at = [], 0
        for finding in findings:
            self.goes_on()
            secret = text[finding.start : finding.end]
            parts += [text[at : finding.start], marks.mark(finding.kind, secret, self._key)]
            at = finding.end
        return "".join([*parts, text[at:]])


def _said_again(text: str, found: list[Finding]) -> Iterator[Finding]:
    """Yield where else secrets are that nothing else is, whatever is beside them there."""
    secrets = {text[one.start : one.end]: one for one in reversed(found)}
    for secret, one in islice(secrets.items(), _AGAIN):
        if is_unique(secret):
            at = text.find(secret)
            while at >= 0:
                end = at + len(secret)
                if not (text[at - 1 : at].isalnum() or text[end : end + 1].isalnum()):
                    yield Finding(at, end, one.kind, one.rank)
                at = text.find(secret, end)


def _lowered(text: str) -> str:
    """Return a text in lower case and of the same length: one letter alone becomes two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "I").lower()


def _overlaps(finding: Finding, taken: list[tuple[int, int]]) -> bool:
    after = bisect_right(taken, (finding.start, finding.end))
    return (after > 0 and taken[after - 1][1] > finding.start) or (
        after < len(taken) and taken[after][0] < finding.end
    )


def _merged(findings: Iterable[Finding]) -> Iterable[Finding]:
    """Yield findings in order, those that overlap as one, which has the kind of the surest."""
    whole: Finding | None = None
    for finding in sorted(findings, key=lambda one: (one.start, -one.end, -one.rank)):
        if whole is None or finding.start >= whole.end:
            if whole is not None:
                yield whole
            whole = finding
        else:
            surest = max(whole, finding, key=lambda one: one.rank)
            whole = Finding(whole.start, max(whole.end, finding.end), surest.kind, surest.rank)
    if whole is not None:
        yield whole
