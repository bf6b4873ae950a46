"""A question, parsed: its terms, and how rare each of them is in the store."""

import numpy as np
from msgspec import Struct

from iai.index.terms import term_id, terms
from iai.recall import weights
from iai.recall.fusion import Floats, rarity
from iai.store.graph import GraphView

MOST_TERMS = 64  # of a question, the rarest ones: it may be a whole log that somebody pasted


class ParsedQuery(Struct, frozen=True):
    """A question, and those of its terms that the store has, the rarest first."""

    text: str
    terms: tuple[str, ...]
    rarity: Floats  # of each term
    full: float  # what a turn with all terms of the question would gain by them
    shares: tuple[float, ...]  # for each term, the share of all records that have it

    @property
    def term_ids(self) -> list[int]:
        """The number of each term on disk."""
        return [term_id(term) for term in self.terms]

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
    distinct = dict.fromkeys(terms(text))
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
    )
