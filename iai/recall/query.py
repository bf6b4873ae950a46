"""What a question asks for: its terms, and how rare each of them is in the store."""

import numpy as np
from msgspec import Struct

from iai.index.terms import number_of, terms
from iai.recall import weights
from iai.recall.fusion import Floats, rarity
from iai.store import graph

MOST_TERMS = 64  # of a question, the rarest ones: it may be a whole log that somebody pasted


class Asked(Struct, frozen=True):
    """A question. Of its terms those that the store has, the rarest first."""

    text: str
    terms: tuple[str, ...]
    rarity: Floats  # of each of them
    full: float  # what a turn that has all that is asked for would gain by them
    shares: tuple[float, ...]  # of all records, in which each stands

    @property
    def numbers(self) -> list[int]:
        """What stands for each term where it is counted."""
        return [number_of(term) for term in self.terms]

    @property
    def telling(self) -> tuple[str, ...]:
        """The terms that tell which records to look at: what many have says little of any."""
        return tuple(
            term
            for place, (term, share) in enumerate(zip(self.terms, self.shares, strict=True))
            if place < weights.FEWEST_TERMS or share <= weights.COMMON
        )


def read(text: str, links: graph.View) -> Asked:
    """Look up the terms of a question."""
    wanted = dict.fromkeys(terms(text))
    counts = links.counts({number_of(term) for term in wanted})
    of = {term: counts.get(number_of(term), 0) for term in wanted}
    rarest = sorted(of, key=lambda term: (of[term], number_of(term), term))[:MOST_TERMS]
    documents = links.tallied()
    rare = rarity([of[term] for term in rarest], documents)
    known = [place for place, term in enumerate(rarest) if of[term]]
    return Asked(
        text=text,
        terms=tuple(rarest[place] for place in known),
        rarity=rare[known],
        full=weights.FULL_MATCH * float(np.sum(rare)),
        shares=tuple(of[rarest[place]] / documents for place in known),
    )
