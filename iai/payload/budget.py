"""How much of the payload is left: characters and tokens, counted so as to never promise too much.

The hosts inject 10,000 characters (Claude Code) or 2,500 tokens (Codex) and cut the rest; these
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
    """Return an upper estimate of a text's tokens, without any model's tokenizer.

    Letters count a token for each four, digits one for each three, other signs and other scripts
    one each; a single space belongs to the word behind it.
    """
    return sum(map(_tokens, _PIECE.findall(text)))


@lru_cache(maxsize=1 << 14)  # a few words are most of all text
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
    """Lines are taken out of it, whole or not at all."""

    def __init__(self, characters: int = CHARACTERS, token_count: int = TOKENS) -> None:
        self.characters = characters
        self.tokens = token_count

    def take(self, lines: Iterable[str]) -> bool:
        """Take what these lines cost; False, and nothing taken, if they do not fit."""
        text = "".join(line + "\n" for line in lines)
        cost = tokens(text)
        if len(text) > self.characters or cost > self.tokens:
            return False
        self.characters -= len(text)
        self.tokens -= cost
        return True

    def part(self, share: float) -> "Budget":
        """Return a budget of its own, of at most this share of the whole, not yet taken from it."""
        return Budget(
            min(self.characters, int(CHARACTERS * share)), min(self.tokens, int(TOKENS * share))
        )
