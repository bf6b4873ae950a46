r"""Private keys in PEM and its relatives, whole or cut off: RSA, EC, OpenSSH, PGP, PuTTY.

The lines may be indented, numbered, quoted, part of a diff, or joined by `\n` as in JSON.
"""

import re
from collections.abc import Iterator

from iai.redaction.finding import BY_FORM, Finding

HINT = "private"  # is in every lowered text that has one
KIND = "private-key"

_BEGIN = re.compile(r"-{2,5}\s?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?\s?-{2,5}")
_END = re.compile(r"-{2,5}\s?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?\s?-{2,5}")
_PUTTY = re.compile(r"Private-Lines: \d{1,4}")
_SHORT = 16  # characters of the last line of a key, which may be short
_LONGEST = 16_384  # characters from the beginning of a key to its end
# A line of a key, with what may be before it.
_LINE = re.compile(
    r"""(?:[ \t\r\n]|\\[nrt])*
    (?:\d{1,6}[ \t]*[→|:][ \t]*|[ \t]*[0-9]{1,6}\t)? [>|+#*"' \t-]{0,12}
    (?: (?:Proc-Type|DEK-Info|Comment|Version|Hash|Charset):[^\n\\]{0,120}
      | [A-Za-z0-9+/]{16,1024}={0,2}
      | =?[A-Za-z0-9+/]{1,15}={0,2}(?=\s*(?:\\n|["'\n]|\Z)) )
    (?:["'+,\\ \t])*""",
    re.VERBOSE,
)
_BACK = re.compile(r"[A-Za-z0-9+/]{16,1024}={0,2}")


def find(text: str) -> Iterator[Finding]:
    """Yield each key, with those of the lines around it that are there."""
    done = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() >= done:
            done = _end(text, begin.end())
            yield Finding(begin.start(), done, KIND, BY_FORM)
    for lines in _PUTTY.finditer(text):
        end = _lines_end(text, lines.end())
        if end > lines.end():
            yield Finding(lines.end(), end, KIND, BY_FORM)
    for last in _END.finditer(text):
        if last.start() >= done:
            start = _lines_start(text, done, last.start())
            yield Finding(start, last.end(), KIND, BY_FORM)
            done = last.end()


def _end(text: str, at: int) -> int:
    last = _END.search(text, at, at + _LONGEST)
    other = _BEGIN.search(text, at, at + _LONGEST)
    if last is not None and (other is None or last.start() < other.start()):
        between = text[at : last.start()]
        if "\n\n\n" not in between and len(between.split()) <= len(between) / 8 + 12:
            return last.end()
    return _lines_end(text, at)


def _lines_end(text: str, at: int) -> int:
    end = min(len(text), at + _LONGEST)
    while (line := _LINE.match(text, at, end)) is not None and line.end() > at:
        at = line.end()
    return at


def _lines_start(text: str, least: int, at: int) -> int:
    """Return where the lines of a key begin that end here; its first ones are cut off."""
    start = at
    for line in reversed(text[max(least, at - _LONGEST) : at].splitlines(keepends=True)):
        if line.strip() and not _BACK.search(line) and len(line.strip()) > _SHORT:
            break
        if line.strip() and " " in line.strip(" \t\r\n\"'+,>|*#→0123456789"):
            break
        start -= len(line)
    return start
