"""Which characters of a stored text may reach a terminal or a payload.

Control characters move the cursor or start an escape sequence, direction characters show a text in
another order than it is stored in, and tag characters are read by a model but shown by nothing.
"""

import re

# C0 without tab and line feed, DEL and C1; direction marks and overrides, line and paragraph
# separators; tags (Unicode 16, chapter 23).
CONTROLS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\U000e0000-\U000e007f"
)
QUOTED = "    "  # what each line of a stored text begins with
_CONTROL = re.compile(f"[{CONTROLS}]")
_SURROGATE = re.compile("[\ud800-\udfff]")  # bytes of a path that are not UTF-8
_NOT_IN_JSON = re.compile(f"[{CONTROLS}\ud800-\udfff]")


def printable(text: str) -> str:
    """Return a text that is safe to print: without those characters, and always encodable."""
    return _SURROGATE.sub("\ufffd", _CONTROL.sub("", text))


def one_line(line: str) -> str:
    r"""Return a line of ours in which names and paths may stand, with their line ends as `\n`.

    Else what is behind one would pass for a line of ours.
    """
    return line.replace("\n", r"\n")


def quoted(text: str) -> str:
    """Return a stored text indented, so that no line of it passes for a line of ours."""
    return "\n".join(f"{QUOTED}{line}" if line else "" for line in text.split("\n"))


def escaped(document: str) -> str:
    r"""Return the same JSON with those characters as `\u` escapes: printing it loses none."""
    return _NOT_IN_JSON.sub(_escape, document)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
