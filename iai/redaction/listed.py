"""Values in a list behind their name: `tokens: ["...", "..."]`, and the same in YAML."""

import re
from collections.abc import Iterator

from iai.redaction.randomness import is_password, is_random

_MOST = 100  # items that are looked at
_BEGIN = re.compile(r"""\\{0,3}["'`]?\s{0,4}[:=]\s{0,4}(?:[\[({]|(?=\n[ \t]{0,40}-[ ]))""")
_IN_BRACKETS = re.compile(
    r""",?\s{0,40}(?:["'][\w.@\ -]{1,60}["']\s{0,4}(?::|=>)\s{0,4})?
    (?P<q>\\{0,3}["'])(?P<value>[^\s"'\\]{4,512})(?P=q)\s{0,4}""",
    re.VERBOSE,
)
_IN_YAML = re.compile(
    r"""\n[ \t]{0,40}-[ ]{1,4}(?P<q>["']?)(?P<value>[^\s"']{4,512})(?P=q)(?=\s|$)"""
)


def find(text: str, at: int, *, password: bool) -> Iterator[tuple[int, int]]:
    """Yield where secrets are in the list that is set right behind a name."""
    begins = _BEGIN.match(text, at)
    if begins is None:
        return
    pattern, at = (_IN_BRACKETS if begins[0].endswith(("[", "(", "{")) else _IN_YAML), begins.end()
    fits = is_password if password else is_random
    for _ in range(_MOST):
        item = pattern.match(text, at)
        if item is None:
            return
        if fits(item["value"]):
            yield item.span("value")
        at = item.end()
