"""A question, parsed: its terms, and how rare each of them is in the store."""

import re

import numpy as np
from msgspec import Struct

from iai.index.terms import term_id, terms
from iai.recall import weights
from iai.recall.fusion import Floats, rarity
from iai.store.graph import GraphView

_LONG_HASH = re.compile(r"\b[0-9a-f]{8,40}\b")
_HASH = 7
MOST_TERMS = 64  # of a question, the rarest ones: it may be a whole log that somebody pasted


class ParsedQuery(Struct, frozen=True):
    """A question, and those of its terms that the store has, the rarest first."""

    text: str
    terms: tuple[str, ...]
    rarity: Floats  # of each term
    full: float  # what a turn with all terms of the question would gain by them
    shares: tuple[float, ...]  # for each term, the share of all records that have it
    every: dict[str, float]  # all terms, with their rarity: narration has some that no record has

    @property
    def term_ids(self) -> list[int]:
        """The number of each term on disk."""
        return [term_id(term) for term in self.terms]

    @property
    def selective_rarity(self) -> dict[str, float]:
        """The terms to find candidates by, with their rarity."""
        return {term: self.every[term] for term in self.selective}

    @property
    def selective(self) -> tuple[str, ...]:
        """The terms to find candidates by: one that many records have says little of any."""
        return tuple(
            term
            for place, (term, share) in enumerate(zip(self.terms, self.shares, strict=True))
            if place < weights.FEWEST_TERMS or share <= weights.COMMON
        )


def parse(text: str, links: GraphView) -> ParsedQuery:
    """Look up the terms of a question."""
    hashes = (found[:_HASH] for found in _LONG_HASH.findall(text))  # git prints fewer characters
    distinct = dict.fromkeys([*terms(text), *terms(" ".join(hashes))])
    by_id = links.document_frequencies({term_id(term) for term in distinct})
    counts = {term: by_id.get(term_id(term), 0) for term in distinct}
    rarest = sorted(counts, key=lambda term: (counts[term], term_id(term), term))[:MOST_TERMS]
    documents = links.term_vector_count()
    rare = rarity([counts[term] for term in rarest], documents)
    known = [place for place, term in enumerate(rarest) if counts[term]]
    return ParsedQuery(
        text=text,
        terms=tuple(rarest[place] for place in known),
        rarity=rare[known],
        full=weights.FULL_MATCH * float(np.sum(rare)),
        shares=tuple(counts[rarest[place]] / documents for place in known),
        every=dict(zip(rarest, rare.tolist(), strict=True)),
    )
