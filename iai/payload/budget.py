"""How much room is left in the payload: characters, and tokens estimated from above.

The hosts inject 10,000 characters (Claude Code) or 2,500 tokens (Codex) and cut the rest. These
limits stay below both.
"""

import math
import re
from collections.abc import Iterable
from functools import lru_cache

CHARACTERS = 9_000
TOKENS = 2_200

_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|\s+|.", re.DOTALL)


def tokens(text: str) -> int:
    """Estimate the tokens of a text from above, without any model's tokenizer.

    One token per four ASCII letters, per three digits, and per any other character; a single space
    is part of the next word.
    """
    return sum(map(_tokens, _PIECE.findall(text)))


@lru_cache(maxsize=1 << 14)  # a few words make up most text
def _tokens(piece: str) -> int:
    first = piece[0]
    if piece == " ":
        return 0
    if first.isascii() and first.isalpha():
        return math.ceil(len(piece) / 4)
    if first.isdigit() and first.isascii():
        return math.ceil(len(piece) / 3)
    return 1


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
