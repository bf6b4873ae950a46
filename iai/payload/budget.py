"""How much room is left in the payload: characters, and tokens estimated from above.

The hosts inject 10,000 characters (Claude Code) or 2,500 tokens (Codex) and cut the rest. These
limits stay below both.
"""

import re
from collections.abc import Iterable

CHARACTERS = 9_000
TOKENS = 2_200

_TOKEN = re.compile(r"[A-Za-z]{1,4}|[0-9]{1,3}|(?! (?!\s))\s+|[^\sA-Za-z0-9]")


def tokens(text: str) -> int:
    """Estimate the tokens of a text from above, without any model's tokenizer.

    One token per four ASCII letters, per three digits, and per any other character; a single space
    is part of the next word.
    """
    return len(_TOKEN.findall(text))


class Budget:
    """Room for lines, which are taken whole or not at all."""

    def __init__(self, characters: int = CHARACTERS, token_count: int = TOKENS) -> None:
        self.characters = characters
        self.tokens = token_count

    def take(self, lines: Iterable[str]) -> bool:
        """Take the room for these lines. Returns False, and takes nothing, if they do not fit."""
        text = "".join(line + "\n" for line in lines)
        cost = tokens(text)
        if len(text) > self.characters or cost > self.tokens:
            return False
        self.characters -= len(text)
        self.tokens -= cost
        return True

    def part(self, share: float) -> "Budget":
        """Return a separate budget of at most this share of a full payload, not taken from this."""
        return Budget(
            min(self.characters, int(CHARACTERS * share)), min(self.tokens, int(TOKENS * share))
        )
