r"""The user's own rules, from the setting `IAI_MCP_REDACT`: patterns to redact, and exceptions.

The form is a list, separated by spaces: `NAME=REGEX` redacts what a pattern matches (its first
group, if it has one) as a secret of that kind; `-REGEX` leaves a secret that matches as a whole as
it is. A space in a pattern is written `\s`. `off`, alone, turns redaction off.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from iai.redaction import marks
from iai.redaction.finding import BY_USER, Finding

OFF = "off"


class UserRules(NamedTuple):
    """What the user added to the rules, and took from them."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...] = ()  # kind and pattern
    exceptions: tuple[re.Pattern[str], ...] = ()

    def find(self, text: str) -> Iterator[Finding]:
        """Yield what the patterns match, but for empty matches."""
        for kind, pattern in self.patterns:
            group = 1 if pattern.groups else 0
            for found in pattern.finditer(text):
                start, end = found.span(group)
                if start < end:
                    yield Finding(start, end, kind, BY_USER)

    def excepts(self, secret: str) -> bool:
        """Is this a secret that is to stay?"""
        return any(exception.fullmatch(secret) for exception in self.exceptions)


def parse_setting(setting: str) -> UserRules | None:
    """Read the setting; None if it turns redaction off.

    Raises ValueError with a text like "has no valid pattern for acme: ...". It quotes no pattern,
    which may be a secret itself.
    """
    if setting.strip() == OFF:
        return None
    patterns, exceptions = [], []
    for item in setting.split():
        if item.startswith("-"):
            exceptions.append(_compiled(item[1:], "an exception"))
            continue
        name, _, pattern = item.partition("=")
        if not name or not pattern:
            raise ValueError("has an item that is neither NAME=REGEX nor -REGEX")
        patterns.append((marks.kind_named(name), _compiled(pattern, name)))
    return UserRules(tuple(patterns), tuple(exceptions))


def _compiled(pattern: str, name: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ValueError(f"has no valid pattern for {name}: {error.msg}") from None
